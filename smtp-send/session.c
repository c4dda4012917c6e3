#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include "connect.h"
#include "log.h"
#include "parcel.h"
#include "session.h"
#include "unix.h"

/* Extensions that change what LMTP has to answer, or are of no use there. */
#define NOT_LMTP (CAN_DSN | CAN_REQUIRETLS | CAN_CHUNKING)

void session_close(session *s)
{
  if (s->fd >= 0) close(s->fd);
  s->fd = -1;
}

void session_quit(session *s)
{
  if (s->fd < 0) return;
  s->outlen = 0;
  s->deadline = IO_FOREVER;
  session_put(s, "QUIT\r\n");
  session_flush(s, 1);
  session_close(s);
}

void session_put(session *s, char const *fmt, ...)
{
  va_list ap;
  size_t room = sizeof s->out - s->outlen;
  int n;
  va_start(ap, fmt);
  n = vsnprintf(s->out + s->outlen, room, fmt, ap);
  va_end(ap);
  if (n < 0 || (size_t)n >= room) abort();
  s->outlen += (size_t)n;
}

io_time session_until(session const *s, unsigned seconds)
{
  io_time t = io_after(seconds * 1000LL);
  return t < s->deadline ? t : s->deadline;
}

/* Commands, but of AUTH its mechanism alone (RFC 4954 4) */
void session_show(session const *s, char const *lines, size_t len)
{
  char const *end = lines + len;
  for (char const *lf; s->show && lines < end; lines = lf + 1) {
    size_t n;
    lf = memchr(lines, '\n', (size_t)(end - lines));
    if (!lf) break;
    n = (size_t)(lf - lines);
    if (n > 10 && !memcmp(lines, "AUTH ", 5))
      n = 5 + strcspn(lines + 5, " \r\n");
    log_info("%s: C: %.*s", s->show, (int)n - (lines[n - 1] == '\r'), lines);
  }
}

int session_early(session const *s)
{
  return line_pending(&s->in) || io_wait(s->fd, POLLIN, 0) > 0;
}

int session_flush(session *s, unsigned seconds)
{
  size_t n = s->outlen;
  s->outlen = 0;
  if (!n) return 1;
  if (!s->secret) session_show(s, s->out, n);
  s->secret = 0;
  return io_write(s->fd, s->out, n, session_until(s, seconds));
}

static void show_reply(session const *s, reply const *r)
{
  char line[401];
  if (!s->show) return;
  parcel_clean(line, sizeof line, r->text, strlen(r->text));
  for (size_t i = 0; line[i]; i++)
    if (r->text[i] == '\n') line[i] = '|';
  log_info("%s: S: %d %s%s%s", s->show, r->code, r->enhanced,
           *r->enhanced ? " " : "", line);
}

int session_reply(session *s, reply *r, unsigned seconds)
{
  int got = reply_get(&s->in, r, session_until(s, seconds));
  if (got > 0) show_reply(s, r);
  if (got == 0) errno = EPIPE;
  return got > 0 ? 1 : -1;
}

/* " RCPTMAX=100 MAILMAX=5": what is not a number is no limit. */
static void limits_told(session *s, char const *words, size_t len)
{
  char const *end = words + len;
  while (words < end) {
    size_t n = 0;
    while (words < end && *words == ' ') words++;
    while (words + n < end && words[n] != ' ') n++;
    if (n > 8 && n < 16 && !strncasecmp(words, "RCPTMAX=", 8))
      s->rcptmax = (unsigned)strtoul(words + 8, 0, 10);
    if (n > 8 && n < 16 && !strncasecmp(words, "MAILMAX=", 8))
      s->mailmax = (unsigned)strtoul(words + 8, 0, 10);
    words += n;
  }
}

/* " PLAIN LOGIN" (RFC 4954 3) */
static void mechanisms_told(session *s, char const *words, size_t len)
{
  char const *end = words + len;
  while (words < end) {
    size_t n = 0;
    while (words < end && *words == ' ') words++;
    while (words + n < end && words[n] != ' ') n++;
    if (n == 5 && !strncasecmp(words, "PLAIN", n)) s->can |= CAN_AUTH_PLAIN;
    if (n == 5 && !strncasecmp(words, "LOGIN", n)) s->can |= CAN_AUTH_LOGIN;
    words += n;
  }
}

/* One line of the answer to EHLO (RFC 5321 4.1.1.1) */
static void capability(session *s, char const *line, size_t len)
{
  static struct {
    char const *name;
    unsigned bit;
  } const known[] = {
      {"PIPELINING", CAN_PIPELINING}, {"SIZE", CAN_SIZE},
      {"8BITMIME", CAN_8BITMIME},     {"SMTPUTF8", CAN_SMTPUTF8},
      {"STARTTLS", CAN_STARTTLS},     {"DSN", CAN_DSN},
      {"REQUIRETLS", CAN_REQUIRETLS}, {"CHUNKING", CAN_CHUNKING}};
  size_t word = 0;
  while (word < len && line[word] != ' ') word++;
  if (word == 6 && !strncasecmp(line, "LIMITS", 6))
    limits_told(s, line + word, len - word);
  if (word == 4 && !strncasecmp(line, "AUTH", 4))
    mechanisms_told(s, line + word, len - word);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strlen(known[i].name) == word &&
        !strncasecmp(line, known[i].name, word)) {
      s->can |= known[i].bit;
      if (known[i].bit == CAN_SIZE && word < len)
        s->maxsize = strtoull(line + word, 0, 10);
    }
}

static void capabilities(session *s, char const *text)
{
  s->can = 0;
  s->maxsize = 0;
  s->rcptmax = s->mailmax = 0;
  for (text += strcspn(text, "\n"); *text;) {
    size_t len = strcspn(++text, "\n");
    capability(s, text, len);
    text += len;
  }
}

int session_ask(session *s, reply *r, char const *what, outcome *o)
{
  if (line_pending(&s->in))
    errno = EPROTO;
  else if (session_flush(s, s->limits->helo) > 0 &&
           session_reply(s, r, s->limits->helo) > 0)
    return 1;
  outcome_error(o, s->host, what, errno);
  return 0;
}

/* The first word of the answer to EHLO is a host's name. */
static int is_us(session const *s, char const *text)
{
  size_t n = strcspn(text, " \n");
  return n == strlen(s->own.helo) && !strncasecmp(text, s->own.helo, n);
}

static int hello(session *s, outcome *o)
{
  reply r;
  session_put(s, "%s %s\r\n", s->lmtp ? "LHLO" : "EHLO", s->own.helo);
  if (!session_ask(s, &r, s->lmtp ? "LHLO" : "EHLO", o)) return 0;
  if (r.code / 100 == 2 && s->stranger && is_us(s, r.text)) {
    outcome_set(o, 554, "5.4.6 %s[%s] has our own name: mail would loop back",
                s->host, s->ip);
    return 0;
  }
  if (r.code / 100 == 2) {
    capabilities(s, r.text);
    if (s->lmtp) s->can &= ~(unsigned)NOT_LMTP;
    return 1;
  }
  if (r.code / 100 == 5 && !s->encrypted && !s->lmtp) {
    session_put(s, "HELO %s\r\n", s->own.helo);
    if (!session_ask(s, &r, "HELO", o)) return 0;
    s->can = 0;
    if (r.code / 100 == 2) return 1;
  }
  outcome_reply(o, s->host, &r);
  return 0;
}

static int greeted(session *s, outcome *o)
{
  reply r;
  if (session_reply(s, &r, s->limits->greeting) < 0) {
    outcome_error(o, s->host, "greeting", errno);
    return 0;
  }
  if (r.code / 100 == 2) return hello(s, o);
  outcome_reply(o, s->host, &r);
  return 0;
}

static int dial(session *s, mx_address const *a, mx_address const *b,
                char const *port, outcome *o)
{
  connect_address const to[] = {{a->ip, s->own.ip[a->v6]},
                                {b ? b->ip : "", b ? s->own.ip[b->v6] : 0}};
  unsigned winner = 0;
  s->fd = connect_race(to, b ? 2 : 1, port,
                       session_until(s, s->limits->connect), &winner);
  snprintf(s->ip, sizeof s->ip, "%s", to[winner].ip);
  s->raced = s->fd < 0 || winner;
  if (s->fd >= 0) return 1;
  outcome_set(o, 451, "4.4.1 %s: unable to connect to %s%s%s: %s", s->host,
              a->ip, b ? " or " : "", b ? b->ip : "", strerror(errno));
  return 0;
}

static void begin(session *s, char const *host)
{
  snprintf(s->host, sizeof s->host, "%s", host);
  s->outlen = 0;
  s->transactions = 0;
  s->dirty = s->encrypted = s->verified = 0;
  s->can = s->rcptmax = s->mailmax = 0; /* HELO tells nothing */
  s->maxsize = 0;
  s->tls = (tls_info){0};
}

static int begun(session *s, outcome *o)
{
  line_init(&s->in, s->fd, s->inbuf, sizeof s->inbuf);
  if (greeted(s, o)) return 1;
  session_close(s);
  return 0;
}

int session_open_unix(session *s, char const *path, outcome *o)
{
  begin(s, path);
  s->fd = unix_connect(path, session_until(s, s->limits->connect));
  if (s->fd >= 0 && ndelay_on(s->fd) == 0) return begun(s, o);
  outcome_set(o, 451, "4.4.1 unable to connect to %s: %s", path,
              strerror(errno));
  session_close(s);
  return 0;
}

static int connect_to(session *s, char const *host, mx_address const *a,
                      mx_address const *b, char const *port, outcome *o)
{
  begin(s, host);
  return dial(s, a, b, port, o) ? begun(s, o) : 0;
}

/* The host cannot do what is needed: 0, and *o. RFC 8689 has one code for it;
   later is that of a policy. */
static int lacks(session *s, tls_need const *n, char const *later,
                 char const *what, outcome *o)
{
  if (n->final)
    outcome_set(o, 550, "5.7.10 %s %s; %s requires it", s->host, what, n->who);
  else if (!*n->hint)
    outcome_set(o, 451, "%s %s %s; %s requires it", later, s->host, what,
                n->who);
  else
    outcome_set(o, 451,
                "%s %s %s; %s requires it (in policies, \"%s\" would allow "
                "less)",
                later, s->host, what, n->who, n->hint);
  return 0;
}

/* Nobody knows whether it can: our own service is missing. */
static int no_service(session *s, outcome *o)
{
  log_warnsys("unable to use %s", s->tls_socket);
  outcome_set(o, 451, "4.7.0 TLS cannot be had now");
  return 0;
}

static int handshake_failed(session *s, tls_need const *n, outcome *o)
{
  char what[sizeof s->tls.error + sizeof s->tls.verify + 32];
  char const *word = *s->tls.verify ? s->tls.verify : "no certificate";
  snprintf(what, sizeof what, "fails to begin TLS: %s (%s)", s->tls.error,
           word);
  log_warn("%s[%s] %s", s->host, s->ip, what);
  return lacks(s, n, "4.7.5", what, o);
}

/* The handshake: 1; 0: the connection is spent */
static int shake_hands(session *s, tls_need const *n, outcome *o)
{
  int plain, ok;
  ok = tls_connect_asked(s->tls_socket, s->fd, &n->options, &plain, &s->tls,
                         session_until(s, s->limits->tls));
  s->fd = -1;
  if (ok < 0) return no_service(s, o);
  if (ok == 0) return handshake_failed(s, n, o);
  s->fd = plain;
  s->encrypted = 1;
  s->verified = n->verify != 0;
  line_init(&s->in, s->fd, s->inbuf, sizeof s->inbuf);
  return 1;
}

/* 1: encrypted and greeted again, or declined by the peer; 0: the connection
   is spent */
static int start_tls(session *s, tls_need const *n, outcome *o)
{
  reply r;
  session_put(s, "STARTTLS\r\n");
  if (!session_ask(s, &r, "STARTTLS", o)) return 0;
  if (r.code != 220) return 1;
  if (line_pending(&s->in)) /* RFC 3207 4: nothing before TLS */
    return lacks(s, n, "4.7.10", "speaks before TLS", o);
  return shake_hands(s, n, o) && hello(s, o);
}

/* Whether it offers what the sender requires (RFC 8689 4.2.1): 1, or 0 */
static int fits(session *s, tls_need const *n, outcome *o)
{
  if (!n->requiretls || s->can & CAN_REQUIRETLS) return 1;
  outcome_set(o, 550, "5.7.30 %s has no REQUIRETLS", s->host);
  return 0;
}

/* Encrypted as needed: 1, or 0 and *o */
static int encrypt(session *s, tls_need const *n, outcome *o)
{
  if (!(s->can & CAN_STARTTLS)) return lacks(s, n, "4.7.10", "has no TLS", o);
  if (!s->tls_socket) return lacks(s, n, "4.7.10", "is not asked for TLS", o);
  if (access(s->tls_socket, F_OK) < 0) return no_service(s, o);
  if (!start_tls(s, n, o)) return 0;
  if (!s->encrypted) return lacks(s, n, "4.7.10", "declines TLS", o);
  return fits(s, n, o);
}

/* Before the greeting: 1, or 0 and *o */
static int open_implicit(session *s, char const *host, mx_address const *a,
                         mx_address const *b, char const *port,
                         tls_need const *n, outcome *o)
{
  begin(s, host);
  if (!s->tls_socket) return lacks(s, n, "4.7.10", "is not asked for TLS", o);
  if (access(s->tls_socket, F_OK) < 0) return no_service(s, o);
  if (!dial(s, a, b, port, o)) return 0;
  if (shake_hands(s, n, o) && greeted(s, o) && fits(s, n, o)) return 1;
  session_quit(s);
  return 0;
}

/* TLS if it can be had: 1, or 0 if the connection is spent */
static int try_tls(session *s, tls_need const *n, outcome *o)
{
  if (!(s->can & CAN_STARTTLS) || !s->tls_socket) return 1;
  if (access(s->tls_socket, F_OK) == 0) return start_tls(s, n, o);
  log_warnsys("%s[%s] could have TLS, but there is no %s", s->host, s->ip,
              s->tls_socket);
  return 1;
}

int session_open(session *s, char const *host, mx_address const *a,
                 mx_address const *b, char const *port, tls_need const *n,
                 outcome *o)
{
  s->policy = n->policy;
  s->relaxed = n->relaxed;
  if (s->implicit) return open_implicit(s, host, a, b, port, n, o);
  if (!connect_to(s, host, a, b, port, o)) return 0;
  if (n->level > TLS_NONE) {
    if (encrypt(s, n, o)) return 1;
    session_quit(s);
    return 0;
  }
  if (try_tls(s, n, o)) return 1;
  session_close(s);
  return connect_to(s, host, a, b, port, o);
}
