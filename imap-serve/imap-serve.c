#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "conf.h"
#include "errands.h"
#include "jail.h"
#include "log.h"
#include "maildir.h"
#include "route.h"
#include "serve.h"
#include "session.h"
#include "takeover.h"

#define USAGE                                                                  \
  "imap-serve [ -v ] [ -s bytes ] [ -q quota ] dir | imap-serve [ -v ] [ -s "  \
  "bytes ] [ -a auth-master ] " SERVE_USAGE
#define dieusage() strerr_dieusage(100, USAGE)

typedef struct service {
  uint32_t append_max;
  quota limit; /* of a PREAUTH session's account */
  char const *master;
  int talk;
} service;

/* Nothing but this account's directory, from here on the current one; the C
   library's charsets, for SEARCH. */
static int confine(char const *dir)
{
  jail_path const paths[] = {
      {dir, 1}, {"/usr/lib", 0}, {"/proc", 0}, {"/etc/localtime", 0}, {0}};
  jail const j = {.paths = paths};
  tzset();
  return jail_enter(&j);
}

static int open_root(char const *dir)
{
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 || fchdir(fd) < 0 ? -1 : fd;
}

/* 1; 0 no such account; -1. dir lasts. */
static int find_directory(takeover const *t, char const **dir, quota *limit)
{
  table *mail;
  route_account a;
  int r;
  if (table_open(&mail, conf_table("mail.cdb")) < 0) return -1;
  r = route_account_get(mail, t->account, &a);
  if (r > 0) {
    *dir = strdup(a.directory);
    *limit = a.limit;
  }
  table_close(mail);
  return r > 0 && !*dir ? -1 : r;
}

/* The directory's descriptor, or -1 and why in the log. */
static int prepare(takeover *t, service const *v, quota *limit)
{
  char const *dir = 0;
  int root, r;
  r = takeover_confirm(t, v->master, io_after(TAKEOVER_MS));
  if (r <= 0) {
    if (r)
      log_warnsys("unable to ask %s", v->master);
    else
      log_warn("a login that auth-check does not know");
    return -1;
  }
  r = find_directory(t, &dir, limit);
  if (r <= 0) {
    if (r)
      log_warnsys("unable to look up %s", t->account);
    else
      log_warn("no account %s", t->account);
    return -1;
  }
  if (maildir_make(dir) < 0 || (root = open_root(dir)) < 0) {
    log_warnsys("unable to open %s", dir);
    return -1;
  }
  if (confine(dir) < 0) {
    log_warnsys("unable to enter the jail");
    return -1;
  }
  return root;
}

static int client(serve_peer const *peer, void *data)
{
  static takeover t;
  service const *v = data;
  session_start start = {.talk = v->talk, .append_max = v->append_max};
  (void)peer;
  if (takeover_read(&t, 0, io_after(TAKEOVER_MS)) < 0) {
    log_warnsys("unable to take a client over");
    return 1;
  }
  start.root = prepare(&t, v, &start.limit);
  if (io_write(1, start.root < 0 ? "N" : "K", 1, io_after(TAKEOVER_MS)) < 0 ||
      start.root < 0)
    return 111;
  errands_account(t.account);
  dup2(t.fd, 0);
  dup2(t.fd, 1);
  close(t.fd);
  log_info("login account=%s ip=%s port=%s", t.account, takeover_fact(&t, "ip"),
           takeover_fact(&t, "port"));
  start.out = 1;
  start.tag = takeover_fact(&t, "tag");
  start.more = t.more;
  start.morelen = t.morelen;
  return session_run(&start);
}

static int preauth(char const *dir, service const *v)
{
  session_start start = {.out = 1,
                         .talk = v->talk,
                         .append_max = v->append_max,
                         .limit = v->limit};
  start.root = open_root(dir);
  if (start.root < 0) strerr_diefu2sys(111, "open ", dir);
  errands_account(dir);
  if (confine(".") < 0) strerr_diefu1sys(111, "enter the jail");
  return session_run(&start);
}

int main(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  serve s = SERVE_ZERO;
  service v = {.append_max = SESSION_APPEND_MAX};
  int opt;
  PROG = "imap-serve";
  while ((opt = subgetopt_r(argc, argv, "s:a:q:v" SERVE_OPTIONS, &l)) != -1) {
    if (opt == 's') {
      if (!uint320_scan(l.arg, &v.append_max) || !v.append_max) dieusage();
    } else if (opt == 'q') {
      if (!quota_parse(&v.limit, l.arg, strlen(l.arg))) dieusage();
    } else if (opt == 'v') {
      v.talk = 1;
    } else if (opt == 'a') {
      v.master = l.arg;
    } else if (!serve_option(&s, opt, l.arg)) {
      dieusage();
    }
  }
  argc -= l.ind;
  argv += l.ind;
  signal(SIGPIPE, SIG_IGN);
  if (errands_begin() < 0) strerr_diefu1sys(111, "start a child for errands");
  if (argc == 1 && !s.wait && !v.master) return preauth(argv[0], &v);
  if (argc || (!s.wait && !v.master)) dieusage();
  if (!v.master) v.master = conf_socket("auth-master");
  s.client = client;
  s.data = &v;
  return serve_run(&s);
}
