#include <string.h>

#include "way.h"

static int prefix(char const **s, char const *word)
{
  size_t n = strlen(word);
  if (strncmp(*s, word, n)) return 0;
  *s += n;
  return 1;
}

static int copy(char *to, size_t size, char const *s, size_t n)
{
  if (!n || n >= size) return 0;
  memcpy(to, s, n);
  to[n] = 0;
  return 1;
}

/* ",auth=NAME,tls=NAME", each at most once */
static int options(way *w, char const *s)
{
  while (*s) {
    char *to = prefix(&s, NEXT_HOP_AUTH)  ? w->login
               : prefix(&s, NEXT_HOP_TLS) ? w->own
                                          : 0;
    size_t n = strcspn(s, ",");
    if (!to || *to || !copy(to, sizeof w->own, s, n)) return 0;
    s += n;
  }
  return 1;
}

int way_read(way *w, char const *s, int given)
{
  size_t n;
  memset(w, 0, sizeof *w);
  w->lmtp = prefix(&s, "lmtp:");
  w->socket = w->lmtp && *s == '/';
  if (w->socket) return copy(w->to, sizeof w->to, s, strlen(s));
  w->implicit = !w->lmtp && prefix(&s, "smtps:");
  if (w->lmtp || w->implicit || prefix(&s, "smtp:"))
    given = 1;
  else if (prefix(&s, "mx:"))
    given = 0;
  w->by_mx = !given;
  n = w->by_mx || w->lmtp ? strlen(s) : strcspn(s, ",");
  return copy(w->to, sizeof w->to, s, n) && options(w, s + n);
}
