/* Command lines in, replies out. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "opening.h"
#include "session.h"
#include "show.h"

#define IDLE_COMMANDS 100 /* that bring no mail nearer */
#define REFUSED 100       /* recipients that do not exist */
#define FORGIVEN 10       /* errors without a delay */
#define WRITE_MS (5 * 60 * 1000)

#define GOODBYE "421 4.3.2 Service is going down"

/* SIGTERM ends a session that waits for a command, from inside the handler,
   since nothing is lost then; any other at its next wait. */
static volatile sig_atomic_t waiting, terminated;

static void on_term(int sig)
{
  static char const goodbye[] = GOODBYE "\r\n";
  (void)sig;
  terminated = 1;
  if (!waiting) return;
  if (send(1, goodbye, sizeof goodbye - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
      errno == ENOTSOCK && write(1, goodbye, sizeof goodbye - 1) < 0)
    _exit(111);
  _exit(0);
}

void say_flush(session *s)
{
  if (s->nreplies &&
      io_write(1, s->replies, s->nreplies, io_after(WRITE_MS)) < 0)
    s->over = 1;
  s->nreplies = 0;
}

void say(session *s, char const *fmt, ...)
{
  char line[1024];
  va_list ap;
  int n;
  va_start(ap, fmt);
  n = vsnprintf(line, sizeof line - 2, fmt, ap);
  va_end(ap);
  if (n < 0) return;
  if ((size_t)n > sizeof line - 3) n = sizeof line - 3;
  show_reply(s, line);
  line[n++] = '\r';
  line[n++] = '\n';
  if (s->nreplies + (size_t)n > sizeof s->replies) say_flush(s);
  memcpy(s->replies + s->nreplies, line, (size_t)n);
  s->nreplies += (size_t)n;
}

void say_error(session *s, char const *text)
{
  s->errors++;
  say(s, "%s", text);
}

void hang_up(session *s, char const *text)
{
  say(s, "%s", text);
  s->over = 1;
}

static int lost(session *s, int r)
{
  s->over = 1;
  waiting = 0;
  if (r < 0 && errno == ETIMEDOUT)
    say(s, "421 4.4.2 %s Timeout, closing connection", s->o->me);
  else
    log_info("%s: client went away", s->id);
  return 0;
}

/* The client is waited for: it gets its replies now, and SIGTERM may end us. */
static void before_wait(session *s, int idle)
{
  say_flush(s);
  waiting = idle;
  if (!terminated || !idle) return;
  hang_up(s, GOODBYE);
  waiting = 0;
}

int session_more(session *s, io_time deadline)
{
  ssize_t r;
  if (line_pending(&s->in)) return 1;
  before_wait(s, 0);
  if (s->over) return 0;
  s->in.pos = s->in.end = 0;
  r = io_read(0, s->input, sizeof s->input, deadline);
  if (r <= 0) return lost(s, (int)r);
  s->in.end = (size_t)r;
  return 1;
}

/* UTF-8 is; commands have nothing else. */
static int printable(char const *s)
{
  for (; *s; s++)
    if ((unsigned char)*s < ' ' || *s == 127) return 0;
  return 1;
}

static int bad_line(session *s, char const *line, size_t len, size_t most)
{
  if (len > most)
    say_error(s, "500 5.5.2 Line too long");
  else if (len < 2 || line[len - 2] != '\r')
    say_error(s, "500 5.5.2 Lines end with CR LF");
  else
    return 0;
  return 1;
}

int session_line(session *s, char **line, size_t most)
{
  size_t len;
  int r;
  if (!memchr(s->in.buf + s->in.pos, '\n', line_pending(&s->in)))
    before_wait(s, 1);
  if (s->over) return -1;
  r = line_get(&s->in, line, &len, s->deadline);
  waiting = 0;
  if (r < 0 && errno == EMSGSIZE) {
    say_error(s, "500 5.5.2 Line too long");
    return 0;
  }
  if (r <= 0) return lost(s, r), -1;
  if (bad_line(s, *line, len, most)) return 0;
  (*line)[len - 2] = 0;
  if (strlen(*line) == len - 2) return 1;
  say_error(s, "500 5.5.2 No NUL, please");
  return 0;
}

static command const *find(session const *s, char const *line, size_t n)
{
  command const *c = s->o->mode->commands;
  for (; c->name; c++)
    if (strlen(c->name) == n && !strncasecmp(c->name, line, n)) return c;
  return 0;
}

/* RFC 3207 4: what may come before TLS where it must */
static int too_open(session const *s, command const *c)
{
  static char const may[] = " EHLO LHLO NOOP STARTTLS QUIT ";
  char const *p = strstr(may, c->name);
  return s->o->tls_first && !s->tls &&
         !(p && p[-1] == ' ' && p[strlen(c->name)] == ' ');
}

static void dispatch(session *s, char *line)
{
  size_t n = strcspn(line, " ");
  command const *c = find(s, line, n);
  char *arg = line + n, *end;
  show_command(s, c, line);
  arg += strspn(arg, " ");
  for (end = arg + strlen(arg); end > arg && end[-1] == ' ';) *--end = 0;
  if (!c)
    say_error(s, "500 5.5.1 Command unknown");
  else if ((size_t)(end - line) + 2 > c->line)
    say_error(s, "500 5.5.2 Line too long");
  else if (!printable(arg))
    say_error(s, "501 5.5.2 No control characters, please");
  else if (c->bare && *arg)
    say_error(s, "501 5.5.4 Takes no argument");
  else if (too_open(s, c))
    say_error(s, "530 5.7.0 Must issue a STARTTLS command first");
  else
    c->run(s, arg);
}

/* After some errors each further one waits for its reply, the longer the
   more. */
static void tarpit(session *s)
{
  unsigned n = s->errors + s->refused;
  int64_t ms = n > FORGIVEN ? (int64_t)(n - FORGIVEN) * 1000 : 0;
  if (n == s->punished) return;
  s->punished = n;
  if (ms > s->o->tarpit_ms) ms = s->o->tarpit_ms;
  if (ms && io_rest(0, io_after(ms)) < 0) s->over = 1;
}

static void count(session *s)
{
  if (!s->over) tarpit(s);
  if (s->over) return;
  if (s->errors >= s->o->errors || s->refused >= REFUSED ||
      s->idle_commands >= IDLE_COMMANDS) {
    log_info("%s: too many errors from %s", s->id, s->peer->ip);
    hang_up(s, "421 4.7.0 Too many errors");
  }
}

void transaction_reset(session *s)
{
  opening_end(s, "451 4.7.0 The client gave it up");
  s->mail = s->utf8 = s->body8 = s->requiretls = s->chunks = 0;
  s->accepted = s->targets = s->numbers = 0;
  s->size = 0;
  s->ret = 0;
  *s->envid = *s->verdict = 0;
  s->to_put = 0;
  s->from.len = s->to.len = s->only.len = 0;
}

static void begin(session *s, options *o, serve_peer const *peer)
{
  static int used;
  struct sigaction term = {.sa_handler = on_term};
  if (used) memset(s, 0, sizeof *s);
  used = 1;
  s->o = o;
  s->peer = peer;
  parcel_id(s->id, 12);
  line_init(&s->in, 0, s->input, sizeof s->input);
  way_init(&s->way, o->socket, o->prog);
  sigaction(SIGTERM, &term, 0);
  if (!o->tls_outside) return;
  s->tls = 1;
  snprintf(s->tls_info.version, sizeof s->tls_info.version, "%s",
           o->tls_outside);
}

/* Those who cannot wait for the greeting send much and read nothing. */
static void await_silence(session *s)
{
  io_time end = io_after(s->o->greet_ms);
  ssize_t r;
  if (!s->o->greet_ms || s->o->tls_at_once || s->o->mode->lmtp) return;
  r = io_read(0, s->input, sizeof s->input, end);
  if (r < 0 && errno == ETIMEDOUT) return;
  s->over = 1;
  if (r <= 0) return;
  log_info("%s: %s spoke first", s->id, s->peer->ip);
  say(s, "554 5.5.0 You speak before the greeting");
}

/* Another client may come into this process only behind one that said QUIT.
   SIGTERM ends it from here on, unless it has come already. */
static void finish(session *s)
{
  signal(SIGTERM, SIG_DFL);
  if (!s->quit || terminated) *s->o->again = 0;
  way_free(&s->way);
  stralloc_free(&s->from);
  stralloc_free(&s->to);
  stralloc_free(&s->only);
  stralloc_free(&s->submission.head);
}

int session_run(options *o, serve_peer const *peer)
{
  static session s;
  char *line;
  begin(&s, o, peer);
  if (o->tls_at_once && !session_tls(&s)) return 1;
  await_silence(&s);
  if (!s.over) say(&s, "220 %s %s", o->me, o->mode->protocol);
  while (!s.over) {
    int r;
    s.deadline = io_after(o->command_ms);
    r = session_line(&s, &line, SESSION_LINE_AUTH);
    if (r > 0) dispatch(&s, line);
    if (r >= 0) count(&s);
  }
  say_flush(&s);
  opening_end(&s, "451 4.4.2 The client went away");
  finish(&s);
  return 0;
}
