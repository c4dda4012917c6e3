/* Tokens and parameters of Content-Type and its relatives (RFC 2045 5.1, 2183,
   2231), as forgiving as mail needs: a value may hold what should have been
   quoted, and what is no parameter is passed over. */

#include <string.h>
#include <strings.h>

#include "mime-in.h"

static void skip_comment(mime_lex *l)
{
  unsigned depth = 0;
  for (; l->s < l->end; l->s++) {
    if (*l->s == '\\' && l->end - l->s > 1)
      l->s++;
    else if (*l->s == '(')
      depth++;
    else if (*l->s == ')' && !--depth) {
      l->s++;
      return;
    }
  }
}

int mime_lex_skip(mime_lex *l)
{
  while (l->s < l->end) {
    if (*l->s == '(')
      skip_comment(l);
    else if (strchr(" \t\r\n", *l->s) && *l->s)
      l->s++;
    else
      return (unsigned char)*l->s;
  }
  return -1;
}

static int append(stralloc *out, char c)
{
  if (!c) return stralloc_catb(out, "\357\277\275", 3) ? 1 : -1;
  return stralloc_append(out, c) ? 1 : -1;
}

static int take_while(mime_lex *l, stralloc *out, char const *stop)
{
  char const *from = l->s;
  while (l->s < l->end && (!*l->s || !strchr(stop, *l->s)))
    if (append(out, *l->s++) < 0) return -1;
  return l->s > from;
}

int mime_lex_token(mime_lex *l, stralloc *out)
{
  mime_lex_skip(l);
  return take_while(l, out, " \t\r\n()<>@,;:\\\"/[]?=");
}

/* Behind the opening quote; folds lose their line ends. */
static int quoted(mime_lex *l, stralloc *out)
{
  for (; l->s < l->end && *l->s != '"'; l->s++) {
    if (*l->s == '\r' || *l->s == '\n') continue;
    if (*l->s == '\\' && l->end - l->s > 1) l->s++;
    if (append(out, *l->s) < 0) return -1;
  }
  if (l->s < l->end) l->s++;
  return 1;
}

static int value(mime_lex *l, stralloc *out)
{
  if (mime_lex_skip(l) == '"') return l->s++, quoted(l, out);
  return take_while(l, out, " \t\r\n();\"");
}

/* To the next semicolon outside quotes and comments, and behind it */
static int next_param(mime_lex *l)
{
  int c;
  while ((c = mime_lex_skip(l)) >= 0 && c != ';') {
    l->s++;
    if (c != '"') continue;
    while (l->s < l->end && *l->s != '"') {
      if (*l->s == '\\' && l->end - l->s > 1) l->s++;
      l->s++;
    }
    if (l->s < l->end) l->s++;
  }
  if (c < 0) return 0;
  l->s++;
  return 1;
}

static int param(mime_params *p, mime_lex *l)
{
  mime_param *v = p->v + p->n;
  v->name = p->text.len;
  switch (mime_lex_token(l, &p->text)) {
  case 0: return 1;
  case -1: return -1;
  default: break;
  }
  if (mime_lex_skip(l) != '=') return p->text.len = v->name, 1;
  l->s++;
  if (!stralloc_0(&p->text)) return -1;
  v->value = p->text.len;
  if (value(l, &p->text) < 0) return -1;
  v->valuelen = p->text.len - v->value;
  if (!stralloc_0(&p->text)) return -1;
  p->n++;
  return 1;
}

/* "type/subtype" or "token"; type is "" if it cannot be read */
static int head(mime_params *p, mime_lex *l, int slash)
{
  int r = mime_lex_token(l, &p->text);
  if (r < 0 || !stralloc_0(&p->text)) return -1;
  p->subtype = p->text.len - 1;
  if (!slash || !r) return 1;
  p->subtype = p->text.len;
  if (mime_lex_skip(l) == '/') {
    l->s++;
    r = mime_lex_token(l, &p->text);
  } else
    r = 0;
  if (r < 0 || !stralloc_0(&p->text)) return -1;
  if (!r) p->type = p->subtype;
  return 1;
}

int mime_params_read(mime_params *p, char const *s, size_t len, int slash)
{
  mime_lex l = {s, s + len};
  p->text.len = 0;
  p->n = 0;
  p->type = 0;
  if (head(p, &l, slash) < 0) return -1;
  while (p->n < MIME_PARAMS && next_param(&l))
    if (param(p, &l) < 0) return -1;
  return mime_params_join(p);
}

mime_param const *mime_params_get(mime_params const *p, char const *name)
{
  for (unsigned i = 0; i < p->n; i++)
    if (!strcasecmp(p->text.s + p->v[i].name, name)) return p->v + i;
  return 0;
}

void mime_params_free(mime_params *p)
{
  stralloc_free(&p->text);
}
