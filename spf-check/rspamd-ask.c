#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/types.h>

#include "rspamd.h"

/* For connecting, of the time of a question; rspamd is near. */
#define CONNECT_MS 10000

static void failed(rspamd_answer *a, int word, char const *what)
{
  *a = (rspamd_answer){.word = word};
  snprintf(a->text, sizeof a->text, "%s: %s", what, strerror(errno));
}

static int request(rspamd const *r, stralloc const *head, uint64_t total,
                   stralloc *to)
{
  char n[UINT64_FMT];
  n[uint64_fmt(n, total)] = 0;
  to->len = 0;
  if (!stralloc_cats(to, "POST ") || !stralloc_cats(to, r->url.path) ||
      !stralloc_cats(to, "/checkv2 HTTP/1.1\r\n"))
    return -1;
  if (http_field(to, "Host", *r->url.port ? r->url.host : "localhost") < 0 ||
      http_field(to, "User-Agent", "rohrpost") < 0 ||
      http_field(to, "Connection", "keep-alive") < 0 ||
      http_field(to, "Content-Length", n) < 0)
    return -1;
  return stralloc_cat(to, &r->constant) && stralloc_cat(to, head) &&
                 stralloc_cats(to, "\r\n")
             ? 1
             : -1;
}

typedef struct way {
  int fd;
  io_time deadline;
} way;

static int put(char const *s, size_t len, void *data)
{
  way *w = data;
  return io_write(w->fd, s, len, w->deadline);
}

/* 1: *a is an answer or an error; 0: an old connection had ended. */
static int exchange(rspamd *r, stralloc const *head, view const *v,
                    rspamd_answer *a, io_time deadline)
{
  way w = {r->h.fd, deadline};
  int good = io_write(w.fd, head->s, head->len, deadline), got;
  if (good > 0) good = view_write(v, 0, put, &w);
  /* Who says no early does not read on, but has said why. */
  if (good < 0 && errno != EPIPE && errno != ECONNRESET)
    return failed(a, RSPAMD_UNREACHABLE, "unable to send the message"), 1;
  got = http_answer_get(&r->h, &r->got, RSPAMD_ANSWER, deadline);
  if (got == 0 || (got < 0 && errno == ECONNRESET)) return 0;
  if (got < 0)
    return failed(a,
                  errno == EPROTO || errno == EMSGSIZE ? RSPAMD_BAD_ANSWER
                                                       : RSPAMD_UNREACHABLE,
                  "unable to read the answer"),
           1;
  if (!rspamd_answer_read(a, r->got.body.s, r->got.body.len)) return 1;
  if (r->got.status == 200) return 1;
  rspamd_answer_free(a);
  *a = (rspamd_answer){.word = RSPAMD_BAD_ANSWER};
  snprintf(a->text, sizeof a->text, "HTTP status %d", r->got.status);
  return 1;
}

static int ask(rspamd *r, stralloc const *head, view const *v, rspamd_answer *a,
               io_time deadline)
{
  io_time soon = io_after(CONNECT_MS);
  if (http_idle(&r->h) && exchange(r, head, v, a, deadline)) return 1;
  if (http_open(&r->h, &r->url, r->tls, soon < deadline ? soon : deadline) < 0)
    return failed(a, RSPAMD_UNREACHABLE, "unable to connect"), 0;
  if (exchange(r, head, v, a, deadline)) return 1;
  errno = EPIPE;
  return failed(a, RSPAMD_UNREACHABLE, "no answer"), 0;
}

void rspamd_ask(rspamd *r, stralloc const *head, view const *v,
                rspamd_answer *a)
{
  static stralloc all = STRALLOC_ZERO;
  r->got.keep = 0;
  if (request(r, head, v->total, &all) < 0) {
    failed(a, RSPAMD_UNREACHABLE, "unable to ask");
    return;
  }
  ask(r, &all, v, a, io_after((int64_t)r->seconds * 1000));
  if (!r->got.keep || a->word >= RSPAMD_UNREACHABLE) http_close(&r->h);
}
