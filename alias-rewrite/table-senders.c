#include <string.h>

#include "addr.h"
#include "table-mail.h"

/* An address, @domain or *, and a NUL */
static void put_entry(text_line const *l, stralloc *to, char const *s,
                      size_t len)
{
  int r = 1;
  if (len == 1 && *s == '*')
    text_check(stralloc_append(to, '*'));
  else if (*s == '@') {
    text_check(stralloc_append(to, '@'));
    r = addr_domain_key(to, s + 1, len - 1);
  } else
    r = addr_at(s, len) < len && addr_valid(s, len, ADDR_UTF8)
            ? addr_key(to, s, len)
            : 0;
  text_must(r, l, "not an address, @domain or *", s, len);
  text_check(stralloc_0(to));
}

void mail_sender(text_line const *l, void *data)
{
  table_mail *m = data;
  stralloc key = STRALLOC_ZERO, value = STRALLOC_ZERO;
  size_t len = text_find(l->s, l->len, ':'), pos = len + 1;
  char const *s = l->s;
  if (len == l->len) text_die(l, "not ACCOUNT: ADDRESS, …", 0);
  while (len && (s[len - 1] == ' ' || s[len - 1] == '\t')) len--;
  text_must(addr_valid(s, len, ADDR_UTF8 | ADDR_BARE) &&
                addr_key(&key, s, len) > 0,
            l, "not an account's name", s, len);
  while (text_item(l, &pos, &s, &len)) put_entry(l, &value, s, len);
  if (!value.len) text_die(l, "no address", 0);
  value.len--; /* NUL stands between entries only */
  entries_add(&m->senders, l, 0, &key, &value);
  stralloc_free(&key);
  stralloc_free(&value);
}
