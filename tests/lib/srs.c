/* needs: -lsodium -lidn2 -lutf8proc */
/* SRS: what a sender becomes comes back, and nothing else does. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <skalibs/cdbmake.h>

#include "addr.h"
#include "srs-hash.h"
#include "srs.h"
#include "mutate.h"
#include "tap.h"

#define NOW 1795500000
#define DAY 86400
#define OLD "an older secret of 24 bytes"
#define NEW "a newer secret of 24 bytes"
#define SHARED "postsrsd:a secret of postsrsd"

static char path[] = "/tmp/srs.XXXXXX";

static table *secrets(char const *first, char const *second)
{
  cdbmaker maker = CDBMAKER_ZERO;
  table *t;
  int fd = mkstemp(path);
  if (fd < 0 || !cdbmake_start(&maker, fd) ||
      !cdbmake_add(&maker, "s", 1, first, (uint32_t)strlen(first)) ||
      (second &&
       !cdbmake_add(&maker, "s", 1, second, (uint32_t)strlen(second))) ||
      !cdbmake_finish(&maker) || table_open(&t, path) < 0)
    exit(111);
  close(fd);
  unlink(path);
  strcpy(path + strlen(path) - 6, "XXXXXX");
  return t;
}

static char *forward(table *t, char const *sender, time_t now)
{
  static char s[2][ADDR_MAX + 1];
  static int i;
  stralloc out = STRALLOC_ZERO;
  i = !i;
  *s[i] = 0;
  if (srs_forward(t, &out, sender, "our.test", 8, now) > 0) {
    memcpy(s[i], out.s, out.len);
    s[i][out.len] = 0;
  }
  stralloc_free(&out);
  return s[i];
}

static int reverse(table *t, char const *address, time_t now, char *to)
{
  stralloc local = STRALLOC_ZERO, domain = STRALLOC_ZERO, out = STRALLOC_ZERO;
  int r = addr_split(address, strlen(address), ADDR_UTF8, &local, &domain);
  if (r > 0) r = srs_reverse(t, &out, local.s, local.len, now);
  if (r > 0) memcpy(to, out.s, out.len);
  to[r > 0 ? out.len : 0] = 0;
  stralloc_free(&local);
  stralloc_free(&domain);
  stralloc_free(&out);
  return r;
}

static void round_trips(table *t)
{
  static char const *const v[] = {
      "a@x.test",      "A.b+c=d@x.test", "\"a b\"@x.test", "j\xc3\xb6@x.test",
      "a@[192.0.2.1]", "srs@x.test",     "=@x.test"};
  char to[ADDR_MAX + 1], *s;
  for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
    s = forward(t, v[i], NOW);
    ok(reverse(t, s, NOW, to) == 1 && !strcmp(to, v[i]), "%s: %s", v[i], s);
  }
  s = forward(t, "srs0=abcd=xy=x.test=a@y.test", NOW);
  ok(!strncmp(s, "SRS1=", 5) && reverse(t, s, NOW, to) == 1 &&
         !strcmp(to, "SRS0=abcd=xy=x.test=a@y.test"),
     "SRS0 of another host: %s", s);
  s = forward(t, "SRS1+zzzz=y.test=-abcd=xy=x.test=a@z.test", NOW);
  ok(!strncmp(s, "SRS1=", 5) && reverse(t, s, NOW, to) == 1 &&
         !strcmp(to, "SRS0-abcd=xy=x.test=a@y.test"),
     "SRS1 goes back to the first: %s", s);
  s = forward(t, "Bob@x.test", NOW);
  for (char *p = s; *p; p++) *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
  ok(reverse(t, s, NOW, to) == 1 && !strcasecmp(to, "bob@x.test"),
     "in lower case, too");
}

static void ages(table *t, table *rotated, table *other)
{
  char to[ADDR_MAX + 1], *s = forward(t, "a@x.test", NOW);
  is_int(reverse(t, s, NOW + SRS_DAYS * DAY, to), 1, "good for 21 days");
  is_int(reverse(t, s, NOW + (SRS_DAYS + 1) * DAY, to), 0, "then too old");
  is_int(reverse(t, s, NOW - DAY, to), 1, "a clock may be a day behind");
  is_int(reverse(t, s, NOW - 2 * DAY, to), 0, "not more");
  is_int(reverse(rotated, s, NOW, to), 1, "an older secret still checks");
  is_int(reverse(other, s, NOW, to), 0, "another secret: forged");
  ok(!strcmp(forward(rotated, "a@x.test", NOW),
             forward(other, "a@x.test", NOW)),
     "the first secret makes");
}

static void limits(table *t)
{
  char s[ADDR_MAX + 1], to[ADDR_MAX + 1];
  memset(s, 'a', 240);
  strcpy(s + 240, "@x.test");
  ok(!*forward(t, s, NOW), "too long to rewrite");
  ok(!*forward(t, "", NOW) && !*forward(t, "a", NOW), "no address");
  ok(!*forward(t, "srs1=a@x.test", NOW) ||
         reverse(t, forward(t, "srs1=a@x.test", NOW), NOW, to) == 0,
     "SRS1 of nobody");
  ok(!srs_is("srs", 3) && !srs_is("srs0", 4) && !srs_is("srs2=a", 6) &&
         srs_is("SrS1-a", 6),
     "srs_is");
}

/* What only who holds the secret can have made, and did not */
static int vouched(table *t, char kind, char const *text)
{
  char hash[SRS_HASH], local[300], to[ADDR_MAX + 1];
  stralloc out = STRALLOC_ZERO;
  int n = srs_hash_make(t, kind, text, strlen(text), hash), r;
  n = snprintf(local, sizeof local, "SRS%c=%.*s=%s", kind, n, hash, text);
  r = srs_reverse(t, &out, local, (size_t)n, NOW);
  snprintf(to, sizeof to, "%.*s", r > 0 ? (int)out.len : 0, out.s);
  stralloc_free(&out);
  return r > 0 && *to ? 1 : r;
}

static void vouched_for(table *t)
{
  static char const *const v[] = {
      "0jn=x",     "0jn-x.test=a", "0!n=x.test=a", "0j!=x.test=a",
      "0jn=x.tes", "0jn=.x=a",     "1x.test",      "1=+a=jn=x.test=b",
      "1x.test=",  "1x.test=a=b",  "1.x=+a=jn=x=b"};
  is_int(vouched(t, '0', "JN=x.test=a"), 1, "a stamp in capitals");
  for (size_t i = 0; i < sizeof v / sizeof *v; i++)
    ok(!vouched(t, *v[i], v[i] + 1), "SRS%s is no address", v[i]);
}

/* Hashes that Python's hmac made (RFC 2104); a key longer than a block, too */
static void shared_hash(void)
{
  static char const *const v[][2] = {
      {SHARED, "SRS0=ol7p=jn=x.test=A.b@our.test"},
      {"postsrsd:0123456789012345678901234567890123456789012345678901234567890"
       "123456789",
       "SRS0=GgJu=jn=x.test=A.b@our.test"}};
  for (size_t i = 0; i < 2; i++) {
    table *t = secrets(v[i][0], 0);
    char to[ADDR_MAX + 1], *s = forward(t, "A.b@x.test", NOW);
    ok(!strcmp(s, v[i][1]), "as postsrsd: %s", s);
    ok(reverse(t, s, NOW, to) == 1 && !strcmp(to, "A.b@x.test"), "and back");
    table_close(t);
  }
}

static void mutations(table *t)
{
  char good[ADDR_MAX + 1], to[ADDR_MAX + 1];
  int accepted = 0;
  strcpy(good, forward(t, "alice@x.test", NOW));
  for (int i = 0; i < MUTANTS; i++) {
    char *s = mutate_text(good, BYTES("=+-0s@\"aZ9\377"));
    if (strcasecmp(s, good) && reverse(t, s, NOW, to) > 0 &&
        strcasecmp(to, "alice@x.test"))
      accepted++;
    free(s);
  }
  is_int(accepted, 0, "changed addresses name nobody else");
}

int main(void)
{
  table *t = secrets(OLD, 0), *rotated = secrets(NEW, OLD);
  table *other = secrets(NEW, 0), *brief = secrets("short", 0);
  char to[ADDR_MAX + 1];
  round_trips(t);
  ages(t, rotated, other);
  limits(t);
  ok(reverse(brief, forward(t, "a@x.test", NOW), NOW, to) < 0,
     "a secret that is too short is an error, not a forgery");
  vouched_for(t);
  shared_hash();
  mutations(t);
  table_close(t);
  table_close(rotated);
  table_close(other);
  table_close(brief);
  return done();
}
