/* Entries of aliases and sender-rewrites: KEY [keep-sender]: TARGET, … */
#include <string.h>

#include "addr.h"
#include "route-ask.h"
#include "route-match.h"
#include "table-mail.h"

#define check text_check
#define must text_must

/* One entry while it is read */
typedef struct entry {
  text_line const *l;
  stralloc key, value;
  int pattern; /* targets are templates */
  unsigned groups;
} entry;

static void entry_free(entry *e)
{
  stralloc_free(&e->key);
  stralloc_free(&e->value);
}

/* Where the pattern ends that begins at s[0], a slash: at the next slash
   without a backslash, or len. */
static size_t pattern_end(char const *s, size_t len)
{
  size_t i = 1;
  while (i < len && s[i] != '/') i += 1 + (s[i] == '\\' && i + 1 < len);
  return i;
}

/* /ERE/ at the start of the line: the ERE, with / for \/, begins the value.
   Returns how long it was. */
static size_t read_pattern(entry *e)
{
  text_line const *l = e->l;
  size_t end = pattern_end(l->s, l->len);
  char const *why;
  must(end < l->len, l, "a pattern without an end", l->s, l->len);
  for (size_t i = 1; i < end; i++) {
    if (l->s[i] == '\\' && l->s[i + 1] == '/') i++;
    check(stralloc_append(&e->value, l->s[i]));
    if (l->s[i] == '\\') check(stralloc_append(&e->value, l->s[++i]));
  }
  check(stralloc_0(&e->value));
  why = match_check(e->value.s, &e->groups);
  must(!why, l, why, l->s, end + 1);
  e->pattern = 1;
  return end + 1;
}

/* A target's local part stays as it is written, its domain becomes A-labels:
   the next host may know no UTF-8. */
static void put_address(entry *e, char const *s, size_t len)
{
  stralloc local = STRALLOC_ZERO, domain = STRALLOC_ZERO;
  must(addr_split(s, len, ADDR_UTF8 | ADDR_BARE, &local, &domain), e->l,
       "not an address", s, len);
  check(addr_local_put(&e->value, local.s, local.len) > 0);
  if (domain.len) {
    check(stralloc_cats(&e->value, "@"));
    must(addr_domain_key(&e->value, domain.s, domain.len), e->l, "not a domain",
         s, len);
  }
  stralloc_free(&local);
  stralloc_free(&domain);
}

static void put_domain(entry *e, char const *s, size_t len)
{
  check(stralloc_cats(&e->value, "@"));
  must(addr_domain_key(&e->value, s + 1, len - 1), e->l, "not a domain", s,
       len);
}

/* Whether it may become an address when what it refers to is filled in: seen
   with the letter x. */
static int template(entry *e, char const *s, size_t len)
{
  static match_span const m[10] = {{0, 1}, {0, 1}, {0, 1}, {0, 1}, {0, 1},
                                   {0, 1}, {0, 1}, {0, 1}, {0, 1}, {0, 1}};
  stralloc x = STRALLOC_ZERO;
  char const *why = match_check_target(s, len, e->groups);
  int good, same;
  must(!why, e->l, why, s, len);
  check(match_fill(&x, s, len, "x", m, e->groups) > 0);
  good = x.len && *x.s == '@'
             ? addr_domain_valid(x.s + 1, x.len - 1, ADDR_UTF8, 1)
             : addr_valid(x.s, x.len, ADDR_UTF8 | ADDR_BARE);
  must(good, e->l, "not an address", s, len);
  same = x.len == len && !memcmp(x.s, s, len);
  stralloc_free(&x);
  return !same;
}

static void put_socket(entry *e, char const *s, size_t len)
{
  must(ask_name_valid(s + 1, len - 1), e->l, "not the name of a socket", s,
       len);
  check(stralloc_cats(&e->value, ":socket=") &&
        stralloc_catb(&e->value, s + 1, len - 1));
}

static void put_target(entry *e, char const *s, size_t len)
{
  int alone = addr_at(s, len) == len;
  /* else "|/prog" would be a local part */
  if (alone && (*s == '/' || (*s == '|' && len > 1 && s[1] == '/')))
    must(0, e->l, "programs and files are no targets", s, len);
  if (alone && *s == '|')
    put_socket(e, s, len);
  else if (e->pattern && template(e, s, len))
    check(stralloc_catb(&e->value, s, len));
  else if (*s == '@')
    put_domain(e, s, len);
  else
    put_address(e, s, len);
  check(stralloc_0(&e->value));
}

/* Targets from pos on, each with a NUL behind it: how many */
static unsigned targets(entry *e, size_t pos)
{
  text_line const *l = e->l;
  unsigned n = 0;
  char const *s;
  size_t len;
  for (; text_item(l, &pos, &s, &len); n++) put_target(e, s, len);
  if (!n) text_die(l, "no target", 0);
  return n;
}

static void alias_key(table_mail *m, entry *e, char const *s, size_t len)
{
  if (len && *s == '@') {
    check(stralloc_cats(&e->key, "@"));
    must(addr_domain_key(&e->key, s + 1, len - 1), e->l, "not a domain", s,
         len);
    must(entries_have(&m->domains, e->key.s + 1, e->key.len - 1), e->l,
         "not one of our domains", s, len);
  } else if (addr_at(s, len) < len) {
    mail_own_key(m, e->l, &e->key, s, len);
  } else {
    must(addr_key(&e->key, s, len), e->l, "not an address", s, len);
    check(stralloc_cats(&e->key, "@"));
  }
}

static size_t find_blank(char const *s, size_t len)
{
  size_t space = text_find(s, len, ' '), tab = text_find(s, len, '\t');
  return tab < space ? tab : space;
}

/* Options between the key and the colon at end */
static void options(entry *e, size_t pos, size_t end)
{
  while (pos < end) {
    char const *s = e->l->s + pos;
    size_t len = find_blank(s, end - pos);
    pos += len + 1;
    if (!len) continue;
    must(len == 11 && !memcmp(s, "keep-sender", 11), e->l, "unknown option", s,
         len);
    check(stralloc_catb(&e->value, ":keep-sender", 13));
  }
}

static size_t colon(text_line const *l, size_t pos)
{
  size_t n = pos + text_find(l->s + pos, l->len - pos, ':');
  must(n < l->len, l,
       pos ? "a pattern without targets" : "not ADDRESS: TARGET, …", l->s, n);
  return n;
}

static void pattern_alias(table_mail *m, entry *e)
{
  size_t pos = read_pattern(e), end = colon(e->l, pos);
  size_t len = find_blank(e->l->s + pos, end - pos);
  if (len) {
    must(e->l->s[pos] == '@', e->l, "not @DOMAIN behind a pattern",
         e->l->s + pos, len);
    alias_key(m, e, e->l->s + pos, len);
  }
  options(e, pos + len, end);
  targets(e, end + 1);
  check(stralloc_0(&e->value));
  entries_add(&m->patterns, e->l,
              (unsigned)genalloc_len(table_entry, &m->patterns.list), &e->key,
              &e->value);
}

void mail_alias(text_line const *l, void *data)
{
  table_mail *m = data;
  entry e = {.l = l};
  if (*l->s == '/') {
    pattern_alias(m, &e);
  } else {
    size_t end = colon(l, 0), len = find_blank(l->s, end);
    alias_key(m, &e, l->s, len);
    options(&e, len, end);
    targets(&e, end + 1);
    e.value.len--; /* NUL stands between targets only */
    entries_add(&m->aliases, l, 0, &e.key, &e.value);
  }
  entry_free(&e);
}

/* A sender's key: an address or @DOMAIN, ours or not */
static void sender_key(entry *e, char const *s, size_t len)
{
  if (len && *s == '@') {
    check(stralloc_cats(&e->key, "@"));
    must(addr_domain_key(&e->key, s + 1, len - 1), e->l, "not a domain", s,
         len);
  } else {
    must(addr_valid(s, len, ADDR_UTF8) && addr_key(&e->key, s, len) > 0, e->l,
         "not an address", s, len);
  }
}

void mail_rewrite(text_line const *l, void *data)
{
  table_mail *m = data;
  entry e = {.l = l};
  unsigned source = 0;
  size_t pos = *l->s == '/' ? read_pattern(&e) : 0, end = colon(l, pos), at;
  if (e.pattern) {
    must(find_blank(l->s + pos, end - pos) == 0, l,
         "nothing stands behind a pattern of senders", l->s + pos, end - pos);
    source = (unsigned)genalloc_len(table_entry, &m->rewrites.list);
  } else {
    size_t len = find_blank(l->s, end);
    sender_key(&e, l->s, len);
    must(len + strspn(l->s + len, " \t") >= end, l, "unknown option",
         l->s + len + 1, end - len - 1);
  }
  at = e.value.len;
  must(targets(&e, end + 1) == 1, l, "a sender becomes one address", l->s, end);
  must(e.value.s[at] != ':' && addr_at(e.value.s + at, strlen(e.value.s + at)) <
                                   strlen(e.value.s + at),
       l, "not an address", e.value.s + at, strlen(e.value.s + at));
  if (e.pattern)
    check(stralloc_0(&e.value));
  else
    e.value.len--;
  entries_add(&m->rewrites, l, source, &e.key, &e.value);
  entry_free(&e);
}
