/* What an answer makes of a recipient. */
#ifndef JUDGE_H
#define JUDGE_H

#include "run.h"

typedef struct judge {
  run_config const *c;
  char const *id;
  long long arrival, now;
  int quiet; /* nobody is told but of failures: no reverse-path, or junk */
} judge;

/* x->reply is the answer and code its code; -1: there was none, and nobody
   knows. Sets all else of x, and logs it. */
void judge_answer(judge const *g, envelope_to const *to, queue_record *x,
                  int code);

/* No attempt was made, since the destination is down: x->reply was said of it.
   Sets what is due now. */
void judge_down(judge const *g, envelope_to const *to, queue_record *x);

/* Whether a reply tells of the destination, not of the mail: no host could be
   had, or it takes none now (421). What a host says has "said:" in it, as
   smtp-send(8) has it. */
int judge_says_down(char const *reply);

/* Whether of the message nobody is told but of failures. */
int judge_quiet(queue_file const *q);

#endif
