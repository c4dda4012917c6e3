#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/unix-transactional.h>

#include "folders.h"
#include "letters.h"
#include "log.h"
#include "maildir.h"
#include "put-file.h"
#include "put-lines.h"

#define NAMES 8 /* tries when a name is taken */

int put_mailbox_open(put_mailbox *m, char const *dir, char const *folder)
{
  char path[4096];
  int n =
      snprintf(path, sizeof path, "%s%s%s", dir, *folder ? "/" : "", folder);
  m->new = -1;
  if (n < 0 || (size_t)n >= sizeof path) return errno = ENAMETOOLONG, -1;
  m->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (m->root < 0) return -1;
  m->new = openat(m->root, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (m->new >= 0) return 1;
  put_mailbox_close(m);
  return -1;
}

void put_mailbox_close(put_mailbox *m)
{
  int e = errno;
  if (m->new >= 0) close(m->new);
  if (m->root >= 0) close(m->root);
  m->new = m->root = -1;
  errno = e;
}

/* SECONDS.QidRnumber.HOST */
static int tagged(char const *name, char const *queue)
{
  char const *dot = strchr(name, '.');
  size_t n = strlen(queue);
  return dot && dot[1] == 'Q' && !strncmp(dot + 2, queue, n) &&
         dot[2 + n] == 'R';
}

static int search(int root, char const *sub, char const *queue)
{
  DIR *d = opendir_at(root, sub);
  struct dirent *e;
  int found = 0;
  if (!d) return -1;
  while (errno = 0, !found && (e = readdir(d)))
    found = tagged(e->d_name, queue);
  if (!found && errno) found = -1;
  closedir(d);
  return found;
}

/* cur last: a reader moves files from new to cur meanwhile. */
int put_file_there(put_mailbox const *m, char const *queue)
{
  int r = search(m->root, "new", queue);
  return r ? r : search(m->root, "cur", queue);
}

int put_file_anywhere(int root, char const *queue)
{
  static char const *const subs[] = {"new", "cur"};
  folders f;
  char path[MAILDIR_NAME + 8];
  int r = 0;
  if (folders_read(&f, root) < 0) return -1;
  for (size_t i = 0; !r && i < f.n; i++)
    for (unsigned k = 0; !r && k < 2; k++) {
      if (i)
        snprintf(path, sizeof path, ".%s/%s", f.v[i], subs[k]);
      else
        snprintf(path, sizeof path, "%s", subs[k]); /* INBOX */
      r = search(root, path, queue);
      if (r < 0 && errno == ENOENT) r = 0; /* no longer there, or no mailbox */
    }
  folders_free(&f);
  return r;
}

/* Without O_TMPFILE a file has a name in tmp/ first. */
typedef struct draft {
  int fd;
  char tmp[MAILDIR_NAME + 8]; /* "" if it has none */
} draft;

static int no_tmpfile;

static int draft_open(draft *d, put_mailbox const *m)
{
  char unique[MAILDIR_NAME + 1];
  *d->tmp = 0;
  if (!no_tmpfile) {
    d->fd = openat(m->new, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (d->fd >= 0) return 1;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) return -1;
    no_tmpfile = 1;
  }
  if (!maildir_unique(unique, 0, 0, 0)) return errno = ENAMETOOLONG, -1;
  snprintf(d->tmp, sizeof d->tmp, "tmp/%s", unique);
  d->fd =
      openat(m->root, d->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  return d->fd < 0 ? -1 : 1;
}

static void draft_close(draft *d, put_mailbox const *m)
{
  int e = errno;
  if (*d->tmp) unlinkat(m->root, d->tmp, 0);
  close(d->fd);
  errno = e;
}

/* Gives the draft its name, never over another file. Kernels before 6.10
   want a privilege for AT_EMPTY_PATH, so /proc is the second way. */
static int draft_link(draft const *d, put_mailbox const *m, int dir,
                      char const *name)
{
  static int by_proc;
  char self[32];
  if (*d->tmp) return linkat(m->root, d->tmp, dir, name, 0);
  if (!by_proc) {
    if (linkat(d->fd, "", dir, name, AT_EMPTY_PATH) == 0) return 0;
    if (errno != ENOENT && errno != EPERM && errno != EINVAL) return -1;
  }
  snprintf(self, sizeof self, "/proc/self/fd/%d", d->fd);
  if (linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW) == 0)
    return by_proc = 1, 0;
  return -1;
}

/* What the file is to be called, and where. */
typedef struct place_of {
  int dir; /* new, or cur */
  char const *tag;
  uint64_t letters;
} place_of;

static int name_it(draft const *d, put_mailbox const *m, put_lines const *w,
                   place_of const *p, char *name)
{
  for (unsigned i = 0; i < NAMES; i++) {
    size_t n = maildir_unique(name, p->tag, w->size, w->size + w->lines);
    char flags[LETTERS_FMT];
    unsigned k = letters_format(flags, p->letters);
    if (!n) return errno = ENAMETOOLONG, -1;
    if (k) snprintf(name + n, MAILDIR_NAME + 1 - n, ":2,%.*s", (int)k, flags);
    if (draft_link(d, m, p->dir, name) == 0) return 1;
    if (errno != EEXIST) return -1;
    if (p->tag) return 1; /* ours, of the same second */
  }
  return -1;
}

static int commit(draft const *d, put_mailbox const *m, put_lines const *w,
                  place_of const *p, char *name)
{
  if (fsync(d->fd) < 0) {
    log_warnsys("unable to sync a new file");
    return PUT_LOST;
  }
  if (name_it(d, m, w, p, name) < 0) return PUT_FAILED;
  if (fsync(p->dir) == 0) return PUT_STORED;
  log_warnsys("unable to sync a directory");
  if (unlinkat(p->dir, name, 0) < 0) log_warnsys("unable to remove %s", name);
  return PUT_LOST;
}

static int write_it(put_mailbox const *m, compose const *c,
                    compose_trace const *t, place_of const *p, char *name,
                    uint64_t *size)
{
  draft d;
  put_lines w;
  int r;
  if (draft_open(&d, m) < 0) return PUT_FAILED;
  put_lines_init(&w, d.fd);
  r = compose_write(c, t, put_lines_write, &w) == 1 && put_lines_end(&w) == 1
          ? commit(&d, m, &w, p, name)
          : PUT_FAILED;
  *size = w.size;
  draft_close(&d, m);
  return r;
}

int put_file(put_mailbox const *m, compose const *c, compose_trace const *t,
             char const *tag, uint64_t letters, char *name, uint64_t *size)
{
  place_of p = {m->new, tag, letters};
  int r, e;
  if (!letters) return write_it(m, c, t, &p, name, size);
  p.dir = openat(m->root, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (p.dir < 0) return PUT_FAILED;
  r = write_it(m, c, t, &p, name, size);
  e = errno;
  close(p.dir);
  errno = e;
  return r;
}
