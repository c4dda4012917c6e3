/* What a domain says of its MTA-STS policy: the id in DNS (RFC 8461 3.1), the
   policy by HTTPS (3.3). */
#ifndef STS_GET_H
#define STS_GET_H

#include <skalibs/stralloc.h>

#include "sts.h"

#define STS_FETCH_S 60 /* the whole fetch, RFC 8461 3.3 */

/* id[0..STS_ID]: 1; 0: there is no policy; -1: no answer. */
int sts_get_id(char *id, char const *domain);

typedef struct sts_source {
  char const *authorities; /* a PEM file; or 0: the system's */
  char const *port;
} sts_source;

/* Runs curl(1): no redirects, TLS 1.2 or later, a certificate valid for
   mta-sts.DOMAIN, status 200, text/plain, at most STS_BYTES. 1 and the text of
   a policy; 0: why[0..STS_WHY) says why not; -1 with errno. */
int sts_get_policy(stralloc *text, char *why, char const *domain,
                   sts_source const *from);

#endif
