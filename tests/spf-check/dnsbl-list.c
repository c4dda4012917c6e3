/* needs: spf-check/dnsbl-list.o -lidn2 -lutf8proc */
/* The lists of dnsbl-check(8) as an admin writes them, and damaged. */
#include <stdlib.h>

#include "mutate.h"
#include "tap.h"
#include "spf-check/dnsbl-list.h"

static dnsbl_lists lists;

static int line(char const *s)
{
  char const *why = 0;
  int r = dnsbl_line(&lists, s, strlen(s), &why);
  if (r > 0 ? why != 0 : !why) ok(0, "a reason with every no");
  return r;
}

static void test_scores(void)
{
  static struct {
    char const *s;
    long want;
  } const good[] = {{"4", 4000},       {"-2", -2000},         {"+1.5", 1500},
                    {"0.001", 1},      {"-0.25", -250},       {".5", 500},
                    {"9999", 9999000}, {"9999.999", 9999999}, {"0", 0},
                    {"007", 7000}};
  static char const *const bad[] = {"",
                                    "-",
                                    ".",
                                    "1.2.3",
                                    "1,5",
                                    "x",
                                    "10000",
                                    "1.2345",
                                    "1e3",
                                    "--1",
                                    "99999999999999999999"};
  char to[DNSBL_SCORE_TEXT];
  long v;
  for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
    v = -1;
    ok(dnsbl_score_scan(&v, good[i].s, strlen(good[i].s)) && v == good[i].want,
       "%s is a score", good[i].s);
  }
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
    ok(!dnsbl_score_scan(&v, bad[i], strlen(bad[i])), "\"%s\" is none", bad[i]);
  is_str(dnsbl_score_show(to, 4000), "4", "shown without a point");
  is_str(dnsbl_score_show(to, -250), "-0.25", "or with one");
  is_str(dnsbl_score_show(to, 0), "0", "nothing");
  is_str(dnsbl_score_show(to, 9999999), "9999.999", "the most");
}

static void test_lists(void)
{
  static char const *const bad[] = {"zen.test",
                                    "zen.test x",
                                    "zen.test 1 ip5",
                                    "zen..test 1",
                                    "-.test 1",
                                    "a b.test 1",
                                    "zen.test 1 as",
                                    "zen.test 1 as a..b",
                                    "zen.test 1 text \001",
                                    "zen.test -1 helo",
                                    "zen.test -0.1 ip4 sender",
                                    " 127.0.0.2",
                                    " 127.0.0.2 x",
                                    " 127.0.0 1",
                                    " 127.0.0.2.3 1",
                                    " 127.0.0.256 1",
                                    " 127.0.0.3-2 1",
                                    " 127.0.0.2/33 1",
                                    " 127.0.0.3/31 1",
                                    " 127.0.*.2/24 1",
                                    " 127.0.0.2/ 1",
                                    " 127.0.0.0002 1",
                                    " 127.0.0.- 1"};
  dnsbl_list const *l = lists.v;
  is_int(line(" 127.0.0.2 1"), 0, "a response without a list");
  ok(line("") > 0 && line("  \t") > 0 && line("# x") > 0 && line("  # x") > 0,
     "blank lines and comments");
  is_int((int)lists.n, 0, "are no lists");
  ok(line("zen.test. 4") > 0, "a list");
  is_str(l->zone, "zen.test", "its zone, without a dot");
  ok(l->what == (DNSBL_IP4 | DNSBL_IP6) && l->score == 4000,
     "of addresses, with its score");
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
    is_int(line(bad[i]), 0, bad[i]);
  is_int((int)(lists.n + l->n), 1, "what is wrong leaves nothing");
  ok(line("key.dq.test\t1.5  ip4 helo sender txt notest as dq.test text Go # "
          "away ") > 0,
     "a list with everything");
  l++;
  ok(l->what == (DNSBL_IP4 | DNSBL_HELO | DNSBL_SENDER) && l->txt && l->no_test,
     "is all that");
  is_str(l->text, "Go # away", "its text goes to the end of the line");
  is_str(l->shown, "dq.test", "its name outside");
  ok(line("\t127.0.1.255 error") > 0 && l->v[0].error, "an error");
  is_int(line(" 127.0.0.2 -1"), 0, "no negative score for names here either");
}

static int finds(char const *range, unsigned char const ip[4])
{
  char s[64];
  snprintf(s, sizeof s, " %s 1 x", range);
  lists.v[lists.n - 1].n = 0;
  if (line(s) <= 0) return -1;
  return dnsbl_find(lists.v + lists.n - 1, ip) != 0;
}

static void test_ranges(void)
{
  static unsigned char const a[4] = {127, 0, 0, 10}, b[4] = {127, 0, 3, 11};
  static struct {
    char const *s;
    int a, b;
  } const v[] = {
      {"127.0.0.10", 1, 0},    {"127.0.0.10/31", 1, 0}, {"127.0.0.8/29", 1, 0},
      {"127.0.0.0/22", 1, 1},  {"127.0.0.0/23", 1, 0},  {"127.0.*.10-11", 1, 1},
      {"127.0.1-3.*", 0, 1},   {"*.*.*.*", 1, 1},       {"0.0.0.0/0", 1, 1},
      {"127.0.0.0/8", 1, 1},   {"128.0.0.0/1", 0, 0},   {"127.0.0.10/32", 1, 0},
      {"127.0.0.11-255", 0, 0}};
  line("ranges.test 1");
  for (unsigned i = 0; i < sizeof v / sizeof *v; i++)
    ok(finds(v[i].s, a) == v[i].a && finds(v[i].s, b) == v[i].b, "%s", v[i].s);
}

static void test_bounds(void)
{
  char s[DNSBL_LINE + 300];
  memset(s, 'x', sizeof s);
  memcpy(s, "text.test 1 text ", 17);
  s[17 + DNSBL_TEXT - 1] = 0;
  ok(line(s) > 0, "the longest text");
  s[17 + DNSBL_TEXT - 1] = 'x';
  s[17 + DNSBL_TEXT] = 0;
  is_int(line(s), 0, "a longer one");
  for (unsigned i = 0; i < 99; i++) s[2 * i] = 'a', s[2 * i + 1] = '.';
  memcpy(s + 198, "a 1", 4);
  ok(line(s) > 0, "a zone of 199 bytes");
  memcpy(s + 198, "aa 1", 5);
  is_int(line(s), 0, "a longer one");
  while (lists.n < DNSBL_LISTS) line("many.test 1");
  is_int(line("many.test 1"), 0, "a list too many");
  for (unsigned i = 0; i < DNSBL_RESPONSES; i++) line(" 127.0.0.2 1");
  is_int(line(" 127.0.0.2 1"), 0, "a response too many");
}

static void mutations(void)
{
  static char const *const from[] = {
      "zen.spamhaus.test 4.25 ip4 ip6 txt as zen.test text Listed by Zen",
      " 127.0.*.2-3 -0.5 A text", " 127.0.0.0/29 error",
      "dbl.test 2 helo sender notest"};
  static char const bytes[] = " \t.-*/0123456789:=#xe\0\377\n";
  long good = 0;
  for (int i = 0; i < MUTANTS; i++) {
    char const *t = from[mutate_dice(4)], *why = 0;
    size_t n;
    char *s = mutate(t, strlen(t), BYTES(bytes), &n);
    if (lists.n > DNSBL_LISTS / 2) dnsbl_free(&lists);
    if (lists.n && lists.v[lists.n - 1].n > 9) lists.v[lists.n - 1].n = 0;
    good += dnsbl_line(&lists, s, n, &why) > 0;
    free(s);
  }
  ok(good > MUTANTS / 50, "%d damaged lines, %ld still right", MUTANTS, good);
}

int main(void)
{
  test_scores();
  test_lists();
  test_ranges();
  test_bounds();
  dnsbl_free(&lists);
  mutations();
  dnsbl_free(&lists);
  return done();
}
