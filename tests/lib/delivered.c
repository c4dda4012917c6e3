/* needs: -lidn2 -lutf8proc */
/* Loops between hosts end at a Delivered-To of ours (RFC 5321 6.3). */
#include <stdlib.h>

#include "delivered.h"
#include "envelope.h"
#include "tap.h"

/* Whether a message of that header was passed on by address. */
static int has(char const *header, char const *address)
{
  compose c = COMPOSE_ZERO;
  stralloc keys = STRALLOC_ZERO;
  char *copy = strdup(header);
  int r = -2;
  if (compose_take(&c, &(parcel_record){'M', copy, strlen(copy)}) > 0 &&
      delivered_read(&keys, &c) > 0)
    r = delivered_has(&keys, address);
  free(copy);
  stralloc_free(&keys);
  compose_free(&c);
  return r;
}

static void test_fields(void)
{
  char const *name[] = {"plain",
                        "folded, blanks",
                        "another case of the name",
                        "the second of two",
                        "a header without an end",
                        "quoted where it need not be",
                        "A-labels",
                        "U-labels"};
  char const *in[] = {
      "Delivered-To: list@a.test\r\n\r\n",
      "Delivered-To:\r\n\t list@a.test \r\n\r\n",
      "dELIVERED-tO: List@A.Test\r\n\r\nx",
      "Delivered-To: x@a.test\r\nA: b\r\nDelivered-To: list@a.test\r\n\r\n",
      "Delivered-To: list@a.test\r\n",
      "Delivered-To: \"list\"@a.test\r\n\r\n",
      "Delivered-To: list@xn--bcher-kva.test\r\n\r\n",
      "Delivered-To: list@b\xc3\xbc"
      "cher.test\r\n\r\n"};
  for (size_t i = 0; i < sizeof in / sizeof *in; i++)
    is_int(has(in[i], i < 6 ? "list@a.test"
                            : "LIST@B\xc3\x9c"
                              "CHER.test"),
           1, name[i]);
  is_int(has("A: b\r\n\r\nDelivered-To: list@a.test\r\n", "list@a.test"), 0,
         "the body is no header");
  is_int(has("X-Delivered-To: list@a.test\r\nDelivered-To : x\r\n\r\n",
             "list@a.test"),
         0, "another field");
  is_int(has("Delivered-To: list@a.test.x\r\nDelivered-To: a list@a.test\r\n"
             "Delivered-To:\r\nDelivered-To: \r\n\r\n",
             "list@a.test"),
         0, "another address, no address, nothing");
  is_int(has("no field\r\nDelivered-To: list@a.test\r\n\r\n", "list@a.test"), 1,
         "behind a line that is no field");
  is_int(has("", "list@a.test"), 0, "no header");
}

static void test_bounds(void)
{
  static char s[(DELIVERED_MAX + 2) * 32];
  size_t n = 0;
  for (int i = 0; i < DELIVERED_MAX + 1; i++)
    n += (size_t)sprintf(s + n, "Delivered-To: u%d@a.test\r\n", i);
  is_int(has(s, "u99@a.test"), 1, "a hundred are looked at");
  is_int(has(s, "u100@a.test"), 0, "and no more");
}

static void test_alias(void)
{
  is_str(envelope_alias("x@c.test", "list@a.test"), "list@a.test",
         "by an alias");
  is_str(envelope_alias("x@c.test", ""), "", "not known by what");
  is_str(envelope_alias("x@c.test", "X@C.test"), "", "as RCPT had it");
  is_str(envelope_alias("x@c.test", "postmaster"), "", "no domain");
  is_str(envelope_alias("x@c.test", "b\xc3\xbc@a.test"), "",
         "only UTF-8 could hold it");
  is_str(envelope_alias("x@c.test", "l@b\xc3\xbc.test"), "l@b\xc3\xbc.test",
         "A-labels can");
}

static void test_random(void)
{
  unsigned seed = 1;
  for (int i = 0; i < 20000; i++) {
    static char const bytes[] = "Dd:@@.\r\n\t \"\\<>(ab\xc3\xbc";
    char s[80] = "Delivered-To:";
    size_t n = 13, end = 13 + (size_t)rand_r(&seed) % 60;
    int r;
    while (n < end) s[n++] = bytes[(size_t)rand_r(&seed) % (sizeof bytes - 1)];
    s[n] = 0;
    r = has(s, "a@b");
    if (r < 0 || r > 1) {
      ok(0, "bytes that are no address: [%s]", s);
      return;
    }
  }
  ok(1, "bytes that are no address are left out");
}

int main(void)
{
  test_fields();
  test_bounds();
  test_alias();
  test_random();
  return done();
}
