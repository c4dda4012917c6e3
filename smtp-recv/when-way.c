#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "envelope.h"
#include "filter.h"
#include "parcel-tool.h"
#include "when-way.h"

/* Most bytes of an envelope, as sinks have it. */
#define HEAD_MOST (4 * 1024 * 1024)

static int has(unsigned char const *bits, unsigned long number)
{
  return number < PARCEL_RECIPIENTS && bits[number / 8] >> (number % 8) & 1;
}

static void add(unsigned char *bits, unsigned long number)
{
  if (number < PARCEL_RECIPIENTS)
    bits[number / 8] |= (unsigned char)(1 << number % 8);
}

/* The filter's verdict on all, which becomes one on each that is meant, also on
   those that come later. (junk is for a message, not for a recipient.) */
typedef struct verdict {
  char v[PARCEL_REPLY + 64];
  size_t len; /* 0: none */
} verdict;

static void keep(verdict *v, parcel_record const *r)
{
  v->len = r->len < PARCEL_REPLY + 32 ? r->len : PARCEL_REPLY + 32;
  memcpy(v->v, r->s, v->len);
  v->v[v->len++] = 0;
}

static void put(verdict *v, parcel_out *out, unsigned long n)
{
  parcel_write(out, PARCEL_VERDICT, v->v, v->len + ulong_fmt(v->v + v->len, n));
}

typedef struct copier {
  when_shared const *shared;
  int narrow, done;
  unsigned skip; /* records that have been written already */
  verdict verdict;
  unsigned char seen[PARCEL_RECIPIENTS / 8 + 1]; /* those that are meant */
  parcel_in in;
  parcel_out out;
} copier;

static void recipient(copier *c, parcel_record const *r)
{
  unsigned long number;
  parcel_write(&c->out, r->type, r->s, r->len);
  if (!ulong_scan(r->s, &number) || has(c->seen, number) ||
      !has(c->shared->meant, number))
    return;
  add(c->seen, number);
  if (c->verdict.len) put(&c->verdict, &c->out, number);
}

static void narrow(copier *c, parcel_record const *r)
{
  if (r->type == PARCEL_TO) {
    recipient(c, r);
  } else if (parcel_refused(r) && !c->shared->refused) {
    if (c->verdict.len) return;
    keep(&c->verdict, r);
    for (unsigned long n = 0; n < PARCEL_RECIPIENTS; n++)
      if (has(c->seen, n)) put(&c->verdict, &c->out, n);
  } else {
    parcel_write(&c->out, r->type, r->s, r->len);
  }
}

static void copy(copier *c, parcel_record const *r)
{
  if (r->type == PARCEL_BEGIN) {
    c->skip = c->shared->passed;
    c->verdict.len = 0;
    memset(c->seen, 0, sizeof c->seen);
  }
  if (c->skip && strchr("IPFT", r->type)) {
    c->skip--;
    return;
  }
  if (c->narrow)
    narrow(c, r);
  else
    parcel_write(&c->out, r->type, r->s, r->len);
  if (c->in.pos == c->in.end || r->type == PARCEL_END) parcel_send(&c->out);
  if (r->type == PARCEL_END && write(c->done, "", 1) != 1)
    strerr_diefu1sys(111, "end a parcel");
}

__attribute__((noreturn)) static void run_copier(when_way const *w, int from,
                                                 int done)
{
  copier c = {.shared = w->shared, .narrow = w->narrow, .done = done};
  parcel_record r;
  char state = 0;
  parcel_must(parcel_in_init(&c.in, from), "allocate memory");
  parcel_must(parcel_out_init(&c.out, 1, -1), "allocate memory");
  while (parcel_read(&c.in, &r, &state)) copy(&c, &r);
  _exit(0);
}

__attribute__((noreturn)) static void filter_child(char const *const *argv,
                                                   int in, int out)
{
  if (dup2(in, 0) < 0 || dup2(out, 1) < 0) _exit(111);
  execvp(argv[0], (char *const *)(uintptr_t)argv);
  _exit(errno == ENOENT ? 127 : 126);
}

int when_way_init(when_way *w, char const *const *argv)
{
  int to[2], from[2], done[2];
  w->shared = mmap(0, sizeof *w->shared, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (w->shared == MAP_FAILED || pipe2(to, O_CLOEXEC) < 0 ||
      pipe2(from, O_CLOEXEC) < 0 || pipe2(done, O_CLOEXEC) < 0 ||
      parcel_out_init(&w->past, 1, -1) < 0 ||
      parcel_out_init(&w->through, to[1], -1) < 0)
    return -1;
  w->filter = fork();
  if (w->filter == 0) filter_child(argv, to[0], from[1]);
  if (w->filter < 0) return -1;
  close(to[0]);
  close(from[1]);
  w->copier = fork();
  if (w->copier == 0) {
    close(to[1]); /* else the filter never sees the end */
    close(done[0]);
    run_copier(w, from[0], done[1]);
  }
  if (w->copier < 0) return -1;
  close(from[0]);
  close(done[1]);
  w->done = done[0];
  return 1;
}

void when_way_begin(when_way *w)
{
  w->taken = 0;
  w->head.len = w->nhead = 0;
  memset(w->shared, 0, sizeof *w->shared);
}

/* The head goes through once more, behind which this record comes. */
static void enter(when_way *w)
{
  envelope_walk walk = {.s = w->head.s, .len = w->head.len};
  parcel_record r;
  parcel_send(&w->past);
  w->taken = 1;
  w->shared->passed = w->nhead;
  while (envelope_next(&walk, &r) > 0)
    parcel_write(&w->through, r.type, r.s, r.len);
  envelope_end(&walk);
}

void when_way_take(when_way *w, parcel_record const *r)
{
  unsigned long number;
  if (w->shared->refused) return;
  if (r->type == PARCEL_TO && ulong_scan(r->s, &number))
    add(w->shared->meant, number);
  if (!w->taken) enter(w);
}

static void wait_done(when_way *w)
{
  char c;
  ssize_t n = io_read(w->done, &c, 1, io_after(PARCEL_MS));
  if (n < 0) strerr_diefu1sys(111, "get a parcel back");
  if (!n) strerr_dief1x(111, "the filter has ended in the middle of a parcel");
}

void when_way_record(when_way *w, parcel_record const *r)
{
  if (parcel_refused(r)) w->shared->refused = 1;
  parcel_write(w->taken ? &w->through : &w->past, r->type, r->s, r->len);
  if (!w->taken && strchr("IPFT", r->type)) {
    if (w->head.len + r->len > HEAD_MOST)
      strerr_dief1x(111, "envelope too big");
    parcel_must(envelope_add(&w->head, r), "keep a record");
    w->nhead++;
  }
  if (r->type != PARCEL_END && r->type != PARCEL_SETTLE) return;
  when_way_flush(w);
  if (w->taken && r->type == PARCEL_END) wait_done(w);
}

void when_way_flush(when_way *w)
{
  parcel_send(&w->past);
  parcel_send(&w->through);
}

int when_way_end(when_way *w)
{
  int status;
  close(w->through.fd);
  waitpid(w->filter, &status, 0);
  waitpid(w->copier, &status, 0);
  stralloc_free(&w->head);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 111;
}
