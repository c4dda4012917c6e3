/* The last link of a pipeline: parcels to a socket, its reports to stdout. */
#include <string.h>

#include <skalibs/strerr.h>

#include "log.h"
#include "parcel-tool.h"
#include "way.h"

#define CONNECT_MS 30000

static void give(parcel_report const *r, void *data)
{
  (void)data;
  parcel_must(parcel_report_put(1, r, io_after(PARCEL_MS)), "write a report");
}

static void failed(char kind, char const *id)
{
  parcel_report r;
  parcel_report_make(&r, kind, id, 0, 451, "4.3.0 The next station is away");
  give(&r, 0);
}

static void begin(way *w, char const *id)
{
  if (way_open(w, io_after(CONNECT_MS)) < 0)
    log_warnsys("unable to connect to %s", w->socket);
  else
    way_put(w, PARCEL_BEGIN, id, strlen(id), io_after(PARCEL_MS));
}

static void end(way *w, char const *id)
{
  parcel_report final;
  int r = way_finish(w, id, &final, give, 0, io_after(PARCEL_MS));
  if (r > 0)
    give(&final, 0);
  else
    failed('R', id);
}

static void settle(way *w, char const *id)
{
  parcel_report answer;
  if (way_settle(w, id, &answer, io_after(PARCEL_MS)) > 0)
    give(&answer, 0);
  else
    failed('Q', id);
}

int parcel_to(int argc, char const *const *argv)
{
  way w;
  parcel_in in;
  parcel_record r;
  char state = 0, id[PARCEL_ID + 1] = "";
  if (argc != 2) strerr_dieusage(100, "parcel to socket");
  way_init(&w, argv[1], 0);
  parcel_must(parcel_in_init(&in, 0), "allocate memory");
  while (parcel_read(&in, &r, &state)) {
    switch (r.type) {
    case PARCEL_BEGIN:
      memcpy(id, r.s, r.len + 1);
      begin(&w, id);
      break;
    case PARCEL_SETTLE: settle(&w, id); break;
    case PARCEL_END: end(&w, id); break;
    default: way_put(&w, r.type, r.s, r.len, io_after(PARCEL_MS));
    }
  }
  way_free(&w);
  parcel_in_free(&in);
  return 0;
}
