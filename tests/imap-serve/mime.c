/* needs: imap-serve/mime-binary.o imap-serve/mime-body.o imap-serve/mime-charset.o imap-serve/mime-data.o imap-serve/mime-envelope.o imap-serve/mime-join.o imap-serve/mime-params.o imap-serve/mime-parse.o imap-serve/mime-preview.o imap-serve/mime-put.o imap-serve/mime-search.o imap-serve/mime-window.o imap-serve/mime-word.o -lidn2 -lutf8proc */
/* The MIME reader, as a unit; with arguments it prints FETCH answers for these
   files, which dovecot.t compares with Dovecot's. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "imap-serve/mime.h"
#include "tap.h"

static mime m = MIME_ZERO;
static stralloc out = STRALLOC_ZERO;

static int print_files(int n, char **files)
{
  for (int i = 0; i < n; i++) {
    int fd = open(files[i], O_RDONLY | O_CLOEXEC);
    out.len = 0;
    if (fd < 0 || mime_open(&m, fd) < 0 || !stralloc_cats(&out, " ENVELOPE ") ||
        mime_envelope(&m, &out) < 0 || !stralloc_cats(&out, " BODY ") ||
        mime_body(&m, &out) < 0 || !stralloc_cats(&out, " BODYSTRUCTURE ") ||
        mime_bodystructure(&m, &out) < 0)
      return perror(files[i]), 111;
    printf("* %d FETCH (RFC822.SIZE %llu", i + 1, (unsigned long long)m.wire);
    fwrite(out.s, 1, out.len, stdout);
    printf(")\r\n");
    close(fd);
  }
  return 0;
}

static void load(char const *s, size_t n)
{
  static int fd = -1;
  if (fd >= 0) close(fd);
  fd = memfd_create("message", MFD_CLOEXEC);
  if (fd < 0 || write(fd, s, n) != (ssize_t)n || mime_open(&m, fd) < 0) abort();
}

static void is(char const *message, char const *want, char const *name,
               int (*print)(mime *, stralloc *))
{
  load(message, strlen(message));
  out.len = 0;
  if (print(&m, &out) < 0) abort();
  is_mem(out.s, out.len, want, name);
}

#define PLAIN "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
#define NOTHING " NIL NIL NIL NIL)"
#define MIXED "Content-Type: multipart/mixed; boundary=x\n\n"

static void structures(void)
{
  static char const *const cases[][3] = {
      {"A: b\n\nx\n", "(" PLAIN "3 1" NOTHING,
       "no Content-Type: text/plain, us-ascii (RFC 2045 5.2); lines as CRLF"},
      {"A: b\r\n\r\nx\r\n", "(" PLAIN "3 1" NOTHING, "a file with CRLF"},
      {"", "(" PLAIN "0 0" NOTHING, "an empty file"},
      {"\nx", "(" PLAIN "1 0" NOTHING, "no header at all"},
      {"just text", "(" PLAIN "0 0" NOTHING, "no end of the header"},
      {"Content-Type: text/pl",
       "(\"text\" \"pl\" (\"charset\" \"us-ascii\") NIL "
       "NIL \"7bit\" 0 0" NOTHING,
       "a last header line without its end"},
      {"Content-Type: nonsense\n\n", "(" PLAIN "0 0" NOTHING,
       "an unreadable type is text/plain (RFC 2045 5.2)"},
      {MIXED "--x\n\nfoo\n--x--\n",
       "((" PLAIN "3 0" NOTHING " \"mixed\" (\"boundary\" \"x\") NIL NIL NIL)",
       "the line end before a boundary belongs to it (RFC 2046 5.1.1)"},
      {MIXED "--x\n--x\n\n\n--x\nA: b\n--x--\n",
       "((" PLAIN "0 0" NOTHING "(" PLAIN "0 0" NOTHING "(" PLAIN "0 0" NOTHING
       " \"mixed\" (\"boundary\" \"x\") NIL NIL NIL)",
       "empty parts, a part without an empty line"},
      {MIXED "--x\n\nfoo\nbar",
       "((" PLAIN "8 1" NOTHING " \"mixed\" (\"boundary\" \"x\") NIL NIL NIL)",
       "a missing end"},
      {MIXED "no boundary in here\n",
       "((" PLAIN "0 0" NOTHING " \"mixed\" (\"boundary\" \"x\") NIL NIL NIL)",
       "a multipart without parts has an empty one (RFC 2046 5.1.1)"},
      {"Content-Type: multipart/mixed\n\n--x\n\n",
       "((" PLAIN "0 0" NOTHING " \"mixed\" NIL NIL NIL NIL)",
       "a multipart without a boundary parameter"},
      {MIXED "--x \t\n\na\n--xyz\n\nb\n--x--junk\n--x\n\nc\n",
       "((" PLAIN "1 0" NOTHING "(" PLAIN "1 0" NOTHING
       " \"mixed\" (\"boundary\" \"x\") NIL NIL NIL)",
       "a line only begins with the boundary (RFC 2046 5.1.1); none counts "
       "behind the end"},
      {MIXED
       "--x\nContent-Type: multipart/b; boundary=xy\n\n--xy\n\na\n--x\n\nb",
       "(((" PLAIN "1 0" NOTHING
       " \"b\" (\"boundary\" \"xy\") NIL NIL NIL)(" PLAIN "1 0" NOTHING
       " \"mixed\" (\"boundary\" \"x\") NIL NIL NIL)",
       "an outer boundary ends inner parts (5.1.2), the longest one counts"},
      {MIXED "--x\nContent-Type: multipart/b; boundary=x\n\n--x\n\na\n--x--\n"
             "--x\n\nb\n--x--\n",
       "(((" PLAIN "1 0" NOTHING
       " \"b\" (\"boundary\" \"x\") NIL NIL NIL)(" PLAIN "1 0" NOTHING
       " \"mixed\" (\"boundary\" \"x\") NIL NIL NIL)",
       "the same boundary in both: what is closed is closed"},
      {"Content-Type: multipart/digest; boundary=x\n\n--x\n\nSubject: "
       "s\n\nab\n",
       "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 18 (NIL \"s\" NIL NIL "
       "NIL "
       "NIL NIL NIL NIL NIL) (" PLAIN "4 1" NOTHING " 3" NOTHING
       " \"digest\" (\"boundary\" \"x\") NIL NIL NIL)",
       "a digest's parts are messages (RFC 2046 5.1.5)"},
      {"Content-Type: Text/HTML; x=(c)a; Charset=\"u\\\"8\n x\" ;; =y; z\n"
       "Content-ID: <a> \nContent-Description: d\n  e\n"
       "Content-Transfer-Encoding: (c) Base64\nContent-MD5: m\n"
       "Content-Disposition: attachment; filename=a b\n"
       "Content-Language: de, (c) en\nContent-Location: http://\n a\n\n",
       "(\"Text\" \"HTML\" (\"x\" \"a\" \"Charset\" \"u\\\"8 x\") \"<a>\" \"d  "
       "e\" "
       "\"Base64\" 0 0 \"m\" (\"attachment\" (\"filename\" \"a\")) (\"de\" "
       "\"en\") "
       "\"http:// a\")",
       "all fields; comments, folds, quoted pairs"},
      {"Content-Type: a/b; p*1*=%42; p*0*=utf-8''A; q=1; p*2=\"c d\"\n\n",
       "(\"a\" \"b\" (\"q\" \"1\" \"p*\" \"utf-8''A%42c%20d\") NIL NIL "
       "\"7bit\" 0" NOTHING,
       "continuations are joined (RFC 2231 6), values stay encoded"},
      {"Content-Type: text/plain; n=\"\xfc\"\n\n",
       "(\"text\" \"plain\" (\"n\" {1}\r\n\xfc \"charset\" \"us-ascii\") NIL "
       "NIL "
       "\"7bit\" 0 0" NOTHING,
       "8-bit goes as a literal"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    is(cases[i][0], cases[i][1], cases[i][2], mime_bodystructure);
  is(MIXED "--x\n\nfoo\n--x--\n", "((" PLAIN "3 0) \"mixed\")",
     "BODY has no extension data (RFC 3501 7.4.2)", mime_body);
}

static void envelopes(void)
{
  is("Date: d\nSubject:  a\n\tb \nFrom: \"A, B\" <c@d>\nTo: g: e@f, h;\n"
     "Message-ID: <i>\n\n",
     "(\"d\" \"a\tb\" ((\"A, B\" NIL \"c\" \"d\")) ((\"A, B\" NIL \"c\" "
     "\"d\")) "
     "((\"A, B\" NIL \"c\" \"d\")) ((NIL NIL \"g\" NIL)(NIL NIL \"e\" "
     "\"f\")(NIL "
     "NIL \"h\" \"MISSING_DOMAIN\")(NIL NIL NIL NIL)) NIL NIL NIL \"<i>\")",
     "ENVELOPE: Sender and Reply-To default to From, groups have no host",
     mime_envelope);
  is("From: a@b\nFrom: c@d\nSubject: 1\nSubject: 2\nSender:\n\n",
     "(NIL \"2\" ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")) ((NIL NIL \"a\" "
     "\"b\")(NIL NIL \"c\" \"d\")) ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" "
     "\"d\")) "
     "NIL NIL NIL NIL NIL)",
     "doubled fields: no address is hidden", mime_envelope);
  load("Subject: a\0b\n\n", 15);
  out.len = 0;
  mime_envelope(&m, &out);
  is_mem(out.s, 18, "(NIL {5}\r\na\357\277\275b NI", "NUL becomes U+FFFD");
}

static char const nested[] =
    "Subject: top\n" MIXED
    "--x\nA: 1\n\none\n--x\nContent-Type: message/rfc822\nB: 2\n\n"
    "Subject: in\nContent-Type: multipart/mixed; boundary=y\n\n"
    "--y\nC: 3\n\nthree\nmore\n--y--\n--x\nContent-Type: message/rfc822\n\n"
    "Subject: flat\n\nbody\n--x--\n";

static void section(char const *spec, char const *want)
{
  static char const *const names[] = {"subject", "X"};
  mime_section s;
  mime_data d;
  char got[4096];
  size_t n = 0;
  ssize_t r;
  int found;
  if (!mime_section_scan(&s, spec, strlen(spec))) {
    ok(!want, "section %s is none", spec);
    return;
  }
  s.names = names;
  s.n = 2;
  found = mime_data_open(&d, &m, &s);
  if (!found || !want) {
    ok(!found && !want, "section [%s] does not exist", spec);
    return;
  }
  while ((r = mime_data_read(&d, got + n, 7)) > 0) n += (size_t)r;
  ok(r == 0 && n == d.size && n == strlen(want) && !memcmp(got, want, n),
     "section [%s]", spec);
  for (size_t from = 0; from <= n; from += 3) {
    mime_data_seek(&d, n - from);
    r = mime_data_read(&d, got, 5);
    if (r != (ssize_t)(from < 5 ? from : 5) ||
        memcmp(got, want + n - from, (size_t)r)) {
      ok(0, "partial [%s]<%zu.5>", spec, n - from);
      break;
    }
  }
}

static void sections(void)
{
  load(nested, strlen(nested));
  section("HEADER", "Subject: top\r\nContent-Type: multipart/mixed; "
                    "boundary=x\r\n\r\n");
  section("HEADER.FIELDS", "Subject: top\r\n\r\n");
  section("HEADER.FIELDS.NOT",
          "Content-Type: multipart/mixed; boundary=x\r\n\r\n");
  section("1", "one");
  section("1.MIME", "A: 1\r\n\r\n");
  section("1.HEADER", 0);
  section("1.1", 0);
  section("2.MIME", "Content-Type: message/rfc822\r\nB: 2\r\n\r\n");
  section("2.HEADER.FIELDS", "Subject: in\r\n\r\n");
  section("2.TEXT", "--y\r\nC: 3\r\n\r\nthree\r\nmore\r\n--y--");
  section("2.1", "three\r\nmore");
  section("2.1.MIME", "C: 3\r\n\r\n");
  section("3.1", "body");
  section("3.1.MIME", "Subject: flat\r\n\r\n");
  section("3.1.1", 0);
  section("3", "Subject: flat\r\n\r\nbody");
  section("4", 0);
  section("0", 0);
  section("MIME", 0);
  section("1.", 0);
  section("1.FOO", 0);
  section("99999999999", 0);
  load("X: y\n z\nA: b\nsubject : q", 24);
  section("HEADER.FIELDS", "X: y\r\n z\r\nsubject : q");
  section("1", "");
  load("A: b\n\nx\ny\r\nz\rw\n", 15);
  section("", "A: b\r\n\r\nx\r\ny\r\nz\rw\r\n");
  section("1", "x\r\ny\r\nz\rw\r\n");
  section("TEXT", "x\r\ny\r\nz\rw\r\n");
  section("1.MIME", "A: b\r\n\r\n");
  section("1.HEADER", 0);
}

static void has(char const *name, char const *text, int want, char const *what)
{
  mime_needle k = {STRALLOC_ZERO};
  int r;
  mime_needle_set(&k, text, strlen(text));
  if (!strcmp(name, "BODY") || !strcmp(name, "TEXT"))
    r = mime_text_contains(&m, &k, *name == 'T');
  else
    r = mime_field_contains(&m, name, &k);
  is_int(r, want, what);
  mime_needle_free(&k);
}

static char const letter[] =
    "Subject: =?iso-8859-1?q?Gr=FC=DFe_?= \n =?utf-8?b?w6Rn?= plain\n"
    "From: \"=?utf-8?q?=C3=84?=\" <a@b>\nX-Empty:\n" MIXED
    "--x\nContent-Type: text/plain; charset=koi8-r\n"
    "Content-Transfer-Encoding: quoted-printable\n\n=F0=D2=C9=\n=D7=C5=D4\n"
    "--x\nContent-Type: text/html; charset=utf-8\n"
    "Content-Transfer-Encoding: base64\n\nPGI+TsOkY2h0PC9i\nPg==\n"
    "--x\nContent-Type: image/png\n\nsecret\n"
    "--x\nContent-Type: text/plain; charset=no-such\n\nthe END\n--x--\n";

static void searches(void)
{
  time_t t;
  int offset;
  load(letter, strlen(letter));
  has("Subject", "gr\303\274\303\237e \303\204G PLAIN", 1,
      "HEADER: decoded by RFC 2047, blanks between words dropped, any case");
  has("Subject", "GR\303\234SSE", 1, "ß and SS are one (Unicode folding)");
  has("From", "\303\244", 1, "encoded words in quoted strings too");
  has("X-Empty", "", 1, "an empty string: the field is there");
  has("X-None", "", 0, "an empty string: the field is not there");
  has("BODY", "\320\277\320\240\320\230\320\262\320\265\321\202", 1,
      "BODY: quoted-printable koi8-r");
  has("BODY", "n\303\204cht</b>", 1, "BODY: base64, HTML as it is");
  has("BODY", "secret", 0, "BODY: an image is no text");
  has("BODY", "the end", 1, "BODY: an unknown charset reads as UTF-8");
  has("BODY", "plain", 0, "BODY: not the header");
  has("TEXT", "plain", 1, "TEXT: the header too");
  has("TEXT", "x-empty", 1, "TEXT: names of fields");
  out.len = 0;
  is_int(mime_utf8(&out, "ISO-8859-15", "\xa4", 1, 1), 1, "charset of SEARCH");
  is_mem(out.s, out.len, "\342\202\254", "euro");
  is_int(mime_utf8(&out, "x-no//such", "", 0, 1), 0, "unknown charset");
  load("Date: Thu, 21 May 1998 05:33:29 -0700\n\n", 40);
  is_int(mime_date(&m, &t, &offset), 1, "Date");
  is_int((long long)t, 895754009, "Date as seconds");
}

/* Text that lies across every buffer's edge must be found. */
static void edges(void)
{
  size_t n = 300000, len = 0;
  char *s = malloc(n + 100);
  len = (size_t)sprintf(s, "Content-Type: text/plain; charset=utf-8\n\n");
  while (len < n)
    len += (size_t)sprintf(s + len, "\303\244\303\266 %zu\n", len);
  int lost = 0;
  for (size_t at = 100; at + 20 < len; at += 997) {
    mime_needle k = {STRALLOC_ZERO};
    size_t from = at;
    while ((s[from] & 0xc0) == 0x80) from++;
    if (at == 100) load(s, len);
    size_t to = from + 12;
    while ((s[to] & 0xc0) == 0x80) to++;
    mime_needle_set(&k, s + from, to - from);
    lost += mime_text_contains(&m, &k, 0) != 1;
    mime_needle_free(&k);
  }
  is_int(lost, 0, "text across buffers is found");
  free(s);
}

static uint32_t deepest(void)
{
  uint32_t d = 0;
  for (uint32_t i = 0; i < m.n; i++)
    if (m.v[i].level > d) d = m.v[i].level;
  return d;
}

static void limits(void)
{
  stralloc s = STRALLOC_ZERO;
  stralloc_cats(&s, MIXED);
  for (int i = 0; i < 3000; i++) stralloc_cats(&s, "--x\n\na\n");
  stralloc_cats(&s, "--x--\n");
  load(s.s, s.len);
  out.len = 0;
  is_int(mime_bodystructure(&m, &out), 1, "3000 parts are answered");
  is_int(m.n, MIME_PARTS, "with the bound");
  is_int((long long)m.v[m.n - 1].end, (long long)s.len,
         "the rest is inside the last one");
  s.len = 0;
  for (int i = 0; i < 300; i++)
    stralloc_cats(&s, "Content-Type: message/rfc822\n\n");
  stralloc_cats(&s, "Subject: x\n\ny\n");
  load(s.s, s.len);
  out.len = 0;
  is_int(mime_bodystructure(&m, &out), 1, "300 levels are answered");
  ok(deepest() < MIME_LEVELS, "with the bound (%u)", deepest());
  s.len = 0;
  for (int i = 0; i < 300; i++) {
    char line[100];
    sprintf(line, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i,
            i);
    stralloc_cats(&s, line);
  }
  load(s.s, s.len);
  out.len = 0;
  is_int(mime_bodystructure(&m, &out), 1, "300 multiparts are answered");
  s.len = 0;
  stralloc_cats(&s, "Subject: ");
  for (int i = 0; i < 300000; i++) stralloc_append(&s, 'a');
  stralloc_cats(&s, "\nTo: a@b\n\n");
  load(s.s, s.len);
  out.len = 0;
  is_int(mime_envelope(&m, &out), 1, "a field of 300 kB");
  ok(out.len > MIME_FIELD - 20 && out.len < MIME_FIELD + 100 &&
         memmem(out.s, out.len, "\"a\" \"b\"", 7),
     "is cut, and the next one is read");
  stralloc_free(&s);
}

static uint32_t seed = 1;

static uint32_t rnd(uint32_t n)
{
  seed = seed * 1664525 + 1013904223;
  return (seed >> 8) % n;
}

/* What must hold of any tree, whatever the message. */
static int consistent(void)
{
  for (uint32_t i = 0; i < m.n; i++) {
    mime_part const *p = m.v + i, *up = m.v + p->parent;
    mime_section const all = {.what = MIME_ALL};
    mime_data d;
    char buf[512];
    uint64_t got = 0;
    ssize_t r;
    if (p->header > p->body || p->body > p->end || p->end > m.size) return 0;
    if (p->headerwire < p->body - p->header || p->bodywire < p->end - p->body)
      return 0;
    if (i && (p->header < up->body || p->end > up->end)) return 0;
    if (mime_data_open(&d, &m, &all) < 0) return 0;
    d.begin = d.pos = p->body;
    d.end = p->end;
    d.exact = 0;
    while ((r = mime_data_read(&d, buf, sizeof buf)) > 0) got += (uint64_t)r;
    if (r < 0 || got != p->bodywire) return 0;
  }
  return 1;
}

static void damage(char *s, size_t *n)
{
  static char const *const bits[] = {
      "\n", "\r\n",       "\n\n", "--x", "--x--\n", "\r", "\"",        "(",
      "\\", "=?utf-8?b?", "--y",  ";",   "\t",      ":",  "boundary=x"};
  for (uint32_t k = rnd(6) + 1; k; k--) {
    size_t at = rnd((uint32_t)*n);
    char const *bit = bits[rnd(sizeof bits / sizeof *bits)];
    size_t len = strlen(bit);
    switch (rnd(4)) {
    case 0: s[at] = (char)rnd(256); break;
    case 1:
      len = rnd(20);
      if (len > *n - at) len = *n - at;
      memmove(s + at, s + at + len, *n - at - len);
      *n -= len;
      if (!*n) *n = 1;
      break;
    case 2: *n = at + 1; break;
    default:
      memmove(s + at + len, s + at, *n - at);
      memcpy(s + at, bit, len);
      *n += len;
    }
  }
}

static void mutations(void)
{
  static char const *const seeds[] = {nested, letter};
  int bad = 0;
  for (int i = 0; i < 20000 && !bad; i++) {
    char s[4096];
    char const *from = seeds[rnd(2)];
    size_t n = strlen(from);
    mime_needle k = {STRALLOC_ZERO};
    memcpy(s, from, n);
    damage(s, &n);
    load(s, n);
    out.len = 0;
    mime_needle_set(&k, "no such text", 12);
    bad = mime_envelope(&m, &out) < 0 || mime_body(&m, &out) < 0 ||
          mime_bodystructure(&m, &out) < 0 || !consistent() ||
          mime_text_contains(&m, &k, 1) < 0 ||
          mime_field_contains(&m, "subject", &k) < 0;
    mime_needle_free(&k);
    if (bad) printf("# [%.*s]\n", (int)n, s);
  }
  ok(!bad, "20,000 damaged messages: every size is what is sent");
}

int main(int argc, char **argv)
{
  if (argc > 1) return print_files(argc - 1, argv + 1);
  structures();
  envelopes();
  sections();
  searches();
  edges();
  limits();
  mutations();
  mime_free(&m);
  stralloc_free(&out);
  return done();
}
