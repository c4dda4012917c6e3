/* The only reader and writer of parcel(5): netstrings whose first byte says
   what the rest is. Every length is bounded here. */
#ifndef PARCEL_H
#define PARCEL_H

#include "io.h"

#define PARCEL_CHUNK 65536        /* most message bytes in one M record */
#define PARCEL_RECORD 16384       /* most bytes of any other record */
#define PARCEL_ID 64              /* most bytes of an id: [A-Za-z0-9._-] */
#define PARCEL_FACT 1024          /* most bytes of a P record's value */
#define PARCEL_REPLY 512          /* most bytes of a reply text */
#define PARCEL_MS (5 * 60 * 1000) /* for the next record, and the report */
#define PARCEL_RECIPIENTS 50000   /* most T records of one parcel */

enum {
  PARCEL_BEGIN = 'I',
  PARCEL_CLIENT = 'P',
  PARCEL_FROM = 'F',
  PARCEL_TO = 'T',
  PARCEL_SETTLE = '?',
  PARCEL_MESSAGE = 'M',
  PARCEL_OMIT = 'E',
  PARCEL_FIELD = 'H',
  PARCEL_RESULT = 'A',
  PARCEL_VERDICT = 'V',
  PARCEL_END = '.'
};

/* s[0..len) is the record less its type; s[len] is 0. Valid until the next
   call on the same reader. */
typedef struct parcel_record {
  char type;
  char const *s;
  size_t len;
} parcel_record;

typedef struct parcel_in {
  int fd;
  char *buf;
  size_t size, pos, end;
} parcel_in;

typedef struct parcel_out {
  int fd;
  int report; /* polled while writing; -1 for none */
  char *buf;
  size_t size, len;
} parcel_out;

/* Both allocate their buffer once (PARCEL_CHUNK and some) and free nothing
   but by *_free. 1, or -1 with ENOMEM. */
int parcel_in_init(parcel_in *in, int fd);
int parcel_out_init(parcel_out *out, int fd, int report);
void parcel_in_free(parcel_in *in);
void parcel_out_free(parcel_out *out);

/* 1: a record; 0: end of file between records; -1: errno, EPROTO for what is
   not a record, too long, or an I with a bad id, EPIPE for an end inside one,
   ETIMEDOUT. The order of records is the reader's own business (parcel_order).
 */
int parcel_get(parcel_in *in, parcel_record *r, io_time deadline);

/* Whether a record of that type may follow: state is 0 before I and kept
   between calls; 1 or -1 with EPROTO. I P* ?* F ?* (T ?*)* then M E H A V in
   any order, '.'; unknown types anywhere inside; V anywhere inside. */
int parcel_order(char *state, char type);

/* Both: the next record of a stream that keeps that order, within PARCEL_MS
   inside a parcel, whenever it comes between parcels. 1; 0: the end, between
   parcels; -1: errno, EPIPE for an end inside one. */
int parcel_next(parcel_in *in, parcel_record *r, char *state);

/* Appends a record, flushing when the buffer is full. 1, or -1 with errno,
   or 0: the report fd became readable first (the sink says no early). */
int parcel_put(parcel_out *out, char type, void const *s, size_t len,
               io_time deadline);
int parcel_puts(parcel_out *out, char type, char const *s, io_time deadline);
int parcel_flush(parcel_out *out, io_time deadline);

/* The message in M records of at most PARCEL_CHUNK bytes. */
int parcel_put_message(parcel_out *out, void const *s, size_t len,
                       io_time deadline);

/* Fields of a record that are separated by NUL: the nth (0 first), 0 if
   there are fewer. The one after the last NUL ends with the record. */
char const *parcel_part(parcel_record const *r, unsigned n);

/* name=value among the parts from the nth on: the value, or 0. */
char const *parcel_param(parcel_record const *r, unsigned n, char const *name);

/* Whether it is a verdict that refuses the whole parcel: filters let the rest
   of that pass unread. */
int parcel_refused(parcel_record const *r);

/* The value of a P record if its name is that, else 0. */
char const *parcel_fact(parcel_record const *r, char const *name);

/* Writes n random characters and a 0 to id. */
void parcel_id(char *id, size_t n);

/* Copies s as printable ASCII, at most n-1 bytes and 400: for what came from
   outside and enters V, H or a log. Returns the length. */
size_t parcel_clean(char *to, size_t n, char const *s, size_t len);

/* Reports, one line each on the sink's fd 1:
     T NUMBER CODE ENHANCED TEXT   one recipient, where they differ
     R ID CODE ENHANCED TEXT       the parcel; always, and last
     Q ID CODE ENHANCED TEXT       the answer to a ? record */
typedef struct parcel_report {
  char kind;               /* T R Q */
  unsigned long number;    /* of T */
  char id[PARCEL_ID + 1];  /* of R and Q */
  int code;                /* 200 to 599 */
  char text[PARCEL_REPLY]; /* ENHANCED TEXT, printable ASCII */
} parcel_report;

/* 1 or -1 with errno. */
int parcel_report_put(int fd, parcel_report const *r, io_time deadline);
int parcel_report_make(parcel_report *r, char kind, char const *id,
                       unsigned long number, int code, char const *text);

struct line_in;
/* 1; 0 at end of file; -1 with errno, EPROTO for anything else. The line
   buffer should have PARCEL_REPORT_LINE bytes. */
#define PARCEL_REPORT_LINE 1024
int parcel_report_get(struct line_in *in, parcel_report *r, io_time deadline);

#endif
