#include <string.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>

#include "route-match.h"
#include "srs.h"
#include "table-list.h"
#include "table-mail.h"
#include "table-policies.h"
#include "table-relays.h"

#define USAGE                                                                  \
  "table-build mail [ -m mailroot ] [ -d domains ] [ -c accounts ] "           \
  "[ -a aliases ] [ -s senders ] [ -f sender-rewrites ] "                      \
  "[ -r routes ] [ users… ] | "                                              \
  "table-build users users… | table-build list file | "                      \
  "table-build srs file | table-build policies file | "                        \
  "table-build relays file"
#define dieusage() strerr_dieusage(100, USAGE)
#define MAILROOT "/var/lib/rohrpost/mail"

static void print(stralloc *out)
{
  if (!stralloc_cats(out, "\n")) strerr_diefu1sys(111, "allocate memory");
  if (allwrite(1, out->s, out->len) < out->len)
    strerr_diefu1sys(111, "write to standard output");
}

static void put_first(stralloc *out, table_mail const *m)
{
  table_entries e = TABLE_ENTRIES_ZERO;
  stralloc empty = STRALLOC_ZERO;
  text_line nowhere = {.file = ""};
  if (!m->first.len) return;
  entries_add(&e, &nowhere, 0, &empty, &m->first);
  entries_print(&e, "D", out);
}

/* That there are any has a key of its own: most have none. */
static void put_routes(stralloc *out, table_mail const *m)
{
  table_entries any = TABLE_ENTRIES_ZERO;
  stralloc empty = STRALLOC_ZERO;
  text_line nowhere = {.file = ""};
  if (!genalloc_len(table_entry, &m->routes.list)) return;
  entries_add(&any, &nowhere, 0, &empty, &empty);
  entries_print(&any, "v", out);
  entries_print(&m->routes, "v", out);
}

static int build_mail(int argc, char const *const *argv)
{
  table_mail m = {.mailroot = MAILROOT};
  stralloc out = STRALLOC_ZERO;
  subgetopt l = SUBGETOPT_ZERO;
  char const *domains = 0, *accounts = 0, *aliases = 0, *senders = 0;
  char const *rewrites = 0, *routes = 0;
  int opt;
  while ((opt = subgetopt_r(argc, argv, "m:d:c:a:s:f:r:", &l)) != -1)
    switch (opt) {
    case 'm': m.mailroot = l.arg; break;
    case 'd': domains = l.arg; break;
    case 'c': accounts = l.arg; break;
    case 'a': aliases = l.arg; break;
    case 's': senders = l.arg; break;
    case 'f': rewrites = l.arg; break;
    case 'r': routes = l.arg; break;
    default: dieusage();
    }
  if (*m.mailroot != '/') strerr_dief1x(100, "mailroot is not absolute");
  if (domains) text_each(domains, mail_domain, &m);
  entries_sort(&m.domains);
  if (accounts) text_each(accounts, mail_account, &m);
  for (argv += l.ind; *argv; argv++) text_each(*argv, mail_user, &m);
  entries_sort(&m.accounts);
  entries_merge(&m.accounts);
  if (aliases) text_each(aliases, mail_alias, &m);
  if (rewrites) text_each(rewrites, mail_rewrite, &m);
  entries_sort(&m.aliases);
  if (senders) text_each(senders, mail_sender, &m);
  entries_sort(&m.senders);
  if (routes) text_each(routes, mail_route, &m);
  entries_sort(&m.routes);
  entries_sort(&m.patterns);
  entries_join(&m.patterns, MATCH_PATTERNS);
  entries_sort(&m.rewrites);
  entries_join(&m.rewrites, MATCH_PATTERNS);
  put_first(&out, &m);
  entries_print(&m.domains, "d", &out);
  entries_print(&m.accounts, "u", &out);
  entries_print(&m.aliases, "a", &out);
  entries_print(&m.senders, "s", &out);
  entries_print(&m.patterns, "r", &out);
  entries_print(&m.rewrites, "f", &out);
  put_routes(&out, &m);
  print(&out);
  return 0;
}

typedef struct secrets {
  table_entries known, all;
} secrets;

/* An account without a password is left out, but not named twice. */
static void add_secret(text_line const *l, void *data)
{
  secrets *s = data;
  stralloc key = STRALLOC_ZERO, value = STRALLOC_ZERO;
  char const *hash;
  mail_user_split(l, &key, &hash);
  if (!stralloc_cats(&value, hash)) strerr_diefu1sys(111, "allocate memory");
  entries_add(&s->all, l, 0, &key, &value);
  if (*hash) entries_add(&s->known, l, 0, &key, &value);
  stralloc_free(&key);
  stralloc_free(&value);
}

static int build_users(char const *const *files)
{
  secrets s = {TABLE_ENTRIES_ZERO, TABLE_ENTRIES_ZERO};
  stralloc out = STRALLOC_ZERO;
  for (; *files; files++) text_each(*files, add_secret, &s);
  entries_sort(&s.all);
  entries_sort(&s.known);
  entries_print(&s.known, "", &out);
  print(&out);
  return 0;
}

/* A file whose entries stand for themselves */
static int build_one(char const *file, void (*entry)(text_line const *, void *))
{
  table_entries e = TABLE_ENTRIES_ZERO;
  stralloc out = STRALLOC_ZERO;
  text_each(file, entry, &e);
  entries_sort(&e);
  entries_print(&e, "", &out);
  print(&out);
  return 0;
}

/* Secrets of srs.h, the newest first */
static void add_srs(text_line const *l, void *data)
{
  table_entries *e = data;
  stralloc key = STRALLOC_ZERO, value = STRALLOC_ZERO;
  unsigned n = (unsigned)genalloc_len(table_entry, &e->list);
  size_t shared = strlen(SRS_POSTSRSD);
  if (l->len < shared || memcmp(l->s, SRS_POSTSRSD, shared)) shared = 0;
  if (l->len < SRS_SECRET + shared) text_die(l, "too short a secret", 0);
  if (n == SRS_SECRETS) text_die(l, "too many secrets", 0);
  text_check(stralloc_catb(&value, l->s, l->len));
  entries_add(e, l, n, &key, &value);
  stralloc_free(&value);
}

static int build_srs(char const *file)
{
  table_entries e = TABLE_ENTRIES_ZERO;
  stralloc out = STRALLOC_ZERO;
  text_each(file, add_srs, &e);
  entries_print(&e, "s", &out);
  print(&out);
  return 0;
}

int main(int argc, char const *const *argv)
{
  PROG = "table-build";
  if (argc > 1 && !strcmp(argv[1], "mail"))
    return build_mail(argc - 1, argv + 1);
  if (argc > 2 && !strcmp(argv[1], "users")) return build_users(argv + 2);
  if (argc == 3 && !strcmp(argv[1], "list"))
    return build_one(argv[2], list_entry);
  if (argc == 3 && !strcmp(argv[1], "policies"))
    return build_one(argv[2], policy_entry);
  if (argc == 3 && !strcmp(argv[1], "srs")) return build_srs(argv[2]);
  if (argc == 3 && !strcmp(argv[1], "relays")) {
    relays_private(argv[2]);
    return build_one(argv[2], relay_entry);
  }
  dieusage();
}
