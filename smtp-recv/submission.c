#include <string.h>

#include "addr.h"
#include "date.h"
#include "header.h"
#include "submission.h"

#define RULES (sizeof rules / sizeof *rules)

/* Fields of RFC 5322 3.6 and what stands in them; those that may occur once
   alone are told. */
enum { ANYTHING, DATE, LIST, ONE, MAYBE };

enum { FROM, SENDER };

static struct rule {
  char const *name;
  int what, once;
  char const *bad;
} const rules[] = {
    [FROM] = {"From", LIST, 1, "550 5.6.0 From is malformed"},
    [SENDER] = {"Sender", ONE, 1, "550 5.6.0 Sender is malformed"},
    {"Reply-To", LIST, 1, "550 5.6.0 Reply-To is malformed"},
    {"To", LIST, 1, "550 5.6.0 To is malformed"},
    {"Cc", LIST, 1, "550 5.6.0 Cc is malformed"},
    {"Bcc", MAYBE, 0, "550 5.6.0 Bcc is malformed"},
    {"Date", DATE, 1, "550 5.6.0 Date is malformed"},
    {"Message-ID", ANYTHING, 1, 0},
    {"Subject", ANYTHING, 1, 0},
    {"Resent-From", LIST, 0, "550 5.6.0 Resent-From is malformed"},
    {"Resent-Sender", ONE, 0, "550 5.6.0 Resent-Sender is malformed"},
    {"Resent-To", LIST, 0, "550 5.6.0 Resent-To is malformed"},
    {"Resent-Cc", LIST, 0, "550 5.6.0 Resent-Cc is malformed"},
    {"Resent-Bcc", MAYBE, 0, "550 5.6.0 Resent-Bcc is malformed"},
    {"Resent-Date", DATE, 0, "550 5.6.0 Resent-Date is malformed"},
};

void submission_start(submission *b)
{
  b->head.len = 0;
  b->bcc = b->resent_bcc = 0;
}

int submission_take(submission *b, char const *s, size_t len)
{
  return stralloc_catb(&b->head, s, len) ? 1 : -1;
}

static int good(struct rule const *r, header_field const *f, addr_count *n)
{
  time_t t;
  int offset;
  *n = (addr_count){0};
  if (r->what == ANYTHING) return 1;
  if (r->what == DATE) return date_parse(f->value, f->valuelen, &t, &offset);
  if (!addr_list_valid(f->value, f->valuelen, n)) return 0;
  if (r->what == ONE) return n->mailboxes == 1 && !n->groups;
  return r->what == MAYBE || n->mailboxes || n->groups;
}

typedef struct seen {
  unsigned n[RULES];
  unsigned authors;
} seen;

static char const *check(seen *x, header_field const *f)
{
  addr_count n;
  for (size_t i = 0; i < RULES; i++) {
    if (!header_is(f, rules[i].name)) continue;
    if (!good(rules + i, f, &n)) return rules[i].bad;
    if (x->n[i]++ && rules[i].once)
      return "550 5.6.0 A field that RFC 5322 3.6 allows once is there twice";
    if (i == FROM) x->authors = n.mailboxes;
  }
  return 0;
}

static char const *missing(seen const *x)
{
  if (!x->n[FROM]) return "550 5.6.0 From is missing";
  if (!x->authors) return "550 5.6.0 From names nobody";
  if (x->authors > 1 && !x->n[SENDER])
    return "550 5.6.0 Several authors in From need a Sender";
  return 0;
}

char const *submission_check(submission *b, int lenient)
{
  seen x = {.authors = 0};
  header_field f;
  char const *why = 0;
  int r = 0;
  for (size_t at = 0; at < b->head.len; at += f.len) {
    r = header_next(&f, b->head.s + at, b->head.len - at);
    if (r == 0) break;
    if (r < 0) {
      if (!why) why = "550 5.6.0 A line of the header is no field";
      continue;
    }
    b->bcc += (unsigned)header_is(&f, "Bcc");
    b->resent_bcc += (unsigned)header_is(&f, "Resent-Bcc");
    if (!why) why = check(&x, &f);
  }
  if (!why) why = missing(&x);
  return lenient ? 0 : why;
}
