#include <string.h>

#include "addr.h"
#include "rates.h"
#include "session.h"

#define KNOWN_S (90 * 86400) /* a recipient is new again after that */

int rates_scan(rates *q, char const *s)
{
  char copy[256], *save = 0, *w;
  int good = strlen(s) < sizeof copy && *s;
  if (good) strcpy(copy, s);
  for (w = good ? strtok_r(copy, ",", &save) : 0; w && good;
       w = strtok_r(0, ",", &save)) {
    char *value = strchr(w, '=');
    bucket_rate *r = 0;
    if (!value) return 0;
    *value++ = 0;
    if (!strcmp(w, "messages")) r = &q->messages;
    if (!strcmp(w, "recipients")) r = &q->recipients;
    if (!strcmp(w, "first")) r = &q->first;
    if (!strcmp(w, "from")) r = &q->from;
    if (!strcmp(w, "to")) r = &q->to;
    good = r && bucket_rate_scan(value, r);
  }
  return good;
}

int rates_open(rates *q)
{
  return q->used ? buckets_open(&q->table, q->file) : 1;
}

/* The domain as tables have it; what has none is one, too. */
static int domain(char kind, bucket_rate rate, rates *q, char const *s,
                  size_t len)
{
  stralloc key = STRALLOC_ZERO;
  size_t at = addr_at(s, len);
  bucket_want w = {kind, s + len, 0, rate, 1};
  int64_t wait;
  if (!rate.n) return 1;
  if (at < len && addr_domain_key(&key, s + at + 1, len - at - 1) > 0) {
    w.key = key.s;
    w.len = key.len;
  }
  wait = buckets_take(&q->table, &w, 1, RATES_WAIT_MS, buckets_now());
  stralloc_free(&key);
  return wait >= 0 && (!wait || io_rest(0, io_after(wait)) > 0);
}

/* The rate that accounts(5) gives the account under that name, or ours: also if
   the table cannot be read, which every RCPT answers with 451. */
static bucket_rate own_rate(session *s, char const *name, bucket_rate rate)
{
  table *t = fresh_table_get(&s->o->table);
  char key[1 + sizeof s->user] = "u", text[32];
  char const *v, *end;
  size_t n = strlen(name), len;
  strcpy(key + 1, s->user);
  if (!t || table_get(t, key, strlen(key), &v, &len) <= 0) return rate;
  for (end = v + len; v < end; v += strnlen(v, (size_t)(end - v)) + 1) {
    size_t have = strnlen(v, (size_t)(end - v));
    if (have <= n || have - n >= sizeof text || memcmp(v, name, n)) continue;
    memcpy(text, v + n, have - n);
    text[have - n] = 0;
    bucket_rate_scan(text, &rate);
  }
  return rate;
}

static int account(session *s, char kind, char const *name, bucket_rate own)
{
  bucket_rate rate = own_rate(s, name, own);
  bucket_want w = {kind, s->user, strlen(s->user), rate, 1};
  return buckets_take(&s->o->rates.table, &w, 1, 0, buckets_now()) == 0;
}

char const *rates_mail(session *s)
{
  rates *q = &s->o->rates;
  if (!q->used) return 0;
  if (!domain('f', q->from, q, s->from.s, s->from.len))
    return "451 4.7.1 Too much mail from that domain, try again later";
  if (*s->user && !account(s, 'm', "send-messages=", q->messages))
    return "450 4.7.1 Too many messages from this account, try again later";
  return 0;
}

/* 1; 0: it is new to the account, and was one new one too many. */
static int known(session *s, char const *rcpt)
{
  rates *q = &s->o->rates;
  stralloc key = STRALLOC_ZERO;
  bucket_want w = {'k', 0, 0, {1, KNOWN_S}, 1};
  int64_t now = buckets_now();
  int r = 1;
  if (!stralloc_copyb(&key, s->user, strlen(s->user) + 1)) return 1;
  if (addr_key(&key, rcpt, strlen(rcpt)) > 0) {
    w.key = key.s;
    w.len = key.len;
    r = buckets_marked(&q->table, &w, now) ||
        account(s, '1', "send-first=", q->first);
    if (r) buckets_mark(&q->table, &w, now);
  }
  stralloc_free(&key);
  return r;
}

char const *rates_rcpt(session *s, char const *rcpt)
{
  rates *q = &s->o->rates;
  if (!q->used) return 0;
  if (!domain('t', q->to, q, rcpt, strlen(rcpt)))
    return "451 4.7.1 Too much mail for that domain, try again later";
  if (!*s->user) return 0;
  if (!account(s, 'r', "send-recipients=", q->recipients))
    return "452 4.5.3 Too many recipients from this account, try again later";
  if (!known(s, rcpt))
    return "450 4.7.1 Too many new recipients from this account, try again "
           "later";
  return 0;
}
