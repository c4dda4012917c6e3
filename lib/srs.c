#include <errno.h>
#include <string.h>
#include <strings.h>

#include "addr.h"
#include "srs-hash.h"
#include "srs.h"

#define DAY (24 * 60 * 60)
#define DAYS 1024 /* what two digits count */

static char const digits[] = "abcdefghijklmnopqrstuvwxyz234567";

static char lower(char c)
{
  return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* "SRSk=HASH=" and text, at a domain of ours */
static int put(table *secrets, stralloc *out, char kind, stralloc const *text,
               char const *domain, size_t len)
{
  char head[] = {'S', 'R', 'S', kind, '='}, hash[SRS_HASH];
  stralloc local = STRALLOC_ZERO;
  size_t start = out->len;
  int r = srs_hash_make(secrets, kind, text->s, text->len, hash);
  if (r > 0 && (!stralloc_catb(&local, head, sizeof head) ||
                !stralloc_catb(&local, hash, (size_t)r) ||
                !stralloc_append(&local, '=') || !stralloc_cat(&local, text) ||
                addr_local_put(out, local.s, local.len) < 0 ||
                !stralloc_append(out, '@') || !stralloc_catb(out, domain, len)))
    r = -1;
  stralloc_free(&local);
  if (r > 0 && !addr_valid(out->s + start, out->len - start, ADDR_UTF8)) r = 0;
  if (r <= 0) out->len = start;
  return r;
}

/* The text behind the hash. A sender that somebody else has rewritten keeps
   what that one needs; who comes in between is left out. */
static int text_of(stralloc *text, char *kind, stralloc const *local,
                   stralloc const *domain, time_t now)
{
  char const *s = local->s, *end = s + local->len, *host;
  unsigned day = (unsigned)(now / DAY % DAYS);
  char stamp[] = {digits[day >> 5], digits[day & 31], '='};
  *kind = srs_is(s, local->len) ? '1' : '0';
  if (*kind == '0')
    return stralloc_catb(text, stamp, 3) && stralloc_cat(text, domain) &&
           stralloc_append(text, '=') && stralloc_cat(text, local);
  if (s[3] == '0') /* its separator stays */
    return stralloc_cat(text, domain) && stralloc_append(text, '=') &&
           stralloc_catb(text, s + 4, local->len - 4);
  host = memchr(s + 5, '=', local->len - 5);
  if (!host) host = s + 4; /* no SRS1 of anybody: as it is */
  return stralloc_catb(text, host + 1, (size_t)(end - host - 1));
}

int srs_forward(table *secrets, stralloc *out, char const *sender,
                char const *domain, size_t len, time_t now)
{
  stralloc local = STRALLOC_ZERO, at = STRALLOC_ZERO, host = STRALLOC_ZERO;
  stralloc text = STRALLOC_ZERO;
  char kind;
  int r = addr_split(sender, strlen(sender), ADDR_UTF8, &local, &at);
  if (r > 0) r = addr_domain_key(&host, at.s, at.len);
  if (r > 0) r = text_of(&text, &kind, &local, &host, now) ? 1 : -1;
  if (r > 0) r = put(secrets, out, kind, &text, domain, len);
  stralloc_free(&local);
  stralloc_free(&at);
  stralloc_free(&host);
  stralloc_free(&text);
  return r;
}

static int digit(char c)
{
  char const *p = c ? strchr(digits, lower(c)) : 0;
  return p ? (int)(p - digits) : -1;
}

/* A clock that is a day behind the maker's is forgiven. */
static int fresh(char const *stamp, time_t now)
{
  int a = digit(stamp[0]), b = digit(stamp[1]), age;
  if (a < 0 || b < 0) return 0;
  age = ((int)(now / DAY % DAYS) - (a << 5 | b) + DAYS) % DAYS;
  return age <= SRS_DAYS || age == DAYS - 1;
}

static int put_sender(stralloc *out, char const *local, size_t len,
                      char const *domain, size_t dlen)
{
  size_t start = out->len;
  if (addr_local_put(out, local, len) < 0 || !stralloc_append(out, '@') ||
      !stralloc_catb(out, domain, dlen))
    return -1;
  if (addr_valid(out->s + start, out->len - start, ADDR_UTF8)) return 1;
  out->len = start;
  return 0;
}

/* TT=DOMAIN=LOCAL */
static int reverse0(stralloc *out, char const *s, size_t len, time_t now)
{
  char const *end = s + len, *domain = s + 3, *eq;
  if (len < 6 || s[2] != '=' || !fresh(s, now)) return 0;
  eq = memchr(domain, '=', len - 3);
  if (!eq) return 0;
  return put_sender(out, eq + 1, (size_t)(end - eq - 1), domain,
                    (size_t)(eq - domain));
}

/* FORWARDER, =, what stood behind SRS0 there */
static int reverse1(stralloc *out, char const *s, size_t len)
{
  stralloc local = STRALLOC_ZERO;
  char const *end = s + len, *eq = memchr(s, '=', len);
  int r;
  if (!eq || eq == s || eq + 1 == end || !strchr(SRS_SEPARATORS, eq[1]))
    return 0;
  r = stralloc_cats(&local, "SRS0") &&
              stralloc_catb(&local, eq + 1, (size_t)(end - eq - 1))
          ? put_sender(out, local.s, local.len, s, (size_t)(eq - s))
          : -1;
  stralloc_free(&local);
  return r;
}

int srs_reverse(table *secrets, stralloc *out, char const *local, size_t len,
                time_t now)
{
  char const *hash = local + 5, *end = local + len, *s;
  int r;
  if (!srs_is(local, len)) return 0;
  s = memchr(hash, '=', len - 5);
  if (!s) return 0;
  len = (size_t)(end - ++s);
  r = srs_hash_check(secrets, local[3], s, len, hash, (size_t)(s - 1 - hash));
  if (r <= 0) return r;
  return local[3] == '0' ? reverse0(out, s, len, now) : reverse1(out, s, len);
}
