#include <ctype.h>
#include <string.h>

#include "parcel.h"
#include "spf-field.h"

/* RFC 5322 3.2.3 */
static int is_dot_atom(char const *s)
{
  size_t n = strlen(s);
  if (!n || *s == '.' || s[n - 1] == '.' || strstr(s, "..")) return 0;
  for (; *s; s++)
    if (*s & 0x80 ||
        (!isalnum((unsigned char)*s) && !strchr("!#$%&'*+-/=?^_`{|}~.", *s)))
      return 0;
  return 1;
}

/* s as printable ASCII, with a backslash before each of special. */
static int put_text(stralloc *to, char const *s, char const *special)
{
  char clean[SPF_TEXT];
  size_t n = parcel_clean(clean, sizeof clean, s, strlen(s));
  for (size_t i = 0; i < n; i++)
    if ((strchr(special, clean[i]) && !stralloc_append(to, '\\')) ||
        !stralloc_append(to, clean[i]))
      return 0;
  return 1;
}

static int put_pair(stralloc *to, char const *key, char const *value)
{
  if (!stralloc_cats(to, "\r\n\t") || !stralloc_cats(to, key) ||
      !stralloc_append(to, '='))
    return 0;
  if (is_dot_atom(value))
    return put_text(to, value, "") && stralloc_append(to, ';');
  return stralloc_append(to, '"') && put_text(to, value, "\"\\") &&
         stralloc_cats(to, "\";");
}

int spf_field(stralloc *to, spf_request const *q, spf_answer const *a)
{
  int bad = a->result == SPF_TEMPERROR || a->result == SPF_PERMERROR;
  int done = stralloc_cats(to, "Received-SPF: ") &&
             stralloc_cats(to, spf_words[a->result]) &&
             stralloc_cats(to, "\r\n\t(") && put_text(to, q->me, "()\\") &&
             stralloc_cats(to, ": ") && put_text(to, a->text, "()\\") &&
             stralloc_append(to, ')') && put_pair(to, "client-ip", q->ip) &&
             put_pair(to, "envelope-from", a->helo ? "" : a->identity) &&
             put_pair(to, "helo", q->helo) &&
             put_pair(to, "identity", a->helo ? "helo" : "mailfrom") &&
             (!bad || put_pair(to, "problem", a->text)) &&
             put_pair(to, "receiver", q->me);
  if (!done) return -1;
  to->len--; /* no semicolon behind the last */
  return stralloc_cats(to, "\r\n") ? 1 : -1;
}
