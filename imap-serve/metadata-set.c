/* SETMETADATA (RFC 5464 4.3): all of it or nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "facts-file.h"
#include "metadata.h"
#include "uidlist.h"

typedef struct setting {
  metadata_entries e;
  text value[METADATA_MOST]; /* s is 0 for NIL */
} setting;

static int value(parse *p, text *t)
{
  int good;
  p->nul = parse_peek(p, '~');
  if (p->nul) p->s++;
  good = p->nul ? parse_string(p, t) : parse_nstring(p, t);
  p->nul = 0;
  if (p->no && !strncmp(p->no, "[TOOBIG]", 8))
    p->no = "[METADATA MAXSIZE 8192] Value too long";
  return good;
}

static int set_parse(parse *p, setting *t)
{
  if (!parse_char(p, '(')) return 0;
  for (;;) {
    metadata_entries one = {.n = 0};
    if (t->e.n == METADATA_MOST) {
      p->error = "";
      p->no = "[METADATA TOOMANY] Too many entries";
      return 0;
    }
    if (!metadata_parse(p, &one) || one.n != 1 || !parse_sp(p) ||
        !value(p, t->value + t->e.n))
      return 0;
    t->e.v[t->e.n++] = one.v[0];
    if (!parse_peek(p, ' ')) return parse_char(p, ')') && parse_end(p);
    p->s++;
  }
}

static int count(char const *name, char const *v, size_t len, void *data)
{
  setting const *t = ((void **)data)[0];
  size_t *n = ((void **)data)[1];
  (void)v, (void)len;
  for (size_t i = 0; i < t->e.n; i++)
    if (!strcmp(t->e.v[i].s, name)) return 1;
  ++*n;
  return 1;
}

/* Under the lock. 1; 0: too many; -1 */
static int set_all(facts *f, int dir, char const *word, setting const *t)
{
  char key[METADATA_NAME + 16];
  size_t n = 0;
  void *data[2] = {(void *)(uintptr_t)t, &n};
  if (facts_read(f, dir) < 0 || facts_each(f, word, count, data) < 0) return -1;
  for (size_t i = 0; i < t->e.n; i++) n += t->value[i].s != 0;
  if (n > METADATA_MOST) return 0;
  for (size_t i = 0; i < t->e.n; i++) {
    snprintf(key, sizeof key, "%s %s", word, t->e.v[i].s);
    if (facts_put(f, dir, key, t->value[i].s, t->value[i].len) < 0) return -1;
  }
  return 1;
}

static int set_locked(int dir, char const *word, setting const *t)
{
  facts f = FACTS_ZERO;
  int e, r;
  if (uidlist_lock(dir) < 0) return -1;
  r = set_all(&f, dir, word, t);
  e = errno;
  uidlist_unlock(dir);
  facts_free(&f);
  return errno = e, r;
}

/* What is always NO: a special use is given by CREATE. */
static int settable(session *s, setting const *t)
{
  for (size_t i = 0; i < t->e.n; i++) {
    if (!strcmp(t->e.v[i].s, METADATA_USE)) {
      session_no(s, "[CANNOT] A special use is given by CREATE");
      return 0;
    }
  }
  return 1;
}

static void store(session *s, char const *dir, setting const *t)
{
  int r = -1, e,
      fd = openat(s->root, dir ? dir : ".",
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd >= 0) r = set_locked(fd, dir ? "meta" : "server", t);
  e = errno;
  if (fd >= 0) close(fd);
  errno = e;
  if (r > 0) {
    session_update(s, 0, 1, 0);
    session_ok(s, "SETMETADATA completed");
  } else if (r == 0) {
    session_no(s, "[METADATA TOOMANY] Too many entries");
  } else if (fd < 0 && (e == ENOENT || e == ENOTDIR || e == ELOOP)) {
    session_no(s, "[NONEXISTENT] No such mailbox");
  } else {
    session_no_errno(s, "write annotations");
  }
}

void cmd_setmetadata(session *s, parse *p, int uid)
{
  setting t = {.e.n = 0};
  char dir[MAILDIR_NAME + 1];
  text name;
  (void)uid;
  if (!parse_sp(p) || !parse_astring(p, &name) || !parse_sp(p) ||
      !set_parse(p, &t))
    session_bad(s, p);
  else if (name.len && !session_directory(&name, dir))
    session_no(s, "[CANNOT] Invalid mailbox name");
  else if (settable(s, &t))
    store(s, name.len ? dir : 0, &t);
}
