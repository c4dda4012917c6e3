#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>

#include "jail.h"
#include "list.h"
#include "log.h"

#define USAGE                                                                  \
  "queue-list [ -j ] [ -s ] " PICK_USAGE " [ id… ] | "                       \
  "queue-list [ -q directory ] -c | -e id…"
#define dieusage() strerr_dieusage(100, USAGE)

typedef struct listing {
  pick p;
  int json, summary, message, envelope;
  list_summary sums;
  int missing, damaged;
} listing;

static void one(picked *x, void *data)
{
  listing *l = data;
  if (l->summary)
    list_count(&l->sums, x);
  else if (l->json)
    list_line_json(x);
  else
    list_line(x);
}

static int show(listing *l, queue_file *q, char const *id)
{
  if (l->message) return list_message(q);
  if (l->envelope) return list_envelope(q);
  pick_recipients(&l->p, q, id, one, l);
  return 1;
}

/* What goes away between its name and its opening was delivered. */
static int each(char const *id, void *data)
{
  listing *l = data;
  queue_file q;
  int r = queue_file_open(&q, l->p.queue, id, QUEUE_READ);
  if (r == 0) {
    if (*l->p.ids) {
      log_warn("no message %s", id);
      l->missing = 1;
    }
    return 1;
  }
  if (r > 0) r = show(l, &q, id);
  if (r < 0) {
    log_warnsys("unable to read message %s", id);
    l->damaged = 1;
  }
  queue_file_close(&q);
  return !ferror(stdout);
}

static int finish(listing *l, int read)
{
  if (l->summary && l->json)
    list_summary_json(&l->sums);
  else if (l->summary)
    list_summary_print(&l->sums);
  if (fflush(stdout) || ferror(stdout))
    strerr_diefu1sys(111, "write to standard output");
  return read < 0 || l->damaged ? 111 : l->missing;
}

static void confine(listing const *l)
{
  jail_path const paths[] = {{l->p.directory, 0}, {0, 0}};
  jail const walls = {.paths = paths};
  if (jail_enter(&walls) < 0) strerr_diefu1sys(111, "enter the jail");
}

int main(int argc, char const *const *argv)
{
  static listing l;
  subgetopt g = SUBGETOPT_ZERO;
  PROG = "queue-list";
  for (;;) {
    int opt = subgetopt_r(argc, argv, "jsce" PICK_OPTIONS, &g);
    if (opt == -1) break;
    switch (opt) {
    case 'j': l.json = 1; break;
    case 's': l.summary = 1; break;
    case 'c': l.message = 1; break;
    case 'e': l.envelope = 1; break;
    default:
      if (!pick_option(&l.p, opt, g.arg)) dieusage();
    }
  }
  argv += g.ind;
  if (l.message + l.envelope + (l.json | l.summary) > 1) dieusage();
  if ((l.message || l.envelope) && !*argv) dieusage();
  pick_open(&l.p, argv);
  confine(&l);
  l.sums.now = time(0);
  return finish(&l, pick_messages(&l.p, each, &l));
}
