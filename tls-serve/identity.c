#include <errno.h>
#include <string.h>

#include "identity.h"

/* The next netstring of a value: 1, 0 at its end, -1 with errno. */
static int netstring(char const **s, size_t *left, char const **item,
                     size_t *len)
{
  size_t n = 0, i;
  if (!*left) return 0;
  for (i = 0; i < *left && (*s)[i] != ':'; i++) {
    if ((*s)[i] < '0' || (*s)[i] > '9' || i == 6) return errno = EPROTO, -1;
    n = n * 10 + (size_t)((*s)[i] - '0');
  }
  if (!i || *left - i < 2 || *left - i - 2 < n || (*s)[i + 1 + n] != ',')
    return errno = EPROTO, -1;
  *item = *s + i + 1;
  *len = n;
  *s += i + n + 2;
  *left -= i + n + 2;
  return 1;
}

/* The key first, then the chain from the leaf on. */
static int load(identity *id, char const *s, size_t left)
{
  char const *item;
  size_t len;
  int r = netstring(&s, &left, &item, &len);
  if (r <= 0) return errno = EPROTO, -1;
  br_skey_decoder_init(&id->decoder);
  br_skey_decoder_push(&id->decoder, item, len);
  if (br_skey_decoder_last_error(&id->decoder)) return errno = EPROTO, -1;
  id->n = 0;
  while ((r = netstring(&s, &left, &item, &len)) > 0) {
    if (id->n == IDENTITY_CHAIN) return errno = EPROTO, -1;
    /* BearSSL reads it only, though its type has no const. */
    id->chain[id->n].data = (unsigned char *)(uintptr_t)item;
    id->chain[id->n++].data_len = len;
  }
  if (r == 0 && !id->n) errno = EPROTO, r = -1;
  return r < 0 ? -1 : 1;
}

/* 'n' NAME, lower case -> folder; 'd' -> folder; 'i' FOLDER -> identity */
static int find(table *t, char const *name, unsigned nth, char const **s,
                size_t *len)
{
  char key[IDENTITY_NAME + 2] = "n";
  size_t n = strlen(name), dot;
  char const *first;
  size_t firstlen;
  int r;
  if (n && name[n - 1] == '.') n--;
  if (n && n <= IDENTITY_NAME) {
    for (size_t i = 0; i < n; i++)
      key[1 + i] = name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i];
    r = table_get_nth(t, key, n + 1, 0, &first, &firstlen);
    if (r) return r < 0 ? r : table_get_nth(t, key, n + 1, nth, s, len);
    dot = strcspn(key + 1, ".");
    if (dot && dot < n) {
      key[dot] = '*';
      key[dot - 1] = 'n';
      r = table_get_nth(t, key + dot - 1, n + 2 - dot, 0, &first, &firstlen);
      if (r)
        return r < 0
                   ? r
                   : table_get_nth(t, key + dot - 1, n + 2 - dot, nth, s, len);
    }
  }
  return table_get_nth(t, "d", 1, nth, s, len);
}

int identity_of(identity *id, table *t, char const *folder, size_t len)
{
  char key[IDENTITY_NAME + 2] = "i";
  char const *s;
  int r;
  if (len > IDENTITY_NAME) return errno = EPROTO, -1;
  memcpy(key + 1, folder, len);
  r = table_get(t, key, len + 1, &s, &len);
  return r > 0 ? load(id, s, len) : r;
}

int identity_get(identity *id, table *t, char const *name, unsigned nth)
{
  char const *s;
  size_t len;
  int r = find(t, name, nth, &s, &len);
  if (r <= 0) return r;
  r = identity_of(id, t, s, len);
  if (r == 0) errno = EPROTO, r = -1;
  return r;
}
