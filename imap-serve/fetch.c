#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "date.h"
#include "emailid.h"
#include "fetch.h"
#include "letters.h"
#include "log.h"

#define CHUNK 8192

typedef struct fetching {
  session *s;
  fetch_item const *items;
  int uid;    /* UID is to be in every response */
  int needs;  /* the file */
  int seen;   /* sets \Seen */
  int flags;  /* FLAGS was asked for */
  int gone;   /* some message has no file any more */
  int failed; /* errno of what went wrong otherwise */
  int cte;    /* an encoding is not known */
} fetching;

static void out_date(session *s, time_t t)
{
  char date[DATE_MAX];
  struct tm tm;
  localtime_r(&t, &tm);
  out_puts(&s->o, "INTERNALDATE \"");
  out_put(&s->o, date, date_imap(date, t, (int)(tm.tm_gmtoff / 60)));
  out_puts(&s->o, "\"");
}

/* The response has begun: what cannot be made ends the connection, or the
   client would take what follows for it. */
static void abandon(fetching *f)
{
  log_warnsys("unable to read a message");
  out_flush(&f->s->o);
  f->s->o.dead = 1;
  f->s->closing = 1;
}

static void structure(fetching *f, char const *name,
                      int (*make)(mime *, stralloc *))
{
  stralloc all = STRALLOC_ZERO;
  if (make(&f->s->mime, &all) < 0) {
    abandon(f);
  } else {
    out_puts(&f->s->o, name);
    out_put(&f->s->o, all.s, all.len);
  }
  stralloc_free(&all);
}

static void label(session *s, fetch_item const *i)
{
  out_puts(&s->o, i->label);
  if (!i->bracket) return;
  for (size_t n = 0; n < i->section.n; n++) {
    out_puts(&s->o, n ? " " : " (");
    out_astring(&s->o, i->section.names[n], strlen(i->section.names[n]));
  }
  if (i->section.n) out_puts(&s->o, ")");
  out_puts(&s->o, "]");
  if (!i->partial) return;
  out_puts(&s->o, "<");
  out_number(&s->o, i->from);
  out_puts(&s->o, ">");
}

static void copy(fetching *f, mime_data *d, uint64_t n)
{
  session *s = f->s;
  while (n && !s->o.dead) {
    size_t want = n < CHUNK ? (size_t)n : CHUNK;
    char *to = out_room(&s->o, want);
    ssize_t r = mime_data_read(d, to, want);
    if (r <= 0) {
      if (r == 0) errno = ESTALE;
      abandon(f);
      return;
    }
    /* NUL is no CHAR8 (9) */
    for (char *z = to; (z = memchr(z, 0, (size_t)(to + r - z))) != 0;)
      *z = (char)0x80;
    out_filled(&s->o, (size_t)r);
    n -= (uint64_t)r;
  }
}

static void section(fetching *f, fetch_item const *i)
{
  session *s = f->s;
  mime_data d;
  uint64_t from = i->partial ? i->from : 0, n;
  int r = mime_data_open(&d, &s->mime, &i->section);
  label(s, i);
  if (r <= 0) {
    if (r < 0) f->failed = errno;
    out_puts(&s->o, " NIL");
    return;
  }
  if (from > d.size) from = d.size;
  n = d.size - from;
  if (i->partial && n > i->count) n = i->count;
  out_puts(&s->o, " {");
  out_number(&s->o, n);
  out_puts(&s->o, "}\r\n");
  if (mime_data_seek(&d, from) < 0)
    abandon(f);
  else
    copy(f, &d, n);
}

static void item(fetching *f, fetch_item const *i, message const *g,
                 uint64_t size, time_t date)
{
  session *s = f->s;
  char id[EMAILID_SIZE];
  switch (i->kind) {
  case FETCH_FLAGS: session_put_flags(s, g); break;
  case FETCH_UID:
    out_puts(&s->o, "UID ");
    out_number(&s->o, g->uid);
    break;
  case FETCH_DATE: out_date(s, date); break;
  case FETCH_EMAILID:
    emailid(&s->box, g, id);
    out_puts(&s->o, "EMAILID (");
    out_puts(&s->o, id);
    out_puts(&s->o, ")");
    break;
  case FETCH_THREADID: out_puts(&s->o, "THREADID NIL"); break;
  case FETCH_SIZE:
    out_puts(&s->o, "RFC822.SIZE ");
    out_number(&s->o, size);
    break;
  case FETCH_ENVELOPE: structure(f, "ENVELOPE ", mime_envelope); break;
  case FETCH_BODY: structure(f, "BODY ", mime_body); break;
  case FETCH_STRUCTURE:
    structure(f, "BODYSTRUCTURE ", mime_bodystructure);
    break;
  case FETCH_PREVIEW: structure(f, "PREVIEW ", mime_preview); break;
  case FETCH_BINARY:
  case FETCH_BINARY_SIZE:
    label(s, i);
    if (fetch_binary_put(s, i) < 0) abandon(f);
    break;
  default: section(f, i);
  }
}

/* INTERNALDATE without opening the file, if nothing else needs it. */
static int find_date(session *s, size_t at, time_t *t)
{
  char path[MAILBOX_PATH];
  struct stat st;
  int r;
  message_path(&s->box, s->box.v + at, path);
  if (s->file >= 0 && s->file_uid == s->box.v[at].uid) {
    r = fstat(s->file, &st);
  } else {
    r = fstatat(s->box.dir, path, &st, 0);
    if (r < 0 && errno == ENOENT) {
      r = session_file(s, at);
      if (r < 1) return r;
      r = fstat(s->file, &st);
    }
  }
  if (r < 0) return -1;
  *t = st.st_mtime;
  return 1;
}

/* What may fail is done before the response begins. 1; 0 gone; -1 */
static int prepare(fetching *f, size_t at, uint64_t *size, time_t *date)
{
  session *s = f->s;
  int r = 1;
  if (f->needs) r = session_file(s, at);
  for (fetch_item const *i = f->items; r > 0 && i; i = i->next) {
    if (i->kind == FETCH_SIZE) r = message_size(&s->box, s->box.v + at, size);
    if (i->kind == FETCH_DATE) r = find_date(s, at, date);
    if (i->kind == FETCH_BINARY || i->kind == FETCH_BINARY_SIZE) {
      r = fetch_binary_check(s, i);
      if (r == 0) f->cte = 1;
    }
  }
  if (r > 0 && f->seen && !s->box.readonly) {
    r = message_change(&s->box, s->box.v + at, letter_bit('S'), 0);
    if (r == 0) r = 1;
  }
  return r;
}

static void one(fetching *f, size_t at)
{
  session *s = f->s;
  uint64_t size = 0;
  time_t date = 0;
  message *g;
  int some = 0, r = prepare(f, at, &size, &date);
  if (r <= 0) {
    if (r < 0) f->failed = errno;
    f->gone |= r == 0 && !f->cte;
    return;
  }
  g = s->box.v + at;
  out_puts(&s->o, "* ");
  out_number(&s->o, at + 1);
  out_puts(&s->o, " FETCH (");
  if (f->uid) {
    out_puts(&s->o, "UID ");
    out_number(&s->o, g->uid);
    some = 1;
  }
  if (g->state & MESSAGE_CHANGED && !f->flags && f->seen) {
    if (some) out_puts(&s->o, " ");
    session_put_flags(s, g);
    some = 1;
  }
  if (f->flags || f->seen) g->state &= ~(uint32_t)MESSAGE_CHANGED;
  for (fetch_item const *i = f->items; i && !s->closing; i = i->next) {
    if (i->kind == FETCH_UID && f->uid) continue;
    if (some) out_puts(&s->o, " ");
    some = 1;
    item(f, i, g, size, date);
  }
  out_line(&s->o, ")");
}

static void look_over(fetching *f)
{
  for (fetch_item const *i = f->items; i; i = i->next) {
    if (i->kind >= FETCH_ENVELOPE) f->needs = 1;
    if ((i->kind == FETCH_SECTION || i->kind == FETCH_BINARY) && !i->peek)
      f->seen = 1;
    if (i->kind == FETCH_FLAGS) f->flags = 1;
  }
}

void cmd_fetch(session *s, parse *p, int uid)
{
  fetching f = {.s = s, .uid = uid};
  fetch_item *items;
  set numbers;
  spans which;
  if (!parse_sp(p) || !parse_set(p, &numbers) || !parse_sp(p) ||
      !fetch_parse(p, &items) || !session_spans(s, p, &numbers, uid, &which)) {
    session_bad(s, p);
    return;
  }
  f.items = items;
  look_over(&f);
  for (size_t i = 0; i < which.n; i++)
    for (size_t at = which.v[i].from;
         at < which.v[i].to && !s->closing && !s->o.dead; at++)
      one(&f, at);
  session_update(s, 0, uid, uid);
  if (f.failed) {
    errno = f.failed;
    session_no_errno(s, "read a message");
  } else if (f.cte) {
    session_no(s, "[UNKNOWN-CTE] Unknown transfer encoding");
  } else {
    session_ok(s, f.gone ? "[EXPUNGEISSUED] Some messages are gone"
                         : "FETCH completed");
  }
}
