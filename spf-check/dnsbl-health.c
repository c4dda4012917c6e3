#include <stdarg.h>
#include <stdio.h>

#include "dnsbl-health.h"
#include "ip.h"
#include "log.h"

unsigned dnsbl_family(unsigned kind)
{
  return kind == DNSBL_IP4 ? 0 : kind == DNSBL_IP6 ? 1 : 2;
}

char const *dnsbl_kind(unsigned kind)
{
  return kind == DNSBL_IP4    ? "ip4"
         : kind == DNSBL_IP6  ? "ip6"
         : kind == DNSBL_HELO ? "helo"
                              : "sender";
}

dnsbl_state *dnsbl_health(dnsbl_list *l, unsigned kind)
{
  return l->state + dnsbl_family(kind);
}

static char const *family(unsigned kind)
{
  static char const *const names[] = {"IPv4", "IPv6", "names"};
  return names[dnsbl_family(kind)];
}

void dnsbl_off(dnsbl_list *l, unsigned kind, io_time period, char const *fmt,
               ...)
{
  dnsbl_state *st = dnsbl_health(l, kind);
  int before = *st->why != 0;
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(st->why, sizeof st->why, fmt, ap);
  va_end(ap);
  st->off = io_after(period);
  st->good = 0;
  st->silent = 0;
  st->failed = 1;
  if (!before)
    log_warn("list %s is not asked for %s: %s", l->shown, family(kind),
             st->why);
}

void dnsbl_good(dnsbl_list *l, unsigned kind, io_time period)
{
  dnsbl_state *st = dnsbl_health(l, kind);
  if (*st->why)
    log_info("list %s is asked again for %s", l->shown, family(kind));
  *st->why = 0;
  st->silent = 0;
  st->good = io_after(period);
}

void dnsbl_silent(dnsbl_list *l, unsigned kind, io_time period)
{
  dnsbl_health(l, kind)->failed = 1;
  if (++dnsbl_health(l, kind)->silent >= DNSBL_SILENT)
    dnsbl_off(l, kind, period, "no answer");
}

int dnsbl_trouble(dnsbl_list *l, unsigned kind, dns_answer const *a,
                  io_time period)
{
  for (unsigned i = 0; i < a->n; i++) {
    unsigned char b[16];
    dnsbl_response const *r;
    if (ip_bytes(b, a->v[i].data) != 4) continue;
    r = dnsbl_find(l, b);
    if (b[0] != 127)
      dnsbl_off(l, kind, period, "it answers %s", a->v[i].data);
    else if ((b[1] == 255 && b[2] == 255) || (r && r->error))
      dnsbl_off(l, kind, period, "it refuses us: %s", a->v[i].data);
    else
      continue;
    return 1;
  }
  return 0;
}
