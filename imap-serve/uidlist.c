#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/types.h>

#include "dotlock.h"
#include "uidlist.h"
#include "uidlist-parts.h"

#define LOCK UIDLIST_FILE ".lock"

int uidlist_lock(int dir)
{
  return dotlock_take(dir, LOCK);
}

void uidlist_unlock(int dir)
{
  dotlock_drop(dir, LOCK);
}

void uidlist_free(uidlist *l)
{
  stralloc_free(&l->header);
  stralloc_free(&l->names);
  free(l->v);
  free(l->hash);
  *l = (uidlist)UIDLIST_ZERO;
}

static uint32_t hash_of(char const *s, size_t len)
{
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < len; i++) h = (h ^ (unsigned char)s[i]) * 16777619u;
  return h ^ h >> 15;
}

/* Where the name is, or the free slot where it would be. */
static uid_slot *slot(uidlist const *l, char const *base, size_t len)
{
  size_t mask = l->slots - 1, i = hash_of(base, len) & mask;
  for (; l->hash[i].name; i = (i + 1) & mask) {
    char const *s = l->names.s + l->hash[i].name;
    if (!strncmp(s, base, len) && !s[len]) break;
  }
  return l->hash + i;
}

uint32_t uidlist_find(uidlist const *l, char const *base, size_t len)
{
  uid_slot const *h = l->slots ? slot(l, base, len) : 0;
  return h && h->name ? h->record : UIDLIST_NONE;
}

static int rehash(uidlist *l)
{
  uidlist bigger = *l;
  bigger.slots = l->slots ? l->slots * 2 : 64;
  bigger.hash = calloc(bigger.slots, sizeof *bigger.hash);
  if (!bigger.hash) return -1;
  for (size_t i = 0; i < l->slots; i++) {
    char const *s = l->names.s + l->hash[i].name;
    if (l->hash[i].name) *slot(&bigger, s, strlen(s)) = l->hash[i];
  }
  free(l->hash);
  *l = bigger;
  return 1;
}

static int room(uidlist *l)
{
  size_t a = l->a ? l->a * 2 : 32;
  uid_record *v;
  if (l->n < l->a) return 1;
  if (l->n >= UINT32_MAX / 4) return errno = EOVERFLOW, -1;
  v = realloc(l->v, a * sizeof *v);
  if (!v) return -1;
  l->v = v;
  l->a = a;
  return 1;
}

static int keep(uidlist *l, uint32_t *at, char const *s, size_t len)
{
  if (!l->names.len && !stralloc_0(&l->names)) return -1;
  if (len > UINT32_MAX - 2 - l->names.len) return errno = EOVERFLOW, -1;
  *at = (uint32_t)l->names.len;
  if (!stralloc_catb(&l->names, s, len) || !stralloc_0(&l->names)) return -1;
  return 1;
}

int uidlist_push(uidlist *l, uint32_t uid, char const *base, size_t len,
                 char const *extra, size_t extralen)
{
  uid_record r = {.uid = uid};
  uid_slot *h;
  if (l->slots < (l->used + 1) * 2 && rehash(l) < 0) return -1;
  h = slot(l, base, len);
  if (!h->name) {
    if (keep(l, &h->name, base, len) < 0) return -1;
    l->used++;
  }
  r.name = h->name;
  if (extralen && keep(l, &r.extra, extra, extralen) < 0) return -1;
  if (room(l) < 0) return -1;
  h->record = (uint32_t)l->n;
  l->v[l->n++] = r;
  if (l->next <= uid) l->next = uid + 1;
  return 1;
}

/* The list was replaced by somebody: records go, names stay, so that those
   who hold an offset keep a true one. */
void uidlist_restart(uidlist *l)
{
  for (size_t i = 0; i < l->slots; i++) l->hash[i].record = UIDLIST_NONE;
  l->n = l->told = 0;
  l->validity = l->next = 0;
  l->guid[0] = 0;
  l->header.len = 0;
  l->damaged = 0;
  l->read = 0;
}

int uidlist_add(uidlist *l, char const *base, size_t len)
{
  return uidlist_add_with(l, base, len, 0, 0);
}

int uidlist_add_with(uidlist *l, char const *base, size_t len,
                     char const *extra, size_t extralen)
{
  if (!l->next) l->next = 1;
  if (l->next == UINT32_MAX) return errno = EOVERFLOW, -1;
  if (uidlist_find(l, base, len) != UIDLIST_NONE) l->damaged = 1;
  return uidlist_push(l, l->next, base, len, extra, extralen);
}

/* Whether record i is the one that its name has now. */
int uidlist_current(uidlist const *l, size_t i)
{
  char const *s = uidlist_name(l, i);
  return slot(l, s, strlen(s))->record == i;
}

/* The first n records are those that there are now. */
void uidlist_renumber(uidlist *l, size_t n)
{
  for (size_t i = 0; i < l->slots; i++) l->hash[i].record = UIDLIST_NONE;
  for (size_t i = 0; i < n; i++) {
    char const *s = uidlist_name(l, i);
    slot(l, s, strlen(s))->record = (uint32_t)i;
  }
  l->n = l->told = n;
}

void uidlist_undo(uidlist *l)
{
  if (l->n == l->told) return;
  l->next = l->v[l->told].uid;
  uidlist_renumber(l, l->told);
}
