/* Entries of greylist-check in LMDB, each with its place in one of two indexes
   by the time when it was last seen. */
#ifndef GREY_STORE_H
#define GREY_STORE_H

#include <lmdb.h>

#include "grey.h"

/* GREY_GREY: triplets that wait; GREY_PASSED: what has passed, networks. */
enum { GREY_ENTRIES, GREY_GREY, GREY_PASSED, GREY_TABLES };

struct grey_db {
  MDB_env *env;
  MDB_dbi table[GREY_TABLES];
};

/* One transaction, and the first error in it, of LMDB; after one all others do
   nothing. */
typedef struct grey_work {
  grey_db *db;
  grey_policy const *policy;
  int64_t now;
  MDB_txn *txn;
  int error;
} grey_work;

/* Whether it has begun; the error. */
int grey_begin(grey_work *w, unsigned flags);
int grey_end(grey_work *w);

/* The index in which an entry has its place. */
int grey_table(char const *key, grey_entry const *e);

/* 1: *e; 0: there is none. */
int grey_get(grey_work *w, char const *key, grey_entry *e);

/* old: what stands there now, or 0. */
void grey_put(grey_work *w, char const *key, grey_entry const *old,
              grey_entry const *e);
void grey_drop(grey_work *w, char const *key, grey_entry const *e);

/* The entry at MDB_FIRST or MDB_LAST of an index: 1, or 0. */
int grey_end_of(grey_work *w, int table, MDB_cursor_op op, char key[GREY_KEY],
                grey_entry *e);
size_t grey_count(grey_work *w, int table);

/* 0 or an error. */
int grey_unpack(grey_entry *e, MDB_val const *v);

void grey_failed(grey_answer *a, int error);

#endif
