/* What a milter hears before the message, and the macros that milters know
   from Sendmail and Postfix. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "addr.h"
#include "milter.h"

#define NAME_MAX_LEN 300 /* of a client, with its address */

/* Mail without a client comes from this machine. */
static char const *ip_of(filter const *f)
{
  char const *ip = filter_fact(f, "ip");
  return *ip ? ip : "127.0.0.1";
}

/* Strings with a NUL each, ended by 0: 1 or -1 */
static int strings(stralloc *to, char const *const *s)
{
  for (; *s; s++)
    if (!stralloc_cats(to, *s) || !stralloc_0(to)) return -1;
  return 1;
}

static int put_client(stralloc *to, filter const *f, char const *name)
{
  char const *ip = ip_of(f);
  uint16_t port = (uint16_t)strtoul(filter_fact(f, "port"), 0, 10);
  char head[3] = {strchr(ip, ':') ? '6' : '4', (char)(port >> 8), (char)port};
  return strings(to, (char const *[]){name, 0}) > 0 &&
                 stralloc_catb(to, head, sizeof head) &&
                 strings(to, (char const *[]){ip, 0}) > 0
             ? 1
             : -1;
}

milter_answer milter_connect(milter *m, filter const *f)
{
  static stralloc s = STRALLOC_ZERO;
  char const *ip = ip_of(f), *rdns = filter_fact(f, "rdns");
  char name[NAME_MAX_LEN], both[2 * NAME_MAX_LEN];
  char const *const macros[] = {"j",
                                filter_by(f),
                                "_",
                                both,
                                "v",
                                "rohrpost",
                                "{daemon_name}",
                                m->daemon,
                                "{daemon_addr}",
                                filter_fact(f, "localip"),
                                "{daemon_port}",
                                filter_fact(f, "localport"),
                                "{if_addr}",
                                filter_fact(f, "localip"),
                                "{client_addr}",
                                ip,
                                "{client_name}",
                                *rdns ? rdns : "unknown",
                                "{client_ptr}",
                                *rdns ? rdns : "unknown",
                                "{client_port}",
                                filter_fact(f, "port"),
                                0};
  if (m->steps & MILTER_NOCONNECT) return MILTER_CONTINUE;
  snprintf(name, sizeof name, *rdns ? "%.250s" : "[%.250s]", *rdns ? rdns : ip);
  if (!*filter_fact(f, "ip")) snprintf(name, sizeof name, "localhost");
  snprintf(both, sizeof both, "%s [%s]", name, ip);
  s.len = 0;
  if (milter_macros(m, 'C', macros) < 0 || put_client(&s, f, name) < 0)
    return milter_fail(m, "connect");
  return milter_ask(m, "connect", 'C', &s, MILTER_NR_CONNECT, 0, 0);
}

milter_answer milter_helo(milter *m, filter const *f)
{
  static stralloc s = STRALLOC_ZERO;
  char const *helo = filter_fact(f, "helo");
  char const *const macros[] = {"{tls_version}", filter_fact(f, "tls"),
                                "{cipher}", filter_fact(f, "cipher"), 0};
  if (m->steps & MILTER_NOHELO || !*helo) return MILTER_CONTINUE;
  s.len = 0;
  if (milter_macros(m, 'H', macros) < 0 ||
      strings(&s, (char const *[]){helo, 0}) < 0)
    return milter_fail(m, "helo");
  return milter_ask(m, "helo", 'H', &s, MILTER_NR_HELO, 0, 0);
}

static int put_address(stralloc *to, char const *s)
{
  return stralloc_cats(to, "<") && stralloc_cats(to, s) &&
                 stralloc_cats(to, ">") && stralloc_0(to)
             ? 1
             : -1;
}

/* Mechanisms are no facts of a parcel. */
static char const *auth_type(filter const *f)
{
  return *filter_fact(f, "user") ? "PLAIN" : "";
}

milter_answer milter_mail(milter *m, filter const *f)
{
  static stralloc s = STRALLOC_ZERO;
  char const *from = f->from.s, *user = filter_fact(f, "user");
  size_t len = strlen(from) + 1;
  char const *const macros[] = {"i",
                                filter_fact(f, "id"),
                                "{auth_type}",
                                auth_type(f),
                                "{auth_authen}",
                                user,
                                "{auth_author}",
                                user,
                                "{mail_addr}",
                                from,
                                "{mail_host}",
                                addr_domain(from),
                                "{mail_mailer}",
                                "smtp",
                                0};
  if (m->steps & MILTER_NOMAIL) return MILTER_CONTINUE;
  s.len = 0;
  /* its parameters are separated by NUL, as the milter wants them */
  if (milter_macros(m, 'M', macros) < 0 || put_address(&s, from) < 0 ||
      !stralloc_catb(&s, from + len, f->from.len - len))
    return milter_fail(m, "mail");
  return milter_ask(m, "mail", 'M', &s, MILTER_NR_MAIL, 0, 0);
}

static int put_param(stralloc *to, char const *name, char const *value)
{
  return !value || (stralloc_cats(to, name) && stralloc_cats(to, value) &&
                    stralloc_0(to))
             ? 1
             : -1;
}

milter_answer milter_rcpt(milter *m, filter const *f, parcel_record const *t)
{
  static stralloc s = STRALLOC_ZERO;
  char const *to = parcel_part(t, 1), *rcpt = parcel_param(t, 2, "rcpt");
  char const *route = parcel_param(t, 2, "route");
  char const *addr = rcpt ? rcpt : to ? to : "";
  char const *const macros[] = {"i",
                                filter_fact(f, "id"),
                                "{rcpt_addr}",
                                addr,
                                "{rcpt_host}",
                                addr_domain(addr),
                                "{rcpt_mailer}",
                                route && *route == 'l' ? "local" : "smtp",
                                0};
  if (m->steps & MILTER_NORCPT) return MILTER_CONTINUE;
  s.len = 0;
  if (milter_macros(m, 'R', macros) < 0 || put_address(&s, addr) < 0 ||
      put_param(&s, "NOTIFY=", parcel_param(t, 2, "notify")) < 0 ||
      put_param(&s, "ORCPT=", parcel_param(t, 2, "orcpt")) < 0)
    return milter_fail(m, "rcpt");
  return milter_ask(m, "rcpt", 'R', &s, MILTER_NR_RCPT, 0, 0);
}

milter_answer milter_data(milter *m, filter const *f)
{
  static stralloc const none = STRALLOC_ZERO;
  char const *const macros[] = {"i", filter_fact(f, "id"), 0};
  if (m->version < 4 || m->steps & MILTER_NODATA) return MILTER_CONTINUE;
  if (milter_macros(m, 'T', macros) < 0) return milter_fail(m, "data");
  return milter_ask(m, "data", 'T', &none, MILTER_NR_DATA, 0, 0);
}
