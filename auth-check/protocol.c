/* What is said on both sides: the Dovecot authentication protocol 1.2, and 1.1
   of its master side. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/types.h>
#include <sodium.h>

#include "auth-check.h"
#include "log.h"

#define FIELDS 40

void protocol_greet(connection *c)
{
  if (c->master) {
    connection_say(c, "VERSION\t1\t1\nSPID\t%d\n", (int)getpid());
    return;
  }
  connection_say(c,
                 "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\n"
                 "MECH\tLOGIN\tplaintext\nSPID\t%d\nCUID\t%u\nCOOKIE\t%s\n"
                 "DONE\n",
                 (int)getpid(), c->number, c->cookie);
}

static unsigned split(char *s, char **f)
{
  unsigned n = 0;
  for (unsigned i = 0; i < FIELDS; i++) f[i] = "";
  while (n < FIELDS) {
    f[n++] = s;
    s = strchr(s, '\t');
    if (!s) break;
    *s++ = 0;
  }
  return n;
}

static void refuse(connection *c, char const *why)
{
  log_warn("closing a %s: %s", c->master ? "master" : "client", why);
  c->dead = 1;
}

/* AUTH id mechanism parameters …, resp= last */
static void auth(connection *c, char **f, unsigned n, unsigned id)
{
  char const *ip = "", *response = 0;
  for (unsigned i = 3; i < n; i++) {
    if (!strncmp(f[i], "rip=", 4)) ip = f[i] + 4;
    if (!strncmp(f[i], "resp=", 5)) response = f[i] + 5;
  }
  request_begin(c, id, sasl_mechanism(f[2]), ip, response);
}

static void client_line(connection *c, char **f, unsigned n)
{
  unsigned id;
  if (!strcmp(f[0], "CPID")) {
    if (!c->version || c->greeted || !uint0_scan(f[1], &c->pid))
      refuse(c, "bad CPID");
    c->greeted = 1;
    return;
  }
  if (strcmp(f[0], "AUTH") && strcmp(f[0], "CONT") && strcmp(f[0], "CANCEL"))
    return; /* of a newer minor version */
  if (!c->greeted) return refuse(c, "no handshake");
  if (!uint0_scan(f[1], &id)) return refuse(c, "bad request id");
  if (!strcmp(f[0], "AUTH"))
    auth(c, f, n, id);
  else if (!strcmp(f[0], "CONT"))
    request_continue(c, id, f[2]);
  else
    request_cancel(c, id);
}

static int cookie_is(connection const *c, char const *cookie)
{
  return strlen(cookie) == COOKIE && !sodium_memcmp(c->cookie, cookie, COOKIE);
}

/* A success is told once. */
static proved *proof(unsigned pid, unsigned id, char const *cookie)
{
  for (connection *c = connection_each(0); c; c = connection_each(c)) {
    if (c->master || c->pid != pid || !cookie_is(c, cookie)) continue;
    for (unsigned i = 0; i < PROVED; i++) {
      proved *p = c->successes + i;
      if (*p->account && p->id == id && io_left(p->until)) return p;
    }
  }
  return 0;
}

/* REQUEST id cpid request-id cookie */
static void confirm(connection *c, char **f, char const *id)
{
  unsigned pid, request;
  proved *p = 0;
  if (uint0_scan(f[2], &pid) && uint0_scan(f[3], &request))
    p = proof(pid, request, f[4]);
  if (!p) {
    connection_say(c, "FAIL\t%s\treason=no such request\n", id);
    return;
  }
  connection_say(c, "USER\t%s\t%s\n", id, p->account);
  *p->account = 0;
}

/* USER id name: whether there is such an account */
static void look_up(connection *c, char const *name, char const *id)
{
  char account[ADDR_MAX + 1];
  int r = users_find(name, account, 0);
  if (r > 0)
    connection_say(c, "USER\t%s\t%s\n", id, account);
  else if (r == 0)
    connection_say(c, "NOTFOUND\t%s\n", id);
  else {
    log_warnsys("unable to look up in %s", opt.file);
    connection_say(c, "FAIL\t%s\treason=temporary failure\n", id);
  }
}

static void master_line(connection *c, char **f)
{
  unsigned id;
  if (strcmp(f[0], "REQUEST") && strcmp(f[0], "USER")) {
    if (uint0_scan(f[1], &id) && strcmp(f[0], "CPID"))
      connection_say(c, "FAIL\t%u\treason=unknown command\n", id);
    return;
  }
  if (!c->version) return refuse(c, "no handshake");
  if (!uint0_scan(f[1], &id)) return refuse(c, "bad request id");
  if (!strcmp(f[0], "REQUEST"))
    confirm(c, f, f[1]);
  else
    look_up(c, f[2], f[1]);
}

void protocol_line(connection *c, char *line)
{
  char *f[FIELDS];
  unsigned n = split(line, f);
  if (!strcmp(f[0], "VERSION")) {
    if (strcmp(f[1], "1")) return refuse(c, "another major version");
    c->version = 1;
    if (c->master) c->greeted = 1;
  } else if (c->master)
    master_line(c, f);
  else
    client_line(c, f, n);
}
