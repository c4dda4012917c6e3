#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <skalibs/types.h>

#include "addr.h"
#include "envelope.h"

int envelope_add(stralloc *to, parcel_record const *r)
{
  char head[SIZE_FMT + 2];
  size_t n = size_fmt(head, r->len + 1);
  head[n++] = ':';
  head[n++] = r->type;
  if (!stralloc_readyplus(to, n + r->len + 2)) return -1;
  stralloc_catb(to, head, n);
  stralloc_catb(to, r->s, r->len);
  stralloc_catb(to, ",", 1);
  return 1;
}

void envelope_end(envelope_walk *w)
{
  if (w->cut) *w->cut = ',';
  w->cut = 0;
}

int envelope_next(envelope_walk *w, parcel_record *r)
{
  size_t n = 0, i = w->pos;
  envelope_end(w);
  if (i == w->len) return 0;
  for (; i < w->len && w->s[i] >= '0' && w->s[i] <= '9'; i++) {
    n = n * 10 + (size_t)(w->s[i] - '0');
    if (n > PARCEL_RECORD) return errno = EPROTO, -1;
  }
  if (i == w->pos || i == w->len || w->s[i] != ':' || !n ||
      w->len - i - 1 < n + 1 || w->s[i + 1 + n] != ',')
    return errno = EPROTO, -1;
  i++;
  *r = (parcel_record){w->s[i], w->s + i + 1, n - 1};
  w->cut = w->s + i + n;
  *w->cut = 0;
  w->pos = i + n + 1;
  return 1;
}

int envelope_address(char const *s)
{
  for (; *s; s++)
    if ((unsigned char)*s < ' ' || *s == 127) return 0;
  return 1;
}

static char const *param(parcel_record const *r, char const *name)
{
  char const *s = parcel_param(r, 2, name);
  return s && envelope_address(s) ? s : "";
}

static int number(char const *s, unsigned long *n)
{
  size_t len = ulong_scan(s, n);
  return len && !s[len] && *n <= INT_MAX;
}

int envelope_recipient(envelope_to *t, parcel_record const *r)
{
  char const *route = parcel_param(r, 2, "route");
  t->address = parcel_part(r, 1);
  if (!number(r->s, &t->number) || !t->address || !*t->address ||
      !envelope_address(t->address))
    return errno = EPROTO, -1;
  t->mailbox = param(r, "mailbox");
  t->rcpt = param(r, "rcpt");
  t->via = param(r, "via");
  t->notify = param(r, "notify");
  t->orcpt = param(r, "orcpt");
  t->from = parcel_param(r, 2, "from");
  if (t->from && !envelope_address(t->from)) t->from = 0;
  t->route = !route                       ? ENVELOPE_UNROUTED
             : !strcmp(route, "local")    ? ENVELOPE_LOCAL
             : !strcmp(route, "expanded") ? ENVELOPE_EXPANDED
                                          : ENVELOPE_REMOTE;
  if (t->route == ENVELOPE_LOCAL && !*t->mailbox) return errno = EPROTO, -1;
  if (t->route == ENVELOPE_REMOTE && strcmp(route, "remote"))
    return errno = EPROTO, -1;
  return 1;
}

char const *envelope_alias(char const *address, char const *rcpt)
{
  size_t len = strlen(rcpt), at = addr_at(rcpt, len);
  if (at == len || !strcasecmp(address, rcpt) || addr_is_utf8(rcpt, at))
    return "";
  return rcpt;
}

/* "550 5.7.1 text" with the class that the verdict has */
static int reply(envelope_verdict *v, char const *s)
{
  unsigned code;
  size_t n = uint_scan(s, &code);
  if (n != 3 || code / 100 != (v->kind == 'r' ? 5 : 4) || (s[n] && s[n] != ' '))
    return 0;
  v->code = (int)code;
  v->text = s + n + (s[n] == ' ');
  return 1;
}

int envelope_judge(envelope_verdict *v, parcel_record const *r)
{
  char const *text = parcel_part(r, 1), *to = text ? parcel_part(r, 2) : 0;
  *v = (envelope_verdict){.kind = *r->s, .text = ""};
  if (strcmp(r->s, "reject") && strcmp(r->s, "defer") && strcmp(r->s, "junk"))
    return errno = EPROTO, -1;
  if (to) {
    v->one = 1;
    if (!number(to, &v->number)) return errno = EPROTO, -1;
  }
  if (v->kind == 'j' || (text && reply(v, text))) return 1;
  v->code = v->kind == 'r' ? 550 : 451;
  v->text = v->kind == 'r' ? "5.7.1 Message refused" : "4.7.1 Try again later";
  return 1;
}
