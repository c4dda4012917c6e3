/* Memory that runs out: nomem_each() calls a function again and again, and each
   time another one of its allocations fails, until none is left that could.
   Include it in one file of a test; it puts itself before the C library's, and
   under sanitizers before theirs, which then look for what was not freed. */
#ifndef NOMEM_H
#define NOMEM_H

#include <errno.h>
#include <stddef.h>

#include "tap.h"

#ifdef ROHRPOST_SAN
#define NOMEM_REAL(f) __interceptor_##f
#else
#define NOMEM_REAL(f) __libc_##f
#endif
void *NOMEM_REAL(malloc)(size_t);
void *NOMEM_REAL(calloc)(size_t, size_t);
void *NOMEM_REAL(realloc)(void *, size_t);

static unsigned long nomem_left; /* until one fails; 0: none will */
static int nomem_failed;

static int nomem_now(void)
{
  if (!nomem_left || --nomem_left) return 0;
  errno = ENOMEM;
  return nomem_failed = 1;
}

void *malloc(size_t n)
{
  return nomem_now() ? 0 : NOMEM_REAL(malloc)(n);
}

void *calloc(size_t n, size_t size)
{
  return nomem_now() ? 0 : NOMEM_REAL(calloc)(n, size);
}

void *realloc(void *p, size_t n)
{
  return nomem_now() ? 0 : NOMEM_REAL(realloc)(p, n);
}

/* r: what a function of ours said, 1 or -1; right: whether what it made is as
   it should be. "There is none", "it is not valid" is no word for ENOMEM. */
enum { NOMEM_WRONG = -1, NOMEM_SAID, NOMEM_RIGHT };
static inline int nomem_judge(int r, int right)
{
  return r < 0 ? NOMEM_SAID : r > 0 && right ? NOMEM_RIGHT : NOMEM_WRONG;
}

/* f begins from nothing, and frees what it made. That an allocation failed need
   not be said where nothing is wrong: some only shrink. */
static inline void nomem_each(int (*f)(void), char const *what)
{
  unsigned long n = 1;
  int r, wrong = 0;
  for (;; n++) {
    nomem_failed = 0;
    nomem_left = n;
    r = f();
    nomem_left = 0;
    if (!nomem_failed) break;
    if (r == NOMEM_WRONG) printf("# allocation %lu: a wrong answer\n", n);
    wrong += r == NOMEM_WRONG;
  }
  ok(r == NOMEM_RIGHT && !wrong && n > 1, "%s: any of %lu allocations may fail",
     what, n - 1);
}

#endif
