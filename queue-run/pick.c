#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/strerr.h>
#include <skalibs/types.h>
#include <skalibs/unix-transactional.h>

#include "addr.h"
#include "conf.h"
#include "log.h"
#include "pick.h"

#define FROM 1024 /* bytes of a reverse-path and its 0 */

/* Seconds, or minutes, hours, days: 1 or 0 */
static int age(char const *s, long long *seconds)
{
  static char const units[] = "smhd";
  static unsigned const of[] = {1, 60, 3600, 86400};
  unsigned n;
  size_t used = uint_scan(s, &n);
  char const *unit = s[used] ? strchr(units, s[used]) : units;
  if (!used || n > 1U << 30 || !unit || (s[used] && s[used + 1])) return 0;
  *seconds = (long long)n * of[unit - units];
  return 1;
}

int pick_option(pick *p, int opt, char const *arg)
{
  long long seconds;
  switch (opt) {
  case 'q': p->directory = arg; return 1;
  case 'f': p->from = strcmp(arg, "<>") ? arg : ""; return 1;
  case 't': p->to = arg; return *arg != 0;
  case 'd': p->destination = arg; return *arg != 0;
  case 'S': p->status = arg; return *arg && !arg[strspn(arg, QUEUE_STATES)];
  case 'o':
    if (!age(arg, &seconds)) return 0;
    p->before = time(0) - seconds;
    return 1;
  default: return 0;
  }
}

int pick_narrow(pick const *p)
{
  return p->from || p->to || p->destination || p->status || p->before ||
         *p->ids;
}

void pick_open(pick *p, char const *const *ids)
{
  char const *path = p->directory ? p->directory : queue_directory();
  p->ids = ids;
  for (; *ids; ids++)
    if (!queue_id_valid(*ids, strlen(*ids)))
      strerr_dief2x(100, "not the id of a message: ", *ids);
  p->queue = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (p->queue < 0) strerr_diefu2sys(111, "open the queue ", path);
  p->directory = path;
  if (access(conf_table("mail.cdb"), R_OK) == 0)
    run_routes(conf_table("mail.cdb"));
}

static int split(DIR *d, int (*each)(char const *id, void *data), void *data)
{
  struct dirent *e;
  int more = 1;
  while (more && (e = readdir(d)))
    if (queue_id_valid(e->d_name, strlen(e->d_name)))
      more = each(e->d_name, data);
  return more;
}

int pick_messages(pick const *p, int (*each)(char const *id, void *data),
                  void *data)
{
  int good = 1;
  for (char const *const *id = p->ids; *id; id++)
    if (!each(*id, data)) return 0;
  for (unsigned i = 0; !*p->ids && i < QUEUE_SPLIT; i++) {
    char path[QUEUE_PATH];
    int more;
    DIR *d;
    snprintf(path, sizeof path, "mess/%02x", i);
    d = opendir_at(p->queue, path);
    if (!d) {
      if (errno == ENOENT) continue;
      log_warnsys("unable to read %s", path);
      good = -1;
      continue;
    }
    more = split(d, each, data);
    closedir(d);
    if (!more) return 0;
  }
  return good;
}

/* An address, or @domain; "" is the null reverse-path alone. */
static int address_is(char const *want, char const *s)
{
  if (*want == '@') return !strcasecmp(want + 1, addr_domain(s));
  return !strcasecmp(want, s);
}

static int is_meant(pick const *p, picked const *x)
{
  char const *status = p->status ? p->status : PICK_UNSETTLED;
  return strchr(status, x->record.status) &&
         (!p->from || address_is(p->from, x->sender)) &&
         (!p->to || address_is(p->to, x->to.address) ||
          address_is(p->to, x->to.rcpt)) &&
         (!p->destination || !strcasecmp(p->destination, x->destination));
}

/* Where it waits; what is to be told waits for its notice. */
static void name(picked *x)
{
  char key[RUN_KEY];
  run_key(key, &x->to);
  snprintf(x->destination, sizeof x->destination, "%s",
           queue_tells(x->record.status) ? "notice"
           : *key == RUN_LOCAL           ? "local"
                                         : key + 1);
}

unsigned pick_recipients(pick const *p, queue_file *q, char const *id,
                         void (*each)(picked *x, void *data), void *data)
{
  envelope_walk w = queue_file_walk(q);
  picked x = {.id = id, .q = q, .sender = ""};
  parcel_record r;
  char from[FROM] = "";
  unsigned i = 0, n = 0;
  if (p->before && q->time > p->before) return 0;
  while (i < q->recipients && envelope_next(&w, &r) > 0) {
    if (r.type == PARCEL_FROM) snprintf(from, sizeof from, "%s", r.s);
    if (r.type != PARCEL_TO) continue;
    x.i = i++;
    if (envelope_recipient(&x.to, &r) < 0) continue;
    queue_record_get(q, x.i, &x.record);
    x.sender = x.to.from ? x.to.from : from;
    name(&x);
    if (!is_meant(p, &x)) continue;
    each(&x, data);
    n++;
  }
  envelope_end(&w);
  return n;
}
