/* The names of an address that resolve back to it (RFC 8601 3, RFC 7208
   5.5). */
#ifndef RDNS_H
#define RDNS_H

#include <skalibs/stralloc.h>

#include "io.h"

#define RDNS_NAMES 10 /* of one address; more are passed over */

enum rdns_result { RDNS_PASS, RDNS_FAIL, RDNS_TEMPERROR, RDNS_PERMERROR };

/* Appends each name that was verified, with a NUL. PASS: at least one; FAIL:
   there are names, none of them leads back; PERMERROR: no names, or ip is none;
   TEMPERROR: DNS did not answer, or no memory. Names after the first
   RDNS_NAMES are not looked at. first, if not 0, gets the first name, verified
   or not, or "". */
#define RDNS_NAME 256
enum rdns_result rdns_names(stralloc *names, char first[RDNS_NAME],
                            char const *ip, io_time deadline);

#endif
