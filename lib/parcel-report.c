/* The sink's answers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "parcel.h"

int parcel_report_make(parcel_report *r, char kind, char const *id,
                       unsigned long number, int code, char const *text)
{
  size_t n = id ? strlen(id) : 0;
  if (n > PARCEL_ID || code < 200 || code > 599) return errno = EINVAL, -1;
  *r = (parcel_report){.kind = kind, .number = number, .code = code};
  if (n) memcpy(r->id, id, n);
  parcel_clean(r->text, sizeof r->text, text, strlen(text));
  return 1;
}

int parcel_report_put(int fd, parcel_report const *r, io_time deadline)
{
  char line[PARCEL_REPORT_LINE];
  int n = r->kind == 'T' ? snprintf(line, sizeof line, "T %lu %d %s\n",
                                    r->number, r->code, r->text)
                         : snprintf(line, sizeof line, "%c %s %d %s\n", r->kind,
                                    r->id, r->code, r->text);
  if (n < 0 || (size_t)n >= sizeof line) return errno = EMSGSIZE, -1;
  return io_write(fd, line, (size_t)n, deadline);
}

static int number(char const *s, char **end, unsigned long *n)
{
  errno = 0;
  *n = strtoul(s, end, 10);
  return *s >= '0' && *s <= '9' && !errno;
}

/* "KIND WORD CODE TEXT" with its line end cut off: 1 or 0 */
static int parse(char *s, parcel_report *r)
{
  char *word = s + 2, *rest;
  unsigned long code;
  if (!strchr("TRQ", s[0]) || !s[0] || s[1] != ' ') return 0;
  *r = (parcel_report){.kind = s[0]};
  if (r->kind == 'T') {
    if (!number(word, &rest, &r->number) || *rest != ' ') return 0;
  } else {
    rest = strchr(word, ' ');
    if (!rest || rest - word > PARCEL_ID) return 0;
    memcpy(r->id, word, (size_t)(rest - word));
  }
  if (!number(rest + 1, &rest, &code) || code < 200 || code > 599) return 0;
  if (*rest != ' ' && *rest) return 0;
  r->code = (int)code;
  if (*rest) rest++;
  parcel_clean(r->text, sizeof r->text, rest, strlen(rest));
  return 1;
}

int parcel_report_get(line_in *in, parcel_report *r, io_time deadline)
{
  char *s;
  size_t len;
  int got = line_get(in, &s, &len, deadline);
  if (got <= 0) return got;
  s[line_chomp(s, len)] = 0;
  return parse(s, r) ? 1 : (errno = EPROTO, -1);
}
