#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "addr.h"
#include "buckets.h"
#include "table-mail.h"

enum { FROM_ACCOUNTS, FROM_USERS };

#define check text_check

static int is_option(char const *s, size_t len, char const *name)
{
  size_t n = strlen(name);
  return len > n && !memcmp(s, name, n) && s[n] == '=';
}

void mail_domain(text_line const *l, void *data)
{
  table_mail *m = data;
  stralloc key = STRALLOC_ZERO, value = STRALLOC_ZERO;
  char const *w;
  size_t pos = 0, len;
  text_word(l, &pos, &w, &len);
  text_must(addr_domain_key(&key, w, len), l, "not a domain", w, len);
  while (text_word(l, &pos, &w, &len)) {
    text_must(is_option(w, len, "delimiter"), l, "unknown option", w, len);
    text_must(!value.len, l, "option given twice", w, len);
    text_must(!addr_is_utf8(w, len) && !memchr(w + 10, '@', len - 10), l,
              "not characters that can begin a tag", w, len);
    check(stralloc_catb(&value, w, len) && stralloc_0(&value));
  }
  if (!m->first.len) check(stralloc_copy(&m->first, &key));
  entries_add(&m->domains, l, 0, &key, &value);
  stralloc_free(&key);
  stralloc_free(&value);
}

void mail_own_key(table_mail *m, text_line const *l, stralloc *key,
                  char const *s, size_t len)
{
  size_t at;
  text_must(addr_valid(s, len, ADDR_UTF8) && addr_key(key, s, len) > 0, l,
            "not an address", s, len);
  at = addr_at(key->s, key->len) + 1;
  text_must(entries_have(&m->domains, key->s + at, key->len - at), l,
            "not in one of our domains", s, len);
}

/* A part of a path: what could leave the directory or hide in it is written
   as %XX, and % too, so that two names never meet. */
static void put_part(stralloc *to, char const *s, size_t len)
{
  static char const digits[] = "0123456789ABCDEF";
  size_t i;
  for (i = 0; i < len; i++) {
    unsigned char c = (unsigned char)s[i];
    char e[3] = {'%', digits[c >> 4], digits[c & 15]};
    int bad = c == '/' || c == '%' || (c == '.' && !i);
    check(stralloc_catb(to, bad ? e : s + i, bad ? 3 : 1));
  }
}

static void default_directory(table_mail *m, text_line const *l, stralloc *to,
                              stralloc const *key)
{
  stralloc local = STRALLOC_ZERO, domain = STRALLOC_ZERO;
  size_t start;
  check(addr_split(key->s, key->len, ADDR_UTF8, &local, &domain) > 0);
  check(stralloc_cats(to, m->mailroot) && stralloc_cats(to, "/"));
  put_part(to, domain.s, domain.len);
  check(stralloc_cats(to, "/"));
  start = to->len;
  if (!local.len) check(stralloc_cats(to, "%"));
  put_part(to, local.s, local.len);
  text_must(to->len - start <= 255, l, "too long for a directory", key->s,
            key->len);
  stralloc_free(&local);
  stralloc_free(&domain);
}

/* A number, with K, M or G for so many bytes: 1 or 0, also for none at all */
static int amount(uint64_t *n, char const *s, size_t len, char const *units)
{
  size_t used = 0;
  char const *unit;
  for (*n = 0; used < len && used < 15 && s[used] >= '0' && s[used] <= '9';)
    *n = *n * 10 + (uint64_t)(s[used++] - '0');
  if (!used || !*n) return 0;
  if (used == len) return 1;
  unit = used + 1 == len ? strchr(units, s[used]) : 0;
  if (!unit || *n >> 30) return 0;
  *n <<= 10 * (unit - units + 1);
  return 1;
}

static void put_amount(stralloc *value, char const *name, uint64_t n)
{
  char text[64];
  snprintf(text, sizeof text, "%s=%llu", name, (unsigned long long)n);
  check(stralloc_cats(value, text) && stralloc_0(value));
}

#define PROGRAM 1000 /* bytes of the command, less than a path */
#define WORDS 32     /* of it */

/* The rest of the line is a command: words, for there is no shell. */
static void program(text_line const *l, stralloc *value, size_t *pos,
                    char const *w, size_t len)
{
  size_t start = value->len, words = 0;
  text_must(len > 9 && w[8] == '/', l, "not an absolute program", w, len);
  do {
    check((!words || stralloc_append(value, ' ')) &&
          stralloc_catb(value, w, len));
    text_must(++words <= WORDS && value->len - start < PROGRAM, l,
              "too long a command at", w, len);
  } while (text_word(l, pos, &w, &len));
  check(stralloc_0(value));
}

/* How much the account may send: the words of smtp-recv -B behind send- */
static int is_rate(char const *s, size_t len)
{
  return is_option(s, len, "send-messages") ||
         is_option(s, len, "send-recipients") ||
         is_option(s, len, "send-first");
}

static void rate(text_line const *l, stralloc *value, char const *w, size_t len)
{
  char const *n = (char const *)memchr(w, '=', len) + 1;
  char text[32];
  bucket_rate r;
  size_t have = len - (size_t)(n - w);
  int good = have < sizeof text;
  if (good) memcpy(text, n, have), text[have] = 0;
  text_must(good && bucket_rate_scan(text, &r), l, "not a rate", w, len);
  check(stralloc_catb(value, w, len) && stralloc_0(value));
}

static void account_option(text_line const *l, stralloc *value, size_t *pos,
                           char const *w, size_t len)
{
  uint64_t n;
  if (is_option(w, len, "quota")) {
    text_must(amount(&n, w + 6, len - 6, "KMG"), l, "not a quota", w, len);
    put_amount(value, "quota", n);
  } else if (is_option(w, len, "messages")) {
    text_must(amount(&n, w + 9, len - 9, ""), l, "not a number of messages", w,
              len);
    put_amount(value, "messages", n);
  } else if (is_rate(w, len)) {
    rate(l, value, w, len);
  } else if (is_option(w, len, "program")) {
    program(l, value, pos, w, len);
  } else
    text_must(0, l, "unknown option", w, len);
}

void mail_account(text_line const *l, void *data)
{
  table_mail *m = data;
  stralloc key = STRALLOC_ZERO, value = STRALLOC_ZERO;
  size_t pos = text_find(l->s, l->len, ' '), len, tab;
  char const *w;
  int more;
  tab = text_find(l->s, l->len, '\t');
  if (tab < pos) pos = tab;
  mail_own_key(m, l, &key, l->s, pos);
  more = text_word(l, &pos, &w, &len);
  if (more && !memchr(w, '=', len)) {
    text_must(*w == '/' && len < 1000, l, "not an absolute directory", w, len);
    check(stralloc_catb(&value, w, len));
    more = text_word(l, &pos, &w, &len);
  } else {
    default_directory(m, l, &value, &key);
  }
  check(stralloc_0(&value));
  for (; more; more = text_word(l, &pos, &w, &len))
    account_option(l, &value, &pos, w, len);
  entries_add(&m->accounts, l, FROM_ACCOUNTS, &key, &value);
  stralloc_free(&key);
  stralloc_free(&value);
}

static int known_hash(char const *s)
{
  static char const *const kinds[] = {"$argon2id$", "$2b$", "$2a$", "$2y$",
                                      "$y$",        "$6$",  "$5$"};
  size_t i;
  for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (!strncmp(s, kinds[i], strlen(kinds[i]))) return 1;
  return 0;
}

void mail_user_split(text_line const *l, stralloc *key, char const **hash)
{
  size_t n = text_find(l->s, l->len, ':');
  if (n == l->len) text_die(l, "not ADDRESS:HASH", 0);
  text_must(addr_valid(l->s, n, ADDR_UTF8) && addr_key(key, l->s, n) > 0, l,
            "not an address", l->s, n);
  *hash = l->s + n + 1;
  if (**hash == '*' || **hash == '!')
    *hash = "";
  else if (!known_hash(*hash) || strpbrk(*hash, " \t:"))
    text_die(l, "not a password hash of a known kind", 0);
}

void mail_user(text_line const *l, void *data)
{
  table_mail *m = data;
  stralloc key = STRALLOC_ZERO, value = STRALLOC_ZERO;
  char const *hash;
  mail_user_split(l, &key, &hash);
  key.len = 0;
  mail_own_key(m, l, &key, l->s, text_find(l->s, l->len, ':'));
  default_directory(m, l, &value, &key);
  check(stralloc_0(&value));
  entries_add(&m->accounts, l, FROM_USERS, &key, &value);
  stralloc_free(&key);
  stralloc_free(&value);
}
