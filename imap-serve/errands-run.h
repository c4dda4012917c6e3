/* The child of errands.c. */
#ifndef ERRANDS_RUN_H
#define ERRANDS_RUN_H

#define ERRANDS_TEXT 512 /* most bytes of an errand: what, percent, account */
#define ERRANDS_WORDS 32 /* most words of a program */

/* A program's words; v[0] is 0: there is none. */
typedef struct errand_program {
  char *v[ERRANDS_WORDS + 1];
} errand_program;

/* Serves until the other ends of sock are all closed; programs by the letters
   "SHQ". */
void errands_run(int sock, errand_program const *program);

#endif
