/* DATA (RFC 5321 4.1.1.4) and BDAT (RFC 3030): bytes stream through. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <skalibs/types.h>

#include "message.h"
#include "opening.h"
#include "session.h"
#include "show.h"

#define CHUNK_MAX (UINT64_C(1) << 40)

/* A block may take so long, and the message as a whole. */
static io_time block(session const *s, io_time message)
{
  io_time t = io_after(s->o->block_ms);
  return t < message ? t : message;
}

/* What is in the buffer, at most most bytes. Returns how many were used. */
static size_t take(session *s, size_t most)
{
  char *bytes = s->in.buf + s->in.pos;
  size_t n = line_pending(&s->in), out, used;
  if (n > most) n = most;
  used = dots_feed(&s->dots, bytes, n, &out);
  s->in.pos += used;
  message_take(s, bytes, out);
  return used;
}

static char const *data_too_early(session const *s)
{
  if (!s->mail) return "503 5.5.1 MAIL first";
  if (s->chunks) return "503 5.5.1 After BDAT, only BDAT";
  if (!s->accepted) return "554 5.5.1 No valid recipients";
  return 0;
}

void cmd_data(session *s, char *arg)
{
  char const *why = data_too_early(s);
  io_time end = io_after(s->o->message_ms);
  (void)arg;
  if (why) {
    say_error(s, why);
    return;
  }
  message_begin(s, 0);
  if (s->refusal) {
    message_refuse(s);
    return;
  }
  say(s, "354 End with a dot on a line of its own");
  while (!s->dots.done) {
    if (!session_more(s, block(s, end))) {
      opening_end(s, "451 4.4.2 The client went away");
      return;
    }
    take(s, SIZE_MAX);
  }
  show_bytes(s, "message", s->total);
  message_end(s);
}

/* "SIZE [LAST]": 1 or 0 */
static int chunk(char const *arg, uint64_t *n, int *last)
{
  size_t digits = strspn(arg, "0123456789");
  char number[24];
  if (!digits || digits >= sizeof number) return 0;
  memcpy(number, arg, digits);
  number[digits] = 0;
  if (!uint640_scan(number, n) || *n > CHUNK_MAX) return 0;
  arg += digits;
  if (*arg && *arg != ' ') return 0;
  arg += strspn(arg, " ");
  *last = *arg != 0;
  return !*last || !strcasecmp(arg, "LAST");
}

/* Reads the chunk whatever becomes of it: 1, or 0 and the session is over. */
static int read_chunk(session *s, uint64_t n, int forget)
{
  io_time end = io_after(s->o->message_ms);
  while (n) {
    size_t some;
    if (!session_more(s, block(s, end))) return 0;
    some = line_pending(&s->in);
    if (some > n) some = (size_t)n;
    if (forget)
      s->in.pos += some;
    else
      take(s, some);
    n -= some;
  }
  return 1;
}

static char const *bdat_too_early(session const *s)
{
  if (!s->mail) return "503 5.5.1 MAIL first";
  if (!s->accepted) return "554 5.5.1 No valid recipients";
  return 0;
}

static void last_chunk(session *s)
{
  if (!dots_whole(&s->dots) && s->total) message_take(s, "\r\n", 2);
  message_end(s);
}

void cmd_bdat(session *s, char *arg)
{
  uint64_t n;
  int last;
  char const *why;
  if (!chunk(arg, &n, &last)) {
    /* What follows cannot be told from commands. */
    hang_up(s, "421 5.5.4 BDAT size [LAST]");
    return;
  }
  why = bdat_too_early(s);
  if (!why && !s->chunks) {
    message_begin(s, 1);
    s->chunks = 1;
  }
  if (!read_chunk(s, n, why != 0)) return;
  show_bytes(s, "chunk", n);
  if (why)
    say_error(s, why);
  else if (last)
    last_chunk(s);
  else if (s->refusal)
    say_error(s, s->refusal);
  else
    say(s, "250 2.0.0 %llu octets received", (unsigned long long)n);
}
