/* needs: -lidn2 -lutf8proc */
/* The parsers of lib/ that have no mutations beside their own tests, on damaged
   input. What is read must be what the parser promises. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addr.h"
#include "author.h"
#include "base64.h"
#include "compose.h"
#include "delivered.h"
#include "dsn-param.h"
#include "envelope.h"
#include "filter.h"
#include "head.h"
#include "ip.h"
#include "line.h"
#include "mutate.h"
#include "net.h"
#include "quoted-printable.h"
#include "tls-policy.h"
#include "utf8.h"

#define IN(text)                                                               \
  {                                                                            \
    BYTES(text)                                                                \
  }

#define DIGITS                                                                 \
  "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789"

static int printable(char const *s)
{
  for (; *s; s++)
    if (*s < ' ' || *s > '~') return 0;
  return 1;
}

/* The far end of what is read from a descriptor: all of s, then the end. */
static int said(char const *s, size_t len)
{
  int p[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0 ||
      (len && write(p[1], s, len) != (ssize_t)len))
    abort();
  close(p[1]);
  return p[0];
}

static int strict(char *s, size_t n)
{
  addr_count c;
  int r = addr_list_valid(s, n, &c);
  return r && c.mailboxes + c.groups > n ? -1 : r;
}

static int author(char *s, size_t n)
{
  stralloc to = STRALLOC_ZERO;
  char const *why = "";
  int r = author_read(&to, s, n, "From", &why), good = r == AUTHOR_OK;
  for (size_t at = 0; good == 1 && at < to.len; at += strlen(to.s + at) + 1) {
    char const *domain = addr_domain(to.s + at);
    if (!addr_domain_valid(domain, strlen(domain), 0, 0)) good = -1;
  }
  if (r == AUTHOR_BAD && (!*why || !printable(why))) good = -1;
  if (r == AUTHOR_ERROR) good = -1;
  stralloc_free(&to);
  return good;
}

static int base64(char *s, size_t n)
{
  stralloc whole = STRALLOC_ZERO, parts = STRALLOC_ZERO;
  unsigned a = 0, b = 0;
  int r = base64_valid(s);
  base64_decode_mail(&whole, s, n, &a);
  base64_decode_mail(&parts, s, n / 2, &b);
  base64_decode_mail(&parts, s + n / 2, n - n / 2, &b);
  if (whole.len != parts.len || whole.len > n ||
      (whole.len && memcmp(whole.s, parts.s, whole.len)))
    r = -1;
  stralloc_free(&whole);
  stralloc_free(&parts);
  return r;
}

static int dsn(char *s, size_t n)
{
  char to[DSN_ORCPT_ASCII], notify[DSN_NOTIFY];
  int r = dsn_orcpt_valid(s, 1);
  (void)n;
  if (!r)
    return dsn_notify(notify, s) ? 1 : dsn_envid_valid(s) || dsn_ret(s) != 0;
  dsn_orcpt_ascii(to, s);
  return printable(to) && dsn_orcpt_valid(to, 0) ? 1 : -1;
}

static int header(char *s, size_t n)
{
  static head h;
  size_t used, at = 0, count, half = n / 2;
  head_field const *f;
  int r;
  head_reset(&h);
  r = head_add(&h, s, half, &used);
  at = used;
  if (!r) r = head_add(&h, s + half, n - half, &used), at += used;
  if (r < 0 || at > n) return -1;
  head_above(&h, "Received: x\r\n", 13);
  head_omit(&h, "a", 1);
  r = head_finish(&h);
  f = head_all(&h, &count);
  for (size_t i = 0; r > 0 && i < count; i++)
    if (!f[i].len || f[i].namelen >= f[i].len) r = -1;
  return r;
}

static int addresses(char *s, size_t n)
{
  unsigned char b[16];
  char network[IP_NETWORK];
  unsigned bytes = ip_bytes(b, s);
  (void)n;
  if ((ip_kind(s) != IP_NONE) != (bytes != 0)) return -1;
  if (ip_network(network, s, 24, 64) != (bytes != 0)) return -1;
  return bytes ? bytes == 4 || bytes == 16 ? 1 : -1 : 0;
}

static int networks(char *s, size_t n)
{
  static net_list l;
  (void)n;
  l.n = 0;
  return net_list_scan(&l, s) ? l.n && l.n <= NET_LIST ? 1 : -1 : 0;
}

/* Lines that are too long are skipped; all others come as they are. */
static int lines(char *s, size_t n)
{
  char buf[32], *p;
  size_t len, total = 0;
  line_in in;
  int fd = said(s, n), r, cut = 0;
  line_init(&in, fd, buf, sizeof buf);
  while ((r = line_get(&in, &p, &len, io_after(60000))) > 0 ||
         (r < 0 && errno == EMSGSIZE)) {
    if (r < 0) cut = 1;
    if (r > 0) total += len;
    if (r > 0 && (p[len - 1] != '\n' || len > sizeof buf)) cut = 2;
  }
  close(fd);
  if (cut == 2 || total > n) return -1;
  return r < 0 || cut ? 0 : total == n ? 1 : -1;
}

static int parcel(char *s, size_t n)
{
  static parcel_in in;
  parcel_record r;
  char state = 0;
  int fd = said(s, n), got, bad = 0;
  if (!in.buf) parcel_in_init(&in, fd);
  in.fd = fd;
  in.pos = in.end = 0;
  while ((got = parcel_next(&in, &r, &state)) > 0) {
    envelope_to to;
    envelope_verdict v;
    char const *part;
    if (r.len > n || r.s[r.len]) bad = 1;
    for (unsigned i = 0; (part = parcel_part(&r, i)); i++)
      if (part > r.s + r.len) bad = 1;
    if (r.type == PARCEL_TO && envelope_recipient(&to, &r) > 0)
      if (!*to.address || !envelope_address(to.address)) bad = 1;
    if (r.type == PARCEL_VERDICT && envelope_judge(&v, &r) > 0)
      if (!strchr("rdj", v.kind) || (v.kind != 'j' && v.code < 400)) bad = 1;
    parcel_refused(&r);
  }
  close(fd);
  if (got < 0 && errno != EPROTO && errno != EPIPE) bad = 1;
  return bad ? -1 : got == 0;
}

static int report(char *s, size_t n)
{
  char buf[PARCEL_REPORT_LINE];
  line_in in;
  parcel_report r;
  int fd = said(s, n), got;
  line_init(&in, fd, buf, sizeof buf);
  got = parcel_report_get(&in, &r, io_after(60000));
  close(fd);
  if (got <= 0) return 0;
  if (r.code < 200 || r.code > 599 || !printable(r.text)) return -1;
  return strchr("TRQ", r.kind) ? 1 : -1;
}

static int drop(char const *s, size_t n, void *total)
{
  (void)s;
  *(size_t *)total += n;
  return 1;
}

/* A message, and the records that come late: E H A between NULs */
static int message(char *s, size_t n)
{
  compose c = COMPOSE_ZERO;
  stralloc keys = STRALLOC_ZERO;
  compose_trace const t = {"me.test", "a@b.test", "c@d.test"};
  char const *end = memchr(s, 1, n);
  size_t total = 0, len = end ? (size_t)(end - s) : n;
  int good = end != 0;
  if (compose_take(&c, &(parcel_record){'M', s, len}) < 0) good = 0;
  for (size_t at = len + 1; at < n;) {
    char *next = memchr(s + at, 1, n - at), copy[400];
    size_t k = next ? (size_t)(next - s) - at : n - at;
    if (k >= sizeof copy) break;
    memcpy(copy, s + at, k);
    copy[k] = 0;
    if (!k || !strchr("EHA", *copy) ||
        compose_take(&c, &(parcel_record){*copy, copy + 1, k - 1}) <= 0)
      good = 0;
    at += k + 1;
  }
  if (compose_write(&c, &t, drop, &total) < 0 || !total) good = -1;
  if (delivered_read(&keys, &c) < 0 || delivered_has(&keys, "c@d.test") < 0)
    good = -1;
  compose_free(&c);
  stralloc_free(&keys);
  return good;
}

static int words(char *s, size_t n)
{
  static char const *const known[] = {"none", "fail"};
  filter_action a[2];
  char to[64];
  (void)n;
  filter_property(to, sizeof to, s);
  if (!printable(to)) return -1;
  if (filter_reply_fits(FILTER_REJECT, s)) return *s == '5' ? 1 : -1;
  return filter_actions_scan(a, known, 2, s);
}

/* What is taken are levels, and options for tls-connect(8), each with its
   NUL. */
static int policy(char *s, size_t n)
{
  tls_policy p = TLS_POLICY_ZERO;
  int r = tls_policy_words(&p, s, n);
  if (p.tls < TLS_NONE || p.tls > TLS_AUTHENTICATED || p.mx < MX_NONE ||
      p.mx > MX_DNSSEC || (p.must.len && p.must.s[p.must.len - 1]))
    r = -1;
  for (size_t i = 0; r > 0 && i < p.must.len; i += strlen(p.must.s + i) + 1)
    if (!strchr(p.must.s + i, '=') || !printable(p.must.s + i)) r = -1;
  stralloc_free(&p.must);
  return r;
}

/* Nothing is refused; what has no = is text. */
static int quoted(char *s, size_t n)
{
  stralloc to = STRALLOC_ZERO;
  int r = qp_decode(&to, s, n, 1) < 0 || to.len > n ? -1 : to.len < n;
  stralloc_free(&to);
  return r;
}

static int characters(char *s, size_t n)
{
  size_t at = 0, k = 1;
  while (at < n && (k = utf8_char(s + at, n - at))) at += k;
  if (at > n) return -1;
  return utf8_valid(s, n) == (k != 0) ? k != 0 : -1;
}

static void addresses_and_words(void)
{
  static mutants_input const list[] = {
      IN("Joe <a@b.test>, G: \"x y\"@c.test, (z) d@[1.2.3.4];, e@f.test"),
      IN("\r\n \"A, B\" <a.b@c.test>,\r\n\t=?utf-8?q?x?= <d@e.test>")};
  static mutants_input const from[] = {
      IN("Subject: x\r\nFrom: \"A\" <a@b.test>, c@d.test\r\nTo: y\r\n"),
      IN("FROM:\r\n (x) a . b @ b.test (y)\r\n")};
  static mutants_input const b64[] = {IN("QUJDREVGR0g="), IN("QUJD"),
                                      IN("QUJDRA==")};
  static mutants_input const params[] = {
      IN("rfc822;a+2Bb@c.test"), IN("utf-8;\\x{E9}\\x{1F600}\xc3\xa9@a.test"),
      IN("SUCCESS,failure,Delay"), IN("QQ+2B314159")};
  static mutants_input const ips[] = {IN("192.0.2.1"), IN("2001:db8::1"),
                                      IN("::ffff:10.0.0.1"), IN("fe80::1")};
  static mutants_input const nets[] = {
      IN("192.0.2.0/24,2001:db8::/32,::1,10.1.2.3")};
  static mutants_input const options[] = {IN("none=reject,fail=junk"),
                                          IN("550 5.7.1 Go away")};
  static mutants_input const policies[] = {
      IN("tls=authenticated, mx=mtasts dane=no\tsts=no\r\n"),
      IN("name=mx.a.test,name=b_c.test tls-required=ignore dane=yes"),
      IN("pin=sha256:" DIGITS ", pin=sha256:" DIGITS " sts=yes,mx=dnssec"),
      IN("")};
  static mutants_input const qp[] = {IN("a=C3=BC_b =\r\nc=20\r\n")};
  static mutants_input const utf8[] = {
      IN("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80z")};
  show_mutants("addr-strict", list, "<>@\"\\.:,;[]() \r\n\0\xfcz", strict);
  show_mutants("author", from,
               "<>@\"\\.:,;[]() \r\n\0\xfc"
               "From",
               author);
  show_mutants_text("base64", b64, "=+/AZaz09 \r\n-", base64);
  show_mutants_text("dsn-param", params, "+=;\\{}xE0,\xc3\xa9\x7f ", dsn);
  show_mutants_text("ip", ips, "0129:./afF%", addresses);
  show_mutants_text("net", nets, "0129:./,af ", networks);
  show_mutants_text("filter-words", options, "=,5 .0njd\r\n\xff\"", words);
  show_mutants("tls-policy", policies, "=, \t\r\n\0:-._aG9", policy);
  show_mutants("quoted-printable", qp, "=_ \r\n\t09AFaf", quoted);
  show_mutants("utf8", utf8, "\x80\xbf\xc0\xc3\xe0\xed\xa0\xf4\x90\xff",
               characters);
}

static void streams(void)
{
  static mutants_input const head_[] = {
      IN("A: 1\r\nB: 2\r\n x\r\nA: 3\r\n\r\nbody"), IN("A: 1\nB: 2\n\n")};
  static mutants_input const text[] = {
      IN("one\r\ntwo\nthree three three\r\n\r\n"), IN("a\n")};
  static mutants_input const parcels[] = {
      IN("3:Iid,13:Pip=192.0.2.1,6:Fa@b.t,27:T0\0"
         "c@d.t\0route=remote\0rcpt=,1:?,20:Vreject\0"
         "550 5.0.0 no,8:MA: b\r\n\r,2:M\n,4:EA\0\61,7:HA: "
         "c\r\n,9:Aspf=pass,1:.,3:Ix2,4:Fa@b,1:.,"),
      IN("2:Ia,6:Fa@b.t,7:T1\0x@y\0,1:?,1:M,1:.,")};
  static mutants_input const reports[] = {IN("R ab.1 250 2.0.0 Ok\n"),
                                          IN("T 12 550 5.1.1 No such user\n"),
                                          IN("Q ab.1 451 4.3.0 Later\n")};
  static mutants_input const mail[] = {
      IN("From: a@b.test\r\nDelivered-To: c@d.test\r\n\r\nbody\r\n\1HA: b\r\n"
         "\1Aspf=pass smtp.mailfrom=a@b.test")};
  show_mutants("head", head_, ":\r\n \t\0xA", header);
  show_mutants("line", text, "\r\n\0x", lines);
  show_mutants("parcel", parcels, "0123456789:,?.IPFTMEHAV\0\n", parcel);
  show_mutants("parcel-report", reports, "TRQ 0245.\r\n\0\xff", report);
  show_mutants("compose", mail, ":\r\n \1EHA\0\xff", message);
}

int main(void)
{
  addresses_and_words();
  streams();
  return done();
}
