#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/uint64.h>

#include "grey-store.h"

#define ROOM (16u << 20) /* for pages between two states */
#define ENTRY 1024       /* bytes of one with its place in an index */

static int is_damage(int e)
{
  return e == MDB_CORRUPTED || e == MDB_PAGE_NOTFOUND || e == MDB_INVALID ||
         e == MDB_PANIC || e == MDB_VERSION_MISMATCH || e == MDB_INCOMPATIBLE ||
         e == MDB_CURSOR_FULL || e == MDB_NOTFOUND;
}

void grey_failed(grey_answer *a, int e)
{
  *a = (grey_answer){.verdict = is_damage(e) ? GREY_DAMAGED : GREY_FAILED};
  snprintf(a->why, sizeof a->why, "%.70s", mdb_strerror(e));
}

size_t grey_size(uint32_t entries)
{
  return (size_t)entries * ENTRY + ROOM;
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

int grey_unpack(grey_entry *e, MDB_val const *v)
{
  char const *s = v->mv_data, *end = s + v->mv_size;
  uint64_t n;
  if (v->mv_size < 20) return MDB_CORRUPTED;
  uint64_unpack_big(s, &n);
  e->first = (int64_t)n;
  uint64_unpack_big(s + 8, &n);
  e->last = (int64_t)n;
  if (e->first < 0 || e->last < 0) return MDB_CORRUPTED;
  e->count = 0;
  for (int i = 0; i < 4; i++)
    e->count = e->count << 8 | (unsigned char)s[16 + i];
  s += 20;
  s += take(e->network, s, (size_t)(end - s));
  s += take(e->sender, s, (size_t)(end - s));
  take(e->recipient, s, (size_t)(end - s));
  return 0;
}

int grey_table(char const *key, grey_entry const *e)
{
  return *key == 'N' || e->count ? GREY_PASSED : GREY_GREY;
}

/* The place in an index: when it was last seen, then the key. */
static void place(char to[8 + GREY_KEY], char const *key, grey_entry const *e)
{
  uint64_pack_big(to, (uint64_t)(e->last < 0 ? 0 : e->last));
  memcpy(to + 8, key, GREY_KEY);
}

int grey_get(grey_work *w, char const *key, grey_entry *e)
{
  MDB_val k = {GREY_KEY, (void *)(uintptr_t)key}, v;
  int r =
      w->error ? w->error : mdb_get(w->txn, w->db->table[GREY_ENTRIES], &k, &v);
  *e = (grey_entry){.count = 0};
  if (r == MDB_NOTFOUND) return 0;
  if (!r) r = grey_unpack(e, &v);
  if (r) {
    w->error = r;
    return 0;
  }
  return 1;
}

void grey_drop(grey_work *w, char const *key, grey_entry const *e)
{
  char at[8 + GREY_KEY];
  MDB_val k = {GREY_KEY, (void *)(uintptr_t)key}, p = {sizeof at, at};
  int r;
  if (w->error) return;
  place(at, key, e);
  r = mdb_del(w->txn, w->db->table[grey_table(key, e)], &p, 0);
  if (!r) r = mdb_del(w->txn, w->db->table[GREY_ENTRIES], &k, 0);
  w->error = r;
}

void grey_put(grey_work *w, char const *key, grey_entry const *old,
              grey_entry const *e)
{
  char at[8 + GREY_KEY], value[20 + 3 * GREY_SHOWN];
  MDB_val k = {GREY_KEY, (void *)(uintptr_t)key}, p = {sizeof at, at};
  MDB_val v = {pack(value, e), value}, none = {0, 0};
  if (old) grey_drop(w, key, old);
  if (w->error) return;
  place(at, key, e);
  w->error = mdb_put(w->txn, w->db->table[GREY_ENTRIES], &k, &v, 0);
  if (!w->error)
    w->error = mdb_put(w->txn, w->db->table[grey_table(key, e)], &p, &none, 0);
}

int grey_end_of(grey_work *w, int table, MDB_cursor_op op, char key[GREY_KEY],
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
  if (!grey_get(w, key, e) && !w->error) w->error = MDB_CORRUPTED;
  return !w->error;
}

size_t grey_count(grey_work *w, int table)
{
  MDB_stat st = {0};
  if (!w->error) w->error = mdb_stat(w->txn, w->db->table[table], &st);
  return st.ms_entries;
}

int grey_begin(grey_work *w, unsigned flags)
{
  w->txn = 0;
  w->error = mdb_txn_begin(w->db->env, 0, flags, &w->txn);
  return !w->error;
}

int grey_end(grey_work *w)
{
  if (w->txn && w->error) mdb_txn_abort(w->txn);
  if (w->txn && !w->error) w->error = mdb_txn_commit(w->txn);
  w->txn = 0;
  return w->error;
}

static int tables(grey_db *db, int make)
{
  static char const *const names[GREY_TABLES] = {"entries", "grey", "passed"};
  MDB_txn *txn;
  int e = mdb_txn_begin(db->env, 0, make ? 0 : MDB_RDONLY, &txn);
  if (e) return e;
  for (int i = 0; !e && i < GREY_TABLES; i++)
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
  if (!e) e = mdb_env_set_maxdbs(db->env, GREY_TABLES);
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
  grey_failed(a, e);
  grey_close(*db);
  *db = 0;
  return -1;
}

void grey_close(grey_db *db)
{
  if (db && db->env) mdb_env_close(db->env);
  free(db);
}
