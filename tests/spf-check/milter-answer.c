/* needs: spf-check/milter.o spf-check/milter-steps.o spf-check/milter-message.o spf-check/milter-packet.o spf-check/milter-reply.o spf-check/view.o spf-check/view-change.o -lcares -lresolv */
/* What a milter says at the end of a message, whole and mutated: it ends within
   bounds, replies are replies, and what is written can be taken. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spf-check/milter.h"
#include "mutate.h"
#include "tap.h"

static char const message[] = "From: a\r\nX-Old: 1\r\nSubject: x\r\n y\r\n"
                              "X-Old: 2\r\nbroken\r\n\r\nbody\r\n";
static char const said[] = "\0\0\0\1p"
                           "\0\0\0\6hA\0\x31\n\0"
                           "\0\0\0\xai\0\0\0\1B\0\x32\0\0"
                           "\0\0\0\xdm\0\0\0\2X-Old\0\x33\0"
                           "\0\0\0\xem\0\0\0\1Subject\0\0"
                           "\0\0\0\5qbad\0"
                           "\0\0\0\xfy550 5.7.1 no!\0";

static void show(view *v)
{
  parcel_record r = {PARCEL_FIELD, "Received: by us\r\n", 17};
  view_reset(v);
  view_take(v, &r, 0);
  r = (parcel_record){PARCEL_MESSAGE, message, sizeof message - 1};
  view_take(v, &r, 0);
  if (!v->whole || view_show(v, "me.test") < 0) exit(111);
}

/* Whether everything that the filter writes can be taken. */
static int acceptable(view *v)
{
  compose c = COMPOSE_ZERO;
  filter f = {.stage = 3}; /* the message has come */
  parcel_in in;
  parcel_record r;
  int p[2], good, got;
  if (pipe(p) < 0) exit(111);
  parcel_out_init(&f.out, p[1], -1);
  good = view_flush(v, &f) > 0 && parcel_flush(&f.out, io_after(60000)) > 0;
  close(p[1]);
  parcel_in_init(&in, p[0]);
  while ((got = parcel_get(&in, &r, io_after(60000))) > 0)
    good = good && (r.type == PARCEL_FIELD || r.type == PARCEL_OMIT) &&
           compose_take(&c, &r) == 1;
  compose_free(&c);
  parcel_in_free(&in);
  parcel_out_free(&f.out);
  close(p[0]);
  return good && got == 0;
}

static milter_answer ask(milter *m, char const *s, size_t len, view *v)
{
  static stralloc const none = STRALLOC_ZERO;
  milter_answer a;
  int p[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0 ||
      write(p[1], s, len) != (ssize_t)len)
    exit(111);
  shutdown(p[1], SHUT_WR);
  m->fd = p[0];
  *m->quarantine = 0;
  m->unkept = 0;
  show(v);
  a = milter_ask(m, "eom", 'E', &none, 0, milter_change_view, v);
  close(p[1]);
  milter_close(m);
  return a;
}

/* "550 5.7.1 text", printable */
static int good_reply(milter const *m)
{
  char const *s = m->reply;
  char class = m->reply_action == FILTER_REJECT ? '5' : '4';
  if (s[0] != class || s[3] != ' ' || s[4] != class || s[5] != '.') return 0;
  if (strlen(s) > 430) return 0;
  for (; *s; s++)
    if (*s < ' ' || *s > '~') return 0;
  return 1;
}

static void whole(milter *m, view *v)
{
  is_int(ask(m, said, sizeof said - 1, v), MILTER_REPLY, "whole: a reply");
  is_str(m->reply, "550 5.7.1 no!", "its words");
  is_str(m->quarantine, "bad", "the reason of the quarantine");
  ok(acceptable(v), "its changes");
  is_int(ask(m, said, sizeof said - 2, v), MILTER_FAILED, "cut: none");
  is_int(m->error, MILTER_ON_UNREACHABLE, "  it hung up");
}

static void mutants(milter *m, view *v)
{
  int seen[MILTER_FAILED + 1] = {0}, odd = 0;
  for (int i = 0; i < MUTANTS; i++) {
    static char const letters[] = "\0\0\1\2\5\xff:\r\n hcimqyardtsp+45 .-";
    size_t n;
    char *s = mutate(BYTES(said), BYTES(letters), &n);
    milter_answer a = ask(m, s, n, v);
    free(s);
    seen[a]++;
    if (a == MILTER_REPLY) odd += !good_reply(m);
    if (a == MILTER_FAILED)
      odd += m->error < MILTER_ON_UNREACHABLE || !*m->why || m->fd >= 0;
    odd += !acceptable(v);
  }
  is_int(odd, 0,
         "mutants: known ends, good replies, records that can be taken");
  ok(seen[MILTER_REPLY] > MUTANTS / 20 && seen[MILTER_FAILED] > MUTANTS / 4,
     "of many kinds: %d replies, %d failures, %d others", seen[MILTER_REPLY],
     seen[MILTER_FAILED], MUTANTS - seen[MILTER_REPLY] - seen[MILTER_FAILED]);
}

int main(void)
{
  static view v = VIEW_ZERO;
  static milter m = {.fd = -1, .seconds = 5, .end_seconds = 5};
  if (dup2(open("/dev/null", O_WRONLY), 2) < 0) return 111; /* refusals */
  whole(&m, &v);
  mutants(&m, &v);
  return done();
}
