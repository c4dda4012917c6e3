#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "dmarc-record.h"

typedef struct span {
  char const *s;
  size_t len;
} span;

/* What has been seen of a record. */
typedef struct reading {
  dmarc_record *r;
  int bad; /* p, sp or np says no policy */
  int rua; /* at least one URI that can be */
  unsigned seen;
} reading;

enum { SEEN_P, SEEN_SP, SEEN_NP, SEEN_PSD, SEEN_ADKIM, SEEN_ASPF, SEEN_T };

static int blank(char c)
{
  return c == ' ' || c == '\t';
}

static span trim(span t)
{
  while (t.len && blank(*t.s)) t.s++, t.len--;
  while (t.len && blank(t.s[t.len - 1])) t.len--;
  return t;
}

/* Strings of ABNF know no case (RFC 5234 2.3). */
static int is(span t, char const *word)
{
  return t.len == strlen(word) && !strncasecmp(t.s, word, t.len);
}

/* The text up to c, which *rest goes behind: 1, or 0 at the end. */
static int cut(span *rest, char c, span *part)
{
  char const *at;
  if (!rest->s) return 0;
  at = memchr(rest->s, c, rest->len);
  *part = (span){rest->s, at ? (size_t)(at - rest->s) : rest->len};
  rest->len -= part->len + (at != 0);
  rest->s = at ? at + 1 : 0;
  return 1;
}

/* dmarc-tag = 1*ALPHA equals 1*dmarc-value: 1 or 0. */
static int split(span tag, span *name, span *value)
{
  char const *at = memchr(tag.s, '=', tag.len);
  if (!at) return 0;
  *name = trim((span){tag.s, (size_t)(at - tag.s)});
  *value = trim((span){at + 1, tag.len - (size_t)(at + 1 - tag.s)});
  for (size_t i = 0; i < name->len; i++)
    if (!isalpha((unsigned char)name->s[i]) || name->s[i] & 0x80) return 0;
  for (size_t i = 0; i < value->len; i++)
    if (value->s[i] < ' ' || value->s[i] > '~') return 0;
  return name->len && value->len;
}

/* RFC 3986 3: a scheme, a colon and something, with a size of RFC 7489 behind
   it perhaps. */
static int is_uri(span u)
{
  span main;
  size_t i = 0;
  cut(&u, '!', &main);
  if (!main.len || !isalpha((unsigned char)*main.s)) return 0;
  while (i < main.len && (isalnum((unsigned char)main.s[i]) ||
                          (main.s[i] && strchr("+-.", main.s[i]))))
    i++;
  if (i == main.len || main.s[i] != ':' || i + 1 == main.len) return 0;
  while (++i < main.len)
    if (!isalnum((unsigned char)main.s[i]) &&
        !strchr("-._~:/?#[]@$&'()*+;=%", main.s[i]))
      return 0;
  return 1;
}

static void reports(reading *d, span list)
{
  span u;
  while (cut(&list, ',', &u))
    if (is_uri(trim(u))) d->rua = 1;
}

static int first(reading *d, unsigned bit)
{
  int again = d->seen >> bit & 1;
  d->seen |= 1u << bit;
  return !again;
}

static void policy(reading *d, unsigned bit, enum dmarc_policy *to, span v)
{
  if (!first(d, bit)) return;
  for (enum dmarc_policy p = DMARC_POLICY_NONE; p < DMARC_ABSENT; p++)
    if (is(v, dmarc_policy_word(p))) {
      *to = p;
      return;
    }
  d->bad = 1;
}

/* One letter out of those that may be. */
static void letter(reading *d, unsigned bit, char const *all, char *to, span v)
{
  char c = v.len == 1 ? (char)tolower((unsigned char)*v.s) : 0;
  if (first(d, bit) && c && strchr(all, c)) *to = c;
}

static void tag(reading *d, span name, span v)
{
  dmarc_record *r = d->r;
  char t = r->test ? 'y' : 'n';
  if (is(name, "p"))
    policy(d, SEEN_P, &r->p, v);
  else if (is(name, "sp"))
    policy(d, SEEN_SP, &r->sp, v);
  else if (is(name, "np"))
    policy(d, SEEN_NP, &r->np, v);
  else if (is(name, "psd"))
    letter(d, SEEN_PSD, "ynu", &r->psd, v);
  else if (is(name, "adkim"))
    letter(d, SEEN_ADKIM, "rs", &r->adkim, v);
  else if (is(name, "aspf"))
    letter(d, SEEN_ASPF, "rs", &r->aspf, v);
  else if (is(name, "t"))
    letter(d, SEEN_T, "yn", &t, v);
  else if (is(name, "rua"))
    reports(d, v);
  r->test = t == 'y';
}

/* dmarc-version: the first tag, and nothing stands before it. */
static int version(span t)
{
  span name, value;
  return t.len && !blank(*t.s) && split(t, &name, &value) && is(name, "v") &&
         value.len == 6 && !memcmp(value.s, "DMARC1", 6);
}

int dmarc_record_read(dmarc_record *r, char const *s, size_t len)
{
  reading d = {.r = r};
  span rest = {s, len}, t, name, value;
  *r = (dmarc_record){.p = DMARC_ABSENT,
                      .sp = DMARC_ABSENT,
                      .np = DMARC_ABSENT,
                      .psd = 'u',
                      .adkim = 'r',
                      .aspf = 'r'};
  if (!cut(&rest, ';', &t) || !version(t)) return 0;
  while (cut(&rest, ';', &t))
    if (split(t, &name, &value)) tag(&d, name, value);
  if (d.bad) {
    r->p = DMARC_POLICY_NONE;
    r->sp = r->np = DMARC_ABSENT;
    r->unusable = !d.rua;
  }
  if (r->p == DMARC_ABSENT) r->p = DMARC_POLICY_NONE;
  return 1;
}

enum dmarc_policy dmarc_record_policy(dmarc_record const *r, int below,
                                      int exists)
{
  if (!below) return r->p;
  if (!exists && r->np != DMARC_ABSENT) return r->np;
  return r->sp != DMARC_ABSENT ? r->sp : r->p;
}

enum dmarc_policy dmarc_policy_tested(dmarc_record const *r,
                                      enum dmarc_policy p)
{
  return r->test && p > DMARC_POLICY_NONE ? p - 1 : p;
}

char const *dmarc_policy_word(enum dmarc_policy p)
{
  static char const *const words[] = {"none", "quarantine", "reject", ""};
  return words[p];
}
