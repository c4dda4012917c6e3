/* needs: smtp-send/letter.o smtp-send/outcome.o -lidn2 -lutf8proc */
/* Parcels as smtp-send reads them, damaged, and without memory: what becomes a
   command to a peer is an address or a parameter, or is not sent. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addr.h"
#include "mutate.h"
#include "nomem.h"
#include "smtp-send/letter.h"

#define IN(text)                                                               \
  {                                                                            \
    BYTES(text)                                                                \
  }
/* Records whose length is written by wire() */
#define SENT                                                                   \
  "Iid\nPid=trace\nPtime=1795500000\n"                                         \
  "Fa@b.test|SMTPUTF8|BODY=8BITMIME|SIZE=100|RET=HDRS|ENVID=x+2By|"            \
  "REQUIRETLS\n"                                                               \
  "T0|c@d.test|route=remote|via=mx.test|notify=NEVER|orcpt=rfc822;c@d\n"       \
  "?\nT1|e@b\xc3\xbc"                                                          \
  "cher.test|route=remote|rcpt=list@our.test|from=\n"                          \
  "T2|postmaster|route=remote\n"                                               \
  "Vdefer|451 4.3.0 later|1\nMA: b~~body~\nHX: y~\nEA|1\nAspf=pass\n.\n"

/* A line is a record; | is NUL, ~ is CRLF. */
static size_t wire(char *to, char const *s, size_t len)
{
  size_t n = 0;
  for (size_t i = 0, k; i < len; i += k + 1) {
    char record[1024];
    size_t m = 0;
    for (k = 0; i + k < len && s[i + k] != '\n'; k++) {
      if (m > sizeof record - 3) break;
      if (s[i + k] == '~') record[m++] = '\r';
      record[m++] = s[i + k] == '|' ? 0 : s[i + k] == '~' ? '\n' : s[i + k];
    }
    n += (size_t)sprintf(to + n, "%zu:", m);
    memcpy(to + n, record, m);
    n += m;
    to[n++] = ',';
  }
  return n;
}

static parcel_in in;

static void opened(char const *s, size_t len)
{
  static char raw[65536];
  size_t n = wire(raw, s, len);
  int p[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0 ||
      (n && write(p[1], raw, n) != (ssize_t)n))
    abort();
  close(p[1]);
  in.fd = p[0];
  in.pos = in.end = 0;
}

/* To the end, whatever is asked in between */
static int read_all(letter *l)
{
  int asked = 0, r = letter_read(l, &in, 1, &asked, io_after(5000));
  while (r == LETTER_ALL && asked && !l->complete)
    r = letter_read(l, &in, 0, &asked, io_after(5000));
  return r;
}

static int parameter(char const *s)
{
  for (; *s; s++)
    if ((*s <= ' ' && *s >= 0) || *s == 127) return 0;
  return 1;
}

static int address(char const *s)
{
  return !*s || addr_valid(s, strlen(s), ADDR_UTF8 | ADDR_BARE);
}

/* Whether all that goes into commands may */
static int sound(letter const *l)
{
  int good = parameter(letter_text(l, l->ret)) &&
             parameter(letter_text(l, l->envid)) &&
             (l->verdict.code || address(letter_text(l, l->from)));
  for (size_t i = 0; i < l->n; i++) {
    recipient const *t = l->v + i;
    good = good && parameter(letter_text(l, t->notify)) &&
           parameter(letter_text(l, t->orcpt)) &&
           (t->outcome.code || (address(letter_text(l, t->address)) &&
                                address(letter_text(l, t->from))));
  }
  return good;
}

static int damaged(char *s, size_t len)
{
  letter l;
  int r;
  opened(s, len);
  letter_init(&l, 0);
  r = read_all(&l);
  r = r == LETTER_BROKEN || r == LETTER_NONE ? 0 : sound(&l) ? 1 : -1;
  letter_free(&l);
  close(in.fd);
  return r;
}

static int without_memory(void)
{
  static char const sent[] = SENT;
  letter l;
  outcome const later = {.code = 451};
  int r;
  opened(sent, sizeof sent - 1);
  letter_init(&l, 0);
  r = read_all(&l);
  /* what cannot be kept of the message is its verdict */
  if (r == LETTER_ALL && l.verdict.code == 451) r = LETTER_BROKEN;
  r = nomem_judge(
      r, r == LETTER_ALL && l.n == 3 && letter_left(&l) == 2 &&
             !strcmp(letter_text(&l, l.v[1].address), "e@xn--bcher-kva.test"));
  letter_decide(&l, &later);
  if (letter_left(&l)) r = NOMEM_WRONG;
  letter_free(&l);
  close(in.fd);
  return r;
}

static void outcomes(void)
{
  reply said = {.code = 354, .text = "go on"};
  outcome o, temporary, permanent;
  outcome_reply(&o, "mx.test", &said);
  is_int(o.code, 451, "RFC 5321 4.2: 354 is no answer to a recipient");
  said = (reply){.code = 550, .text = "no\nnever"};
  outcome_reply(&permanent, "mx.test", &said);
  is_str(permanent.text, "5.0.0 mx.test said: no never",
         "RFC 3463: a code where the peer has none");
  said = (reply){.code = 550, .enhanced = "5.1.1"};
  memset(said.text, 'x', sizeof said.text - 1);
  outcome_reply(&o, "mx.test", &said);
  ok(!strncmp(o.text, "5.1.1 mx.test said: xxx", 23), "a long one is cut");
  outcome_error(&o, "mx.test", "RCPT", ECONNRESET);
  ok(strstr(o.text, "reset") != 0, "a connection reset");
  outcome_error(&o, "mx.test", "RCPT", 0);
  ok(strstr(o.text, "closed by the peer") != 0, "or closed");
  outcome_error(&o, "mx.test", "RCPT", EPROTO);
  is_str(o.text, "4.5.0 mx.test: no SMTP reply to RCPT", "no reply");
  outcome_error(&o, "mx.test", "RCPT", ETIMEDOUT);
  is_str(o.text, "4.4.2 mx.test: timed out in RCPT", "too late");
  outcome_error(&temporary, "mx.test", "RCPT", EPIPE);
  is_str(temporary.text,
         "4.4.2 mx.test: connection lost in RCPT: closed by the peer", "gone");
  outcome_merge(&permanent, &temporary);
  is_int(permanent.code, 451, "a temporary failure is hope");
  outcome_merge(&permanent, &(outcome){.code = 550});
  is_int(permanent.code, 451, "and stays it");
  o.code = 0;
  outcome_merge(&o, &(outcome){.code = 550});
  is_int(o.code, 550, "the first is what there is");
}

int main(void)
{
  static mutants_input const sent[] = {
      IN(SENT), IN("Ix\nFa@b.test\nT7|c@d.test\nMx\n.\n")};
  if (parcel_in_init(&in, -1) < 0) return 111;
  outcomes();
  nomem_each(without_memory, "letter_read");
  show_mutants("letter", sent, "|\n~@=.0179 +FTVPIM?\0\x7f\xc3\xbc", damaged);
  parcel_in_free(&in);
  return done();
}
