#include <errno.h>
#include <string.h>

#include "reply.h"

#define REPLY_LINES 128
#define REPLY_LINE 512 /* RFC 5321 4.5.3.1.5, with CRLF */

static int digit(char c)
{
  return c >= '0' && c <= '9';
}

/* The code at s, 200 to 599, else 0 */
static int code_at(char const *s, size_t len)
{
  if (len < 3 || s[0] < '2' || s[0] > '5' || !digit(s[1]) || !digit(s[2]))
    return 0;
  if (len > 3 && s[3] != ' ' && s[3] != '-') return 0;
  return (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0');
}

/* Length of the enhanced code at s (RFC 3463 2: class.subject.detail of 1, 1 to
   3 and 1 to 3 digits, a blank or the end behind it), else 0 */
static size_t enhanced_at(char const *s, size_t len)
{
  size_t i = 1, part, n;
  if (!len || (s[0] != '2' && s[0] != '4' && s[0] != '5')) return 0;
  for (part = 0; part < 2; part++) {
    if (i >= len || s[i++] != '.') return 0;
    for (n = 0; n < 3 && i < len && digit(s[i]); n++) i++;
    if (!n) return 0;
  }
  return i == len || s[i] == ' ' ? i : 0;
}

static void add_text(reply *r, size_t *used, char const *s, size_t len)
{
  size_t i;
  for (i = 0; i < len && *used < REPLY_TEXT - 1; i++)
    r->text[(*used)++] = s[i] && s[i] != '\n' ? s[i] : '?';
  r->text[*used] = 0;
}

/* The text of one line, whose code is known, goes to r. */
static void add_line(reply *r, size_t *used, char const *s, size_t len,
                     int first)
{
  size_t n = enhanced_at(s, len);
  if (n && s[0] - '0' != r->code / 100) n = 0;
  if (first && n) {
    memcpy(r->enhanced, s, n);
    r->enhanced[n] = 0;
  }
  if (n && (n != strlen(r->enhanced) || memcmp(s, r->enhanced, n))) n = 0;
  if (n && n < len) n++;
  if (!first && *used < REPLY_TEXT - 1) {
    r->text[(*used)++] = '\n';
    r->text[*used] = 0;
  }
  add_text(r, used, s + n, len - n);
}

int reply_get(line_in *in, reply *r, io_time deadline)
{
  size_t used = 0, len;
  int n;
  *r = (reply){0};
  for (n = 0; n < REPLY_LINES; n++) {
    char *s;
    int code, more, got = line_get(in, &s, &len, deadline);
    if (!got && !n) return 0;
    if (got <= 0) {
      if (!got) errno = EPIPE;
      if (errno == EMSGSIZE) errno = EPROTO;
      return -1;
    }
    len = line_chomp(s, len);
    code = code_at(s, len);
    if (!code || (n && code != r->code)) break;
    r->code = code;
    more = len > 3 && s[3] == '-';
    add_line(r, &used, s + (len > 3 ? 4 : 3), len - (len > 3 ? 4 : 3), !n);
    if (!more) return 1;
  }
  return errno = EPROTO, -1;
}
