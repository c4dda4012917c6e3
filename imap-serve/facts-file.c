#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/types.h>

#include "facts-parts.h"

void facts_free(facts *f)
{
  stralloc_free(&f->text);
  *f = (facts)FACTS_ZERO;
}

static int same(facts const *f, struct stat const *st)
{
  return st->st_ino == f->ino && st->st_dev == f->dev &&
         st->st_size == f->size && st->st_mtim.tv_sec == f->time.tv_sec &&
         st->st_mtim.tv_nsec == f->time.tv_nsec;
}

static int load(facts *f, int fd, size_t size)
{
  char const *last;
  f->text.len = 0;
  if (size > FACTS_MAX) size = FACTS_MAX;
  if (!stralloc_ready(&f->text, size + 1)) return -1;
  while (f->text.len < size) {
    ssize_t r =
        pread(fd, f->text.s + f->text.len, size - f->text.len, f->text.len);
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) return -1;
    if (!r) break;
    f->text.len += (size_t)r;
  }
  /* the end of a line that its writer did not live to write */
  last = memrchr(f->text.s, '\n', f->text.len);
  f->text.len = last ? (size_t)(last + 1 - f->text.s) : 0;
  return 1;
}

int facts_read(facts *f, int dir)
{
  struct stat st;
  int e, r,
      fd = openat(dir, FACTS_FILE,
                  O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    if (errno != ENOENT) return -1;
    if (!f->ino) return 0;
    facts_free(f);
    return 1;
  }
  r = fstat(fd, &st) < 0 ? -1 : !same(f, &st);
  if (r > 0 && !S_ISREG(st.st_mode)) r = -1, errno = EINVAL;
  if (r > 0) r = load(f, fd, (size_t)st.st_size);
  if (r > 0) {
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->size = st.st_size;
    f->time = st.st_mtim;
  }
  if (r < 0) f->ino = 0;
  e = errno;
  close(fd);
  return errno = e, r;
}

/* Which words have an argument that belongs to their key. */
static int has_argument(char const *s, size_t len)
{
  return (len == 4 && !memcmp(s, "meta", 4)) ||
         (len == 6 && !memcmp(s, "server", 6)) ||
         (len == 8 && !memcmp(s, "savedate", 8));
}

size_t fact_key(char const *s, size_t len)
{
  size_t n = 0, word;
  while (n < len && ((s[n] >= 'a' && s[n] <= 'z') || (n && s[n] == '-'))) n++;
  if (!n || (n < len && s[n] != ' ')) return 0;
  if (!has_argument(s, n)) return n <= FACTS_KEY ? n : 0;
  word = ++n;
  while (n < len && s[n] > ' ' && s[n] != 127) n++;
  if (n <= word || (n < len && s[n] != ' ') || n > FACTS_KEY) return 0;
  return n;
}

static int hex(char c)
{
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int value_good(fact const *l)
{
  for (size_t i = l->key; i < l->len; i++) {
    unsigned char c = (unsigned char)l->s[i];
    if (c < ' ' || c == 127) return 0;
    if (c != '%') continue;
    if (l->len - i < 3 || hex(l->s[i + 1]) < 0 || hex(l->s[i + 2]) < 0)
      return 0;
    i += 2;
  }
  return 1;
}

int fact_next(fact *to, facts const *f, size_t *at)
{
  while (*at < f->text.len) {
    char const *s = f->text.s + *at;
    char const *lf = memchr(s, '\n', f->text.len - *at);
    size_t len = lf ? (size_t)(lf - s) : f->text.len - *at;
    *at += len + 1;
    *to = (fact){.s = s, .len = len, .key = fact_key(s, len)};
    if (to->key && len <= FACTS_KEY + 1 + 3 * FACTS_VALUE && value_good(to))
      return 1;
  }
  return 0;
}

int fact_value(stralloc *to, fact const *l)
{
  to->len = 0;
  if (!stralloc_ready(to, l->len - l->key + 1)) return -1;
  for (size_t i = l->key + 1; i < l->len; i++) {
    char c = l->s[i];
    if (c == '%') {
      c = (char)(hex(l->s[i + 1]) << 4 | hex(l->s[i + 2]));
      i += 2;
    }
    to->s[to->len++] = c;
  }
  return 1;
}

static int find(facts const *f, char const *key, fact *found)
{
  size_t len = strlen(key), at = 0;
  fact l;
  int r = 0;
  while (fact_next(&l, f, &at))
    if (l.key == len && !memcmp(l.s, key, len)) {
      *found = l;
      r = l.len > l.key + 1;
    }
  return r;
}

int facts_get(facts const *f, char const *key, stralloc *value)
{
  fact l;
  if (!find(f, key, &l)) return 0;
  return fact_value(value, &l);
}

int facts_number(facts const *f, char const *key, uint64_t *n)
{
  char digits[21];
  fact l;
  size_t len;
  if (!find(f, key, &l)) return 0;
  len = l.len - l.key - 1;
  if (len >= sizeof digits) return 0;
  memcpy(digits, l.s + l.key + 1, len);
  digits[len] = 0;
  return uint640_scan(digits, n) != 0;
}

static int by_key(void const *a, void const *b)
{
  fact const *x = a, *y = b;
  int c = memcmp(x->s, y->s, x->key < y->key ? x->key : y->key);
  if (c) return c;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return x->s < y->s ? -1 : 1;
}

static int same_key(fact const *a, fact const *b)
{
  return a->key == b->key && !memcmp(a->s, b->s, a->key);
}

fact *facts_true(facts const *f, size_t *n)
{
  size_t at = 0, lines = 0, to = 0;
  fact l, *v;
  while (fact_next(&l, f, &at)) lines++;
  v = malloc((lines + 1) * sizeof *v);
  if (!v) return 0;
  lines = at = 0;
  while (fact_next(&l, f, &at)) v[lines++] = l;
  qsort(v, lines, sizeof *v, by_key);
  for (size_t i = 0; i < lines; i++)
    if ((i + 1 == lines || !same_key(v + i, v + i + 1)) &&
        v[i].len > v[i].key + 1)
      v[to++] = v[i];
  *n = to;
  return v;
}

static int visit(fact const *l, size_t word, stralloc *value, facts_visit *each,
                 void *data)
{
  char argument[FACTS_KEY + 1];
  size_t n = l->key > word ? l->key - word - 1 : 0;
  memcpy(argument, l->s + l->key - n, n);
  argument[n] = 0;
  if (fact_value(value, l) < 0) return -1;
  return each(argument, value->s, value->len, data);
}

int facts_each(facts const *f, char const *word, facts_visit *each, void *data)
{
  stralloc value = STRALLOC_ZERO;
  size_t n, len = strlen(word);
  fact *v = facts_true(f, &n);
  int r = v ? 1 : -1;
  for (size_t i = 0; r == 1 && i < n; i++)
    if (v[i].key >= len && !memcmp(v[i].s, word, len) &&
        (v[i].key == len || v[i].s[len] == ' '))
      r = visit(v + i, len, &value, each, data);
  stralloc_free(&value);
  free(v);
  return r;
}
