/* COPY (6.4.7) by hard links, MOVE (RFC 6851) by renames: a message is never in
   no mailbox. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/types.h>

#include "emailid.h"
#include "learn.h"
#include "letters.h"
#include "log.h"
#include "place.h"
#include "session.h"

#define MANY 64

typedef struct copying {
  session *s;
  int uid, move;
  place to;
  stralloc uids; /* of what was copied, uint32_t each */
  uint64_t bytes;
  int learn; /* an errand, of files at paths */
  stralloc paths;
  uint32_t validity, first; /* of where it went */
  uint8_t letter[KEYWORDS]; /* ours to theirs, 255: not yet known */
} copying;

static int keyword(copying *c, unsigned ours)
{
  keywords *theirs = &c->to.box.keys;
  char const *name = c->s->box.keys.name[ours];
  int k;
  if (!name) return -1;
  if (c->letter[ours] != 255) return c->letter[ours];
  k = keywords_find(theirs, name, strlen(name));
  if (k < 0) {
    k = keywords_add(theirs, name, strlen(name));
    c->to.box.keys_changed = 1;
  }
  if (k >= 0) c->letter[ours] = (uint8_t)k;
  return k;
}

/* Keywords for which the other mailbox has no letter left are dropped. */
static uint64_t letters_there(copying *c, uint64_t letters)
{
  uint64_t there = letters & ~LETTERS_KEYWORDS;
  for (unsigned i = 0; i < KEYWORDS; i++) {
    int k;
    if (!(letters & letter_keyword(i))) continue;
    k = keyword(c, i);
    if (k >= 0) there |= letter_keyword((unsigned)k);
  }
  return there;
}

/* Without the file's bytes if the name tells its sizes. 1, 0 gone, -1 */
static int new_name(copying *c, size_t at, char *to)
{
  mailbox *m = &c->s->box;
  maildir_name name;
  uint64_t wire;
  size_t n;
  int r = message_size(m, m->v + at, &wire);
  if (r < 1) return r;
  maildir_parse(&name, message_base(m, m->v + at));
  if (name.size == UINT64_MAX) {
    struct stat st;
    r = session_file(c->s, at);
    if (r < 1) return r;
    if (fstat(c->s->file, &st) < 0) return -1;
    name.size = (uint64_t)st.st_size;
  }
  n = maildir_unique(to, 0, name.size, wire);
  if (!n) return errno = ENAMETOOLONG, -1;
  to[n] = 0;
  return 1;
}

/* A link is as durable as its file, and what another program delivered may
   not be yet. 1, also if it is gone; -1 */
static int sync_file(mailbox *m, size_t at)
{
  int r, e, fd = message_open(m, m->v + at);
  if (fd < 0) return errno == ENOENT ? 1 : -1;
  r = fsync(fd);
  e = errno;
  close(fd);
  return errno = e, r < 0 ? -1 : 1;
}

static size_t count(spans const *which)
{
  size_t n = 0;
  for (size_t i = 0; i < which->n; i++) n += which->v[i].to - which->v[i].from;
  return n;
}

/* What takes time with each file comes before the lock, which others break
   when it grows old, and before the first link: behind that every fsync would
   be a commit of the journal. Many files are synced by one look at the whole
   file system: that is what a look at each of them costs. 1 or -1 */
static int prepare(copying *c, spans const *which)
{
  mailbox *m = &c->s->box;
  uint64_t wire, bytes = 0, messages = 0;
  int many = count(which) >= MANY;
  if (many && !c->move && syncfs(m->dir) < 0) return -1;
  for (size_t i = 0; i < which->n; i++)
    for (size_t at = which->v[i].from; at < which->v[i].to; at++)
      if (message_size(m, m->v + at, &wire) < 0 ||
          (!c->move && !many && sync_file(m, at) < 0))
        return -1;
      else
        bytes += wire, messages++;
  c->bytes = bytes;
  return c->move ? 1 : session_room(c->s, bytes, messages);
}

static int one(copying *c, size_t at)
{
  mailbox *m = &c->s->box;
  char base[MAILDIR_NAME + 1], path[MAILBOX_PATH], guid[EMAILID_GUID];
  uint32_t uid = m->v[at].uid;
  int r = new_name(c, at, base);
  if (r < 1) return r;
  if (place_path(path, base, letters_there(c, m->v[at].letters)) < 0) return -1;
  emailid_guid(m, m->v + at, guid);
  r = message_transfer(m, m->v + at, c->to.box.dir, path, c->move);
  if (r < 1) return r;
  if (place_add_guid(&c->to, path, guid) < 0) return -1;
  if (c->learn && (!stralloc_cats(&c->paths, path) || !stralloc_0(&c->paths)))
    return -1;
  if (!stralloc_catb(&c->uids, (char const *)&uid, sizeof uid)) return -1;
  return 1;
}

static int all(copying *c, spans const *which)
{
  for (size_t i = 0; i < which->n; i++) {
    for (size_t at = which->v[i].from; at < which->v[i].to; at++) {
      int r = one(c, at);
      if (r < 0) return -1;
      if (r == 0 && !c->uid && !c->move) return errno = ENOENT, -1;
    }
  }
  return 1;
}

static int put_number(stralloc *to, uint32_t n)
{
  char fmt[UINT32_FMT];
  return stralloc_catb(to, fmt, uint32_fmt(fmt, n));
}

static int put_range(stralloc *to, uint32_t a, uint32_t b)
{
  return put_number(to, a) &&
         (a == b || (stralloc_append(to, ':') && put_number(to, b)));
}

/* "[COPYUID VALIDITY 1:3,7 10:13] " */
static int copyuid(stralloc *to, copying const *c, size_t n)
{
  uint32_t a = 0, b = 0;
  if (!stralloc_cats(to, "[COPYUID ") || !put_number(to, c->validity) ||
      !stralloc_append(to, ' '))
    return 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t uid;
    memcpy(&uid, c->uids.s + i * sizeof uid, sizeof uid);
    if (i && uid == b + 1) {
      b = uid;
      continue;
    }
    if (i && (!put_range(to, a, b) || !stralloc_append(to, ','))) return 0;
    a = b = uid;
  }
  return put_range(to, a, b) && stralloc_append(to, ' ') &&
         put_range(to, c->first, c->first + (uint32_t)n - 1) &&
         stralloc_cats(to, "] ");
}

static void answer(copying *c, int failed)
{
  session *s = c->s;
  size_t n = c->uids.len / sizeof(uint32_t);
  stralloc code = STRALLOC_ZERO;
  if (n && (!copyuid(&code, c, n) || !stralloc_0(&code))) code.len = 0;
  if (c->move && code.len) {
    out_puts(&s->o, "* OK ");
    out_puts(&s->o, code.s);
    out_line(&s->o, "Moved");
    code.len = 0;
  }
  session_update(s, 0, 1, c->uid);
  if (failed) {
    errno = failed;
    session_no_errno(s, "move messages");
  } else if (code.len) {
    code.len--;
    if (stralloc_cats(&code, "COPY completed") && stralloc_0(&code))
      session_ok(s, code.s);
  } else {
    session_ok(s, c->move ? "MOVE completed" : "COPY completed");
  }
  stralloc_free(&code);
}

/* A move that fails half way keeps what was moved. */
static int transfer(copying *c, spans const *which)
{
  int failed = 0, before = c->s->box.nolock;
  if (prepare(c, which) < 0 || place_lock(&c->to) < 0) return errno;
  c->s->box.nolock = 1;
  if (all(c, which) < 0) failed = errno;
  c->s->box.nolock = before;
  if (failed && !c->move) return failed;
  if (c->to.box.keys_changed &&
      keywords_write(&c->to.box.keys, c->to.box.dir) < 0 && !c->move)
    return errno;
  c->to.moved = c->move;
  if (place_commit(&c->to) < 0) {
    failed = errno;
    c->uids.len = 0;
    if (c->move) place_keep(&c->to);
  }
  return failed;
}

static void run(session *s, char const *dir, spans const *which, int uid,
                int move)
{
  copying c = {.s = s, .uid = uid, .move = move};
  int failed;
  memset(c.letter, 255, sizeof c.letter);
  if (place_open(&c.to, s->root, dir) < 0) {
    if (errno == ENOENT)
      session_no(s, "[TRYCREATE] No such mailbox");
    else
      session_no_errno(s, "open a mailbox");
    return;
  }
  if (!which->n) {
    session_update(s, 0, 1, uid);
    session_ok(s, "No matching messages");
    place_close(&c.to);
    return;
  }
  c.learn = learn_what(s, dir);
  failed = transfer(&c, which);
  if (failed && !move) c.uids.len = 0;
  if (c.learn)
    learn_files(c.learn, c.to.box.dir, c.paths.s,
                c.uids.len / sizeof(uint32_t));
  if (!move && !failed) session_grew(s, c.bytes, c.uids.len / sizeof(uint32_t));
  c.validity = c.to.box.uids.validity;
  c.first = c.to.first;
  place_close(&c.to); /* the lock may be our own mailbox's */
  if (failed == ENOENT && !move) {
    session_update(s, 0, 1, uid);
    session_no(s, "[EXPUNGEISSUED] Some messages are gone");
  } else {
    answer(&c, failed);
  }
  stralloc_free(&c.uids);
  stralloc_free(&c.paths);
}

static void copy(session *s, parse *p, int uid, int move)
{
  char dir[MAILDIR_NAME + 1];
  set numbers;
  spans which;
  int r = parse_sp(p) && parse_set(p, &numbers) && parse_sp(p);
  if (r) r = session_mailbox(s, p, dir);
  if (r < 0) return;
  if (!r || !parse_end(p) || !session_spans(s, p, &numbers, uid, &which)) {
    session_bad(s, p);
    return;
  }
  if (move && s->box.readonly) {
    session_no(s, "[READ-ONLY] Mailbox is read-only");
    return;
  }
  run(s, dir, &which, uid, move);
}

void cmd_copy(session *s, parse *p, int uid)
{
  copy(s, p, uid, 0);
}

void cmd_move(session *s, parse *p, int uid)
{
  copy(s, p, uid, 1);
}
