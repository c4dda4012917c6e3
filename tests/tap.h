/* TAP for tests in C: ok(), is_int(), is_str(), then return done(). */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3))) static inline int
ok(int good, char const *what, ...)
{
  va_list ap;
  printf("%sok %d - ", good ? "" : "not ", ++tap_count);
  va_start(ap, what);
  vprintf(what, ap);
  va_end(ap);
  puts("");
  fflush(stdout);
  if (!good) tap_failed++;
  return good;
}

static inline int is_int(long long got, long long want, char const *what)
{
  if (!ok(got == want, "%s", what)) printf("# got %lld want %lld\n", got, want);
  return got == want;
}

static inline int is_mem(char const *got, size_t n, char const *want,
                         char const *what)
{
  int same = n == strlen(want) && !memcmp(got, want, n);
  if (!ok(same, "%s", what))
    printf("# got  [%.*s]\n# want [%s]\n", (int)n, got, want);
  return same;
}

static inline int is_str(char const *got, char const *want, char const *what)
{
  return is_mem(got ? got : "(null)", got ? strlen(got) : 6, want, what);
}

static inline int done(void)
{
  printf("1..%d\n", tap_count);
  return tap_failed != 0;
}

#endif
