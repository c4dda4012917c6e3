#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "delivered.h"
#include "deliver.h"
#include "message.h"
#include "transaction.h"

/* Where a recipient goes: via, or its domain in A-labels. 1 or 0 */
static int destination(deliverer const *d, letter const *l, recipient const *t,
                       stralloc *sa)
{
  char const *address = letter_text(l, t->address);
  char const *via = d->route ? d->route : letter_text(l, t->via);
  size_t len = strlen(address), at = addr_at(address, len);
  sa->len = 0;
  if (*via) return stralloc_cats(sa, via) && stralloc_0(sa);
  if (at == len) return 0;
  if (address[at + 1] == '[')
    return stralloc_cats(sa, address + at + 1) && stralloc_0(sa);
  return addr_domain_key(sa, address + at + 1, len - at - 1) > 0 &&
         stralloc_0(sa);
}

static char const *sender(letter const *l, recipient const *t)
{
  return letter_text(l, t->from ? t->from : l->from);
}

/* The first undecided recipient's destination and reverse-path are the
   letter's. 1; 0 if nobody is left. */
static int choose(deliverer const *d, letter *l, stralloc *where)
{
  stralloc other = STRALLOC_ZERO;
  recipient *chosen = 0;
  for (size_t i = 0; i < l->n; i++) {
    recipient *t = l->v + i;
    stralloc *sa = chosen ? &other : where;
    if (t->outcome.code) continue;
    if (!destination(d, l, t, sa) || sa->len > sizeof d->destination)
      outcome_set(&t->outcome, 550, "5.1.2 %s has no domain that DNS can hold",
                  letter_text(l, t->address));
    else if (!chosen)
      chosen = t;
    else if (strcmp(other.s, where->s))
      outcome_set(&t->outcome, 554, "5.3.5 Not the destination of this parcel");
    else if (strcmp(sender(l, t), sender(l, chosen)) ||
             strcmp(letter_text(l, t->alias), letter_text(l, chosen->alias)))
      outcome_set(&t->outcome, 451, "4.3.5 Not the sender of this parcel");
  }
  stralloc_free(&other);
  if (chosen && chosen->from) l->from = chosen->from;
  if (chosen) l->alias = chosen->alias;
  return chosen != 0;
}

/* Ends loops: who comes by an alias that has passed the message on before. */
static int refuse_loops(letter *l)
{
  stralloc before = STRALLOC_ZERO;
  int r = delivered_read(&before, &l->message);
  for (size_t i = 0; r >= 0 && before.len && i < l->n; i++) {
    recipient *t = l->v + i;
    if (t->outcome.code || !t->alias) continue;
    r = delivered_has(&before, letter_text(l, t->alias));
    if (r > 0)
      outcome_set(&t->outcome, 554,
                  "5.4.6 Mail loop: %s has passed it on before",
                  letter_text(l, t->alias));
  }
  stralloc_free(&before);
  return r < 0 ? -1 : 1;
}

static int find(deliverer *d, mx *m, outcome *o)
{
  *m = (mx){.port = d->way.implicit ? "465" : d->port,
            .only4 = d->only4,
            .me = d->session.own.helo};
  return d->way.by_mx ? mx_domain(m, d->way.to, o) : mx_relay(m, d->way.to, o);
}

/* A server on this machine: there is no policy to keep but the sender's. */
static int try_socket(deliverer *d, letter *l, parcel_in *in, outcome *o)
{
  char const *path = d->way.to;
  if (l->requiretls) {
    outcome_set(o, 550, "5.7.30 %s has no REQUIRETLS", path);
    return TX_NEXT;
  }
  if (!session_open_unix(&d->session, path, o)) return TX_NEXT;
  d->connect_ms = 1;
  return transaction(&d->session, l, in, o);
}

/* Logged in: 1, or 0 and *o */
static int enter(deliverer *d, mx *m, outcome *o)
{
  int r = login_begin(&d->login, &d->session, o);
  if (r == LOGIN_DONE) return 1;
  if (r == LOGIN_NO) mx_skip_host(m);
  session_quit(&d->session);
  return 0;
}

/* One address of a host that fits, or two at once: what transaction() said */
static int try_host(deliverer *d, letter *l, parcel_in *in, mx *m,
                    mx_address const *a, outcome *o)
{
  io_time start = io_now();
  mx_address const *b = mx_other_family(m, a);
  int open =
      session_open(&d->session, m->host, a, b, m->port, &d->policy.need, o);
  if (b && d->session.raced) mx_skip(m);
  if (!open) return TX_NEXT;
  d->connect_ms = (unsigned)(io_now() - start) + 1;
  if (d->login.name && !enter(d, m, o)) return TX_NEXT;
  return transaction(&d->session, l, in, o);
}

/* Hosts in turn: what transaction() said last */
static int try_hosts(deliverer *d, letter *l, parcel_in *in, mx *m,
                     outcome *all)
{
  mx_address a;
  unsigned judged = MX_HOSTS + 1;
  for (unsigned tried = 0; tried < DELIVER_HOSTS && mx_next(m, &a, all);) {
    outcome one = {0};
    int r = TX_NEXT, fits = 1;
    if (judged != m->next) fits = policy_host(&d->policy, m, &one);
    judged = m->next;
    if (fits) {
      r = try_host(d, l, in, m, &a, &one);
      tried++;
    } else
      mx_skip_host(m);
    if (r != TX_NEXT) return r;
    outcome_merge(all, &one);
  }
  return TX_NEXT;
}

/* What the sender says of TLS (RFC 8689): REQUIRETLS wins (4.1), and our
   passwords are not his to give away. */
static unsigned wishes(letter const *l, way const *w)
{
  if (l->requiretls) return POLICY_REQUIRETLS;
  if (*w->login || *w->own) return 0;
  return message_tls_optional(l) ? POLICY_RELAXED : 0;
}

/* Whether it has had as many messages as it may */
static int session_full(session const *s, unsigned most)
{
  return s->transactions >= most ||
         (s->mailmax && s->transactions >= s->mailmax);
}

/* Whether its TLS is as the sender wishes */
static int keeps(deliverer const *d, unsigned flags)
{
  session const *s = &d->session;
  if (s->relaxed && !(flags & POLICY_RELAXED)) return 0;
  return !(flags & POLICY_REQUIRETLS) ||
         (s->verified && d->policy.mx >= MX_MTASTS && s->can & CAN_REQUIRETLS);
}

/* Over the connection that is still there: 1, or 0 if there is none of use */
static int reuse(deliverer *d, letter *l, parcel_in *in, char const *where,
                 source const *own, unsigned flags, int *r)
{
  outcome o;
  if (d->session.fd < 0) return 0;
  if (session_early(&d->session)) { /* gone, or about to (RFC 5321 3.8) */
    session_close(&d->session);
    return 0;
  }
  if (strcmp(d->destination, where) || !source_same(&d->session.own, own) ||
      session_full(&d->session, d->most) || !keeps(d, flags)) {
    session_quit(&d->session);
    return 0;
  }
  *r = transaction(&d->session, l, in, &o);
  return *r != TX_STALE;
}

/* Nothing is known of the connection to come. */
static void forget(deliverer *d, char const *where)
{
  session *s = &d->session;
  snprintf(d->destination, sizeof d->destination, "%s", where);
  snprintf(s->host, sizeof s->host, "%s", where);
  *s->ip = 0;
  s->encrypted = 0;
  s->tls = (tls_info){0};
  s->policy = "none";
}

/* The way's login is looked up, if it has one: 1, or 0 and *o */
static int prepare(deliverer *d, outcome *o)
{
  way const *w = &d->way;
  session *s = &d->session;
  s->stranger = w->by_mx;
  s->lmtp = w->lmtp;
  s->implicit = w->implicit;
  d->login.name = 0;
  d->policy.login = *w->login != 0;
  d->policy.client = *w->own ? w->own : 0;
  return !*w->login || login_find(&d->login, &d->relays, w->login, o);
}

/* What transaction() said last */
static int set_out(deliverer *d, letter *l, parcel_in *in, unsigned flags,
                   outcome *o)
{
  mx m;
  if (!prepare(d, o)) return TX_NEXT;
  if (d->way.socket) return try_socket(d, l, in, o);
  if (!find(d, &m, o) || !policy_destination(&d->policy, &m, flags, o))
    return TX_NEXT;
  return try_hosts(d, l, in, &m, o);
}

static int go(deliverer *d, letter *l, parcel_in *in, char const *where)
{
  way w;
  unsigned flags;
  int r = TX_NEXT;
  outcome all = {0};
  source own = source_choose(d->ip, &d->helo, letter_text(l, l->from));
  int good = way_read(&w, where,
                      d->route || *letter_text(l, letter_undecided(l)->via));
  flags = wishes(l, &w);
  if (reuse(d, l, in, where, &own, flags, &r)) return r;
  d->session.own = own;
  d->way = w;
  forget(d, where);
  if (good)
    r = set_out(d, l, in, flags, &all);
  else
    outcome_set(&all, 554, "5.3.5 %s is not a way", where);
  if (r != TX_NEXT) return r;
  if (!all.code) outcome_set(&all, 451, "4.4.1 %s: no host answers", where);
  letter_decide(l, &all);
  return TX_DONE;
}

/* Transactions until all have their outcome: a host may take so many at once
   (RFC 5321 4.5.3.1.10). */
static int go_on(deliverer *d, letter *l, parcel_in *in, char const *where)
{
  size_t left, before;
  int r;
  do {
    before = letter_left(l);
    r = go(d, l, in, where);
    left = letter_left(l);
  } while (r == TX_DONE && left && left < before);
  if (left)
    letter_decide(l, &(outcome){451, "4.5.3 Too many recipients at once"});
  return r;
}

int deliver(deliverer *d, letter *l, parcel_in *in)
{
  stralloc where = STRALLOC_ZERO;
  int r = TX_DONE;
  d->connect_ms = 0;
  d->session.show = d->show ? l->id : 0;
  d->session.deadline = io_after(d->limits.all * 1000LL);
  if (!l->verdict.code && refuse_loops(l) < 0)
    outcome_set(&l->verdict, 451, "4.3.0 Unable to read the header: %s",
                strerror(errno));
  if (l->verdict.code) letter_decide(l, &l->verdict);
  if (choose(d, l, &where)) r = go_on(d, l, in, where.s);
  stralloc_free(&where);
  return r == TX_BROKEN ? -1 : 1;
}
