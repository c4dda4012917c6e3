#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "date.h"
#include "parcel.h"
#include "trace.h"

void trace_proto(trace *t, int lmtp, int extended, int tls, int auth, int utf8)
{
  char const *word = lmtp       ? "LMTP"
                     : utf8     ? "SMTP"
                     : extended ? "ESMTP"
                                : "SMTP";
  snprintf(t->proto, sizeof t->proto, "%s%s%s%s", utf8 ? "UTF8" : "", word,
           tls ? "S" : "", auth ? "A" : "");
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 4.1.3), or "" */
static void literal(char *to, size_t n, char const *ip)
{
  *to = 0;
  if (*ip) snprintf(to, n, "[%s%s]", strchr(ip, ':') ? "IPv6:" : "", ip);
}

/* The client's own name only where it has the form of one. */
static void from(char *to, size_t n, trace const *t)
{
  char ip[64], helo[260], rdns[260];
  int good = addr_domain_valid(t->helo, strlen(t->helo), ADDR_UTF8, 1);
  literal(ip, sizeof ip, t->ip);
  parcel_clean(rdns, sizeof rdns, t->rdns, strlen(t->rdns));
  if (good) {
    snprintf(to, n, "from %s%s%s%s%s%s\r\n\t", t->helo,
             *ip || *rdns ? " (" : "", rdns, *ip && *rdns ? " " : "", ip,
             *ip || *rdns ? ")" : "");
    return;
  }
  parcel_clean(helo, sizeof helo, t->helo, strlen(t->helo));
  for (char *p = helo; *p; p++)
    if (strchr("()\\\"", *p)) *p = '?';
  snprintf(to, n, "from %s (HELO %s)%s%s%s\r\n\t", *ip ? ip : "unknown", helo,
           *rdns ? "\r\n\t(" : "", rdns, *rdns ? ")" : "");
}

size_t trace_received(char *to, trace const *t)
{
  char who[800] = "", tls[128] = "", date[DATE_MAX];
  int n;
  if (!t->hidden) from(who, sizeof who, t);
  if (*t->tls) snprintf(tls, sizeof tls, "\r\n\t(%s %s)", t->tls, t->cipher);
  date[date_mail(date, t->time)] = 0;
  n = snprintf(to, TRACE_MAX,
               "Received: %sby %s with %s%s\r\n\tid %s"
               "%s%s%s;\r\n\t%s\r\n",
               who, t->me, t->proto, tls, t->id, t->rcpt ? "\r\n\tfor <" : "",
               t->rcpt ? t->rcpt : "", t->rcpt ? ">" : "", date);
  return n < 0 ? 0 : n >= TRACE_MAX ? TRACE_MAX - 1 : (size_t)n;
}
