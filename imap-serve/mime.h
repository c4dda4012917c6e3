/* A message file as IMAP sees it (RFC 3501, 2045 to 2047, 5322). The file has
   LF or CRLF line ends or both; the view is always CRLF: sizes called "wire"
   count a CR for every LF without one. A bare CR stays as it is. Memory is
   bounded and does not grow with the message. */
#ifndef MIME_H
#define MIME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include <skalibs/stralloc.h>

#define MIME_PARTS 1000   /* beyond: the rest stays inside one opaque part */
#define MIME_LEVELS 100   /* deeper: a multipart or message is a plain leaf */
#define MIME_FIELD 65536  /* bytes of one header field that are looked at */
#define MIME_OUT 16777216 /* an answer longer than that goes on with NILs */

enum mime_kind {
  MIME_LEAF,
  MIME_TEXT,      /* text/anything */
  MIME_MULTIPART, /* its parts from child on; there may be none */
  MIME_MESSAGE    /* message/rfc822, message/global: child is its message */
};

/* A part: [header, body) is its header with the empty line, [body, end) its
   body without the line end that belongs to the boundary behind it. All
   are offsets on disk. Part 0 is the message; links are indices, 0 is none. */
typedef struct mime_part {
  uint64_t header, body, end;
  uint64_t headerwire, bodywire; /* bytes with CRLF line ends */
  uint64_t bodylines;            /* line ends in the body */
  uint32_t parent, child, next;
  uint32_t children;
  uint16_t level;
  uint8_t kind;   /* enum mime_kind */
  uint8_t digest; /* inside multipart/digest: default is message/rfc822 */
} mime_part;

/* Begin with MIME_ZERO; mime_open may be called again and again on the same
   one and reuses its memory; mime_free at last. */
typedef struct mime {
  int fd;        /* stays the caller's; read with pread only */
  uint64_t size; /* bytes on disk */
  uint64_t wire; /* RFC822.SIZE; 0 before the whole was read */
  mime_part *v;
  uint32_t n;
  int whole; /* else only v[0]'s header is known */
  /* a window into the file */
  char *buf;
  uint64_t at;
  size_t len;
} mime;

#define MIME_ZERO                                                              \
  {                                                                            \
    .fd = -1                                                                   \
  }

/* mime_open reads no more than the first header, mime_header's end: enough for
   ENVELOPE, BODY[HEADER…], mime_field_contains, mime_date. Everything else
   below calls mime_parse, which reads the whole once (again: nothing to do).
   1, or -1 with errno (ENOMEM, EIO; ESTALE: the file became shorter). */
int mime_open(mime *m, int fd);
int mime_parse(mime *m);
void mime_free(mime *m);

/* Whole message, without looking at its parts: bytes with CRLF. 1 or -1. */
int mime_wire_size(int fd, uint64_t *wire);

/* Append the parenthesized list as it goes on the wire (7.4.2). What cannot
   be quoted goes as a literal; NULs become U+FFFD in UTF-8, line folds are
   removed as Dovecot removes them. 1 or -1. */
int mime_envelope(mime *m, stralloc *out);
int mime_body(mime *m, stralloc *out);          /* BODY */
int mime_bodystructure(mime *m, stralloc *out); /* with extension data */

int mime_preview(mime *m, stralloc *out); /* RFC 8970's, a string */

/* The same strings for others: "quoted" or {n} literal; s 0 is NIL. */
int mime_put_nstring(stralloc *out, char const *s, size_t len);

/* A section as FETCH names it (6.4.5): [path.what (names)]. The strings stay
   the caller's while a mime_data made of it lives. */
enum mime_what {
  MIME_ALL, /* [] or [1.2] */
  MIME_HEADER,
  MIME_FIELDS,     /* HEADER.FIELDS */
  MIME_FIELDS_NOT, /* HEADER.FIELDS.NOT */
  MIME_BODYTEXT,   /* TEXT */
  MIME_MIME
};
typedef struct mime_section {
  uint32_t path[MIME_LEVELS]; /* from 1 */
  uint32_t depth;
  int what;
  char const *const *names; /* NUL-terminated, any case */
  size_t n;
} mime_section;

/* Reads "1.2.TEXT" (what stands before a " (" or a "]"): for HEADER.FIELDS
   the caller then fills names. 1; 0: not a section. */
int mime_section_scan(mime_section *s, char const *spec, size_t len);

/* The bytes of a section as they go on the wire; a stream that keeps its
   place, so that a client that asks for <0.65536>, <65536.65536> … costs one
   pass if the caller keeps it. */
typedef struct mime_data {
  mime *m;
  mime_section const *section;
  uint32_t part; /* index of what the section names */
  uint64_t size; /* all bytes of the section: what a literal announces */
  uint64_t done; /* bytes given out or skipped so far */
  uint64_t begin, end, pos;
  uint8_t exact;  /* disk and wire are the same bytes */
  uint8_t filter; /* HEADER.FIELDS */
  uint8_t copy, line, cr, state;
} mime_data;

/* 1; 0: there is no such part (FETCH answers NIL); -1: errno. */
int mime_data_open(mime_data *d, mime *m, mime_section const *s);

/* The body of a part by its index, after mime_parse. */
void mime_data_part(mime_data *d, mime *m, uint32_t part);

/* Moves to byte `to` of the section (at most size). 1 or -1. */
int mime_data_seek(mime_data *d, uint64_t to);

/* The next bytes, at most n; 0 at the end; -1 with errno. ESTALE if the file
   has become shorter than it was: then the announced literal cannot be kept
   and the connection has to go. */
ssize_t mime_data_read(mime_data *d, char *to, size_t n);

/* What SEARCH looks for: text in UTF-8, folded. 1; 0 with EILSEQ if it is not
   UTF-8; -1. An empty one is found in everything that exists. */
typedef struct mime_needle {
  stralloc folded;
} mime_needle;
int mime_needle_set(mime_needle *k, char const *s, size_t len);
void mime_needle_free(mime_needle *k);

/* From charset to UTF-8 (iconv, and the names that iconv lacks). Appends;
   bytes that have no meaning become U+FFFD, unless strict: then 0 EILSEQ.
   0 with EINVAL if the charset is unknown (BADCHARSET). 1, -1. */
int mime_utf8(stralloc *out, char const *charset, char const *s, size_t len,
              int strict);

/* A header value without folds and with RFC 2047's encoded words decoded,
   as UTF-8. Appends. 1 or -1. */
int mime_decode_field(stralloc *out, char const *value, size_t len);

/* 1 yes, 0 no, -1 errno. Field: some field of that name in the message's
   header contains it (decoded). Text: some text part (decoded, HTML as it
   is), with headers also any header of the message and of its parts. */
int mime_field_contains(mime *m, char const *name, mime_needle const *k);
int mime_text_contains(mime *m, mime_needle const *k, int headers);

/* Value of the last Date: field, which is ENVELOPE's. 1; 0: none, or not a
 * date; -1. */
int mime_date(mime *m, time_t *t, int *offset);

#endif
