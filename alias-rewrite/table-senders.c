#include <string.h>

#include <skalibs/strerr.h>

#include "addr.h"
#include "table-mail.h"

static void check(int done)
{
  if (!done) strerr_diefu1sys(111, "allocate memory");
}

/* An address, @domain or *, and a NUL */
static void put_entry(text_line const *l, stralloc *to, char const *s,
                      size_t len)
{
  int r = 1;
  if (len == 1 && *s == '*')
    check(stralloc_append(to, '*'));
  else if (*s == '@') {
    check(stralloc_append(to, '@'));
    r = addr_domain_key(to, s + 1, len - 1);
  } else
    r = addr_at(s, len) < len && addr_valid(s, len, ADDR_UTF8)
            ? addr_key(to, s, len)
            : 0;
  check(r >= 0);
  if (!r) {
    char what[ADDR_MAX + 1] = "";
    memcpy(what, s, len < ADDR_MAX ? len : ADDR_MAX);
    text_die(l, "not an address, @domain or *", what);
  }
  check(stralloc_0(to));
}

static int blank(char c)
{
  return c == ' ' || c == '\t';
}

void mail_sender(text_line const *l, void *data)
{
  table_mail *m = data;
  stralloc key = STRALLOC_ZERO, value = STRALLOC_ZERO;
  size_t colon = text_find(l->s, l->len, ':'), end = colon, pos = colon + 1;
  if (colon == l->len) text_die(l, "not ACCOUNT: ADDRESS, …", 0);
  while (end && blank(l->s[end - 1])) end--;
  if (!addr_valid(l->s, end, ADDR_UTF8 | ADDR_BARE) ||
      addr_key(&key, l->s, end) <= 0)
    text_die(l, "not an account's name", 0);
  while (pos < l->len) {
    char const *s = l->s + pos;
    size_t len = text_find(s, l->len - pos, ',');
    pos += len + 1;
    while (len && blank(*s)) s++, len--;
    while (len && blank(s[len - 1])) len--;
    if (len) put_entry(l, &value, s, len);
  }
  if (!value.len) text_die(l, "no address", 0);
  value.len--; /* NUL stands between entries only */
  entries_add(&m->senders, l, 0, &key, &value);
  stralloc_free(&key);
  stralloc_free(&value);
}
