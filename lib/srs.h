/* The Sender Rewriting Scheme (M. S. Hall, S. Wong: SRS, 2004; as libsrs2 and
   postsrsd have it): mail that is forwarded leaves with a reverse-path of ours,
   so that SPF passes at the next host, and its bounces find their way back.
     SRS0=HASH=TT=DOMAIN=LOCAL@ours      from LOCAL@DOMAIN
     SRS1=HASH=FORWARDER==REST@ours      from SRS0=REST@FORWARDER, or SRS1
   TT is the day, two base32 digits of its number modulo 1024; HASH eight base32
   digits (40 bits) of HMAC-SHA-256 over the rest, in lower case, since hosts
   change the case of local parts. A secret of postsrsd makes and takes what
   that does: four digits in base64 of HMAC-SHA-1, and more if they are there.
   Who calls these links -lsodium -lidn2 -lutf8proc. */
#ifndef SRS_H
#define SRS_H

#include <stddef.h>
#include <time.h>

#include <skalibs/stralloc.h>

#include "table.h"

#define SRS_DAYS 21    /* how long an address is good */
#define SRS_SECRETS 16 /* in srs.cdb: the first one makes, all check */
#define SRS_SECRET 16  /* bytes of one, at least */
#define SRS_POSTSRSD "postsrsd:" /* before one that is shared with it */

#define SRS_SEPARATORS "=+-" /* behind SRS0 and SRS1 */

/* Whether a local part, unquoted, is a rewritten sender */
int srs_is(char const *local, size_t len);

/* Appends what sender becomes in domain, one of ours: 1; 0: nothing, it is no
   address or would become too long; -1 with errno (EPROTO: no secret). */
int srs_forward(table *secrets, stralloc *out, char const *sender,
                char const *domain, size_t len, time_t now);

/* Appends the sender that a local part, unquoted, was: 1; 0: forged, too old,
   or nothing of ours; -1 with errno. */
int srs_reverse(table *secrets, stralloc *out, char const *local, size_t len,
                time_t now);

#endif
