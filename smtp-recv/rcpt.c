/* RCPT (RFC 5321 4.1.1.3): every recipient is looked up while the client can
   still be told. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "addr.h"
#include "log.h"
#include "params.h"
#include "session.h"

static int rcpt_param(char const *name, char const *value, void *data)
{
  (void)name;
  (void)value;
  (void)data;
  return -1; /* none is offered */
}

/* rcpt becomes the address with its NUL: 0, or why not. */
static char const *read_rcpt(session *s, char *arg, stralloc *rcpt)
{
  size_t used;
  int r;
  if (strncasecmp(arg, "TO:", 3)) return "501 5.5.2 RCPT TO:<address>";
  arg += 3;
  arg += strspn(arg, " ");
  r = addr_path(rcpt, arg, strlen(arg), &used, ADDR_BARE | ADDR_UTF8);
  if (r < 0) return "451 4.3.0 Out of memory";
  if (!r || (arg[used] && arg[used] != ' ')) return "501 5.1.3 Not an address";
  r = params_each(arg + used, rcpt_param, s);
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

/* Whether the message goes to that target already. */
static int known(session const *s, char const *target, size_t len)
{
  char const *p = s->to.s, *end;
  for (end = p ? p + s->to.len : p; p < end;) {
    size_t n = (size_t)(unsigned char)p[0] << 8 | (unsigned char)p[1];
    char const *t = p + 2, *rest = t + strlen(t) + 1;
    p = t + n;
    if ((size_t)(p - rest) > len && !memcmp(rest, target, len)) return 1;
  }
  return 0;
}

/* A T record behind its length, two bytes. Several recipients that mean one
   target get one copy, but each of LMTP's has a reply of its own. */
static int add(session *s, char const *rcpt, char const *address, int local)
{
  char head[16], size[2];
  size_t start = s->to.len, target, n;
  int len = snprintf(head, sizeof head, "%u", s->accepted);
  char const *route = local ? "route=local" : "route=remote";
  char const *to = local && !strchr(address, '@') ? rcpt : address;
  if (!stralloc_catb(&s->to, "??", 2) ||
      !stralloc_catb(&s->to, head, (size_t)len + 1) ||
      !stralloc_catb(&s->to, to, strlen(to) + 1) ||
      !stralloc_catb(&s->to, route, strlen(route) + 1) ||
      (local && (!stralloc_cats(&s->to, "mailbox=") ||
                 !stralloc_catb(&s->to, address, strlen(address) + 1))))
    return -1;
  target = start + 2 + (size_t)len + 1;
  n = s->to.len - target;
  s->to.len = start;
  if (!s->o->mode->lmtp && known(s, s->to.s + target, n)) return 1;
  s->to.len = target + n;
  if (!stralloc_cats(&s->to, "rcpt=") || !stralloc_cats(&s->to, rcpt))
    return -1;
  n = s->to.len - start - 2;
  if (n >= PARCEL_RECORD) return errno = EMSGSIZE, -1;
  size[0] = (char)(n >> 8);
  size[1] = (char)(n & 255);
  memcpy(s->to.s + start, size, 2);
  s->targets++;
  return 1;
}

static char const *add_all(session *s, char const *rcpt, route_list const *to)
{
  if (to->n > PARCEL_RECIPIENTS - s->targets)
    return "452 4.5.3 Too many recipients";
  for (size_t i = 0; i < to->n; i++)
    if (add(s, rcpt, to->v[i].address, to->v[i].local) < 0)
      return "451 4.3.0 Out of memory";
  return 0;
}

static char const *foreign(session *s, char const *rcpt)
{
  if (!s->o->mode->relays) {
    s->refused++;
    return "550 5.7.1 Relaying denied";
  }
  return add(s, rcpt, rcpt, 0) < 0 ? "451 4.3.0 Out of memory" : 0;
}

/* Adds the targets of rcpt: 0, or why not. */
static char const *route(session *s, char const *rcpt)
{
  table *t = fresh_table_get(&s->o->table);
  route_list to = {0};
  unsigned dropped = 0;
  char const *why;
  int r = t ? route_address(t, rcpt, &to, &dropped) : ROUTE_TEMP;
  switch (r) {
  case ROUTE_OK:
    why = add_all(s, rcpt, &to);
    route_free(&to);
    if (dropped)
      log_warn("%s: %u targets of <%s> are unknown", s->id, dropped, rcpt);
    return why;
  case ROUTE_UNKNOWN: s->refused++; return "550 5.1.1 No such mailbox";
  case ROUTE_FOREIGN: return foreign(s, rcpt);
  case ROUTE_LOOP: return "550 5.4.6 Its aliases go round in a circle";
  case ROUTE_TOOMANY: return "550 5.5.3 It has too many targets";
  default:
    log_warnsys("%s: unable to look up <%s>", s->id, rcpt);
    return "451 4.3.0 Unable to look it up now";
  }
}

/* What the first recipient of a message needs: 0, or why not. */
static char const *first(session *s, char const *rcpt)
{
  if (way_open(&s->way, io_after(SESSION_WAY_MS)) < 0) {
    log_warnsys("%s: unable to open the way in", s->id);
    return "451 4.3.0 Mail cannot be taken now";
  }
  return stralloc_copyb(&s->only, rcpt, strlen(rcpt) + 1)
             ? 0
             : "451 4.3.0 Out of memory";
}

/* One that is refused leaves no target behind: the next has its number. */
static char const *accept_rcpt(session *s, char const *rcpt)
{
  unsigned targets = s->targets;
  size_t len = s->to.len;
  char const *why;
  if (s->accepted >= s->o->recipients) return "452 4.5.3 Too many recipients";
  why = route(s, rcpt);
  if (!why && !s->accepted) why = first(s, rcpt);
  if (why) {
    s->targets = targets;
    s->to.len = len;
    return why;
  }
  s->accepted++;
  return 0;
}

void cmd_rcpt(session *s, char *arg)
{
  stralloc rcpt = STRALLOC_ZERO;
  char const *why = too_early(s);
  if (!why) why = read_rcpt(s, arg, &rcpt);
  if (why) {
    s->errors++;
  } else {
    why = accept_rcpt(s, rcpt.s);
    if (why)
      log_info("%s: refused <%s> from=<%.*s> ip=%s: %s", s->id, rcpt.s,
               (int)strnlen(s->from.s, s->from.len), s->from.s, s->peer->ip,
               why);
  }
  stralloc_free(&rcpt);
  say(s, "%s", why ? why : "250 2.1.5 Recipient ok");
}
