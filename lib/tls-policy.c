#include <string.h>

#include "tls-policy.h"

#define NAME_LEN 253
#define PIN_DIGITS 64

static char const *const tls_words[] = {"none", "encrypted", "authenticated"};
static char const *const mx_words[] = {"none", "mtasts", "dnssec"};

char const *tls_policy_tls(int level)
{
  return tls_words[level];
}

char const *tls_policy_mx(int level)
{
  return mx_words[level];
}

static int is(char const *s, size_t len, char const *word)
{
  return strlen(word) == len && !memcmp(s, word, len);
}

static int level(int *to, char const *const *words, char const *s, size_t len)
{
  for (int i = 0; i < 3; i++)
    if (is(s, len, words[i])) {
      *to = i;
      return 1;
    }
  return 0;
}

static int flag(int *to, char const *s, size_t len, char const *on,
                char const *off)
{
  *to = is(s, len, on);
  return *to || is(s, len, off);
}

static int is_name(char const *s, size_t len)
{
  if (!len || len > NAME_LEN) return 0;
  for (size_t i = 0; i < len; i++)
    if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= 'A' && s[i] <= 'Z') &&
        !(s[i] >= '0' && s[i] <= '9') && s[i] != '-' && s[i] != '.' &&
        s[i] != '_')
      return 0;
  return 1;
}

static int is_pin(char const *s, size_t len)
{
  if (len != 7 + PIN_DIGITS || memcmp(s, "sha256:", 7)) return 0;
  for (size_t i = 7; i < len; i++)
    if (!s[i] || !strchr("0123456789abcdefABCDEF", s[i])) return 0;
  return 1;
}

/* Names make PKIX, fingerprints stand for themselves: not both. The first
   name is the host, the others are names. */
static int must(tls_policy *p, char const *how, char const *option,
                char const *s, size_t len)
{
  size_t n = strlen(how);
  if (p->must.len > TLS_POLICY_MAX) return 0;
  if (p->must.len && (p->must.len <= n || strcmp(p->must.s, how))) return 0;
  if (!p->must.len && !stralloc_catb(&p->must, how, n + 1)) return -1;
  if (!stralloc_cats(&p->must, option) || !stralloc_catb(&p->must, s, len) ||
      !stralloc_0(&p->must))
    return -1;
  return 1;
}

int tls_policy_word(tls_policy *p, char const *s, size_t len)
{
  char const *equals = memchr(s, '=', len), *v = equals ? equals + 1 : 0;
  size_t n = v ? (size_t)(s + len - v) : 0, name = len - n;
  if (!v) return 0;
  if (is(s, name, "tls=")) return level(&p->tls, tls_words, v, n);
  if (is(s, name, "mx=")) return level(&p->mx, mx_words, v, n);
  if (is(s, name, "dane=")) return flag(&p->no_dane, v, n, "no", "yes");
  if (is(s, name, "sts=")) return flag(&p->no_sts, v, n, "no", "yes");
  if (is(s, name, "tls-required="))
    return flag(&p->strict, v, n, "ignore", "obey");
  if (is(s, name, "name="))
    return is_name(v, n)
               ? must(p, "verify=pkix", p->must.len ? "name=" : "host=", v, n)
               : 0;
  if (is(s, name, "pin="))
    return is_pin(v, n) ? must(p, "verify=pin", "pin=", v, n) : 0;
  return 0;
}

int tls_policy_words(tls_policy *p, char const *s, size_t len)
{
  int r = 1;
  for (size_t i = 0; r > 0 && i < len;) {
    size_t n = 0;
    while (i < len && strchr(" \t\r\n,", s[i])) i++;
    while (i + n < len && !strchr(" \t\r\n,", s[i + n])) n++;
    if (n) r = tls_policy_word(p, s + i, n);
    i += n;
  }
  return r;
}
