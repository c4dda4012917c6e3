#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "lane.h"
#include "log.h"
#include "run-loop.h"
#include "scan.h"
#include "snapshot.h"

#define STOP_MS 20000  /* for busy lanes after TERM */
#define FAIR 20        /* transactions before a lane makes room for others */
#define DOWN_FIRST 250 /* ms until a missing service is tried again */
#define DOWN_LONGEST 10000
#define HINTS 65536 /* what a FIFO holds: some may have been lost */

/* A socket where lanes connect to. */
typedef struct service {
  io_time until; /* it was not there; not before that */
  int64_t delay;
} service;

typedef struct run {
  run_config const *c;
  plan p;
  scan s;
  lane *lanes;
  struct pollfd *poll;
  service local, send, report, none;
  io_time rescan;
  int trigger, signals;
  int stopping;
  int unclean_end;
  int known;   /* the queue was looked through once */
  size_t hint; /* bytes of an id whose rest has not come yet */
  char hints[HINTS];
} run;

static service *service_of(run *r, destination const *d)
{
  return *d->key == RUN_LOCAL    ? &r->local
         : *d->key == RUN_BOUNCE ? &r->report
         : *d->key == RUN_REMOTE ? &r->send
                                 : &r->none;
}

/* Whether its service is there as far as is known; if not, the destination
   sleeps until that is tried again. */
static int service_there(run *r, destination *d)
{
  service *s = service_of(r, d);
  if (!s->delay || !io_left(s->until)) return 1;
  plan_sleep(&r->p, d, s->until);
  return 0;
}

static void end_lane(run *r, lane *l)
{
  destination *d = l->d;
  lane_end(l);
  if (d) plan_forget(&r->p, d);
}

/* More lanes for a destination that answers, one for one that does not. */
static void pace(run *r, destination *d, work_result const *x)
{
  if (*d->key != RUN_REMOTE) return;
  if (!x->good)
    plan_window(&r->p, d, 1);
  else if (d->window < r->c->lanes_per)
    plan_window(&r->p, d, d->window + 1U);
  if (x->alive)
    plan_up(&r->p, d);
  else if (x->down)
    plan_down(&r->p, d, x->reply);
}

static void no_service(run *r, job *j)
{
  service *s = service_of(r, j->d);
  if (!s->delay) log_warn("no service for %s: waiting for it", j->d->key);
  s->delay = s->delay ? s->delay * 2 : DOWN_FIRST;
  if (s->delay > DOWN_LONGEST) s->delay = DOWN_LONGEST;
  s->until = io_after(s->delay);
  plan_again(&r->p, j);
}

static void finished(run *r, lane *l, work_result const *x)
{
  job *j = l->j;
  l->j = 0;
  if (x->outcome == WORK_NO_SERVICE) {
    no_service(r, j);
    end_lane(r, l);
    return;
  }
  service_of(r, l->d)->delay = 0;
  pace(r, j->d, x);
  if (x->unwritten) j->m->unwritten = 1;
  switch (x->outcome) {
  case WORK_DONE:
    if (x->moved || (x->left && j->m->jobs == 1)) j->m->again = 1;
    if (x->moved) j->m->hurry = 1;
    plan_done(&r->p, j, x->failed, 0);
    break;
  case WORK_GONE: plan_done(&r->p, j, 0, 1); break;
  case WORK_LATER:
    j->t.unsure = 0; /* the record says so if it is */
    plan_later(&r->p, j, x->next, x->failed);
    break;
  default: plan_later(&r->p, j, time(0) + r->c->soon, 0);
  }
}

/* A lane's process died over a job, or hung. */
static void broken(run *r, lane *l)
{
  job *j = l->j;
  char id[QUEUE_ID + 1] = "nothing";
  if (j) queue_id_put(id, j->m->time, j->m->process);
  log_warn("lane for %s lost with %s", l->d ? l->d->key : "nothing", id);
  end_lane(r, l);
  if (!j) return;
  j->t.unsure = 1;
  r->unclean_end = 1; /* nobody has written that down */
  plan_later(&r->p, j, time(0) + r->c->soon, 0);
}

static void lane_event(run *r, lane *l)
{
  work_result x;
  if (!lane_result(l, &x) || !l->j)
    broken(r, l);
  else
    finished(r, l, &x);
}

/* A lane of the destination without work. */
static lane *idle_lane(run *r, destination const *d)
{
  if (d->lanes == d->busy) return 0;
  for (unsigned i = 0; i < r->c->lanes; i++)
    if (r->lanes[i].d == d && !r->lanes[i].j) return r->lanes + i;
  return 0;
}

/* A new one, while there may be more. */
static lane *new_lane(run *r)
{
  for (unsigned i = 0; i < r->c->lanes; i++) {
    lane *l = r->lanes + i;
    if (l->fd >= 0) continue;
    if (lane_start(l, r->c, r->lanes, r->c->lanes) > 0) return l;
    log_warnsys("unable to start a lane");
    return 0;
  }
  return 0;
}

static void turn_lane(run *r, lane *l, destination *d)
{
  destination *old = l->d;
  lane_turn(l, d);
  if (old) plan_forget(&r->p, old);
}

/* An idle one of another destination: best one that has nothing left there. */
static lane *other_lane(run *r)
{
  lane *found = 0;
  for (unsigned i = 0; i < r->c->lanes; i++) {
    lane *l = r->lanes + i;
    if (l->fd < 0 || l->j) continue;
    if (!l->d || link_empty(&l->d->lines)) return l;
    found = l;
  }
  return found;
}

/* A lane for the destination, or 0. */
static lane *lane_for(run *r, destination *d)
{
  lane *l = idle_lane(r, d);
  if (l) return l;
  l = new_lane(r);
  if (!l) l = other_lane(r);
  if (l) turn_lane(r, l, d);
  return l;
}

/* Gives the line's first job to a lane of its destination. */
static void give(run *r, lane *l, line *n)
{
  job *j = plan_job(&r->p, n);
  if (!j) return;
  if (r->c->rate && *j->d->key == RUN_REMOTE)
    plan_sleep(&r->p, j->d, io_after(60000 / r->c->rate));
  if (lane_give(l, r->c, j) > 0) return;
  plan_again(&r->p, j);
  end_lane(r, l);
}

/* A lane that has become free goes on with its destination, if others are not
   to come first, or have waited for long. */
static void go_on(run *r, lane *l)
{
  line *n;
  int others = !link_empty(&r->p.idle) || !link_empty(&r->p.served);
  if (l->fd < 0 || l->j || !l->d) return;
  if (l->done >= FAIR && others) return;
  n = plan_next_at(&r->p, l->d);
  if (n && service_there(r, l->d)) give(r, l, n);
}

static void dispatch(run *r)
{
  line *n;
  for (unsigned i = 0; i < r->c->lanes; i++) go_on(r, r->lanes + i);
  while ((n = plan_next(&r->p))) {
    lane *l;
    if (!service_there(r, n->d)) continue;
    l = lane_for(r, n->d);
    if (!l) return;
    give(r, l, n);
  }
}

static void hint(plan *p, char *s, size_t n)
{
  int changed = n == QUEUE_ID + 1 && !strcmp(s + QUEUE_ID, QUEUE_CHANGED);
  if (changed) s[--n] = 0;
  if (!queue_id_valid(s, n)) return;
  if (changed)
    plan_renew(p, s);
  else
    plan_take(p, s);
}

static void read_hints(run *r)
{
  ssize_t n = read(r->trigger, r->hints + r->hint, sizeof r->hints - r->hint);
  char *s = r->hints, *end, *lf;
  if (n <= 0) return;
  if ((size_t)n + r->hint == sizeof r->hints) scan_start(&r->s, 0);
  end = r->hints + r->hint + (size_t)n;
  while ((lf = memchr(s, '\n', (size_t)(end - s)))) {
    *lf = 0;
    hint(&r->p, s, (size_t)(lf - s));
    s = lf + 1;
  }
  r->hint = (size_t)(end - s);
  if (r->hint > QUEUE_ID + 1) r->hint = 0;
  memmove(r->hints, s, r->hint);
}

static void forget_services(run *r)
{
  r->local.until = r->send.until = r->report.until = 0;
}

static void read_signal(run *r)
{
  struct signalfd_siginfo s;
  if (read(r->signals, &s, sizeof s) != (ssize_t)sizeof s) return;
  switch (s.ssi_signo) {
  case SIGTERM: r->stopping = 1; break;
  case SIGALRM:
    plan_all_due(&r->p);
    forget_services(r);
    /* and what came without a hint; a scan under way is not begun anew */
    if (r->s.split == QUEUE_SPLIT) scan_start(&r->s, 1);
    break;
  case SIGHUP: scan_start(&r->s, 1); break;
  default:
    while (waitpid(-1, 0, WNOHANG) > 0)
      ;
  }
}

/* Lanes that have been idle or busy for too long; when to look again. */
static io_time check_lanes(run *r)
{
  io_time next = IO_FOREVER, now = io_now();
  for (unsigned i = 0; i < r->c->lanes; i++) {
    lane *l = r->lanes + i;
    if (l->fd >= 0 && l->deadline <= now) {
      if (l->j)
        broken(r, l);
      else
        end_lane(r, l);
    }
    if (l->fd >= 0 && l->deadline < next) next = l->deadline;
  }
  return next;
}

static void wait_and_react(run *r, io_time until)
{
  unsigned n = r->c->lanes;
  for (unsigned i = 0; i < n; i++) {
    r->poll[i] = (struct pollfd){.fd = r->lanes[i].fd, .events = POLLIN};
  }
  r->poll[n] = (struct pollfd){.fd = r->signals, .events = POLLIN};
  r->poll[n + 1] =
      (struct pollfd){.fd = r->stopping ? -1 : r->trigger, .events = POLLIN};
  if (poll(r->poll, n + 2, io_left(until)) < 0) {
    if (errno == EINTR) return;
    strerr_diefu1sys(111, "poll");
  }
  for (unsigned i = 0; i < n; i++)
    if (r->poll[i].revents && r->lanes[i].fd == r->poll[i].fd)
      lane_event(r, r->lanes + i);
  if (r->poll[n].revents) read_signal(r);
  if (r->poll[n + 1].revents) read_hints(r);
}

static io_time sooner(io_time a, io_time b)
{
  return a < b ? a : b;
}

/* Unix time to the clock of deadlines */
static io_time due_at(long long due)
{
  long long left = due - time(0);
  return due ? io_after(left > 0 ? left * 1000 : 0) : IO_FOREVER;
}

/* The whole queue has been looked through: what is found later is new. */
static void scanned(run *r)
{
  r->p.unclean = 0;
  if (!r->known) log_info("%zu messages are in the queue", r->p.messages.count);
  r->known = 1;
}

static void turn(run *r)
{
  io_time next;
  if (io_left(r->rescan) == 0) {
    scan_start(&r->s, 0);
    r->rescan = io_after((int64_t)r->c->rescan * 1000);
  }
  run_routes_refresh();
  next = scan_step(&r->s, &r->p) ? 0 : r->rescan;
  if (next) scanned(r);
  plan_due(&r->p, time(0));
  plan_awake(&r->p, io_now());
  dispatch(r);
  next = sooner(next, due_at(plan_next_due(&r->p)));
  next = sooner(next, plan_next_awake(&r->p));
  next = sooner(next, check_lanes(r));
  wait_and_react(r, next);
}

static int busy(run const *r)
{
  unsigned n = 0;
  for (unsigned i = 0; i < r->c->lanes; i++)
    n += r->lanes[i].fd >= 0 && r->lanes[i].j;
  return n != 0;
}

/* What is under way ends first; what then still is, is killed. */
static void stop(run *r)
{
  io_time end = io_after(STOP_MS);
  while (busy(r) && io_left(end)) wait_and_react(r, end);
  for (unsigned i = 0; i < r->c->lanes; i++)
    if (r->lanes[i].fd >= 0) {
      if (r->lanes[i].j) r->unclean_end = 1;
      lane_end(r->lanes + i);
    }
}

/* What was changed by hand while it was written is not in it (queue(5)). */
static int changed(run *r)
{
  ssize_t n;
  while ((n = read(r->trigger, r->hints, sizeof r->hints)) > 0)
    if (memchr(r->hints, '!', (size_t)n)) return 1;
  return 0;
}

static void keep_snapshot(run *r)
{
  if (r->unclean_end) return;
  if (snapshot_write(&r->p) < 0)
    log_warnsys("unable to write " QUEUE_SNAPSHOT);
  else if (changed(r) && unlinkat(r->c->queue, QUEUE_SNAPSHOT, 0) < 0)
    log_warnsys("unable to remove " QUEUE_SNAPSHOT);
}

int run_loop(run_config const *c, int trigger, int signals, int unclean)
{
  static run r;
  r.c = c;
  r.trigger = trigger;
  r.signals = signals;
  r.lanes = calloc(c->lanes, sizeof *r.lanes);
  r.poll = calloc(c->lanes + 2, sizeof *r.poll);
  if (!r.lanes || !r.poll || plan_init(&r.p, c) < 0)
    strerr_diefu1sys(111, "allocate memory");
  for (unsigned i = 0; i < c->lanes; i++) r.lanes[i].fd = -1;
  r.p.unclean = unclean;
  r.rescan = io_after((int64_t)c->rescan * 1000);
  snapshot_read(&r.p, !unclean);
  scan_start(&r.s, 1);
  while (!r.stopping) turn(&r);
  stop(&r);
  keep_snapshot(&r);
  return !r.unclean_end;
}
