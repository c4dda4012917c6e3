/* rspamd-check -q: for people. */
#include <stdio.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "conf.h"
#include "rspamd-filter.h"

static void take(rspamd_filter *r)
{
  char buf[PARCEL_CHUNK];
  parcel_record m = {PARCEL_MESSAGE, buf, 0};
  ssize_t n;
  while ((n = io_read(0, buf, sizeof buf, IO_FOREVER)) > 0) {
    m.len = (size_t)n;
    view_take(&r->v, &m, 0);
  }
  if (n < 0 || !r->v.whole) strerr_diefu1sys(111, "read the message");
}

static void symbols(json_t *all)
{
  char const *name;
  json_t *j;
  json_object_foreach(all, name, j)
  {
    char clean[401];
    parcel_clean(clean, sizeof clean, name, strlen(name));
    printf("%s\t%.2f\n", clean, json_number_value(json_object_get(j, "score")));
  }
}

int rspamd_query(rspamd_filter *r)
{
  stralloc none = STRALLOC_ZERO;
  rspamd_answer a;
  view_reset(&r->v);
  r->v.c.message.dir = r->spool;
  take(r);
  if (view_show(&r->v, conf_me()) < 0)
    strerr_diefu1sys(111, "read the message");
  rspamd_ask(&r->r, &none, &r->v, &a);
  if (a.word >= RSPAMD_UNREACHABLE)
    strerr_dief3x(111, rspamd_words[a.word], ": ", a.text);
  printf("%s\t%.2f\t%.2f\n", a.action, a.score, a.required);
  symbols(json_object_get(a.root, "symbols"));
  if (fflush(stdout)) strerr_diefu1sys(111, "write to stdout");
  rspamd_answer_free(&a);
  return 0;
}
