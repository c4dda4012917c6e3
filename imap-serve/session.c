#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "notify.h"
#include "session.h"

enum { SELECTED = 1, UID_TOO = 2 };

static struct {
  char const *name;
  command *run;
  int flags;
} const commands[] = {
    {"CAPABILITY", cmd_capability, 0},
    {"NOOP", cmd_noop, 0},
    {"LOGOUT", cmd_logout, 0},
    {"ID", cmd_id, 0},
    {"ENABLE", cmd_enable, 0},
    {"NAMESPACE", cmd_namespace, 0},
    {"SELECT", cmd_select, 0},
    {"EXAMINE", cmd_examine, 0},
    {"CREATE", cmd_create, 0},
    {"DELETE", cmd_delete, 0},
    {"RENAME", cmd_rename, 0},
    {"SUBSCRIBE", cmd_subscribe, 0},
    {"UNSUBSCRIBE", cmd_unsubscribe, 0},
    {"LIST", cmd_list, 0},
    {"LSUB", cmd_lsub, 0},
    {"STATUS", cmd_status, 0},
    {"APPEND", cmd_append, 0},
    {"IDLE", cmd_idle, 0},
    {"COMPRESS", cmd_compress, 0},
    {"CHECK", cmd_check, SELECTED},
    {"CLOSE", cmd_close, SELECTED},
    {"UNSELECT", cmd_unselect, SELECTED},
    {"EXPUNGE", cmd_expunge, SELECTED | UID_TOO},
    {"SEARCH", cmd_search, SELECTED | UID_TOO},
    {"FETCH", cmd_fetch, SELECTED | UID_TOO},
    {"STORE", cmd_store, SELECTED | UID_TOO},
    {"COPY", cmd_copy, SELECTED | UID_TOO},
    {"MOVE", cmd_move, SELECTED | UID_TOO},
    {"REPLACE", cmd_replace, SELECTED | UID_TOO},
    {"GETQUOTA", cmd_getquota, 0},
    {"GETQUOTAROOT", cmd_getquotaroot, 0},
    {"SETQUOTA", cmd_setquota, 0},
    {"GETMETADATA", cmd_getmetadata, 0},
    {"SETMETADATA", cmd_setmetadata, 0},
    {"NOTIFY", cmd_notify, 0},
    {"LOGIN", cmd_authenticated, 0},
    {"AUTHENTICATE", cmd_authenticated, 0},
    {"STARTTLS", cmd_authenticated, 0},
};
#define COMMANDS (sizeof commands / sizeof *commands)

/* SIGTERM: at once while we wait for the client, else after the command. */
static volatile sig_atomic_t waiting, terminated;
static int client_out;

static void on_term(int sig)
{
  static char const bye[] = "* BYE [UNAVAILABLE] Server shutting down\r\n";
  (void)sig;
  terminated = 1;
  if (!waiting) return;
  _exit(client_out >= 0 && write(client_out, bye, sizeof bye - 1) < 0);
}

void session_squeezed(void)
{
  client_out = -1;
}

void session_waits(int yes)
{
  waiting = yes;
  if (yes && terminated) raise(SIGTERM);
}

void session_reply(session *s, char const *kind, char const *t)
{
  if (s->silent) return;
  out_put(&s->o, s->tag.s, s->tag.len);
  out_puts(&s->o, " ");
  out_puts(&s->o, kind);
  out_puts(&s->o, " ");
  out_line(&s->o, t);
}

void session_ok(session *s, char const *t)
{
  session_reply(s, "OK", t);
}

void session_no(session *s, char const *t)
{
  session_reply(s, "NO", t);
}

void session_no_errno(session *s, char const *doing)
{
  char const *code = "[UNAVAILABLE] Temporary failure, try again later";
  int e = errno;
  if (e == ENOSPC || e == EDQUOT) code = "[OVERQUOTA] No room left";
  if (e == EACCES || e == EPERM || e == EROFS) code = "[NOPERM] Not permitted";
  if (e == EAGAIN) code = "[INUSE] Mailbox is locked, try again later";
  if (e == ENAMETOOLONG || e == EOVERFLOW)
    code = "[LIMIT] Too long or too many";
  errno = e;
  log_warnsys("unable to %s", doing);
  session_no(s, code);
}

void session_bad(session *s, parse *p)
{
  if (p->gone) {
    s->closing = 1;
    return;
  }
  if (p->no)
    session_no(s, p->no);
  else
    session_reply(s, "BAD", p->error && *p->error ? p->error : "Syntax error");
  if (!p->no) s->errors++;
  if (!parse_drain(p)) s->closing = 1;
}

static int find(text const *name)
{
  for (size_t i = 0; i < COMMANDS; i++)
    if (text_is(name, commands[i].name)) return (int)i;
  return -1;
}

/* The state of a connection does not change by a command that was wrong. */
static void dispatch(session *s, parse *p)
{
  text name;
  int i, uid = 0, flags;
  if (!parse_sp(p) || !parse_atom(p, &name)) {
    session_bad(s, p);
    return;
  }
  if (text_is(&name, "UID")) {
    uid = 1;
    if (!parse_sp(p) || !parse_atom(p, &name)) {
      session_bad(s, p);
      return;
    }
  }
  i = find(&name);
  flags = i < 0 ? 0 : commands[i].flags;
  if (i < 0 || (uid && !(flags & UID_TOO))) {
    p->error = "Unknown command";
    session_bad(s, p);
    return;
  }
  if (flags & SELECTED && !s->selected) {
    p->error = "No mailbox selected";
    session_bad(s, p);
    return;
  }
  commands[i].run(s, p, uid);
}

static int command_line(session *s)
{
  char *line;
  size_t len;
  parse p;
  int r;
  if (out_flush(&s->o) < 0) return 0;
  if (notify_active()) {
    notify_wait(s, 0, io_after(SESSION_IDLE_MS));
    if (s->closing) return 0;
    if (out_flush(&s->o) < 0) return 0;
  }
  session_waits(1);
  r = input_line(&s->in, io_after(SESSION_IDLE_MS), &line, &len);
  session_waits(0);
  if (r < 0 && errno == EMSGSIZE) {
    out_line(&s->o, "* BAD Command line too long");
    s->errors++;
    return 1;
  }
  if (r < 0 && errno == EPROTO)
    out_line(&s->o, "* BYE Command line too long, and a literal behind it");
  if (r < 0 && errno == ETIMEDOUT)
    out_line(&s->o, "* BYE [UNAVAILABLE] Autologout; idle for too long");
  if (r <= 0) return 0;
  parse_begin(&p, &s->in, line, len);
  if (!parse_tag(&p, &s->tag)) {
    out_line(&s->o, len ? "* BAD Invalid tag" : "* BAD Empty command line");
    s->errors++;
    return parse_drain(&p);
  }
  dispatch(s, &p);
  return 1;
}

static void greet(session *s, session_start const *start)
{
  out_puts(&s->o, start->tag ? start->tag : "*");
  out_puts(&s->o, start->tag ? " OK [CAPABILITY " : " PREAUTH [CAPABILITY ");
  session_put_capabilities(s);
  out_line(&s->o, start->tag ? "] Logged in" : "] Ready");
}

static void serve(session *s)
{
  while (!s->closing) {
    unsigned errors = s->errors;
    int more = command_line(s);
    input_forget(&s->in);
    if (!more) break;
    if (s->errors == errors) s->errors = 0;
    if (s->errors < SESSION_ERRORS) continue;
    out_line(&s->o, "* BYE [CLIENTBUG] Too many errors");
    break;
  }
}

int session_run(session_start const *start)
{
  static session s;
  static talk t;
  struct sigaction term = {.sa_handler = on_term};
  s = (session){.o.fd = start->out,
                .o.talk = start->talk ? &t : 0,
                .root = start->root,
                .file = -1,
                .append_max = start->append_max,
                .limit = start->limit,
                .mime = MIME_ZERO};
  if (input_init(&s.in, start->in, &s.o, start->more, start->morelen) < 0)
    return 111;
  client_out = start->out;
  sigaction(SIGTERM, &term, 0);
  signal(SIGPIPE, SIG_IGN);
  greet(&s, start);
  serve(&s);
  out_flush(&s.o);
  session_unselect(&s);
  session_forget_file(&s);
  mime_free(&s.mime);
  input_free(&s.in);
  squeeze_free(s.o.z);
  return 0;
}
