/* A message's file: its name now, its bytes, its flags. Whoever finds that
   somebody else has renamed it looks at the whole mailbox again and retries. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "letters.h"
#include "maildir.h"
#include "mailbox.h"
#include "quota.h"
#include "mime.h"

#define RETRIES 20

char const *message_base(mailbox const *m, message const *g)
{
  return m->uids.names.s + g->name;
}

size_t message_path(mailbox const *m, message const *g, char *to)
{
  char const *base = message_base(m, g);
  size_t n = strlen(g->odd ? g->odd : base);
  memcpy(to, g->state & MESSAGE_NEW ? "new/" : "cur/", 4);
  if (n > MAILDIR_NAME) n = MAILDIR_NAME;
  memcpy(to + 4, g->odd ? g->odd : base, n);
  n += 4;
  if (!g->odd && !(g->state & MESSAGE_NEW) &&
      n + LETTERS_FMT + 3 <= MAILBOX_PATH) {
    memcpy(to + n, ":2,", 3);
    n += 3;
    n += letters_format(to + n, g->letters);
  }
  to[n] = 0;
  return n;
}

/* The message was not where we thought. g may have moved in memory: messages
   are only appended by a sync, so its index stays. 1; 0 gone; -1 */
static int find_again(mailbox *m, size_t at)
{
  if (mailbox_sync(m, 1) < 0) return -1;
  return !(m->v[at].state & MESSAGE_GONE);
}

int message_open(mailbox *m, message *g)
{
  size_t at = (size_t)(g - m->v);
  for (unsigned i = 0; i < RETRIES; i++) {
    char path[MAILBOX_PATH];
    int fd, r;
    if (m->v[at].state & MESSAGE_GONE) break;
    message_path(m, m->v + at, path);
    fd = openat(m->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 || errno != ENOENT) return fd;
    r = find_again(m, at);
    if (r < 0) return -1;
  }
  return errno = ENOENT, -1;
}

int message_change(mailbox *m, message *g, uint64_t set, uint64_t clear)
{
  size_t at = (size_t)(g - m->v);
  for (unsigned i = 0; i < RETRIES; i++) {
    char from[MAILBOX_PATH], to[MAILBOX_PATH];
    message then = *(g = m->v + at);
    if (g->state & MESSAGE_GONE) return 0;
    then.letters = (g->letters | set) & ~clear;
    if (then.letters == g->letters) return 1;
    then.odd = 0;
    then.state &= ~(uint32_t)MESSAGE_NEW;
    message_path(m, g, from);
    message_path(m, &then, to);
    if (strlen(to) - 4 > MAILDIR_NAME) return errno = ENAMETOOLONG, -1;
    if (renameat2(m->dir, from, m->dir, to, RENAME_NOREPLACE) == 0) {
      free(g->odd);
      then.state |= MESSAGE_CHANGED;
      *g = then;
      m->times.unsure = 1;
      return 1;
    }
    if (errno != ENOENT && errno != EEXIST) return -1;
    if (find_again(m, at) < 0) return -1;
  }
  return errno = EAGAIN, -1;
}

void mailbox_note_left(mailbox *m)
{
  if (m->left) quota_note(m->root, -(int64_t)m->left_bytes, -(int64_t)m->left);
  m->left = 0;
  m->left_bytes = 0;
}

static void leaves(mailbox *m, maildir_name const *name, struct stat const *st)
{
  m->left++;
  m->left_bytes +=
      name->size == UINT64_MAX ? (uint64_t)st->st_size : name->size;
}

int message_remove(mailbox *m, message *g, uint64_t letters)
{
  size_t at = (size_t)(g - m->v);
  for (unsigned i = 0; i < RETRIES; i++) {
    char path[MAILBOX_PATH];
    maildir_name name;
    struct stat st = {.st_size = 0};
    g = m->v + at;
    if (g->state & MESSAGE_GONE || (g->letters & letters) != letters) return 0;
    message_path(m, g, path);
    maildir_parse(&name, path + 4);
    if (name.size == UINT64_MAX)
      fstatat(m->dir, path, &st, AT_SYMLINK_NOFOLLOW);
    if (unlinkat(m->dir, path, 0) == 0) {
      leaves(m, &name, &st);
      g->state |= MESSAGE_GONE;
      m->times.unsure = 1;
      return 1;
    }
    if (errno != ENOENT) return -1;
    if (find_again(m, at) < 0) return -1;
  }
  return errno = EAGAIN, -1;
}

int message_transfer(mailbox *m, message *g, int dir, char const *name,
                     int move)
{
  size_t at = (size_t)(g - m->v);
  for (unsigned i = 0; i < RETRIES; i++) {
    char path[MAILBOX_PATH];
    int r;
    g = m->v + at;
    if (g->state & MESSAGE_GONE) return 0;
    message_path(m, g, path);
    r = move ? renameat2(m->dir, path, dir, name, RENAME_NOREPLACE)
             : linkat(m->dir, path, dir, name, 0);
    if (r == 0) {
      m->times.unsure = 1;
      if (move) g->state |= MESSAGE_GONE;
      return 1;
    }
    if (errno != ENOENT) return -1;
    if (find_again(m, at) < 0) return -1;
  }
  return errno = EAGAIN, -1;
}

int message_size(mailbox *m, message *g, uint64_t *size)
{
  size_t at = (size_t)(g - m->v);
  maildir_name name;
  uint64_t wire;
  int fd, r;
  *size = g->wire;
  if (g->wire) return 1;
  maildir_parse(&name, message_base(m, g));
  wire = name.wire;
  if (wire == UINT64_MAX) {
    fd = message_open(m, g);
    if (fd < 0) return errno == ENOENT ? 0 : -1;
    r = mime_wire_size(fd, &wire);
    close(fd);
    if (r < 0) return -1;
  }
  *size = m->v[at].wire = wire;
  return 1;
}
