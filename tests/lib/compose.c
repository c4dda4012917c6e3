/* needs: */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compose.h"
#include "tap.h"

static stralloc out = STRALLOC_ZERO;

static int put(char const *s, size_t n, void *data)
{
  (void)data;
  return stralloc_catb(&out, s, n) ? 1 : -1;
}

static int take(compose *c, char type, char const *s, size_t n)
{
  char *copy = malloc(n + 1);
  parcel_record r = {type, copy, n};
  int got;
  memcpy(copy, s, n);
  copy[n] = 0;
  got = compose_take(c, &r);
  free(copy);
  return got;
}

static int takes(compose *c, char type, char const *s)
{
  return take(c, type, s, strlen(s));
}

static void write_all(compose *c, char const *path, char const *to)
{
  compose_trace t = {"me.test", path, to};
  out.len = 0;
  compose_write(c, &t, put, 0);
}

static void test_order(void)
{
  compose c = COMPOSE_ZERO;
  takes(&c, 'H', "A: 1\r\n");
  takes(&c, 'A', "spf=pass");
  takes(&c, 'M', "S: x\r\n");
  takes(&c, 'M', "\r");
  takes(&c, 'M', "\nbody\r\n");
  takes(&c, 'H', "B: 2\r\n\tx\r\n");
  takes(&c, 'A', "dkim=none");
  write_all(&c, "", "a@b");
  is_mem(out.s, out.len,
         "Return-Path: <>\r\nDelivered-To: a@b\r\nAuthentication-Results: "
         "me.test;\r\n\tspf=pass;\r\n\tdkim=none\r\nB: 2\r\n\tx\r\nA: 1\r\n"
         "S: x\r\n\r\nbody\r\n",
         "the order of RFC 8601 2.2 and 5.1: trace, results, newest first");
  is_int((long long)c.header, 8, "the header ends at the empty line");
  compose_reset(&c);
  write_all(&c, 0, 0);
  is_int((long long)out.len, 0, "nothing stays after a reset");
  compose_free(&c);
}

static char const *less(char const *message, char const *omit)
{
  static char text[512];
  compose c = COMPOSE_ZERO;
  takes(&c, 'M', message);
  for (; *omit; omit += strlen(omit) + 1) {
    char e[32];
    size_t n = strcspn(omit, "/");
    memcpy(e, omit, n);
    e[n] = 0;
    memcpy(e + n + 1, omit + n + 1, strlen(omit + n));
    take(&c, 'E', e, strlen(omit));
  }
  write_all(&c, 0, 0);
  snprintf(text, sizeof text, "%.*s", (int)out.len, out.s);
  compose_free(&c);
  return text;
}

static void test_omit(void)
{
  char const *m =
      "A: 1\r\nB: 2\r\nnot a field\r\na : 3\r\n 4\r\nC: 5\r\n\r\nA: 6";
  is_str(less(m, "A/2\0"), "A: 1\r\nB: 2\r\nnot a field\r\nC: 5\r\n\r\nA: 6",
         "the second A, with its folded line");
  is_str(less(m, "a/1\0A/2\0b/1\0"), "not a field\r\nC: 5\r\n\r\nA: 6",
         "names in any case, several at once");
  is_str(less(m, "A/2\0A/2\0A/1\0"), "B: 2\r\nnot a field\r\nC: 5\r\n\r\nA: 6",
         "in any order, twice the same");
  is_str(less(m, "A/3\0D/1\0"), m, "what is not there is not left out");
  is_str(less("A: 1", "A/1\0"), "", "a header without an end");
  is_str(less("\r\nA: 1\r\n", "A/1\0"), "\r\nA: 1\r\n", "an empty header");
}

static void test_bad(void)
{
  static char const *const fields[] = {"",
                                       "X",
                                       "X: 1",
                                       "X: 1\n",
                                       "\r\n",
                                       "X: 1\r\n\r\n",
                                       "X: 1\r\n\r\ny\r\n",
                                       " X: 1\r\n",
                                       "X: \n1\r\n"};
  compose c = COMPOSE_ZERO;
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    ok(takes(&c, 'H', fields[i]) == -1 && errno == EPROTO,
       "a field that would break the header: %zu", i);
  is_int(take(&c, 'H', "X: \0\r\n", 6), -1, "a field with a NUL");
  is_int(takes(&c, 'A', "spf=pass\r\nX: y"), -1, "a result with a line end");
  is_int(takes(&c, 'E', "X"), -1, "an omission without a number");
  is_int(take(&c, 'E', "X\0000", 3), -1, "an omission of the 0th");
  is_int(takes(&c, 'H', "X: 1\r\n"), 1, "a good one is still taken");
  compose_free(&c);
}

static void test_limit(void)
{
  static char chunk[65536];
  compose c = COMPOSE_ZERO;
  int r = 1, n = 0;
  memset(chunk, 'x', sizeof chunk);
  c.message.dir = "/tmp";
  for (; r == 1 && n < 100; n++) r = take(&c, 'M', chunk, sizeof chunk);
  ok(r == 0 && errno == EMSGSIZE && n == 17, "a header of 1 MiB is too big");
  compose_reset(&c);
  takes(&c, 'M', "A: b\r\n\r\n");
  for (n = 0, r = 1; r == 1 && n < 100; n++)
    r = take(&c, 'M', chunk, sizeof chunk);
  is_int(r, 1, "a body is not");
  write_all(&c, 0, 0);
  is_int((long long)out.len, 8 + 100 * 65536, "all of it comes back");
  compose_reset(&c);
  for (n = 0, r = 1; r == 1 && n < 300; n++) r = takes(&c, 'A', "a=b");
  is_int(r, 1, "many records");
  takes(&c, 'M', "A: b\r\n\r\nbody");
  c.message.dir = "/nowhere";
  for (n = 0, r = 1; r == 1 && n < 100; n++)
    r = take(&c, 'M', chunk, sizeof chunk);
  ok(r == -1 && spool_size(&c.message) == 12 + (uint64_t)(n - 1) * 65536,
     "no room: what was taken before is whole");
  compose_free(&c);
}

/* Cut anywhere, the result is the same. */
static void test_cuts(void)
{
  char const m[] = "A: 1\r\nB: 2\r\n 3\r\nA: 4\r\n\r\nx\r\n\r\ny";
  size_t len = sizeof m - 1;
  stralloc want = STRALLOC_ZERO;
  int same = 1;
  for (size_t a = 0; a <= len; a++)
    for (size_t b = a; b <= len; b++) {
      compose c = COMPOSE_ZERO;
      take(&c, 'M', m, a);
      take(&c, 'M', m + a, b - a);
      take(&c, 'E',
           "A\0"
           "2",
           3);
      take(&c, 'M', m + b, len - b);
      write_all(&c, 0, 0);
      if (!want.s) stralloc_catb(&want, out.s, out.len);
      same &= out.len == want.len && !memcmp(out.s, want.s, out.len);
      compose_free(&c);
    }
  ok(same && want.len == len - 6, "chunks may be cut anywhere");
  stralloc_free(&want);
}

static void test_random(void)
{
  unsigned seed = 1;
  for (int i = 0; i < 20000; i++) {
    static char const bytes[] = "AB:\r\n \t\0"
                                "1;x";
    static char const types[] = "MMMHEAV";
    compose c = COMPOSE_ZERO;
    for (int k = 0; k < 6; k++) {
      char s[40];
      size_t n = (size_t)rand_r(&seed) % sizeof s;
      for (size_t j = 0; j < n; j++)
        s[j] = bytes[(size_t)rand_r(&seed) % (sizeof bytes - 1)];
      take(&c, types[(size_t)rand_r(&seed) % 7], s, n);
    }
    write_all(&c, "", 0);
    compose_free(&c);
  }
  ok(1, "random records do no harm");
}

int main(void)
{
  test_order();
  test_omit();
  test_bad();
  test_limit();
  test_cuts();
  test_random();
  return done();
}
