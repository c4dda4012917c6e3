/* needs: */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "line.h"
#include "tap.h"

static int pair[2];

static void open_with(line_in *in, char *buf, size_t size, char const *s)
{
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) exit(111);
  if (io_write(pair[1], s, strlen(s), io_after(60000)) < 0) exit(111);
  line_init(in, pair[0], buf, size);
}

static void shut(void)
{
  close(pair[0]);
  close(pair[1]);
}

static void plain(void)
{
  char buf[16], *s, raw[8];
  size_t n;
  line_in in;
  open_with(&in, buf, sizeof buf, "one\r\ntwo\nxyz!rest\r\n");
  is_int(line_get(&in, &s, &n, io_after(60000)), 1, "a line");
  is_mem(s, n, "one\r\n", "with its end");
  is_int((long long)line_chomp(s, n), 3, "chomp cuts CRLF");
  is_int(line_get(&in, &s, &n, io_after(60000)), 1, "LF alone ends a line");
  is_int((long long)line_chomp(s, n), 3, "chomp cuts LF");
  is_int(line_read(&in, raw, 4, io_after(60000)), 4, "raw bytes in between");
  is_mem(raw, 4, "xyz!", "are the next ones");
  is_int(line_get(&in, &s, &n, io_after(60000)), 1, "then lines again");
  is_mem(s, n, "rest\r\n", "from there on");
  ok(line_get(&in, &s, &n, io_after(20)) == -1 && errno == ETIMEDOUT,
     "no line by the deadline");
  shut();
}

static void too_long(void)
{
  char buf[16], *s;
  size_t n;
  line_in in;
  open_with(&in, buf, sizeof buf,
            "0123456789012345678901234567890123456789\r\nok\r\n");
  ok(line_get(&in, &s, &n, io_after(60000)) == -1 && errno == EMSGSIZE,
     "a line longer than the buffer");
  is_int(line_get(&in, &s, &n, io_after(60000)), 1, "its rest is skipped");
  is_mem(s, n, "ok\r\n", "the next line is whole");
  io_write(pair[1], "half", 4, io_after(60000));
  shutdown(pair[1], SHUT_WR);
  ok(line_get(&in, &s, &n, io_after(60000)) == -1 && errno == EPIPE,
     "end of file inside a line");
  shut();
}

/* Every split of the input into two writes gives the same lines. */
static void splits(void)
{
  char const *text = "a\r\nbb\r\nccc\r\n";
  int good = 1;
  for (size_t i = 1; i < strlen(text); i++) {
    char buf[8], *s;
    size_t n, total = 0;
    line_in in;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    line_init(&in, pair[0], buf, sizeof buf);
    io_write(pair[1], text, i, io_after(60000));
    for (int lines = 0; lines < 3;) {
      int r = line_get(&in, &s, &n, io_after(1));
      if (r == 1) lines++, total += n;
      if (r < 0) io_write(pair[1], text + i, strlen(text) - i, io_after(60000));
    }
    good &= total == strlen(text);
    shut();
  }
  ok(good, "lines do not depend on how they arrive");
}

int main(void)
{
  plain();
  too_long();
  splits();
  return done();
}
