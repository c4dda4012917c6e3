/* APPEND (6.3.11) of one message or many (RFC 3502: all or none), REPLACE (RFC
   8508), literal8 (RFC 3516) and UTF8 (RFC 6855). Each literal goes straight
   to a file; a message with other line ends is stored as if it had right ones.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "append-file.h"
#include "date.h"
#include "place.h"
#include "session.h"

#define MESSAGES 10000 /* of one command */

/* A message that lies in tmp/; the rest of it is in appending's words. */
typedef struct pending {
  uint64_t letters, size, wire;
  size_t tmp, keyword; /* where its file's name and its keywords stand */
  unsigned keywords;
} pending;

typedef struct appending {
  session *s;
  parse *p;
  place to;
  pending *v;
  size_t n, a;
  stralloc words; /* each with a NUL behind it */
  int failed;     /* errno */
  uint64_t bytes; /* announced */
  int replace;    /* the message behind at has to go */
  size_t at;
} appending;

/* What stands before a message and its literal */
typedef struct head {
  flag_list flags;
  int dated, sync, eight, utf8;
  time_t date;
  uint64_t n; /* of the literal */
  char const *literal;
} head;

static int fail(parse *p, char const *error, char const *no)
{
  p->error = error;
  p->no = no;
  return 0;
}

static int date_time(parse *p, head *h)
{
  text t;
  int offset;
  if (!parse_string(p, &t)) return 0;
  h->dated = 1;
  return date_parse_imap(t.s, t.len, &h->date, &offset)
             ? 1
             : fail(p, "Invalid date-time", 0);
}

/* "{n}", "~{n}" or "UTF8 (~{n}" */
static int literal_size(parse *p, head *h)
{
  text word;
  h->literal = p->s;
  if (!parse_peek(p, '{') && !parse_peek(p, '~')) {
    if (!parse_atom(p, &word)) return 0;
    if (!text_is(&word, "UTF8")) return fail(p, "Unknown append data", 0);
    if (!parse_sp(p) || !parse_char(p, '(')) return 0;
    if (!parse_peek(p, '~')) return fail(p, "Expected a literal8", 0);
    h->utf8 = 1;
  }
  if (parse_peek(p, '~')) {
    h->eight = 1;
    p->s++;
  }
  return parse_literal_size(p, &h->n, &h->sync);
}

static int head_parse(appending *a, head *h)
{
  parse *p = a->p;
  *h = (head){.sync = 0};
  if (parse_peek(p, '(') && (!parse_flags(p, &h->flags) || !parse_sp(p)))
    return 0;
  if (parse_peek(p, '"') && (!date_time(p, h) || !parse_sp(p))) return 0;
  if (!literal_size(p, h)) return 0;
  p->s = h->literal; /* what fails now is drained from here */
  if (h->utf8 && !a->s->utf8) return fail(p, "UTF8=ACCEPT is not enabled", 0);
  if (h->n > a->s->append_max) return fail(p, "", "[TOOBIG] Message too big");
  if (!h->n) return fail(p, "", "[CANNOT] Empty message");
  if (session_room(a->s, a->bytes + h->n, a->n + 1) < 0 && errno == EDQUOT)
    return fail(p, "", "[OVERQUOTA] No room left in the quota");
  if (a->n == MESSAGES) return fail(p, "", "[LIMIT] Too many messages");
  p->s = p->end;
  a->bytes += h->n;
  return 1;
}

static pending *pending_new(appending *a)
{
  if (a->n == a->a) {
    size_t room = a->a ? a->a * 2 : 4;
    pending *v = realloc(a->v, room * sizeof *v);
    if (!v) return 0;
    a->v = v;
    a->a = room;
  }
  a->v[a->n] = (pending){.keywords = 0};
  return a->v + a->n;
}

static int keep_word(appending *a, char const *s, size_t n)
{
  return stralloc_catb(&a->words, s, n) && stralloc_0(&a->words);
}

static int remember(appending *a, head const *h, append_file *f)
{
  pending *g = pending_new(a);
  if (!g) return -1;
  g->letters = h->flags.letters;
  g->size = f->size;
  g->wire = f->wire;
  g->keyword = a->words.len;
  for (size_t i = 0; i < h->flags.n; i++)
    if (!keep_word(a, h->flags.keyword[i].s, h->flags.keyword[i].len))
      return -1;
  g->keywords = (unsigned)h->flags.n;
  g->tmp = a->words.len;
  if (!keep_word(a, f->tmp, strlen(f->tmp))) return -1;
  f->tmp[0] = 0;
  a->n++;
  return 1;
}

/* The literal, and what is left of the line behind it. 1 or 0 as parse
   functions; what is wrong with the disk is in a->failed. */
static int message_take(appending *a, head const *h)
{
  append_file f;
  parse *p = a->p;
  int good, dir = a->to.box.dir;
  append_file_make(&f, dir);
  if (h->sync) out_line(&a->s->o, "+ OK");
  good = append_file_receive(&f, &a->s->in, h->n);
  if (!good)
    p->gone = 1;
  else if (append_file_end(&f, h->dated ? &h->date : 0) < 0 ||
           (!(h->eight && f.bare) && remember(a, h, &f) < 0))
    a->failed = errno;
  append_file_drop(&f, dir);
  if (!good || !parse_next_line(p) || (h->utf8 && !parse_char(p, ')')))
    return 0;
  /* it would come back as CRLF (RFC 3516 4.4: no loss of data) */
  return h->eight && f.bare
             ? fail(p, "", "[UNKNOWN-CTE] A line feed without carriage return")
             : 1;
}

static int messages_take(appending *a, head *h)
{
  parse *p = a->p;
  input_mark mark = input_marked(p->in);
  for (;;) {
    if (!message_take(a, h)) return 0;
    input_release(p->in, &mark);
    if (p->s == p->end) return 1;
    if (!parse_sp(p) || !head_parse(a, h)) return 0;
    if (a->failed && h->sync) return 1; /* the client waits: say it now */
  }
}

static int letters_of(appending *a, pending const *g, uint64_t *letters)
{
  flag_list f = {.letters = g->letters, .n = g->keywords};
  text keyword[PARSE_LISTED / 10];
  char const *s = a->words.s + g->keyword;
  f.keyword = keyword;
  for (size_t i = 0; i < f.n; i++, s += strlen(s) + 1)
    keyword[i] = (text){.s = s, .len = strlen(s)};
  return flags_letters(&a->to.box, &f, 1, letters);
}

static int give_name(appending *a, pending const *g)
{
  char base[MAILDIR_NAME + 1], path[MAILBOX_PATH];
  char *tmp = a->words.s + g->tmp;
  int dir = a->to.box.dir;
  uint64_t letters;
  size_t n;
  if (letters_of(a, g, &letters) < 0) return -1;
  n = maildir_unique(base, 0, g->size, g->wire);
  if (!n) return errno = ENAMETOOLONG, -1;
  base[n] = 0;
  if (place_path(path, base, letters) < 0 ||
      renameat2(dir, tmp, dir, path, RENAME_NOREPLACE) < 0)
    return -1;
  *tmp = 0;
  if (place_add(&a->to, path) > 0) return 1;
  unlinkat(dir, path, 0);
  return -1;
}

/* 1 or -1; on failure place_close takes back what has a name */
static int commit(appending *a)
{
  if (a->failed) return errno = a->failed, -1;
  for (size_t i = 0; i < a->n; i++)
    if (append_file_sync(a->to.box.dir, a->words.s + a->v[i].tmp) < 0)
      return -1;
  if (place_lock(&a->to) < 0) return -1;
  for (size_t i = 0; i < a->n; i++)
    if (give_name(a, a->v + i) < 0) return -1;
  return place_commit(&a->to);
}

/* "[APPENDUID V 7]" or "[APPENDUID V 7:9]" (RFC 4315 3) */
static void code(appending const *a, char *to, size_t room)
{
  unsigned long first = a->to.first, last = first + a->n - 1;
  unsigned long validity = a->to.box.uids.validity;
  if (a->n > 1)
    snprintf(to, room, "[APPENDUID %lu %lu:%lu]", validity, first, last);
  else
    snprintf(to, room, "[APPENDUID %lu %lu]", validity, first);
}

static void answer(appending *a)
{
  session *s = a->s;
  char uids[80], line[128];
  code(a, uids, sizeof uids);
  if (!a->replace) {
    session_update(s, 0, 1, 0);
    snprintf(line, sizeof line, "%s APPEND completed", uids);
    session_ok(s, line);
    return;
  }
  /* before the EXPUNGE (RFC 8508 4.3) */
  snprintf(line, sizeof line, "* OK %s Replacement ready", uids);
  out_line(&s->o, line);
  if (message_remove(&s->box, s->box.v + a->at, 0) < 0) {
    session_update(s, 0, 1, 0);
    session_no_errno(s, "remove the message that was replaced");
    return;
  }
  session_update(s, 0, 1, 0);
  session_ok(s, "REPLACE completed");
}

static void drop(appending *a)
{
  for (size_t i = 0; i < a->n; i++) {
    char const *tmp = a->words.s + a->v[i].tmp;
    if (*tmp) unlinkat(a->to.box.dir, tmp, 0);
  }
  stralloc_free(&a->words);
  free(a->v);
}

static void run(appending *a, head *h)
{
  session *s = a->s;
  int r = messages_take(a, h);
  if (!r || (a->replace && a->n > 1)) {
    if (r) a->p->error = "One message replaces one";
    session_bad(s, a->p);
  } else if (commit(a) < 0) {
    int e = errno;
    drop(a);
    place_close(&a->to); /* the lock may be our own mailbox's */
    errno = e;
    session_no_errno(s, "append a message");
    return;
  } else {
    session_grew(s, a->bytes, a->n);
    answer(a);
  }
  drop(a);
  place_close(&a->to);
}

/* From the mailbox's name on */
static void append(appending *a)
{
  parse *p = a->p;
  char dir[MAILDIR_NAME + 1];
  text name;
  head h;
  if (!parse_sp(p) || !parse_astring(p, &name) || !parse_sp(p) ||
      !head_parse(a, &h)) {
    session_bad(a->s, p);
    return;
  }
  p->s = h.literal;
  if (!session_directory(&name, dir))
    fail(p, "", "[CANNOT] Invalid mailbox name");
  else if (place_open(&a->to, a->s->root, dir) < 0)
    fail(p, "",
         errno == ENOENT ? "[TRYCREATE] No such mailbox"
                         : "[UNAVAILABLE] Mailbox cannot be opened");
  else
    p->s = p->end;
  if (p->error)
    session_bad(a->s, p);
  else
    run(a, &h);
}

void cmd_append(session *s, parse *p, int uid)
{
  appending a = {.s = s, .p = p};
  (void)uid;
  append(&a);
}

void cmd_replace(session *s, parse *p, int uid)
{
  appending a = {.s = s, .p = p, .replace = 1};
  set_range one[1];
  set which = {.v = one, .n = 1};
  spans at;
  uint32_t number;
  if (!parse_sp(p) || !parse_number(p, &number)) {
    session_bad(s, p);
    return;
  }
  if (!number) {
    fail(p, "Invalid message number 0", 0);
    session_bad(s, p);
    return;
  }
  one[0] = (set_range){number, number};
  if (s->box.readonly)
    fail(p, "", "[READ-ONLY] Mailbox is read-only");
  else if (session_spans(s, p, &which, uid, &at) && !at.n)
    fail(p, "", "[NONEXISTENT] No such message");
  if (p->error) {
    session_bad(s, p);
    return;
  }
  a.at = at.v[0].from;
  append(&a);
}
