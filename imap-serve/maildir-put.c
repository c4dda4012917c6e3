#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>

#include "conf.h"
#include "errands.h"
#include "jail.h"
#include "log.h"
#include "put-session.h"
#include "serve.h"

#define USAGE "maildir-put [ -t ] [ -p socket ] [ -q socket ] " SERVE_USAGE
#define dieusage() strerr_dieusage(100, USAGE)

typedef struct put {
  put_config c;
  fresh_table mail;
} put;

static void refresh(void *data)
{
  put *p = data;
  if (!fresh_table_get(&p->mail))
    log_warnsys("unable to open %s", p->mail.path);
}

static int client(serve_peer const *peer, void *data)
{
  put *p = data;
  (void)peer;
  p->c.mail = &p->mail;
  return put_session(0, 1, &p->c);
}

/* Maildirs are wherever the accounts table says: files as before. */
static void confine(void)
{
  jail const walls = {.flags = JAIL_NET | JAIL_FORK};
  if (jail_enter(&walls) < 0) strerr_diefu1sys(111, "enter the jail");
}

int main(int argc, char const *const *argv)
{
  put p = {.mail = {.path = conf_table("mail.cdb")}};
  serve s = SERVE_ZERO;
  subgetopt l = SUBGETOPT_ZERO;
  PROG = "maildir-put";
  for (;;) {
    int opt = subgetopt_r(argc, argv, "tp:q:" SERVE_OPTIONS, &l);
    if (opt == -1) break;
    if (opt == 'p')
      p.c.ask = l.arg;
    else if (opt == 'q')
      p.c.queue = l.arg;
    else if (opt == 't')
      p.c.defer = 1;
    else if (!serve_option(&s, opt, l.arg))
      dieusage();
  }
  if (l.ind != argc) dieusage();
  if (errands_begin() < 0) strerr_diefu1sys(111, "start a child for errands");
  confine();
  s.data = &p;
  s.refresh = refresh;
  s.client = client;
  s.again = 1;
  return serve_run(&s);
}
