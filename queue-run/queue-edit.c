#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>

#include "edit-change.h"
#include "edit-via.h"
#include "jail.h"
#include "log.h"
#include "parcel-show.h"
#include "pick.h"

#define USAGE                                                                  \
  "queue-edit [ -n ] [ -a ] [ -r reply ] " PICK_USAGE                          \
  " hold | release | flush | fail | remove | via where [ id… ]"
#define dieusage() strerr_dieusage(100, USAGE)

#define REPLY "554 5.0.0 Given up by the postmaster"

typedef struct edit {
  pick p;
  unsigned what;
  int all, dry;
  char const *reply, *via;
  char *marks;        /* whose via changes, of the message at hand */
  unsigned changed;   /* recipients of it */
  stralloc lines;     /* what is said of them when they are safe */
  unsigned long done; /* recipients */
  int no, failed;     /* a message that could not be changed, an error */
} edit;

static void say(edit *x, picked const *p)
{
  stralloc *s = &x->lines;
  if (!stralloc_append(s, p->record.status) || !stralloc_cats(s, "\t") ||
      !stralloc_cats(s, p->id) || !stralloc_cats(s, "\t") ||
      parcel_show_text(s, p->to.address, strlen(p->to.address)) < 0 ||
      !stralloc_cats(s, "\n"))
    strerr_diefu1sys(111, "allocate memory");
}

static void count(picked *p, void *data)
{
  edit *x = data;
  if (!edit_fits(x->what, p)) return;
  x->changed++;
  if (!x->dry) return;
  edit_change(x->what, p, x->reply);
  say(x, p);
}

/* A new file takes its records from memory. */
static void one(picked *p, void *data)
{
  edit *x = data;
  if (!edit_fits(x->what, p)) return;
  edit_change(x->what, p, x->reply);
  if (x->what == EDIT_TO) {
    x->marks[p->i] = 1;
    queue_record_set(p->q, p->i, &p->record);
  } else if (queue_record_put(p->q, p->i, &p->record) < 0) {
    log_warnsys("unable to write the state of %s", p->id);
    x->failed = 1;
    return;
  }
  x->changed++;
  say(x, p);
}

/* Whom the action is for, before and after the message is ours alone. */
static unsigned look(edit *x, queue_file *q, char const *id,
                     void (*each)(picked *, void *))
{
  x->changed = 0;
  x->lines.len = 0;
  pick_recipients(&x->p, q, id, each, x);
  return x->changed;
}

static int keep(edit *x, queue_file *q, char const *id)
{
  int r = x->what == EDIT_TO ? edit_via(q, x->p.queue, id, x->marks, x->via)
                             : fdatasync(q->fd);
  if (r >= 0) return 1;
  log_warnsys("unable to change message %s", id);
  x->failed = 1;
  return 0;
}

static void edit_message(edit *x, queue_file *q, char const *id)
{
  x->marks = calloc(q->recipients, 1);
  if (!x->marks) strerr_diefu1sys(111, "allocate memory");
  if (look(x, q, id, one) && keep(x, q, id)) {
    x->done += x->changed;
    fwrite(x->lines.s, 1, x->lines.len, stdout);
    queue_ring(x->p.queue, id, QUEUE_CHANGED);
  }
  free(x->marks);
}

/* 1, or 0: it is not there, or cannot be had, which has been said. */
static int get(edit *x, queue_file *q, char const *id, int why)
{
  int r = queue_file_open(q, x->p.queue, id, why);
  if (r > 0) return 1;
  if (r < 0 && errno == EBUSY) {
    log_warn("%s is being tried now", id);
    x->no = 1;
  } else if (r < 0) {
    log_warnsys("unable to read message %s", id);
    x->failed = 1;
  } else if (*x->p.ids) {
    log_warn("no message %s", id);
    x->no = 1;
  }
  return 0;
}

static int each(char const *id, void *data)
{
  edit *x = data;
  queue_file q;
  unsigned n;
  if (!get(x, &q, id, QUEUE_READ)) return 1;
  n = look(x, &q, id, count);
  queue_file_close(&q);
  if (n && x->dry) {
    x->done += n;
    fwrite(x->lines.s, 1, x->lines.len, stdout);
  } else if (n && get(x, &q, id, QUEUE_EDIT)) {
    edit_message(x, &q, id);
    queue_file_close(&q);
  }
  return 1;
}

/* root would leave files that the queue's owner cannot read. */
static void open_queue(edit *x, char const *const *ids)
{
  struct stat st;
  struct passwd *owner;
  pick_open(&x->p, ids);
  if (fstat(x->p.queue, &st) < 0) strerr_diefu1sys(111, "look at the queue");
  if (geteuid() || !st.st_uid) return;
  owner = getpwuid(st.st_uid);
  strerr_dief3x(111, "root may not edit the queue of another: runuser -u ",
                owner ? owner->pw_name : "OWNER", " -- queue-edit …");
}

static void confine(edit const *x)
{
  jail_path const paths[] = {{x->p.directory, 1}, {0, 0}};
  jail const walls = {.paths = paths};
  if (jail_enter(&walls) < 0) strerr_diefu1sys(111, "enter the jail");
}

static int run(edit *x)
{
  int read = pick_messages(&x->p, each, x);
  if (fflush(stdout) || ferror(stdout))
    strerr_diefu1sys(111, "write to standard output");
  if (read < 0 || x->failed) return 111;
  if (!x->done && !x->no) log_warn("nothing fits");
  return x->no || !x->done;
}

/* A reply is of the third digit, and of printable ASCII. */
static char const *reply(char const *s)
{
  if (*s != '5' || strlen(s) < 5 || strlen(s) > QUEUE_REPLY / 2 ||
      strspn(s, "0123456789") != 3 || s[3] != ' ')
    dieusage();
  for (char const *p = s; *p; p++)
    if (*p < ' ' || *p > '~') dieusage();
  return s;
}

/* What smtp-send can make of it is its own business. */
static char const *where(char const *s)
{
  if (!s || strlen(s) >= RUN_KEY - 1) dieusage();
  for (char const *p = s; *p; p++)
    if (*p <= ' ' || *p > '~') dieusage();
  return s;
}

int main(int argc, char const *const *argv)
{
  static edit x = {.reply = REPLY, .lines = STRALLOC_ZERO};
  subgetopt g = SUBGETOPT_ZERO;
  PROG = "queue-edit";
  for (;;) {
    int opt = subgetopt_r(argc, argv, "nar:" PICK_OPTIONS, &g);
    if (opt == -1) break;
    switch (opt) {
    case 'n': x.dry = 1; break;
    case 'a': x.all = 1; break;
    case 'r': x.reply = reply(g.arg); break;
    default:
      if (!pick_option(&x.p, opt, g.arg)) dieusage();
    }
  }
  argv += g.ind;
  x.what = edit_action(*argv);
  if (!*argv++ || x.what == EDIT_ACTIONS) dieusage();
  if (x.what == EDIT_TO) x.via = where(*argv++);
  x.p.ids = argv;
  if (x.all == pick_narrow(&x.p)) dieusage();
  if (!x.p.status) x.p.status = edit_status(x.what);
  signal(SIGPIPE, SIG_IGN);
  open_queue(&x, argv);
  confine(&x);
  return run(&x);
}
