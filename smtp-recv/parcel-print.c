/* Parcels for people, and the message out of one. */
#include <string.h>

#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include "crlf.h"
#include "parcel-show.h"
#include "parcel-tool.h"

static void must_write(stralloc *s)
{
  parcel_must(io_write(1, s->s, s->len, IO_FOREVER), "write to stdout");
  s->len = 0;
}

static void must_append(stralloc *to, char const *s, size_t len)
{
  if (!stralloc_catb(to, s, len)) strerr_diefu1sys(111, "allocate memory");
}

static void print(stralloc *to, char type, char const *s, size_t len)
{
  parcel_must(parcel_show(to, type, s, len), "allocate memory");
}

/* M records are cut anywhere: they are shown by lines. */
static void print_message(stralloc *to, stralloc *rest, parcel_record const *r)
{
  char const *s = r->s, *end = s + r->len;
  while (s < end) {
    char const *lf = memchr(s, '\n', (size_t)(end - s));
    size_t n = lf ? (size_t)(lf + 1 - s) : (size_t)(end - s);
    must_append(rest, s, n);
    s += n;
    if (!lf && rest->len < PARCEL_CHUNK) continue;
    print(to, PARCEL_MESSAGE, rest->s, rest->len);
    rest->len = 0;
  }
}

int parcel_print(int argc, char const *const *argv)
{
  stralloc text = STRALLOC_ZERO, rest = STRALLOC_ZERO;
  parcel_in in;
  parcel_record r;
  char state = 0;
  (void)argv;
  if (argc > 1) strerr_dieusage(100, "parcel print");
  parcel_must(parcel_in_init(&in, 0), "allocate memory");
  while (parcel_read(&in, &r, &state)) {
    if (r.type == PARCEL_MESSAGE) {
      print_message(&text, &rest, &r);
    } else {
      if (rest.len) print(&text, PARCEL_MESSAGE, rest.s, rest.len);
      rest.len = 0;
      print(&text, r.type, r.s, r.len);
    }
    must_write(&text);
  }
  parcel_in_free(&in);
  stralloc_free(&text);
  stralloc_free(&rest);
  return 0;
}

/* The message of the first parcel, as it came (less E, plus H, are the sink's
   business), with LF line ends. */
int parcel_extract(int argc, char const *const *argv)
{
  stralloc text = STRALLOC_ZERO;
  parcel_in in;
  parcel_record r;
  char state = 0;
  crlf c = {0};
  (void)argv;
  if (argc > 1) strerr_dieusage(100, "parcel message");
  parcel_must(parcel_in_init(&in, 0), "allocate memory");
  while (parcel_read(&in, &r, &state) && r.type != PARCEL_END) {
    if (r.type != PARCEL_MESSAGE) continue;
    parcel_must(crlf_out(&c, &text, r.s, r.len), "allocate memory");
    must_write(&text);
  }
  if (c.cr) must_append(&text, "\r", 1);
  must_write(&text);
  parcel_in_free(&in);
  stralloc_free(&text);
  return 0;
}
