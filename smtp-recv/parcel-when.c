/* Chooses by sender or recipient: what the table knows goes through a filter
   of its own, or gets a reply; the rest passes by. */
#include <string.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "filter.h"
#include "parcel-tool.h"
#include "when-list.h"
#include "when-way.h"

#define USAGE                                                                  \
  "parcel when [ -v ] F|T table prog...  or  "                                 \
  "parcel when [ -v ] -r reply F|T table"
#define dieusage() strerr_dieusage(100, USAGE)

typedef struct choice {
  char by;  /* F or T */
  int not ; /* those that the table does not know */
  char const *table, *reply;
  filter_action action;
  when_way way;
} choice;

/* Whether the record is one that was meant. An unreadable table is an error
   that ends us: the parcel is then 451, never sent the wrong way. */
static int meant(choice *c, parcel_record const *r)
{
  char const *address = r->s;
  int known;
  if (r->type != c->by) return 0;
  if (c->by == PARCEL_TO) {
    address = parcel_param(r, 2, "rcpt");
    if (!address) address = parcel_part(r, 1);
    if (!address) return 0;
  }
  known = when_list_has(c->table, address);
  if (known < 0) strerr_diefu2sys(111, "look up in ", c->table);
  return known != c->not ;
}

/* The reply instead of a filter. */
static int reply(filter *f, parcel_record const *r)
{
  choice *c = f->data;
  unsigned long number;
  if (!meant(c, r)) return 1;
  if (c->by == PARCEL_FROM)
    return filter_reply(f, c->action, FILTER_ALL, c->reply);
  if (!ulong_scan(r->s, &number)) return 1;
  return filter_reply(f, c->action, (long)number, c->reply);
}

static int sender(filter *f)
{
  parcel_record r = {PARCEL_FROM, f->from.s, strlen(f->from.s)};
  return reply(f, &r);
}

static int run_reply(choice *c)
{
  filter f = {.data = c};
  if (c->by == PARCEL_FROM)
    f.sender = sender;
  else
    f.recipient = reply;
  return filter_run(&f);
}

static void one(choice *c, parcel_record const *r)
{
  if (r->type == PARCEL_BEGIN) when_way_begin(&c->way);
  if (meant(c, r)) when_way_take(&c->way, r);
  when_way_record(&c->way, r);
}

static int run_filter(choice *c, char const *const *argv)
{
  parcel_in in;
  parcel_record r;
  char state = 0;
  parcel_must(parcel_in_init(&in, 0), "allocate memory");
  c->way.narrow = c->by == PARCEL_TO;
  parcel_must(when_way_init(&c->way, argv), "start a filter");
  while (parcel_read(&in, &r, &state)) {
    one(c, &r);
    if (in.pos == in.end) when_way_flush(&c->way);
  }
  parcel_in_free(&in);
  return when_way_end(&c->way);
}

int parcel_when(int argc, char const *const *argv)
{
  static choice c;
  subgetopt l = SUBGETOPT_ZERO;
  for (int opt; (opt = subgetopt_r(argc, argv, "vr:", &l)) != -1;)
    switch (opt) {
    case 'v': c.not = 1; break;
    case 'r': c.reply = l.arg; break;
    default: dieusage();
    }
  argc -= l.ind;
  argv += l.ind;
  if (argc < 2 || strlen(argv[0]) != 1 || !strchr("FT", *argv[0])) dieusage();
  if (!c.reply == (argc == 2)) dieusage();
  c.by = *argv[0];
  c.table = argv[1];
  if (!c.reply) return run_filter(&c, argv + 2);
  c.action = *c.reply == '5'   ? FILTER_REJECT
             : *c.reply == '4' ? FILTER_DEFER
                               : FILTER_JUNK;
  if (!filter_reply_fits(c.action, c.reply)) dieusage();
  return run_reply(&c);
}
