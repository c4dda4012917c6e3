/* needs: */
/* RFC 5321 4.2, RFC 2034 4: replies as peers send them and as we do */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "reply.h"
#include "mutate.h"
#include "tap.h"

static char buf[1024];
static line_in in;

static int get(char const *text, size_t len, reply *r)
{
  int p[2], got;
  if (pipe(p) < 0) exit(111);
  if (write(p[1], text, len) != (ssize_t)len) exit(111);
  close(p[1]);
  line_init(&in, p[0], buf, sizeof buf);
  got = reply_get(&in, r, io_after(60000));
  close(p[0]);
  return got;
}

static int gets_(char const *text, reply *r)
{
  return get(text, strlen(text), r);
}

static void one_line(void)
{
  reply r;
  is_int(gets_("250 2.1.0 Sender ok\r\n", &r), 1, "one line");
  is_int(r.code, 250, "its code");
  is_str(r.enhanced, "2.1.0", "its enhanced code (RFC 2034)");
  is_str(r.text, "Sender ok", "its text without codes");
  gets_("250\r\n", &r);
  is_int(r.code, 250, "4.2: a code alone");
  is_str(r.text, "", "no text");
  gets_("354 go on\n", &r);
  is_str(r.text, "go on", "a bare LF ends a line, too");
  gets_("550 4.1.1 odd\r\n", &r);
  is_str(r.enhanced, "", "RFC 3463 2: another class is no enhanced code");
  is_str(r.text, "4.1.1 odd", "it stays text");
  gets_("550 5.1.1234 odd\r\n", &r);
  is_str(r.enhanced, "", "RFC 3463 2: at most three digits");
  gets_("250 2.0.0\r\n", &r);
  is_str(r.enhanced, "2.0.0", "enhanced code without text");
  is_str(r.text, "", "no text behind it");
}

static void many_lines(void)
{
  reply r;
  char all[8192] = "";
  int i;
  gets_("250-mx.test\r\n250-SIZE 1\r\n250 HELP\r\n", &r);
  is_str(r.text, "mx.test\nSIZE 1\nHELP", "lines are joined");
  gets_("550-5.7.1 one\r\n550 5.7.1 two\r\n", &r);
  is_str(r.text, "one\ntwo", "the enhanced code of each line is cut");
  gets_("550-one\r\n550 5.7.1 two\r\n", &r);
  is_str(r.text, "one\n5.7.1 two", "only the first line says it");
  is_int(gets_("250-a\r\n251 b\r\n", &r), -1, "4.2.1: one code for all lines");
  is_int(errno, EPROTO, "that is EPROTO");
  for (i = 0; i < 129; i++) strcat(all, "250-x\r\n");
  strcat(all, "250 x\r\n");
  is_int(gets_(all, &r), -1, "more than 128 lines end it");
  is_int(errno, EPROTO, "also EPROTO");
}

static void broken(void)
{
  static char const *const bad[] = {"",           "25 x\r\n",  "abc\r\n",
                                    "250x y\r\n", "150 x\r\n", "650 x\r\n",
                                    "\r\n",       " 250 x\r\n"};
  reply r;
  size_t i;
  char line[2000];
  is_int(gets_("", &r), 0, "end of file before a reply is 0");
  for (i = 1; i < sizeof bad / sizeof *bad; i++) {
    ok(gets_(bad[i], &r) == -1 && errno == EPROTO, "no reply: line %zu", i);
  }
  ok(gets_("250-a\r\n", &r) == -1 && errno == EPIPE, "end inside a reply");
  ok(gets_("250 a", &r) == -1 && errno == EPIPE, "end inside a line");
  memset(line, 'x', sizeof line);
  memcpy(line, "250 ", 4);
  memcpy(line + sizeof line - 2, "\r\n", 2);
  ok(get(line, sizeof line, &r) == -1 && errno == EPROTO, "line too long");
  is_int(get("250 a\0b\r\n", 9, &r), 1, "a NUL does not cut the text");
  is_str(r.text, "a?b", "it becomes a question mark");
}

/* Whatever comes: 1, 0 or -1, the text ends, and its code is one. */
static void mutations(void)
{
  static char const seed[] =
      "250-2.1.0 mx.test\r\n250-2.1.0 b\r\n250 2.1.0 c\r\n";
  unsigned bad = 0;
  for (int i = 0; i < MUTANTS; i++) {
    size_t n;
    char *s = mutate(BYTES(seed), BYTES("0245 -.\r\n\0\377x"), &n);
    reply r;
    if (get(s, n, &r) == 1 &&
        (r.code < 200 || r.code > 599 || strlen(r.text) > n))
      bad++;
    free(s);
  }
  is_int(bad, 0, "what is read from damaged replies is one");
}

int main(void)
{
  one_line();
  many_lines();
  broken();
  mutations();
  return done();
}
