/* needs: -lsodium -lcares -lresolv -lidn2 -lutf8proc */
/* The parsers of lib/ when memory runs out: they say so, forget nothing, and
   above all never take what they could not keep for what is not there. Patterns
   are left out: glibc's regcomp frees twice then. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/nameser.h>
#include <skalibs/cdbmake.h>

#include "addr.h"
#include "author.h"
#include "base64.h"
#include "compose.h"
#include "delivered.h"
#include "dns-parse.h"
#include "envelope.h"
#include "head.h"
#include "http.h"
#include "nomem.h"
#include "parcel.h"
#include "quoted-printable.h"
#include "srs.h"
#include "tls-policy.h"

#define STR(s) s, sizeof(s) - 1

static int holds(stralloc const *a, char const *s, size_t len)
{
  return a->len == len && !memcmp(a->s, s, len);
}

static int is(stralloc const *a, char const *s)
{
  return holds(a, s, strlen(s));
}

static int paths(void)
{
  static char const path[] = "<\"a b\"@[IPv6:2001:db8::1]>";
  stralloc s = STRALLOC_ZERO, local = STRALLOC_ZERO, domain = STRALLOC_ZERO;
  size_t used;
  int r = addr_path(&s, STR(path), &used, ADDR_UTF8);
  if (r > 0) r = addr_split(s.s, s.len, 0, &local, &domain);
  s.len = 0;
  if (r > 0) r = addr_local_put(&s, local.s, local.len);
  r = nomem_judge(r, is(&s, "\"a b\"") && is(&local, "a b") &&
                         is(&domain, "[IPv6:2001:db8::1]"));
  stralloc_free(&s);
  stralloc_free(&local);
  stralloc_free(&domain);
  return r;
}

static int keys(void)
{
  static char const address[] = "\"\xc3\x84 b\"@B\xc3\xbc"
                                "cher.test";
  stralloc key = STRALLOC_ZERO;
  int r = addr_key(&key, STR(address));
  r = nomem_judge(r, is(&key, "\"\xc3\xa4 b\"@xn--bcher-kva.test"));
  stralloc_free(&key);
  return r;
}

static unsigned items;

static int item(addr_item const *a, void *data)
{
  (void)data;
  items += a->local != 0;
  return 1;
}

static int list(void)
{
  static char const field[] =
      "Joe \"x\" (y) <@r:a.\"b\"@c.test>, G: d@[1.2.3.4], e;, f@g (h)";
  int r;
  items = 0;
  r = addr_list(STR(field), item, 0);
  return nomem_judge(r, items == 4);
}

static int author(void)
{
  static char const header[] = "From: \"a b\"@B.test, c@b\xc3\xbc"
                               "cher.test\r\n";
  static char const want[] = "\"a b\"@b.test\0c@xn--bcher-kva.test\0";
  stralloc to = STRALLOC_ZERO;
  char const *why;
  int r = author_read(&to, STR(header), "From", &why);
  r = nomem_judge(r, r == AUTHOR_OK && holds(&to, STR(want)));
  stralloc_free(&to);
  return r;
}

static int decoders(void)
{
  stralloc a = STRALLOC_ZERO, b = STRALLOC_ZERO, c = STRALLOC_ZERO;
  unsigned acc = 0;
  int r = base64_encode(&a, "abcd", 4);
  if (r > 0) r = base64_decode_mail(&b, a.s, a.len, &acc);
  if (r > 0) r = qp_decode(&c, "a=20_b", 6, 1);
  r = nomem_judge(r, is(&b, "abcd") && is(&c, "a  b"));
  stralloc_free(&a);
  stralloc_free(&b);
  stralloc_free(&c);
  return r;
}

static int sorted_head(void)
{
  head h = {0};
  size_t used;
  int r = head_add(&h, STR("A: 1\r\nB: 2\r\n\r\n"), &used);
  if (r > 0) r = head_above(&h, "C: 3\r\n", 6);
  if (r > 0) r = head_omit(&h, "B", 1);
  if (r > 0) r = head_finish(&h);
  r = nomem_judge(r, h.fields.len == 2 * sizeof(head_field));
  stralloc_free(&h.own);
  stralloc_free(&h.above);
  stralloc_free(&h.omit);
  stralloc_free(&h.fields);
  return r;
}

static int count(char const *s, size_t n, void *total)
{
  (void)s;
  *(size_t *)total += n;
  return 1;
}

static int composed(void)
{
  static char const mail[] =
      "Delivered-To: a@b.test\r\nA: 1\r\nDelivered-To: c@d.test\r\n\r\nbody";
  compose c = COMPOSE_ZERO;
  compose_trace t = {"me.test", 0, 0};
  stralloc sent = STRALLOC_ZERO;
  size_t total = 0;
  int r = compose_take(&c, &(parcel_record){'M', STR(mail)});
  if (r > 0) r = compose_take(&c, &(parcel_record){'H', STR("X: y\r\n")});
  if (r > 0) r = compose_take(&c, &(parcel_record){'E', STR("A\0001")});
  if (r > 0) r = compose_take(&c, &(parcel_record){'A', STR("spf=pass")});
  if (r > 0) r = compose_write(&c, &t, count, &total);
  if (r > 0) r = delivered_read(&sent, &c);
  if (r > 0) r = delivered_has(&sent, "C@d.test");

  r = nomem_judge(r, total == 105);
  compose_free(&c);
  stralloc_free(&sent);
  return r;
}

static int far_end(char const *s, size_t n)
{
  int p[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0 || write(p[1], s, n) < 0)
    abort();
  close(p[1]);
  return p[0];
}

static int parcels(void)
{
  int fd = far_end("3:Iid,", 6);
  parcel_in in = {.fd = -1};
  parcel_out out = {.fd = -1};
  parcel_record r;
  stralloc kept = STRALLOC_ZERO;
  int good = parcel_in_init(&in, fd);
  if (good > 0) good = parcel_out_init(&out, fd, -1);
  if (good > 0) good = parcel_get(&in, &r, io_after(60000));
  if (good > 0) good = envelope_add(&kept, &r);
  good = nomem_judge(good, is(&kept, "3:Iid,"));
  parcel_in_free(&in);
  parcel_out_free(&out);
  stralloc_free(&kept);
  close(fd);
  return good;
}

static int http_answers(void)
{
  static char const said[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
                             "\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  static http h;
  http_answer a = {.body = STRALLOC_ZERO};
  stralloc line = STRALLOC_ZERO;
  int r;
  h.fd = far_end(STR(said));
  line_init(&h.in, h.fd, h.buf, sizeof h.buf);
  r = http_answer_get(&h, &a, 100, io_after(60000));
  if (r > 0) r = http_field(&line, "A", "b");
  r = nomem_judge(r, is(&a.body, "abc") && is(&line, "A: b\r\n"));
  http_close(&h);
  stralloc_free(&a.body);
  stralloc_free(&line);
  return r;
}

/* Records that are lost would be names that fail SPF, or other hosts' mail. */
static int answers(void)
{
  static unsigned char const wire[] =
      "\0\0\x81\x80\0\1\0\3\0\0\0\0\1a\4test\0\0\xf\0\1"
      "\xc0\x0c\0\5\0\1\0\0\0\1\0\4\1b\xc0\x0e"
      "\xc0\x24\0\xf\0\1\0\0\0\1\0\6\0\1\1m\xc0\x0e"
      "\xc0\x24\0\xf\0\1\0\0\0\1\0\6\0\2\1n\xc0\x0e";
  static unsigned char const text[] =
      "\0\0\x81\x80\0\1\0\1\0\0\0\0\1a\4test\0\0\x10\0\1"
      "\xc0\x0c\0\x10\0\1\0\0\0\1\0\4\3abc";
  dns_answer a = {0}, b = {0};
  int failed;
  dns_parse(&a, "a.test", ns_t_mx, wire, sizeof wire - 1, 0);
  dns_parse(&b, "a.test", ns_t_txt, text, sizeof text - 1, 0);
  failed = a.status == DNS_TEMP || b.status == DNS_TEMP;
  failed = nomem_judge(failed ? -1 : 1, a.n == 2 && b.n == 1);
  dns_free(&a);
  dns_free(&b);
  return failed;
}

static table *secrets;

static void open_secrets(void)
{
  char path[] = "/tmp/nomem.XXXXXX";
  cdbmaker maker = CDBMAKER_ZERO;
  int fd = mkstemp(path);
  if (fd < 0 || !cdbmake_start(&maker, fd) ||
      !cdbmake_add(&maker, "s", 1, STR("a secret of so many bytes, and on")) ||
      !cdbmake_finish(&maker) || table_open(&secrets, path) < 0)
    exit(111);
  close(fd);
  unlink(path);
}

static int rewritten(void)
{
  time_t now = 1795500000;
  stralloc there = STRALLOC_ZERO, local = STRALLOC_ZERO, d = STRALLOC_ZERO;
  stralloc again = STRALLOC_ZERO, back = STRALLOC_ZERO;
  int r = srs_forward(secrets, &there,
                      "a@b\xc3\xbc"
                      "cher.test",
                      STR("our.test"), now);
  if (r > 0) r = addr_split(there.s, there.len, 0, &local, &d);
  if (r > 0) r = srs_reverse(secrets, &back, local.s, local.len, now);
  if (r > 0) r = stralloc_0(&there);
  if (r > 0) r = srs_forward(secrets, &again, there.s, STR("x.test"), now);
  local.len = d.len = 0;
  if (r > 0) r = addr_split(again.s, again.len, 0, &local, &d);
  if (r > 0) r = srs_reverse(secrets, &back, local.s, local.len, now);
  r = nomem_judge(r,
                  r > 0 && !memcmp(back.s, STR("a@xn--bcher-kva.testSRS0=")));
  stralloc_free(&there);
  stralloc_free(&local);
  stralloc_free(&d);
  stralloc_free(&again);
  stralloc_free(&back);
  return r;
}

static int policy(void)
{
  tls_policy p = TLS_POLICY_ZERO;
  int r = tls_policy_words(&p, STR("tls=none name=a.test name=b.test"));
  r = nomem_judge(
      r, holds(&p.must, STR("verify=pkix\0host=a.test\0name=b.test\0")));
  stralloc_free(&p.must);
  return r;
}

int main(void)
{
  open_secrets();
  nomem_each(paths, "addr_path, addr_split");
  nomem_each(keys, "addr_key");
  nomem_each(list, "addr_list");
  nomem_each(author, "author_read");
  nomem_each(decoders, "base64, quoted-printable");
  nomem_each(sorted_head, "head");
  nomem_each(composed, "compose, delivered");
  nomem_each(parcels, "parcel, envelope");
  nomem_each(http_answers, "http_answer_get");
  nomem_each(answers, "dns_parse");
  nomem_each(rewritten, "srs");
  nomem_each(policy, "tls_policy_words");
  table_close(secrets);
  return done();
}
