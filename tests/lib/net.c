/* needs: */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

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

/* Whether the key of that socket's address is the key of ip. */
static int of_socket(void const *sa, size_t n, char const *ip)
{
  struct sockaddr_storage all = {0};
  unsigned char k[NET_KEY], want[NET_KEY];
  memcpy(&all, sa, n);
  return net_key_socket(k, &all) && net_key(want, ip) &&
         !memcmp(k, want, NET_KEY);
}

static void test_socket(void)
{
  struct sockaddr_in four = {.sin_family = AF_INET};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6};
  struct sockaddr_storage other = {.ss_family = AF_UNIX};
  unsigned char k[NET_KEY];
  inet_pton(AF_INET, "192.0.2.1", &four.sin_addr);
  inet_pton(AF_INET6, "2001:db8::1", &six.sin6_addr);
  ok(of_socket(&four, sizeof four, "192.0.2.1"), "an IPv4 peer");
  ok(of_socket(&six, sizeof six, "2001:db8::1"), "an IPv6 peer");
  inet_pton(AF_INET6, "::ffff:192.0.2.1", &six.sin6_addr);
  ok(of_socket(&six, sizeof six, "192.0.2.1"),
     "an IPv4 peer of an IPv6 socket");
  ok(!net_key_socket(k, &other), "a unix socket has no network");
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
  static char const *const no[] = {
      "",
      ",",
      "1.2.3.4,",
      "1.2.3",
      "1.2.3.4/",
      "1.2.3.4/33",
      "::1/129",
      "1.2.3.4/x",
      "a.test",
      "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/128"};
  for (size_t i = 0; i < sizeof no / sizeof *no; i++)
    ok(!is_list(no[i]), "\"%s\" is no list", no[i]);
  for (int i = 1; i < NET_LIST; i++) strcat(many, ",1.2.3.4");
  ok(is_list(many), "as many as fit");
  strcat(many, ",::1");
  ok(!is_list(many), "and no more");
  test_socket();
  return done();
}
