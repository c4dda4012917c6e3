/* ESMTP parameters behind a path (RFC 5321 4.1.2). */
#ifndef PARAMS_H
#define PARAMS_H

/* Calls each() with NAME and value ("" where there is no '='), both
   NUL-terminated within s, which is changed. 1, 0 for bad syntax, or what
   each() returned if not 1. */
int params_each(char *s,
                int (*each)(char const *name, char const *value, void *data),
                void *data);

#endif
