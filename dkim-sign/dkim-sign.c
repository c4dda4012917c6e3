#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "jail.h"
#include "log.h"
#include "parcel.h"
#include "sign-message.h"
#include "signer.h"

#define USAGE                                                                  \
  "dkim-sign [ -m ] [ -i ] [ -s ] [ -u ] [ -k dir ] [ -c header/body ] "       \
  "[ -x seconds ] [ -f fields ]"
#define dieusage() strerr_dieusage(100, USAGE)

#define DIR "/etc/rohrpost/dkim"

typedef struct filter {
  signer signer;
  int unsigned_too; /* what has unusable keys passes unsigned */
  parcel_in in;
  parcel_out out;
  io_time deadline;
  char id[PARCEL_ID + 1];
  int refused; /* a V for all recipients has gone by */
} filter;

static int forward(filter *f, char type, char const *s, size_t len)
{
  return parcel_put(&f->out, type, s, len, f->deadline);
}

static int put_field(char const *field, size_t len, void *data)
{
  return forward(data, PARCEL_FIELD, field, len);
}

static int defer(filter *f)
{
  static char const verdict[] = "defer\000451 4.7.5 Unable to sign the message";
  return forward(f, PARCEL_VERDICT, verdict, sizeof verdict - 1);
}

/* What goes above the end of a parcel: 1 or -1 */
static int conclude(filter *f)
{
  signer_result r;
  if (f->refused) return 1;
  if (signer_end(&f->signer, &r, put_field, f) < 0) return -1;
  if (r.status == SIGNER_SIGNED) return 1;
  if (r.status != SIGNER_FAILED || f->unsigned_too) {
    log_info("%s: passes unsigned: %s %s", f->id, r.reason, r.domain);
    return 1;
  }
  log_warn("%s: deferred: %s %s", f->id, r.reason, r.domain);
  return defer(f);
}

/* Takes note of a record: 1 or -1 with EPROTO */
static int look(filter *f, parcel_record const *r)
{
  char const *number;
  f->deadline = io_after(PARCEL_MS);
  switch (r->type) {
  case PARCEL_BEGIN:
    snprintf(f->id, sizeof f->id, "%s", r->s);
    f->refused = 0;
    signer_begin(&f->signer);
    break;
  case PARCEL_MESSAGE:
    if (!f->refused) signer_message(&f->signer, r->s, r->len);
    break;
  case PARCEL_FIELD: signer_above(&f->signer, r->s, r->len); break;
  case PARCEL_OMIT: {
    unsigned long n;
    number = parcel_part(r, 1);
    if (!number || !ulong0_scan(number, &n) || !n) return errno = EPROTO, -1;
    signer_omit(&f->signer, r->s, n);
    break;
  }
  case PARCEL_VERDICT: f->refused |= parcel_refused(r); break;
  default: break;
  }
  return 1;
}

/* One record. 1; 0 at the end of input between parcels; -1 */
static int step(filter *f, char *state)
{
  parcel_record r;
  int n = parcel_next(&f->in, &r, state);
  if (n <= 0) return n;
  if (look(f, &r) < 0) return -1;
  if (r.type == PARCEL_END && conclude(f) < 0) return -1;
  if (forward(f, r.type, r.s, r.len) < 0) return -1;
  if (r.type != PARCEL_END && r.type != PARCEL_SETTLE) return 1;
  return parcel_flush(&f->out, f->deadline);
}

/* A parcel that breaks is never ended: its reader forgets it */
static int run(filter *f)
{
  char state = 0;
  int r;
  if (parcel_in_init(&f->in, 0) < 0 || parcel_out_init(&f->out, 1, -1) < 0)
    strerr_diefu1sys(111, "allocate buffers");
  while ((r = step(f, &state)) > 0)
    ;
  if (r < 0) strerr_diefu1sys(111, "pass a parcel on");
  return 0;
}

static void canons(signature *s, char const *arg)
{
  char const *slash = strchr(arg, '/');
  size_t n = slash ? (size_t)(slash - arg) : strlen(arg);
  s->body = CANON_SIMPLE; /* RFC 6376 3.5: what c= without a slash means */
  if (!canon_scan(&s->head, arg, n)) dieusage();
  if (slash && !canon_scan(&s->body, slash + 1, strlen(slash + 1))) dieusage();
}

static char const *default_dir(void)
{
  static char path[1024];
  char const *etc = getenv("ROHRPOST_ETC");
  if (!etc || !*etc) return DIR;
  if (snprintf(path, sizeof path, "%s/dkim", etc) >= (int)sizeof path)
    strerr_dief1x(100, "ROHRPOST_ETC is too long");
  return path;
}

/* Returns whether -m was given */
static int options(filter *f, int argc, char const *const *argv)
{
  signer *s = &f->signer;
  subgetopt l = SUBGETOPT_ZERO;
  char const *dir = default_dir();
  int opt, message = 0;
  s->how.head = s->how.body = CANON_RELAXED;
  if (!fields_scan(&s->how.names, FIELDS_DEFAULT))
    strerr_dief1x(101, "the default list of fields is wrong");
  while ((opt = subgetopt_r(argc, argv, "misuk:c:x:f:", &l)) != -1)
    switch (opt) {
    case 'm': message = 1; break;
    case 'i': s->how.identity = 1; break;
    case 's': s->subdomains = 1; break;
    case 'u': f->unsigned_too = 1; break;
    case 'k': dir = l.arg; break;
    case 'c': canons(&s->how, l.arg); break;
    case 'x':
      if (!ulong0_scan(l.arg, &s->how.lifetime)) dieusage();
      break;
    case 'f':
      if (!fields_scan(&s->how.names, l.arg)) dieusage();
      break;
    default: dieusage();
    }
  if (argc != l.ind) dieusage();
  keyring_init(&s->keys, dir);
  return message;
}

int main(int argc, char const *const *argv)
{
  static filter f;
  int message, spool = -1;
  PROG = "dkim-sign";
  jail_secret();
  message = options(&f, argc, argv);
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
    strerr_diefu1sys(111, "ignore SIGPIPE");
  if (message) {
    spool = sign_message_spool();
    if (spool < 0) strerr_diefu1sys(111, "open a temporary file");
  }
  if (jail_enter(&(jail){
          .paths = (jail_path const[]){{f.signer.keys.dir, 0}, {0, 0}}}) < 0)
    strerr_diefu1sys(111, "confine itself");
  return message ? sign_message(&f.signer, spool, f.unsigned_too) : run(&f);
}
