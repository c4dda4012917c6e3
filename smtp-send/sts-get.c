#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/nameser.h>

#include "command.h"
#include "dns.h"
#include "parcel.h"
#include "sts-get.h"

#define DNS_MS 20000
#define ADDRESSES 8 /* of each family */

/* "v=STSv1; id=…;": 1 or 0 */
static int read_record(char *id, char const *s)
{
  size_t n;
  if (strncmp(s, "v=STSv1", 7)) return 0;
  s += 7;
  while (*(s += strspn(s, " \t;"))) {
    if (!strncmp(s, "id=", 3)) {
      s += 3;
      n = strspn(s, "0123456789abcdefghijklmnopqrstuvwxyz"
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
      if (!n || n > STS_ID || !strchr(" \t;", s[n])) return 0;
      memcpy(id, s, n);
      id[n] = 0;
      return 1;
    }
    s += strcspn(s, ";");
  }
  return 0;
}

/* Whether the record is one of this version at all */
static int is_record(char const *s)
{
  return !strncmp(s, "v=STSv1", 7) && strchr(" \t;", s[7]);
}

int sts_get_id(char *id, char const *domain)
{
  char name[300];
  dns_answer a = {0};
  unsigned found = 0;
  int r = 0;
  snprintf(name, sizeof name, "_mta-sts.%s", domain);
  if (dns_query(&a, name, ns_t_txt, io_after(DNS_MS)) == DNS_TEMP) r = -1;
  for (unsigned i = 0; i < a.n; i++)
    if (is_record(a.v[i].data)) {
      found++;
      r = read_record(id, a.v[i].data);
    }
  dns_free(&a);
  return found > 1 ? 0 : r; /* of several none counts */
}

/* "HOST:PORT:1.2.3.4,[::1]": curl asks no resolver of its own. 1; 0: there is
   no address; -1 */
static int resolve(stralloc *to, char const *host, char const *port)
{
  dns_question const q[2] = {{host, ns_t_a}, {host, ns_t_aaaa}};
  dns_answer a[2] = {0};
  char const *comma = "";
  int r = dns_query_all(a, q, 2, io_after(DNS_MS)), some = 0;
  if (!stralloc_cats(to, host) || !stralloc_cats(to, ":") ||
      !stralloc_cats(to, port) || !stralloc_cats(to, ":"))
    r = -1;
  for (unsigned k = 0; r > 0 && k < 2; k++)
    for (unsigned i = 0; r > 0 && i < a[k].n && i < ADDRESSES; i++) {
      if (!stralloc_cats(to, comma) || !stralloc_cats(to, k ? "[" : "") ||
          !stralloc_cats(to, a[k].v[i].data) ||
          !stralloc_cats(to, k ? "]" : ""))
        r = -1;
      comma = ",";
      some = 1;
    }
  dns_free(a);
  dns_free(a + 1);
  if (r > 0 && !stralloc_0(to)) r = -1;
  return r < 0 ? -1 : some;
}

static int no(char *why, char const *what, char const *s, size_t len)
{
  char line[STS_WHY + 100];
  int n = snprintf(line, sizeof line, "%s%.*s", what,
                   (int)(len < STS_WHY ? len : STS_WHY), s);
  parcel_clean(why, STS_WHY, line, (size_t)n);
  return 0;
}

/* curl's last line: "STATUS<tab>TYPE<tab>its error" (-w) */
static int judge(stralloc *text, char *why, command const *c, int code)
{
  char const *s = c->output.s, *line, *type, *error;
  size_t n = c->output.len;
  sts p = {0};
  int r;
  while (n && s[n - 1] != '\n') n--;
  line = s + n;
  type = n ? memchr(line, '\t', c->output.len - n) : 0;
  error =
      type ? memchr(type + 1, '\t', (size_t)(s + c->output.len - type - 1)) : 0;
  if (!error) return no(why, "curl says nothing", "", 0);
  if (code > 0)
    return no(why, "", error + 1, (size_t)(s + c->output.len - error - 1));
  if (strncmp(line, "200\t", 4))
    return no(why, "HTTP status ", line, (size_t)(type - line));
  if (strncasecmp(type + 1, "text/plain", 10) || !strchr(" ;\t", type[11]))
    return no(why, "not text/plain: ", type + 1, (size_t)(error - type - 1));
  r = sts_read(&p, s, n - 1);
  stralloc_free(&p.mx);
  if (r == 0) return no(why, "not a policy", "", 0);
  return r > 0 && stralloc_copyb(text, s, n - 1) ? 1 : -1;
}

static int run(stralloc *text, char *why, char const *url, char const *where,
               char const *authorities)
{
  char seconds[16];
  stralloc none = STRALLOC_ZERO;
  command c = COMMAND_ZERO;
  int code, r;
  char const *argv[] = {"curl",
                        "-q",
                        "-s",
                        "--proto",
                        "=https",
                        "--tlsv1.2",
                        "--noproxy",
                        "*",
                        "--max-filesize",
                        "65536",
                        "-m",
                        seconds,
                        "--resolve",
                        where,
                        "-w",
                        "\\n%{http_code}\\t%{content_type}\\t%{errormsg}",
                        url,
                        authorities ? "--cacert" : 0,
                        authorities,
                        0};
  snprintf(seconds, sizeof seconds, "%d", STS_FETCH_S);
  c.argv = argv;
  c.ms = (STS_FETCH_S + 2) * 1000;
  c.alone = 1;
  if (command_start(&c, &none) < 0) return -1;
  code = command_end(&c);
  r = code < 0 ? no(why, "curl: too big, or not in time", "", 0)
      : code == 126 || code == 127 ? no(why, "curl cannot be run", "", 0)
                                   : judge(text, why, &c, code);
  command_free(&c);
  return r;
}

int sts_get_policy(stralloc *text, char *why, char const *domain,
                   sts_source const *from)
{
  char host[300], url[400];
  stralloc where = STRALLOC_ZERO;
  int r;
  snprintf(host, sizeof host, "mta-sts.%s", domain);
  snprintf(url, sizeof url, "https://%s:%s/.well-known/mta-sts.txt", host,
           from->port);
  r = resolve(&where, host, from->port);
  if (r == 0)
    r = no(why, "no address of ", host, strlen(host));
  else if (r > 0)
    r = run(text, why, url, where.s, from->authorities);
  stralloc_free(&where);
  return r;
}
