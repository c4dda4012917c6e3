#include <string.h>

#include "encoder-text.h"

#define WIDTH 75 /* and the = of a soft line break (RFC 2045 6.7 (5)) */

static int put(encoder *e, char const *s, size_t len)
{
  if (e->column + len > WIDTH) {
    if (!stralloc_cats(&e->out, e->lf ? "=\n" : "=\r\n")) return -1;
    e->column = 0;
  }
  e->column += len;
  return stralloc_catb(&e->out, s, len) ? 1 : -1;
}

static int escape(encoder *e, char c)
{
  static char const digits[] = "0123456789ABCDEF";
  char s[3] = {'=', digits[(unsigned char)c >> 4], digits[c & 15]};
  return put(e, s, 3);
}

/* What must not begin a line: mailboxes and SMTP change "From " and dots, and
   a soft line break must not make a boundary. */
static int begins_badly(encoder const *e, char const *s, size_t len)
{
  if (e->column && e->column + 1 <= WIDTH) return 0;
  return *s == '.' || *s == '-' || (len > 4 && !memcmp(s, "From ", 5));
}

static int plain(char c)
{
  return c > ' ' && c <= '~' && c != '=';
}

static int blank(encoder *e)
{
  char c = e->blank;
  e->blank = 0;
  return c ? put(e, &c, 1) : 1;
}

int encoder_text(encoder *e, char const *s, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    int good = blank(e);
    if (good < 0) return -1;
    if (s[i] == ' ' || s[i] == '\t')
      e->blank = s[i];
    else if (plain(s[i]) && !begins_badly(e, s + i, len - i))
      good = put(e, s + i, 1);
    else
      good = escape(e, s[i]);
    if (good < 0) return -1;
  }
  return 1;
}

int encoder_text_end(encoder *e, char const *end, size_t len)
{
  char c = e->blank;
  e->blank = 0;
  if (c && escape(e, c) < 0) return -1; /* RFC 2045 6.7 (3) */
  e->column = 0;
  return stralloc_catb(&e->out, end, len) ? 1 : -1;
}
