#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lmdb.h>
#include <skalibs/blake2s.h>
#include <skalibs/uint64.h>

#include "grey.h"

#define REFRESH 3600     /* seconds in which "last" need not be written again */
#define FUTURE 86400     /* what is seen this far ahead: the clock went back */
#define SWEEP 32         /* entries forgotten with each that is written */
#define ROOM (16u << 20) /* for pages between two states */
#define ENTRY 1024       /* bytes of one with its place in an index */

enum { ENTRIES, GREY, PASSED, TABLES };

struct grey_db {
  MDB_env *env;
  MDB_dbi table[TABLES];
};

/* One transaction, and the first error in it. */
typedef struct work {
  grey_db *db;
  grey_policy const *policy;
  int64_t now;
  MDB_txn *txn;
  int error;
} work;

static int is_damage(int e)
{
  return e == MDB_CORRUPTED || e == MDB_PAGE_NOTFOUND || e == MDB_INVALID ||
         e == MDB_PANIC || e == MDB_VERSION_MISMATCH || e == MDB_INCOMPATIBLE ||
         e == MDB_CURSOR_FULL || e == MDB_NOTFOUND;
}

static void failed(grey_answer *a, int e)
{
  *a = (grey_answer){.verdict = is_damage(e) ? GREY_DAMAGED : GREY_FAILED};
  snprintf(a->why, sizeof a->why, "%.70s", mdb_strerror(e));
}

size_t grey_size(uint32_t entries)
{
  return (size_t)entries * ENTRY + ROOM;
}

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

/* A value: first, last, count, then three strings with their NULs. */
static size_t pack(char *to, grey_entry const *e)
{
  size_t n = 20;
  char const *const s[3] = {e->network, e->sender, e->recipient};
  uint64_pack_big(to, (uint64_t)e->first);
  uint64_pack_big(to + 8, (uint64_t)e->last);
  for (int i = 0; i < 4; i++) to[16 + i] = (char)(e->count >> 8 * (3 - i));
  for (int i = 0; i < 3; i++) {
    size_t len = strlen(s[i]) + 1;
    memcpy(to + n, s[i], len);
    n += len;
  }
  return n;
}

static size_t take(char *to, char const *s, size_t n)
{
  size_t len = strnlen(s, n);
  snprintf(to, GREY_SHOWN, "%.*s", (int)len, s);
  return len < n ? len + 1 : n;
}

static int unpack(grey_entry *e, MDB_val const *v)
{
  char const *s = v->mv_data, *end = s + v->mv_size;
  uint64_t n;
  if (v->mv_size < 20) return MDB_CORRUPTED;
  uint64_unpack_big(s, &n);
  e->first = (int64_t)n;
  uint64_unpack_big(s + 8, &n);
  e->last = (int64_t)n;
  e->count = 0;
  for (int i = 0; i < 4; i++)
    e->count = e->count << 8 | (unsigned char)s[16 + i];
  s += 20;
  s += take(e->network, s, (size_t)(end - s));
  s += take(e->sender, s, (size_t)(end - s));
  take(e->recipient, s, (size_t)(end - s));
  return 0;
}

static int table_of(char const *key, grey_entry const *e)
{
  return *key == 'N' || e->count ? PASSED : GREY;
}

/* The place in an index: when it was last seen, then the key. */
static void place(char to[8 + GREY_KEY], char const *key, grey_entry const *e)
{
  uint64_pack_big(to, (uint64_t)(e->last < 0 ? 0 : e->last));
  memcpy(to + 8, key, GREY_KEY);
}

static int over(work const *w, char const *key, grey_entry const *e)
{
  return table_of(key, e) == GREY ? w->now - e->first >= w->policy->window
                                  : w->now - e->last >= w->policy->lifetime;
}

/* 1: *e; 0: there is none. What lies in the future was written before the
   clock went back: it counts from now. */
static int get(work *w, char const *key, grey_entry *e)
{
  MDB_val k = {GREY_KEY, (void *)(uintptr_t)key}, v;
  int r = w->error ? w->error : mdb_get(w->txn, w->db->table[ENTRIES], &k, &v);
  *e = (grey_entry){.count = 0};
  if (r == MDB_NOTFOUND) return 0;
  if (!r) r = unpack(e, &v);
  if (r) {
    w->error = r;
    return 0;
  }
  return 1;
}

static void drop(work *w, char const *key, grey_entry const *e)
{
  char at[8 + GREY_KEY];
  MDB_val k = {GREY_KEY, (void *)(uintptr_t)key}, p = {sizeof at, at};
  int r;
  if (w->error) return;
  place(at, key, e);
  r = mdb_del(w->txn, w->db->table[table_of(key, e)], &p, 0);
  if (!r) r = mdb_del(w->txn, w->db->table[ENTRIES], &k, 0);
  w->error = r;
}

/* old: what stands there, or 0. */
static void put(work *w, char const *key, grey_entry const *old,
                grey_entry const *e)
{
  char at[8 + GREY_KEY], value[20 + 3 * GREY_SHOWN];
  MDB_val k = {GREY_KEY, (void *)(uintptr_t)key}, p = {sizeof at, at};
  MDB_val v = {pack(value, e), value}, none = {0, 0};
  if (old) drop(w, key, old);
  if (w->error) return;
  place(at, key, e);
  w->error = mdb_put(w->txn, w->db->table[ENTRIES], &k, &v, 0);
  if (!w->error)
    w->error = mdb_put(w->txn, w->db->table[table_of(key, e)], &p, &none, 0);
}

/* The first or last place of an index: 1, or 0. */
static int at_end(work *w, int table, MDB_cursor_op op, char key[GREY_KEY],
                  grey_entry *e)
{
  MDB_cursor *c;
  MDB_val k, v;
  int r =
      w->error ? w->error : mdb_cursor_open(w->txn, w->db->table[table], &c);
  if (r) return w->error = r, 0;
  r = mdb_cursor_get(c, &k, &v, op);
  if (!r && k.mv_size != 8 + GREY_KEY) r = MDB_CORRUPTED;
  if (!r) memcpy(key, (char *)k.mv_data + 8, GREY_KEY);
  mdb_cursor_close(c);
  if (r == MDB_NOTFOUND) return 0;
  if (r) return w->error = r, 0;
  if (!get(w, key, e) && !w->error) w->error = MDB_CORRUPTED;
  return !w->error;
}

static size_t count(work *w, int table)
{
  MDB_stat st = {0};
  if (!w->error) w->error = mdb_stat(w->txn, w->db->table[table], &st);
  return st.ms_entries;
}

static void back_to_now(work *w, int table)
{
  char key[GREY_KEY];
  grey_entry e, now;
  if (!at_end(w, table, MDB_LAST, key, &e) || e.last <= w->now + FUTURE) return;
  now = e;
  now.last = w->now;
  if (now.first > w->now) now.first = w->now;
  put(w, key, &e, &now);
}

/* Forgets at most n that are over, and what is too much. */
static long sweep(work *w, int table, long n)
{
  size_t most = w->policy->entries / 2;
  long gone = 0;
  char key[GREY_KEY];
  grey_entry e;
  back_to_now(w, table);
  while (gone < n && at_end(w, table, MDB_FIRST, key, &e) &&
         (over(w, key, &e) || count(w, table) >= (most ? most : 1))) {
    drop(w, key, &e);
    gone++;
  }
  return gone;
}

static int begin(work *w, unsigned flags)
{
  w->txn = 0;
  w->error = mdb_txn_begin(w->db->env, 0, flags, &w->txn);
  return !w->error;
}

static int end(work *w)
{
  if (w->txn && w->error) mdb_txn_abort(w->txn);
  if (w->txn && !w->error) w->error = mdb_txn_commit(w->txn);
  w->txn = 0;
  return w->error;
}

static int network_known(work *w, grey_question const *q, grey_entry *e)
{
  return get(w, q->client, e) && !over(w, q->client, e) &&
         w->policy->successes && e->count >= w->policy->successes;
}

static int waits(work const *w, grey_entry const *e, grey_answer *a)
{
  int64_t since = w->now - e->first;
  if (since < 0 || since >= w->policy->delay) return 0;
  a->verdict = GREY_WAIT;
  a->seconds = (int32_t)(w->policy->delay - since);
  return 1;
}

static int fresh(work const *w, grey_entry const *e)
{
  return w->now >= e->last && w->now - e->last < REFRESH;
}

/* What can be said without writing: 1, or 0. */
static int look(work *w, grey_question const *q, grey_answer *a)
{
  grey_entry e;
  if (network_known(w, q, &e)) {
    a->verdict = GREY_KNOWN;
    return fresh(w, &e);
  }
  if (w->error || !get(w, q->triplet, &e) || over(w, q->triplet, &e)) return 0;
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
static void credit(work *w, grey_question const *q, uint32_t more)
{
  grey_entry old, e;
  int there = get(w, q->client, &old);
  e = old;
  if (!there || over(w, q->client, &old)) e = (grey_entry){.first = w->now};
  e.last = w->now;
  if (e.count < UINT32_MAX - more) e.count += more;
  name(&e, q, 0);
  put(w, q->client, there ? &old : 0, &e);
}

static void first_time(work *w, grey_question const *q, grey_entry const *old,
                       grey_answer *a)
{
  grey_entry e = {.first = w->now, .last = w->now};
  name(&e, q, 1);
  put(w, q->triplet, old, &e);
  a->verdict = w->policy->delay > 0 ? GREY_WAIT : GREY_PASS;
  a->seconds = (int32_t)w->policy->delay;
}

static void triplet(work *w, grey_question const *q, grey_answer *a)
{
  grey_entry old, e;
  int there = get(w, q->triplet, &old);
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
  put(w, q->triplet, &old, &e);
}

static void decide(work *w, grey_question const *q, grey_answer *a)
{
  grey_entry e;
  sweep(w, GREY, SWEEP);
  sweep(w, PASSED, SWEEP);
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
  work w = {.db = db, .policy = p, .now = q->now};
  int known;
  *a = (grey_answer){.verdict = GREY_FAILED};
  if (begin(&w, MDB_RDONLY)) {
    known = look(&w, q, a);
    mdb_txn_abort(w.txn);
    if (known && !w.error) return;
  }
  if (!w.error && begin(&w, 0)) {
    decide(&w, q, a);
    end(&w);
  }
  if (w.error) failed(a, w.error);
}

long grey_expire(grey_db *db, grey_policy const *p, int64_t now, grey_answer *a)
{
  work w = {.db = db, .policy = p, .now = now};
  long all = 0, gone = 1;
  while (gone && begin(&w, 0)) {
    gone = sweep(&w, GREY, SWEEP) + sweep(&w, PASSED, SWEEP);
    if (end(&w)) break;
    all += gone;
  }
  if (w.error) return failed(a, w.error), -1;
  return all;
}

int grey_each(grey_db *db, void (*each)(char const *kind, grey_entry const *e),
              grey_answer *a)
{
  work w = {.db = db};
  MDB_cursor *c = 0;
  MDB_val k, v;
  if (begin(&w, MDB_RDONLY))
    w.error = mdb_cursor_open(w.txn, db->table[ENTRIES], &c);
  while (!w.error && !(w.error = mdb_cursor_get(c, &k, &v, MDB_NEXT))) {
    grey_entry e;
    w.error = unpack(&e, &v);
    if (!w.error)
      each(*(char *)k.mv_data == 'N' ? "network"
           : e.count                 ? "passed"
                                     : "grey",
           &e);
  }
  if (c) mdb_cursor_close(c);
  if (w.txn) mdb_txn_abort(w.txn);
  if (w.error == MDB_NOTFOUND) return 1;
  return failed(a, w.error), -1;
}

static int tables(grey_db *db, int make)
{
  static char const *const names[TABLES] = {"entries", "grey", "passed"};
  MDB_txn *txn;
  int e = mdb_txn_begin(db->env, 0, make ? 0 : MDB_RDONLY, &txn);
  if (e) return e;
  for (int i = 0; !e && i < TABLES; i++)
    e = mdb_dbi_open(txn, names[i], make ? MDB_CREATE : 0, db->table + i);
  if (!e) return mdb_txn_commit(txn);
  mdb_txn_abort(txn);
  return e;
}

/* NOMETASYNC: after a power failure the last answers may be forgotten, but
   the file is whole. */
static int open_env(grey_db *db, char const *dir, uint32_t entries, int make)
{
  int e = mdb_env_create(&db->env), dead;
  if (e) return e;
  e = mdb_env_set_mapsize(db->env, grey_size(entries));
  if (!e) e = mdb_env_set_maxdbs(db->env, TABLES);
  if (!e)
    e = mdb_env_open(db->env, dir,
                     MDB_NOMETASYNC | MDB_NORDAHEAD | (make ? 0 : MDB_RDONLY),
                     0600);
  if (!e) e = mdb_reader_check(db->env, &dead);
  return e ? e : tables(db, make);
}

int grey_open(grey_db **db, char const *dir, uint32_t entries, int make,
              grey_answer *a)
{
  int e = ENOMEM;
  *db = calloc(1, sizeof **db);
  if (*db) e = open_env(*db, dir, entries, make);
  if (!e) return 1;
  failed(a, e);
  grey_close(*db);
  *db = 0;
  return -1;
}

void grey_close(grey_db *db)
{
  if (db && db->env) mdb_env_close(db->env);
  free(db);
}
