/* needs: */
#include <string.h>

#include "net.h"
#include "tap.h"

static int has(char const *list, char const *ip)
{
  net_list l = {0};
  unsigned char k[NET_KEY];
  return net_list_scan(&l, list) && net_key(k, ip) && net_list_has(&l, k);
}

static int is_list(char const *s)
{
  net_list l = {0};
  return net_list_scan(&l, s);
}

static int same(char const *a, char const *b, unsigned v4, unsigned v6)
{
  unsigned char k[NET_KEY], m[NET_KEY];
  net_key(k, a);
  net_key(m, b);
  net_mask(k, v4, v6);
  net_mask(m, v4, v6);
  return !memcmp(k, m, NET_KEY);
}

int main(void)
{
  char many[NET_LIST * 8 + 16] = "::1";
  ok(has("192.0.2.0/24", "192.0.2.255"), "inside");
  ok(!has("192.0.2.0/24", "192.0.3.0"), "outside");
  ok(has("192.0.2.0/24", "::ffff:192.0.2.1"), "a mapped address is IPv4");
  ok(has("192.0.2.77/31", "192.0.2.76") && !has("192.0.2.77/31", "192.0.2.78"),
     "bits that are no whole byte");
  ok(has("192.0.2.1", "192.0.2.1") && !has("192.0.2.1", "192.0.2.0"),
     "an address");
  ok(has("0.0.0.0/0", "1.2.3.4") && !has("0.0.0.0/0", "::1"), "all of IPv4");
  ok(has("::/0", "::1"), "all");
  ok(has("10.0.0.0/8,2001:db8::/33", "2001:db8:7fff::1"), "IPv6");
  ok(!has("10.0.0.0/8,2001:db8::/33", "2001:db8:8000::1"), "beside it");
  ok(same("192.0.2.1", "192.0.2.200", 24, 64), "a /24");
  ok(!same("192.0.2.1", "192.0.2.200", 32, 64), "a /32");
  ok(same("2001:db8::1", "2001:db8::ffff:1", 32, 64), "a /64");
  ok(!same("2001:db8::1", "2001:db8:0:1::1", 32, 64), "another /64");
  ok(same("2001:db8::1", "2001:db8:0:1::1", 24, 48), "a /48");
  static char const *const no[] = {"",        ",",         "1.2.3.4,",
                                   "1.2.3",   "1.2.3.4/",  "1.2.3.4/33",
                                   "::1/129", "1.2.3.4/x", "a.test"};
  for (size_t i = 0; i < sizeof no / sizeof *no; i++)
    ok(!is_list(no[i]), "\"%s\" is no list", no[i]);
  for (int i = 1; i < NET_LIST; i++) strcat(many, ",1.2.3.4");
  ok(is_list(many), "as many as fit");
  strcat(many, ",::1");
  ok(!is_list(many), "and no more");
  return done();
}
