/* needs: spf-check/rspamd-answer.o spf-check/view.o spf-check/view-change.o -ljansson */
/* Answers of rspamd, whole and mutated: whatever comes, what is written is a
   sequence of records that compose_take() accepts. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "spf-check/rspamd.h"
#include "mutate.h"
#include "tap.h"

static char const whole[] =
    "{\"score\":9.0,\"required_score\":15.0,\"action\":\"rewrite subject\","
    "\"subject\":\"[SPAM] x\",\"messages\":{\"smtp_message\":\"told so\"},"
    "\"milter\":{\"remove_headers\":{\"X-Old\":-1,\"Subject\":0,\"From\":[1,2]}"
    ","
    "\"add_headers\":{\"X-B\":{\"value\":\"two\\n three\",\"order\":0},"
    "\"X-C\":[{\"value\":\"3\",\"order\":-1},\"x\"],\"X-A\":\"one\"}},"
    "\"dkim-signature\":[\"a=b;\\r\\n\\tc=d\",\"e\"]}";
static char const message[] = "From: a\r\nX-Old: 1\r\nSubject: x\r\n y\r\n"
                              "X-Old: 2\r\nbroken\r\n\r\nbody\r\n";

static void words(void)
{
  rspamd_answer a;
  ok(rspamd_answer_read(&a, whole, sizeof whole - 1), "a whole answer");
  is_int(a.word, RSPAMD_REWRITE_SUBJECT, "its action");
  is_str(a.text, "told so", "its words");
  is_str(a.subject, "[SPAM] x", "its subject");
  ok(a.score > 8.9 && a.score < 9.1 && a.required > 14.9, "its scores");
  rspamd_answer_free(&a);
}

static void others(void)
{
  static struct {
    char const *s, *text;
    int word;
  } const v[] = {
      {"[]", "the answer is no JSON object", RSPAMD_BAD_ANSWER},
      {"{", "the answer is no JSON object", RSPAMD_BAD_ANSWER},
      {"{}", "the answer has no action", RSPAMD_BAD_ANSWER},
      {"{\"error\":\"busy\\n\"}", "busy?", RSPAMD_BAD_ANSWER},
      {"{\"action\":7}", "the answer has no action", RSPAMD_BAD_ANSWER},
      {"{\"action\":\"soft reject\"}", "", RSPAMD_SOFT_REJECT},
      {"{\"action\":\"other\"}", "", RSPAMD_OTHER},
      {"{\"action\":\"no such word\"}", "", RSPAMD_OTHER}};
  for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
    rspamd_answer a;
    rspamd_answer_read(&a, v[i].s, strlen(v[i].s));
    is_int(a.word, v[i].word, v[i].s);
    is_str(a.text, v[i].text, "  and its words");
    rspamd_answer_free(&a);
  }
}

static void show(view *v)
{
  parcel_record r = {PARCEL_FIELD, "Received: by us\r\n", 17};
  view_reset(v);
  view_take(v, &r, 0);
  r = (parcel_record){PARCEL_MESSAGE, message, sizeof message - 1};
  view_take(v, &r, 0);
  if (!v->whole || view_show(v, "me.test") < 0) exit(111);
}

/* Whether everything that came out of the filter can be taken. */
static int acceptable(int fd)
{
  compose c = COMPOSE_ZERO;
  parcel_in in;
  parcel_record r;
  int got, good = 1;
  parcel_in_init(&in, fd);
  while ((got = parcel_get(&in, &r, io_after(60000))) > 0)
    good = good && (r.type == PARCEL_FIELD || r.type == PARCEL_OMIT) &&
           compose_take(&c, &r) == 1;
  compose_free(&c);
  parcel_in_free(&in);
  return good && got == 0;
}

static int apply(rspamd_answer *a, view *v)
{
  filter f = {.stage = 3};
  int p[2], good;
  if (pipe(p) < 0) exit(111);
  f.stage = 3; /* the message has come */
  parcel_out_init(&f.out, p[1], -1);
  good = rspamd_answer_apply(a, v) >= 0 && view_flush(v, &f) > 0 &&
         parcel_flush(&f.out, io_after(60000)) > 0;
  close(p[1]);
  good = good && acceptable(p[0]);
  close(p[0]);
  parcel_out_free(&f.out);
  return good;
}

static void mutants(void)
{
  static view v = VIEW_ZERO;
  int good = 0, bad = 0, odd = 0;
  for (int i = 0; i < MUTANTS; i++) {
    static char const letters[] = "\"{}[]:,\\nrtu0123456789-.eE \n\t\xc3x";
    rspamd_answer a;
    size_t len;
    char *s = mutate(BYTES(whole), BYTES(letters), &len);
    if (rspamd_answer_read(&a, s, len)) {
      good++;
      show(&v);
      odd += a.word > RSPAMD_OTHER || !apply(&a, &v);
    } else {
      bad++;
      odd += a.word != RSPAMD_BAD_ANSWER || !*a.text;
    }
    rspamd_answer_free(&a);
    free(s);
  }
  is_int(odd, 0, "mutants: what is written can be taken");
  ok(good > MUTANTS / 20 && bad > MUTANTS / 4, "of both kinds: %d and %d", good,
     bad);
}

int main(void)
{
  words();
  others();
  mutants();
  return done();
}
