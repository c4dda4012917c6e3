/* The message, field by field and piece by piece, and what is changed at its
   end. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/uint32.h>

#include "log.h"
#include "milter.h"

/* Name, NUL, value, NUL; folds have LF alone, as Sendmail says them. */
static int put_field(milter const *m, stralloc *to, header_field const *f)
{
  char const *s = f->value, *end = s + f->valuelen;
  to->len = 0;
  if (!(m->steps & MILTER_LEADING) && s < end && *s == ' ') s++;
  if (!stralloc_catb(to, f->s, f->namelen) || !stralloc_0(to)) return -1;
  for (; s < end; s++)
    if (*s && (*s != '\r' || s + 1 == end || s[1] != '\n') &&
        !stralloc_append(to, *s))
      return -1;
  return stralloc_0(to) ? 1 : -1;
}

static milter_answer fields(milter *m, view const *v)
{
  static stralloc s = STRALLOC_ZERO;
  header_field f;
  size_t at = 0, i = 0;
  int r;
  if (m->steps & MILTER_NOHEADER) return MILTER_CONTINUE;
  while ((r = header_next(&f, v->header.s + at, v->header.len - at))) {
    milter_answer a;
    at += f.len;
    if (r < 0 || view_is_trace(v, i++)) continue;
    if (put_field(m, &s, &f) < 0) return milter_fail(m, "header");
    if (s.len > MILTER_CHUNK) { /* libmilter takes no more */
      s.s[MILTER_CHUNK - 1] = 0;
      s.len = MILTER_CHUNK;
    }
    a = milter_ask(m, "header", 'L', &s, MILTER_NR_HEADER, 0, 0);
    if (a != MILTER_CONTINUE) return a;
  }
  return MILTER_CONTINUE;
}

/* A milter may have heard enough of one kind. */
static milter_answer unless_skipped(milter_answer a)
{
  return a == MILTER_SKIP ? MILTER_CONTINUE : a;
}

typedef struct pouring {
  milter *m;
  stralloc piece;
  milter_answer a;
} pouring;

static int pour(pouring *p)
{
  if (p->piece.len) {
    p->a = milter_ask(p->m, "body", 'B', &p->piece, MILTER_NR_BODY, 0, 0);
    p->piece.len = 0;
  }
  return p->a == MILTER_CONTINUE;
}

static int put(char const *s, size_t len, void *data)
{
  pouring *p = data;
  while (len) {
    size_t n = MILTER_CHUNK - p->piece.len;
    if (n > len) n = len;
    if (!stralloc_catb(&p->piece, s, n)) return -1;
    s += n;
    len -= n;
    if (p->piece.len == MILTER_CHUNK && !pour(p)) return 0;
  }
  return 1;
}

static milter_answer body(milter *m, view const *v)
{
  static pouring p;
  int r;
  if (m->steps & MILTER_NOBODY) return MILTER_CONTINUE;
  p.m = m;
  p.a = MILTER_CONTINUE;
  p.piece.len = 0;
  r = view_write(v, 1, put, &p);
  if (r < 0) return milter_fail(m, "body");
  if (r) pour(&p);
  return p.a;
}

static milter_answer end_of_header(milter *m, filter const *f)
{
  static stralloc const none = STRALLOC_ZERO;
  char const *const macros[] = {"i", filter_fact(f, "id"), 0};
  if (m->steps & MILTER_NOEOH) return MILTER_CONTINUE;
  if (milter_macros(m, 'N', macros) < 0) return milter_fail(m, "eoh");
  return milter_ask(m, "eoh", 'N', &none, MILTER_NR_EOH, 0, 0);
}

milter_answer milter_message(milter *m, filter const *f, view *v)
{
  static stralloc const none = STRALLOC_ZERO;
  char const *const macros[] = {"i", filter_fact(f, "id"), 0};
  milter_answer a = unless_skipped(fields(m, v));
  if (a == MILTER_CONTINUE) a = unless_skipped(end_of_header(m, f));
  if (a == MILTER_CONTINUE) a = unless_skipped(body(m, v));
  if (a != MILTER_CONTINUE) return a;
  if (milter_macros(m, 'E', macros) < 0) return milter_fail(m, "eom");
  return milter_ask(m, "eom", 'E', &none, 0, milter_change_view, v);
}

/* name, NUL, value, NUL */
static int two(char *s, size_t len, char **value)
{
  size_t n = strnlen(s, len);
  if (n == len) return 0;
  *value = s + n + 1;
  return strnlen(*value, len - n - 1) < len - n - 1;
}

static void tell(milter *m, char const *what, char const *name,
                 char const *value)
{
  char s[600];
  snprintf(s, sizeof s, "%s: %s", name, value);
  if (m->said) m->said(m, what, s);
}

/* The nth of that name; one that is not there yet is added. */
static int change_field(view *v, unsigned nth, char const *name,
                        char const *value)
{
  size_t there = view_count(v, name);
  if (!nth) nth = 1;
  if (nth <= there && !view_remove(v, name, nth)) {
    log_warn("a milter changes a field %s that is not the message's: it stays",
             name);
    return 1;
  }
  return *value ? view_add(v, name, value, strlen(value), VIEW_END) : 1;
}

int milter_change_view(milter *m, char command, char *s, size_t len, void *data)
{
  view *v = data;
  uint32_t nth = 0;
  char *value;
  if (strchr("+-2eb", command)) {
    m->unkept = 1;
    tell(m, "change of envelope or body", "not made", "");
    return log_warn("a milter wants the envelope or the body changed (%c): "
                    "refused",
                    command),
           1;
  }
  if (command == 'q') {
    parcel_clean(m->quarantine, sizeof m->quarantine, s, strnlen(s, len));
    if (!*m->quarantine) strcpy(m->quarantine, "Quarantined");
    tell(m, "quarantine", "reason", m->quarantine);
    return 1;
  }
  if (!strchr("him", command)) return errno = EPROTO, -1;
  if (command != 'h') {
    if (len < 4) return errno = EPROTO, -1;
    uint32_unpack_big(s, &nth);
    s += 4;
    len -= 4;
  }
  if (!two(s, len, &value)) return errno = EPROTO, -1;
  tell(m, command == 'm' ? "change" : "add", s, value);
  if (command == 'm') return change_field(v, nth, s, value) < 0 ? -1 : 1;
  if (!view_add(v, s, value, strlen(value),
                command == 'i' ? VIEW_TOP : VIEW_END))
    log_warn("a milter adds a field that is none or too long: refused");
  return 1;
}
