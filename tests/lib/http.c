/* needs: -lcares -lresolv */
/* RFC 9110, 9112: URLs, fields, and answers, whole and mutated. The framings
   one by one: tests/spf-check/rspamd-check-faults.t */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "http.h"
#include "mutate.h"
#include "tap.h"

static void urls(void)
{
  static char const *const bad[] = {"",
                                    "http:/x",
                                    "ftp://x",
                                    "http://",
                                    "http:///p",
                                    "http://h:",
                                    "http://h:8x",
                                    "http://h:123456789",
                                    "http://[::1",
                                    "http://[::1]8",
                                    "http://[]",
                                    "http://h/p?q",
                                    "http://h/#",
                                    "http://h /",
                                    "unix:",
                                    "unix:x",
                                    "http://h/\n"};
  static char const *const good[][4] = {
      {"http://h", "h", "80", ""},
      {"https://h/", "h", "443", ""},
      {"http://127.0.0.1:11333", "127.0.0.1", "11333", ""},
      {"http://[::1]:8/a/b//", "::1", "8", "/a/b"},
      {"https://[::1]", "::1", "443", ""},
      {"unix:/run/r", "/run/r", "", ""}};
  char big[HTTP_URL_MAX + 20] = "http://";
  http_url u;
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
    ok(!http_url_scan(&u, bad[i]), "no URL: %u", i);
  for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
    ok(http_url_scan(&u, good[i][0]), "%s", good[i][0]);
    ok(!strcmp(u.host, good[i][1]) && !strcmp(u.port, good[i][2]) &&
           !strcmp(u.path, good[i][3]),
       "its parts: %s %s %s", u.host, u.port, u.path);
  }
  memset(big + 7, 'h', 255);
  ok(http_url_scan(&u, big), "a host of 255");
  big[7 + 255] = 'h';
  ok(!http_url_scan(&u, big), "a host of 256");
  memset(big + 7, 'h', HTTP_URL_MAX);
  ok(!http_url_scan(&u, big), "a long URL");
}

static void fields(void)
{
  stralloc s = STRALLOC_ZERO;
  http_field(&s, "A", "b\r\nC: d\t\x7f\xc3\xbc");
  is_mem(s.s, s.len, "A: b??C: d??\xc3\xbc\r\n", "RFC 9110 5.5: one line");
  stralloc_free(&s);
}

static http h = HTTP_ZERO;
static http_answer a;

static int get(char const *s, size_t len, size_t max)
{
  int p[2], r;
  if (pipe(p) < 0 || write(p[1], s, len) != (ssize_t)len) exit(111);
  close(p[1]);
  h.fd = p[0];
  line_init(&h.in, p[0], h.buf, sizeof h.buf);
  r = http_answer_get(&h, &a, max, io_after(60000));
  http_close(&h);
  return r;
}

static void bounds(void)
{
  static char const counted[] =
      "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde";
  static char const open_end[] = "HTTP/1.1 200 OK\r\n\r\nabcde";
  is_int(get(counted, sizeof counted - 1, 5), 1, "as much as may be");
  ok(a.body.len == 5 && a.keep, "its body");
  is_int(get(counted, sizeof counted - 1, 4), -1, "more than may be");
  is_int(errno, EMSGSIZE, "  EMSGSIZE");
  is_int(get(open_end, sizeof open_end - 1, 5), 1, "until the end");
  ok(a.body.len == 5 && !a.keep, "its body; then there is no more");
  is_int(get(open_end, sizeof open_end - 1, 4), -1, "more than may be");
  is_int(get("", 0, 5), 0, "nothing at all");
  is_int(get("HTTP/1.1 204\r\n\r\n", 16, 5), 1, "RFC 9110 15.3.5: 204");
}

static void mutants(void)
{
  static char const *const whole[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX: y\r\n\r\n{\"action\":1}",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\n"
      "a\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200\r\nConnection: keep-alive\r\n"
      "\r\nbody"};
  int good = 0, broken = 0, odd = 0;
  for (int i = 0; i < MUTANTS; i++) {
    char const *w = whole[i % 3];
    size_t n;
    char *s = mutate(w, strlen(w), BYTES("\r\n:; 0123456789afHT\0\xff-,"), &n);
    int r = get(s, n, 100);
    good += r == 1;
    broken += r < 1;
    odd += (r == 1 && (a.status < 200 || a.status > 599 || a.body.len > 100)) ||
           (r < 0 && errno != EPROTO && errno != EMSGSIZE && errno != EPIPE);
    free(s);
  }
  is_int(odd, 0, "mutants: within bounds, or an error that is known");
  ok(good > MUTANTS / 50 && broken > MUTANTS / 4, "of both kinds: %d and %d",
     good, broken);
}

int main(void)
{
  urls();
  fields();
  bounds();
  mutants();
  return done();
}
