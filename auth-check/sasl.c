#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "sasl.h"

#define RESPONSE_MAX (2 * ADDR_MAX + PASSWORD_MAX + 2)

int sasl_mechanism(char const *name)
{
  if (!strcasecmp(name, "PLAIN")) return SASL_PLAIN;
  if (!strcasecmp(name, "LOGIN")) return SASL_LOGIN;
  return SASL_UNKNOWN;
}

/* 1 if s is a string without NUL that fits. */
static int keep(char *to, size_t size, char const *s, size_t len)
{
  if (len >= size || memchr(s, 0, len)) return 0;
  memcpy(to, s, len);
  to[len] = 0;
  return 1;
}

/* Whether both name one account; both as tables have them. */
static int same_account(char const *a, size_t alen, char const *b, size_t blen)
{
  stralloc x = STRALLOC_ZERO, y = STRALLOC_ZERO;
  int same = 0;
  if (alen == blen && !memcmp(a, b, alen)) return 1;
  if (addr_key(&x, a, alen) > 0 && addr_key(&y, b, blen) > 0)
    same = x.len == y.len && !memcmp(x.s, y.s, x.len);
  stralloc_free(&x);
  stralloc_free(&y);
  return same;
}

/* authzid NUL authcid NUL passwd */
static int plain(sasl *s, char const *r, size_t len)
{
  char const *id = memchr(r, 0, len), *pw;
  size_t left;
  if (!id++) return SASL_BAD;
  left = len - (size_t)(id - r);
  pw = memchr(id, 0, left);
  if (!pw++) return SASL_BAD;
  if (!keep(s->name, sizeof s->name, id, (size_t)(pw - 1 - id)) ||
      !keep(s->password, sizeof s->password, pw, len - (size_t)(pw - r)))
    return SASL_BAD;
  if (*r && !same_account(r, (size_t)(id - 1 - r), id, (size_t)(pw - 1 - id)))
    return SASL_AUTHZ;
  return SASL_DONE;
}

static int login(sasl *s, char const *r, size_t len)
{
  if (s->step++ == 0) {
    s->challenge = "UGFzc3dvcmQ6"; /* Password: */
    return keep(s->name, sizeof s->name, r, len) ? SASL_ASK : SASL_BAD;
  }
  return keep(s->password, sizeof s->password, r, len) ? SASL_DONE : SASL_BAD;
}

int sasl_respond(sasl *s, char const *response)
{
  char raw[RESPONSE_MAX + 1];
  size_t len;
  int r;
  if (!response) {
    s->challenge = s->mechanism == SASL_LOGIN ? "VXNlcm5hbWU6" : "";
    return SASL_ASK;
  }
  /* constant in time, unlike lib/base64: this is a secret */
  if (sodium_base642bin((unsigned char *)raw, sizeof raw, response,
                        strlen(response), 0, &len, 0,
                        sodium_base64_VARIANT_ORIGINAL) < 0)
    r = SASL_BAD;
  else
    r = s->mechanism == SASL_LOGIN ? login(s, raw, len) : plain(s, raw, len);
  explicit_bzero(raw, sizeof raw);
  return r;
}
