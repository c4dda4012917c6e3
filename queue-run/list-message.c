/* One message, for people. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "crlf.h"
#include "list.h"
#include "parcel-show.h"

#define PIECE 65536

static void must(int r)
{
  if (r < 0) strerr_diefu1sys(111, "allocate memory");
}

int list_message(queue_file const *q)
{
  static char piece[PIECE];
  stralloc text = STRALLOC_ZERO;
  crlf c = {0};
  uint64_t at = q->message, end = at + q->size;
  while (at < end) {
    size_t n = end - at < PIECE ? (size_t)(end - at) : PIECE;
    ssize_t got = pread(q->fd, piece, n, (off_t)at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return errno = got ? errno : EPROTO, -1;
    text.len = 0;
    must(crlf_out(&c, &text, piece, (size_t)got));
    fwrite(text.s, 1, text.len, stdout);
    at += (uint64_t)got;
  }
  if (c.cr) putchar('\r');
  stralloc_free(&text);
  return 1;
}

int list_envelope(queue_file const *q)
{
  envelope_walk w = queue_file_walk(q);
  stralloc text = STRALLOC_ZERO;
  parcel_record r;
  unsigned i = 0;
  int got;
  while ((got = envelope_next(&w, &r)) > 0) {
    text.len = 0;
    must(parcel_show(&text, r.type, r.s, r.len));
    fwrite(text.s, 1, text.len, stdout);
    if (r.type == PARCEL_TO && i < q->recipients) {
      char next[LIST_TIME];
      queue_record x;
      queue_record_get(q, i++, &x);
      text.len = 0;
      list_text(&text, x.reply);
      printf("  %c %u %s %.*s\n", x.status, x.attempts, list_time(next, x.next),
             (int)text.len, text.s ? text.s : "");
    }
  }
  envelope_end(&w);
  stralloc_free(&text);
  return got;
}
