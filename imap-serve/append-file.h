/* A message on its way from a client's literal to a file in tmp/. */
#ifndef APPEND_FILE_H
#define APPEND_FILE_H

#include <stdint.h>
#include <time.h>

#include "input.h"
#include "maildir.h"

#define APPEND_TMP (MAILDIR_NAME + 8)

typedef struct append_file {
  int fd;
  char tmp[APPEND_TMP]; /* "tmp/NAME", "" once it is nobody's any more */
  uint64_t size, wire;  /* bytes on disk, and with CRLF line ends */
  unsigned crs; /* CRs at the end that are not written yet, at most 1, and */
  int before;   /* whether another CR stands before that */
  int bare;     /* an LF had no CR */
  int failed;   /* errno */
} append_file;

/* Makes it in the mailbox that is open as dir. 1 or -1. */
int append_file_make(append_file *a, int dir);

/* The n bytes of a literal, CRLFs as LFs. What fails here is told by
   append_file_end, for the literal has to be read anyway. 1; 0: the client
   is gone. */
int append_file_receive(append_file *a, input *in, uint64_t n);

/* Gives it its date, 0 none, and closes it; the bytes are on their way to the
   disk, append_file_sync waits for them. 1 or -1. */
int append_file_end(append_file *a, time_t const *date);

/* 1 or -1. */
int append_file_sync(int dir, char const *tmp);

/* Takes it back. */
void append_file_drop(append_file *a, int dir);

#endif
