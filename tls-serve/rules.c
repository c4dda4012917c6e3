#include <string.h>

#include <arpa/inet.h>

#include "rules.h"

#define PIN_BYTES 32

static int add_name(rules *r, char const *name)
{
  if (r->names_n == RULES_NAMES) return 0;
  r->names[r->names_n++] = name;
  return 1;
}

/* An address is no name to ask for (RFC 6066 3). */
static int ask_for(rules *r, char const *name)
{
  struct in6_addr a;
  if (*name && !inet_pton(AF_INET, name, &a) && !inet_pton(AF_INET6, name, &a))
    r->sni = name;
  return 1;
}

static int own(rules *r, char const *name)
{
  if (r->own || !*name) return 0;
  r->own = name;
  return 1;
}

static int how(rules *r, char const *s)
{
  static char const *const words[] = {"none", "pkix", "dane", "pin"};
  for (int i = VERIFY_NONE; i <= VERIFY_PIN; i++)
    if (!strcmp(s, words[i])) {
      r->verify = i;
      return 1;
    }
  return 0;
}

static int add_record(rules *r, char *s)
{
  return r->records_n < RULES_RECORDS &&
         tlsa_scan(r->records + r->records_n++, s);
}

/* Of the certificate or of its key: people have either. */
static int add_pin(rules *r, char *s)
{
  if (strncmp(s, "sha256:", 7) || tlsa_hex(s += 7) != PIN_BYTES ||
      r->records_n + 2 > RULES_RECORDS)
    return 0;
  for (unsigned selector = 0; selector <= 1; selector++)
    r->records[r->records_n++] =
        (tlsa){TLSA_EE, selector, 1, (unsigned char *)s, PIN_BYTES};
  return 1;
}

int rules_add(rules *r, char *s)
{
  if (!strncmp(s, "host=", 5)) return add_name(r, s + 5);
  if (!strncmp(s, "name=", 5)) return add_name(r, s + 5);
  if (!strncmp(s, "sni=", 4)) return ask_for(r, s + 4);
  if (!strncmp(s, "own=", 4)) return own(r, s + 4);
  if (!strncmp(s, "verify=", 7)) return how(r, s + 7);
  if (!strncmp(s, "tlsa=", 5)) return add_record(r, s + 5);
  if (!strncmp(s, "pin=", 4)) return add_pin(r, s + 4);
  return 1;
}

int rules_check(rules const *r)
{
  return r->verify < VERIFY_DANE || r->records_n;
}
