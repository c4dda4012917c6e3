/* Recipients counted for each destination and age. */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <skalibs/strerr.h>

#include "list.h"

#define AGES 10     /* columns, each for twice the age of the one before */
#define FIRST_AGE 5 /* minutes */

typedef struct count {
  size_t total, of[AGES];
  long long oldest, next; /* unix time */
  char name[];
} count;

static void must(int done)
{
  if (!done) strerr_diefu1sys(111, "allocate memory");
}

static int by_name(void const *a, void const *b)
{
  count const *x = a, *y = b;
  return strcmp(x->name, y->name);
}

static count *new_count(char const *name)
{
  size_t n = strlen(name) + 1;
  count *c = calloc(1, sizeof *c + n);
  must(c != 0);
  memcpy(c->name, name, n);
  return c;
}

static count *find(list_summary *s, char const *name)
{
  count *c = new_count(name), **got = tsearch(c, &s->tree, by_name);
  must(got != 0);
  if (*got == c)
    s->n++;
  else
    free(c);
  return *got;
}

static void add(count *c, picked const *x, long long now)
{
  unsigned i = 0;
  for (long long m = FIRST_AGE; i < AGES - 1; m *= 2, i++)
    if (now - x->q->time < m * 60) break;
  c->total++;
  c->of[i]++;
  if (!c->oldest || x->q->time < c->oldest) c->oldest = x->q->time;
  if (!c->next || x->record.next < c->next) c->next = x->record.next;
}

void list_count(list_summary *s, picked const *x)
{
  add(find(s, x->destination), x, s->now);
}

static void collect(void const *node, VISIT v, void *data)
{
  count const ***to = data;
  if (v == postorder || v == leaf) *(*to)++ = *(count *const *)node;
}

static int by_total(void const *a, void const *b)
{
  count const *x = *(count *const *)a, *y = *(count *const *)b;
  if (x->total != y->total) return x->total < y->total ? 1 : -1;
  return strcmp(x->name, y->name);
}

/* All of them, the most first, until a null. */
static count const **sorted(list_summary const *s)
{
  count const **v = calloc(s->n + 1, sizeof *v), **to = v;
  must(v != 0);
  twalk_r(s->tree, collect, &to);
  qsort(v, s->n, sizeof *v, by_total);
  return v;
}

static void line(count const *c)
{
  static stralloc name = STRALLOC_ZERO;
  name.len = 0;
  list_text(&name, c->name);
  fwrite(name.s, 1, name.len, stdout);
  printf("\t%zu", c->total);
  for (unsigned i = 0; i < AGES; i++) printf("\t%zu", c->of[i]);
  putchar('\n');
}

void list_summary_print(list_summary const *s)
{
  count const **v = sorted(s);
  count *all = new_count("all");
  long long m = FIRST_AGE;
  printf("minutes\ttotal");
  for (unsigned i = 0; i < AGES - 1; i++, m *= 2) printf("\t%lld", m);
  printf("\t%lld+\n", m / 2);
  for (size_t k = 0; k < s->n; k++) {
    all->total += v[k]->total;
    for (unsigned i = 0; i < AGES; i++) all->of[i] += v[k]->of[i];
  }
  line(all);
  for (size_t k = 0; k < s->n; k++) line(v[k]);
  free(all);
  free(v);
}

void list_summary_json(list_summary const *s)
{
  count const **v = sorted(s);
  for (size_t k = 0; k < s->n; k++) {
    json_t *o =
        json_pack("{s:s?,s:I,s:I,s:I}", "destination", v[k]->name, "recipients",
                  (json_int_t)v[k]->total, "oldest", (json_int_t)v[k]->oldest,
                  "next", (json_int_t)v[k]->next);
    must(o != 0);
    json_dumpf(o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(o);
  }
  free(v);
}
