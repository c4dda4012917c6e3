#include <string.h>

#include <sys/stat.h>

#include <skalibs/strerr.h>

#include "next-hop.h"
#include "table-relays.h"

void relays_private(char const *file)
{
  struct stat st;
  if (stat(file, &st) < 0) strerr_diefu2sys(111, "read ", file);
  if (S_ISREG(st.st_mode) && st.st_mode & 077)
    strerr_dief2x(1, file, ": others may read it, or write: chmod 600");
}

static size_t blanks(char const *s, size_t len)
{
  size_t n = 0;
  while (n < len && (s[n] == ' ' || s[n] == '\t')) n++;
  return n;
}

void relay_entry(text_line const *l, void *entries)
{
  static char const shape[] = "not NAME: USER:PASSWORD";
  stralloc key = STRALLOC_ZERO, value = STRALLOC_ZERO;
  char const *end = l->s + l->len, *colon = memchr(l->s, ':', l->len), *user;
  if (!colon) text_die(l, shape, 0);
  if (!text_name(l->s, (size_t)(colon - l->s)))
    text_die(l, "not a name of letters, digits, - and _", 0);
  text_check(stralloc_catb(&key, l->s, (size_t)(colon - l->s)));
  user = colon + 1 + blanks(colon + 1, (size_t)(end - colon - 1));
  colon = memchr(user, ':', (size_t)(end - user));
  if (!colon || colon == user || colon + 1 == end) text_die(l, shape, 0);
  if (colon - user > NEXT_HOP_SECRET || end - colon - 1 > NEXT_HOP_SECRET)
    text_die(l, "too long a user or password", 0);
  text_check(stralloc_catb(&value, user, (size_t)(colon - user)) &&
             stralloc_0(&value) &&
             stralloc_catb(&value, colon + 1, (size_t)(end - colon - 1)));
  entries_add(entries, l, 0, &key, &value);
  stralloc_free(&key);
  stralloc_free(&value);
}
