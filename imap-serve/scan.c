#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <skalibs/unix-transactional.h>

#include "letters.h"
#include "scan.h"

/* Directory times come from a clock that ticks 100 to 1000 times a second:
   one younger than this may hide another change. */
#define TICK_NS 20000000

void scan_free(scan *s)
{
  for (size_t i = 0; i < s->n; i++) free(s->file[i].odd);
  free(s->file);
  stralloc_free(&s->unknown);
  *s = (scan)SCAN_ZERO;
}

size_t scan_name(char const *name, int isnew, uint64_t *letters, int *plain)
{
  size_t base = strcspn(name, ":");
  char const *info = name + base;
  uint64_t last = 0;
  *letters = 0;
  *plain = isnew ? !*info : !strncmp(info, ":2,", 3);
  if (strncmp(info, ":2,", 3)) return base;
  for (info += 3; *info && *info != ','; info++) {
    uint64_t bit = letter_bit(*info);
    if (bit <= last) *plain = 0;
    if (bit) last = bit;
    *letters |= bit;
  }
  if (*info) *plain = 0;
  return base;
}

static int stat_times(mailbox const *m, mailbox_times *t)
{
  struct stat n, c;
  struct timespec now;
  int64_t age;
  if (fstat(m->new, &n) < 0 || fstat(m->cur, &c) < 0) return -1;
  t->new = n.st_mtim;
  t->cur = c.st_mtim;
  clock_gettime(CLOCK_REALTIME, &now);
  if (n.st_mtim.tv_sec > c.st_mtim.tv_sec ||
      (n.st_mtim.tv_sec == c.st_mtim.tv_sec &&
       n.st_mtim.tv_nsec > c.st_mtim.tv_nsec))
    c = n;
  age = now.tv_sec - c.st_mtim.tv_sec;
  t->unsure =
      age < -1 ||
      (age < 2 && age * 1000000000 + now.tv_nsec - c.st_mtim.tv_nsec < TICK_NS);
  return 1;
}

static int same_time(struct timespec const *a, struct timespec const *b)
{
  return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

int scan_same(mailbox const *m)
{
  mailbox_times t;
  return !m->times.unsure && stat_times(m, &t) > 0 &&
         same_time(&t.new, &m->times.new) && same_time(&t.cur, &m->times.cur);
}

static int note_unknown(scan *s, char const *name, int isnew)
{
  s->unknowns++;
  return stralloc_append(&s->unknown, isnew ? 'n' : 'c') &&
                 stralloc_cats(&s->unknown, name) && stralloc_0(&s->unknown)
             ? 1
             : -1;
}

static int note_known(scan_file *f, char const *name, int isnew,
                      uint64_t letters, int plain)
{
  char *odd = plain ? 0 : strdup(name);
  if (!plain && !odd) return -1;
  free(f->odd);
  *f =
      (scan_file){.letters = letters, .odd = odd, .seen = 1, .new = isnew != 0};
  return 1;
}

static int note(scan *s, mailbox const *m, char const *name, int isnew)
{
  uint64_t letters;
  int plain;
  uint32_t i;
  size_t base = scan_name(name, isnew, &letters, &plain);
  if (!base || strchr(name, '\n')) return 1;
  i = uidlist_find(&m->uids, name, base);
  if (i == UIDLIST_NONE) return note_unknown(s, name, isnew);
  return note_known(s->file + i, name, isnew, letters, plain);
}

static int look_in(scan *s, mailbox const *m, int isnew)
{
  struct dirent *e;
  DIR *d = opendir_at(isnew ? m->new : m->cur, ".");
  int r = 1;
  if (!d) return -1;
  for (errno = 0; r > 0 && (e = readdir(d)) != 0; errno = 0)
    if (e->d_name[0] != '.' && e->d_type != DT_DIR)
      r = note(s, m, e->d_name, isnew);
  if (errno && r > 0) r = -1;
  closedir(d);
  return r;
}

static int room(scan *s, size_t n)
{
  scan_file *f;
  if (n <= s->n) return 1;
  f = realloc(s->file, n * sizeof *f);
  if (!f) return -1;
  memset(f + s->n, 0, (n - s->n) * sizeof *f);
  s->file = f;
  s->n = n;
  return 1;
}

/* new/ first: a message that another session moves meanwhile is seen twice
   rather than never. */
int scan_look(scan *s, mailbox const *m)
{
  mailbox_times after;
  s->unknown.len = s->unknowns = 0;
  if (room(s, m->uids.n) < 0 || stat_times(m, &s->times) < 0 ||
      look_in(s, m, 1) < 0 || look_in(s, m, 0) < 0 || stat_times(m, &after) < 0)
    return -1;
  s->stable = !s->times.unsure && same_time(&s->times.cur, &after.cur) &&
              same_time(&s->times.new, &after.new);
  return 1;
}
