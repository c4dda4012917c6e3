#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "parcels.h"

#define SPOOL "/tmp" /* for a long message that is not from the queue */

static int report(char kind, letter const *l, unsigned long number,
                  outcome const *o)
{
  parcel_report r;
  if (parcel_report_make(&r, kind, l->id, number, o->code, o->text) < 0)
    return -1;
  return parcel_report_put(1, &r, io_after(PARCEL_MS));
}

static int same(outcome const *a, outcome const *b)
{
  return a->code == b->code && !strcmp(a->text, b->text);
}

/* Several T of one RCPT: its worst outcome. */
static outcome const *worst(letter const *l, size_t i)
{
  outcome const *o = &l->v[i].outcome;
  for (size_t k = i + 1; k < l->n && l->v[k].number == l->v[i].number; k++)
    if (l->v[k].outcome.code > o->code) o = &l->v[k].outcome;
  return o;
}

static int report_all(letter const *l)
{
  static outcome const empty = {554, "5.5.1 No recipients"};
  outcome const *all = l->n ? &l->v[0].outcome : &empty;
  int differ = 0;
  for (size_t i = 1; i < l->n; i++) {
    differ |= !same(all, &l->v[i].outcome);
    if (l->v[i].outcome.code < all->code) all = &l->v[i].outcome;
  }
  for (size_t i = 0; differ && i < l->n; i++) {
    if (i && l->v[i].number == l->v[i - 1].number) continue;
    if (report('T', l, l->v[i].number, worst(l, i)) < 0) return -1;
  }
  return report('R', l, 0, all);
}

/* Seconds from when it came to us to the attempt, which began at start. */
static long long queued(letter const *l, io_time start)
{
  long long n = l->time ? time(0) - l->time - (io_now() - start) / 1000 : 0;
  return n > 0 ? n : 0;
}

static void log_all(deliverer const *d, letter const *l, io_time start)
{
  session const *s = &d->session;
  char const *trace = letter_text(l, l->trace);
  for (size_t i = 0; i < l->n; i++)
    log_info("%s id=%s%s%s from=<%s> to=<%s> host=%s ip=%s tls=%s%s%s "
             "policy=%s verify=%s queue=%llds connect=%ums send=%lldms: %d %s",
             l->v[i].outcome.code / 100 == 2 ? "sent" : "not sent", l->id,
             *trace ? " trace=" : "", trace, letter_text(l, l->from),
             letter_text(l, l->v[i].address), s->host, *s->ip ? s->ip : "-",
             s->encrypted ? s->tls.version : "-", s->encrypted ? "/" : "",
             s->encrypted ? s->tls.cipher : "", s->policy,
             *s->tls.verify ? s->tls.verify : "-", queued(l, start),
             d->connect_ms, (long long)(io_now() - start) + 1 - d->connect_ms,
             l->v[i].outcome.code, l->v[i].outcome.text);
}

static volatile sig_atomic_t waiting, stopped;

/* A letter under way is finished: a peer may have taken it already, and nobody
   else would know. While we wait for one there is nothing to lose. */
static void on_term(int sig)
{
  (void)sig;
  if (waiting) _exit(0);
  stopped = 1;
}

static int wait_input(parcel_in const *in, io_time deadline)
{
  int r;
  if (in->pos < in->end) return 1;
  waiting = 1;
  if (stopped) _exit(0);
  r = io_wait(in->fd, POLLIN, deadline);
  waiting = 0;
  return r;
}

/* 1, or -1 with errno */
static int one(deliverer *d, letter *l, parcel_in *in)
{
  io_time start = io_now();
  if (deliver(d, l, in) < 0 || letter_drain(l, in) < 0) return -1;
  log_all(d, l, start);
  return report_all(l);
}

/* Reads the next parcel; a quiet connection is given up meanwhile. */
static int next(deliverer *d, letter *l, parcel_in *in, int idle_ms)
{
  int asked, begin = 1, r;
  if (d->session.fd >= 0 && wait_input(in, io_after(idle_ms)) < 0)
    session_quit(&d->session);
  if (wait_input(in, IO_FOREVER) < 0) return -1;
  do {
    r = letter_read(l, in, begin, &asked, io_after(PARCEL_MS));
    if (asked && report('Q', l, 0, &(outcome){250, "2.1.0 Go on"}) < 0)
      return LETTER_BROKEN;
    begin = 0;
  } while (asked);
  return r;
}

int parcels_run(deliverer *d, int idle_ms)
{
  parcel_in in;
  letter l;
  int r = 0;
  struct sigaction const term = {.sa_handler = on_term};
  letter_init(&l, SPOOL);
  if (parcel_in_init(&in, 0) < 0) return 111;
  sigaction(SIGTERM, &term, 0);
  while (!stopped && (r = next(d, &l, &in, idle_ms)) > 0) {
    if (one(d, &l, &in) < 0) break;
    r = 0;
  }
  if (r) log_warnsys("unable to finish a parcel");
  session_quit(&d->session);
  letter_free(&l);
  parcel_in_free(&in);
  return r ? 111 : 0;
}
