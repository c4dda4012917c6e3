#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "fresh-table.h"
#include "log.h"
#include "next-hop.h"
#include "run.h"

/* The table of routes; no path: there is none. broken: it cannot be read, and
   nobody knows where mail goes. */
static fresh_table mail;
static table *routes;
static int broken;
static unsigned state;

void run_routes(char const *path)
{
  mail.path = path;
  run_routes_refresh();
}

unsigned run_routes_state(void)
{
  return state;
}

void run_routes_refresh(void)
{
  table *before = mail.t;
  struct stat seen = mail.seen;
  int any;
  if (!mail.path) return;
  routes = fresh_table_get(&mail);
  if (mail.t != before || mail.seen.st_ino != seen.st_ino ||
      mail.seen.st_mtim.tv_sec != seen.st_mtim.tv_sec ||
      mail.seen.st_mtim.tv_nsec != seen.st_mtim.tv_nsec)
    state++;
  any = routes ? next_hop_any(routes) : -1;
  if (any < 0 && !broken) log_warnsys("unable to read %s", mail.path);
  broken = any < 0;
  if (any <= 0) routes = 0;
}

/* An address of ours, or the account behind it, goes elsewhere only if it is
   named itself: a way for all would take away all mailboxes. */
static int hop_of(envelope_to const *t, char *hop)
{
  int r;
  if (t->route == ENVELOPE_REMOTE) return next_hop(routes, t->address, hop);
  r = next_hop_own(routes, t->address, hop);
  return r ? r : next_hop_own(routes, t->mailbox, hop);
}

static char kind(char const *hop)
{
  return !strncmp(hop, "discard:", 8) || !strncmp(hop, "error:", 6) ? RUN_ANSWER
         : !strncmp(hop, "pipe:", 5)                                ? RUN_PIPE
                                     : RUN_REMOTE;
}

int run_hop(envelope_to const *t, char *hop)
{
  *hop = 0;
  if (t->route == ENVELOPE_REMOTE && *t->via) {
    snprintf(hop, NEXT_HOP, "%s", t->via);
    return 1;
  }
  if (t->route == ENVELOPE_EXPANDED) return 0;
  if (broken) return -1;
  return routes ? hop_of(t, hop) : 0;
}

/* A name of a host or domain has no case; ways, which routes(5) spells, may. */
static void fold(char *s)
{
  static char const *const ways[] = {"smtp:", "smtps:", "mx:", "lmtp:"};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    if (!strncmp(s, ways[i], strlen(ways[i]))) return;
  for (; *s; s++) *s = (char)tolower((unsigned char)*s);
}

void run_key(char *to, envelope_to const *t)
{
  char hop[NEXT_HOP];
  int r = run_hop(t, hop);
  if (r < 0)
    snprintf(to, RUN_KEY, "%cunknown", RUN_UNKNOWN);
  else if (r > 0)
    snprintf(to, RUN_KEY, "%c%s", kind(hop), hop);
  else if (t->route == ENVELOPE_LOCAL)
    snprintf(to, RUN_KEY, "%c", RUN_LOCAL);
  else
    snprintf(to, RUN_KEY, "%c%s", RUN_REMOTE, addr_domain(t->address));
  if (*to == RUN_REMOTE) fold(to + 1);
}

int run_goes_to(envelope_to const *t, char const *key)
{
  char its[RUN_KEY];
  run_key(its, t);
  return !strcmp(its + 1, key + 1) &&
         (*its == *key || (*its == RUN_REMOTE && *key == RUN_DOWN));
}
