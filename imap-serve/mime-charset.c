/* Charsets (iconv) and case folding (libutf8proc). */

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <utf8proc.h>

#include "mime-text.h"
#include "utf8.h"

#define REPLACEMENT "\357\277\275"
#define NAME_MAX_LEN 40

/* Names that mail uses and glibc does not know */
static char const *const aliases[][2] = {
    {"iso-8859-8-i", "iso-8859-8"},
    {"iso-8859-8-e", "iso-8859-8"},
    {"unicode-1-1-utf-7", "utf-7"},
    {"ks_c_5601-1987", "cp949"},
    {"x-gbk", "gbk"},
    {"gb2312", "gbk"},
    {"x-sjis", "shift_jis"},
    {"x-euc-jp", "euc-jp"},
    {"x-mac-roman", "macintosh"},
    {"x-roman8", "hp-roman8"},
    {"iso-8859-1", "windows-1252"},
    {"latin1", "windows-1252"},
    {"x-windows-949", "cp949"},
    {"cp-850", "cp850"},
};

static char open_name[NAME_MAX_LEN + 1];
static iconv_t open_cd = (iconv_t)-1;

static int is_utf8(char const *s)
{
  static char const *const names[] = {"utf-8",     "utf8",      "us-ascii",
                                      "ascii",     "x-unknown", "unknown-8bit",
                                      "iso-10646", ""};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcasecmp(s, names[i])) return 1;
  return 0;
}

static int valid_name(char const *s, size_t len)
{
  /* iconv reads "//" and "," as orders of its own */
  for (size_t i = 0; i < len; i++)
    if (s[i] <= ' ' || strchr("/,\"'\\", s[i]) || s[i] == 127) return 0;
  return len <= NAME_MAX_LEN;
}

static iconv_t descriptor(char const *name)
{
  iconv_t cd;
  for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
    if (!strcasecmp(name, aliases[i][0])) name = aliases[i][1];
  if (open_cd != (iconv_t)-1 && !strcasecmp(name, open_name)) {
    iconv(open_cd, 0, 0, 0, 0);
    return open_cd;
  }
  cd = iconv_open("UTF-8", name);
  if (cd == (iconv_t)-1) return cd;
  if (open_cd != (iconv_t)-1) iconv_close(open_cd);
  memcpy(open_name, name, strlen(name) + 1);
  return open_cd = cd;
}

int mime_conv_open(mime_conv *c, char const *charset, size_t len)
{
  char name[NAME_MAX_LEN + 1];
  *c = (mime_conv){.utf8 = 1};
  if (!valid_name(charset, len)) return 0;
  memcpy(name, charset, len);
  name[len] = 0;
  if (is_utf8(name)) return 1;
  c->cd = descriptor(name);
  if (c->cd == (iconv_t)-1) return errno == EINVAL ? 0 : -1;
  c->utf8 = 0;
  return 1;
}

static int bad(mime_conv const *c, stralloc *out)
{
  if (c->strict) return errno = EILSEQ, 0;
  return stralloc_catb(out, REPLACEMENT, 3) ? 1 : -1;
}

/* Whether s may be the beginning of a character that goes on */
static int may_go_on(char const *s, size_t len)
{
  unsigned char u = (unsigned char)*s;
  return u >= 0xc2 && len < (u < 0xe0 ? 2U : u < 0xf0 ? 3U : u < 0xf5 ? 4U : 0);
}

static int feed_utf8(mime_conv *c, stralloc *out, char const *s, size_t *len,
                     int last)
{
  size_t i = 0, run = 0;
  int r = 1;
  while (i < *len && r > 0) {
    size_t n;
    if ((unsigned char)s[i] < 128) {
      i++;
      continue;
    }
    n = utf8_char(s + i, *len - i);
    if (n) {
      i += n;
      continue;
    }
    if (!stralloc_catb(out, s + run, i - run)) return -1;
    run = i;
    if (!last && may_go_on(s + i, *len - i)) break;
    r = bad(c, out);
    run = ++i;
  }
  if (r > 0 && !stralloc_catb(out, s + run, i - run)) return -1;
  *len = i;
  return r;
}

static int feed_iconv(mime_conv *c, stralloc *out, char *s, size_t *len,
                      int last)
{
  char *in = s;
  size_t left = *len;
  int r = 1;
  while (left && r > 0) {
    char buf[4096], *to = buf;
    size_t room = sizeof buf;
    int failed = iconv(c->cd, &in, &left, &to, &room) == (size_t)-1;
    int e = failed ? errno : 0;
    if (!stralloc_catb(out, buf, sizeof buf - room)) return -1;
    if (e == EINVAL && !last && left < 16) break;
    if (e && e != E2BIG) {
      r = bad(c, out);
      in++;
      left--;
    }
  }
  *len -= left;
  return r;
}

int mime_conv_feed(mime_conv *c, stralloc *out, char const *s, size_t len,
                   int last)
{
  stralloc *w = &c->rest;
  size_t n;
  int r;
  if (c->utf8 && !w->len) {
    n = len;
    r = feed_utf8(c, out, s, &n, last);
    if (r > 0 && n < len && !stralloc_copyb(w, s + n, len - n)) return -1;
    return r;
  }
  if (!stralloc_catb(w, s, len)) return -1;
  n = w->len;
  r = c->utf8 ? feed_utf8(c, out, w->s, &n, last)
              : feed_iconv(c, out, w->s, &n, last);
  w->len -= n;
  if (w->len) memmove(w->s, w->s + n, w->len);
  return r;
}

void mime_conv_close(mime_conv *c)
{
  stralloc_free(&c->rest);
}

int mime_utf8(stralloc *out, char const *charset, char const *s, size_t len,
              int strict)
{
  mime_conv c;
  int r = mime_conv_open(&c, charset, strlen(charset));
  if (r == 0) errno = EINVAL;
  if (r <= 0) return r;
  c.strict = strict;
  r = mime_conv_feed(&c, out, s, len, 1);
  mime_conv_close(&c);
  return r;
}

static int fold_char(stralloc *out, char const *s, size_t n)
{
  utf8proc_int32_t in, to[32];
  int boundary = 0;
  utf8proc_ssize_t k;
  utf8proc_iterate((unsigned char const *)s, (utf8proc_ssize_t)n, &in);
  k = utf8proc_decompose_char(
      in, to, 32, UTF8PROC_CASEFOLD | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE,
      &boundary);
  if (k < 0 || k > 32) return stralloc_catb(out, s, n) ? 1 : -1;
  if (!stralloc_readyplus(out, (size_t)k * 4)) return -1;
  for (utf8proc_ssize_t i = 0; i < k; i++)
    out->len +=
        (size_t)utf8proc_encode_char(to[i], (unsigned char *)out->s + out->len);
  return 1;
}

/* The ASCII at s, folded; out has room for it. Its length */
static size_t fold_ascii(stralloc *out, char const *s, size_t len)
{
  char *to = out->s + out->len;
  size_t i;
  for (i = 0; i < len && (unsigned char)s[i] < 128; i++)
    to[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
  out->len += i;
  return i;
}

int mime_fold(stralloc *out, char const *s, size_t len)
{
  size_t i = 0;
  for (;;) {
    size_t n;
    if (!stralloc_readyplus(out, len - i + 1)) return -1;
    i += fold_ascii(out, s + i, len - i);
    if (i == len) return 1;
    n = utf8_char(s + i, len - i);
    if (n && fold_char(out, s + i, n) < 0) return -1;
    i += n ? n : 1;
  }
}
