#include "parcel.h"
#include "pool-frame.h"

enum { LENGTH, TYPE, BODY, COMMA };

#define DIGITS 6

static int length(frame_up *f, char c)
{
  if (c == ':' && f->digits) {
    f->state = TYPE;
    return f->left >= 1 && f->left <= PARCEL_CHUNK + 1 ? 1 : -1;
  }
  if (c < '0' || c > '9' || f->digits == DIGITS) return -1;
  if (f->digits == 1 && !f->left) return -1;
  f->left = f->left * 10 + (size_t)(c - '0');
  f->digits++;
  return 1;
}

static int type(frame_up *f, char c)
{
  f->type = c;
  if ((c == PARCEL_BEGIN) == f->inside) return -1;
  f->inside = 1;
  if (c == PARCEL_SETTLE) f->asked++;
  f->left--;
  f->state = f->left ? BODY : COMMA;
  return 1;
}

static int comma(frame_up *f, char c, int *ended)
{
  *ended = f->type == PARCEL_END;
  if (*ended) f->inside = 0;
  f->state = LENGTH;
  f->left = f->digits = 0;
  return c == ',' ? 1 : -1;
}

long frame_up_feed(frame_up *f, char const *s, size_t len, int *ended)
{
  size_t i = 0;
  *ended = 0;
  while (i < len && !*ended) {
    int r = 1;
    if (f->state == BODY) {
      size_t n = len - i < f->left ? len - i : f->left;
      i += n;
      f->left -= n;
      if (!f->left) f->state = COMMA;
      continue;
    }
    if (f->state == LENGTH)
      r = length(f, s[i]);
    else if (f->state == TYPE)
      r = type(f, s[i]);
    else
      r = comma(f, s[i], ended);
    if (r < 0) return -1;
    i++;
  }
  return (long)i;
}

int frame_down_feed(frame_down *f, frame_up *up, char const *s, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    if (f->done || ++f->length > PARCEL_REPORT_LINE) return -1;
    if (!f->middle) f->type = s[i];
    f->middle = s[i] != '\n';
    if (f->middle) continue;
    f->length = 0;
    if (f->type == 'R')
      f->done = 1;
    else if (f->type == 'Q' && up->asked)
      up->asked--;
    else if (f->type != 'T')
      return -1;
  }
  return 1;
}
