#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "password.h"

#define ARGON2ID "$argon2id$"

static char const *const prefixes[] = {"$2b$", "$2a$", "$2y$",
                                       "$y$",  "$6$",  "$5$"};

int password_init(void)
{
  return sodium_init() < 0 ? -1 : 1;
}

static int starts(char const *s, char const *with)
{
  return !strncmp(s, with, strlen(with));
}

int password_is_hash(char const *s)
{
  size_t n = strlen(s);
  if (n < 20 || n >= PASSWORD_HASH || strpbrk(s, " \t\r\n:!*")) return 0;
  if (starts(s, ARGON2ID)) return n < crypto_pwhash_STRBYTES;
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
    if (starts(s, prefixes[i])) return 1;
  return 0;
}

static int argon2id(char const *hash, char const *password)
{
  char s[crypto_pwhash_STRBYTES] = {0};
  memcpy(s, hash, strlen(hash));
  errno = 0;
  if (crypto_pwhash_str_verify(s, password, strlen(password)) == 0) return 1;
  return errno == ENOMEM ? -1 : 0;
}

/* crypt says failure with 0 here, and with a "*0" that must never be compared
   as if it were a hash. */
static int unix_crypt(char const *hash, char const *password)
{
  struct crypt_data *d = calloc(1, sizeof *d);
  char const *got;
  int r = -1;
  if (!d) return -1;
  got = crypt_rn(password, hash, d, sizeof *d);
  if (got && *got == '$') {
    size_t n = strlen(got);
    r = n == strlen(hash) && sodium_memcmp(got, hash, n) == 0;
  }
  int e = errno;
  explicit_bzero(d, sizeof *d);
  free(d);
  return errno = e, r;
}

int password_check(char const *hash, char const *password)
{
  if (!password_is_hash(hash)) return errno = EINVAL, -1;
  if (starts(hash, ARGON2ID)) return argon2id(hash, password);
  return unix_crypt(hash, password);
}

int password_hash(char *hash, char const *password, size_t kib, unsigned passes)
{
  errno = ENOMEM;
  return crypto_pwhash_str_alg(hash, password, strlen(password), passes,
                               kib * 1024, crypto_pwhash_ALG_ARGON2ID13) < 0
             ? -1
             : 1;
}
