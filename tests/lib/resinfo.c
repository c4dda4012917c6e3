/* RFC 8601 2.2: resinfo, as filters write it, and damaged. */
#include <stdlib.h>

#include "filter.h"
#include "resinfo.h"
#include "mutate.h"
#include "tap.h"

static char const *get(char const *s, char const *name)
{
  static char to[64];
  resinfo r;
  if (!resinfo_read(&r, s, strlen(s))) return "broken";
  return resinfo_get(&r, name, to, sizeof to) ? to : "none";
}

static void test_good(void)
{
  static struct {
    char const *s, *name, *want;
  } const v[] = {
      {"spf=pass smtp.mailfrom=x@a.test", "smtp.mailfrom", "x@a.test"},
      {"dkim=pass header.d=a.test header.s=s1", "header.s", "s1"},
      {"dkim=pass header.d=a.test", "header.i", "none"},
      {"dkim=pass (2048-bit; d=b.test) header.d=a.test", "header.d", "a.test"},
      {"dkim=fail (a (nested \\) one) x) header.d=a.test", "header.d",
       "a.test"},
      {"dkim=fail reason=\"a; header.d=b.test\" header.d=a.test", "header.d",
       "a.test"},
      {"dkim=fail reason=\"a \\\" b\" header.d=a.test", "reason", "a \" b"},
      {"spf=pass smtp.mailfrom=\"\\\"a b\\\"@a.test\"", "smtp.mailfrom",
       "\"a b\"@a.test"},
      {"spf=pass smtp.mailfrom=\"a b\"@a.test", "smtp.mailfrom",
       "\"a b\"@a.test"},
      {"spf=pass smtp.mailfrom=\"\"", "smtp.mailfrom", ""},
      {"SPF = Pass SMTP . MailFrom = x@a.test", "smtp.mailfrom", "x@a.test"},
      {"dkim/1=pass header.d=a.test", "header.d", "a.test"},
      {"dkim=pass header.d=a.test header.d=b.test", "header.d", "a.test"},
      {"dkim=pass header.d(x)=(y)a.test(z)", "header.d", "a.test"},
      {"dkim=pass header.b=Ab+/=9 header.d=a.test", "header.d", "a.test"},
  };
  for (unsigned i = 0; i < sizeof v / sizeof *v; i++)
    is_str(get(v[i].s, v[i].name), v[i].want, v[i].s);
}

static void test_bad(void)
{
  static char const *const v[] = {
      "",
      "spf",
      "spf=",
      "=pass",
      "spf=pass x",
      "spf=pass smtp.=a",
      "spf=pass .helo=a",
      "spf=pass smtp.helo=",
      "spf=pass smtp.helo=\"a",
      "spf=pass smtp.helo=\"a\\",
      "spf=pass (open smtp.helo=a",
      "spf=pass; dkim=pass header.d=a.test",
      "spf=pass smtp.helo=a,b",
      "spf=pass smtp.helo=\"a\"smtp.x=b",
      "spf/x=pass",
      "spf/1",
      "a-method-that-is-longer-than-any-of-ours=pass",
      "spf=pass smtp.helo=b\xc3\xbc"};
  for (unsigned i = 0; i < sizeof v / sizeof *v; i++)
    is_str(get(v[i], "smtp.helo"), "broken", v[i]);
}

/* What filter_property writes is what is read. */
static void test_property(void)
{
  static char const *const v[] = {
      "x@a.test", "\"a b\"@a.test", "a;b", "(x)", "a\"\\b", "", "x@[::1]"};
  for (unsigned i = 0; i < sizeof v / sizeof *v; i++) {
    char value[64], s[128];
    filter_property(value, sizeof value, v[i]);
    snprintf(s, sizeof s, "spf=pass smtp.mailfrom=%s smtp.helo=h", value);
    is_str(get(s, "smtp.mailfrom"), v[i], "there and back");
    is_str(get(s, "smtp.helo"), "h", "what is behind it");
  }
}

static void test_size(void)
{
  static char const s[] = "dkim=pass header.d=abcd header.s=\"a\0b\"";
  resinfo r;
  char to[5];
  is_str(get("dkim=pass (a\r\n b)\r\n\theader.d=\"a\r\n.test\"", "header.d"),
         "a.test", "folded");
  ok(resinfo_read(&r, s, sizeof s - 1), "a NUL in quotes is read");
  ok(resinfo_get(&r, "header.d", to, 5) && !strcmp(to, "abcd"), "just fits");
  ok(!resinfo_get(&r, "header.d", to, 4), "does not fit");
  ok(!resinfo_get(&r, "header.s", to, 5), "a NUL is no value");
}

static void test_mutations(void)
{
  static char const from[] = "dkim=fail (a (b) \\) c) reason=\"x \\\" y\" "
                             "header.d=a.test smtp.mailfrom=\"l o\"@a.test";
  static char const bytes[] = "()\"\\=.;/@ \0\377ax1\r\n";
  unsigned whole = 0;
  for (int i = 0; i < MUTANTS; i++) {
    size_t n;
    char *s = mutate(BYTES(from), BYTES(bytes), &n), to[20];
    resinfo r;
    if (resinfo_read(&r, s, n)) {
      whole++;
      resinfo_get(&r, "header.d", to, sizeof to);
      resinfo_get(&r, "smtp.mailfrom", to, sizeof to);
    }
    free(s);
  }
  ok(whole > MUTANTS / 100 && whole < MUTANTS, "%d mutations, %u of them whole",
     MUTANTS, whole);
}

int main(void)
{
  test_good();
  test_bad();
  test_property();
  test_size();
  test_mutations();
  return done();
}
