/* RCPT (RFC 5321 4.1.1.3): every recipient is looked up while the client can
   still be told. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "addr.h"
#include "log.h"
#include "opening.h"
#include "params.h"
#include "session.h"

/* One RCPT: the address with its NUL, and what RFC 3461 4 adds. */
typedef struct wish {
  stralloc rcpt;
  int utf8;
  char notify[DSN_NOTIFY];
  char orcpt[DSN_ORCPT + 1];
} wish;

static int rcpt_param(char const *name, char const *value, void *data)
{
  wish *w = data;
  if (!strcasecmp(name, "NOTIFY"))
    return !*w->notify && dsn_notify(w->notify, value);
  if (strcasecmp(name, "ORCPT")) return -1;
  if (*w->orcpt || !dsn_orcpt_valid(value, w->utf8)) return 0;
  snprintf(w->orcpt, sizeof w->orcpt, "%s", value);
  return 1;
}

/* 0, or why not. */
static char const *read_rcpt(session *s, char *arg, wish *w)
{
  stralloc *rcpt = &w->rcpt;
  size_t used;
  int r;
  if (strncasecmp(arg, "TO:", 3)) return "501 5.5.2 RCPT TO:<address>";
  arg += 3;
  arg += strspn(arg, " ");
  r = addr_path(rcpt, arg, strlen(arg), &used, ADDR_BARE | ADDR_UTF8);
  if (r < 0) return "451 4.3.0 Out of memory";
  if (!r || (arg[used] && arg[used] != ' ')) return "501 5.1.3 Not an address";
  if (!s->extended && arg[used + strspn(arg + used, " ")])
    return "555 5.5.4 Parameters need EHLO";
  w->utf8 = s->utf8;
  r = params_each(arg + used, rcpt_param, w);
  if (r < 0) return "555 5.5.4 Parameter unknown";
  if (!r) return "501 5.5.4 Bad parameter";
  if (addr_is_utf8(rcpt->s, rcpt->len) && !s->utf8)
    return "553 5.6.7 The address needs SMTPUTF8";
  if (addr_at(rcpt->s, rcpt->len) == rcpt->len &&
      (rcpt->len != 10 || strncasecmp(rcpt->s, "postmaster", 10)))
    return "501 5.1.3 The address needs a domain";
  return stralloc_0(rcpt) ? 0 : "451 4.3.0 Out of memory";
}

static char const *too_early(session const *s)
{
  if (!s->mail) return "503 5.5.1 MAIL first";
  if (s->chunks) return "503 5.5.1 The message has begun";
  return 0;
}

/* The value of a part of the record up to end, or "" */
static char const *value(char const *s, char const *end, char const *name)
{
  size_t n = strlen(name);
  for (; s < end; s += strnlen(s, (size_t)(end - s)) + 1)
    if ((size_t)(end - s) > n && !memcmp(s, name, n)) return s + n;
  return "";
}

static int same(char const *s, char const *end, char const *ours)
{
  size_t n = strlen(ours);
  return strnlen(s, (size_t)(end - s)) == n && !memcmp(s, ours, n);
}

/* Whether what is said of this RCPT's fate is said of that one's already: who
   asks to be told in another way, or of another address, is told (RFC 3461
   4.1, 4.2). */
static int told(wish const *w, char const *s, char const *end)
{
  return same(value(s, end, "notify="), end, w->notify) &&
         same(value(s, end, "orcpt="), end, w->orcpt) &&
         (!*w->notify || *w->orcpt ||
          same(value(s, end, "rcpt="), end, w->rcpt.s));
}

/* Whether the message goes to that target already, and that is all. */
static int known(session const *s, wish const *w, char const *target,
                 size_t len)
{
  char const *p = s->to.s, *end;
  for (end = p ? p + s->to.len : p; p < end;) {
    size_t n = (size_t)(unsigned char)p[0] << 8 | (unsigned char)p[1];
    char const *t = p + 2, *rest = t + strlen(t) + 1;
    p = t + n;
    if ((size_t)(p - rest) > len && !memcmp(rest, target, len) &&
        told(w, rest + len, p))
      return 1;
  }
  return 0;
}

/* One that is not empty, behind a NUL. */
static int part(session *s, char const *name, char const *value)
{
  return !*value ||
         (stralloc_append(&s->to, 0) && stralloc_cats(&s->to, name) &&
          stralloc_cats(&s->to, value));
}

/* Where it goes, each part with its NUL: all that makes two targets one.
   Without goal that is for the queue to find out. */
static int put_target(session *s, char const *rcpt, route_target const *goal)
{
  stralloc *to = &s->to;
  int local = goal && goal->local;
  char const *address = goal ? goal->address : rcpt;
  char const *shown = local && !strchr(address, '@') ? rcpt : address;
  char const *route = local ? "route=local" : "route=remote";
  /* its reverse-path stays, or becomes <> */
  unsigned how = goal ? goal->how : 0;
  size_t len = how & ROUTE_KEEP ? strnlen(s->from.s, s->from.len) : 0;
  return stralloc_catb(to, shown, strlen(shown) + 1) &&
         (!goal || stralloc_catb(to, route, strlen(route) + 1)) &&
         (!local || (stralloc_cats(to, "mailbox=") &&
                     stralloc_catb(to, address, strlen(address) + 1))) &&
         (!how || (stralloc_cats(to, "from=") &&
                   stralloc_catb(to, s->from.s, len) && stralloc_0(to)));
}

/* A T record behind its length, two bytes. Several recipients that mean one
   target get one copy, but each of LMTP's has a reply of its own. */
static int add(session *s, wish const *w, route_target const *goal)
{
  char head[16], size[2];
  char const *rcpt = w->rcpt.s;
  size_t start = s->to.len, target, n;
  int len = snprintf(head, sizeof head, "%u", s->numbers);
  if (!stralloc_catb(&s->to, "??", 2) ||
      !stralloc_catb(&s->to, head, (size_t)len + 1) ||
      !put_target(s, rcpt, goal))
    return -1;
  target = start + 2 + (size_t)len + 1;
  n = s->to.len - target;
  s->to.len = start;
  if (!s->o->mode->lmtp && known(s, w, s->to.s + target, n)) return 1;
  s->to.len = target + n;
  if (!stralloc_cats(&s->to, "rcpt=") || !stralloc_cats(&s->to, rcpt) ||
      !part(s, "notify=", w->notify) || !part(s, "orcpt=", w->orcpt))
    return -1;
  n = s->to.len - start - 2;
  if (n >= PARCEL_RECORD) return errno = EMSGSIZE, -1;
  size[0] = (char)(n >> 8);
  size[1] = (char)(n & 255);
  memcpy(s->to.s + start, size, 2);
  s->targets++;
  return 1;
}

static char const *add_all(session *s, wish const *w, route_list const *to)
{
  if (to->n > PARCEL_RECIPIENTS - s->targets)
    return "452 4.5.3 Too many recipients";
  for (size_t i = 0; i < to->n; i++)
    if (add(s, w, to->v + i) < 0) return "451 4.3.0 Out of memory";
  return 0;
}

static char const *foreign(session *s, wish const *w)
{
  if (!s->o->mode->relays) {
    s->refused++;
    return "550 5.7.1 Relaying denied";
  }
  return add(s, w, &(route_target){.address = w->rcpt.s}) < 0
             ? "451 4.3.0 Out of memory"
             : 0;
}

/* Adds the targets of rcpt: 0, or why not. */
static char const *route(session *s, wish const *w)
{
  char const *rcpt = w->rcpt.s;
  table *t = fresh_table_get(&s->o->table);
  route_list to = {0};
  unsigned dropped = 0;
  char const *why;
  int r = t ? route_address(t, rcpt, &to, &dropped) : ROUTE_TEMP;
  switch (r) {
  case ROUTE_OK:
    why = add_all(s, w, &to);
    route_free(&to);
    if (dropped)
      log_warn("%s: %u targets of <%s> are unknown", s->id, dropped, rcpt);
    return why;
  case ROUTE_UNKNOWN: s->refused++; return "550 5.1.1 No such mailbox";
  case ROUTE_FOREIGN: return foreign(s, w);
  case ROUTE_LOOP: return "550 5.4.6 Its aliases go round in a circle";
  case ROUTE_TOOMANY: return "550 5.5.3 It has too many targets";
  case ROUTE_FORGED:
    s->refused++;
    return "550 5.7.1 Not a sender of ours, or too old";
  case ROUTE_SEALED: /* on port 25 it must be known now */
    if (s->o->mode->relays)
      return add(s, w, 0) < 0 ? "451 4.3.0 Out of memory" : 0;
    errno = EACCES; /* fall through */
  default:
    log_warnsys("%s: unable to look up <%s>", s->id, rcpt);
    return "451 4.3.0 Unable to look it up now";
  }
}

/* What the first recipient of a message needs: 0, or why not. */
static char const *first(session *s, char const *rcpt)
{
  if (opening_ready(s) < 0) return "451 4.3.0 Mail cannot be taken now";
  return stralloc_copyb(&s->only, rcpt, strlen(rcpt) + 1)
             ? 0
             : "451 4.3.0 Out of memory";
}

/* One that is refused leaves no target behind: the next has its number. */
static char const *accept_rcpt(session *s, wish const *w)
{
  unsigned targets = s->targets;
  size_t len = s->to.len;
  char const *why;
  if (s->accepted >= s->o->recipients) return "452 4.5.3 Too many recipients";
  why = route(s, w);
  if (!why) why = rates_rcpt(s, w->rcpt.s);
  if (!why && !s->accepted) why = first(s, w->rcpt.s);
  if (!why) why = opening_rcpt(s);
  if (!why) {
    s->accepted++;
    s->numbers++;
    return 0;
  }
  s->to.len = len;
  if (s->to_put > len) { /* the sink has them, and will refuse them again */
    s->to_put = len;
    s->numbers++;
    if (*why == '5') s->refused++;
  } else {
    s->targets = targets;
  }
  return why;
}

void cmd_rcpt(session *s, char *arg)
{
  wish w = {.rcpt = STRALLOC_ZERO};
  char const *why = too_early(s);
  if (!why) why = read_rcpt(s, arg, &w);
  if (why) {
    s->errors++;
  } else {
    if (*s->verdict) {
      why = s->verdict;
      s->refused++;
    } else {
      why = accept_rcpt(s, &w);
    }
    if (why)
      log_info("%s: refused <%s> from=<%.*s> ip=%s: %s", s->id, w.rcpt.s,
               (int)strnlen(s->from.s, s->from.len), s->from.s, s->peer->ip,
               why);
  }
  stralloc_free(&w.rcpt);
  say(s, "%s", why ? why : "250 2.1.5 Recipient ok");
}
