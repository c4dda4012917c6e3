#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <skalibs/sha1.h>
#include <sodium.h>

#include "srs-hash.h"
#include "srs.h"

#define OURS 8
#define THEIRS 4 /* postsrsd's -n and -N, both by default */
#define BLOCK 64
#define SHA1 20
#define SEPARATORS(kind) ((kind) == '0' ? 2 : 1)

static char const digits[] = "abcdefghijklmnopqrstuvwxyz234567";
static char const base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What is hashed and with what. made: characters of one that we make. */
typedef struct maker {
  char const *secret;
  size_t len, made;
  int postsrsd;
} maker;

static char lower(char c)
{
  return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* The nth secret: 1, 0: there is none, -1 */
static int nth(table *secrets, unsigned n, maker *m)
{
  size_t skip = strlen(SRS_POSTSRSD);
  int r = table_get_nth(secrets, "s", 1, n, &m->secret, &m->len);
  if (r <= 0) return r;
  m->postsrsd = m->len > skip && !memcmp(m->secret, SRS_POSTSRSD, skip);
  m->made = m->postsrsd ? THEIRS : OURS;
  if (m->postsrsd) {
    m->secret += skip;
    m->len -= skip;
  }
  return m->len < SRS_SECRET ? (errno = EPROTO, -1) : 1;
}

/* OURS digits */
static void ours(maker const *m, char kind, char const *s, size_t len, char *to)
{
  crypto_auth_hmacsha256_state h;
  unsigned char mac[crypto_auth_hmacsha256_BYTES];
  uint64_t bits = 0;
  crypto_auth_hmacsha256_init(&h, (unsigned char const *)m->secret, m->len);
  crypto_auth_hmacsha256_update(&h, (unsigned char const *)&kind, 1);
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)lower(s[i]);
    crypto_auth_hmacsha256_update(&h, &c, 1);
  }
  crypto_auth_hmacsha256_final(&h, mac);
  sodium_memzero(&h, sizeof h);
  for (int i = 0; i < 5; i++) bits = bits << 8 | mac[i];
  for (int i = OURS; i--; bits >>= 5) to[i] = digits[bits & 31];
}

/* HMAC (RFC 2104): the key, which pad turns into the one inside or outside */
static void hmac_key(SHA1Schedule *h, char const *key, size_t len, char pad)
{
  char block[BLOCK] = {0};
  if (len > BLOCK) {
    SHA1Schedule k = SHA1_INIT();
    sha1_update(&k, key, len);
    sha1_final(&k, block);
  } else {
    memcpy(block, key, len);
  }
  for (int i = 0; i < BLOCK; i++) block[i] ^= pad;
  sha1_init(h);
  sha1_update(h, block, BLOCK);
  sodium_memzero(block, sizeof block);
}

/* HMAC-SHA-1 over the text without the separators that do not stand in its last
   part, in base64: what of it has no padding */
static size_t theirs(maker const *m, char kind, char const *s, size_t len,
                     char to[SRS_HASH])
{
  SHA1Schedule h;
  char mac[SHA1 + 1] = {0};
  int skip = SEPARATORS(kind);
  size_t n = 0;
  hmac_key(&h, m->secret, m->len, 0x36);
  for (size_t i = 0; i < len; i++) {
    char c = lower(s[i]);
    if (c == '=' && skip > 0)
      skip--;
    else
      sha1_update(&h, &c, 1);
  }
  sha1_final(&h, mac);
  hmac_key(&h, m->secret, m->len, 0x5c);
  sha1_update(&h, mac, SHA1);
  sha1_final(&h, mac);
  for (int i = 0; i < SHA1; i += 3) {
    uint32_t three = (uint32_t)(unsigned char)mac[i] << 16;
    if (i + 1 < SHA1) three |= (uint32_t)(unsigned char)mac[i + 1] << 8;
    if (i + 2 < SHA1) three |= (unsigned char)mac[i + 2];
    for (int k = 18; k >= 0 && n < SRS_HASH - 1; k -= 6)
      to[n++] = base64[three >> k & 63];
  }
  return n;
}

static size_t whole(maker const *m, char kind, char const *s, size_t len,
                    char to[SRS_HASH])
{
  if (m->postsrsd) return theirs(m, kind, s, len, to);
  ours(m, kind, s, len, to);
  return OURS;
}

int srs_hash_make(table *secrets, char kind, char const *s, size_t len,
                  char to[SRS_HASH])
{
  maker m;
  int r = nth(secrets, 0, &m);
  if (r <= 0) return r ? r : (errno = EPROTO, -1);
  whole(&m, kind, s, len, to);
  return (int)m.made;
}

/* Hosts change the case of local parts, so that of a hash tells nothing. */
int srs_hash_check(table *secrets, char kind, char const *s, size_t len,
                   char const *got, size_t n)
{
  int found = 0;
  for (unsigned i = 0; i < SRS_SECRETS; i++) {
    char good[SRS_HASH];
    maker m;
    size_t most;
    int r = nth(secrets, i, &m), differ = 0;
    if (r < 0) return -1;
    if (!r) break;
    most = whole(&m, kind, s, len, good);
    if (n < m.made || n > most) continue;
    for (size_t k = 0; k < n; k++) differ |= lower(good[k]) ^ lower(got[k]);
    found |= !differ;
  }
  return found;
}
