#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "addr.h"
#include "delivered.h"
#include "intake-route.h"
#include "log.h"
#include "route.h"
#include "srs.h"

static int answer(intake_to *to, int code, char const *text, int r)
{
  to->code = code;
  to->text = text;
  return r;
}

static int part(stralloc *s, char const *name, char const *value)
{
  if (!*value) return 1;
  return stralloc_0(s) && stralloc_cats(s, name) && stralloc_cats(s, value);
}

/* T: number, address, what was known of it, where it goes. */
static int put_to(intake_to *to, envelope_to const *t, char const *address,
                  char const *route)
{
  stralloc s = STRALLOC_ZERO;
  char number[16];
  int r = -1;
  snprintf(number, sizeof number, "%u", to->accepted);
  if (stralloc_cats(&s, number) && stralloc_0(&s) &&
      stralloc_cats(&s, address) && part(&s, "route=", route) &&
      part(&s, "mailbox=",
           *route != 'l' ? ""
           : *t->mailbox ? t->mailbox
                         : address) &&
      part(&s, "via=", t->via) && part(&s, "notify=", t->notify) &&
      part(&s, "orcpt=", t->orcpt) &&
      (!t->from || (stralloc_0(&s) && stralloc_cats(&s, "from=") &&
                    stralloc_cats(&s, t->from))) &&
      part(&s, "rcpt=", *t->rcpt ? t->rcpt : t->address) && stralloc_0(&s)) {
    parcel_record const record = {PARCEL_TO, s.s, s.len - 1};
    if (s.len <= PARCEL_RECORD) r = envelope_add(to->out, &record);
  }
  stralloc_free(&s);
  if (r < 0) return answer(to, 451, "4.3.0 Out of memory", 0);
  to->accepted++;
  return answer(to, 250, "2.1.5 Queued", 1);
}

/* An alias with several targets and NOTIFY=SUCCESS: it is told as expanded,
   and they are not told of (RFC 3461 5.2.7.3 c). */
static int expand(intake_to *to, envelope_to const *t)
{
  envelope_to alias = {.address = *t->rcpt ? t->rcpt : t->address,
                       .mailbox = "",
                       .rcpt = "",
                       .via = "",
                       .notify = "",
                       .orcpt = t->orcpt};
  if (to->expanded || to->null || to->junk) return 1;
  to->expanded = 1;
  return put_to(to, &alias, alias.address, "expanded");
}

/* NOTIFY without SUCCESS. With nothing but that no failure was asked for. */
static char const *less_success(char const *notify)
{
  int delay = strcasestr(notify, "DELAY") != 0;
  if (!strcasestr(notify, "FAILURE")) return delay ? "DELAY" : "NEVER";
  return delay ? "FAILURE,DELAY" : "FAILURE";
}

static int append(intake_to *to, envelope_to const *t, char const *address,
                  int local)
{
  envelope_to one = *t;
  int r = 1;
  if (local) to->fresh = 1;
  if (to->several && strcasestr(t->notify, "SUCCESS")) {
    r = expand(to, t);
    one.notify = less_success(t->notify);
  }
  return r > 0 ? put_to(to, &one, address, local ? "local" : "remote") : r;
}

static int unavailable(intake_to *to)
{
  return answer(to, 451, "4.3.0 Address tables not available", 0);
}

/* The domain of rcpt if it is one of ours, or our first where it has none: 1,
   0, -1 */
static int own_domain(table *mail, char const *rcpt, stralloc *domain)
{
  size_t len = strlen(rcpt), at = addr_at(rcpt, len);
  char const *first;
  size_t n;
  int r;
  if (at < len) {
    r = route_domain_local(mail, rcpt + at + 1, len - at - 1);
    return r > 0 ? addr_domain_key(domain, rcpt + at + 1, len - at - 1) : r;
  }
  r = table_get(mail, "D", 1, &first, &n);
  return r > 0 && !stralloc_copyb(domain, first, n) ? -1 : r;
}

/* The reverse-path of what goes on to another host by an address of ours, for
   SPF there knows the hosts of the sender alone: 1: made; 0: it stays; -1 */
static int rewrite_sender(intake *x, table *mail, intake_to *to,
                          char const *rcpt, stralloc *made)
{
  stralloc domain = STRALLOC_ZERO;
  size_t len = strlen(to->sender), at = addr_at(to->sender, len);
  table *secrets;
  int r;
  if (at == len) return 0;
  secrets = fresh_table_get(&x->srs);
  if (!secrets) return errno == ENOENT ? 0 : -1;
  r = route_domain_local(mail, to->sender + at + 1, len - at - 1);
  if (r) return r < 0 ? -1 : 0;
  r = own_domain(mail, rcpt, &domain);
  if (r > 0)
    r = srs_forward(secrets, made, to->sender, domain.s, domain.len, time(0));
  if (!r && domain.len) log_warn("<%s> is too long to rewrite", to->sender);
  stralloc_free(&domain);
  return r > 0 && !stralloc_0(made) ? -1 : r;
}

/* A loop is kept beside others and refused by smtp-send, so that its sender is
   told of it alone. */
static int mark(intake_to *to, char const *alias)
{
  int r = *alias ? delivered_has(&to->delivered, alias) : 0;
  if (r == 0) to->fresh = 1;
  return r;
}

/* how: what the tables say of its reverse-path; a received T that says
   something itself is not believed. */
static int remote(intake *x, table *mail, intake_to *to, envelope_to const *t,
                  route_target const *target)
{
  envelope_to one = *t;
  stralloc made = STRALLOC_ZERO;
  char const *rcpt = *t->rcpt ? t->rcpt : t->address;
  int r = 0;
  if (to->junk)
    return answer(to, 550, "5.7.1 Junk is not sent on to other hosts", 1);
  if (!strcmp(x->class, "received")) one.from = 0;
  if (target->how & ROUTE_NULL)
    one.from = "";
  else if (!one.from && !(target->how & ROUTE_KEEP) &&
           strcmp(rcpt, target->address))
    r = rewrite_sender(x, mail, to, rcpt, &made);
  if (r > 0) one.from = made.s;
  if (r < 0) log_warnsys("unable to rewrite the sender <%s>", to->sender);
  if (r >= 0) r = mark(to, envelope_alias(target->address, rcpt));
  r = r < 0 ? unavailable(to) : append(to, &one, target->address, 0);
  stralloc_free(&made);
  return r;
}

/* One target that is taken is an answer for all: the RCPT has not failed. */
static int all(intake *x, table *mail, intake_to *to, envelope_to const *t,
               route_list const *l)
{
  unsigned before = to->accepted;
  for (size_t i = 0; i < l->n; i++) {
    int r = l->v[i].local ? append(to, t, l->v[i].address, 1)
                          : remote(x, mail, to, t, l->v + i);
    if (r != 1) return r;
  }
  return to->accepted > before ? answer(to, 250, "2.1.5 Queued", 1) : 1;
}

static int unrouted(intake *x, table *mail, intake_to *to, envelope_to const *t)
{
  route_list l = {0};
  unsigned dropped;
  int r = 1;
  switch (route_address(mail, t->address, &l, &dropped)) {
  case ROUTE_OK:
    if (l.n > 1) to->several = 1;
    r = all(x, mail, to, t, &l);
    break;
  case ROUTE_FOREIGN:
    r = strcmp(x->class, "received")
            ? remote(x, mail, to, t, &(route_target){.address = t->address})
            : answer(to, 550, "5.7.1 No relaying", 0);
    break;
  case ROUTE_UNKNOWN: answer(to, 550, "5.1.1 No such mailbox", 1); break;
  case ROUTE_LOOP: answer(to, 550, "5.4.6 Alias loop", 1); break;
  case ROUTE_TOOMANY: answer(to, 550, "5.5.3 Too many targets", 1); break;
  case ROUTE_FORGED:
    answer(to, 550, "5.7.1 Not a sender of ours, or too old", 1);
    break;
  default: r = unavailable(to);
  }
  route_free(&l);
  return r;
}

/* Mail from outside leaves only by an alias of ours, which we look up
   ourselves: 1 and what is said of its reverse-path, 0, -1. */
static int aliased(table *mail, envelope_to const *t, unsigned *how)
{
  route_list l = {0};
  unsigned dropped;
  int found = 0, r = 0;
  if (*t->rcpt && !*t->via) r = route_address(mail, t->rcpt, &l, &dropped);
  for (size_t i = 0; r == ROUTE_OK && i < l.n; i++)
    if (!l.v[i].local && !strcmp(l.v[i].address, t->address)) {
      *how = l.v[i].how;
      found = 1;
    }
  route_free(&l);
  return r == ROUTE_TEMP ? -1 : found;
}

int intake_route(intake *x, intake_to *to, envelope_to const *t)
{
  route_target target = {.address = t->address};
  table *mail;
  int r = 1;
  if (t->route == ENVELOPE_LOCAL) return append(to, t, t->address, 1);
  mail = fresh_table_get(&x->mail);
  if (!mail) {
    log_warnsys("unable to open %s", x->mail.path);
    return unavailable(to);
  }
  if (t->route == ENVELOPE_UNROUTED) return unrouted(x, mail, to, t);
  if (!strcmp(x->class, "received")) r = aliased(mail, t, &target.how);
  if (r > 0) return remote(x, mail, to, t, &target);
  return r < 0 ? unavailable(to) : answer(to, 550, "5.7.1 No relaying", 0);
}
