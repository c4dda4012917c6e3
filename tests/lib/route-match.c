/* Patterns of aliases: what may stand in a table, what is filled in, and that
   no pattern that passes the check takes long on any address. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "addr.h"
#include "route-match.h"
#include "mutate.h"
#include "tap.h"

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fills(char const *target, char const *want)
{
  static match_span const m[10] = {{0, 3}, {0, 1}, {-1, -1}, {2, 3}};
  stralloc out = STRALLOC_ZERO;
  match_fill(&out, target, strlen(target), "abc", m, 3);
  stralloc_0(&out);
  ok(!strcmp(out.s, want), "%s becomes %s", target, want);
  stralloc_free(&out);
}

static void first(char const *list, size_t len, char const *s, char const *want)
{
  stralloc out = STRALLOC_ZERO;
  char const *ere = "";
  int r = match_first(list, len, s, &out, &ere);
  ok(want ? r == 1 && out.len == strlen(want) && !memcmp(out.s, want, out.len)
          : r == 0 && !out.len,
     "%s becomes %s", s, want ? want : "nothing");
  stralloc_free(&out);
}

static void lists(void)
{
  static char const list[] = "a(.)\0x\\1\0\0b\0:socket=s\0\0(c.*)\0\\1\0\0";
  static char const open[] = "a\0b";
  stralloc out = STRALLOC_ZERO;
  char const *ere;
  first(list, sizeof list - 1, "ab", "xb");
  first(list, sizeof list - 1, "b", ":socket=s");
  first(list, sizeof list - 1, "c:", "c:");
  first(list, sizeof list - 1, "abc", 0);
  first(list, sizeof list - 1, "", 0);
  first("", 0, "a", 0);
  first("(:.*)\0\\1\0\0", 11, ":socket=x", "");
  ok(match_first(open, 3, "a", &out, &ere) < 0 && errno == EPROTO,
     "a list without an end");
  ok(match_first("(\0x\0\0", 5, "a", &out, &ere) < 0 && errno == EPROTO,
     "a pattern that is none");
}

static char const *const seeds[] = {
    "(.+)\\+(.+)@(.+)",  "((a*)*)*@b",     "(a|ab|b)*(a|b){1,9}@[ab].*",
    "([a-c]{2,5}){3,9}", "(a?){30}a{3}@b", "[[:alpha:]]+(.*)(.*)(.*)@(.*)",
    "[]a^-]{0,10}.{9}",  "(()|a|b+)*@.?",  "\\{a\\}|x{3,}[^/]*"};

/* Addresses that make matchers that go back and forth slow */
static void hostile(char *s, unsigned kind)
{
  memset(s, 'a', ADDR_MAX);
  for (unsigned i = 0; kind && i < ADDR_MAX; i++)
    s[i] = "ab+a"[mutate_dice(1 + kind)];
  s[ADDR_MAX - 2] = '@';
  s[ADDR_MAX - 1] = "bac"[kind % 3];
  s[ADDR_MAX] = 0;
}

static void mutations(void)
{
  unsigned good = 0, bad = 0;
  double worst = 0;
  char slow[128] = "";
  for (int i = 0; i < 4000; i++) {
    char *p = mutate_text(seeds[(size_t)i % (sizeof seeds / sizeof *seeds)],
                          BYTES("(){}[]|*+?.^$\\1a,9:-/@"));
    char s[ADDR_MAX + 1], list[320];
    unsigned groups;
    int n;
    if (match_check(p, &groups)) {
      bad++;
      free(p);
      continue;
    }
    good++;
    n = snprintf(list, sizeof list, "%s%c\\1$%u%c", p, 0, groups, 0);
    for (unsigned kind = 0; kind < 4; kind++) {
      stralloc out = STRALLOC_ZERO;
      char const *ere;
      double start = now();
      hostile(s, kind);
      if (match_first(list, (size_t)n + 1, s, &out, &ere) < 0) worst = 1e9;
      if (now() - start > worst) {
        worst = now() - start;
        snprintf(slow, sizeof slow, "%s", p);
      }
      stralloc_free(&out);
    }
    free(p);
  }
  ok(good > 500 && bad > 500, "mutated patterns: %u good, %u bad", good, bad);
  /* A matcher that goes back and forth needs years; ours 2 ms, and a machine
     that is slow or sold twice may make seconds of them. */
  ok(worst < 60, "the slowest, %s, takes %.1f ms of CPU", slow, worst * 1e3);
}

int main(void)
{
  unsigned groups;
  fills("\\1x\\3", "axc");
  fills("$1x$3", "axc");
  fills("\\0$0", "abcabc");
  fills("\\2", "");
  fills("\\4", "");
  fills("$$1$", "$1$");
  fills("a\\", "a\\");
  fills("\"\\\\1\"", "\"\\\\1\"");
  ok(!match_check("(a)(b)", &groups) && groups == 2, "two groups");
  ok(!match_check("((((((((((a))))))))))", &groups) && groups == 9,
     "nine are enough");
  ok(match_check("(", &groups) && match_check("[", &groups) &&
         match_check("a\\", &groups) && match_check("[[:x", &groups) &&
         match_check("", &groups),
     "what is none");
  ok(match_check("(a*)*", &groups) && match_check("(()|a)+", &groups) &&
         match_check("(a?|b){2}", &groups) && match_check("a**", &groups) &&
         match_check("x(^|a)*", &groups) &&
         match_check("((a{0,1})b?)+", &groups),
     "no repetition of what may be empty");
  ok(!match_check("([a-z]*\\.)+x", &groups) && !match_check("(a+)+", &groups) &&
         !match_check("(a*)?", &groups) && !match_check("(a*b)*", &groups),
     "but of groups");
  ok(match_check("(a)\\1", &groups) && !match_check("[\\1]", &groups),
     "no reference back");
  ok(!match_check("a{100}", &groups) && match_check("a{50}b{3}", &groups) &&
         !match_check("[]{999}a]", &groups) &&
         !match_check("[[:alpha:]{99}]{99}", &groups),
     "a hundred repetitions");
  ok(!match_check_target("\\1$2", 4, 2) && match_check_target("\\3", 2, 2) &&
         match_check_target("$9", 2, 2) && !match_check_target("$$9", 3, 2),
     "references of targets");
  lists();
  mutations();
  return done();
}
