/* needs: -lcares -lresolv */
#include <stdio.h>
#include <stdlib.h>

#include <arpa/nameser.h>

#include "dns.h"
#include "dns-parse.h"
#include "mutate.h"
#include "tap.h"

#define WIRE_MAX 600

static unsigned char wire[WIRE_MAX];
static size_t len;

static void begin(char const *name, int type, int flags, int answers)
{
  memset(wire, 0, NS_HFIXEDSZ);
  wire[2] = 0x80 | (unsigned char)(flags >> 8);
  wire[3] = (unsigned char)flags;
  wire[5] = 1;
  wire[7] = (unsigned char)answers;
  len = NS_HFIXEDSZ;
  len += dns_wire_name(wire + len, name);
  wire[len++] = 0;
  wire[len++] = (unsigned char)type;
  wire[len++] = 0;
  wire[len++] = 1;
}

static void record(char const *name, int type, void const *data, size_t n)
{
  len += dns_wire_name(wire + len, name);
  memcpy(wire + len, (unsigned char[8]){0, (unsigned char)type, 0, 1}, 8);
  len += 8;
  wire[len++] = 0;
  wire[len++] = (unsigned char)n;
  memcpy(wire + len, data, n);
  len += n;
}

static void record_name(char const *name, int type, char const *to)
{
  unsigned char data[NS_MAXCDNAME];
  record(name, type, data, dns_wire_name(data, to));
}

static dns_answer parse(char const *name, int type, int want)
{
  dns_answer a = {0};
  int r = dns_parse(&a, name, type, wire, len, 1);
  ok(r == want, "%s: answer complete: %d", name, !want);
  return a;
}

static void names(void)
{
  unsigned char to[NS_MAXCDNAME];
  char long_name[300];
  is_int(dns_wire_name(to, "a.test."), 8, "name with its last dot");
  is_int(dns_wire_name(to, "."), 1, "the root");
  is_int(dns_wire_name(to, "a..test"), 0, "RFC 1035 3.1: no empty label");
  is_int(dns_wire_name(to, ".a.test"), 0, "no empty first label");
  memset(long_name, 'a', 64);
  strcpy(long_name + 64, ".test");
  is_int(dns_wire_name(to, long_name), 0, "RFC 1035 2.3.4: label of 64");
  is_int(dns_wire_name(to, long_name + 1), 70, "label of 63");
  for (int i = 0; i < 254; i++) long_name[i] = i % 2 ? '.' : 'a';
  long_name[253] = 0;
  is_int(dns_wire_name(to, long_name), 255, "RFC 1035 2.3.4: 255 bytes");
  strcpy(long_name + 253, ".a");
  is_int(dns_wire_name(to, long_name), 0, "more than 255 bytes");
}

static void answers(void)
{
  dns_answer a;
  begin("a.test", ns_t_a, 0x20, 1);
  record("A.TEST", ns_t_a, "\1\2\3\4", 4);
  a = parse("a.test", ns_t_a, 0);
  is_int(a.status, DNS_OK, "one A record, owner in another case");
  is_str(a.n ? a.v[0].data : "", "1.2.3.4", "as text");
  is_int(a.secure, 1, "AD is taken");
  dns_free(&a);

  begin("a.test", ns_t_a, 3, 0);
  a = parse("a.test", ns_t_a, 0);
  is_int(a.status, DNS_NXDOMAIN, "NXDOMAIN");
  dns_free(&a);

  begin("a.test", ns_t_a, 2, 0);
  a = parse("a.test", ns_t_a, 0);
  is_int(a.status, DNS_TEMP, "SERVFAIL");
  dns_free(&a);

  begin("a.test", ns_t_a, 0, 3);
  record("c.test", ns_t_a, "\1\2\3\4", 4);
  record_name("b.test", ns_t_cname, "c.test");
  record_name("a.test", ns_t_cname, "b.test");
  a = parse("a.test", ns_t_a, 0);
  is_int(a.n, 1, "a CNAME chain in any order");
  is_str(a.name, "c.test", "its end");
  dns_free(&a);

  begin("a.test", ns_t_a, 0, 2);
  record_name("a.test", ns_t_cname, "b.test");
  record_name("b.test", ns_t_cname, "a.test");
  a = parse("a.test", ns_t_a, 0);
  is_int(a.status, DNS_TEMP, "a CNAME loop");
  dns_free(&a);

  begin("a.test", ns_t_a, 0, 1);
  record_name("a.test", ns_t_cname, "b.test");
  a = parse("a.test", ns_t_a, 1);
  is_str(a.name, "b.test", "a CNAME alone has to be followed");
  dns_free(&a);

  begin("a.test", ns_t_a, 0, 2);
  record("evil.test", ns_t_a, "\1\2\3\4", 4);
  record("a.test", ns_t_a, "\1\2\3", 3);
  a = parse("a.test", ns_t_a, 0);
  is_int(a.status, DNS_NODATA, "another owner, a short A: no records");
  dns_free(&a);

  begin("a.test", ns_t_txt, 0, 2);
  record("a.test", ns_t_txt, "\3one\0\4 two", 10);
  record("a.test", ns_t_txt, "\5one", 4);
  a = parse("a.test", ns_t_txt, 0);
  is_int(a.n, 1, "a TXT string that leaves its record is dropped");
  is_str(a.n ? a.v[0].data : "", "one two", "TXT strings are joined");
  dns_free(&a);

  begin("a.test", ns_t_mx, 0, 1);
  record("a.test", ns_t_mx, "\0\0\0", 3);
  a = parse("a.test", ns_t_mx, 0);
  is_str(a.n ? a.v[0].data : "-", "", "RFC 7505: the null MX is \"\"");
  dns_free(&a);
}

static void mutations(void)
{
  begin("a.test", ns_t_mx, 0, 3);
  record_name("a.test", ns_t_cname, "b.test");
  record("b.test", ns_t_mx, "\0\12\1m\4test", 10);
  record("b.test", ns_t_mx, "\0\12\300\14", 4);
  for (int i = 0; i < MUTANTS; i++) {
    dns_answer a = {0};
    size_t now;
    char *s = mutate((char *)wire, len, BYTES("\0\1\5\x0f\xc0\x0c\x3f"), &now);
    dns_parse(&a, "a.test", ns_t_mx, (unsigned char *)s, now, 0);
    dns_free(&a);
    free(s);
  }
  ok(1, "%d damaged answers", MUTANTS);
}

static void reverse(void)
{
  char to[80];
  is_int(dns_reverse_name(to, sizeof to, "192.0.2.1"), 1, "an IPv4 address");
  is_str(to, "1.2.0.192.in-addr.arpa", "RFC 1035 3.5");
  dns_reverse_name(to, sizeof to, "2001:db8::1");
  is_str(to,
         "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
         "ip6.arpa",
         "RFC 3596 2.5");
  is_int(dns_reverse_name(to, sizeof to, "1.2.3"), 0, "not an address");
  is_int(dns_reverse_name(to, 10, "1.2.3.4"), 0, "no room");
}

int main(void)
{
  names();
  answers();
  mutations();
  reverse();
  return done();
}
