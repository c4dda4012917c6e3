/* A command as it comes in: lines and literals, split at any byte. */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "io.h"
#include "out.h"

#define INPUT_LINE 65536         /* most bytes of one line with its end */
#define INPUT_COMMAND 262144     /* most bytes that a command may keep */
#define INPUT_LITERAL 8192       /* most bytes of a literal, but APPEND's */
#define INPUT_MS (5 * 60 * 1000) /* a begun command's next byte */

typedef struct input_chunk input_chunk;

typedef struct input {
  int fd;
  out *o;
  char *buf; /* what was read; the line is buf[0..line) */
  size_t size, pos, end;
  size_t line;   /* behind the current line's LF: what comes next */
  size_t length; /* of the current line without its end */
  input_chunk *pool;
  size_t kept; /* bytes in the pool */
} input;

/* Bytes that were read before (at most 8192) may be given. 1 or -1. */
int input_init(input *in, int fd, out *o, char const *s, size_t n);
void input_free(input *in);

/* Whether the next line can be had without waiting, be it end of file or an
   error; reads what is there. */
int input_ready(input *in);

/* From here on both ways are compressed (RFC 4978), what is behind the current
   line already. 1 or -1. */
int input_squeeze(input *in);

/* The next line becomes current; the one before is forgotten. 1; 0: end of
   file; -1: errno, EMSGSIZE for a line that is too long (it is skipped),
   EPROTO for one that announces a literal besides (nothing more is read). */
int input_line(input *in, io_time first, char **s, size_t *len);

/* The n bytes of a literal, straight from the connection: at most n, 0 at end
   of file, -1. */
ssize_t input_raw(input *in, char *to, size_t n);

/* Skips n bytes. 1 or -1. */
int input_skip(input *in, uint64_t n);

/* Memory that lasts until the next input_forget. 0 with errno ENOMEM, or
   EMSGSIZE beyond INPUT_COMMAND. */
void *input_keep(input *in, size_t n);

/* What is kept from here on can be given back before the command ends. */
typedef struct input_mark {
  input_chunk *pool;
  size_t used, kept;
} input_mark;
input_mark input_marked(input const *in);
void input_release(input *in, input_mark const *m);

/* The command is done: gives memory back. */
void input_forget(input *in);

#endif
