#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "delivered.h"
#include "header.h"

static int blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int add_key(stralloc *keys, char const *s, size_t len)
{
  size_t start = keys->len;
  int r;
  while (len && blank(*s)) s++, len--;
  while (len && blank(s[len - 1])) len--;
  r = len ? addr_key(keys, s, len) : 0;
  if (r <= 0) keys->len = start;
  return r > 0 && !stralloc_0(keys) ? -1 : r;
}

static int each_field(stralloc *keys, char const *s, size_t len)
{
  header_field f;
  unsigned found = 0;
  int r;
  for (size_t i = 0; (r = header_next(&f, s + i, len - i)); i += f.len) {
    if (r < 0 || !header_is(&f, "Delivered-To")) continue;
    if (++found > DELIVERED_MAX) break;
    if (add_key(keys, f.value, f.valuelen) < 0) return -1;
  }
  return 1;
}

int delivered_read(stralloc *keys, compose const *c)
{
  size_t len;
  char *s = compose_header(c, &len);
  int r = s ? each_field(keys, s, len) : -1;
  free(s);
  return r;
}

int delivered_has(stralloc const *keys, char const *address)
{
  stralloc key = STRALLOC_ZERO;
  int r = addr_key(&key, address, strlen(address)), found = 0;
  if (r > 0 && !stralloc_0(&key)) r = -1;
  for (size_t i = 0; r > 0 && !found && i < keys->len;) {
    found = !strcmp(keys->s + i, key.s);
    i += strlen(keys->s + i) + 1;
  }
  stralloc_free(&key);
  return r < 0 ? -1 : found;
}
