/* needs: */
/* What an authentication server says, whole and damaged. The dialogue with real
   ones: tests/auth-check, tests/imap-serve. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth.h"
#include "mutate.h"
#include "unix.h"

#define HELLO                                                                  \
  "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t7\n"   \
  "CUID\t1\nCOOKIE\t0123456789abcdef0123456789abcdef\nDONE\n"
#define IN(text)                                                               \
  {                                                                            \
    BYTES(text)                                                                \
  }

static char const *words;
static size_t length;
static int far = -1;

/* In place of lib/unix.c: somebody who has said it all before he is asked */
int unix_connect(char const *path, io_time deadline)
{
  int p[2];
  (void)path, (void)deadline;
  if (far >= 0) close(far);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0 ||
      (length && write(p[1], words, length) != (ssize_t)length))
    abort();
  shutdown(p[1], SHUT_WR);
  far = p[1];
  return p[0];
}

static auth_client a;
static auth_answer answer;

/* Whether every string has an end */
static int whole(void)
{
  return memchr(answer.user, 0, sizeof answer.user) &&
         memchr(answer.challenge, 0, sizeof answer.challenge) &&
         memchr(a.cookie, 0, sizeof a.cookie) &&
         memchr(a.mechanisms, 0, sizeof a.mechanisms);
}

/* A login of one or two steps: 1 with an account, 0 without */
static int login(char *s, size_t len)
{
  static auth_facts const f = {"smtp", "192.0.2.1", "192.0.2.2", 1};
  io_time soon = io_after(5000);
  int r;
  words = s, length = len;
  if (auth_open(&a, "socket", soon) < 0) return a.fd < 0 ? 0 : -1;
  r = auth_begin(&a, "PLAIN", &f, 0, &answer, soon);
  if (r == AUTH_CONT) r = auth_continue(&a, "eA==", &answer, soon);
  auth_close(&a);
  if (!whole() || (r == AUTH_OK && !*answer.user)) return -1;
  return r == AUTH_OK || r == AUTH_CONT;
}

static int confirm(char *s, size_t len)
{
  int r;
  words = s, length = len;
  r = auth_confirm("socket", 1, 2, "0123", &answer, io_after(5000));
  if (!whole() || (r == AUTH_OK && !*answer.user)) return -1;
  return r == AUTH_OK;
}

static int says(char const *s)
{
  words = s, length = strlen(s);
  if (auth_open(&a, "socket", io_after(5000)) < 0) return -2;
  int r = auth_begin(&a, "PLAIN", &(auth_facts){.service = "imap"}, "AAAA",
                     &answer, io_after(5000));
  auth_close(&a);
  return r;
}

static void answers(void)
{
  char many[AUTH_LINE + 100];
  is_int(says(HELLO "OK\t1\tuser=a\001tb\0011\n"), AUTH_OK, "an account");
  is_str(answer.user, "a\tb\001", "its escapes are undone");
  is_str(a.mechanisms, "PLAIN LOGIN", "the mechanisms");
  is_int(says(HELLO "OK\t7\tuser=x\nOK\t1\tuser=b\n"), AUTH_OK, "another id");
  is_str(answer.user, "b", "is somebody else's");
  is_int(says(HELLO "OK\t1\n"), AUTH_TEMP, "OK without an account");
  is_int(says(HELLO "FAIL\t1\tuser=a\treason=x\n"), AUTH_NO, "no");
  is_int(says(HELLO "FAIL\t1\ttemp\n"), AUTH_TEMP, "not now");
  is_int(says(HELLO "FAIL\t1\tcode=temp_fail\n"), AUTH_TEMP, "nor now");
  is_int(says(HELLO), AUTH_TEMP, "nothing");
  is_int(says(""), -2, "no handshake");
  is_int(says("VERSION\t2\t0\nDONE\n"), -2, "another protocol");
  is_int(says("VERSION\t1\t2\nX\n"), -2, "half a handshake");
  *many = 0;
  for (int i = 0; i < 70; i++) strcat(many, "SPID\t1\n");
  strcat(many, "DONE\n");
  is_int(says(many), -2, "a handshake without an end");
  memset(many, 'x', 400);
  memcpy(many, "COOKIE\t", 7);
  strcpy(many + 400, "\nDONE\n");
  is_int(says(many), -2, "a cookie that does not fit");
  strcpy(many, HELLO "OK\t1\tuser=");
  memset(many + strlen(many) + 400, 0, 1);
  memset(many + strlen(many), 'x', 400);
  strcat(many, "\n");
  is_int(says(many), AUTH_TEMP, "an account's name that does not fit");
  words = HELLO, length = strlen(HELLO);
  auth_open(&a, "socket", io_after(5000));
  is_int(auth_begin(&a, "PLAIN\tx", &(auth_facts){.service = "imap"}, 0,
                    &answer, io_after(5000)),
         AUTH_NO, "a TAB in the mechanism is not sent");
  is_int(auth_continue(&a, "x\n", &answer, io_after(5000)), AUTH_NO,
         "nor an LF in a response");
  auth_close(&a);
  is_int(auth_confirm("socket", 1, 2, "x\ty", &answer, io_after(5000)), AUTH_NO,
         "nor a TAB in a cookie");
}

static void confirmations(void)
{
  static struct {
    char const *s;
    int want;
  } const v[] = {{"USER\t1\ta@b\tuid=1\n", AUTH_OK},
                 {"NOTFOUND\t1\n", AUTH_NO},
                 {"FAIL\t1\treason=x\n", AUTH_NO},
                 {"USER\t1\n", AUTH_TEMP},
                 {"USER\t1\t\n", AUTH_TEMP},
                 {"USER\t2\ta@b\n", AUTH_TEMP},
                 {"", AUTH_TEMP}};
  for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
    words = v[i].s, length = strlen(v[i].s);
    ok(auth_confirm("socket", 1, 2, "01", &answer, io_after(5000)) == v[i].want,
       "confirmation %zu", i);
  }
}

int main(void)
{
  static mutants_input const logins[] = {
      IN(HELLO "OK\t1\tuser=a@b.test\n"),
      IN(HELLO "CONT\t1\tUGFzc3dvcmQ6\nOK\t2\tx\nOK\t1\tuser=\"\001t\"@b\n")};
  static mutants_input const users[] = {
      IN("VERSION\t1\t1\nSPID\t3\nUSER\t1\ta@b.test\tuid=1\n")};
  answers();
  confirmations();
  show_mutants("a login", logins, "\t\n\001\r\00012trn=", login);
  show_mutants("a confirmation", users, "\t\n\001\r\00012trn=", confirm);
  close(far);
  return done();
}
