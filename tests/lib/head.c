/* needs: dkim-sign/fields.o */
#include <errno.h>
#include <stdlib.h>

#include "dkim-sign/fields.h"
#include "head.h"
#include "tap.h"

static void feed(head *h, char const *s, size_t step)
{
  size_t len = strlen(s), used, at = 0;
  head_reset(h);
  while (at < len) {
    size_t n = len - at < step ? len - at : step;
    int r = head_add(h, s + at, n, &used);
    at += used;
    if (r) break;
  }
}

static void is_field(head const *h, char const *name, size_t nth,
                     char const *want, char const *what)
{
  head_field const *f = head_find(h, name, strlen(name), nth);
  is_mem(f ? f->s : "(none)", f ? f->len : 6, want, what);
}

static void order(size_t step)
{
  static head h;
  feed(&h, "A: 1\r\nB: 2\r\n x\r\nA: 3\r\nA: 4\r\n\r\nA: body\r\n", step);
  head_omit(&h, "a", 2);
  head_omit(&h, "A", 3);
  head_omit(&h, "A", 9);
  head_above(&h, "Received: old\r\n", 15);
  head_above(&h, "A: new\r\n", 8);
  is_int(head_finish(&h), 1, "a whole header");
  is_field(&h, "a", 0, "A: 1\r\n", "RFC 6376 5.4.2: the lowest comes first");
  is_field(&h, "a", 1, "A: new\r\n", "then those above; E left two out");
  ok(!head_find(&h, "a", 1, 2), "and there are no more");
  is_int((long long)head_count(&h, "A", 1), 2, "count");
  is_field(&h, "b", 0, "B: 2\r\n x\r\n", "a folded field");
  is_field(&h, "received", 0, "Received: old\r\n", "H");
}

static void bounds(void)
{
  static head h;
  static char big[HEAD_MAX + 1];
  size_t used;
  memset(big, 'a', sizeof big);
  head_reset(&h);
  ok(head_add(&h, big, sizeof big, &used) == -1 && errno == EMSGSIZE,
     "a header that is too long");
  head_reset(&h);
  ok(head_add(&h, big, HEAD_MAX, &used) == 0, "one that just fits");
  ok(head_above(&h, "A: b\r\n", 6) == -1, "H counts too");
  feed(&h, "A: 1\r\nrubbish\r\n\r\n", 100);
  is_int(head_finish(&h), 0, "RFC 6376 3.8: a line that is no field");
  feed(&h, "\r\nbody", 100);
  is_int(head_finish(&h), 1, "no header at all");
  feed(&h, "A: 1\nB: 2\n\nbody\n", 3);
  is_int(head_finish(&h), 1, "LF lines");
  is_field(&h, "B", 0, "B: 2\n", "the last of them");
}

int main(void)
{
  static fields f;
  order(1);
  order(5);
  order(1000);
  bounds();
  ok(fields_scan(&f, FIELDS_DEFAULT), "the default list is one");
  ok(fields_scan(&f, "from") && f.n == 1 && !f.v[0].over, "from alone");
  ok(!fields_scan(&f, "to:subject"), "RFC 6376 5.4: From must be signed");
  ok(!fields_scan(&f, "from:From+"), "a name twice");
  ok(!fields_scan(&f, "from:dkim-signature"),
     "RFC 6376 3.5: never DKIM-Signature itself");
  ok(!fields_scan(&f, "from::to") && !fields_scan(&f, "") &&
         !fields_scan(&f, "from:a b") && !fields_scan(&f, "from:+"),
     "not names");
  return done();
}
