#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth-check.h"
#include "guard.h"
#include "jail.h"
#include "log.h"

enum {
  FREE,
  DIALOGUE, /* waits for the client's response */
  QUEUED,   /* waits for a worker */
  RUNNING,
  FAILED /* waits for the delay to pass */
};

/* What a check may say; an exit code too. */
enum { YES = 0, NO = 1, TEMPORARY = 111 };

typedef struct request {
  int state;
  unsigned connection, id;
  unsigned long turn; /* order of arrival in the queue */
  io_time due;
  pid_t worker;
  int exists;
  char ip[46];
  char account[ADDR_MAX + 1];
  int blocked; /* for now */
  guard guard;
  sasl s;
} request;

static request *all;
static unsigned running;
static unsigned long last_turn;

int requests_init(void)
{
  all = calloc(REQUESTS, sizeof *all);
  return all ? 1 : -1;
}

static void end(request *r)
{
  connection *c = connection_by_number(r->connection);
  if (c) c->requests--;
  explicit_bzero(r, sizeof *r);
}

/* Names go back as they came, escaped as the protocol wants. */
static char const *escaped(char const *s)
{
  static char to[2 * ADDR_MAX + 1];
  char *o = to;
  for (; *s && o < to + sizeof to - 2; s++) {
    char const *p = strchr("\001\t\r\n", *s);
    if (p) *o++ = '\001';
    *o++ = p ? "1trn"[p - "\001\t\r\n"] : *s;
  }
  *o = 0;
  return to;
}

static void tell_no(request *r)
{
  connection *c = connection_by_number(r->connection);
  if (c) connection_say(c, "FAIL\t%u\tuser=%s\n", r->id, escaped(r->s.name));
  end(r);
}

static void tell_temporary(request *r)
{
  guard_undo(&r->guard);
  connection *c = connection_by_number(r->connection);
  if (c)
    connection_say(c, "FAIL\t%u\tuser=%s\ttemp\tcode=temp_fail\n", r->id,
                   escaped(r->s.name));
  end(r);
}

static void tell_yes(request *r)
{
  guard_right(&r->guard);
  connection *c = connection_by_number(r->connection);
  log_info("authenticated %s from %s", r->account, *r->ip ? r->ip : "-");
  if (c) {
    proved *p = c->successes + c->next_success++ % PROVED;
    p->id = r->id;
    p->until = io_after(PROVED_MS);
    memcpy(p->account, r->account, sizeof p->account);
    connection_say(c, "OK\t%u\tuser=%s\n", r->id, r->account);
  }
  end(r);
}

/* A guesser waits, the longer the more; the password is of no more use. */
static void fail(request *r)
{
  log_info("%s %s from %s", r->blocked ? "blocked" : "refused", r->s.name,
           *r->ip ? r->ip : "-");
  explicit_bzero(r->s.password, sizeof r->s.password);
  r->state = FAILED;
  r->due = io_after((int64_t)opt.delay_ms * guard_delay(&r->guard));
}

static void queue(request *r)
{
  if (!guard_begin(&r->guard, r->ip, r->s.name)) {
    r->blocked = 1;
    fail(r);
    return;
  }
  r->state = QUEUED;
  r->turn = ++last_turn;
  r->due = io_after(CHECK_MS);
}

/* One that was not looked at says nothing of the password. */
static void tell_failed(request *r)
{
  if (r->blocked)
    tell_temporary(r);
  else
    tell_no(r);
}

static request *find(connection const *c, unsigned id)
{
  for (request *r = all; r < all + REQUESTS; r++)
    if (r->state && r->connection == c->number && r->id == id) return r;
  return 0;
}

/* Under a flood of guesses their delay is what gives way. */
static request *room(void)
{
  request *oldest = 0;
  for (request *r = all; r < all + REQUESTS; r++) {
    if (!r->state) return r;
    if (r->state == FAILED && (!oldest || r->due < oldest->due)) oldest = r;
  }
  if (oldest) tell_failed(oldest);
  return oldest;
}

static void answer(connection *c, request *r, char const *response)
{
  switch (sasl_respond(&r->s, response)) {
  case SASL_ASK:
    r->state = DIALOGUE;
    connection_say(c, "CONT\t%u\t%s\n", r->id, r->s.challenge);
    break;
  case SASL_DONE: queue(r); break;
  default: fail(r);
  }
}

void request_begin(connection *c, unsigned id, int mechanism, char const *ip,
                   char const *response)
{
  request *r;
  if (find(c, id)) {
    c->dead = 1; /* an id that is in use: nobody could tell them apart */
    return;
  }
  if (mechanism == SASL_UNKNOWN) {
    connection_say(c, "FAIL\t%u\treason=Unsupported mechanism\n", id);
    return;
  }
  if (c->requests == REQUESTS_EACH || !(r = room())) {
    connection_say(c, "FAIL\t%u\ttemp\tcode=temp_fail\n", id);
    return;
  }
  c->requests++;
  r->state = DIALOGUE;
  r->connection = c->number;
  r->id = id;
  r->due = io_after(DIALOGUE_MS);
  r->s.mechanism = mechanism;
  strncpy(r->ip, ip, sizeof r->ip - 1);
  answer(c, r, response);
}

void request_continue(connection *c, unsigned id, char const *response)
{
  request *r = find(c, id);
  if (!r)
    connection_say(c, "FAIL\t%u\treason=no such request\n", id);
  else if (r->state == DIALOGUE)
    answer(c, r, response);
  else
    c->dead = 1;
}

/* A running check ends by itself; nobody hears of it. */
static void forget(request *r)
{
  if (r->state == RUNNING)
    r->connection = 0;
  else
    end(r);
}

void request_cancel(connection *c, unsigned id)
{
  request *r = find(c, id);
  if (!r) return;
  if (r->state == RUNNING) c->requests--;
  forget(r);
}

void requests_forget(unsigned number)
{
  for (request *r = all; r < all + REQUESTS; r++)
    if (r->state && r->connection == number) forget(r);
}

/* In the worker: only memory and time are left to it. */
__attribute__((noreturn)) static void check(request const *r, char const *hash)
{
  jail_path const none[] = {{0, 0}};
  jail const j = {none, 0, 0};
  int good;
  signal(SIGTERM, SIG_DFL);
  if (jail_enter(&j) < 0) _exit(TEMPORARY);
  good = password_check(hash, r->s.password);
  if (good < 0) log_warnsys("unable to check the password of %s", r->account);
  _exit(good < 0 ? TEMPORARY : good && r->exists ? YES : NO);
}

static void start(request *r)
{
  char hash[PASSWORD_HASH];
  int found = users_find(r->s.name, r->account, hash);
  r->exists = found > 0;
  if (found < 0)
    log_warnsys("unable to look up in %s", opt.file);
  else {
    r->worker = fork();
    if (r->worker == 0) check(r, hash);
    if (r->worker < 0) log_warnsys("unable to fork");
  }
  explicit_bzero(hash, sizeof hash);
  if (found < 0 || r->worker < 0) {
    tell_temporary(r);
    return;
  }
  explicit_bzero(r->s.password, sizeof r->s.password);
  r->state = RUNNING;
  r->due = IO_FOREVER;
  running++;
}

static void ended(request *r, int status)
{
  running--;
  r->worker = 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == YES)
    tell_yes(r);
  else if (WIFEXITED(status) && WEXITSTATUS(status) == NO)
    fail(r);
  else
    tell_temporary(r);
}

void requests_reap(void)
{
  pid_t pid;
  int status;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
    for (request *r = all; r < all + REQUESTS; r++)
      if (r->state == RUNNING && r->worker == pid) ended(r, status);
}

static void overdue(request *r)
{
  if (r->state == QUEUED) {
    log_warn("too many password checks wait");
    tell_temporary(r);
  } else
    tell_failed(r);
}

static request *next(void)
{
  request *first = 0;
  for (request *r = all; r < all + REQUESTS; r++)
    if (r->state == QUEUED && (!first || r->turn < first->turn)) first = r;
  return first;
}

void requests_work(void)
{
  io_time now = io_now();
  request *r;
  for (r = all; r < all + REQUESTS; r++)
    if (r->state && r->due <= now) overdue(r);
  while (running < opt.workers && (r = next())) start(r);
}

io_time requests_due(void)
{
  io_time due = IO_FOREVER;
  for (request *r = all; r < all + REQUESTS; r++)
    if (r->state && r->due < due) due = r->due;
  return due;
}

void requests_stop(void)
{
  for (request *r = all; r < all + REQUESTS; r++)
    if (r->state == RUNNING) kill(r->worker, SIGKILL);
}
