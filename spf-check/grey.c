#include <stdio.h>
#include <string.h>

#include <skalibs/blake2s.h>

#include "grey-store.h"

#define REFRESH 3600 /* seconds in which "last" need not be written again */
#define FUTURE 86400 /* what is seen this far ahead: the clock went back */
#define SWEEP 32     /* entries forgotten with each that is written */

static void hash(char key[GREY_KEY], char kind, char const *s, size_t n)
{
  blake2s_ctx c = BLAKE2S_INIT(GREY_KEY - 1);
  blake2s_update(&c, s, n);
  key[0] = kind;
  blake2s_final(&c, key + 1);
}

static size_t lower(char *to, size_t n, char const *s)
{
  for (; *s && n < 4095; s++)
    to[n++] = *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s;
  to[n++] = 0;
  return n;
}

void grey_ask(grey_question *q, char const *network, char const *sender,
              char const *recipient, int64_t now)
{
  char all[3 * 4096];
  size_t n = lower(all, 0, network);
  *q = (grey_question){.now = now};
  n += lower(all + n, 0, sender);
  n += lower(all + n, 0, recipient);
  hash(q->triplet, 'T', all, n);
  hash(q->client, 'N', network, strlen(network));
  snprintf(q->network, GREY_SHOWN, "%s", network);
  snprintf(q->sender, GREY_SHOWN, "%s", sender);
  snprintf(q->recipient, GREY_SHOWN, "%s", recipient);
}

static int over(grey_work const *w, char const *key, grey_entry const *e)
{
  return grey_table(key, e) == GREY_GREY
             ? w->now - e->first >= w->policy->window
             : w->now - e->last >= w->policy->lifetime;
}

static void back_to_now(grey_work *w, int table)
{
  char key[GREY_KEY];
  grey_entry e, now;
  if (!grey_end_of(w, table, MDB_LAST, key, &e) || e.last <= w->now + FUTURE)
    return;
  now = e;
  now.last = w->now;
  if (now.first > w->now) now.first = w->now;
  grey_put(w, key, &e, &now);
}

/* Forgets at most n that are over, and what is too much. */
static long sweep(grey_work *w, int table, long n)
{
  size_t most = w->policy->entries / 2;
  long gone = 0;
  char key[GREY_KEY];
  grey_entry e;
  back_to_now(w, table);
  while (gone < n && grey_end_of(w, table, MDB_FIRST, key, &e) &&
         (over(w, key, &e) || grey_count(w, table) >= (most ? most : 1))) {
    grey_drop(w, key, &e);
    gone++;
  }
  return gone;
}

static int network_known(grey_work *w, grey_question const *q, grey_entry *e)
{
  return grey_get(w, q->client, e) && !over(w, q->client, e) &&
         w->policy->successes && e->count >= w->policy->successes;
}

static int waits(grey_work const *w, grey_entry const *e, grey_answer *a)
{
  int64_t since = w->now - e->first;
  if (since < 0 || since >= w->policy->delay) return 0;
  a->verdict = GREY_WAIT;
  a->seconds = (int32_t)(w->policy->delay - since);
  return 1;
}

static int fresh(grey_work const *w, grey_entry const *e)
{
  return w->now >= e->last && w->now - e->last < REFRESH;
}

/* What can be said without writing: 1, or 0. */
static int look(grey_work *w, grey_question const *q, grey_answer *a)
{
  grey_entry e;
  if (network_known(w, q, &e)) {
    a->verdict = GREY_KNOWN;
    return fresh(w, &e);
  }
  if (w->error || !grey_get(w, q->triplet, &e) || over(w, q->triplet, &e))
    return 0;
  a->verdict = GREY_PASS;
  if (e.count) return fresh(w, &e);
  return waits(w, &e, a);
}

static void name(grey_entry *e, grey_question const *q, int triplet)
{
  memcpy(e->network, q->network, GREY_SHOWN);
  memcpy(e->sender, triplet ? q->sender : "", triplet ? GREY_SHOWN : 1);
  memcpy(e->recipient, triplet ? q->recipient : "", triplet ? GREY_SHOWN : 1);
}

/* One more triplet of that network has passed. */
static void credit(grey_work *w, grey_question const *q, uint32_t more)
{
  grey_entry old, e;
  int there = grey_get(w, q->client, &old);
  e = old;
  if (!there || over(w, q->client, &old)) e = (grey_entry){.first = w->now};
  e.last = w->now;
  if (e.count < UINT32_MAX - more) e.count += more;
  name(&e, q, 0);
  grey_put(w, q->client, there ? &old : 0, &e);
}

static void first_time(grey_work *w, grey_question const *q,
                       grey_entry const *old, grey_answer *a)
{
  grey_entry e = {.first = w->now, .last = w->now};
  name(&e, q, 1);
  grey_put(w, q->triplet, old, &e);
  a->verdict = w->policy->delay > 0 ? GREY_WAIT : GREY_PASS;
  a->seconds = (int32_t)w->policy->delay;
}

static void triplet(grey_work *w, grey_question const *q, grey_answer *a)
{
  grey_entry old, e;
  int there = grey_get(w, q->triplet, &old);
  if (w->error) return;
  e = old;
  if (there && e.first > w->now) e.first = w->now; /* the clock went back */
  if (!there || over(w, q->triplet, &e)) {
    first_time(w, q, there ? &old : 0, a);
    return;
  }
  e.last = w->now;
  if (e.count || !waits(w, &e, a)) {
    a->verdict = GREY_PASS;
    if (!e.count) credit(w, q, 1);
    if (e.count < UINT32_MAX) e.count++;
  }
  grey_put(w, q->triplet, &old, &e);
}

static void decide(grey_work *w, grey_question const *q, grey_answer *a)
{
  grey_entry e;
  sweep(w, GREY_GREY, SWEEP);
  sweep(w, GREY_PASSED, SWEEP);
  if (network_known(w, q, &e)) {
    a->verdict = GREY_KNOWN;
    credit(w, q, 0);
  } else {
    triplet(w, q, a);
  }
}

void grey_check(grey_db *db, grey_policy const *p, grey_question const *q,
                grey_answer *a)
{
  grey_work w = {.db = db, .policy = p, .now = q->now};
  int known;
  *a = (grey_answer){.verdict = GREY_FAILED};
  if (grey_begin(&w, MDB_RDONLY)) {
    known = look(&w, q, a);
    mdb_txn_abort(w.txn);
    if (known && !w.error) return;
  }
  if (!w.error && grey_begin(&w, 0)) {
    decide(&w, q, a);
    grey_end(&w);
  }
  if (w.error) grey_failed(a, w.error);
}

long grey_expire(grey_db *db, grey_policy const *p, int64_t now, grey_answer *a)
{
  grey_work w = {.db = db, .policy = p, .now = now};
  long all = 0, gone = 1;
  while (gone && grey_begin(&w, 0)) {
    gone = sweep(&w, GREY_GREY, SWEEP) + sweep(&w, GREY_PASSED, SWEEP);
    if (grey_end(&w)) break;
    all += gone;
  }
  if (w.error) return grey_failed(a, w.error), -1;
  return all;
}

int grey_each(grey_db *db, void (*each)(char const *kind, grey_entry const *e),
              grey_answer *a)
{
  grey_work w = {.db = db};
  MDB_cursor *c = 0;
  MDB_val k, v;
  if (grey_begin(&w, MDB_RDONLY))
    w.error = mdb_cursor_open(w.txn, db->table[GREY_ENTRIES], &c);
  while (!w.error && !(w.error = mdb_cursor_get(c, &k, &v, MDB_NEXT))) {
    grey_entry e;
    w.error = grey_unpack(&e, &v);
    if (!w.error)
      each(*(char *)k.mv_data == 'N' ? "network"
           : e.count                 ? "passed"
                                     : "grey",
           &e);
  }
  if (c) mdb_cursor_close(c);
  if (w.txn) mdb_txn_abort(w.txn);
  if (w.error == MDB_NOTFOUND) return 1;
  return grey_failed(a, w.error), -1;
}
