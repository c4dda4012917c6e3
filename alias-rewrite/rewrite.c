#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/stralloc.h>

#include "log.h"
#include "parcel.h"
#include "rewrite.h"
#include "route.h"

#define UNAVAILABLE "451 4.3.0 Tables are not available"

typedef struct rewriter {
  char const *path;
  table *t; /* opened once per parcel, at the first T that needs it */
  parcel_in in;
  parcel_out out;
  io_time deadline;
  stralloc record, sender;
  unsigned long recipients;
  int refused; /* a verdict on the whole parcel: the rest is none of ours */
} rewriter;

static int put(rewriter *w, char type, char const *s, size_t len)
{
  return parcel_put(&w->out, type, s, len, w->deadline);
}

/* V about one recipient */
static int verdict(rewriter *w, char const *kind, char const *reply,
                   char const *number)
{
  char s[256];
  int n = snprintf(s, sizeof s, "%s%c%s%c%.20s", kind, 0, reply, 0, number);
  return put(w, PARCEL_VERDICT, s, (size_t)n);
}

static int add_part(stralloc *to, char const *name, char const *value)
{
  return stralloc_0(to) && stralloc_cats(to, name) && stralloc_cats(to, value);
}

/* NUMBER, where it goes now, how, then what the T said before */
static int put_target(rewriter *w, parcel_record const *r,
                      route_target const *target)
{
  char const *address = target->address;
  int local = target->local;
  stralloc *to = &w->record;
  char const *s = parcel_part(r, 1);
  size_t skip = (size_t)(s - r->s) + strlen(s);
  to->len = 0;
  if (!stralloc_cats(to, r->s) || !add_part(to, address, "") ||
      !add_part(to, "route=", local ? "local" : "remote") ||
      (local && !add_part(to, "mailbox=", address)) ||
      (target->how && !parcel_param(r, 2, "from") &&
       !add_part(to, "from=", target->how & ROUTE_NULL ? "" : w->sender.s)) ||
      (!parcel_param(r, 2, "rcpt") && !add_part(to, "rcpt=", s)) ||
      !stralloc_catb(to, r->s + skip, r->len - skip))
    return -1;
  return put(w, PARCEL_TO, to->s, to->len);
}

static int put_targets(rewriter *w, parcel_record const *r,
                       route_list const *to)
{
  size_t i;
  if (to->n > PARCEL_RECIPIENTS - w->recipients) {
    if (put(w, r->type, r->s, r->len) < 0) return -1;
    return verdict(w, "defer", "452 4.5.3 Too many recipients", r->s);
  }
  w->recipients += to->n;
  for (i = 0; i < to->n; i++)
    if (put_target(w, r, to->v + i) < 0) return -1;
  return 1;
}

/* A recipient that goes nowhere stays as it is, and a V says why. */
static int put_refused(rewriter *w, parcel_record const *r, int why)
{
  w->recipients++;
  if (put(w, r->type, r->s, r->len) < 0) return -1;
  switch (why) {
  case ROUTE_UNKNOWN:
    return verdict(w, "reject", "550 5.1.1 No such address here", r->s);
  case ROUTE_LOOP: return verdict(w, "reject", "550 5.4.6 Aliases loop", r->s);
  case ROUTE_TOOMANY:
    return verdict(w, "reject", "550 5.5.3 Alias has too many targets", r->s);
  case ROUTE_FORGED:
    return verdict(w, "reject", "550 5.7.1 Not a sender of ours, or too old",
                   r->s);
  default: return verdict(w, "defer", UNAVAILABLE, r->s);
  }
}

static int open_table(rewriter *w)
{
  return w->t || table_open(&w->t, w->path) > 0;
}

static int look_up(rewriter *w, char const *address, route_list *to)
{
  unsigned dropped;
  int r = ROUTE_TEMP;
  if (open_table(w)) r = route_address(w->t, address, to, &dropped);
  if (r == ROUTE_TEMP)
    log_warnsys("unable to look up %s", address);
  else if (r == ROUTE_OK && dropped)
    log_warn("%u unknown targets of %s left out", dropped, address);
  return r;
}

static int recipient(rewriter *w, parcel_record const *r)
{
  char const *address = parcel_part(r, 1);
  route_list to = {0};
  int found, done;
  if (!address || w->recipients >= PARCEL_RECIPIENTS) return errno = EPROTO, -1;
  if (parcel_param(r, 2, "route")) {
    w->recipients++;
    return put(w, r->type, r->s, r->len);
  }
  found = look_up(w, address, &to);
  if (found == ROUTE_OK)
    done = put_targets(w, r, &to);
  else if (found == ROUTE_SEALED) { /* queue-put can tell */
    w->recipients++;
    done = put(w, r->type, r->s, r->len);
  } else if (found == ROUTE_FOREIGN) {
    w->recipients++;
    done = put_target(w, r, &(route_target){.address = address});
  } else
    done = put_refused(w, r, found);
  route_free(&to);
  return done;
}

/* F, and what the tables make of the reverse-path */
static int sender(rewriter *w, parcel_record const *r)
{
  size_t old = strlen(r->s);
  int found = 0;
  w->sender.len = 0;
  if (old) found = open_table(w) ? route_sender(w->t, r->s, &w->sender) : -1;
  if (found < 0) {
    log_warnsys("unable to look up the sender %s", r->s);
    w->refused = 1;
    if (put(w, r->type, r->s, r->len) < 0) return -1;
    return put(w, PARCEL_VERDICT, "defer\0" UNAVAILABLE,
               sizeof "defer\0" UNAVAILABLE - 1);
  }
  if (!found && !stralloc_copyb(&w->sender, r->s, old)) return -1;
  if (!stralloc_0(&w->sender) ||
      !stralloc_copyb(&w->record, w->sender.s, w->sender.len - 1) ||
      !stralloc_catb(&w->record, r->s + old, r->len - old))
    return -1;
  return put(w, PARCEL_FROM, w->record.s, w->record.len);
}

static int pass(rewriter *w, parcel_record const *r)
{
  if (r->type == PARCEL_TO && !w->refused) return recipient(w, r);
  if (r->type == PARCEL_FROM && !w->refused) return sender(w, r);
  if (parcel_refused(r)) w->refused = 1;
  if (put(w, r->type, r->s, r->len) < 0) return -1;
  /* somebody waits for the answer to these */
  if (r->type == PARCEL_END || r->type == PARCEL_SETTLE)
    return parcel_flush(&w->out, w->deadline);
  return 1;
}

/* One parcel: 1, 0 at the end of input, -1 */
static int rewrite_one(rewriter *w)
{
  parcel_record r;
  char state = 0;
  w->recipients = 0;
  w->refused = 0;
  do {
    int got = parcel_next(&w->in, &r, &state);
    if (got <= 0) return got;
    w->deadline = io_after(PARCEL_MS);
    if (pass(w, &r) < 0) return -1;
  } while (state);
  return 1;
}

int rewrite_all(char const *path, int in, int out)
{
  rewriter w = {.path = path};
  int r = -1;
  if (parcel_in_init(&w.in, in) > 0 && parcel_out_init(&w.out, out, -1) > 0)
    do {
      r = rewrite_one(&w);
      table_close(w.t);
      w.t = 0;
    } while (r > 0);
  parcel_in_free(&w.in);
  parcel_out_free(&w.out);
  stralloc_free(&w.record);
  stralloc_free(&w.sender);
  return r < 0 ? -1 : 1;
}
