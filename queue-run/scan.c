#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <skalibs/unix-transactional.h>

#include "log.h"
#include "scan.h"

#define PIECE 100 /* messages at a time */

void scan_start(scan *s)
{
  if (s->dir) closedir(s->dir);
  *s = (scan){.split = 0};
}

static DIR *open_split(int queue, unsigned split)
{
  char path[QUEUE_PATH];
  DIR *d;
  snprintf(path, sizeof path, "mess/%02x", split);
  d = opendir_at(queue, path);
  if (!d && errno != ENOENT) log_warnsys("unable to read %s", path);
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

int scan_step(scan *s, plan *p)
{
  for (unsigned n = 0; n < PIECE && s->split < QUEUE_SPLIT;) {
    struct dirent *e;
    if (!s->dir) s->dir = open_split(p->c->queue, s->split);
    e = s->dir ? readdir(s->dir) : 0;
    if (!e) {
      if (s->dir) closedir(s->dir);
      s->dir = 0;
      s->split++;
      n++;
    } else if (queue_id_valid(e->d_name, strlen(e->d_name))) {
      plan_take(p, e->d_name);
      n++;
    } else {
      tidy(p->c->queue, s->split, e->d_name);
    }
  }
  return s->split < QUEUE_SPLIT;
}
