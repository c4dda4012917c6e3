/* milter-check -q: for people. */
#include <stdio.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "conf.h"
#include "milter-filter.h"

static void said(milter *m, char const *step, char const *what)
{
  char clean[401];
  (void)m;
  parcel_clean(clean, sizeof clean, what, strlen(what));
  printf("%s\t%s\n", step, clean);
}

static void take(view *v)
{
  char buf[PARCEL_CHUNK / 2], crlf[PARCEL_CHUNK], last = 0;
  parcel_record m = {PARCEL_MESSAGE, crlf, 0};
  ssize_t n;
  while ((n = io_read(0, buf, sizeof buf, IO_FOREVER)) > 0) {
    m.len = 0;
    for (ssize_t i = 0; i < n; last = buf[i++]) {
      if (buf[i] == '\n' && last != '\r') crlf[m.len++] = '\r';
      crlf[m.len++] = buf[i];
    }
    view_take(v, &m, 0);
  }
  if (n < 0 || !v->whole) strerr_diefu1sys(111, "read the message");
}

static void fact(filter *f, char const *name, char const *value)
{
  if (!stralloc_cats(&f->facts, name) || !stralloc_cats(&f->facts, "=") ||
      !stralloc_cats(&f->facts, value) || !stralloc_0(&f->facts))
    strerr_diefu1sys(111, "keep a fact");
}

static milter_answer recipient(milter *m, filter *f, char const *to)
{
  char s[400];
  parcel_record t = {PARCEL_TO, s, 0};
  t.len = (size_t)snprintf(s, sizeof s, "0%c%s", 0, to);
  if (t.len >= sizeof s) strerr_dief1x(100, "a recipient is too long");
  return milter_rcpt(m, f, &t);
}

/* Every step until one that is the last. */
static milter_answer tell(milter_filter *q, filter *f, char const *const *to)
{
  milter *m = &q->m;
  milter_answer a = milter_open(m);
  if (a == MILTER_CONTINUE) a = milter_connect(m, f);
  if (a == MILTER_CONTINUE) a = milter_helo(m, f);
  if (a == MILTER_CONTINUE) a = milter_mail(m, f);
  if (a == MILTER_CONTINUE && !*to) a = recipient(m, f, "postmaster");
  for (; a == MILTER_CONTINUE && *to; to++) a = recipient(m, f, *to);
  if (a == MILTER_CONTINUE) a = milter_data(m, f);
  if (a == MILTER_CONTINUE) a = milter_message(m, f, &q->v);
  return a;
}

int milter_query(milter_filter *q, char const *const *envelope)
{
  filter f = {0};
  char const *from = "";
  milter_answer a;
  view_reset(&q->v);
  q->v.c.message.dir = q->spool;
  q->m.said = said;
  fact(&f, "id", "query");
  fact(&f, "helo", "localhost");
  if (*envelope) fact(&f, "ip", *envelope++);
  if (*envelope) from = *envelope++;
  if (!strcmp(from, "<>")) from = "";
  if (!stralloc_cats(&f.from, from) || !stralloc_0(&f.from))
    strerr_diefu1sys(111, "keep the sender");
  take(&q->v);
  if (view_show(&q->v, conf_me()) < 0)
    strerr_diefu1sys(111, "read the message");
  a = tell(q, &f, envelope);
  milter_close(&q->m);
  if (fflush(stdout)) strerr_diefu1sys(111, "write to stdout");
  if (a == MILTER_FAILED)
    strerr_dief3x(q->m.error == MILTER_ON_TIMEOUT ? 99 : 111,
                  milter_words[q->m.error], ": ", q->m.why);
  return 0;
}
