#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "put-ask.h"
#include "errands.h"
#include "put-deliver.h"
#include "route.h"

/* A sorter that is away for so many attempts keeps no mail any longer. */
#define PATIENCE 3

/* Opens dir/folder, making what is missing. */
static int open_or_make(put_mailbox *m, char const *dir, char const *folder)
{
  if (put_mailbox_open(m, dir, folder) > 0) return 1;
  if (errno != ENOENT || maildir_make(dir) < 0) return -1;
  if (*folder && maildir_folder_make(dir, folder) < 0) return -1;
  return put_mailbox_open(m, dir, folder);
}

static int box_is(put_deliver const *d, char const *account, char const *folder)
{
  size_t n = strlen(account) + 1, k = strlen(folder) + 1;
  return d->box.new >= 0 && d->key.len == n + k &&
         !memcmp(d->key.s, account, n) && !memcmp(d->key.s + n, folder, k);
}

static int remember(put_deliver *d, char const *account, char const *folder,
                    char const *dir)
{
  d->key.len = d->tmp.len = 0;
  return stralloc_cats(&d->tmp, dir) && stralloc_cats(&d->tmp, "/tmp") &&
         stralloc_0(&d->tmp) && stralloc_cats(&d->key, account) &&
         stralloc_0(&d->key) && stralloc_cats(&d->key, folder) &&
         stralloc_0(&d->key);
}

/* folder: ".NAME", or "" for INBOX. 1; 0: no such account; -1: errno */
static int find_box(put_deliver *d, char const *account, char const *folder)
{
  route_account a;
  table *t;
  int r;
  if (box_is(d, account, folder)) return 1;
  put_mailbox_close(&d->box);
  t = fresh_table_get(d->mail);
  if (!t) return -1;
  r = route_account_get(t, account, &a);
  if (r <= 0) return r;
  if (a.directory[0] != '/') return errno = EINVAL, -1;
  d->limit = a.limit;
  d->program = a.program != 0;
  if (open_or_make(&d->box, a.directory, folder) < 0) return -1;
  if (remember(d, account, folder, a.directory)) return 1;
  put_mailbox_close(&d->box);
  return errno = ENOMEM, -1;
}

char const *put_deliver_spool(put_deliver *d, char const *account)
{
  return find_box(d, account, "") > 0 ? d->tmp.s : 0;
}

int put_deliver_program(put_deliver *d, char const *account)
{
  return find_box(d, account, "") > 0 && d->program;
}

static int full(int e)
{
  return e == ENOSPC || e == EDQUOT;
}

static int failed(int how, envelope_to const *to, put_facts const *f, int *code,
                  char const **text)
{
  int e = errno;
  log_warnsys("unable to deliver %s to %s", f->id, to->address);
  *code = full(e) ? 452 : 451;
  *text = full(e) ? "4.3.1 No space left" : "4.3.0 Mailbox trouble";
  return how;
}

/* The account's Maildir++, which holds the quota's file; box may be one of its
   mailboxes, just below it. */
static int account_root(put_deliver const *d)
{
  size_t account = strlen(d->key.s) + 1;
  return openat(d->box.root, d->key.s[account] ? ".." : ".",
                O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void warn(put_deliver const *d, int root, uint64_t bytes)
{
  quota now, before;
  if (!errands_wanted(ERRAND_QUOTA) || quota_used(root, &d->limit, &now) < 0)
    return;
  before = now;
  before.bytes -= bytes < now.bytes ? bytes : now.bytes;
  before.messages -= now.messages > 0;
  errands_account(d->key.s);
  errands_quota(&d->limit, &before, &now);
}

static void note(put_deliver const *d, uint64_t bytes)
{
  int root = account_root(d);
  if (root < 0) return;
  quota_note(root, (int64_t)bytes, 1);
  warn(d, root, bytes);
  close(root);
}

/* Of the box that is open: 1, 0 or -1 */
static int fits(put_deliver const *d, uint64_t bytes)
{
  quota const more = {bytes, 1};
  int root, r, e;
  if (!d->limit.bytes && !d->limit.messages) return 1;
  root = account_root(d);
  if (root < 0) return -1;
  r = quota_room(root, &d->limit, &more);
  e = errno;
  close(root);
  errno = e;
  return r;
}

static int mailbox_full(put_deliver const *d, int *code, char const **text)
{
  *code = d->defer ? 452 : 552;
  *text = d->defer ? "4.2.2 Mailbox full" : "5.2.2 Mailbox full";
  return 0;
}

int put_deliver_room(put_deliver *d, char const *account, uint64_t bytes,
                     int *code, char const **text)
{
  if (find_box(d, account, "") <= 0 || fits(d, bytes)) return 1;
  return mailbox_full(d, code, text);
}

static int stored(put_deliver const *d, envelope_to const *to,
                  put_facts const *f, char const *what, int *code,
                  char const **text)
{
  char const *folder = d->key.s + strlen(d->key.s) + 1;
  log_info("%s from=<%s> to=<%s> mailbox=%s%s%s: %s", f->id, f->from,
           to->address, to->mailbox, f->junk ? " junk" : "",
           f->junk ? "" : folder, what);
  *code = 250;
  *text = PUT_DELIVERED;
  return PUT_STORED;
}

/* Whether an earlier attempt has stored it, where a program may have sent it
   anywhere: 1, 0, -1. */
static int is_there(put_deliver const *d, put_facts const *f)
{
  int root, r, e;
  if (!f->queue || !f->repeated) return 0;
  if (!d->program || f->junk) return put_file_there(&d->box, f->queue);
  root = account_root(d);
  if (root < 0) return -1;
  r = put_file_anywhere(root, f->queue);
  e = errno;
  close(root);
  return errno = e, r;
}

/* 1: *a says where it belongs; 0: that may be known later. */
static int where(put_deliver *d, compose const *c, put_facts const *f,
                 envelope_to const *to, parcel_record const *r, put_answer *a)
{
  *a = (put_answer){.letters = 0};
  if (f->junk) maildir_folder(a->folder, "Junk");
  if (f->junk || !d->program) return 1;
  if (d->ask && put_ask(&d->asked, d->ask, f->id, f->head, r, c, a)) return 1;
  if (d->ask && f->attempt <= PATIENCE) return 0;
  log_warn("%s to=<%s>: the delivery program cannot be run", f->id,
           to->address);
  return 1;
}

/* The mailbox that the program named is made if it is missing; where that
   cannot be, the message stays in INBOX. */
static int open_named(put_deliver *d, char const *account, put_answer const *a)
{
  if (find_box(d, account, a->folder) > 0) return 1;
  log_warnsys("unable to open the mailbox %s of %s", a->folder, account);
  return find_box(d, account, "");
}

/* To the box that is open. */
static int store(put_deliver *d, compose const *c, put_facts const *f,
                 envelope_to const *to, char const *tag, uint64_t letters,
                 int *code, char const **text)
{
  compose_trace trace = {f->by, to->from ? to->from : f->from, to->address};
  char name[MAILDIR_NAME + 1];
  uint64_t size;
  int r = fits(d, spool_size(&c->message));
  if (r < 0) return failed(PUT_FAILED, to, f, code, text);
  if (r == 0) {
    log_info("%s from=<%s> to=<%s>: mailbox full", f->id, f->from, to->address);
    return mailbox_full(d, code, text), PUT_REFUSED;
  }
  r = put_file(&d->box, c, &trace, f->queue ? tag : 0, letters, name, &size);
  if (r == PUT_STORED) note(d, size);
  if (r == PUT_STORED) return stored(d, to, f, name, code, text);
  r = failed(r, to, f, code, text);
  put_mailbox_close(&d->box); /* it may have been moved away */
  return r;
}

int put_deliver_one(put_deliver *d, compose const *c, put_facts const *f,
                    envelope_to const *to, parcel_record const *record,
                    int *code, char const **text)
{
  char tag[PARCEL_ID + 32], junk[MAILDIR_NAME + 1] = "";
  put_answer a;
  int r;
  if (f->junk) maildir_folder(junk, "Junk");
  r = find_box(d, to->mailbox, junk);
  if (r < 0) return failed(PUT_FAILED, to, f, code, text);
  if (r == 0) {
    *code = 550;
    *text = "5.1.1 No such mailbox";
    return PUT_REFUSED;
  }
  snprintf(tag, sizeof tag, "Q%sR%lu", f->queue ? f->queue : "", to->number);
  r = is_there(d, f);
  if (r < 0) return failed(PUT_FAILED, to, f, code, text);
  if (r > 0) return stored(d, to, f, "is there already", code, text);
  if (!where(d, c, f, to, record, &a)) {
    *code = 451;
    *text = "4.3.0 Delivery program not available";
    return PUT_FAILED;
  }
  if (!f->junk && open_named(d, to->mailbox, &a) <= 0)
    return failed(PUT_FAILED, to, f, code, text);
  return store(d, c, f, to, tag, a.letters, code, text);
}

void put_deliver_free(put_deliver *d)
{
  put_mailbox_close(&d->box);
  station_free(&d->asked);
  stralloc_free(&d->key);
  stralloc_free(&d->tmp);
}
