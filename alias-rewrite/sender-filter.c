#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "author.h"
#include "head.h"
#include "log.h"
#include "sender-filter.h"
#include "senders.h"

/* One parcel's. */
typedef struct state {
  char const *path;
  sender_actions const *actions;
  table *t; /* opened when something must be looked up */
  head head;
  int whole; /* it has been judged */
} state;

static void begin(filter *f)
{
  state *s = f->data;
  table_close(s->t);
  s->t = 0;
  s->whole = 0;
  head_reset(&s->head);
}

static int no_table(filter *f)
{
  log_warnsys("trace=%s unable to look up senders", filter_fact(f, "id"));
  return filter_reply(f, FILTER_DEFER, FILTER_ALL,
                      "451 4.3.0 Tables are not available");
}

static table *get(state *s)
{
  if (!s->t && table_open(&s->t, s->path) < 0) s->t = 0;
  return s->t;
}

/* refusal: the code and enhanced code of a reject, "550 5.7.1" */
static int verdict(filter *f, filter_action a, char const *refusal,
                   char const *text)
{
  char reply[PARCEL_REPLY], clean[401];
  if (a == FILTER_IGNORE) return 1;
  parcel_clean(clean, sizeof clean, text, strlen(text));
  log_info("trace=%s ip=%s user=%s: %s", filter_fact(f, "id"),
           filter_fact(f, "ip"), filter_fact(f, "user"), clean);
  if (a != FILTER_REJECT)
    return filter_verdict(f, a, FILTER_ALL, refusal + 6, text);
  snprintf(reply, sizeof reply, "%s %s", refusal, clean);
  return filter_reply(f, a, FILTER_ALL, reply);
}

/* Whether the account may use address: 1, or after a verdict 0, or -1 */
static int own(filter *f, char const *address, char const *where,
               enum sender_event event)
{
  state *s = f->data;
  char const *account = filter_fact(f, "user"), *why;
  char text[3 * PARCEL_FACT];
  int r;
  if (s->actions->event[event] == FILTER_IGNORE) return 1;
  r = get(s) ? senders_may(s->t, account, address, &why) : -1;
  if (r > 0) return 1;
  if (r < 0) return no_table(f) < 0 ? -1 : 0;
  snprintf(text, sizeof text, "%s <%.400s> is no address of %.200s: %s", where,
           address, account, why);
  r = verdict(f, s->actions->event[event],
              event == SENDER_ENVELOPE ? "553 5.7.1" : "550 5.7.1", text);
  return r < 0 ? -1 : 0;
}

/* RFC 6409 6.1; the null path is what reports of clients have (RFC 8098). */
static int account_path(filter *f)
{
  state *s = f->data;
  if (!*f->from.s)
    return verdict(f, s->actions->event[SENDER_NULL], "553 5.7.1",
                   "There is no reverse-path");
  return own(f, f->from.s, "MAIL FROM", SENDER_ENVELOPE) < 0 ? -1 : 1;
}

/* Mail with an address of ours, from elsewhere: a verdict if it is one. 1; 0
   after a verdict; -1 */
static int claim(filter *f, char const *address, char const *where,
                 enum sender_claim c)
{
  state *s = f->data;
  char text[PARCEL_FACT];
  int r;
  if (!get(s)) return no_table(f) < 0 ? -1 : 0;
  r = senders_ours(s->t, address);
  if (r < 0) return no_table(f) < 0 ? -1 : 0;
  if (!r) return 1;
  snprintf(text, sizeof text,
           "%s <%.400s> is an address of ours: log in to send from it", where,
           address);
  return verdict(f, s->actions->claim[c], "550 5.7.1", text) < 0 ? -1 : 0;
}

static int sender(filter *f)
{
  state *s = f->data;
  if (*filter_fact(f, "user")) return account_path(f);
  if (f->trusted || !*f->from.s ||
      s->actions->claim[SENDER_CLAIM_ENVELOPE] == FILTER_IGNORE)
    return 1;
  return claim(f, f->from.s, "MAIL FROM", SENDER_CLAIM_ENVELOPE) < 0 ? -1 : 1;
}

static int malformed(filter *f, char const *why)
{
  state *s = f->data;
  return verdict(f, s->actions->event[SENDER_MALFORMED], "550 5.6.0", why);
}

/* RFC 5322 3.6.2: all of From and, if it is there, Sender. */
static int account_header(filter *f, stralloc *from, stralloc *as)
{
  state *s = f->data;
  stralloc const *h = &s->head.own;
  char const *why;
  int r = author_read(from, h->s, h->len, "From", &why), n = 0, good = 1;
  if (r < 0) return -1;
  if (r == AUTHOR_ABSENT) return malformed(f, "There is no From field");
  if (r == AUTHOR_BAD) return malformed(f, why);
  for (size_t at = 0; good > 0 && at < from->len; n++) {
    good = own(f, from->s + at, "From", SENDER_HEADER);
    at += strlen(from->s + at) + 1;
  }
  if (good <= 0) return good;
  r = author_read(as, h->s, h->len, "Sender", &why);
  if (r < 0) return -1;
  if (r == AUTHOR_ABSENT)
    return n > 1 ? malformed(f, "Several authors and no Sender field") : 1;
  if (r == AUTHOR_BAD) return malformed(f, why);
  if (strlen(as->s) + 1 < as->len)
    return malformed(f, "Several addresses in the Sender field");
  return own(f, as->s, "Sender", SENDER_HEADER);
}

/* What cannot be read is not ours to judge here: dmarc-check does. */
static int foreign_header(filter *f, stralloc *from)
{
  state *s = f->data;
  char const *why;
  int r = author_read(from, s->head.own.s, s->head.own.len, "From", &why);
  if (r != AUTHOR_OK) return r < 0 ? -1 : 1;
  r = 1;
  for (size_t at = 0; r > 0 && at < from->len; at += strlen(from->s + at) + 1)
    r = claim(f, from->s + at, "From", SENDER_CLAIM_HEADER);
  return r;
}

static int judge(filter *f)
{
  state *s = f->data;
  stralloc from = STRALLOC_ZERO, as = STRALLOC_ZERO;
  int r;
  s->whole = 1;
  r = *filter_fact(f, "user") ? account_header(f, &from, &as)
                              : foreign_header(f, &from);
  stralloc_free(&from);
  stralloc_free(&as);
  return r < 0 ? -1 : 1;
}

static int interested(filter const *f)
{
  state const *s = f->data;
  if (*filter_fact(f, "user")) return 1;
  return !f->trusted && s->actions->claim[SENDER_CLAIM_HEADER] != FILTER_IGNORE;
}

static int record(filter *f, parcel_record const *r)
{
  state *s = f->data;
  size_t used;
  int got;
  if (r->type != PARCEL_MESSAGE || s->whole || !interested(f)) return 1;
  got = head_add(&s->head, r->s, r->len, &used);
  if (!got) return 1;
  if (got > 0) return judge(f);
  if (errno != EMSGSIZE) return -1;
  s->whole = 1;
  return *filter_fact(f, "user") ? malformed(f, "The header is too large") : 1;
}

static int end(filter *f)
{
  state *s = f->data;
  return s->whole || !interested(f) ? 1 : judge(f);
}

int sender_filter_run(char const *path, sender_actions const *actions)
{
  static state s;
  filter f = {.data = &s,
              .begin = begin,
              .sender = sender,
              .record = record,
              .end = end};
  s.path = path;
  s.actions = actions;
  return filter_run(&f);
}
