/* needs: */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "envelope.h"
#include "tap.h"

static void test_walk(void)
{
  stralloc s = STRALLOC_ZERO;
  char before[64];
  parcel_record a = {'I', "id", 2}, b = {'T', "0\0a@b\0x=y", 9}, r;
  envelope_walk w;
  envelope_add(&s, &a);
  envelope_add(&s, &b);
  is_mem(s.s, 5, "3:Iid", "netstrings");
  memcpy(before, s.s, s.len);
  w = (envelope_walk){.s = s.s, .len = s.len};
  is_int(envelope_next(&w, &r), 1, "the first");
  is_str(r.s, "id", "ends with 0");
  is_int(envelope_next(&w, &r), 1, "the second");
  is_str(parcel_param(&r, 2, "x"), "y", "has its parts");
  is_int(envelope_next(&w, &r), 0, "no more");
  ok(!memcmp(before, s.s, s.len), "the walk leaves all as it was");
  w = (envelope_walk){.s = s.s, .len = s.len};
  envelope_next(&w, &r);
  envelope_end(&w);
  ok(!memcmp(before, s.s, s.len), "also when it is left early");
  stralloc_free(&s);
}

static int walk_all(char *s, size_t n)
{
  envelope_walk w = {.s = s, .len = n};
  parcel_record r;
  envelope_to to;
  envelope_verdict v;
  int got;
  while ((got = envelope_next(&w, &r)) > 0) {
    envelope_recipient(&to, &r);
    envelope_judge(&v, &r);
  }
  envelope_end(&w);
  return got;
}

static void test_bad(void)
{
  static char const *const bad[] = {"x",     "0:,",   "1:a",  "2:a,",
                                    "5:abc", ":a,",   "1a:,", "99999999:a,",
                                    "1:a;",  "1:a,1", "-1:a,"};
  char s[32];
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    snprintf(s, sizeof s, "%s", bad[i]);
    ok(walk_all(s, strlen(s)) == -1 && errno == EPROTO, "not a record: %s",
       bad[i]);
  }
}

static int recipient(envelope_to *t, char const *s, size_t n)
{
  parcel_record r = {'T', s, n};
  return envelope_recipient(t, &r);
}
#define T(t, s) recipient(t, s, sizeof s - 1)

static void test_recipient(void)
{
  envelope_to t;
  is_int(T(&t, "7\0a@b\0route=local\0mailbox=m\0rcpt=c@d\0notify=NEVER"), 1,
         "a local recipient");
  ok(t.number == 7 && t.route == ENVELOPE_LOCAL, "number and route");
  is_str(t.mailbox, "m", "mailbox");
  is_str(t.via, "", "what is not there is empty");
  ok(T(&t, "0\0a@b") == 1 && t.route == ENVELOPE_UNROUTED, "not routed");
  ok(T(&t, "0\0a@b\0route=remote\0via=h:1") == 1 && !strcmp(t.via, "h:1"),
     "via");
  is_int(T(&t, "0\0a@b\0route=local"), -1, "local without mailbox");
  is_int(T(&t, "0\0a@b\0route=other"), -1, "an unknown route");
  is_int(T(&t, "0\0"), -1, "no address");
  is_int(T(&t, "0"), -1, "no address at all");
  is_int(T(&t, "\0a@b"), -1, "no number");
  is_int(T(&t, "1x\0a@b"), -1, "no good number");
  is_int(T(&t, "99999999999999999999\0a@b"), -1, "too big a number");
  is_int(T(&t, "0\0a\nb@c"), -1, "control characters");
  ok(T(&t, "0\0a@b\0via=x\ny") == 1 && !*t.via,
     "a parameter with controls is not there");
}

static int judge(envelope_verdict *v, char const *s, size_t n)
{
  parcel_record r = {'V', s, n};
  return envelope_judge(v, &r);
}
#define V(v, s) judge(v, s, sizeof s - 1)

static void test_verdict(void)
{
  envelope_verdict v;
  ok(V(&v, "reject\0"
           "554 5.7.1 x") == 1 &&
         v.code == 554 && v.kind == 'r' && !v.one && !strcmp(v.text, "5.7.1 x"),
     "reject");
  ok(V(&v, "defer\0"
           "451 4.7.1 x\0"
           "3") == 1 &&
         v.one && v.number == 3,
     "defer for one recipient");
  ok(V(&v, "reject\0"
           "250 2.0.0 x") == 1 &&
         v.code == 550,
     "a reply of another class is not taken");
  ok(V(&v, "defer") == 1 && v.code == 451, "no reply: a general one");
  ok(V(&v, "junk") == 1 && v.kind == 'j', "junk");
  is_int(V(&v, "rejected\0"
               "550 x"),
         -1, "an unknown verdict");
  is_int(V(&v, "reject\0"
               "550 x\0"
               "y"),
         -1, "not a number");
}

static void test_random(void)
{
  unsigned seed = 1;
  for (int i = 0; i < 200000; i++) {
    static char const bytes[] = "0123456789::,,TVIa@b\0=\n";
    char s[48];
    size_t n = (size_t)rand_r(&seed) % sizeof s;
    for (size_t j = 0; j < n; j++)
      s[j] = bytes[(size_t)rand_r(&seed) % (sizeof bytes - 1)];
    walk_all(s, n);
  }
  ok(1, "random bytes do no harm");
}

int main(void)
{
  test_walk();
  test_bad();
  test_recipient();
  test_verdict();
  test_random();
  return done();
}
