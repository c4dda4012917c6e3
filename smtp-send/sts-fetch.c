#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "addr.h"
#include "conf.h"
#include "jail.h"
#include "line.h"
#include "log.h"
#include "serve.h"
#include "sts-cache.h"
#include "sts-get.h"

#define USAGE                                                                  \
  "sts-fetch [ -A authorities.pem ] [ -p port ] [ -s directory ] "             \
  "-w " SERVE_USAGE " | sts-fetch [ -A … ] [ -p … ] [ -s … ] [ -r ] domain"
#define dieusage() strerr_dieusage(100, USAGE)

#define CACHE "/var/lib/rohrpost/sts"
#define CHECK_S 3600 /* before the id is asked for again */
#define REPEAT_S                                                               \
  300                 /* before a fetch that failed is repeated (3.3), or one  \
                         is made because a host does not fit */
#define CLEAN_S 86400 /* between looks for what is too old */
#define LINE_MS 10000
#define ANSWER_MS 30000

typedef struct options {
  char const *dir;
  sts_source from;
  time_t cleaned;
} options;

enum { KEPT = 1, NONE = 0 };

/* The policy is in e if there is one: KEPT, NONE; -1 with errno. */
static int fetch(options const *o, sts_entry *e, char const *domain,
                 char const *id, int have, char *why)
{
  stralloc text = STRALLOC_ZERO;
  char no[STS_WHY] = "it failed less than 5 minutes ago";
  time_t now = time(0);
  int r = 0;
  if (now - sts_cache_failed(o->dir, domain) >= REPEAT_S) {
    r = sts_get_policy(&text, no, domain, &o->from);
    if (r == 0) {
      log_warn("policy of %s: %s", domain, no);
      if (sts_cache_fail(o->dir, domain) < 0) r = -1;
    }
  }
  if (r > 0) {
    snprintf(e->id, sizeof e->id, "%s", id);
    e->fetched = now;
    stralloc_free(&e->text);
    e->text = text;
    snprintf(why, STS_WHY, "id=%s, just fetched", id);
    return sts_cache_write(e, o->dir, domain) < 0 ? -1 : KEPT;
  }
  stralloc_free(&text);
  if (have)
    snprintf(why, STS_WHY, "id=%s, kept; the fetch: %.140s", e->id, no);
  else
    snprintf(why, STS_WHY, "the fetch: %.180s", no);
  return r < 0 ? -1 : have;
}

/* Whether e holds a policy that still lasts; *max_age is how long it does. */
static int lasts(sts_entry const *e, time_t now, unsigned long *max_age)
{
  sts p = {0};
  int r = sts_read(&p, e->text.s, e->text.len);
  *max_age = p.max_age;
  stralloc_free(&p.mx);
  return r > 0 && now >= e->fetched &&
         (unsigned long)(now - e->fetched) < p.max_age;
}

/* RFC 8461 3.3, 5.1: a policy that lasts counts though its record or its host
   is gone; a new id, or half of its time, makes us fetch it again. */
static int find(options const *o, sts_entry *e, char const *domain, int again,
                char *why)
{
  char id[STS_ID + 1];
  unsigned long max_age = 0;
  time_t now = time(0);
  int r, have = sts_cache_read(e, o->dir, domain);
  if (have < 0) return -1;
  have = have && lasts(e, now, &max_age);
  if (have)
    snprintf(why, STS_WHY, "id=%s, fetched %lld s ago", e->id,
             (long long)(now - e->fetched));
  if (have &&
      (again ? now - e->fetched < REPEAT_S : now - e->checked < CHECK_S))
    return KEPT;
  r = sts_get_id(id, domain);
  if (r <= 0) {
    if (!have)
      snprintf(why, STS_WHY,
               r ? "no answer from DNS for _mta-sts.%s"
                 : "no record _mta-sts.%s",
               domain);
    return have;
  }
  if (have && !again && !strcmp(id, e->id) &&
      (unsigned long)(now - e->fetched) < max_age / 2) {
    sts_cache_touch(o->dir, domain);
    return KEPT;
  }
  return fetch(o, e, domain, id, have, why);
}

/* What is written for a domain: the answer to sts_ask(). 1 policy, 0 none, -1
   with errno */
static int answer(options const *o, stralloc *to, char const *domain, int again)
{
  sts_entry e = {0};
  char why[STS_WHY] = "";
  int r;
  if (!sts_cache_name(domain)) return errno = EINVAL, -1;
  r = find(o, &e, domain, again, why);
  if (r >= 0 &&
      (!stralloc_cats(to, r ? "policy " : "none ") || !stralloc_cats(to, why) ||
       !stralloc_append(to, '\n') || (r && !stralloc_cat(to, &e.text))))
    r = -1;
  stralloc_free(&e.text);
  return r;
}

/* "DOMAIN" or "DOMAIN again" */
static int client(serve_peer const *peer, void *data)
{
  char buf[320], *s, *blank;
  size_t len;
  line_in in;
  stralloc to = STRALLOC_ZERO;
  int again;
  (void)peer;
  line_init(&in, 0, buf, sizeof buf);
  if (line_get(&in, &s, &len, io_after(LINE_MS)) <= 0) return 100;
  s[line_chomp(s, len)] = 0;
  blank = strchr(s, ' ');
  again = blank && !strcmp(blank, " again");
  if (again) *blank = 0;
  if (answer(data, &to, s, again) < 0) {
    log_warnsys("unable to find the policy of %s", s);
    return 111;
  }
  return io_write(0, to.s, to.len, io_after(ANSWER_MS)) < 0 ? 111 : 0;
}

static void refresh(void *data)
{
  options *o = data;
  time_t now = time(0);
  if (now - o->cleaned < CLEAN_S) return;
  o->cleaned = now;
  sts_cache_clean(o->dir);
}

static void confine(options const *o)
{
  char pem[CONF_PATH_MAX] = "";
  jail_path const paths[] = {{"/etc", 0}, {"/usr", 0},
                             {"/lib", 0}, {"/lib64", 0},
                             {"/bin", 0}, {"/run/systemd/resolve", 0},
                             {"/dev", 0}, {o->dir, 1},
                             {pem, 0},    {0, 0}};
  jail const walls = {paths, JAIL_NET | JAIL_FORK | JAIL_EXEC, 0};
  if (o->from.authorities) snprintf(pem, sizeof pem, "%s", o->from.authorities);
  if (jail_enter(&walls) < 0) strerr_diefu1sys(111, "enter the jail");
}

static int by_hand(options const *o, char const *domain, int again)
{
  stralloc key = STRALLOC_ZERO, to = STRALLOC_ZERO;
  int r;
  if (addr_domain_key(&key, domain, strlen(domain)) <= 0 || !stralloc_0(&key))
    strerr_dief2x(100, domain, " is not a domain");
  r = answer(o, &to, key.s, again);
  if (r < 0) strerr_diefu2sys(111, "find the policy of ", domain);
  if (io_write(1, to.s, to.len, IO_FOREVER) < 0) strerr_diefu1sys(111, "write");
  return !r;
}

int main(int argc, char const *const *argv)
{
  static options o = {.dir = CACHE, .from = {.port = "443"}};
  serve s = SERVE_ZERO;
  subgetopt g = SUBGETOPT_ZERO;
  int opt, again = 0;
  unsigned n;
  PROG = "sts-fetch";
  while ((opt = subgetopt_r(argc, argv, SERVE_OPTIONS "A:p:s:r", &g)) != -1)
    switch (opt) {
    case 'A': o.from.authorities = *g.arg ? g.arg : 0; break;
    case 'p': o.from.port = g.arg; break;
    case 's': o.dir = g.arg; break;
    case 'r': again = 1; break;
    default:
      if (!serve_option(&s, opt, g.arg)) dieusage();
    }
  if (argc - g.ind != !s.wait || !uint0_scan(o.from.port, &n)) dieusage();
  if (access(o.dir, R_OK | W_OK | X_OK) < 0)
    strerr_diefu2sys(111, "use ", o.dir);
  signal(SIGPIPE, SIG_IGN);
  confine(&o);
  if (!s.wait) return by_hand(&o, argv[g.ind], again);
  s.client = client;
  s.refresh = refresh;
  s.data = &o;
  return serve_run(&s);
}
