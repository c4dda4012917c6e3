#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter.h"

static int digit(char c)
{
  return c >= '0' && c <= '9';
}

/* Length of the enhanced code at s that has this class, else 0 (RFC 3463 2) */
static size_t enhanced(char const *s, char class)
{
  size_t n = 1;
  if (*s != class) return 0;
  for (int part = 0; part < 2; part++) {
    size_t digits = 0;
    if (s[n++] != '.') return 0;
    while (digits < 4 && digit(s[n + digits])) digits++;
    if (!digits || digits > 3) return 0;
    n += digits;
  }
  return !s[n] || strchr(" \r\n", s[n]) ? n : 0;
}

/* 421 would end the connection, which is not for a filter to do. */
static int code_at(char const *s)
{
  int code;
  if ((*s != '4' && *s != '5') || !digit(s[1]) || !digit(s[2])) return 0;
  if (s[3] && !strchr(" -\r\n", s[3])) return 0;
  code = (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0');
  return code == 421 ? 451 : code;
}

int milter_reply(milter *m, char const *s)
{
  char text[1024] = "", clean[401], code[12];
  int number = code_at(s);
  size_t used = 0;
  if (!number) return 0;
  snprintf(code, sizeof code, "%c.7.1", *s);
  for (int first = 1; *s; first = 0) {
    size_t len = strcspn(s, "\r\n"), skip = len > 3 ? 4 : len, n;
    if (!code_at(s) || (first ? 0 : *s != *code)) return 0;
    n = enhanced(s + skip, *code);
    if (n && first) snprintf(code, sizeof code, "%.*s", (int)n, s + skip);
    skip += n;
    skip += s[skip] == ' ';
    if (skip < len && used + 1 < sizeof text)
      used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s",
                               used ? " " : "", (int)(len - skip), s + skip);
    if (used >= sizeof text) used = sizeof text - 1;
    s += len;
    s += strspn(s, "\r\n");
  }
  parcel_clean(clean, sizeof clean, text, used);
  snprintf(m->reply, sizeof m->reply, "%d %s %s", number, code,
           *clean ? clean : "Refused");
  m->reply_action = number >= 500 ? FILTER_REJECT : FILTER_DEFER;
  return 1;
}
