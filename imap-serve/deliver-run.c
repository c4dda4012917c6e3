#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "conf.h"
#include "deliver-session.h"
#include "log.h"
#include "serve.h"

#define USAGE "deliver-run [ -t seconds ] " SERVE_USAGE
#define dieusage() strerr_dieusage(100, USAGE)

#define SECONDS 30
#define SECONDS_MAX 240 /* less than maildir-put waits */

static void refresh(void *data)
{
  deliver *d = data;
  if (!fresh_table_get(&d->mail))
    log_warnsys("unable to open %s", d->mail.path);
}

static int client(serve_peer const *peer, void *data)
{
  (void)peer;
  return deliver_session(data, 0, 1);
}

/* What the programs need nobody knows but the admin: they have no more walls
   than their user, and may become no other. */
static void confine(void)
{
  struct rlimit const none = {0, 0};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
      setrlimit(RLIMIT_CORE, &none) < 0)
    strerr_diefu1sys(111, "enter the jail");
}

int main(int argc, char const *const *argv)
{
  deliver d = {.mail = {.path = conf_table("mail.cdb")}, .ms = SECONDS * 1000};
  serve s = SERVE_ZERO;
  subgetopt l = SUBGETOPT_ZERO;
  PROG = "deliver-run";
  for (;;) {
    int opt = subgetopt_r(argc, argv, "t:" SERVE_OPTIONS, &l);
    unsigned seconds;
    if (opt == -1) break;
    if (opt == 't') {
      if (!uint0_scan(l.arg, &seconds) || !seconds || seconds > SECONDS_MAX)
        dieusage();
      d.ms = seconds * 1000;
    } else if (!serve_option(&s, opt, l.arg))
      dieusage();
  }
  if (l.ind != argc) dieusage();
  confine();
  s.data = &d;
  s.refresh = refresh;
  s.client = client;
  s.again = 1;
  return serve_run(&s);
}
