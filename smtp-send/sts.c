#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sts.h"

#define NAME_BYTES 255

static char const *const modes[] = {"none", "testing", "enforce"};

char const *sts_mode(int mode)
{
  return modes[mode];
}

typedef struct seen {
  int version, mode, max_age;
} seen;

static int is(char const *s, size_t len, char const *word)
{
  return strlen(word) == len && !memcmp(s, word, len);
}

static int read_mode(sts *p, char const *v, size_t n)
{
  for (int i = STS_NONE; i <= STS_ENFORCE; i++)
    if (is(v, n, modes[i])) {
      p->mode = i;
      return 1;
    }
  return 0;
}

static int read_age(sts *p, char const *v, size_t n)
{
  char digits[11];
  if (!n || n > 10) return 0;
  memcpy(digits, v, n);
  digits[n] = 0;
  if (strspn(digits, "0123456789") != n) return 0;
  p->max_age = strtoul(digits, 0, 10);
  if (p->max_age > STS_YEAR) p->max_age = STS_YEAR;
  return 1;
}

/* A host name, or one behind "*." */
static int read_mx(sts *p, char const *v, size_t n)
{
  size_t from = n > 2 && v[0] == '*' && v[1] == '.' ? 2 : 0;
  if (n == from || n > NAME_BYTES) return 0;
  for (size_t i = from; i < n; i++)
    if ((v[i] <= ' ' && v[i] >= 0) || v[i] == 127 || v[i] == '*') return 0;
  return stralloc_catb(&p->mx, v, n) && stralloc_0(&p->mx) ? 1 : -1;
}

/* Of a field that stands twice the first counts; unknown ones are extensions
   (3.2). */
static int field(sts *p, seen *k, char const *s, size_t len)
{
  char const *colon = memchr(s, ':', len), *v;
  size_t name, n;
  if (!colon) return 0;
  name = (size_t)(colon - s);
  v = colon + 1;
  n = len - name - 1;
  while (n && (*v == ' ' || *v == '\t')) v++, n--;
  while (n && (v[n - 1] == ' ' || v[n - 1] == '\t')) n--;
  if (is(s, name, "version")) return k->version++ ? 1 : is(v, n, "STSv1");
  if (is(s, name, "mode")) return k->mode++ ? 1 : read_mode(p, v, n);
  if (is(s, name, "max_age")) return k->max_age++ ? 1 : read_age(p, v, n);
  return is(s, name, "mx") ? read_mx(p, v, n) : 1;
}

int sts_read(sts *p, char const *s, size_t len)
{
  seen k = {0};
  int r = 1;
  p->mode = STS_NONE;
  p->max_age = 0;
  p->mx.len = 0;
  while (len && r > 0) {
    char const *end = memchr(s, '\n', len);
    size_t line = end ? (size_t)(end - s) : len, n = line;
    if (n && s[n - 1] == '\r') n--;
    if (n) r = field(p, &k, s, n);
    s += line + (end != 0);
    len -= line + (end != 0);
  }
  if (r <= 0) {
    p->mx.len = 0; /* a name may have been cut */
    return r;
  }
  return k.version && k.mode && k.max_age && (p->mx.len || p->mode == STS_NONE);
}

int sts_match(sts const *p, char const *host)
{
  char const *dot = strchr(host, '.');
  for (size_t i = 0; i < p->mx.len; i += strlen(p->mx.s + i) + 1) {
    char const *pattern = p->mx.s + i;
    if (!strcasecmp(pattern, host)) return 1;
    /* the leftmost label alone */
    if (*pattern == '*' && dot && dot > host && !strcasecmp(pattern + 1, dot))
      return 1;
  }
  return 0;
}
