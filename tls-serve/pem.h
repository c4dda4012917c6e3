/* PEM files (RFC 7468) for the build step; never at run time. */
#ifndef PEM_H
#define PEM_H

#include <stddef.h>

/* Calls each() with the label ("CERTIFICATE") and the DER of every object in
   the file. 1; what each() returned if not 1; -1: errno, EPROTO if the file is
   not well-formed, EFBIG beyond 1 MiB. */
int pem_each(char const *path,
             int (*each)(char const *label, unsigned char const *s, size_t len,
                         void *data),
             void *data);

#endif
