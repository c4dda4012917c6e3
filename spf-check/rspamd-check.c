#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "conf.h"
#include "confine.h"
#include "rspamd-filter.h"

#define USAGE                                                                  \
  "rspamd-check [ -lPqx ] [ -a name=value ] … [ -d dir ] [ -i settings ] "   \
  "[ -k file ] [ -m tag ] [ -r word=action,… ] [ -s bytes ] [ -T socket ] "  \
  "[ -t seconds ] [ -u url ]"
#define dieusage() strerr_dieusage(100, USAGE)

#define URL "http://127.0.0.1:11333"
#define SECONDS 30
#define SIZE (50u << 20) /* what rspamd takes by default */

static rspamd_filter filter_of = {
    .r = RSPAMD_ZERO,
    .max = SIZE,
    .v = VIEW_ZERO,
    .action = {[RSPAMD_GREYLIST] = FILTER_DEFER,
               [RSPAMD_SOFT_REJECT] = FILTER_DEFER,
               [RSPAMD_ADD_HEADER] = FILTER_JUNK,
               [RSPAMD_REWRITE_SUBJECT] = FILTER_JUNK,
               [RSPAMD_REJECT] = FILTER_REJECT,
               [RSPAMD_DISCARD] = FILTER_REJECT,
               [RSPAMD_QUARANTINE] = FILTER_JUNK}};

static void constant(char const *name, char const *value)
{
  if (http_field(&filter_of.r.constant, name, value) < 0)
    strerr_diefu1sys(111, "make a request");
}

/* name=value */
static void field(char const *s)
{
  char name[64];
  size_t n = strcspn(s, "=");
  if (!n || n >= sizeof name || !s[n] || strcspn(s, " \t\r\n:") < n) dieusage();
  memcpy(name, s, n);
  name[n] = 0;
  constant(name, s + n + 1);
}

/* Its first line */
static void password(char const *file)
{
  char s[512];
  ssize_t n;
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || (n = io_read(fd, s, sizeof s - 1, IO_FOREVER)) < 0)
    strerr_diefu2sys(102, "read ", file);
  close(fd);
  s[n] = 0;
  s[strcspn(s, "\r\n")] = 0;
  if (!*s) strerr_dief2x(102, file, " holds no password");
  constant("Password", s);
}

static int option(int opt, char const *arg)
{
  rspamd_filter *f = &filter_of;
  switch (opt) {
  case 'a': field(arg); break;
  case 'd': f->spool = arg; break;
  case 'i': constant("Settings-ID", arg); break;
  case 'k': password(arg); break;
  case 'l': f->strangers = 1; break;
  case 'm': constant("MTA-Tag", arg); break;
  case 'P': constant("Pass", "all"); break;
  case 'r':
    return filter_actions_scan(f->action, rspamd_words, RSPAMD_WORDS, arg);
  case 's': return uint640_scan(arg, &f->max) != 0;
  case 'T': f->r.tls = arg; break;
  case 't': return uint0_scan(arg, &f->r.seconds) && f->r.seconds;
  case 'u': return http_url_scan(&f->r.url, arg);
  case 'x': f->mark = 1; break;
  default: return 0;
  }
  return 1;
}

int main(int argc, char const *const *argv)
{
  subgetopt g = SUBGETOPT_ZERO;
  int opt, ask = 0;
  PROG = "rspamd-check";
  filter_of.spool = conf_tmp();
  filter_of.r.seconds = SECONDS;
  filter_of.r.tls = conf_socket("tls-out");
  http_url_scan(&filter_of.r.url, URL);
  while ((opt = subgetopt_r(argc, argv, "a:d:i:k:lm:Pqr:s:T:t:u:x", &g)) != -1)
    if (opt == 'q')
      ask = 1;
    else if (!option(opt, g.arg))
      dieusage();
  if (argc != g.ind) dieusage();
  constant("MTA-Name", conf_me());
  confine_spooling(filter_of.spool);
  return ask ? rspamd_query(&filter_of) : rspamd_filter_run(&filter_of);
}
