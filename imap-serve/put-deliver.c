#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "put-deliver.h"
#include "route.h"

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

/* 1; 0: no such account; -1: errno */
static int find_box(put_deliver *d, char const *account, int junk)
{
  char folder[MAILDIR_NAME + 1] = "";
  route_account a;
  table *t;
  int r;
  if (junk) maildir_folder(folder, "Junk");
  if (box_is(d, account, folder)) return 1;
  put_mailbox_close(&d->box);
  t = fresh_table_get(d->mail);
  if (!t) return -1;
  r = route_account_get(t, account, &a);
  if (r <= 0) return r;
  if (a.directory[0] != '/') return errno = EINVAL, -1;
  if (open_or_make(&d->box, a.directory, folder) < 0) return -1;
  if (remember(d, account, folder, a.directory)) return 1;
  put_mailbox_close(&d->box);
  return errno = ENOMEM, -1;
}

char const *put_deliver_spool(put_deliver *d, char const *account)
{
  return find_box(d, account, 0) > 0 ? d->tmp.s : 0;
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

static int stored(envelope_to const *to, put_facts const *f, char const *what,
                  int *code, char const **text)
{
  log_info("%s from=<%s> to=<%s> mailbox=%s%s: %s", f->id, f->from, to->address,
           to->mailbox, f->junk ? " junk" : "", what);
  *code = 250;
  *text = "2.0.0 Delivered";
  return PUT_STORED;
}

int put_deliver_one(put_deliver *d, compose const *c, put_facts const *f,
                    envelope_to const *to, int *code, char const **text)
{
  compose_trace trace = {f->by, *to->from ? to->from : f->from, to->address};
  char name[MAILDIR_NAME + 1], tag[PARCEL_ID + 32];
  int r = find_box(d, to->mailbox, f->junk);
  if (r < 0) return failed(PUT_FAILED, to, f, code, text);
  if (r == 0) {
    *code = 550;
    *text = "5.1.1 No such mailbox";
    return PUT_FAILED;
  }
  snprintf(tag, sizeof tag, "Q%sR%lu", f->queue ? f->queue : "", to->number);
  if (f->queue && f->repeated) {
    r = put_file_there(&d->box, tag);
    if (r < 0) return failed(PUT_FAILED, to, f, code, text);
    if (r > 0) return stored(to, f, "is there already", code, text);
  }
  r = put_file(&d->box, c, &trace, f->queue ? tag : 0, name);
  if (r == PUT_STORED) return stored(to, f, name, code, text);
  r = failed(r, to, f, code, text);
  put_mailbox_close(&d->box); /* it may have been moved away */
  return r;
}

void put_deliver_free(put_deliver *d)
{
  put_mailbox_close(&d->box);
  stralloc_free(&d->key);
  stralloc_free(&d->tmp);
}
