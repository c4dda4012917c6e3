#include <stdarg.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "route-walk.h"

int walk_init(walk *w, table *t)
{
  memset(w, 0, offsetof(walk, target));
  w->t = t;
  w->deadline = IO_FOREVER;
  /* Not zeroed: a look-up touches a few, and each page touched costs. */
  w->visits = malloc(ROUTE_VISITS * sizeof *w->visits);
  return w->visits ? 1 : -1;
}

void walk_free(walk *w)
{
  stralloc_free(&w->keys);
  stralloc_free(&w->addresses);
  free(w->visits);
}

static uint32_t hash(char const *s, size_t len)
{
  uint32_t h = 2166136261u;
  while (len--) h = (h ^ (unsigned char)*s++) * 16777619u;
  return h;
}

int walk_add(walk *w, char const *address, size_t len, int local)
{
  int how =
      local ? 0 : (w->keep ? ROUTE_KEEP : 0) | (w->bounce ? ROUTE_NULL : 0);
  size_t i;
  for (i = 0; i < w->ntargets; i++) {
    char const *have = w->addresses.s + w->target[i];
    if (w->local[i] == local && strlen(have) == len &&
        !memcmp(have, address, len))
      return ROUTE_OK;
  }
  if (w->ntargets == ROUTE_TARGETS) return ROUTE_TOOMANY;
  w->target[w->ntargets] = w->addresses.len;
  w->how[w->ntargets] = (unsigned char)how;
  w->local[w->ntargets++] = (unsigned char)local;
  if (!stralloc_catb(&w->addresses, address, len) || !stralloc_0(&w->addresses))
    return ROUTE_TEMP;
  return ROUTE_OK;
}

visit *walk_find(walk *w, char const *key, size_t len)
{
  uint32_t h = hash(key, len);
  size_t i;
  for (i = 0; i < w->nvisits; i++) {
    visit *v = w->visits + i;
    if (v->hash == h && v->len == len && !memcmp(w->keys.s + v->pos, key, len))
      return v;
  }
  return 0;
}

visit *walk_new(walk *w, char const *key, size_t len)
{
  visit *v = w->visits + w->nvisits;
  *v = (visit){.pos = w->keys.len,
               .len = len,
               .hash = hash(key, len),
               .open = 1,
               .result = ROUTE_UNKNOWN};
  if (!stralloc_catb(&w->keys, key, len)) return 0;
  w->nvisits++;
  return v;
}

int walk_give(walk *w, route_list *to)
{
  size_t i;
  to->v = calloc(w->ntargets, sizeof *to->v);
  if (!to->v) return ROUTE_TEMP;
  to->n = w->ntargets;
  to->memory = w->addresses.s;
  for (i = 0; i < to->n; i++)
    to->v[i] =
        (route_target){w->local[i], w->addresses.s + w->target[i], w->how[i]};
  w->addresses = (stralloc)STRALLOC_ZERO;
  return ROUTE_OK;
}

void walk_tell(walk *w, char const *fmt, ...)
{
  char text[2048];
  va_list ap;
  if (!w->tell) return;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  w->tell(w->data, w->depth + 1, text);
}
