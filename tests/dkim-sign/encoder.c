/* needs: dkim-sign/encoder.o dkim-sign/encoder-text.o imap-serve/mime-params.o imap-serve/mime-join.o */
/* Messages that are made 7-bit before they are signed, whole, damaged, in
   pieces and without memory. */
#include <stdlib.h>
#include <string.h>

#include "dkim-sign/encoder.h"
#define MUTANTS 3000
#include "mutate.h"
#include "nomem.h"

#define WIDE "Content-Transfer-Encoding: 8bit\r\n"
#define MESSAGE                                                                \
  "Subject: x\r\nContent-Type: multipart/mixed; boundary=\"b b\"\r\n" WIDE     \
  "\r\nkept \xc3\xa4\r\n--b b\r\n" WIDE "\r\n\xc3\xa4 \r\n.\r\nFrom x\r\n"     \
  "--b b \r\nContent-Type: multipart/digest; boundary=c\r\n\r\n--c\r\n\r\n"    \
  "A: b\r\nContent-Type: text/plain (x)\r\n" WIDE                              \
  "\r\nx=\xe4\t\r\n--c--\r\n--b b\r\n"                                         \
  "Content-Type: multipart/signed; boundary=d\r\n" WIDE "\r\n--d\r\n" WIDE     \
  "\r\n\xe4\r\n--d--\r\n--b b--\r\nend\r\n"

static int feed(encoder *e, char const *s, size_t len, size_t piece)
{
  int r = 1;
  encoder_begin(e);
  while (len && r > 0) {
    size_t n = piece && piece < len ? piece : len;
    r = encoder_feed(e, s, n);
    s += n;
    len -= n;
  }
  return r > 0 ? encoder_end(e) : r;
}

static int same(encoder const *a, encoder const *b)
{
  return a->out.len == b->out.len &&
         (!a->out.len || !memcmp(a->out.s, b->out.s, a->out.len));
}

static int unlike(char const *s, size_t len)
{
  static encoder whole, parts, again;
  feed(&whole, s, len, 0);
  feed(&parts, s, len, 1 + mutate_dice(20));
  feed(&again, whole.out.s, whole.out.len, 0);
  return !same(&whole, &parts) + 2 * !same(&whole, &again);
}

/* The same however the bytes come; and what was made is left as it is. */
static void damaged(char const *message, size_t len, char const *what)
{
  int wrong[4] = {0};
  for (int i = 0; i < MUTANTS; i++) {
    size_t n;
    char *s = mutate(message, len, BYTES("\r\n-=:;b\" \t\0\xe4.F("), &n);
    int bad = unlike(s, n);
    if (bad && !wrong[bad]++)
      printf("# %d: %zu bytes\n%.*s\n", bad, n, (int)n, s);
    free(s);
  }
  ok(!wrong[1] && !wrong[3], "%s, damaged: in pieces as at once", what);
  ok(!wrong[2] && !wrong[3], "%s, damaged: made 7-bit once and for all", what);
}

static void becomes(char const *s, char const *want, char const *what)
{
  static encoder e;
  feed(&e, s, strlen(s), 0);
  is_mem(e.out.s, e.out.len, want, what);
}

static void texts(void)
{
  becomes(WIDE "\r\na \r\n\tb=\r\n.\r\n",
          "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
          "a=20\r\n\tb=3D\r\n=2E\r\n",
          "RFC 2045 6.7: blanks at the end of a line, =, a dot");
  becomes("Content-Transfer-Encoding: Binary\n\n\xe4 ",
          "Content-Transfer-Encoding: quoted-printable\n\n=E4=20",
          "LF alone, and no end of the last line");
  becomes(WIDE "\r\nFrom x\r\n-- \r\nFrom",
          "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
          "=46rom x\r\n=2D-=20\r\nFrom",
          "what a mailbox or a boundary begins with");
  becomes(WIDE WIDE "\r\n\xe4\r\n", WIDE WIDE "\r\n\xe4\r\n",
          "two encodings: nobody knows which");
  becomes("Content-Type: image/x\r\n\r\n\xe4\r\n",
          "Content-Type: image/x\r\n\r\n\xe4\r\n", "what has no encoding");
  becomes("Content-Type: message/external-body\r\n" WIDE "\r\n\xe4",
          "Content-Type: message/external-body\r\n" WIDE "\r\n\xe4",
          "another kind of message is left alone");
  becomes("Content-Type: message/rfc822\r\n" WIDE "\r\n" WIDE "\r\n\xe4",
          "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n"
          "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E4",
          "a message in a message");
  becomes("Content-Type: multipart/mixed\r\n" WIDE "\r\n\xe4",
          "Content-Type: multipart/mixed\r\n" WIDE "\r\n\xe4",
          "parts without a boundary");
  becomes("A: b", "A: b", "no body");
}

static size_t longest(encoder const *e)
{
  size_t most = 0, n = 0;
  for (size_t i = 0; i < e->out.len; i++)
    if (e->out.s[i] == '\n')
      n = 0;
    else if (e->out.s[i] != '\r' && ++n > most)
      most = n;
  return most;
}

static void limits(void)
{
  static char s[ENCODER_HEAD + 200];
  static encoder e;
  size_t n = sizeof WIDE + 1;
  memcpy(s, WIDE "\r\n", n);
  memset(s + n, '.', 10000);
  feed(&e, s, n + 10000, 0);
  is_int((long long)longest(&e), 76, "RFC 2045 6.7 (5): lines of 76");
  memcpy(s, WIDE "A: ", n);
  memset(s + n, 'x', sizeof s - n);
  memcpy(s + sizeof s - 7, "\r\n\r\n\xe4\r\n", 7);
  feed(&e, s, sizeof s, 0);
  is_mem(e.out.s, 31, "Content-Transfer-Encoding: 8bit",
         "a header too long is left as it is");
  is_int((long long)e.out.len, sizeof s, "and all of the message");
}

/* RFC 2046 5.1: each level within the last */
static void deep(void)
{
  char s[8192] = "";
  encoder e = {0};
  for (int i = 0; i <= ENCODER_LEVELS; i++)
    sprintf(s + strlen(s),
            "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i,
            i);
  strcat(s, WIDE "\r\n\xe4\r\n");
  feed(&e, s, strlen(s), 0);
  ok(memmem(e.out.s, e.out.len, "\xe4", 1) != 0,
     "what is too deep is left alone");
  encoder_free(&e);
}

static int starved(void)
{
  static char const message[] = MESSAGE;
  encoder e = {0};
  int r = feed(&e, message, sizeof message - 1, 7);
  r = nomem_judge(r, e.out.s &&
                         memmem(e.out.s, e.out.len,
                                "=C3=A4=20\r\n=2E\r\n=46rom x\r\n", 25) &&
                         memmem(e.out.s, e.out.len, "x=3D=E4=09\r\n", 12) &&
                         memmem(e.out.s, e.out.len, WIDE "\r\n\xe4\r\n", 36));
  encoder_free(&e);
  return r;
}

int main(void)
{
  texts();
  limits();
  deep();
  damaged(BYTES(MESSAGE), "message");
  nomem_each(starved, "encoder");
  return done();
}
