#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base64.h"
#include "mime-binary.h"
#include "mime-in.h"
#include "quoted-printable.h"

#define CHUNK 16384

int mime_part_encoding(mime *m, mime_part const *p)
{
  static struct {
    char const *name;
    int encoding;
  } const known[] = {{"base64", MIME_BASE64},
                     {"quoted-printable", MIME_QP},
                     {"7bit", MIME_PLAIN},
                     {"8bit", MIME_PLAIN},
                     {"binary", MIME_PLAIN}};
  stralloc s = STRALLOC_ZERO, t = STRALLOC_ZERO;
  int encoding = MIME_PLAIN;
  int r = mime_part_field(m, p, "Content-Transfer-Encoding", 1, &s);
  if (r > 0) {
    mime_lex l = {s.s, s.s + s.len};
    r = mime_lex_token(&l, &t);
  }
  if (r > 0) {
    encoding = MIME_UNKNOWN;
    if (!stralloc_0(&t)) r = -1;
    for (size_t i = 0; r > 0 && i < sizeof known / sizeof *known; i++)
      if (!strcasecmp(t.s, known[i].name)) encoding = known[i].encoding;
  }
  stralloc_free(&s);
  stralloc_free(&t);
  return r < 0 ? -1 : encoding;
}

static int find_encoding(mime_binary *b, mime *m)
{
  mime_part const *p = m->v + b->d.part;
  if (p->kind == MIME_MULTIPART || p->kind == MIME_MESSAGE) return 1;
  b->encoding = mime_part_encoding(m, p);
  if (b->encoding == MIME_UNKNOWN) errno = EOPNOTSUPP;
  return b->encoding < 0 || b->encoding == MIME_UNKNOWN ? -1 : 1;
}

int mime_binary_open(mime_binary *b, mime *m, mime_section const *s)
{
  int r;
  *b = (mime_binary){.in = STRALLOC_ZERO, .out = STRALLOC_ZERO};
  r = mime_data_open(&b->d, m, s);
  return r <= 0 || !s->depth ? r : find_encoding(b, m);
}

int mime_binary_part(mime_binary *b, mime *m, uint32_t part)
{
  *b = (mime_binary){.in = STRALLOC_ZERO, .out = STRALLOC_ZERO};
  mime_data_part(&b->d, m, part);
  return find_encoding(b, m);
}

void mime_binary_free(mime_binary *b)
{
  stralloc_free(&b->in);
  stralloc_free(&b->out);
}

/* How much of s[0..n) quoted-printable can be decoded without what follows:
   whole lines, or of a line without an end what is neither an escape nor
   blanks that an end may follow. */
static size_t whole(char const *s, size_t n)
{
  char const *lf = memrchr(s, '\n', n);
  size_t k = n;
  if (lf) return (size_t)(lf + 1 - s);
  if (n < CHUNK) return 0;
  while (k && strchr(" \t\r", s[k - 1]) && s[k - 1]) k--;
  for (size_t i = k < 2 ? 0 : k - 2; i < k; i++)
    if (s[i] == '=') k = i;
  return k ? k : n;
}

static int decode(mime_binary *b, int last)
{
  size_t n = b->in.len;
  if (b->encoding == MIME_QP && !last) n = whole(b->in.s, n);
  b->out.len = 0;
  if ((b->encoding == MIME_QP
           ? qp_decode(&b->out, b->in.s, n, 0)
           : base64_decode_mail(&b->out, b->in.s, n, &b->acc)) < 0)
    return -1;
  memmove(b->in.s, b->in.s + n, b->in.len - n);
  b->in.len -= n;
  return 1;
}

int mime_binary_next(mime_binary *b, char const **s, size_t *len)
{
  for (;;) {
    ssize_t r;
    if (!stralloc_readyplus(&b->in, CHUNK)) return -1;
    r = mime_data_read(&b->d, b->in.s + b->in.len, CHUNK);
    if (r < 0) return -1;
    if (r == 0 && !b->in.len) return 0;
    b->in.len += (size_t)r;
    if (b->encoding == MIME_PLAIN) {
      *s = b->in.s;
      *len = b->in.len;
      b->in.len = 0;
      return 1;
    }
    if (decode(b, r == 0) < 0) return -1;
    *s = b->out.s;
    *len = b->out.len;
    if (*len) return 1;
  }
}

int mime_binary_measure(mime_binary *b, uint64_t *size, int *nul)
{
  char const *s;
  size_t n;
  int r;
  *size = 0;
  *nul = 0;
  while ((r = mime_binary_next(b, &s, &n)) > 0) {
    *size += n;
    if (!*nul) *nul = memchr(s, 0, n) != 0;
  }
  b->in.len = 0;
  b->acc = 0;
  return r < 0 || mime_data_seek(&b->d, 0) < 0 ? -1 : 1;
}
