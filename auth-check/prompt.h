/* A secret from a person or a pipe. */
#ifndef PROMPT_H
#define PROMPT_H

#include <stddef.h>

/* From a terminal on fd 0: asks without echo, twice, that both be the same.
   Else one line of stdin. 1; 0: the two differ; -1: errno, EMSGSIZE for more
   than size - 1 bytes, EPIPE for an end of file before any. */
int prompt_secret(char *to, size_t size, char const *what);

#endif
