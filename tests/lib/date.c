/* needs: */
/* RFC 5322 3.3 and 4.3, RFC 3501 date-time */
#include <stdlib.h>

#include "date.h"
#include "mutate.h"
#include "tap.h"

static void parses(char const *s, long long t, int offset)
{
  time_t got = -1;
  int o = -1;
  int r = date_parse(s, strlen(s), &got, &o);
  if (!ok(r == 1 && got == t && o == offset, "%s", s))
    printf("# %d %lld %d, want %lld %d\n", r, (long long)got, o, t, offset);
}

static void refuses(char const *s)
{
  time_t t;
  int o;
  ok(!date_parse(s, strlen(s), &t, &o), "no date: %s", s);
}

static void mail(void)
{
  parses("Thu, 21 May 1998 05:33:29 -0700", 895754009, -420);
  parses("21 May 1998 05:33:29 -0700", 895754009, -420);
  parses("Thu, 21 May 1998 12:33 GMT", 895753980, 0);
  parses("Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360);
  parses("Mon, 1 Jan 70 00:00:00 UT", 0, 0);
  parses("1 Jan 00 00:00:00 +0000", 946684800, 0);
  parses("1 Jan 49 00:00:00 +0000", 2493072000, 0);
  parses("1 Jan 50 00:00:00 +0000", -631152000, 0);
  parses("1 Jan 100 00:00:00 +0000", 946684800, 0);
  parses("21 May 98 05:33:29 PDT", 895754009, -420);
  parses("21 May 98 07:33:29 EST", 895754009, -300);
  parses("21 May 98 12:33:29 A", 895754009, 0);
  parses("21 May 98 12:33:29 Z", 895754009, 0);
  parses("21 May 98 12:33:29 XYZZY", 895754009, 0);
  parses("21 May 98 12:33:29", 895754009, 0);
  parses("Thu,\t 21  May(a (b\\) c)d)1998 05 : 33 : 29 -0700 (PDT)", 895754009,
         -420);
  parses(" (x) Thu, 21 may 1998 5:33:29 -0700", 895754009, -420);
  parses("Thursday, 21-May-98 12:33:29 GMT", 895754009, 0);
  parses("29 Feb 2000 00:00:00 +0000", 951782400, 0);
  parses("31 Dec 2016 23:59:60 +0000", 1483228800, 0);
  parses("1 Jan 2040 00:00:00 +1400", 2208988800LL - 14 * 3600, 840);
  parses("1 January 2040 00:00:00 -0000", 2208988800LL, 0);
}

static void folded(void)
{
  static char const s[] = "Thu,\r\n 21\r\n\tMay 1998\n 05:33:29\r\n -0700\r\n";
  time_t t;
  int o;
  ok(date_parse(s, sizeof s - 1, &t, &o) && t == 895754009, "a folded date");
}

static void bad(void)
{
  refuses("");
  refuses("Thu");
  refuses("Thu, ");
  refuses("32 May 1998 05:33:29 -0700");
  refuses("29 Feb 1900 00:00:00 +0000");
  refuses("0 May 1998 05:33:29 -0700");
  refuses("21 Foo 1998 05:33:29 -0700");
  refuses("21 Ma 1998 05:33:29 -0700");
  refuses("21 May 1998");
  refuses("21 May 1998 24:00:00 -0700");
  refuses("21 May 1998 23:60:00 -0700");
  refuses("21 May 1998 23:00:61 -0700");
  refuses("21 May 1998 23:00:00 -07000");
  refuses("21 May 1998 23:00:00 -070");
  refuses("21 May 1998 23:00:00 -0760");
  refuses("21 May 19980 23:00:00 -0700");
  refuses("(((((((");
}

static void imap(void)
{
  char s[DATE_MAX];
  time_t t;
  int o, i, wrong = 0;
  is_int((long long)date_imap(s, 895754009, -420), 26, "RFC 3501: 26 bytes");
  is_str(s, "21-May-1998 05:33:29 -0700", "date-time");
  date_imap(s, 0, 90);
  is_str(s, " 1-Jan-1970 01:30:00 +0130", "the day is padded with a blank");
  is_int(date_parse_imap("21-May-1998 05:33:29 -0700", 26, &t, &o), 1, "read");
  ok(t == 895754009 && o == -420, "and right");
  is_int(date_parse_imap(" 1-Jan-1970 01:30:00 +0130", 26, &t, &o), 1, "blank");
  is_int(t, 0, "and right");
  is_int(date_parse_imap("01-Jan-1970 01:30:00 +0130", 26, &t, &o), 1, "01");
  is_int(date_parse_imap("1-Jan-1970 01:30:00 +0130", 25, &t, &o), 0,
         "1 digit");
  is_int(date_parse_imap("01-Jan-70 01:30:00 +0130", 24, &t, &o), 0,
         "2 digits");
  is_int(date_parse_imap("01-Jan-1970 01:30:00 GMT", 24, &t, &o), 0, "a name");
  is_int(date_parse_imap("01-Jan-1970 01:30:00 +0130 ", 27, &t, &o), 0, "more");
  is_int(date_parse_imap("01-January-1970 01:30:00 +0130", 30, &t, &o), 0,
         "a long month");
  is_int(date_parse_imap("", 0, &t, &o), 0, "nothing");
  srandom(3);
  for (i = 0; i < 20000; i++) {
    time_t want = (time_t)(random() * 100LL - 30000000000LL);
    int offset = (int)(random() % 1601) - 720;
    size_t n = date_imap(s, want, offset);
    if (!date_parse_imap(s, n, &t, &o) || t != want || o != offset) wrong++;
  }
  is_int(wrong, 0, "20000 moments come back");
}

static void local(void)
{
  char s[DATE_MAX];
  time_t t;
  int o, i, wrong = 0;
  setenv("TZ", "XYZ+3:30", 1);
  tzset();
  date_mail(s, 895754009);
  is_str(s, "Thu, 21 May 1998 09:03:29 -0330", "RFC 5322 3.3 in local time");
  for (i = 0; i < 20000; i++) {
    time_t want = (time_t)random();
    size_t n = date_mail(s, want);
    if (!date_parse(s, n, &t, &o) || t != want || o != -210) wrong++;
  }
  is_int(wrong, 0, "20000 moments come back");
}

static void mutations(void)
{
  static char const seed[] = "Thu, 21 May (x) 1998 05:33:29 -0700 (PDT)";
  static char const bytes[] = "0129 :,+-()\\\r\n\0\377JanZ";
  static char const stored[] = " 1-Feb-2020 05:33:29 -0700";
  int good = 0;
  for (int i = 0; i < MUTANTS; i++) {
    size_t n;
    char *s = mutate(BYTES(seed), BYTES(bytes), &n);
    time_t t;
    int o;
    good += date_parse(s, n, &t, &o) > 0;
    free(s);
    s = mutate(BYTES(stored), BYTES(bytes), &n);
    good += date_parse_imap(s, n, &t, &o) > 0;
    free(s);
  }
  ok(good > MUTANTS / 50, "%d damaged dates, %d still right", 2 * MUTANTS,
     good);
}

int main(void)
{
  mail();
  folded();
  bad();
  imap();
  local();
  mutations();
  return done();
}
