/* needs: imap-serve/names.o */
#include <stdlib.h>

#include "imap-serve/names.h"
#include "tap.h"

static void valid(char const *s, int want)
{
  ok(name_valid(s, strlen(s)) == want, "\"%s\" is %s name", s,
     want ? "a" : "no");
}

static void utf7(char const *s, int want)
{
  ok(name_utf7(s, strlen(s)) == want, "\"%s\" is %s modified UTF-7 (5.1.3)", s,
     want ? "right" : "wrong");
}

static void match(char const *pattern, char const *name, int want)
{
  ok(name_match(pattern, strlen(pattern), name) == want,
     "\"%s\" %s \"%s\" (6.3.8)", pattern, want ? "matches" : "does not match",
     name);
}

/* The plain definition, against which the other is held. */
static int simple(char const *p, char const *s)
{
  if (!*p) return !*s;
  if (*p == '*' || *p == '%') {
    if (simple(p + 1, s)) return 1;
    return *s && (*p == '*' || *s != '.') && simple(p, s + 1);
  }
  return *p == *s && simple(p + 1, s + 1);
}

static void random_patterns(void)
{
  unsigned wrong = 0;
  srandom(1);
  for (unsigned i = 0; i < 20000; i++) {
    char p[8], s[8];
    size_t n = (size_t)random() % 8, m = (size_t)random() % 8;
    for (size_t k = 0; k < n; k++) p[k] = "a.*%b"[random() % 5];
    for (size_t k = 0; k < m; k++) s[k] = "a.b"[random() % 3];
    p[n ? n - 1 : 0] = s[m ? m - 1 : 0] = 0;
    wrong += name_match(p, strlen(p), s) != simple(p, s);
  }
  is_int(wrong, 0, "20000 random patterns as the plain definition has it");
}

int main(void)
{
  char most[300];
  valid("a", 1);
  valid("a.b", 1);
  valid("a b~c", 1);
  valid("", 0);
  valid(".", 0);
  valid(".a", 0);
  valid("a.", 0);
  valid("a..b", 0);
  valid("a/b", 0);
  valid("../x", 0);
  valid("a\nb", 0);
  valid("\xc3\xa4", 0);
  memset(most, 'a', sizeof most);
  ok(name_valid(most, 254), "254 bytes");
  ok(!name_valid(most, 255), "no more");
  ok(name_is_inbox("iNbOx", 5), "INBOX in any case");
  utf7("plain", 1);
  utf7("a&-b", 1);
  utf7("&U,BTFw-", 1);
  utf7("~peter.mail.&U,BTFw-.&ZeVnLIqe-", 1);
  utf7("&Jjo-!", 1);
  utf7("&Jjo!", 0);
  utf7("&U,BTFw-&ZeVnLIqe-", 0);
  utf7("&U,BTF2XlZyyKng-", 1);
  utf7("&AOQ-&-", 1);
  utf7("&AGE-", 0);
  utf7("&", 0);
  utf7("a&", 0);
  utf7("&A-", 0);
  utf7("&AOR-", 0);
  utf7("&2D3eAA-", 1);
  utf7("&2D0-", 0);
  utf7("&3gA-", 0);
  match("*", "a.b", 1);
  match("%", "a", 1);
  match("%", "a.b", 0);
  match("a.%", "a.b", 1);
  match("*b*", "a.b", 1);
  match("%.%", "a.b", 1);
  match("%b", "a.b", 0);
  match("", "a", 0);
  memset(most, '*', sizeof most);
  most[299] = 'b';
  ok(!name_match(most, 300, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
     "300 stars cost no more than they should");
  random_patterns();
  return done();
}
