/* Parameter value continuations (RFC 2231 3): name*0, name*1* … become one
   name or name*, whose value stays encoded as it came. */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mime-in.h"

/* One section: base name's length, number, whether it is extended */
typedef struct section {
  size_t base;
  unsigned long number;
  int extended;
} section;

/* name*NUMBER or name*NUMBER*: 1 */
static int section_read(section *s, char const *name)
{
  char const *star = strchr(name, '*');
  char *end;
  if (!star || star[1] < '0' || star[1] > '9') return 0;
  s->base = (size_t)(star - name);
  s->number = strtoul(star + 1, &end, 10);
  s->extended = *end == '*';
  return !end[s->extended] && (star[1] != '0' || end == star + 2);
}

static char const *name_of(mime_params const *p, unsigned i)
{
  return p->text.s + p->v[i].name;
}

/* The parameter that is section `number` of base: index or p->n */
static unsigned find(mime_params const *p, char const *base, size_t n,
                     unsigned long number, section *s)
{
  unsigned i;
  for (i = 0; i < p->n; i++)
    if (section_read(s, name_of(p, i)) && s->number == number && s->base == n &&
        !strncasecmp(name_of(p, i), base, n))
      break;
  return i;
}

static int plain_exists(mime_params const *p, char const *base, size_t n)
{
  for (unsigned i = 0; i < p->n; i++) {
    char const *name = name_of(p, i);
    if (strncasecmp(name, base, n)) continue;
    if (!name[n] || (name[n] == '*' && !name[n + 1])) return 1;
  }
  return 0;
}

/* A section that is not extended, inside a value that is: % and what RFC 2231
   does not allow there are encoded. */
static int put_encoded(stralloc *out, size_t from, size_t len)
{
  static char const hex[] = "0123456789ABCDEF";
  if (!stralloc_readyplus(out, 3 * len)) return -1;
  for (size_t i = from; i < from + len; i++) {
    unsigned char c = (unsigned char)out->s[i];
    if (c > ' ' && c < 127 && !strchr("*'%()<>@,;:\\\"/[]?=", c))
      out->s[out->len++] = (char)c;
    else {
      out->s[out->len++] = '%';
      out->s[out->len++] = hex[c >> 4];
      out->s[out->len++] = hex[c & 15];
    }
  }
  return 1;
}

static int put_plain(stralloc *out, size_t from, size_t len)
{
  if (!stralloc_readyplus(out, len)) return -1;
  memcpy(out->s + out->len, out->s + from, len);
  out->len += len;
  return 1;
}

/* Appends the joined parameter's name and value to the text. */
static int join(mime_params *p, unsigned first, size_t base, int extended,
                mime_param *to)
{
  section s;
  unsigned i;
  to->name = p->text.len;
  if (put_plain(&p->text, p->v[first].name, base) < 0) return -1;
  if (extended && !stralloc_append(&p->text, '*')) return -1;
  if (!stralloc_0(&p->text)) return -1;
  to->value = p->text.len;
  for (unsigned long k = 0;; k++) {
    i = find(p, p->text.s + p->v[first].name, base, k, &s);
    if (i == p->n) break;
    /* the empty charset and language of an extended value (RFC 2231 4) */
    if (!k && extended && !s.extended && !stralloc_catb(&p->text, "''", 2))
      return -1;
    if ((extended && !s.extended ? put_encoded : put_plain)(
            &p->text, p->v[i].value, p->v[i].valuelen) < 0)
      return -1;
  }
  to->valuelen = p->text.len - to->value;
  return stralloc_0(&p->text) ? 1 : -1;
}

static void drop(mime_params *p, unsigned i)
{
  p->n--;
  memmove(p->v + i, p->v + i + 1, (p->n - i) * sizeof p->v[0]);
}

/* Drops all sections of that base that join took. */
static void drop_sections(mime_params *p, size_t name, size_t base)
{
  section s;
  for (unsigned long k = 0;; k++) {
    unsigned i = find(p, p->text.s + name, base, k, &s);
    if (i == p->n) return;
    drop(p, i);
  }
}

int mime_params_join(mime_params *p)
{
  for (unsigned i = 0; i < p->n; i++) {
    section s, t;
    mime_param joined;
    size_t name = p->v[i].name;
    int extended = 0;
    if (!section_read(&s, name_of(p, i)) || s.number) continue;
    if (plain_exists(p, name_of(p, i), s.base)) continue;
    for (unsigned long k = 0; find(p, name_of(p, i), s.base, k, &t) < p->n; k++)
      extended |= t.extended;
    if (join(p, i, s.base, extended, &joined) < 0) return -1;
    drop_sections(p, name, s.base);
    p->v[p->n++] = joined;
    i = (unsigned)-1; /* from the start: indices have moved */
  }
  return 1;
}
