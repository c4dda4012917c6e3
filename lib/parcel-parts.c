/* What stands inside records. */
#include <string.h>

#include <skalibs/random.h>

#include "parcel.h"

#define CLEAN_MAX 400

char const *parcel_part(parcel_record const *r, unsigned n)
{
  char const *s = r->s, *end = r->s + r->len;
  while (n--) {
    char const *zero = memchr(s, 0, (size_t)(end - s));
    if (!zero) return 0;
    s = zero + 1;
  }
  return s;
}

static char const *value(char const *s, char const *name)
{
  size_t n = strlen(name);
  return strncmp(s, name, n) || s[n] != '=' ? 0 : s + n + 1;
}

char const *parcel_param(parcel_record const *r, unsigned n, char const *name)
{
  char const *end = r->s + r->len;
  for (char const *s = parcel_part(r, n); s; s += strlen(s) + 1) {
    char const *v;
    if (s > end) break;
    v = value(s, name);
    if (v) return v;
  }
  return 0;
}

int parcel_refused(parcel_record const *r)
{
  return r->type == PARCEL_VERDICT && strcmp(r->s, "junk") &&
         !parcel_part(r, 2);
}

char const *parcel_fact(parcel_record const *r, char const *name)
{
  return r->type == PARCEL_CLIENT ? value(r->s, name) : 0;
}

void parcel_id(char *id, size_t n)
{
  static char const digits[] = "0123456789abcdefghijklmnopqrstuv";
  random_buf(id, n);
  for (size_t i = 0; i < n; i++) id[i] = digits[id[i] & 31];
  id[n] = 0;
}

size_t parcel_clean(char *to, size_t n, char const *s, size_t len)
{
  if (len > n - 1) len = n - 1;
  if (len > CLEAN_MAX) len = CLEAN_MAX;
  for (size_t i = 0; i < len; i++)
    to[i] = s[i] < ' ' || s[i] > '~' ? '?' : s[i];
  to[len] = 0;
  return len;
}
