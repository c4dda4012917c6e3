#include <errno.h>
#include <string.h>

#include "auth-check.h"
#include "table.h"

/* What a check costs where there is no account to compare with. */
#define NO_ACCOUNT                                                             \
  "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"                     \
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static int keep(char *hash, char const *s, size_t len)
{
  if (len >= PASSWORD_HASH) return errno = EPROTO, -1;
  memcpy(hash, s, len);
  hash[len] = 0;
  return 1;
}

static int first(char const *key, size_t keylen, char const *s, size_t len,
                 void *hash)
{
  (void)key;
  (void)keylen;
  return keep(hash, s, len) < 0 ? -1 : 2; /* one is enough */
}

static int find(table *t, stralloc const *key, char *account, char *hash)
{
  char const *s;
  size_t len;
  int r = key->len && key->len <= ADDR_MAX
              ? table_get(t, key->s, key->len, &s, &len)
              : 0;
  if (r > 0) {
    memcpy(account, key->s, key->len);
    account[key->len] = 0;
    return hash ? keep(hash, s, len) : 1;
  }
  if (r == 0 && hash) {
    keep(hash, NO_ACCOUNT, strlen(NO_ACCOUNT));
    if (table_each(t, first, hash) < 0) return -1;
  }
  return r;
}

int users_find(char const *name, char *account, char *hash)
{
  stralloc key = STRALLOC_ZERO;
  table *t;
  int r;
  if (table_open(&t, opt.file) < 0) return -1;
  r = addr_key(&key, name, strlen(name));
  if (r == 0) key.len = 0;
  if (r >= 0) r = find(t, &key, account, hash);
  int e = errno;
  stralloc_free(&key);
  table_close(t);
  return errno = e, r;
}
