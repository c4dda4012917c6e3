/* The keys under which tables hold addresses: the part of addr.h that knows
   Unicode. */

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <idn2.h>
#include <utf8proc.h>

#include "addr.h"

static char lower(char c)
{
  return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* IDNA may return a name that DNS cannot hold ("a_b" is fine, "＠" becomes
   "@"), so every label of its answer is looked at. */
static int put_ascii(stralloc *out, char const *s, size_t len)
{
  size_t i, start = out->len;
  if (len > 253 || !addr_domain_valid(s, len, 0, 0)) return errno = EINVAL, 0;
  if (!stralloc_catb(out, s, len)) return -1;
  for (i = start; i < out->len; i++) out->s[i] = lower(out->s[i]);
  return 1;
}

static int put_utf8(stralloc *out, char const *s, size_t len)
{
  char in[ADDR_DOMAIN_MAX + 1];
  char *ascii = 0;
  int r;
  memcpy(in, s, len);
  in[len] = 0;
  r = idn2_to_ascii_8z(in, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  if (r == IDN2_MALLOC) return errno = ENOMEM, -1;
  if (r != IDN2_OK) return errno = EINVAL, 0;
  r = put_ascii(out, ascii, strlen(ascii));
  free(ascii);
  return r;
}

/* [1.2.3.4] or [ipv6:…] as inet_ntop writes it */
static int put_literal(stralloc *out, char const *s, size_t len)
{
  char text[64], canon[INET6_ADDRSTRLEN];
  struct in6_addr ip;
  int six = s[1] == 'I' || s[1] == 'i';
  int family = six ? AF_INET6 : AF_INET;
  size_t n = len - 2 - (six ? 5 : 0);
  memcpy(text, s + len - 1 - n, n);
  text[n] = 0;
  if (inet_pton(family, text, &ip) != 1 ||
      !inet_ntop(family, &ip, canon, sizeof canon))
    return errno = EINVAL, 0;
  if (!stralloc_cats(out, six ? "[ipv6:" : "[") || !stralloc_cats(out, canon) ||
      !stralloc_cats(out, "]"))
    return -1;
  return 1;
}

int addr_domain_key(stralloc *out, char const *s, size_t len)
{
  if (!addr_domain_valid(s, len, ADDR_UTF8, 1)) return errno = EINVAL, 0;
  if (*s == '[') return put_literal(out, s, len);
  return addr_is_utf8(s, len) ? put_utf8(out, s, len) : put_ascii(out, s, len);
}

/* NFC and Unicode's case folding */
static int fold(stralloc *local)
{
  utf8proc_uint8_t *to = 0;
  utf8proc_ssize_t n;
  size_t i;
  int r;
  if (!addr_is_utf8(local->s, local->len)) {
    for (i = 0; i < local->len; i++) local->s[i] = lower(local->s[i]);
    return 1;
  }
  n = utf8proc_map((utf8proc_uint8_t const *)local->s,
                   (utf8proc_ssize_t)local->len, &to,
                   UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
  if (n == UTF8PROC_ERROR_NOMEM) return errno = ENOMEM, -1;
  if (n < 0) return errno = EILSEQ, 0;
  r = stralloc_copyb(local, (char *)to, (size_t)n) ? 1 : -1;
  free(to);
  return r;
}

static int make_key(stralloc *out, stralloc *local, stralloc const *dom)
{
  size_t start = out->len;
  int r = fold(local);
  if (r <= 0) return r;
  if (addr_local_put(out, local->s, local->len) < 0) return -1;
  if (dom->len) {
    if (!stralloc_catb(out, "@", 1)) return -1;
    r = addr_domain_key(out, dom->s, dom->len);
  }
  if (r > 0 && out->len - start > ADDR_MAX) errno = ENAMETOOLONG, r = 0;
  if (r <= 0) out->len = start;
  return r;
}

int addr_key(stralloc *out, char const *s, size_t len)
{
  stralloc local = STRALLOC_ZERO, dom = STRALLOC_ZERO;
  int r = addr_split(s, len, ADDR_UTF8 | ADDR_BARE, &local, &dom);
  if (r > 0) r = make_key(out, &local, &dom);
  stralloc_free(&local);
  stralloc_free(&dom);
  return r;
}
