/* needs: -lidn2 -lutf8proc */
/* RFC 5321 4.1.2 and 4.1.3, RFC 6531 3.3 and 3.7, RFC 5891 */
#include <errno.h>
#include <stdlib.h>

#include "addr.h"
#include "mutate.h"
#include "tap.h"
#include "utf8.h"

static stralloc sa = STRALLOC_ZERO;

static void path(char const *s, unsigned flags, char const *want)
{
  size_t used = 0;
  int r;
  sa.len = 0;
  r = addr_path(&sa, s, strlen(s), &used, flags);
  if (!ok(r == 1 && sa.len == strlen(want) &&
              (!sa.len || !memcmp(sa.s, want, sa.len)),
          "%s is %s", s, want))
    printf("# %d [%.*s]\n", r, (int)sa.len, sa.s);
}

static void no_path(char const *s, unsigned flags, int e)
{
  size_t used;
  int r;
  sa.len = 0;
  errno = 0;
  r = addr_path(&sa, s, strlen(s), &used, flags);
  if (!ok(!r && errno == e && !sa.len, "no path: %.60s", s))
    printf("# %d errno %d, want %d\n", r, errno, e);
}

static void paths(void)
{
  size_t used;
  path("<a@b.test>", 0, "a@b.test");
  path("<Joe.Blow@Example.COM>", 0, "Joe.Blow@Example.COM");
  path("<!#$%&'*+-/=?^_`{|}~@b>", 0, "!#$%&'*+-/=?^_`{|}~@b");
  path("<\"a b\"@c>", 0, "\"a b\"@c");
  path("<\"ab\"@c>", 0, "ab@c");
  path("<\"a.b\"@c>", 0, "a.b@c");
  path("<\"a..b\"@c>", 0, "\"a..b\"@c");
  path("<\".a\"@c>", 0, "\".a\"@c");
  path("<\"a.\"@c>", 0, "\"a.\"@c");
  path("<\"\"@c>", 0, "\"\"@c");
  path("<\"a\\\"b\\\\\"@c>", 0, "\"a\\\"b\\\\\"@c");
  path("<\"\\a\\b\"@c>", 0, "ab@c");
  path("<\"a@b\"@c>", 0, "\"a@b\"@c");
  path("<\"a>b\"@c>", 0, "\"a>b\"@c");
  path("<@x.test:a@b>", 0, "a@b");
  path("<@x.test,@y.test:a@b>", 0, "a@b");
  path("<@[1.2.3.4],@y:a@b>", 0, "a@b");
  path("<a@[192.0.2.1]>", 0, "a@[192.0.2.1]");
  path("<a@[IPv6:2001:db8::1]>", 0, "a@[IPv6:2001:db8::1]");
  path("<a@[IPv6:::ffff:1.2.3.4]>", 0, "a@[IPv6:::ffff:1.2.3.4]");
  path("<a@a-b.c-d>", 0, "a@a-b.c-d");
  path("<a@1.2.3.4>", 0, "a@1.2.3.4");
  path("<a@a_b.test>", 0, "a@a_b.test");
  path("<>", ADDR_NULL, "");
  path("<postmaster>", ADDR_BARE, "postmaster");
  path("a@b SIZE=1", ADDR_NOBRACKET, "a@b");
  path("\"a b\"@c SIZE=1", ADDR_NOBRACKET, "\"a b\"@c");
  path("<\xc3\xbc@b\xc3\xbc.test>", ADDR_UTF8, "\xc3\xbc@b\xc3\xbc.test");
  path("<\"\xc3\xbc \"@b>", ADDR_UTF8, "\"\xc3\xbc \"@b");
  sa.len = 0;
  addr_path(&sa, "<@x:\"a\"@b> SIZE=1", 17, &used, 0);
  is_int((long long)used, 10, "used is the path alone");
  addr_path(&sa, "<> X", 4, &used, ADDR_NULL);
  is_int((long long)used, 2, "of <>, too");
}

static void no_paths(void)
{
  static char const *const bad[] = {"",
                                    "<",
                                    "<a",
                                    "<a@",
                                    "<a@b",
                                    "<@b>",
                                    "a@b",
                                    "<a b@c>",
                                    "<.a@b>",
                                    "<a.@b>",
                                    "<a..b@c>",
                                    "<a@.b>",
                                    "<a@b.>",
                                    "<a@b..c>",
                                    "<a@-b>",
                                    "<a@b->",
                                    "<a@b,c>",
                                    "<a@b c>",
                                    "< a@b>",
                                    "<a@b >",
                                    "<a@[1.2.3]>",
                                    "<a@[]>",
                                    "<a@[1.2.3.4>",
                                    "<a@1.2.3.4]>",
                                    "<a@[IPv6:1.2.3.4]>",
                                    "<a@[::1]>",
                                    "<a@[IPv6:::1::]>",
                                    "<a@[1.2.3.256]>",
                                    "<\"a@b>",
                                    "<\"a\"b@c>",
                                    "<a\"b\"@c>",
                                    "<\"a\\\"@b>",
                                    "<\"a\tb\"@c>",
                                    "<a(b)@c>",
                                    "<a@b(c)>",
                                    "<a\\ b@c>",
                                    "<@a a@b>",
                                    "<@a,b:c@d>",
                                    "<@a:>",
                                    "<a@b\r>",
                                    "<a,b@c>",
                                    "<a;b@c>",
                                    "<<a@b>>",
                                    "<a@@b>",
                                    "<a@b@c>",
                                    "<>",
                                    "<postmaster>",
                                    "<\"\">",
                                    "<a@[x:y]>",
                                    "<a@b/c>",
                                    "<a:b@c>"};
  char s[800];
  size_t i;
  for (i = 0; i < sizeof bad / sizeof *bad; i++) no_path(bad[i], 0, EINVAL);
  no_path("<\xc3\xbc@b>", 0, EILSEQ);
  no_path("<a@\xc3\xbc>", 0, EILSEQ);
  no_path("<\"\xc3\xbc\"@b>", 0, EILSEQ);
  no_path("<\xfc@b>", ADDR_UTF8, EILSEQ);
  no_path("<\"\xc3\"@b>", ADDR_UTF8, EILSEQ);
  no_path("<\xc0\xaf@b>", ADDR_UTF8, EILSEQ);
  no_path("<\xed\xa0\x80@b>", ADDR_UTF8, EILSEQ);
  no_path("<\"\\\xc3\xbc\"@b>", ADDR_UTF8, EINVAL);
  snprintf(s, sizeof s, "<%0254d@b>", 0);
  ok(addr_path(&sa, s, strlen(s), &i, 0), "local part of 254 bytes");
  sa.len = 0;
  snprintf(s, sizeof s, "<%0255d@b>", 0);
  no_path(s, 0, ENAMETOOLONG);
  snprintf(s, sizeof s, "<%0400d@b>", 0);
  no_path(s, 0, ENAMETOOLONG);
  snprintf(s, sizeof s, "<a@%064d>", 0);
  no_path(s, 0, ENAMETOOLONG);
  snprintf(s, sizeof s, "<a@%060d.%060d.%060d.%060d.%020d>", 0, 0, 0, 0, 0);
  no_path(s, 0, ENAMETOOLONG);
  snprintf(s, sizeof s, "<%0200d@%060d.%060d.%060d>", 0, 0, 0, 0);
  no_path(s, 0, ENAMETOOLONG);
  is_int(addr_path(&sa, "<a\0@b>", 6, &i, 0), 0, "a NUL is no atext");
  is_int(addr_path(&sa, "<\"\0\"@b>", 7, &i, 0), 0, "nor quoted text");
  is_int(addr_path(&sa, "<a@[1.2.3.4\0]>", 14, &i, 0), 0, "nor in a literal");
}

static void valid(void)
{
  ok(addr_valid("a@b", 3, 0), "valid");
  ok(!addr_valid("<a@b>", 5, 0), "without brackets");
  ok(!addr_valid("@x:a@b", 6, 0), "without a route");
  ok(!addr_valid("a@b ", 4, 0), "nothing behind");
  ok(!addr_valid("", 0, 0) && addr_valid("", 0, ADDR_NULL), "ADDR_NULL");
  ok(!addr_valid("a", 1, 0) && addr_valid("a", 1, ADDR_BARE), "ADDR_BARE");
  ok(!addr_valid("a@", 2, ADDR_BARE), "an @ wants a domain");
  ok(addr_domain_valid("mx.test", 7, 0, 0), "a domain");
  ok(!addr_domain_valid("[1.2.3.4]", 9, 0, 0), "a literal is none");
  ok(addr_domain_valid("[1.2.3.4]", 9, 0, 1), "unless asked for");
  ok(!addr_domain_valid("", 0, 0, 1), "nothing is none");
  ok(!addr_domain_valid("a.", 2, 0, 1), "no dot at the end");
  ok(!addr_domain_valid("b\xc3\xbc", 3, 0, 1), "U-labels not without UTF8");
  ok(addr_domain_valid("b\xc3\xbc", 3, ADDR_UTF8, 1), "but with it");
  is_int((long long)addr_at("a@b", 3), 1, "addr_at");
  is_int((long long)addr_at("\"a@b\"@c", 7), 5, "behind quotes");
  is_int((long long)addr_at("\"a\\\"@b\"@c", 9), 7, "and escaped quotes");
  is_int((long long)addr_at("\"a@b\"", 5), 5, "none");
  is_int((long long)addr_at("\"a@b", 4), 4, "unclosed");
  is_int((long long)addr_at("abc", 3), 3, "none");
  is_int((long long)addr_at("", 0), 0, "nothing");
}

static void key(char const *s, char const *want)
{
  sa.len = 0;
  if (!want) {
    ok(!addr_key(&sa, s, strlen(s)) && !sa.len, "no key: %s", s);
    return;
  }
  addr_key(&sa, s, strlen(s));
  is_mem(sa.len ? sa.s : "", sa.len, want, s);
}

static void keys(void)
{
  char s[400];
  key("Alice@EXAMPLE.org", "alice@example.org");
  key("\"Alice\"@a", "alice@a");
  key("\"A b\"@a", "\"a b\"@a");
  key("POSTMASTER", "postmaster");
  key("a@B\xc3\x9c"
      "CHER.test",
      "a@xn--bcher-kva.test");
  key("a@b\xc3\xbc"
      "cher.test",
      "a@xn--bcher-kva.test");
  key("a@bu\xcc\x88"
      "cher.test",
      "a@xn--bcher-kva.test");
  key("a@XN--Bcher-KVA.test", "a@xn--bcher-kva.test");
  key("a@fa\xc3\x9f.de", "a@xn--fa-hia.de");
  key("a@a\xe3\x80\x82test", "a@a.test");
  key("a@\xe2\x98\x83\xef\xbc\xa0.test", 0);
  key("a@\xef\xbc\xa0.test", 0);
  key("a@\xe2\x80\x8d.test", 0);
  key("a@\xef\xbc\x8f.test", 0);
  key("a@\xe3\x80\x82", 0);
  key("a@a\xe3\x80\x82", 0);
  key("a@a_b.test", "a@a_b.test");
  key("\xc3\x9cser@a", "\xc3\xbcser@a");
  key("U\xcc\x88ser@a", "\xc3\xbcser@a");
  key("STRA\xc3\x9f"
      "E@a",
      "strasse@a");
  key("\"\xcd\xbe\"@a", "\";\"@a");
  key("\xcd\xbe@a", "\";\"@a");
  key("\xe2\x84\xaa@a", "k@a");
  key("a@[192.0.2.1]", "a@[192.0.2.1]");
  key("a@[IPV6:2001:DB8:0:0::1]", "a@[ipv6:2001:db8::1]");
  key("a@b c", 0);
  key("<a@b>", 0);
  key("", 0);
  memset(s, 'x', sizeof s);
  memcpy(s + 200, "@b", 3);
  ok(addr_key(&sa, s, 202) == 1, "a long one");
  for (size_t i = 0; i < 120; i++) memcpy(s + 2 * i, "\xce\x90", 2);
  memcpy(s + 240, "@b", 3);
  ok(addr_key(&sa, s, 242) <= 1, "one that grows");
  sa.len = 0;
  ok(addr_domain_key(&sa, "A.Test", 6) == 1 && !memcmp(sa.s, "a.test", 6),
     "addr_domain_key");
  ok(!addr_domain_key(&sa, "a b", 3) && errno == EINVAL, "not of a blank");
}

/* A key is its own key, and an address that was read is valid. */
static void mutations(void)
{
  static char const *const seeds[] = {"<\"a b\\\"c\"@b\xc3\xbc"
                                      "cher.test>",
                                      "<@x,@[1.2.3.4]:a.b@c.d>",
                                      "<x@[IPv6:2001:db8::1]>",
                                      "<STRA\xc3\x9f"
                                      "E\xcc\x88@a_b.xn--bcher-kva>"};
  static char const bytes[] = "<>@\"\\.:,[] \xc3\xbc\xe3\x80\x82-_aZ0";
  int bad = 0;
  for (int i = 0; i < MUTANTS; i++) {
    char const *seed = seeds[mutate_dice(4)];
    size_t n, used;
    char *s = mutate(seed, strlen(seed), BYTES(bytes), &n);
    stralloc k = STRALLOC_ZERO, again = STRALLOC_ZERO;
    sa.len = 0;
    if (addr_path(&sa, s, n, &used, 15) == 1) {
      if (sa.len > ADDR_MAX || !addr_valid(sa.s, sa.len, 7) || used > n) bad++;
      if (sa.len && addr_key(&k, sa.s, sa.len) == 1) {
        if (addr_key(&again, k.s, k.len) != 1 || again.len != k.len ||
            memcmp(again.s, k.s, k.len) || !utf8_valid(k.s, k.len)) {
          bad++;
          printf("# %.*s: %.*s, %.*s\n", (int)n, s, (int)k.len, k.s,
                 (int)again.len, again.s);
        }
      }
    }
    stralloc_free(&k);
    stralloc_free(&again);
    free(s);
  }
  is_int(bad, 0, "damaged: what was read is valid, a key is its key");
}

int main(void)
{
  paths();
  no_paths();
  valid();
  keys();
  mutations();
  stralloc_free(&sa);
  return done();
}
