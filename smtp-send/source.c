#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

#include "addr.h"
#include "source.h"

int source_rule_add(source_rules *r, char *arg)
{
  char *value = strchr(arg, '=');
  source_rule *rule = r->v + r->n;
  if (r->n == SOURCE_MOST) return 0;
  *rule = (source_rule){value ? arg : 0, value ? value + 1 : arg};
  if (value) *value = 0;
  if (!*rule->value || (rule->domain && !*rule->domain)) return 0;
  r->n++;
  return 1;
}

int source_address_add(source_rules r[2], char *arg)
{
  char const *equals = strchr(arg, '='), *ip = equals ? equals + 1 : arg;
  unsigned char b[16];
  int v6 = strchr(ip, ':') != 0;
  if (inet_pton(v6 ? AF_INET6 : AF_INET, ip, b) != 1) return 0;
  return source_rule_add(r + v6, arg);
}

static char const *find(source_rules const *r, char const *domain)
{
  char const *value = 0;
  for (unsigned i = 0; i < r->n; i++) {
    if (!r->v[i].domain)
      value = value ? value : r->v[i].value;
    else if (!strcasecmp(r->v[i].domain, domain))
      return r->v[i].value;
  }
  return value;
}

source source_choose(source_rules const ip[2], source_rules const *helo,
                     char const *reverse_path)
{
  char const *domain = addr_domain(reverse_path);
  return (source){{find(ip, domain), find(ip + 1, domain)}, find(helo, domain)};
}

static int same(char const *a, char const *b)
{
  return a == b || (a && b && !strcmp(a, b));
}

int source_same(source const *a, source const *b)
{
  return same(a->ip[0], b->ip[0]) && same(a->ip[1], b->ip[1]) &&
         same(a->helo, b->helo);
}
