#include <errno.h>
#include <string.h>
#include <strings.h>

#include "letters.h"
#include "search.h"

typedef struct searching {
  session *s;
  parse *p;
  text charset;
  unsigned depth;
} searching;

static search_key *key_of(searching *c);

static void *fail(searching *c, char const *why)
{
  if (!c->p->error) c->p->error = why;
  return 0;
}

static search_key *new_key(searching *c, int kind)
{
  search_key *k = input_keep(c->p->in, sizeof *k);
  if (!k) {
    c->p->no = "[LIMIT] Search too long";
    return fail(c, "");
  }
  *k = (search_key){.kind = kind};
  return k;
}

void search_free(search_key *k)
{
  for (; k; k = k->next) {
    if (k->with_needle) mime_needle_free(&k->needle);
    search_free(k->a);
    search_free(k->b);
  }
}

long search_day(int year, unsigned month, unsigned day)
{
  long y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
  unsigned long of_era = (unsigned long)(y - era * 400);
  unsigned long of_year =
      (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
  return era * 146097 +
         (long)(of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

/* "1-Feb-1994", in quotes or not */
static int date(searching *c, long *day)
{
  static char const months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  static unsigned const days[] = {31, 29, 31, 30, 31, 30,
                                  31, 31, 30, 31, 30, 31};
  text t;
  unsigned d = 0, y = 0, m;
  size_t at = 0;
  if (!parse_astring(c->p, &t)) return 0;
  for (; at < t.len && at < 2 && t.s[at] >= '0' && t.s[at] <= '9'; at++)
    d = d * 10 + (unsigned)(t.s[at] - '0');
  if (!at || t.len != at + 9 || t.s[at] != '-' || t.s[at + 4] != '-')
    return fail(c, "Invalid date") != 0;
  for (m = 0; m < 12 && strncasecmp(t.s + at + 1, months + 3 * m, 3);) m++;
  for (size_t i = at + 5; i < t.len; i++) {
    if (t.s[i] < '0' || t.s[i] > '9') return fail(c, "Invalid date") != 0;
    y = y * 10 + (unsigned)(t.s[i] - '0');
  }
  if (m == 12 || !d || d > days[m]) return fail(c, "Invalid date") != 0;
  *day = search_day((int)y, m + 1, d);
  return 1;
}

/* Without CHARSET it should be US-ASCII; UTF-8 is what 8-bit text then is. */
static int needle(searching *c, search_key *k)
{
  text t;
  stralloc utf8 = STRALLOC_ZERO;
  int r;
  if (!parse_astring(c->p, &t)) return 0;
  r = mime_utf8(&utf8, c->charset.s ? c->charset.s : "UTF-8", t.s, t.len, 1);
  k->with_needle = 1;
  if (r > 0) r = mime_needle_set(&k->needle, utf8.s, utf8.len);
  stralloc_free(&utf8);
  if (r > 0) return 1;
  if (r < 0) {
    c->p->no = "[UNAVAILABLE] Out of memory";
    return fail(c, "") != 0;
  }
  return fail(c, "Text is not of that charset") != 0;
}

static struct {
  char const *name;
  int kind;
  char letter; /* of SEARCH_LETTERS */
  int not ;
} const words[] = {
    {"ALL", SEARCH_ALL, 0, 0},
    {"ANSWERED", SEARCH_LETTERS, 'R', 0},
    {"UNANSWERED", SEARCH_LETTERS, 'R', 1},
    {"DELETED", SEARCH_LETTERS, 'T', 0},
    {"UNDELETED", SEARCH_LETTERS, 'T', 1},
    {"DRAFT", SEARCH_LETTERS, 'D', 0},
    {"UNDRAFT", SEARCH_LETTERS, 'D', 1},
    {"FLAGGED", SEARCH_LETTERS, 'F', 0},
    {"UNFLAGGED", SEARCH_LETTERS, 'F', 1},
    {"SEEN", SEARCH_LETTERS, 'S', 0},
    {"UNSEEN", SEARCH_LETTERS, 'S', 1},
    {"RECENT", SEARCH_RECENT, 0, 0},
    {"OLD", SEARCH_RECENT, 0, 1},
};

static struct {
  char const *name;
  int kind;
} const dates[] = {{"BEFORE", SEARCH_BEFORE}, {"ON", SEARCH_ON},
                   {"SINCE", SEARCH_SINCE},   {"SENTBEFORE", SEARCH_SENTBEFORE},
                   {"SENTON", SEARCH_SENTON}, {"SENTSINCE", SEARCH_SENTSINCE}};

static struct {
  char const *name;
  char const *field; /* 0: as the client says, "" none */
  int kind;
} const texts[] = {
    {"BCC", "Bcc", SEARCH_FIELD},   {"CC", "Cc", SEARCH_FIELD},
    {"FROM", "From", SEARCH_FIELD}, {"SUBJECT", "Subject", SEARCH_FIELD},
    {"TO", "To", SEARCH_FIELD},     {"HEADER", 0, SEARCH_FIELD},
    {"BODY", "", SEARCH_BODY},      {"TEXT", "", SEARCH_TEXT}};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static search_key *negated(searching *c, search_key *k)
{
  search_key *n = k ? new_key(c, SEARCH_NOT) : 0;
  if (n)
    n->a = k;
  else
    search_free(k);
  return n;
}

static search_key *keyword(searching *c, int not )
{
  search_key *k = new_key(c, SEARCH_LETTERS);
  text t;
  int n;
  if (!k || !parse_sp(c->p) || !parse_atom(c->p, &t)) return 0;
  n = keywords_find(&c->s->box.keys, t.s, t.len);
  if (n < 0)
    k->kind = SEARCH_NEVER;
  else
    k->letters = letter_keyword((unsigned)n);
  return not ? negated(c, k) : k;
}

static search_key *text_key(searching *c, char const *field, int kind)
{
  search_key *k = new_key(c, kind);
  if (!k || !parse_sp(c->p)) return 0;
  k->field = field;
  if (!field) {
    text t;
    if (!parse_astring(c->p, &t) || !parse_sp(c->p)) return 0;
    k->field = t.s;
  }
  if (needle(c, k)) return k;
  search_free(k);
  return 0;
}

static search_key *date_key(searching *c, int kind)
{
  search_key *k = new_key(c, kind);
  return k && parse_sp(c->p) && date(c, &k->day) ? k : 0;
}

static search_key *size_key(searching *c, int kind)
{
  search_key *k = new_key(c, kind);
  return k && parse_sp(c->p) && parse_number(c->p, &k->n) ? k : 0;
}

/* A number beyond the last message matches none: clients say 1:* in a mailbox
   that is empty. */
static search_key *set_key(searching *c, int kind)
{
  search_key *k = new_key(c, kind);
  if (!k || (kind == SEARCH_UIDS && !parse_sp(c->p)) ||
      !parse_set(c->p, &k->numbers))
    return 0;
  return k;
}

/* NEW is RECENT UNSEEN. */
static search_key *new_messages(searching *c)
{
  search_key *all = new_key(c, SEARCH_AND), *recent, *seen;
  if (!all) return 0;
  recent = new_key(c, SEARCH_RECENT);
  seen = new_key(c, SEARCH_LETTERS);
  if (!recent || !seen) return 0;
  seen->letters = letter_bit('S');
  recent->next = negated(c, seen);
  all->a = recent;
  return recent->next ? all : 0;
}

static search_key *not_key(searching *c)
{
  return parse_sp(c->p) ? negated(c, key_of(c)) : 0;
}

static search_key *or_key(searching *c)
{
  search_key *k = new_key(c, SEARCH_OR);
  if (!k || !parse_sp(c->p)) return 0;
  k->a = key_of(c);
  if (k->a && parse_sp(c->p)) k->b = key_of(c);
  if (k->b) return k;
  search_free(k);
  return 0;
}

/* key *(SP key) up to the end or ")" */
static search_key *list(searching *c)
{
  search_key *all = new_key(c, SEARCH_AND), **end;
  if (!all) return 0;
  end = &all->a;
  for (;;) {
    *end = key_of(c);
    if (!*end) break;
    end = &(*end)->next;
    if (!parse_peek(c->p, ' ')) return all;
    c->p->s++;
  }
  search_free(all);
  return 0;
}

static search_key *parenthesis(searching *c)
{
  search_key *k;
  c->p->s++;
  k = list(c);
  if (k && parse_char(c->p, ')')) return k;
  search_free(k);
  return 0;
}

/* RFC 8474 6; there are no threads */
static search_key *id_key(searching *c, int kind)
{
  text t;
  search_key *k;
  if (!parse_sp(c->p) || !parse_astring(c->p, &t)) return 0;
  k = new_key(c, kind);
  if (k) k->field = t.s;
  return k;
}

static search_key *word_key(searching *c, text const *t)
{
  for (size_t i = 0; i < COUNT(words); i++) {
    search_key *k;
    if (!text_is(t, words[i].name)) continue;
    k = new_key(c, words[i].kind);
    if (k && words[i].letter) k->letters = letter_bit(words[i].letter);
    return words[i].not ? negated(c, k) : k;
  }
  for (size_t i = 0; i < COUNT(dates); i++)
    if (text_is(t, dates[i].name)) return date_key(c, dates[i].kind);
  for (size_t i = 0; i < COUNT(texts); i++)
    if (text_is(t, texts[i].name))
      return text_key(c, texts[i].field, texts[i].kind);
  if (text_is(t, "KEYWORD")) return keyword(c, 0);
  if (text_is(t, "UNKEYWORD")) return keyword(c, 1);
  if (text_is(t, "LARGER")) return size_key(c, SEARCH_LARGER);
  if (text_is(t, "SMALLER")) return size_key(c, SEARCH_SMALLER);
  if (text_is(t, "UID")) return set_key(c, SEARCH_UIDS);
  if (text_is(t, "EMAILID")) return id_key(c, SEARCH_EMAILID);
  if (text_is(t, "THREADID")) return id_key(c, SEARCH_NEVER);
  if (text_is(t, "NEW")) return new_messages(c);
  if (text_is(t, "NOT")) return not_key(c);
  if (text_is(t, "OR")) return or_key(c);
  return fail(c, "Unknown search key");
}

static search_key *key_of(searching *c)
{
  search_key *k;
  text t;
  if (c->depth == SEARCH_DEPTH) return fail(c, "Search too deep");
  c->depth++;
  if (parse_peek(c->p, '('))
    k = parenthesis(c);
  else if (c->p->s < c->p->end &&
           (*c->p->s == '*' || (*c->p->s >= '0' && *c->p->s <= '9')))
    k = set_key(c, SEARCH_NUMBERS);
  else
    k = parse_atom(c->p, &t) ? word_key(c, &t) : 0;
  c->depth--;
  return k;
}

/* "CHARSET name " before the keys. One that iconv does not know is NO. */
static int charset(searching *c)
{
  stralloc nothing = STRALLOC_ZERO;
  int r;
  if (c->p->end - c->p->s < 8 || strncasecmp(c->p->s, "CHARSET ", 8)) return 1;
  if (c->s->utf8) return fail(c, "CHARSET after UTF8=ACCEPT") != 0;
  c->p->s += 8;
  if (!parse_astring(c->p, &c->charset) || !parse_sp(c->p)) return 0;
  r = mime_utf8(&nothing, c->charset.s, "a", 1, 1);
  stralloc_free(&nothing);
  if (r > 0) return 1;
  c->p->no = "[BADCHARSET (US-ASCII UTF-8)] Unknown charset";
  return fail(c, "") != 0;
}

int search_parse(session *s, parse *p, search_key **key)
{
  searching c = {.s = s, .p = p};
  *key = 0;
  if (!parse_sp(p) || !charset(&c)) return 0;
  *key = list(&c);
  return *key && parse_end(p);
}
