/* A parcel of a plain message. */
#include <string.h>
#include <stdio.h>
#include <unistd.h>

#include <skalibs/sgetopt.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include "addr.h"
#include "crlf.h"
#include "parcel-tool.h"

#define USAGE                                                                  \
  "parcel [ -i id ] [ -f sender ] [ -p name=value ]... -t recipient... "       \
  "< message | parcel print | parcel message | parcel to socket | "            \
  "parcel run … | parcel when …"
#define dieusage() strerr_dieusage(100, USAGE)

static void address(char const *s, unsigned flags)
{
  if (*s && !addr_valid(s, strlen(s), flags | ADDR_UTF8))
    strerr_dief2x(100, "not an address: ", s);
}

static void recipient(parcel_out *out, unsigned n, char const *s)
{
  char record[ADDR_MAX + 64];
  int len;
  address(s, ADDR_BARE);
  len = snprintf(record, sizeof record, "%u%c%s", n, 0, s);
  if (len < 0 || (size_t)len >= sizeof record)
    strerr_dief2x(100, "not an address: ", s);
  parcel_write(out, PARCEL_TO, record, (size_t)len);
}

static void message(parcel_out *out)
{
  crlf c = {0};
  stralloc text = STRALLOC_ZERO;
  char buf[16384];
  for (;;) {
    ssize_t n = io_read(0, buf, sizeof buf, IO_FOREVER);
    if (n < 0) strerr_diefu1sys(111, "read the message");
    if (n == 0) break;
    text.len = 0;
    parcel_must(crlf_in(&c, &text, buf, (size_t)n), "allocate memory");
    parcel_must(parcel_put_message(out, text.s, text.len, io_after(PARCEL_MS)),
                "write a parcel");
  }
  if (c.bare || c.cr) strerr_dief1x(1, "a CR stands alone in the message");
  stralloc_free(&text);
}

typedef struct wish {
  char const *id, *from;
  stralloc facts, to; /* strings with their NULs */
  unsigned nfacts, nto;
} wish;

static void want(stralloc *list, unsigned *n, char const *s)
{
  if (!stralloc_catb(list, s, strlen(s) + 1))
    strerr_diefu1sys(111, "allocate memory");
  ++*n;
}

static void options(wish *w, int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  for (int opt; (opt = subgetopt_r(argc, argv, "i:f:p:t:", &l)) != -1;) {
    switch (opt) {
    case 'i': w->id = l.arg; break;
    case 'f': w->from = l.arg; break;
    case 'p':
      if (!strchr(l.arg, '=')) dieusage();
      want(&w->facts, &w->nfacts, l.arg);
      break;
    case 't': want(&w->to, &w->nto, l.arg); break;
    default: dieusage();
    }
  }
  if (l.ind != argc || !w->nto || strlen(w->id) > PARCEL_ID || !*w->id)
    dieusage();
}

int parcel_make(int argc, char const *const *argv)
{
  char id[17];
  wish w = {.id = id, .from = ""};
  parcel_out out;
  char const *s;
  parcel_id(id, 16);
  options(&w, argc, argv);
  address(w.from, 0);
  parcel_must(parcel_out_init(&out, 1, -1), "allocate memory");
  parcel_write(&out, PARCEL_BEGIN, w.id, strlen(w.id));
  for (s = w.facts.s; w.nfacts--; s += strlen(s) + 1)
    parcel_write(&out, PARCEL_CLIENT, s, strlen(s));
  parcel_write(&out, PARCEL_FROM, w.from, strlen(w.from));
  s = w.to.s;
  for (unsigned i = 0; i < w.nto; i++, s += strlen(s) + 1)
    recipient(&out, i, s);
  message(&out);
  parcel_write(&out, PARCEL_END, "", 0);
  parcel_send(&out);
  parcel_out_free(&out);
  stralloc_free(&w.facts);
  stralloc_free(&w.to);
  return 0;
}
