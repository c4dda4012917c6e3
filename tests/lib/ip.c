#include "ip.h"
#include "tap.h"

static void test_bytes(void)
{
  unsigned char b[16];
  is_int(ip_bytes(b, "192.0.2.1"), 4, "IPv4");
  is_int(ip_bytes(b, "::ffff:192.0.2.1"), 4, "RFC 4291 2.5.5.2: mapped");
  ok(b[0] == 192 && b[3] == 1, "its bytes");
  is_int(ip_bytes(b, "2001:db8::1"), 16, "IPv6");
  is_int(ip_bytes(b, "1.2.3"), 0, "three numbers");
  is_int(ip_bytes(b, ""), 0, "nothing");
}

static void test_kinds(void)
{
  static struct {
    char const *ip;
    enum ip_kind kind;
  } const v[] = {{"0.0.0.0", IP_SPECIAL},
                 {"127.255.255.255", IP_SPECIAL},
                 {"10.0.0.1", IP_PRIVATE},
                 {"11.0.0.1", IP_PUBLIC},
                 {"100.63.255.255", IP_PUBLIC},
                 {"100.64.0.0", IP_PRIVATE},
                 {"100.127.255.255", IP_PRIVATE},
                 {"100.128.0.0", IP_PUBLIC},
                 {"169.254.1.1", IP_SPECIAL},
                 {"172.15.0.1", IP_PUBLIC},
                 {"172.31.255.1", IP_PRIVATE},
                 {"172.32.0.1", IP_PUBLIC},
                 {"192.168.0.1", IP_PRIVATE},
                 {"192.167.0.1", IP_PUBLIC},
                 {"223.255.255.255", IP_PUBLIC},
                 {"224.0.0.1", IP_SPECIAL},
                 {"255.255.255.255", IP_SPECIAL},
                 {"::", IP_SPECIAL},
                 {"::1", IP_SPECIAL},
                 {"::ffff:10.0.0.1", IP_PRIVATE},
                 {"fe80::1", IP_SPECIAL},
                 {"febf::1", IP_SPECIAL},
                 {"fec0::1", IP_PUBLIC},
                 {"fbff::1", IP_PUBLIC},
                 {"fc00::1", IP_PRIVATE},
                 {"fdff::1", IP_PRIVATE},
                 {"ff02::1", IP_SPECIAL},
                 {"2001:db8::1", IP_PUBLIC},
                 {"100::1", IP_SPECIAL},
                 {"", IP_NONE},
                 {"a.test", IP_NONE},
                 {"1.2.3.4.5", IP_NONE}};
  for (unsigned i = 0; i < sizeof v / sizeof *v; i++)
    ok(ip_kind(v[i].ip) == v[i].kind, "RFC 6890: %s", v[i].ip);
}

static void test_networks(void)
{
  char to[IP_NETWORK];
  ok(ip_network(to, "192.0.2.129", 24, 64), "a network");
  is_str(to, "192.0.2.0/24", "of 24 bits");
  ip_network(to, "::ffff:192.0.2.129", 25, 64);
  is_str(to, "192.0.2.128/25", "of 25, of a mapped address");
  ip_network(to, "192.0.2.129", 32, 64);
  is_str(to, "192.0.2.129/32", "of 32");
  ip_network(to, "192.0.2.129", 0, 64);
  is_str(to, "0.0.0.0/0", "of none");
  ip_network(to, "2001:db8:1:2:3:4:5:6", 24, 64);
  is_str(to, "2001:db8:1:2::/64", "of 64");
  ip_network(to, "2001:db8:1:2:3:4:5:6", 24, 44);
  is_str(to, "2001:db8::/44", "of 44");
  ok(!ip_network(to, "192.0.2.1", 33, 64), "33 bits of 32");
  ok(!ip_network(to, "x", 24, 64), "of no address");
}

static void test_loopback(void)
{
  static char const *const is[] = {"127.0.0.1", "127.255.0.9", "::1",
                                   "::ffff:127.0.0.1"};
  static char const *const no[] = {
      "",    "126.0.0.1", "128.0.0.1", "::",
      "::2", "1::1",      "127.test",  "::ffff:10.0.0.1"};
  for (unsigned i = 0; i < sizeof is / sizeof *is; i++)
    ok(ip_loopback(is[i]), "RFC 1122 3.2.1.3, 4291 2.5.3: %s", is[i]);
  for (unsigned i = 0; i < sizeof no / sizeof *no; i++)
    ok(!ip_loopback(no[i]), "not '%s'", no[i]);
}

int main(void)
{
  test_bytes();
  test_kinds();
  test_loopback();
  test_networks();
  return done();
}
