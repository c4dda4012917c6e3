#include <errno.h>
#include <signal.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>

#include "encoder.h"
#include "filter.h"
#include "io.h"
#include "jail.h"

#define USAGE "mime-encode [ -m ]"
#define dieusage() strerr_dieusage(100, USAGE)

static void begin(filter *f)
{
  encoder_begin(f->data);
}

static int give(filter *f)
{
  encoder *e = f->data;
  size_t n = e->out.len;
  e->out.len = 0;
  return n ? filter_message(f, e->out.s, n) : 1;
}

static int message(filter *f, parcel_record const *r)
{
  return encoder_feed(f->data, r->s, r->len) < 0 ? -1 : give(f);
}

static int end(filter *f)
{
  return encoder_end(f->data) < 0 ? -1 : give(f);
}

static void write_out(encoder *e)
{
  if (io_write(1, e->out.s, e->out.len, IO_FOREVER) < 0)
    strerr_diefu1sys(111, "write the message");
  e->out.len = 0;
}

static int by_hand(encoder *e)
{
  static char buf[65536];
  ssize_t n;
  encoder_begin(e);
  while ((n = io_read(0, buf, sizeof buf, IO_FOREVER)) > 0) {
    if (encoder_feed(e, buf, (size_t)n) < 0) strerr_diefu1sys(111, "encode");
    write_out(e);
  }
  if (n < 0) strerr_diefu1sys(111, "read the message");
  if (encoder_end(e) < 0) strerr_diefu1sys(111, "encode");
  write_out(e);
  return 0;
}

int main(int argc, char const *const *argv)
{
  static encoder e;
  filter f = {.data = &e, .begin = begin, .message = message, .end = end};
  subgetopt l = SUBGETOPT_ZERO;
  int opt, one = 0;
  PROG = "mime-encode";
  while ((opt = subgetopt_r(argc, argv, "m", &l)) != -1) {
    if (opt != 'm') dieusage();
    one = 1;
  }
  if (argc != l.ind) dieusage();
  signal(SIGPIPE, SIG_IGN);
  if (jail_enter(&(jail){.paths = (jail_path const[]){{0, 0}}}) < 0)
    strerr_diefu1sys(111, "enter the jail");
  return one ? by_hand(&e) : filter_run(&f);
}
