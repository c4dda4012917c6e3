/* What a delivery program says of a message, and the text of the report with
   which deliver-run hands it on: "2.0.0 flags=LETTERS mailbox=NAME". */
#ifndef PUT_ANSWER_H
#define PUT_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "maildir.h"

typedef struct put_answer {
  char folder[MAILDIR_NAME + 1]; /* its directory, ".NAME"; "" is INBOX */
  uint64_t letters;              /* system flags */
} put_answer;

#define PUT_ANSWER_TEXT (MAILDIR_NAME + 64)

/* Reads a program's output: the mailbox in its first line, then a flag a line.
   1; 0: that can name no mailbox (the rules are those of CREATE), and it is as
   if nothing was said. *other: lines that were no system flags. */
int put_answer_read(put_answer *a, char const *s, size_t len, unsigned *other);

/* to has PUT_ANSWER_TEXT bytes. */
void put_answer_text(char *to, put_answer const *a);

/* 1 or 0, and then *a is INBOX without flags. */
int put_answer_scan(put_answer *a, char const *text);

#endif
