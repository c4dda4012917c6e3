#include <string.h>

#include "addr.h"
#include "claim.h"
#include "head-hash.h"
#include "header.h"

#define DIGITS_LENGTH 76 /* of l=, and of t= and x= */
#define DIGITS_TIME 12

typedef struct scan {
  claim *c;
  tag_list list;
  char const **reason;
} scan;

static dkim_result because(scan const *s, dkim_result r, char const *why)
{
  *s->reason = why;
  return r;
}

static dkim_result unreadable(scan const *s, char const *why)
{
  return because(s, DKIM_NEUTRAL, why);
}

static int name(scan *s, char const *tag_name, char *to, unsigned labels)
{
  tag const *t = tag_find(&s->list, tag_name);
  int r = t ? domain_tag(to, t->s, t->len, labels) : 0;
  if (r <= 0) *to = 0;
  return r;
}

/* What can be shown of a field that may be wrong otherwise: 1, or -1 */
static int show(scan *s)
{
  claim *c = s->c;
  tag const *a = tag_find(&s->list, "a"), *b = tag_find(&s->list, "b");
  size_t n = 0;
  if (a && a->len < sizeof c->algorithm) memcpy(c->algorithm, a->s, a->len);
  for (size_t i = 0; b && i < b->len && n < sizeof c->start - 1; i++)
    if (!strchr(" \t\r\n", b->s[i])) c->start[n++] = b->s[i];
  return name(s, "d", c->domain, 2) < 0 || name(s, "s", c->selector, 1) < 0 ? -1
                                                                            : 1;
}

static dkim_result required(scan *s)
{
  static char const *const names[] = {"a", "b", "bh", "d", "h", "s"};
  tag const *v = tag_find(&s->list, "v");
  if (!v) return unreadable(s, "a required tag is missing");
  if (!tag_is(v, "1")) return unreadable(s, "v= is not 1");
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
    if (!tag_find(&s->list, names[i]))
      return unreadable(s, "a required tag is missing");
  return DKIM_PASS;
}

static dkim_result algorithm(scan *s)
{
  tag const *a = tag_find(&s->list, "a");
  s->c->type = tag_is(a, "rsa-sha256") ? KEY_RSA : KEY_ED25519;
  if (s->c->type == KEY_RSA || tag_is(a, "ed25519-sha256")) return DKIM_PASS;
  if (tag_is(a, "rsa-sha1"))
    return because(s, DKIM_POLICY, "rsa-sha1 is not valid any more");
  return unreadable(s, "a= is unknown");
}

/* 3.5: absent is simple/simple, and so is what half of it leaves out */
static dkim_result canons(scan *s)
{
  tag const *t = tag_find(&s->list, "c");
  char const *slash;
  size_t n;
  s->c->head = s->c->body = CANON_SIMPLE;
  if (!t) return DKIM_PASS;
  slash = memchr(t->s, '/', t->len);
  n = slash ? (size_t)(slash - t->s) : t->len;
  if (!canon_scan(&s->c->head, t->s, n) ||
      (slash && !canon_scan(&s->c->body, slash + 1, t->len - n - 1)))
    return unreadable(s, "c= is unknown");
  return DKIM_PASS;
}

static dkim_result place(scan *s)
{
  if (!*s->c->domain) return unreadable(s, "d= is no domain");
  if (!*s->c->selector) return unreadable(s, "s= is no selector");
  return DKIM_PASS;
}

static int field_name(char const *s, size_t len)
{
  for (size_t i = 0; i < len; i++)
    if (s[i] <= ' ' || s[i] > '~') return 0;
  return len > 0;
}

static dkim_result names(scan *s)
{
  claim *c = s->c;
  char const *word;
  size_t at = 0, len, n = 0;
  c->h = *tag_find(&s->list, "h");
  while (tag_word(&c->h, &at, &word, &len))
    if (!field_name(word, len))
      return unreadable(s, "h= is no list of names");
    else if (++n > HEAD_HASH_NAMES)
      return unreadable(s, "h= is too long");
  if (!claim_count(c, "from", 4))
    return because(s, DKIM_PERMERROR, "From is not signed");
  return DKIM_PASS;
}

static dkim_result hashes(scan *s)
{
  claim *c = s->c;
  size_t n;
  if (!tag_base64(tag_find(&s->list, "bh"), c->bodyhash, KEY_HASH, &n) ||
      n != KEY_HASH)
    return unreadable(s, "bh= is no hash");
  c->b = *tag_find(&s->list, "b");
  if (!tag_base64(&c->b, c->sig, sizeof c->sig, &c->siglen))
    return unreadable(s, "b= is no signature");
  return DKIM_PASS;
}

static int number(scan *s, char const *tag_name, unsigned digits, uint64_t *n)
{
  tag const *t = tag_find(&s->list, tag_name);
  return !t || tag_number(t, digits, n);
}

static dkim_result numbers(scan *s)
{
  claim *c = s->c;
  c->made = 0;
  c->limit = c->until = UINT64_MAX;
  if (!number(s, "t", DIGITS_TIME, &c->made) ||
      !number(s, "x", DIGITS_TIME, &c->until) ||
      !number(s, "l", DIGITS_LENGTH, &c->limit))
    return unreadable(s, "t=, x= or l= is no number");
  if (tag_find(&s->list, "l") && c->limit == UINT64_MAX)
    c->limit--; /* more than any body has, but not none */
  if (c->until <= c->made && tag_find(&s->list, "t"))
    return unreadable(s, "x= is not later than t=");
  return DKIM_PASS;
}

static dkim_result method(scan *s)
{
  tag const *q = tag_find(&s->list, "q");
  if (q && !tag_has(q, "dns/txt")) return unreadable(s, "q= is unknown");
  return DKIM_PASS;
}

static int hex(char c)
{
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

/* dkim-quoted-printable (2.11): the length, or 0 */
static size_t unquote(char *to, size_t size, tag const *t)
{
  size_t n = 0;
  for (size_t i = 0; i < t->len; i++) {
    char c = t->s[i];
    if (strchr(" \t\r\n", c)) continue;
    if (c == '=') {
      int high = t->len - i > 2 ? hex(t->s[i + 1]) : -1;
      int low = high < 0 ? -1 : hex(t->s[i + 2]);
      if (low < 0) return 0;
      c = (char)(high << 4 | low);
      i += 2;
    }
    if (n == size) return 0;
    to[n++] = c;
  }
  return n;
}

static int local_part(char const *s, size_t len)
{
  char text[CLAIM_LOCAL + sizeof "@a.test"];
  if (len > CLAIM_LOCAL) return 0;
  memcpy(text, s, len);
  memcpy(text + len, "@a.test", sizeof "@a.test");
  return !len || addr_valid(text, len + sizeof "@a.test" - 1, ADDR_UTF8);
}

/* 3.5: [local-part]@domain, by default @d */
static dkim_result identity(scan *s)
{
  claim *c = s->c;
  tag const *t = tag_find(&s->list, "i");
  char text[2 * CLAIM_LOCAL + DOMAIN_TAG];
  size_t n = t ? unquote(text, sizeof text, t) : 0, at = n;
  int r;
  if (!t) {
    c->auid[0] = '@';
    strcpy(c->auid + 1, c->domain);
    return DKIM_PASS;
  }
  while (at && text[at - 1] != '@') at--;
  if (!at || !local_part(text, at - 1))
    return unreadable(s, "i= is no address");
  r = domain_tag(c->auid + at, text + at, n - at, 1);
  if (r < 0) return because(s, DKIM_TEMPERROR, "no memory");
  if (!r) return unreadable(s, "i= is no address");
  memcpy(c->auid, text, at);
  if (addr_domain_within(c->auid + at, c->domain)) return DKIM_PASS;
  return because(s, DKIM_PERMERROR, "i= is not in the domain of d=");
}

dkim_result claim_scan(claim *c, head_field const *f, char const **reason)
{
  static dkim_result (*const steps[])(scan *) = {required, algorithm, canons,
                                                 place,    names,     hashes,
                                                 numbers,  method,    identity};
  scan s = {.c = c, .reason = reason};
  dkim_result r = DKIM_PASS;
  header_field field;
  *c = (claim){.field = f};
  *reason = "";
  if (header_next(&field, f->s, f->len) != 1 ||
      !tag_list_scan(&s.list, field.value, field.valuelen))
    return unreadable(&s, "it is no list of tags");
  if (show(&s) < 0) return because(&s, DKIM_TEMPERROR, "no memory");
  for (unsigned i = 0; i < sizeof steps / sizeof *steps && r == DKIM_PASS; i++)
    r = steps[i](&s);
  return r;
}
