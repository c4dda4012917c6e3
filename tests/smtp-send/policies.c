/* needs: smtp-send/sts.o smtp-send/sts-ask.o smtp-send/dane.o -lresolv */
/* Policies of other domains, damaged and without memory: the text of MTA-STS
   (RFC 8461 3.2), as a file and as sts-fetch passes it on, and TLSA records
   (RFC 6698 2.1). */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns-parse.h"
#include "mutate.h"
#include "nomem.h"
#include "smtp-send/dane.h"
#include "smtp-send/sts.h"
#include "unix.h"

#define IN(text)                                                               \
  {                                                                            \
    BYTES(text)                                                                \
  }
#define POLICY                                                                 \
  "version: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\nmx: *.b.test \r\n"      \
  "max_age:\t604800\r\nx-more: y\r\n"

static int read_text(sts *p, char const *s)
{
  return sts_read(p, s, strlen(s));
}

static void texts(void)
{
  static char const *const bad[] = {
      "",
      "version: STSv1\nmode: enforce\nmx: a.test",
      "mode: none\nmax_age: 1\n",
      "version: STSv2\nmode: none\nmax_age: 1\n",
      "version: STSv1\nmode: None\nmax_age: 1\n",
      "version: STSv1\nmax_age: 1\nmx: a.test\n",
      "version: STSv1\nmode: enforce\nmax_age: 1\n",
      "version: STSv1\nmode: enforce\nmax_age: 1\nmx:\n",
      "version: STSv1\nmode: enforce\nmax_age: 1\nmx: *.\n",
      "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.*.test\n",
      "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a b\n",
      "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a\177\n",
      "version: STSv1\nmode: none\nmax_age:\n",
      "version: STSv1\nmode: none\nmax_age: 1d\n",
      "version: STSv1\nmode: none\nmax_age: 12345678901\n",
      "version: STSv1\nmode: none\nmax_age: 1\nwhat is this\n"};
  sts p = STS_ZERO;
  char s[400] = "version: STSv1\nmode: enforce\nmax_age: 1\nmx: ";
  int taken = 0;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    taken += read_text(&p, bad[i]) != 0;
  is_int(taken, 0, "what is no policy is not taken");
  is_int(read_text(&p, POLICY), 1, "RFC 8461 3.2: a policy");
  is_int(p.mode, STS_ENFORCE, "its mode");
  is_str(sts_mode(p.mode), "enforce", "by name");
  is_int((long long)p.max_age, 604800, "its age");
  ok(sts_match(&p, "MX.a.test") && sts_match(&p, "x.B.test"), "its hosts");
  ok(!sts_match(&p, "b.test") && !sts_match(&p, "x.y.b.test") &&
         !sts_match(&p, "a.test") && !sts_match(&p, ".b.test") &&
         !sts_match(&p, "mx"),
     "4.1: the wildcard is one label, the leftmost");
  is_int(read_text(&p, "max_age: 9999999999\n\nversion: STSv1\nmode: none\n"
                       "mode: enforce\nmax_age: 1\nversion: x"),
         1, "in any order; the first of two counts; none needs no host");
  ok(p.mode == STS_NONE && p.max_age == STS_YEAR, "at most a year");
  memset(s + strlen(s), 'a', 256);
  is_int(read_text(&p, s), 0, "a host of 256 bytes");
  stralloc_free(&p.mx);
}

static int text_read(char *s, size_t len)
{
  sts p = STS_ZERO;
  int r = sts_read(&p, s, len);
  if (r > 0 && (p.mode < STS_NONE || p.mode > STS_ENFORCE ||
                p.max_age > STS_YEAR || (p.mx.len && p.mx.s[p.mx.len - 1])))
    r = -1;
  for (size_t i = 0; r > 0 && i < p.mx.len; i += strlen(p.mx.s + i) + 1)
    if (!p.mx.s[i] || strpbrk(p.mx.s + i, " \t\r\n")) r = -1;
  sts_match(&p, "mx.a.test");
  stralloc_free(&p.mx);
  return r;
}

static int text_starved(void)
{
  sts p = STS_ZERO;
  int r = read_text(&p, POLICY);
  r = nomem_judge(r, sts_match(&p, "x.b.test"));
  stralloc_free(&p.mx);
  return r;
}

/* What sts-fetch says stands here: sts_ask() finds it behind its socket. */
static char const *answer;
static size_t answer_len;
static int service[2] = {-1, -1};

int unix_connect(char const *path, io_time deadline)
{
  (void)path, (void)deadline;
  if (!answer) return errno = ECONNREFUSED, -1;
  if (service[1] >= 0) close(service[1]);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, service) < 0 ||
      send(service[1], answer, answer_len, 0) != (ssize_t)answer_len)
    abort();
  shutdown(service[1], SHUT_WR);
  return service[0];
}

static int asked(char *s, size_t len)
{
  sts p = STS_ZERO;
  int r;
  answer = s, answer_len = len;
  r = sts_ask(&p, "x", "a.test", 0);
  for (char const *c = p.why; r > 0 && *c; c++)
    if (*c < ' ' || *c > '~') r = -2;
  stralloc_free(&p.mx);
  return r > 0 ? 1 : r == -1 && errno == EPROTO ? 0 : -1;
}

static int ask_starved(void)
{
  static char const said[] = "policy cached\n" POLICY;
  sts p = STS_ZERO;
  int r;
  answer = said, answer_len = sizeof said - 1;
  r = sts_ask(&p, "x", "a.test", 1);
  r = nomem_judge(r, p.mode == STS_ENFORCE && !strcmp(p.why, "cached"));
  stralloc_free(&p.mx);
  return r;
}

static void service_gone(void)
{
  static char much[STS_BYTES + STS_WHY + 4097];
  char name[300];
  char question[40] = "";
  sts p = STS_ZERO;
  memset(name, 'a', sizeof name - 1);
  name[sizeof name - 1] = 0;
  answer = 0;
  ok(sts_ask(&p, "x", "a.test", 0) < 0 && errno == ECONNREFUSED,
     "nobody is there: an error, not \"no policy\"");
  ok(sts_ask(&p, "x", name, 0) < 0 && errno == EINVAL, "a name too long");
  answer = much, answer_len = sizeof much;
  memset(much, 'x', sizeof much);
  ok(sts_ask(&p, "x", "a.test", 1) < 0 && errno == EMSGSIZE, "too much");
  ok(recv(service[1], question, sizeof question - 1, MSG_DONTWAIT) > 0 &&
         !strcmp(question, "a.test again\n"),
     "one line is asked");
  stralloc_free(&p.mx);
}

#define TLSA_HEAD(n)                                                           \
  "\0\0\x81\xa0\0\1\0" n "\0\0\0\0\3_25\4_tcp\1a\4test\0\0\x34\0\1"
#define TLSA_RR "\xc0\x0c\0\x34\0\1\0\0\0\1\0"
#define OCTETS "0123456789abcdef0123456789abcdef"
#define TLSA                                                                   \
  TLSA_HEAD("\3")                                                              \
  TLSA_RR "\x23\3\1\1" OCTETS TLSA_RR "\x43\2\0\2" OCTETS OCTETS TLSA_RR       \
          "\x5\3\0\0\x30\0"

/* What the resolver says, of TLSA and of CNAME */
static unsigned char const *wire;
static size_t wire_len;
static int alias_status = DNS_NODATA, alias_secure;
static char last[MX_NAME + 16];

int dns_query(dns_answer *a, char const *name, int type, io_time deadline)
{
  (void)deadline;
  if (type == 5) {
    a->secure = alias_secure;
    return a->status = alias_status;
  }
  snprintf(last, sizeof last, "%s", name);
  if (!wire) return a->status = (int)wire_len;
  dns_parse(a, "_25._tcp.a.test", type, wire, wire_len, 1);
  return a->status;
}

static mx host = {.host = "a.test", .port = "25", .trusted = 1, .secure = 1};

static int whole(dane const *d)
{
  unsigned n = 0;
  for (size_t i = 0; i < d->records.len;) {
    char const *s = d->records.s + i;
    size_t len = strlen(s);
    if (len < 12 || memcmp(s, "tlsa=", 5) || (s[5] != '2' && s[5] != '3') ||
        strspn(s + 11, "0123456789abcdef") != len - 11)
      return 0;
    if ((s[9] == '1' && len != 11 + 64) || (s[9] == '2' && len != 11 + 128))
      return 0;
    n++;
    i += len + 1;
  }
  return n && n == d->n;
}

static int tlsa(char *s, size_t len)
{
  dane d = {0};
  int r;
  wire = (unsigned char *)s, wire_len = len;
  r = dane_find(&d, &host);
  if (r == DANE_USABLE && !whole(&d)) r = 9;
  stralloc_free(&d.records);
  return r == 9 ? -1 : r == DANE_USABLE;
}

static int tlsa_starved(void)
{
  static char const said[] = TLSA;
  dane d = {0};
  int r;
  wire = (unsigned char const *)said, wire_len = sizeof said - 1;
  r = dane_find(&d, &host);
  r = nomem_judge(r, r == DANE_USABLE && d.n == 3 && whole(&d));
  stralloc_free(&d.records);
  return r;
}

static int find(mx const *m, unsigned char const *s, size_t len)
{
  dane d = {0};
  int r;
  wire = s, wire_len = len;
  r = dane_find(&d, m);
  stralloc_free(&d.records);
  return r;
}

static void hosts(void)
{
  static unsigned char const useless[] =
      TLSA_HEAD("\4") TLSA_RR "\x23\1\1\1" OCTETS TLSA_RR "\x5\3\0\1xx" TLSA_RR
                              "\x5\3\2\0xx" TLSA_RR "\x3\3\0\0";
  static unsigned char good[] = TLSA;
  mx m = host;
  is_int(find(&m, useless, sizeof useless - 1), DANE_UNUSABLE,
         "RFC 7672 2.2: records of no use");
  is_int(find(&m, 0, (size_t)DNS_NXDOMAIN), DANE_NONE, "no records");
  is_int(find(&m, 0, (size_t)DNS_TEMP), DANE_TEMP, "2.1.2: nobody knows");
  good[3] = 0x80;
  is_int(find(&m, good, sizeof good - 1), DANE_NONE, "not signed");
  good[3] = 0xa0;
  strcpy(m.final, "b.test");
  is_int(find(&m, good, sizeof good - 1), DANE_USABLE, "2.2.2: an alias");
  is_str(last, "_25._tcp.b.test", "its target is asked for first");
  find(&m, 0, (size_t)DNS_NODATA);
  is_str(last, "_25._tcp.a.test", "then the alias");
  m.secure = 0;
  is_int(find(&m, good, sizeof good - 1), DANE_NONE, "an alias not signed");
  alias_status = DNS_OK;
  is_int(find(&m, good, sizeof good - 1), DANE_NONE, "nor its record");
  alias_secure = 1;
  is_int(find(&m, good, sizeof good - 1), DANE_USABLE,
         "the alias is signed, its target is not");
  alias_status = DNS_TEMP;
  is_int(find(&m, good, sizeof good - 1), DANE_TEMP, "nobody knows");
  *m.final = 0;
  is_int(find(&m, good, sizeof good - 1), DANE_NONE, "addresses not signed");
  m.trusted = 0;
  is_int(find(&m, good, sizeof good - 1), DANE_NONE, "MX not signed");
  m.literal = 1;
  is_int(find(&m, good, sizeof good - 1), DANE_NONE, "an address has none");
}

int main(void)
{
  static mutants_input const text[] = {
      IN(POLICY), IN("version: STSv1\nmode: none\nmax_age: 1"),
      IN("mode: testing\nmx: *.a.test\nmax_age: 86400\nversion: STSv1\n")};
  static mutants_input const said[] = {IN("policy fetched\n" POLICY),
                                       IN("none no TXT record\n")};
  static mutants_input const records[] = {IN(TLSA)};
  texts();
  show_mutants("MTA-STS policy", text, ":* \t\r\n.\0SvTe19\x80", text_read);
  nomem_each(text_starved, "sts_read");
  show_mutants("answer of sts-fetch", said, ": \n*\0pn\x80", asked);
  nomem_each(ask_starved, "sts_ask");
  service_gone();
  hosts();
  show_mutants("TLSA answer", records, "\0\1\2\3\x23\x43\x34\xc0\x0c", tlsa);
  nomem_each(tlsa_starved, "dane_find");
  if (service[1] >= 0) close(service[1]);
  return done();
}
