#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "author.h"
#include "dmarc-filter.h"
#include "dmarc.h"
#include "head.h"
#include "log.h"
#include "resinfo.h"

/* One parcel's. */
typedef struct state {
  dmarc_actions const *actions;
  head head;                 /* of the message as it came, no E, no H */
  int whole;                 /* it has been read, and dmarc begun */
  int large;                 /* or it is too large for that */
  char fault[100];           /* why there is no author domain, or "" */
  char author[DMARC_DOMAIN]; /* or here it is */
  int checked;               /* by SPF: with this result */
  enum spf_result spf_result;
  int signatures; /* have been looked for */
  dmarc d;
} state;

static void begin(filter *f)
{
  state *s = f->data;
  head_reset(&s->head);
  s->whole = s->large = s->checked = s->signatures = 0;
  *s->fault = *s->author = 0;
  dmarc_reset(&s->d);
}

/* RFC 9989 5.3.1, 11.5: precisely one domain; several addresses in it are one
   domain. 1; 0, *why says it; -1 */
static int one_domain(state *s, char const *list, size_t len, char const **why)
{
  for (size_t at = 0; at < len; at += strlen(list + at) + 1) {
    char const *a = list + at;
    char const *domain = addr_domain(a);
    if (*s->author && strcmp(s->author, domain))
      return *why = "addresses of several domains in the From field", 0;
    snprintf(s->author, sizeof s->author, "%s", domain);
  }
  return 1;
}

static int find_author(state *s)
{
  stralloc list = STRALLOC_ZERO;
  char const *why = "no From field";
  int r = author_read(&list, s->head.own.s, s->head.own.len, "From", &why);
  if (r == AUTHOR_OK) r = one_domain(s, list.s, list.len, &why);
  stralloc_free(&list);
  if (r < 0) return -1;
  if (r != AUTHOR_OK) snprintf(s->fault, sizeof s->fault, "%s", why);
  return 1;
}

/* The header is there: the record is looked for while the body comes. */
static int header_ends(state *s)
{
  s->whole = 1;
  if (s->large)
    snprintf(s->fault, sizeof s->fault, "the header is too large");
  else if (find_author(s) < 0)
    return -1;
  if (!*s->fault) dmarc_begin(&s->d, s->author);
  return 1;
}

static int message(state *s, parcel_record const *r)
{
  size_t used;
  int got;
  if (s->whole) return 1;
  got = head_add(&s->head, r->s, r->len, &used);
  if (got < 0 && errno != EMSGSIZE) return -1;
  s->large = got < 0;
  return got ? header_ends(s) : 1;
}

/* The domain of x@d or d, as a key, into to: 1, 0, -1 */
static int domain_of(char *to, char const *value)
{
  stralloc key = STRALLOC_ZERO;
  char const *d = addr_domain(value);
  int r;
  if (!*d) d = value;
  r = addr_domain_key(&key, d, strlen(d));
  if (r > 0 && !stralloc_0(&key)) r = -1;
  if (r > 0 && (*key.s == '[' || key.len > DMARC_DOMAIN)) r = 0;
  if (r > 0) memcpy(to, key.s, key.len);
  stralloc_free(&key);
  return r;
}

static int identifier(state *s, enum dmarc_method m, resinfo const *r,
                      char const *property)
{
  char value[PARCEL_FACT], domain[DMARC_DOMAIN];
  int uncertain = !strcmp(r->result, "temperror"), got;
  if (!uncertain && strcmp(r->result, "pass")) return 1;
  if (!resinfo_get(r, property, value, sizeof value)) return 1;
  got = domain_of(domain, value);
  if (got > 0) dmarc_add(&s->d, m, uncertain, domain);
  return got < 0 ? -1 : 1;
}

/* 4.4.2, 3.2.4: HELO counts only where there is no reverse-path. */
static int result(filter *f, parcel_record const *p)
{
  state *s = f->data;
  resinfo r;
  if (!resinfo_read(&r, p->s, p->len)) return 1;
  if (!strcmp(r.method, "dkim")) {
    s->signatures = 1;
    return identifier(s, DMARC_DKIM, &r, "header.d");
  }
  if (strcmp(r.method, "spf")) return 1;
  if (!s->checked) s->checked = spf_word_scan(&s->spf_result, r.result);
  return identifier(s, DMARC_SPF, &r,
                    *f->from.s ? "smtp.mailfrom" : "smtp.helo");
}

static int record(filter *f, parcel_record const *r)
{
  if (f->trusted) return 1;
  if (r->type == PARCEL_MESSAGE) return message(f->data, r);
  return r->type == PARCEL_RESULT ? result(f, r) : 1;
}

/* A pipeline without one of the checks must not refuse the mail that this one
   would let pass. */
static void unchecked(filter *f, dmarc_answer *a)
{
  state *s = f->data;
  if (a->result != DMARC_FAIL || (s->checked && s->signatures)) return;
  snprintf(a->why, sizeof a->why, "%s was not checked: is %s in the pipeline?",
           s->checked ? "DKIM" : "SPF",
           s->checked ? "dkim-verify" : "spf-check");
  log_warn("trace=%s %s", filter_fact(f, "id"), a->why);
  a->result = DMARC_NONE;
  a->at = 0;
}

/* What is done about it. */
static filter_action choose(state const *s, dmarc_answer const *a)
{
  filter_action const *event = s->actions->event;
  switch (a->result) {
  case DMARC_TEMPERROR:
    return a->harmless ? FILTER_IGNORE : event[DMARC_ON_TEMPERROR];
  case DMARC_PERMERROR: return event[DMARC_ON_PERMERROR];
  case DMARC_FAIL:
    if (a->policy == DMARC_REJECT) return event[DMARC_ON_REJECT];
    if (a->policy == DMARC_QUARANTINE) return event[DMARC_ON_QUARANTINE];
    return FILTER_IGNORE;
  default: return FILTER_IGNORE;
  }
}

/* RFC 8601 2.2, RFC 9989 9.1 */
static int write_result(filter *f, dmarc_answer const *a, filter_action act)
{
  static char const *const dis[] = {"none", "quarantine", "reject", "defer"};
  state *s = f->data;
  char text[2 * DMARC_TEXT + 200], value[DMARC_TEXT];
  size_t n =
      (size_t)snprintf(text, sizeof text, "dmarc=%s", dmarc_word(a->result));
  if (a->at)
    n += (size_t)snprintf(text + n, sizeof text - n, " (p=%s dis=%s)",
                          dmarc_policy_word(a->published), dis[act]);
  if (a->result == DMARC_TEMPERROR || a->result == DMARC_PERMERROR) {
    filter_property(value, sizeof value, a->why);
    n += (size_t)snprintf(text + n, sizeof text - n, " reason=%s", value);
  }
  if (*s->author && !*s->fault)
    n += (size_t)snprintf(text + n, sizeof text - n, " header.from=%s",
                          s->author);
  if (a->at)
    snprintf(text + n, sizeof text - n, " policy.dmarc=%s",
             dmarc_policy_word(a->policy));
  return filter_result(f, text);
}

/* SPF's own action (RFC 9989 7.1: not before DMARC could be known): only where
   no policy asks for anything, and nothing passes. */
static int spf_verdict(filter *f, dmarc_answer const *a)
{
  state *s = f->data;
  char text[PARCEL_REPLY];
  if (!s->checked || a->result == DMARC_PASS ||
      a->published != DMARC_POLICY_NONE ||
      (a->result == DMARC_TEMPERROR && !a->at))
    return 1;
  snprintf(text, sizeof text, "SPF %s, and there is no DMARC policy",
           spf_words[s->spf_result]);
  return filter_verdict(f, s->actions->spf[s->spf_result], FILTER_ALL,
                        spf_detail(s->spf_result), text);
}

static int end(filter *f)
{
  state *s = f->data;
  dmarc_answer a = {.result = DMARC_PERMERROR};
  filter_action act;
  char text[DMARC_TEXT + 16];
  if (f->trusted) return 1;
  if (!s->whole && header_ends(s) < 0) return -1;
  if (*s->fault)
    snprintf(a.why, sizeof a.why, "%s", s->fault);
  else
    dmarc_end(&s->d, &a);
  unchecked(f, &a);
  act = choose(s, &a);
  log_info("trace=%s from=%s dmarc=%s policy=%s: %s", filter_fact(f, "id"),
           *s->fault ? "" : s->author, dmarc_word(a.result),
           a.at ? dmarc_policy_word(a.policy) : "", a.why);
  if (write_result(f, &a, act) < 0) return -1;
  snprintf(text, sizeof text, "DMARC: %s", a.why);
  if (filter_verdict(f, act, FILTER_ALL, "7.1", text) < 0) return -1;
  return act == FILTER_IGNORE ? spf_verdict(f, &a) : 1;
}

int dmarc_filter_run(dmarc_actions const *actions)
{
  static state s;
  filter f = {.data = &s, .begin = begin, .record = record, .end = end};
  s.actions = actions;
  return filter_run(&f);
}
