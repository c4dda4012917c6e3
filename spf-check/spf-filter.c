#include <stdio.h>

#include "conf.h"
#include "log.h"
#include "spf-field.h"
#include "spf-filter.h"

static int verdict(filter *f, filter_action a, spf_answer const *s)
{
  char text[PARCEL_REPLY + 64];
  snprintf(text, sizeof text, "SPF %s%s%s", spf_words[s->result],
           s->explained ? ", the domain explains: " : ": ", s->text);
  return filter_verdict(f, a, FILTER_ALL, spf_detail(s->result), text);
}

static int field(filter *f, spf_request const *q, spf_answer const *a)
{
  stralloc sa = STRALLOC_ZERO;
  int r = spf_field(&sa, q, a);
  if (r > 0) r = filter_field(f, sa.s, sa.len);
  stralloc_free(&sa);
  return r;
}

/* At F everything is known. */
static int sender(filter *f)
{
  spf_options const *o = f->data;
  char const *ip = filter_fact(f, "ip"), *helo = filter_fact(f, "helo");
  char value[1024], result[1100];
  spf_request q = {ip, helo, f->from.s, conf_me()};
  spf_answer a;
  if (f->trusted || !spf_check(&q, &a)) return 1;
  filter_property(value, sizeof value, a.identity);
  snprintf(result, sizeof result, "spf=%s smtp.%s=%s", spf_words[a.result],
           a.helo ? "helo" : "mailfrom", value);
  log_info("trace=%s ip=%s helo=%s from=<%s> spf=%s: %s", filter_fact(f, "id"),
           ip, helo, f->from.s, spf_words[a.result], a.text);
  if (filter_result(f, result) < 0) return -1;
  if (o->field && field(f, &q, &a) < 0) return -1;
  return verdict(f, o->action[a.result], &a);
}

int spf_filter_run(spf_options const *o)
{
  filter f = {.data = (void *)(uintptr_t)o, .sender = sender};
  return filter_run(&f);
}
