#include <string.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>

#include "conf.h"
#include "intake.h"
#include "jail.h"
#include "log.h"
#include "queue-file.h"
#include "serve.h"

#define USAGE                                                                  \
  "queue-put [ -c received | submitted | injected | report ] "                 \
  "[ -w ] [ -d fd ] [ -n max ] [ -U uid,… ] [ directory ]"
#define dieusage() strerr_dieusage(100, USAGE)

static void refresh(void *data)
{
  intake *x = data;
  if (!fresh_table_get(&x->mail))
    log_warnsys("unable to open %s", x->mail.path);
}

static int client(serve_peer const *peer, void *data)
{
  (void)peer;
  return intake_run(data, 0, 1);
}

/* What is not said is trusted least. */
static char const *class_of(char const *s)
{
  if (strcmp(s, "received") && strcmp(s, "submitted") &&
      strcmp(s, "injected") && strcmp(s, "report"))
    dieusage();
  return s;
}

/* The queue, the directory of the tables, and sockets that tables name. */
static void confine(intake const *x)
{
  static char tables[CONF_PATH_MAX];
  jail_path const paths[] = {{x->path, 1}, {tables, 0}, {0, 0}};
  jail const walls = {.paths = paths, .flags = JAIL_FORK | JAIL_NET};
  size_t n = strlen(x->mail.path) - strlen("mail.cdb");
  memcpy(tables, x->mail.path, n);
  if (jail_enter(&walls) < 0) strerr_diefu1sys(111, "enter the jail");
}

int main(int argc, char const *const *argv)
{
  intake x = {.class = "received",
              .mail = {.path = conf_table("mail.cdb")},
              .srs = {.path = conf_secrets("srs.cdb")}};
  serve s = SERVE_ZERO;
  subgetopt l = SUBGETOPT_ZERO;
  PROG = "queue-put";
  for (;;) {
    int opt = subgetopt_r(argc, argv, "c:n:wd:U:", &l);
    if (opt == -1) break;
    if (opt == 'c')
      x.class = class_of(l.arg);
    else if (!serve_option(&s, opt == 'n' ? 'c' : opt, l.arg))
      dieusage();
  }
  argc -= l.ind;
  argv += l.ind;
  if (argc > 1) dieusage();
  x.path = argc ? *argv : queue_directory();
  x.queue = queue_open(x.path);
  if (x.queue < 0) strerr_diefu2sys(111, "open the queue ", x.path);
  confine(&x);
  s.data = &x;
  s.again = 1;
  s.refresh = refresh;
  s.client = client;
  return serve_run(&s);
}
