#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "station.h"
#include "unix.h"

/* Between parcels a sink has nothing to say: whatever comes ends it. */
int station_idle(station const *s)
{
  struct pollfd p = {.fd = s->fd, .events = POLLIN};
  return s->fd >= 0 && !s->out.len && !line_pending(&s->in) &&
         poll(&p, 1, 0) == 0;
}

int station_use(station *s, int fd)
{
  s->fd = fd;
  if (fd < 0) return -1;
  if (!s->out.buf && parcel_out_init(&s->out, fd, fd) < 0) {
    station_close(s);
    return errno = ENOMEM, -1;
  }
  s->out.fd = s->out.report = fd;
  s->out.len = 0;
  line_init(&s->in, fd, s->line, sizeof s->line);
  return 1;
}

int station_open(station *s, char const *path, io_time deadline)
{
  if (station_idle(s)) return 1;
  station_close(s);
  return station_use(s, unix_connect(path, deadline));
}

int station_reports(station *s, char const *id, parcel_report *r,
                    void (*each)(parcel_report const *, void *), void *data,
                    io_time deadline)
{
  for (;;) {
    int got = parcel_report_get(&s->in, r, deadline);
    if (got <= 0) return got < 0 ? -1 : (errno = EPIPE, -1);
    if (r->kind == 'R') return !strcmp(r->id, id) ? 1 : (errno = EPROTO, -1);
    if (r->kind != 'T') return errno = EPROTO, -1;
    if (each) each(r, data);
  }
}

int station_answer(station *s, char const *id, parcel_report *r,
                   io_time deadline)
{
  int got = parcel_report_get(&s->in, r, deadline);
  if (got <= 0) return got < 0 ? -1 : (errno = EPIPE, -1);
  return r->kind == 'Q' && !strcmp(r->id, id) ? 1 : (errno = EPROTO, -1);
}

void station_close(station *s)
{
  if (s->fd >= 0) close(s->fd);
  s->fd = -1;
  s->out.len = 0;
}

void station_free(station *s)
{
  station_close(s);
  parcel_out_free(&s->out);
}
