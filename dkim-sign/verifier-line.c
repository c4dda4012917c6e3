/* Results of the verifier as text (RFC 8601 2.7.1). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter.h"
#include "verifier.h"

#define OUTSIDE 400 /* bytes of one property */

unsigned verifier_lines(verifier const *v)
{
  return v->n + v->others ? v->n + !!v->others : 1;
}

typedef struct line {
  char *s;
  size_t len;
} line;

__attribute__((format(printf, 2, 3))) static void add(line *l, char const *fmt,
                                                      ...)
{
  va_list ap;
  int n;
  va_start(ap, fmt);
  n = vsnprintf(l->s + l->len, VERIFIER_LINE - l->len, fmt, ap);
  va_end(ap);
  if (n > 0) l->len += (size_t)n;
  if (l->len >= VERIFIER_LINE) l->len = VERIFIER_LINE - 1;
}

static void property(line *l, char const *name, char const *value)
{
  char text[OUTSIDE + 1];
  if (!*value) return;
  filter_property(text, sizeof text, value);
  add(l, " header.%s=%s", name, text);
}

void verifier_line(char *to, verifier const *v, unsigned i)
{
  line l = {to, 0};
  verifier_signature const *s = v->v + i;
  claim const *c = &s->claim;
  if (i >= v->n) {
    if (v->others)
      add(&l, "dkim=policy reason=\"%u more signatures are not looked at\"",
          v->others);
    else
      add(&l, "dkim=none");
    return;
  }
  add(&l, "dkim=%s", dkim_words[s->result]);
  if (*s->reason) add(&l, " reason=\"%s\"", s->reason);
  property(&l, "d", c->domain);
  property(&l, "i", c->auid);
  property(&l, "s", c->selector);
  property(&l, "a", c->algorithm);
  property(&l, "b", c->start);
  if (s->testing) add(&l, " (test mode)");
}
