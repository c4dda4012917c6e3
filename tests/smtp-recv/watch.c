/* needs: smtp-recv/watch.o */
#include <stdio.h>
#include <stdlib.h>

#include "smtp-recv/watch.h"
#include "tap.h"

static watch w;

static void feed(char const *s, size_t step)
{
  size_t len = strlen(s);
  watch_start(&w, "mx.a.test");
  for (size_t i = 0; i < len; i += step)
    watch_feed(&w, s + i, len - i < step ? len - i : step);
  watch_end(&w);
}

static int claims(char const *s)
{
  return watch_claims(s, strlen(s), "mx.a.test");
}

/* A comment of every length that puts the authserv-id where what is kept of a
   field ends: how many of them are not seen. */
static int cut(void)
{
  static char s[WATCH_FIELD + 200];
  int missed = 0;
  for (int quote = 0; quote < 2; quote++)
    for (int pad = WATCH_FIELD - 60; pad < WATCH_FIELD + 5; pad++) {
      int n =
          snprintf(s, sizeof s, "Authentication-Results: (%*s)%s; spf=pass\r\n",
                   pad, "x", quote ? "\"mx.a.test\"" : "mx.a.test");
      feed(s, (size_t)n);
      missed += w.nforged != 1;
    }
  return missed;
}

int main(void)
{
  static char const text[] =
      "Received: a\r\n b\r\nDATE : x\r\nAuthentication-Results:\r\n"
      " mx.a.test; none\r\nFrom: y\r\nAuthentication-Results: b.test;\r\n"
      "Message-Id: z\r\nReceived: c\r\n\r\nReceived: d\r\n";
  int good = 0, bounded = 1;
  char s[3000];
  for (size_t step = 1; step < sizeof text; step++) {
    feed(text, step);
    good += w.received == 2 && w.has_date && w.has_id && w.results == 2 &&
            w.nforged == 1 && w.forged[0] == 1;
  }
  is_int(good, sizeof text - 1, "wherever the header is cut");
  feed("Date: a", 7);
  ok(w.has_date, "a field at the end of input");
  feed("\r\nDate: a\r\n", 1);
  ok(!w.has_date, "a message without a header");
  ok(claims(" mx.a.test; x") && claims("MX.A.test 1;") && claims("mx.a.test"),
     "RFC 8601 2.2: our authserv-id");
  ok(claims(" (c) \"mx.\\a.test\" ;"), "quoted, behind a comment");
  ok(!claims("mx.a.test.b; x") && !claims("x.a.test;") && !claims("\"mx\";"),
     "that of others");
  ok(claims("") && claims("( never ended"), "what cannot be told is ours");
  ok(claims("mx.a.te") && claims("\"mx.a.te") && claims("\"mx.a.test") &&
         claims("\"mx.a\\"),
     "and what ends inside our authserv-id");
  ok(!claims("mx.b.te") && !claims("\"mx.b"), "unless it differs before");
  is_int(cut(), 0, "RFC 8601 5: a field may be cut anywhere for its length");
  srand(3);
  for (int i = 0; i < 20000; i++) {
    static char const letters[] = "Authentication-Results:mx.a.test()\\\"\r\n ";
    size_t len = (size_t)rand() % sizeof s;
    for (size_t j = 0; j + 1 < len; j++)
      s[j] = letters[(size_t)rand() % (sizeof letters - 1)];
    s[len ? len - 1 : 0] = 0;
    feed(s, 1 + (size_t)rand() % 500);
    bounded &= w.len <= WATCH_FIELD && w.nforged <= WATCH_FORGED;
  }
  ok(bounded, "random headers stay within bounds");
  return done();
}
