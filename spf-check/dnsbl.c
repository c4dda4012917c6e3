#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>

#include "addr.h"
#include "dns.h"
#include "dnsbl.h"
#include "dnsbl-health.h"
#include "ip.h"
#include "parcel.h"

/* What a silent list leaves of DNSBL_MS to ask the others again. */
#define CONFIRM_MS 1500

/* RFC 5782 2.1, 2.4 and 5 in the reverse order of the DNS */
#define LOW6 "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0" /* of ::ffff:7f00:N */
static char const *const must[] = {"2.0.0.127", "2.0.0.0.0.0.f.7.f.f.f.f." LOW6,
                                   "test"};
static char const *const must_not[] = {
    "1.0.0.127", "1.0.0.0.0.0.f.7.f.f.f.f." LOW6, "invalid"};

enum purpose { SUBJECT, MUST, MUST_NOT, CONFIRM, TXT };

typedef struct question {
  enum purpose purpose;
  dnsbl_list *list;
  unsigned kind;
  dnsbl_row *row;
  char name[512];
} question;

typedef struct round {
  unsigned n, size;
  question *v;
  dns_question *q;
  dns_answer *a;
} round;

static int begin(round *r, unsigned size)
{
  *r = (round){.size = size};
  r->v = malloc(size * sizeof *r->v);
  r->q = malloc(size * sizeof *r->q);
  r->a = calloc(size, sizeof *r->a);
  return r->v && r->q && r->a ? 1 : -1;
}

static void finish(round *r)
{
  for (unsigned i = 0; r->a && i < r->n; i++) dns_free(r->a + i);
  free(r->v);
  free(r->q);
  free(r->a);
}

static void add(round *r, enum purpose purpose, dnsbl_list *l, unsigned kind,
                dnsbl_row *row, char const *what)
{
  question *q = r->v + r->n;
  if (r->n == r->size) return;
  *q = (question){
      .purpose = purpose, .list = l, .kind = kind, .row = row, .name = ""};
  snprintf(q->name, sizeof q->name, "%s.%s", what, l->zone);
  r->q[r->n] = (dns_question){q->name, purpose == TXT ? ns_t_txt : ns_t_a};
  r->n++;
}

static int ask(round *r, io_time deadline)
{
  return dns_query_all(r->a, r->q, r->n, deadline);
}

static void tested(question const *q, dns_answer const *a, io_time period)
{
  dnsbl_state *st = dnsbl_health(q->list, q->kind);
  int want = q->purpose == MUST;
  if (a->status == DNS_TEMP)
    dnsbl_silent(q->list, q->kind, period);
  else if (dnsbl_trouble(q->list, q->kind, a, period))
    return;
  else if ((a->status == DNS_OK) != want)
    dnsbl_off(q->list, q->kind, period,
              want ? "its test entry is missing"
                   : "it lists what cannot be listed");
  else if (q->purpose == MUST_NOT && !st->failed)
    dnsbl_good(q->list, q->kind, period);
}

static void test_one(round *r, dnsbl_list *l, unsigned kind)
{
  unsigned f = dnsbl_family(kind);
  for (unsigned i = 0; i < r->n; i++)
    if (r->v[i].list == l && r->v[i].purpose != SUBJECT &&
        dnsbl_family(r->v[i].kind) == f)
      return;
  l->state[f].failed = 0;
  add(r, MUST, l, kind, 0, must[f]);
  add(r, MUST_NOT, l, kind, 0, must_not[f]);
}

/* The answer that is furthest from nothing counts. */
static void listed(question *q, dns_answer const *a)
{
  dnsbl_row *row = q->row;
  for (unsigned i = 0; i < a->n; i++) {
    unsigned char b[16];
    dnsbl_response const *r;
    long score;
    if (ip_bytes(b, a->v[i].data) != 4) continue;
    r = dnsbl_find(q->list, b);
    score = r ? r->score : q->list->score;
    if (!score || labs(score) <= labs(row->score)) continue;
    row->outcome = DNSBL_LISTED;
    row->score = score;
    row->secure = a->secure;
    inet_ntop(AF_INET, b, row->ip, sizeof row->ip);
    snprintf(row->text, sizeof row->text, "%s",
             r && *r->text ? r->text : q->list->text);
  }
}

static void subject(question *q, dns_answer const *a, io_time period)
{
  dnsbl_state *st = dnsbl_health(q->list, q->kind);
  if (*st->why) {
    q->row->outcome = DNSBL_OFF;
  } else if (a->status == DNS_TEMP || (!q->list->no_test && !st->good)) {
    q->row->outcome = DNSBL_SILENCE;
    if (a->status == DNS_TEMP) dnsbl_silent(q->list, q->kind, period);
  } else if (dnsbl_trouble(q->list, q->kind, a, period)) {
    q->row->outcome = DNSBL_OFF;
  } else {
    st->silent = 0;
    listed(q, a);
  }
}

/* Tests first: what they say decides what the others are worth. */
static void judge(round *r, io_time period)
{
  for (unsigned i = 0; i < r->n; i++)
    if (r->v[i].purpose == MUST) tested(r->v + i, r->a + i, period);
  for (unsigned i = 0; i < r->n; i++)
    if (r->v[i].purpose == MUST_NOT || r->v[i].purpose == CONFIRM)
      tested(r->v + i, r->a + i, period);
  for (unsigned i = 0; i < r->n; i++)
    if (r->v[i].purpose == SUBJECT) subject(r->v + i, r->a + i, period);
}

/* A name as DNS has it, or "": an address literal, one label, or an address,
   about which lists of names give wrong answers. */
static char const *domain(stralloc *to, char const *s)
{
  char const *top;
  size_t n = strlen(s);
  to->len = 0;
  if (!addr_domain_valid(s, n, ADDR_UTF8, 0) ||
      addr_domain_key(to, s, n) <= 0 || !stralloc_0(to))
    return "";
  top = strrchr(to->s, '.');
  if (!top || to->len > 254 || !top[strspn(top, ".0123456789")]) return "";
  return to->s;
}

/* What a list of that kind is asked for, or "". */
static char const *wanted(dnsbl_request const *q, unsigned kind,
                          stralloc *buffer, char reverse[80])
{
  unsigned char b[16];
  char *end;
  switch (kind) {
  case DNSBL_HELO: return domain(buffer, q->helo);
  case DNSBL_SENDER: return domain(buffer, q->domain);
  default:
    if (ip_bytes(b, q->ip) != (kind == DNSBL_IP4 ? 4 : 16) ||
        !dns_reverse_name(reverse, 80, q->ip))
      return "";
    end = strstr(reverse, kind == DNSBL_IP4 ? ".in-addr" : ".ip6");
    *end = 0;
    return reverse;
  }
}

static void add_list(round *r, dnsbl_list *l, unsigned kind, char const *what,
                     io_time period, dnsbl_result *to)
{
  dnsbl_state *st = dnsbl_health(l, kind);
  dnsbl_row *row = to->v + to->n;
  if (to->n == DNSBL_ROWS) return;
  to->n++;
  *row = (dnsbl_row){.list = l, .kind = kind};
  if (st->off > io_now()) {
    row->outcome = DNSBL_OFF;
    return;
  }
  if (l->no_test && *st->why)
    dnsbl_good(l, kind, period);
  else if (!l->no_test && st->good <= io_now())
    test_one(r, l, kind);
  add(r, SUBJECT, l, kind, row, what);
}

/* Whoever is listed might be so because everybody is, since the last test. */
static int confirm(round *first, io_time period, io_time deadline)
{
  round r;
  int good = begin(&r, 2 * first->n + 1);
  for (unsigned i = 0; good > 0 && i < first->n; i++) {
    question *q = first->v + i;
    if (q->purpose != SUBJECT || q->row->outcome != DNSBL_LISTED) continue;
    if (!q->list->no_test)
      add(&r, CONFIRM, q->list, q->kind, 0, must_not[dnsbl_family(q->kind)]);
    if (q->list->txt) {
      add(&r, TXT, q->list, q->kind, q->row, "");
      memcpy(r.v[r.n - 1].name, q->name, sizeof q->name);
    }
  }
  if (good > 0 && r.n) good = ask(&r, deadline);
  for (unsigned i = 0; good > 0 && i < r.n; i++) {
    question *q = r.v + i;
    if (q->purpose == TXT && r.a[i].status == DNS_OK)
      parcel_clean(q->row->text, sizeof q->row->text, r.a[i].v[0].data,
                   r.a[i].v[0].len);
  }
  if (good > 0) judge(&r, period);
  finish(&r);
  return good;
}

static void sum(round const *r, dnsbl_result *to)
{
  for (unsigned i = 0; i < r->n; i++) {
    dnsbl_row *row = r->v[i].row;
    if (!row || row->outcome != DNSBL_LISTED) continue;
    if (*dnsbl_health(row->list, row->kind)->why ||
        dnsbl_health(row->list, row->kind)->silent)
      row->outcome =
          *dnsbl_health(row->list, row->kind)->why ? DNSBL_OFF : DNSBL_SILENCE;
    else
      to->score += row->score;
  }
}

int dnsbl_ask(dnsbl_lists *l, dnsbl_request const *q, dnsbl_result *to)
{
  stralloc buffer = STRALLOC_ZERO;
  io_time deadline = io_after(DNSBL_MS);
  char reverse[80];
  round r;
  int good = begin(&r, 10 * DNSBL_LISTS);
  for (unsigned kind = DNSBL_IP4; good > 0 && kind <= DNSBL_SENDER; kind *= 2) {
    char const *what = wanted(q, kind, &buffer, reverse);
    for (unsigned i = 0; *what && i < l->n; i++)
      if (l->v[i].what & kind)
        add_list(&r, l->v + i, kind, what, q->period, to);
  }
  if (good > 0 && r.n) good = ask(&r, deadline - CONFIRM_MS);
  if (good > 0) judge(&r, q->period);
  if (good > 0) good = confirm(&r, q->period, deadline);
  if (good > 0) sum(&r, to);
  finish(&r);
  stralloc_free(&buffer);
  return good;
}

int dnsbl_test(dnsbl_lists *l, io_time period)
{
  round r;
  int good = begin(&r, 10 * DNSBL_LISTS);
  for (unsigned i = 0; good > 0 && i < l->n; i++)
    for (unsigned kind = DNSBL_IP4; kind <= DNSBL_SENDER; kind *= 2)
      if (l->v[i].what & kind && !l->v[i].no_test) test_one(&r, l->v + i, kind);
  if (good > 0 && r.n) good = ask(&r, io_after(DNSBL_MS));
  if (good > 0) judge(&r, period);
  finish(&r);
  return good;
}
