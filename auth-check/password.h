/* Password hashes: made with Argon2id, checked against these prefixes:
   $argon2id$ (libsodium), $2a$ $2b$ $2y$ $y$ $6$ $5$ (crypt(5)). */
#ifndef PASSWORD_H
#define PASSWORD_H

#include <stddef.h>

#define PASSWORD_MAX 1024 /* most bytes of a password */
#define PASSWORD_HASH 512 /* most bytes of a hash, with the NUL */

/* Once, before any other: 1 or -1. */
int password_init(void);

/* Whether s looks like a hash that password_check can check. */
int password_is_hash(char const *s);

/* 1: password belongs to hash; 0: it does not; -1: errno, ENOMEM, EINVAL for a
   hash of no known kind. Takes as long as the hash was made to take. */
int password_check(char const *hash, char const *password);

/* An Argon2id hash with that many KiB and passes: 1 or -1 with errno. */
int password_hash(char *hash, char const *password, size_t kib,
                  unsigned passes);

#endif
