#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "addr.h"
#include "utf8.h"

/* A reading position. Every function below reads one element of RFC 5321's
   grammar: 1, or 0 with errno. */
typedef struct input {
  char const *s, *end;
  unsigned flags;
} input;

/* What was read, as it will be in memory */
typedef struct output {
  char s[ADDR_MAX + 1];
  size_t len;
} output;

static int no(int e)
{
  return errno = e, 0;
}

static int at(input const *in, char c)
{
  return in->s < in->end && *in->s == c;
}

static int put(output *out, char const *s, size_t n)
{
  if (n > ADDR_MAX - out->len) return no(ENAMETOOLONG);
  memcpy(out->s + out->len, s, n);
  out->len += n;
  return 1;
}

static int alnum(char c)
{
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

static int atext(char c)
{
  return alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c)) || c & 0x80;
}

/* Bytes of the character at in->s, which is above 127: 0 with errno */
static size_t wide(input const *in)
{
  size_t n = utf8_char(in->s, (size_t)(in->end - in->s));
  if (!n || !(in->flags & ADDR_UTF8)) return (size_t)no(EILSEQ);
  return n;
}

/* RFC 5321 4.1.2 Dot-string */
static int dot_string(input *in, output *out)
{
  for (;;) {
    char const *start = in->s;
    while (in->s < in->end && atext(*in->s)) {
      size_t n = *in->s & 0x80 ? wide(in) : 1;
      if (!n) return 0;
      in->s += n;
    }
    if (in->s == start) return no(EINVAL);
    if (!put(out, start, (size_t)(in->s - start))) return 0;
    if (!at(in, '.')) return 1;
    in->s++;
    if (!put(out, ".", 1)) return 0;
  }
}

/* RFC 5321 4.1.2 Quoted-string; what it says goes to out without quotes. */
static int quoted_string(input *in, output *out)
{
  in->s++;
  while (in->s < in->end && *in->s != '"') {
    size_t n = 1;
    if (*in->s == '\\') {
      if (++in->s == in->end || *in->s < ' ' || *in->s > 126) return no(EINVAL);
    } else if (*in->s & 0x80) {
      n = wide(in);
      if (!n) return 0;
    } else if (*in->s < ' ' || *in->s == 127) {
      return no(EINVAL);
    }
    if (!put(out, in->s, n)) return 0;
    in->s += n;
  }
  if (!at(in, '"')) return no(EINVAL);
  in->s++;
  return 1;
}

int addr_local_put(stralloc *out, char const *s, size_t len)
{
  size_t i;
  int dot = 1, quote = !len;
  for (i = 0; i < len; i++) {
    if (s[i] == '.' ? dot : !atext(s[i])) quote = 1;
    dot = s[i] == '.';
  }
  if (!quote && !dot) return stralloc_catb(out, s, len) ? 1 : -1;
  if (!stralloc_readyplus(out, 2 * len + 2)) return -1;
  out->s[out->len++] = '"';
  for (i = 0; i < len; i++) {
    if (s[i] == '"' || s[i] == '\\') out->s[out->len++] = '\\';
    out->s[out->len++] = s[i];
  }
  out->s[out->len++] = '"';
  return 1;
}

static int local_part(input *in, output *out)
{
  if (at(in, '"') ? !quoted_string(in, out) : !dot_string(in, out)) return 0;
  return out->len <= ADDR_LOCAL_MAX ? 1 : no(ENAMETOOLONG);
}

/* RFC 5321 4.1.3: [1.2.3.4] or [IPv6:…]; tags of other kinds are not used. */
static int literal(input *in, output *out)
{
  char text[64];
  struct in6_addr ip;
  char const *close = memchr(in->s, ']', (size_t)(in->end - in->s));
  size_t len = close ? (size_t)(close - in->s) - 1 : 0;
  int six;
  if (!len || len >= sizeof text) return no(EINVAL);
  memcpy(text, in->s + 1, len);
  text[len] = 0;
  six = !strncasecmp(text, "IPv6:", 5);
  if (strlen(text) != len ||
      inet_pton(six ? AF_INET6 : AF_INET, text + (six ? 5 : 0), &ip) != 1)
    return no(EINVAL);
  in->s += len + 2;
  return put(out, in->s - len - 2, len + 2);
}

/* One label: letters, digits, hyphens inside, underscores (not in RFC 5321,
   but in real host names), and any UTF-8: what of it IDNA allows is seen when
   the key is made. */
static int label(input *in)
{
  char const *start = in->s;
  int ascii = 1;
  while (in->s < in->end) {
    size_t n = 1;
    if (*in->s & 0x80) {
      n = wide(in);
      if (!n) return 0;
      ascii = 0;
    } else if (!alnum(*in->s) && *in->s != '-' && *in->s != '_') {
      break;
    }
    in->s += n;
  }
  if (in->s == start || *start == '-' || in->s[-1] == '-') return no(EINVAL);
  return ascii && in->s - start > 63 ? no(ENAMETOOLONG) : 1;
}

static int domain(input *in, output *out, int literals)
{
  char const *start = in->s;
  if (literals && at(in, '[')) return literal(in, out);
  for (;;) {
    if (!label(in)) return 0;
    if (!at(in, '.')) break;
    in->s++;
  }
  if (in->s - start > ADDR_DOMAIN_MAX) return no(ENAMETOOLONG);
  return put(out, start, (size_t)(in->s - start));
}

/* RFC 5321 appendix C: @a,@b: before the mailbox is read and forgotten. */
static int source_route(input *in)
{
  while (at(in, '@')) {
    output skipped = {.len = 0};
    in->s++;
    if (!domain(in, &skipped, 1)) return 0;
    if (at(in, ':')) return in->s++, 1;
    if (!at(in, ',')) return no(EINVAL);
    in->s++;
  }
  return no(EINVAL);
}

/* Mailbox: the local part to *local without quotes, *at_domain its domain */
static int mailbox(input *in, output *local, output *at_domain)
{
  local->len = at_domain->len = 0;
  if (!local_part(in, local)) return 0;
  if (!at(in, '@')) return in->flags & ADDR_BARE ? 1 : no(EINVAL);
  in->s++;
  return domain(in, at_domain, 1);
}

int addr_split(char const *s, size_t len, unsigned flags, stralloc *local,
               stralloc *dom)
{
  input in = {s, s + len, flags};
  output l, d;
  if (!mailbox(&in, &l, &d)) return 0;
  if (in.s != in.end) return no(EINVAL);
  local->len = dom->len = 0;
  if (!stralloc_catb(local, l.s, l.len)) return -1;
  return stralloc_catb(dom, d.s, d.len) ? 1 : -1;
}

static int append(stralloc *out, output const *local, output const *dom)
{
  size_t start = out->len;
  if (addr_local_put(out, local->s, local->len) < 0) return -1;
  if (dom->len &&
      (!stralloc_catb(out, "@", 1) || !stralloc_catb(out, dom->s, dom->len)))
    return -1;
  if (out->len - start <= ADDR_MAX) return 1;
  out->len = start;
  return no(ENAMETOOLONG);
}

int addr_path(stralloc *out, char const *s, size_t len, size_t *used,
              unsigned flags)
{
  input in = {s, s + len, flags};
  output local, dom;
  int open = at(&in, '<');
  if (open)
    in.s++;
  else if (!(flags & ADDR_NOBRACKET))
    return no(EINVAL);
  if (open && at(&in, '>') && flags & ADDR_NULL) {
    *used = 2;
    return 1;
  }
  if (at(&in, '@') && !source_route(&in)) return 0;
  if (!mailbox(&in, &local, &dom)) return 0;
  if (open ? !at(&in, '>') : in.s < in.end && *in.s != ' ') return no(EINVAL);
  *used = (size_t)(in.s - s) + (open ? 1 : 0);
  return append(out, &local, &dom);
}

int addr_valid(char const *s, size_t len, unsigned flags)
{
  input in = {s, s + len, flags};
  output local, dom;
  if (!len) return flags & ADDR_NULL ? 1 : no(EINVAL);
  if (!mailbox(&in, &local, &dom)) return 0;
  return in.s == in.end ? 1 : no(EINVAL);
}

int addr_domain_valid(char const *s, size_t len, unsigned flags, int literals)
{
  input in = {s, s + len, flags};
  output dom = {.len = 0};
  if (!domain(&in, &dom, literals)) return 0;
  return in.s == in.end ? 1 : no(EINVAL);
}

size_t addr_at(char const *s, size_t len)
{
  char const *p;
  size_t i = 1;
  if (len && *s == '"') {
    while (i < len && s[i] != '"') i += s[i] == '\\' ? 2 : 1;
    return i + 1 < len && s[i + 1] == '@' ? i + 1 : len;
  }
  p = memrchr(s, '@', len);
  return p ? (size_t)(p - s) : len;
}

char const *addr_domain(char const *s)
{
  size_t len = strlen(s), at = addr_at(s, len);
  return s + at + (at < len);
}

int addr_domain_within(char const *name, char const *domain)
{
  size_t n = strlen(name), d = strlen(domain);
  if (n < d || strcasecmp(name + n - d, domain)) return 0;
  return n == d || name[n - d - 1] == '.';
}

int addr_is_utf8(char const *s, size_t len)
{
  size_t i;
  for (i = 0; i < len; i++)
    if (s[i] & 0x80) return 1;
  return 0;
}
