#include <stdlib.h>

#include "session.h"

static int by_start(void const *a, void const *b)
{
  span const *x = a, *y = b;
  return x->from < y->from ? -1 : x->from > y->from;
}

static void merge(spans *to)
{
  size_t n = 0;
  qsort(to->v, to->n, sizeof *to->v, by_start);
  for (size_t i = 0; i < to->n; i++) {
    if (to->v[i].from >= to->v[i].to) continue;
    if (n && to->v[i].from <= to->v[n - 1].to) {
      if (to->v[i].to > to->v[n - 1].to) to->v[n - 1].to = to->v[i].to;
    } else {
      to->v[n++] = to->v[i];
    }
  }
  to->n = n;
}

/* By UID a star is the last message, whatever the other end (6.4.8). */
static span by_uid(mailbox const *m, size_t known, uint32_t a, uint32_t b)
{
  uint32_t star = known ? m->v[known - 1].uid : 0;
  span r;
  if (a == UINT32_MAX) a = star;
  if (b == UINT32_MAX) b = star;
  if (a > b) {
    uint32_t c = a;
    a = b;
    b = c;
  }
  r.from = mailbox_find(m, a);
  r.to = b == UINT32_MAX ? m->n : mailbox_find(m, b + 1);
  if (r.from > known) r.from = known;
  if (r.to > known) r.to = known;
  return r;
}

int session_spans(session *s, parse *p, set const *which, int uid, spans *to)
{
  to->n = which->n;
  to->v = input_keep(&s->in, which->n * sizeof *to->v);
  if (!to->v) {
    p->no = "[LIMIT] Command too long";
    return 0;
  }
  for (size_t i = 0; i < which->n; i++) {
    uint32_t a = which->v[i].first, b = which->v[i].last;
    if (uid) {
      to->v[i] = by_uid(&s->box, s->exists, a, b);
      continue;
    }
    if (a == UINT32_MAX) a = s->exists;
    if (b == UINT32_MAX) b = s->exists;
    if (!a || !b || a > s->exists || b > s->exists) {
      p->error = "No such message number";
      return 0;
    }
    to->v[i] = a < b ? (span){a - 1, b} : (span){b - 1, a};
  }
  merge(to);
  return 1;
}
