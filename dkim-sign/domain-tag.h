/* Domains and selectors as tags name them. */
#ifndef DOMAIN_TAG_H
#define DOMAIN_TAG_H

#include <stddef.h>

#define DOMAIN_TAG 253 /* bytes of a name in the DNS */

/* s as A-labels in lower case (RFC 8616 4; to[DOMAIN_TAG + 1]), with at least
   so many labels. Beyond RFC 5321's sub-domain, _ is a letter: selectors have
   it. 1, 0: no such name, -1: ENOMEM. */
int domain_tag(char *to, char const *s, size_t len, unsigned labels);

#endif
