#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "plan-part.h"
#include "snapshot.h"

typedef struct in {
  int fd;
  size_t at, len;
  char line[SNAPSHOT_LINE];
  char buf[65536];
} in;

typedef struct load {
  plan *p;
  destination **v; /* by their numbers */
  size_t count, room;
  long long jobs;
} load;

/* The next line, with its end: 1; 0: no more; -1 with errno, EPROTO if it is
   too long or has no end. */
static int next_line(in *i, size_t *n)
{
  for (*n = 0; *n < SNAPSHOT_LINE - 1;) {
    if (i->at == i->len) {
      ssize_t r = read(i->fd, i->buf, sizeof i->buf);
      if (r < 0) return -1;
      if (r == 0) return *n ? (errno = EPROTO, -1) : 0;
      i->at = 0;
      i->len = (size_t)r;
    }
    i->line[(*n)++] = i->buf[i->at];
    if (i->buf[i->at++] != '\n') continue;
    i->line[*n] = 0;
    return 1;
  }
  return errno = EPROTO, -1;
}

static int whole(in *i)
{
  char end[64];
  uint64_t sum = 0;
  long long jobs = 0;
  size_t n;
  int r = next_line(i, &n);
  if (r <= 0 || strcmp(i->line, SNAPSHOT_MAGIC)) return 0;
  do {
    sum = hash_more(sum, i->line, n);
    jobs += *i->line == 'J';
    r = next_line(i, &n);
  } while (r > 0 && *i->line != 'e');
  snprintf(end, sizeof end, "end %lld %" PRIx64 "\n", jobs, sum);
  return r > 0 && !strcmp(i->line, end) && next_line(i, &n) == 0;
}

/* 1, 0: no destination, -1 */
static int load_destination(load *l, char *s, size_t n)
{
  if (n < 4 || s[1] != ' ') return 0;
  s[n - 1] = 0;
  if (!strchr("LRB", s[2]) || n - 3 >= RUN_KEY) return 0;
  if (l->count == l->room) {
    size_t room = l->room ? l->room * 2 : 256;
    destination **v = realloc(l->v, room * sizeof *v);
    if (!v) return -1;
    l->v = v;
    l->room = room;
  }
  l->v[l->count] = destination_get(l->p, s + 2);
  if (!l->v[l->count]) return -1;
  l->v[l->count++]->jobs++; /* until all is read */
  return 1;
}

/* A number with a blank before and after it, or a newline. */
static int number(char **s, int base, uint64_t most, uint64_t *x)
{
  char *end;
  if (**s != ' ' || !(*s)[1] || strchr(" \n+-", (*s)[1])) return 0;
  *x = strtoull(*s + 1, &end, base);
  if (*x > most || (*end != ' ' && *end != '\n')) return 0;
  *s = end;
  return 1;
}

static int restore(load *l, char const *id, uint64_t name, destination *d,
                   uint64_t due, unsigned flags)
{
  plan *p = l->p;
  message *m = message_find(p, id);
  sender *s = m ? m->s : sender_get(p, name);
  job *j;
  if (!m && s) m = message_new(p, id, s);
  if (!m && s) sender_forget(p, s);
  if (!m) return -1;
  m->restored = 1;
  j = job_new(p, m, d, (long long)due);
  if (!j) return -1;
  j->t.unsure = (flags & SNAPSHOT_UNSURE) != 0;
  j->t.warned = (flags & SNAPSHOT_WARNED) != 0;
  wait_for(p, j, (long long)due);
  l->jobs++;
  return 1;
}

static int load_job(load *l, char *text, size_t n)
{
  char *id = text + 2, *s = id + QUEUE_ID;
  uint64_t name, to, due, flags;
  if (n < 2 + QUEUE_ID + 9 || text[1] != ' ' || !queue_id_valid(id, QUEUE_ID) ||
      !number(&s, 16, UINT64_MAX, &name) ||
      !number(&s, 10, l->count - 1, &to) || !l->count ||
      !number(&s, 10, INT64_MAX / 2, &due) || !number(&s, 10, 3, &flags) ||
      *s != '\n')
    return 0;
  id[QUEUE_ID] = 0;
  return restore(l, id, name, l->v[to], due, (unsigned)flags);
}

static int load_lines(load *l, in *i)
{
  size_t n;
  int r = next_line(i, &n);
  while (r > 0 && (r = next_line(i, &n)) > 0 && *i->line != 'e') {
    r = *i->line == 'D'   ? load_destination(l, i->line, n)
        : *i->line == 'J' ? load_job(l, i->line, n)
                          : 0;
    if (r == 0) errno = EPROTO;
  }
  return r > 0 ? 1 : -1;
}

long long snapshot_load(plan *p, int fd)
{
  static in i;
  load l = {.p = p};
  int good;
  i = (in){.fd = fd};
  if (!whole(&i)) return errno = EPROTO, -1;
  if (lseek(fd, 0, SEEK_SET) < 0) return -1;
  i = (in){.fd = fd};
  good = load_lines(&l, &i) > 0;
  for (size_t n = 0; n < l.count; n++) {
    l.v[n]->jobs--;
    plan_forget(p, l.v[n]);
  }
  free(l.v);
  return good ? l.jobs : -1;
}

void snapshot_read(plan *p, int believe)
{
  int queue = p->c->queue;
  int fd = openat(queue, QUEUE_SNAPSHOT, O_RDONLY | O_CLOEXEC);
  long long n;
  if (fd < 0) {
    if (errno != ENOENT) log_warnsys("unable to read " QUEUE_SNAPSHOT);
    return;
  }
  if (unlinkat(queue, QUEUE_SNAPSHOT, 0) < 0) {
    log_warnsys("unable to remove " QUEUE_SNAPSHOT);
    believe = 0; /* it would be there after a crash, too */
  }
  if (believe) {
    n = snapshot_load(p, fd);
    if (n < 0)
      log_warnsys("unable to take up all of " QUEUE_SNAPSHOT);
    else
      log_info(QUEUE_SNAPSHOT ": %lld wait", n);
  }
  close(fd);
}
