#include "dsn-param.h"
#include "tap.h"

static char const *notify(char const *s)
{
  static char to[DSN_NOTIFY];
  return dsn_notify(to, s) ? to : "no";
}

static void envids(void)
{
  char s[DSN_ENVID + 2];
  ok(dsn_envid_valid("QQ314159"), "RFC 3461 10: ENVID");
  ok(dsn_envid_valid("a+2Bb+3Dc+20d"), "4: xtext");
  ok(!dsn_envid_valid(""), "not empty");
  ok(!dsn_envid_valid("a+2bb"), "4: hexadecimal digits are upper case");
  ok(!dsn_envid_valid("a+2"), "cut short");
  ok(!dsn_envid_valid("a+"), "shorter");
  ok(!dsn_envid_valid("a+0Ab"), "4.4: printable alone, no newline");
  ok(!dsn_envid_valid("a+7F"), "no DEL");
  ok(!dsn_envid_valid("a=b"), "4: no = in xtext");
  ok(!dsn_envid_valid("a b") && !dsn_envid_valid("\303\251"),
     "no blank, ASCII");
  memset(s, 'x', sizeof s);
  s[DSN_ENVID] = 0;
  ok(dsn_envid_valid(s), "4.4: a hundred bytes");
  s[DSN_ENVID] = 'x';
  s[DSN_ENVID + 1] = 0;
  ok(!dsn_envid_valid(s), "and no more");
}

static void orcpts(void)
{
  char s[DSN_ORCPT + 2];
  ok(dsn_orcpt_valid("rfc822;Bob@a.test", 0), "RFC 3461 4.2: ORCPT");
  ok(dsn_orcpt_valid("rfc822;a+2Bb@a.test", 0), "xtext");
  ok(!dsn_orcpt_valid("rfc822;a+b@a.test", 0), "+ alone");
  ok(!dsn_orcpt_valid("rfc822", 0) && !dsn_orcpt_valid("rfc822;", 0) &&
         !dsn_orcpt_valid(";a@b", 0) && !dsn_orcpt_valid("", 0),
     "type and address");
  ok(!dsn_orcpt_valid("rfc 822;a", 0), "the type is an atom");
  ok(!dsn_orcpt_valid("rfc822;\303\251@a.test", 1), "UTF-8 only by its type");
  ok(dsn_orcpt_valid("utf-8;\\x{E9}@a.test", 0), "RFC 6533 3: \\x{E9}");
  ok(dsn_orcpt_valid("UTF-8;\\x{1F600}@a.test", 0), "above the BMP");
  ok(dsn_orcpt_valid("utf-8;\\x{2B}\\x{3D}\\x{20}\\x{5C}", 0),
     "RFC 6533 3: +, =, blank and backslash");
  ok(!dsn_orcpt_valid("utf-8;a+b", 0) && !dsn_orcpt_valid("utf-8;a=b", 0),
     "which may not stand there");
  ok(!dsn_orcpt_valid("utf-8;\\x{41}", 0), "no other ASCII so");
  ok(!dsn_orcpt_valid("utf-8;\\x{D800}", 0), "no surrogate");
  ok(!dsn_orcpt_valid("utf-8;\\x{110000}", 0), "nothing beyond Unicode");
  ok(!dsn_orcpt_valid("utf-8;\\x{1111111}", 0), "no seven digits");
  ok(!dsn_orcpt_valid("utf-8;\\x{E9", 0) &&
         !dsn_orcpt_valid("utf-8;\\xE9", 0) &&
         !dsn_orcpt_valid("utf-8;\\", 0) && !dsn_orcpt_valid("utf-8;\\x{}", 0),
     "broken ones");
  ok(!dsn_orcpt_valid("utf-8;\303\251@a.test", 0), "UTF-8 needs SMTPUTF8");
  ok(dsn_orcpt_valid("utf-8;\303\251@a.test", 1), "and may stand with it");
  ok(!dsn_orcpt_valid("utf-8;\303@a.test", 1), "but not broken");
  memset(s, 'x', sizeof s);
  memcpy(s, "rfc822;", 7);
  s[DSN_ORCPT] = 0;
  ok(dsn_orcpt_valid(s, 0), "4.2: 500 bytes");
  s[DSN_ORCPT] = 'x';
  s[DSN_ORCPT + 1] = 0;
  ok(!dsn_orcpt_valid(s, 0), "and no more");
}

int main(void)
{
  static char to[DSN_ORCPT_ASCII], long_one[3000];
  is_str(notify("never"), "NEVER", "RFC 3461 4.1: NEVER, in any case");
  is_str(notify("DELAY,Success,failure"), "DELAY,SUCCESS,FAILURE",
         "a list in any order");
  is_str(notify("NEVER,DELAY"), "no", "NEVER stands alone");
  is_str(notify("DELAY,NEVER"), "no", "in any place");
  is_str(notify("DELAY,DELAY"), "no", "each once");
  is_str(notify(""), "no", "not empty");
  is_str(notify("DELAY,"), "no", "no empty word");
  is_str(notify("DELAYS"), "no", "no other word");
  is_str(dsn_ret("full"), "FULL", "RFC 3461 4.3: FULL");
  is_str(dsn_ret("Hdrs"), "HDRS", "HDRS");
  ok(!dsn_ret("") && !dsn_ret("HEADERS"), "nothing else");
  envids();
  orcpts();
  dsn_orcpt_ascii(to,
                  "utf-8;\303\251\342\202\254\360\237\230\200\\x{E9}@a.test");
  is_str(to, "utf-8;\\x{E9}\\x{20AC}\\x{1F600}\\x{E9}@a.test",
         "RFC 6533 3: as utf-8-addr-xtext");
  memset(long_one, 'x', sizeof long_one);
  long_one[sizeof long_one - 1] = 0;
  for (size_t i = 0; i + 2 < sizeof long_one; i += 2)
    memcpy(long_one + i, "\303\251", 2);
  dsn_orcpt_ascii(to, long_one);
  ok(strlen(to) < sizeof to, "bounded");
  return done();
}
