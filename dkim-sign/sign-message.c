#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "conf.h"
#include "io.h"
#include "log.h"
#include "sign-message.h"

#define CHUNK 65536

int sign_message_spool(void)
{
  return open(conf_tmp(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* What the fields are collected in, and with which line ends */
typedef struct collected {
  stralloc text;
  int lf;
} collected;

/* H fields come oldest first: each goes above those before it */
static int collect(char const *field, size_t len, void *data)
{
  collected *c = data;
  size_t n = len;
  char *to;
  if (c->lf)
    for (size_t i = 0; i < len; i++) n -= field[i] == '\r';
  if (!stralloc_readyplus(&c->text, n)) return -1;
  to = c->text.s;
  memmove(to + n, to, c->text.len);
  c->text.len += n;
  for (size_t i = 0; i < len; i++)
    if (!c->lf || field[i] != '\r') *to++ = field[i];
  return 1;
}

static void take(signer *s, int spool, char *buf, int *lf)
{
  ssize_t n;
  size_t seen = 0;
  char last = 0;
  *lf = -1;
  while ((n = io_read(0, buf, CHUNK, IO_FOREVER)) > 0) {
    char const *end = *lf < 0 ? memchr(buf, '\n', (size_t)n) : 0;
    if (end) *lf = (end > buf ? end[-1] : last) != '\r';
    last = buf[n - 1];
    signer_message(s, buf, (size_t)n);
    if (io_write(spool, buf, (size_t)n, IO_FOREVER) < 0)
      strerr_diefu1sys(111, "write a temporary file");
    seen += (size_t)n;
  }
  if (n < 0) strerr_diefu1sys(111, "read the message");
  if (!seen) strerr_dief1x(1, "there is no message");
}

static void give(int spool, char *buf, collected const *c)
{
  ssize_t n;
  if (lseek(spool, 0, SEEK_SET) < 0) strerr_diefu1sys(111, "rewind");
  if (io_write(1, c->text.s, c->text.len, IO_FOREVER) < 0)
    strerr_diefu1sys(111, "write the signature");
  while ((n = read(spool, buf, CHUNK)) > 0)
    if (io_write(1, buf, (size_t)n, IO_FOREVER) < 0)
      strerr_diefu1sys(111, "write the message");
  if (n < 0) strerr_diefu1sys(111, "read the message back");
}

int sign_message(signer *s, int spool, int unsigned_too)
{
  static char buf[CHUNK];
  collected c = {.lf = 0};
  signer_result r;
  signer_begin(s);
  take(s, spool, buf, &c.lf);
  if (signer_end(s, &r, collect, &c) < 0)
    strerr_diefu1sys(111, "keep the signature");
  if (r.status == SIGNER_FAILED && !unsigned_too)
    strerr_dief4x(111, "unable to sign: ", r.reason, " ", r.domain);
  if (r.status != SIGNER_SIGNED)
    log_warn("not signed: %s %s", r.reason, r.domain);
  give(spool, buf, &c);
  return r.status != SIGNER_SIGNED;
}
