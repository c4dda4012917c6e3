/* needs: smtp-recv/pool-frame.o */
#include <stdlib.h>

#include "smtp-recv/pool-frame.h"
#include "tap.h"

#define PARCEL "2:Ia,1:F,4:T0\0a,1:?,3:Mxy,1:.,"
#define LEN (sizeof PARCEL - 1)

static int cuts(void)
{
  int good = 0;
  for (size_t step = 1; step <= LEN; step++) {
    frame_up f = {0};
    size_t used = 0;
    int ended = 0;
    while (used < LEN && !ended) {
      size_t n = LEN - used < step ? LEN - used : step;
      long r = frame_up_feed(&f, PARCEL + used, n, &ended);
      if (r < 0) break;
      used += (size_t)r;
    }
    good += ended && used == LEN && !f.inside && f.asked == 1;
  }
  return good;
}

static int up(char const *s)
{
  frame_up f = {0};
  int ended;
  return (int)frame_up_feed(&f, s, strlen(s), &ended);
}

static int down(char const *s, int asked)
{
  frame_up u = {.asked = asked};
  frame_down f = {0};
  return frame_down_feed(&f, &u, s, strlen(s)) > 0 ? f.done : -1;
}

int main(void)
{
  int calm = 1;
  char line[2000];
  is_int(cuts(), LEN, "a parcel, wherever it is cut");
  is_int(up("2:Ia,1:.,2:Ib,"), 9, "what follows the dot waits");
  is_int(up("2:Ix,2:Iy,"), -1, "I inside");
  is_int(up("1:F,"), -1, "F outside");
  is_int(up("0:,"), -1, "an empty record");
  is_int(up("00:"), -1, "a leading zero");
  is_int(up("70000:"), -1, "too long");
  is_int(up("1111111:"), -1, "too many digits");
  is_int(up("2:Ia;"), -1, "no comma");
  is_int(down("R a 250 ok\n", 0), 1, "a report");
  is_int(down("T 0 550 no\nR a 250 ok\n", 0), 1, "with a T line");
  is_int(down("R a 250", 0), 0, "not whole yet");
  is_int(down("Q a 250\n", 0), -1, "an answer that nobody asked for");
  is_int(down("Q a 250\nR a 250\n", 1), 1, "one that somebody did");
  is_int(down("R a 250\nx", 0), -1, "anything behind R");
  is_int(down("hello\n", 0), -1, "what is none");
  memset(line, 'R', sizeof line - 1);
  line[sizeof line - 1] = 0;
  is_int(down(line, 0), -1, "a line without end");
  srand(11);
  for (int i = 0; i < 200000; i++) {
    char s[LEN];
    frame_up f = {0};
    int ended;
    long r;
    memcpy(s, PARCEL, LEN);
    for (int j = rand() % 4; j >= 0; j--)
      s[(size_t)rand() % LEN] = (char)rand();
    r = frame_up_feed(&f, s, LEN, &ended);
    calm &= r >= -1 && r <= (long)LEN && f.left <= 65537;
  }
  ok(calm, "random changes stay within bounds");
  return done();
}
