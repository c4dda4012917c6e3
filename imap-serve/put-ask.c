#include <errno.h>

#include "envelope.h"
#include "log.h"
#include "put-ask.h"

/* Up to F and no further: of what stands behind, the caller may be reading. */
static int put_head(parcel_out *out, stralloc *head, io_time deadline)
{
  envelope_walk w = {.s = head->s, .len = head->len};
  parcel_record r = {0, 0, 0};
  int done = 1;
  while (done == 1 && r.type != PARCEL_FROM && envelope_next(&w, &r) > 0)
    done = parcel_put(out, r.type, r.s, r.len, deadline);
  envelope_end(&w);
  return done;
}

/* 1, or 0 or -1 as parcel_put */
static int put(parcel_out *out, stralloc *head, parcel_record const *to,
               compose const *c, io_time deadline)
{
  int r = put_head(out, head, deadline);
  if (r == 1) r = parcel_put(out, to->type, to->s, to->len, deadline);
  if (r == 1) r = compose_forward(c, out, deadline);
  if (r == 1) r = parcel_put(out, PARCEL_END, "", 0, deadline);
  return r == 1 ? parcel_flush(out, deadline) : r;
}

int put_ask(station *s, char const *path, char const *id, stralloc *head,
            parcel_record const *to, compose const *c, put_answer *a)
{
  parcel_report said;
  int r;
  if (station_open(s, path, io_after(PARCEL_MS)) < 0) {
    log_warnsys("unable to connect to %s", path);
    return 0;
  }
  r = put(&s->out, head, to, c, io_after(PARCEL_MS));
  if (r == 0) errno = EPROTO;
  if (r == 1) r = station_reports(s, id, &said, 0, 0, io_after(PARCEL_MS));
  if (r != 1) {
    log_warnsys("no answer from %s for %s", path, id);
    station_close(s);
    return 0;
  }
  if (said.code == 250 && put_answer_scan(a, said.text)) return 1;
  log_warn("%s of %s: %d %s", path, id, said.code, said.text);
  return 0;
}
