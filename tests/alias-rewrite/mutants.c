/* needs: alias-rewrite/table-text.o alias-rewrite/table-entries.o alias-rewrite/table-mail.o alias-rewrite/table-alias.o alias-rewrite/table-list.o alias-rewrite/table-senders.o alias-rewrite/table-policies.o alias-rewrite/table-routes.o alias-rewrite/table-relays.o alias-rewrite/senders.o -lsodium -lidn2 -lutf8proc */
/* The text tables, damaged: an entry is taken, or the line is named and why;
   and addresses, damaged, asked of what was made of them. */
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <skalibs/cdbmake.h>
#include <skalibs/strerr.h>

#include "addr.h"
#include "alias-rewrite/senders.h"
#include "alias-rewrite/table-list.h"
#include "alias-rewrite/table-mail.h"
#include "alias-rewrite/table-policies.h"
#include "alias-rewrite/table-relays.h"
#define MUTANTS 1500
#include "mutate.h"
#include "next-hop.h"
#include "nomem.h"
#include "route.h"

#define IN(text)                                                               \
  {                                                                            \
    BYTES(text)                                                                \
  }
#define OURS                                                                   \
  "our.test delimiter=+\nb\xc3\xbc"                                            \
  "cher.test\n"
#define ACCOUNTS "a@our.test\nb@our.test /srv/b quota=1G messages=10\n"
#define ALIASES                                                                \
  "all@our.test: a@our.test, b\n@b\xc3\xbc"                                    \
  "cher.test: a@our.test\n"
#define ROUTES                                                                 \
  "c@b.x.test: smtp:one.test\nb.x.test: mx:two.test\n.x.test: mx:three.test\n"
#define SENDERS "a@our.test: all@our.test, @x.test\n"

/* A table's program ends at a bad line. Here the test goes on. */
static jmp_buf die;
static int dying;

void _exit(int code)
{
  if (dying) longjmp(die, 1);
  _Exit(code);
}

/* What was in the making then is lost. */
char const *__asan_default_options(void);
char const *__asan_default_options(void)
{
  return "detect_leaks=0";
}

typedef void each_line(text_line const *, void *);

static int text, complaint, report; /* report: where TAP's complaints go */
static char path[32];

/* Whether it ended with PROG: fatal: FILE:LINE: WHY, one line, and UTF-8 as it
   came */
static int complained(void)
{
  char s[2048], want[80];
  ssize_t n = pread(complaint, s, sizeof s - 1, 0);
  int len = snprintf(want, sizeof want, "mutants: fatal: %s:", path);
  if (n <= len) return 0;
  s[n] = 0;
  return !strncmp(s, want, (size_t)len) && strchr(s, '\n') == s + n - 1 &&
         s[len] >= '1' && s[len] <= '9';
}

/* Reads a table that holds s: 1, 0 if a line of it is bad, -1 if nobody says
   so. */
static int reads(char const *s, size_t len, each_line *each, void *data)
{
  int died;
  if (ftruncate(text, 0) < 0 || pwrite(text, s, len, 0) != (ssize_t)len ||
      ftruncate(complaint, 0) < 0 || lseek(complaint, 0, SEEK_SET) < 0)
    abort();
  dup2(complaint, 2);
  died = setjmp(die);
  dying = 1;
  if (!died) text_each(path, each, data);
  dying = 0;
  dup2(report, 2);
  return !died ? 1 : complained() ? 0 : -1;
}

static void empty(table_mail *m)
{
  table_entries *e[] = {&m->domains, &m->accounts, &m->aliases, &m->patterns,
                        &m->senders, &m->rewrites, &m->routes};
  for (size_t i = 0; i < sizeof e / sizeof *e; i++) {
    stralloc_free(&e[i]->text);
    genalloc_free(table_entry, &e[i]->list);
  }
  stralloc_free(&m->first);
  *m = (table_mail){.mailroot = "/srv/mail"};
}

static size_t number(char const **s)
{
  char *end;
  size_t n = strtoul(*s, &end, 10);
  *s = end + 1;
  return n;
}

/* Into a cdb, as `cdb -c` would: 1, or 0 if what was printed is not that. */
static int make(cdbmaker *maker, stralloc const *out)
{
  char const *s = out->s, *end = s + out->len;
  while (s < end) {
    size_t key, value;
    if (*s++ != '+') return 0;
    key = number(&s), value = number(&s);
    if (s + key + value + 3 > end || memcmp(s + key, "->", 2) ||
        s[key + value + 2] != '\n')
      return 0;
    if (maker &&
        !cdbmake_add(maker, s, (uint32_t)key, s + key + 2, (uint32_t)value))
      abort();
    s += key + value + 3;
  }
  return s == end;
}

static int printed(table_entries *e)
{
  stralloc out = STRALLOC_ZERO;
  int good;
  entries_print(e, "x", &out);
  good = make(0, &out);
  stralloc_free(&out);
  return good;
}

static table_mail m = {.mailroot = "/srv/mail"};

static int mail(char const *s, size_t len, each_line *each, table_entries *e)
{
  int r;
  empty(&m);
  if (reads(BYTES(OURS), mail_domain, &m) != 1) return -1;
  entries_sort(&m.domains);
  r = reads(s, len, each, &m);
  return printed(e) ? r : -1;
}

static int domains(char *s, size_t len)
{
  empty(&m);
  return reads(s, len, mail_domain, &m) ? printed(&m.domains) : 0;
}

static int accounts(char *s, size_t len)
{
  return mail(s, len, mail_account, &m.accounts);
}

static int users(char *s, size_t len)
{
  return mail(s, len, mail_user, &m.accounts);
}

static int aliases(char *s, size_t len)
{
  int r = mail(s, len, mail_alias, &m.aliases);
  return printed(&m.patterns) ? r : -1;
}

static int senders(char *s, size_t len)
{
  return mail(s, len, mail_sender, &m.senders);
}

static int rewrites(char *s, size_t len)
{
  return mail(s, len, mail_rewrite, &m.rewrites);
}

static int list(char *s, size_t len)
{
  empty(&m);
  return reads(s, len, list_entry, &m.senders) ? printed(&m.senders) : 0;
}

static int policies(char *s, size_t len)
{
  empty(&m);
  return reads(s, len, policy_entry, &m.senders) ? printed(&m.senders) : 0;
}

static int routes(char *s, size_t len)
{
  return mail(s, len, mail_route, &m.routes);
}

static int relays(char *s, size_t len)
{
  empty(&m);
  return reads(s, len, relay_entry, &m.senders) ? printed(&m.senders) : 0;
}

static void tables(void)
{
  static mutants_input const domain[] = {IN("# ours\n" OURS)};
  static mutants_input const account[] = {
      IN(ACCOUNTS), IN("\"c d\"@our.test\n  quota=10M # c\n"),
      IN("a@our.test program=/bin/x y z\n")};
  static mutants_input const user[] = {
      IN("a@our.test:$argon2id$v=19$m=1,t=2,p=1$AAAA$BBBB\nb@our.test:*\n")};
  static mutants_input const alias[] = {
      IN(ALIASES), IN("x@our.test keep-sender: |ldap, \"y z\"@x.test\n"),
      IN("/(.+)-([a-z]{2,3})@our\\.test/: \\1+\\2@our.test, a\n"),
      IN("postmaster: a@our.test\n/a\\/(b)/@our.test: $1@x.test\n")};
  static mutants_input const sender[] = {IN(SENDERS), IN("a@our.test: *\n")};
  static mutants_input const rewrite[] = {
      IN("a@x.test: b@our.test\n@y.test: b@our.test\n"),
      IN("/(.*)@x\\.test/: \\1@our.test\n")};
  static mutants_input const listed[] = {
      IN("a@x.test\n@y.test\n@.z.test\n<>\n")};
  static mutants_input const policy[] = {
      IN("# ours\na.test: tls=none, mx=dnssec\n.b\xc3\xbc"
         "cher.test : dane=no\n"),
      IN("[192.0.2.1]: tls=encrypted\n[2001:DB8::1]: name=a.test\n* : "
         "sts=no\n")};
  static mutants_input const route[] = {
      IN("a@x.test: smtp:mx.y.test:2525\n.x.test : mx:z.test\n* : discard:\n"),
      IN("x.test: smtp:[IPv6:2001:db8::1]:25\ny.test: lmtp:[192.0.2.1]:24\n"),
      IN("x.test: lmtp:/run/lmtp\ny.test: pipe:my_list-1\n"),
      IN("x.test: error: 451 4.2.1 later\ny.test: error:5.1.6 moved\n"
         "z.test: error: no\n"),
      IN("x.test: smtp:mx.y.test:587 auth=isp_1\n* : smtp:a auth=b # c\n")};
  static mutants_input const relay[] = {
      IN("isp_1: us@isp.test:pass:word\nb-2:u:p # c\n")};
#define MEANS "@:,.#=+\"\\/|()*$ \t\n\r\0\xc3\xbc"
  show_mutants("domains", domain, MEANS, domains);
  show_mutants("accounts", account, MEANS "09KMG", accounts);
  show_mutants("users", user, MEANS "!", users);
  show_mutants("aliases", alias, MEANS "[]{}-", aliases);
  show_mutants("senders", sender, MEANS, senders);
  show_mutants("sender-rewrites", rewrite, MEANS, rewrites);
  show_mutants("routes", route, MEANS "[]:/145", routes);
  show_mutants("relays", relay, MEANS "-", relays);
  show_mutants("policies", policy, MEANS "[]=12ab", policies);
  show_mutants("a list", listed, MEANS "<>", list);
}

/* What damage does not make */
static void refused(void)
{
  static char many[5000] = "a.test: ";
  static char const literal[] =
      "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]: tls=none\n";
  while (strlen(many) < sizeof many - 20) strcat(many, "tls=none ");
  is_int(reads(BYTES(literal), policy_entry, &m.senders), 0, "no address");
  is_int(reads(BYTES("[]: tls=none\n"), policy_entry, &m.senders), 0, "none");
  is_int(reads(BYTES("a.test\n"), policy_entry, &m.senders), 0, "no words");
  is_int(reads(many, strlen(many), policy_entry, &m.senders), 0,
         "more words than a destination may have");
}

static table *asked;

static void open_table(void)
{
  char name[] = "/tmp/mutants.XXXXXX";
  cdbmaker maker = CDBMAKER_ZERO;
  stralloc out = STRALLOC_ZERO;
  int fd = mkstemp(name);
  empty(&m);
  reads(BYTES(OURS), mail_domain, &m);
  entries_sort(&m.domains);
  reads(BYTES(ACCOUNTS), mail_account, &m);
  reads(BYTES(ALIASES), mail_alias, &m);
  reads(BYTES(SENDERS), mail_sender, &m);
  reads(BYTES(ROUTES), mail_route, &m);
  entries_print(&m.domains, "d", &out);
  entries_print(&m.accounts, "u", &out);
  entries_print(&m.aliases, "a", &out);
  entries_print(&m.senders, "s", &out);
  entries_print(&m.routes, "v", &out);
  stralloc_cats(&out, "+9,600:vbig.test->");
  for (int i = 0; i < 600; i++) stralloc_append(&out, 'x');
  stralloc_append(&out, '\n');
  if (fd < 0 || !cdbmake_start(&maker, fd) || !make(&maker, &out) ||
      !cdbmake_finish(&maker) || table_open(&asked, name) < 0)
    abort();
  close(fd);
  unlink(name);
  stralloc_free(&out);
}

static int may(char *s, size_t len)
{
  char const *why = 0;
  int r = senders_may(asked, "a@our.test", s, &why);
  (void)len;
  return !why || !*why ? -1 : r;
}

static int starved(char const *address)
{
  char const *why;
  int r = senders_may(asked, "a@our.test", address, &why);
  return nomem_judge(r, 1);
}

static int starved_listed(void)
{
  return starved("all@our.test");
}

static int starved_tag(void)
{
  return starved("a+x@our.test");
}

static int starved_domain(void)
{
  return starved("y@x.test");
}

static int hop(char *s, size_t len)
{
  char to[NEXT_HOP] = "";
  int r = next_hop(asked, s, to), own = next_hop_own(asked, s, to);
  (void)len;
  if (own > 0 && strcmp(to, "smtp:one.test")) return -1;
  return r < own ? -1 : r;
}

static int starved_hop(void)
{
  char to[NEXT_HOP] = "";
  int r = next_hop(asked, "d@a.b\xc3\xbc.x.test", to);
  if (r >= 0 && next_hop_any(asked) != 0) r = 0;
  return nomem_judge(r, r == 1 && !strcmp(to, "mx:three.test"));
}

static int route(char *s, size_t len)
{
  route_list to;
  unsigned dropped;
  int r = route_address(asked, s, &to, &dropped), good = r == ROUTE_OK;
  (void)len;
  for (size_t i = 0; good == 1 && i < to.n; i++)
    if (!addr_valid(to.v[i].address, strlen(to.v[i].address), ADDR_UTF8) &&
        *to.v[i].address != '/')
      good = -1;
  if (r == ROUTE_OK) route_free(&to);
  return r == ROUTE_TEMP ? -1 : good;
}

int main(void)
{
  static mutants_input const address[] = {IN("a@our.test"), IN("all@OUR.test"),
                                          IN("\"a+x\"@our.test")};
  static mutants_input const rcpt[] = {IN("a+tag@our.test"), IN("all@our.test"),
                                       IN("x@B\xc3\xbc"
                                          "cher.test"),
                                       IN("\"b\"@our.test")};
  static mutants_input const away[] = {IN("c@b.x.test"), IN("\"c\"@B.x.test"),
                                       IN("d@b.x.test"), IN("e@a.b.x.test")};
  char way[NEXT_HOP];
  PROG = "mutants";
  text = memfd_create("text", 0);
  complaint = memfd_create("complaint", 0);
  report = dup(2);
  snprintf(path, sizeof path, "/dev/fd/%d", text);
  tables();
  refused();
  open_table();
  show_mutants_text("senders_may", address, "@.+\"\\ atTlo\xc3\xbc", may);
  show_mutants_text("route_address", rcpt, "@.+\"\\ abxtT\xc3\xbc", route);
  show_mutants_text("next_hop", away, "@.+\"\\ abcx*\xc3\xbc", hop);
  is_int(next_hop(asked, "a@big.test", way), -1, "a way too long is an error");
  nomem_each(starved_hop, "next_hop");
  nomem_each(starved_listed, "senders_may, an alias");
  nomem_each(starved_tag, "senders_may, a tag");
  nomem_each(starved_domain, "senders_may, a domain");
  table_close(asked);
  return done();
}
