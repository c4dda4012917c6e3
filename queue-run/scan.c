#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/unix-transactional.h>

#include "log.h"
#include "scan.h"

#define PIECE 100 /* messages at a time */
#define SETTLED 2 /* seconds */

void scan_start(scan *s, int anyway)
{
  if (s->dir) closedir(s->dir);
  s->dir = 0;
  s->split = 0;
  if (anyway) memset(s->changed, 0, sizeof s->changed);
}

static int same(struct timespec const *a, struct timespec const *b)
{
  return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* 0: it is not there, or nothing has changed in it. */
static DIR *open_split(scan *s, plan *p)
{
  char path[QUEUE_PATH];
  struct stat st;
  DIR *d;
  snprintf(path, sizeof path, "mess/%02x", s->split);
  if (fstatat(p->c->queue, path, &st, 0) < 0) {
    if (errno != ENOENT) log_warnsys("unable to read %s", path);
    return 0;
  }
  if (!p->look[s->split] && same(&st.st_mtim, s->changed + s->split)) return 0;
  p->look[s->split] = 0;
  s->now = st.st_mtim;
  s->all = 1;
  d = opendir_at(p->c->queue, path);
  if (!d) log_warnsys("unable to read %s", path);
  return d;
}

/* What queue-edit(8) did not finish is locked by nobody. */
static void tidy(int queue, unsigned split, char const *name)
{
  char path[QUEUE_PATH + sizeof QUEUE_NEW];
  size_t len = strlen(name);
  int fd;
  if (len != QUEUE_ID + strlen(QUEUE_NEW) || !queue_id_valid(name, QUEUE_ID) ||
      strcmp(name + QUEUE_ID, QUEUE_NEW))
    return;
  snprintf(path, sizeof path, "mess/%02x/%s", split, name);
  fd = openat(queue, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
    log_warn("%s was left behind: removed", path);
    unlinkat(queue, path, 0);
  }
  close(fd);
}

/* A change that comes within the same tick of the file system's clock would not
   be seen later, so that the time must be past. */
static void close_split(scan *s)
{
  closedir(s->dir);
  s->dir = 0;
  s->changed[s->split] = (struct timespec){.tv_sec = 0};
  if (s->all && time(0) > s->now.tv_sec + SETTLED)
    s->changed[s->split] = s->now;
}

int scan_step(scan *s, plan *p)
{
  for (unsigned n = 0; n < PIECE && s->split < QUEUE_SPLIT;) {
    struct dirent *e;
    if (!s->dir) s->dir = open_split(s, p);
    e = s->dir ? readdir(s->dir) : 0;
    if (!e) {
      if (s->dir) close_split(s);
      s->split++;
      n++;
    } else if (queue_id_valid(e->d_name, strlen(e->d_name))) {
      if (plan_take(p, e->d_name) <= 0) s->all = 0;
      n++;
    } else {
      tidy(p->c->queue, s->split, e->d_name);
    }
  }
  return s->split < QUEUE_SPLIT;
}
