#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "facts-file.h"
#include "metadata.h"

/* Components of printable ASCII, none of them empty. */
static int name_good(text const *t)
{
  int slash = 0;
  if (t->len < 9 || t->len > METADATA_NAME) return 0;
  if (strncmp(t->s, "/private/", 9) && strncmp(t->s, "/shared/", 8)) return 0;
  for (size_t i = 0; i < t->len; i++) {
    char c = t->s[i];
    if (c <= ' ' || c > 126 || c == '*' || c == '%') return 0;
    if (c == '/' && slash) return 0;
    slash = c == '/';
  }
  return !slash;
}

/* Names have no case (RFC 5464 3.2). */
static int entry(parse *p, text *t)
{
  char *low;
  if (!parse_astring(p, t)) return 0;
  low = input_keep(p->in, t->len + 1);
  if (!low) {
    p->error = "";
    p->no = "[LIMIT] Command too long";
    return 0;
  }
  for (size_t i = 0; i <= t->len; i++) {
    char c = t->s[i];
    low[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
  }
  t->s = low;
  if (!name_good(t)) p->error = "Invalid entry name";
  return !p->error;
}

int metadata_parse(parse *p, metadata_entries *e)
{
  if (!parse_peek(p, '(')) return entry(p, e->v + e->n++);
  p->s++;
  for (;;) {
    if (e->n == METADATA_MOST) {
      p->error = "Too many entries";
      return 0;
    }
    if (!entry(p, e->v + e->n++)) return 0;
    if (!parse_peek(p, ' ')) return parse_char(p, ')');
    p->s++;
  }
}

/* The file of a mailbox, or of the account: 1 or -1 */
static int read_facts(session *s, char const *dir, facts *f)
{
  int e, r,
      fd = openat(s->root, dir ? dir : ".",
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -1;
  r = facts_read(f, fd);
  e = errno;
  close(fd);
  return errno = e, r < 0 ? -1 : 1;
}

typedef struct putting {
  session *s;
  char const *dir;
  metadata_entries const *e;
  char found[METADATA_MOST]; /* whether there is a value */
  size_t longest;
  int some;
} putting;

static void put_value(session *s, char const *v, size_t n)
{
  int quoted = n < 256, binary = n && memchr(v, 0, n) != 0;
  for (size_t i = 0; i < n && quoted; i++)
    quoted = v[i] >= ' ' && v[i] < 127 && v[i] != '"' && v[i] != '\\';
  out_puts(&s->o, quoted ? "\"" : binary ? "~{" : "{");
  if (!quoted) {
    out_number(&s->o, n);
    out_puts(&s->o, "}\r\n");
  }
  out_put(&s->o, v, n);
  if (quoted) out_puts(&s->o, "\"");
}

static void begin(putting *p, char const *name)
{
  session *s = p->s;
  if (p->some) {
    out_puts(&s->o, " ");
  } else {
    out_puts(&s->o, "* METADATA ");
    if (p->dir)
      session_put_name(s, p->dir[1] ? p->dir + 1 : "INBOX");
    else
      out_puts(&s->o, "\"\"");
    out_puts(&s->o, " (");
  }
  p->some = 1;
  out_puts(&s->o, name);
  out_puts(&s->o, " ");
}

/* How many levels the name lies below the entry; more than any: it does not */
static unsigned below(char const *name, text const *of)
{
  unsigned n = 0;
  if (strncmp(name, of->s, of->len) || (name[of->len] && name[of->len] != '/'))
    return METADATA_DEEP + 1;
  for (name += of->len; *name; name++) n += *name == '/';
  return n;
}

static int put_one(char const *name, char const *value, size_t len, void *data)
{
  putting *p = data;
  int wanted = 0;
  for (size_t i = 0; i < p->e->n; i++) {
    unsigned levels = below(name, p->e->v + i);
    if (levels > p->e->depth) continue;
    wanted = 1;
    if (!levels) p->found[i] = 1;
  }
  if (!wanted) return 1;
  if (len > p->e->maxsize) {
    if (len > p->longest) p->longest = len;
    return 1;
  }
  begin(p, name);
  put_value(p->s, value, len);
  return 1;
}

int metadata_put(session *s, char const *dir, metadata_entries const *e,
                 size_t *longest)
{
  putting p = {.s = s, .dir = dir, .e = e, .longest = *longest};
  facts f = FACTS_ZERO;
  stralloc use = STRALLOC_ZERO;
  int r = read_facts(s, dir, &f);
  if (r > 0 && dir && facts_get(&f, "use", &use) > 0)
    put_one(METADATA_USE, use.s, use.len, &p);
  if (r > 0) r = facts_each(&f, dir ? "meta" : "server", put_one, &p);
  stralloc_free(&use);
  facts_free(&f);
  if (r < 0) {
    if (p.some) out_line(&s->o, ")");
    return -1;
  }
  for (size_t i = 0; i < e->n; i++) {
    if (p.found[i] || e->depth) continue;
    begin(&p, e->v[i].s);
    out_puts(&s->o, "NIL");
  }
  if (p.some) out_line(&s->o, ")");
  *longest = p.longest;
  return 1;
}

static int option(parse *p, text const *t, metadata_entries *e)
{
  text v;
  if (!parse_sp(p)) return 0;
  if (text_is(t, "MAXSIZE")) return parse_number(p, &e->maxsize);
  if (!text_is(t, "DEPTH")) {
    p->error = "Unknown option";
    return 0;
  }
  if (!parse_atom(p, &v)) return 0;
  if (text_is(&v, "infinity"))
    e->depth = METADATA_DEEP;
  else if (text_is(&v, "0") || text_is(&v, "1"))
    e->depth = (unsigned)(*v.s - '0');
  else
    p->error = "Invalid DEPTH";
  return !p->error;
}

static int options(parse *p, metadata_entries *e)
{
  text t;
  p->s++;
  for (;;) {
    if (!parse_atom(p, &t) || !option(p, &t, e)) return 0;
    if (!parse_peek(p, ' ')) return parse_char(p, ')') && parse_sp(p);
    p->s++;
  }
}

/* Options stand before the mailbox by the grammar (RFC 5464 5), behind it in
   the examples (4.2). */
static int get_parse(parse *p, text *name, metadata_entries *e)
{
  if (!parse_sp(p)) return 0;
  if (parse_peek(p, '(') && !options(p, e)) return 0;
  if (!parse_astring(p, name) || !parse_sp(p)) return 0;
  if (parse_peek(p, '(') && p->end - p->s > 1 && p->s[1] != '/' &&
      p->s[1] != '"' && p->s[1] != '{' && !options(p, e))
    return 0;
  return metadata_parse(p, e) && parse_end(p);
}

/* *dir: 0 for the server. 1; 0: said NO */
static int find(session *s, text const *name, char *to, char const **dir)
{
  *dir = 0;
  if (!name->len) return 1;
  *dir = to;
  if (session_directory(name, to)) return 1;
  session_no(s, "[CANNOT] Invalid mailbox name");
  return 0;
}

static void failed(session *s)
{
  if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
    session_no(s, "[NONEXISTENT] No such mailbox");
  else
    session_no_errno(s, "read or write annotations");
}

void cmd_getmetadata(session *s, parse *p, int uid)
{
  metadata_entries e = {.maxsize = UINT32_MAX};
  char to[MAILDIR_NAME + 1], said[80] = "GETMETADATA completed";
  char const *dir;
  size_t longest = 0;
  text name;
  (void)uid;
  if (!get_parse(p, &name, &e)) {
    session_bad(s, p);
    return;
  }
  if (!find(s, &name, to, &dir)) return;
  if (metadata_put(s, dir, &e, &longest) < 0) {
    failed(s);
    return;
  }
  if (longest)
    snprintf(said, sizeof said,
             "[METADATA LONGENTRIES %zu] GETMETADATA completed", longest);
  session_update(s, 0, 1, 0);
  session_ok(s, said);
}
