/* needs: -lsodium -lidn2 -lutf8proc */
/* Whatever a table says, a look-up ends, soon, in one of its six ways: what
   tries every way through such webs has not ended when the CPU time has. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <skalibs/cdbmake.h>

#include "addr.h"
#include "route.h"
#include "tap.h"

static char path[] = "/tmp/route.XXXXXX";
static cdbmaker maker;
static int fd;

static void begin(void)
{
  fd = open(path, O_RDWR | O_TRUNC);
  maker = (cdbmaker)CDBMAKER_ZERO;
  if (fd < 0 || !cdbmake_start(&maker, fd)) exit(111);
}

static void put(char const *k, char const *d, size_t len)
{
  if (!cdbmake_add(&maker, k, (uint32_t)strlen(k), d, (uint32_t)len)) exit(111);
}

static table *finish(void)
{
  table *t;
  if (!cdbmake_finish(&maker)) exit(111);
  close(fd);
  if (table_open(&t, path) < 0) exit(111);
  return t;
}

static int route(table *t, char const *address, size_t *n)
{
  route_list to;
  unsigned dropped;
  int r = route_address(t, address, &to, &dropped);
  *n = to.n;
  for (size_t i = 0; i < to.n; i++)
    if (!to.v[i].address || !*to.v[i].address) r = -9;
  if ((r == ROUTE_OK) != (to.n > 0)) r = -8;
  route_free(&to);
  return r;
}

/* 400 aliases, each with all of them as targets, in names as long as can be */
static void everything_to_everything(void)
{
  static char all[400 * 300];
  size_t len = 0, n;
  table *t;
  begin();
  put("D", "a.test", 6);
  put("da.test", "", 0);
  for (int i = 0; i < 400; i++)
    len += (size_t)sprintf(all + len, "%0240d@a.test", i) + 1;
  for (int i = 0; i < 400; i++) {
    char key[300];
    snprintf(key, sizeof key, "a%0240d@a.test", i);
    put(key, all, len - 1);
  }
  t = finish();
  snprintf(all, sizeof all, "%0240d@a.test", 7);
  is_int(route(t, all, &n), ROUTE_LOOP, "everything to everything is a loop");
  table_close(t);
}

/* Values that table-build never makes */
static void odd(void)
{
  static struct {
    char const *key, *value;
    size_t len;
  } const v[] = {{"D", "", 0},
                 {"da", "", 0},
                 {"db", "delimiter=", 10},
                 {"dc", "delimiter=\0", 11},
                 {"dd", "x=y\0delimiter=-\0", 16},
                 {"ax@a", "", 0},
                 {"ay@a", "\0\0\0", 3},
                 {"az@a", "@", 1},
                 {"aw@a", "@@\0<a@b>\0a b\0\xff@\xff", 15},
                 {"av@a", "postmaster\0w", 12},
                 {"uu@a", "", 0},
                 {"us@a", "relative", 9},
                 {"ur@a", "/no/end", 7}};
  static char const *const asked[] = {"x@a", "y@a", "z@a",          "w@a",
                                      "v@a", "q@b", "q+r@b",        "q-r@d",
                                      "@",   "",    "postmaster",   "\xff@a",
                                      "u@a", "s@a", "\"x\\\"@\"@a", "x@\xff"};
  route_account a;
  table *t;
  size_t n;
  begin();
  for (size_t i = 0; i < sizeof v / sizeof *v; i++)
    put(v[i].key, v[i].value, v[i].len);
  t = finish();
  for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
    int r = route(t, asked[i], &n);
    int account = i == 12 || i == 13;
    ok(r == (account ? ROUTE_OK : ROUTE_UNKNOWN), "odd values: %zu", i);
  }
  ok(route_account_get(t, "u@a", &a) == -1 && errno == EPROTO, "no directory");
  ok(route_account_get(t, "s@a", &a) == -1 && errno == EPROTO, "not absolute");
  ok(route_account_get(t, "r@a", &a) == -1 && errno == EPROTO, "no end");
  is_int(route_account_get(t, "q@a", &a), 0, "no account");
  is_int(route_domain_local(t, "A", 1), 1, "a domain of ours");
  is_int(route_domain_local(t, "e", 1), 0, "one that is not");
  is_int(route_domain_local(t, "a b", 3), 0, "none at all");
  table_close(t);
}

static void name(char *to)
{
  static char const *const ends[] = {"@a", "@b", "", "+t@a", "@x"};
  sprintf(to, "n%ld%s", random() % 40, ends[random() % 5]);
}

/* Random webs of aliases: every target is an account or elsewhere. */
static void webs(void)
{
  int bad = 0;
  srandom(8);
  for (int i = 0; i < 300; i++) {
    table *t;
    begin();
    put("D", "b", 1);
    put("da", "", 0);
    put("db", "", 0);
    for (int j = 0; j < 60; j++) {
      char key[40], value[400];
      size_t len = 0;
      *key = random() % 3 ? 'a' : 'u';
      name(key + 1);
      if (!strchr(key, '@')) strcat(key, "@");
      for (long k = random() % 12; k >= 0; k--) {
        name(value + len);
        len += strlen(value + len) + 1;
      }
      put(key, value, *key == 'a' ? len - 1 : len);
    }
    t = finish();
    for (int j = 0; j < 40; j++) {
      route_list to;
      unsigned dropped;
      char address[40];
      int r;
      name(address);
      r = route_address(t, address, &to, &dropped);
      if (r < ROUTE_UNKNOWN || (r == ROUTE_OK) != (to.n > 0)) bad++;
      for (size_t k = 0; k < to.n; k++) {
        char key[40];
        char const *s;
        size_t len;
        snprintf(key, sizeof key, "u%s", to.v[k].address);
        if (to.v[k].local ? table_get(t, key, strlen(key), &s, &len) != 1
                          : !strstr(key, "@x"))
          bad++;
      }
      route_free(&to);
    }
    table_close(t);
  }
  is_int(bad, 0, "12000 look-ups in random webs of aliases");
}

int main(void)
{
  struct rlimit cpu = {300, 300}; /* a slow machine with sanitizers needs 10 */
  setrlimit(RLIMIT_CPU, &cpu);
  fd = mkstemp(path);
  if (fd < 0) exit(111);
  close(fd);
  everything_to_everything();
  odd();
  webs();
  unlink(path);
  return done();
}
