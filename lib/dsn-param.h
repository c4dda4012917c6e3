/* The values of the ESMTP parameters of RFC 3461 (delivery status
   notifications): read, bounded, and brought into one form. */
#ifndef DSN_PARAM_H
#define DSN_PARAM_H

#include <stddef.h>

#define DSN_NOTIFY 24 /* "SUCCESS,FAILURE,DELAY" and its NUL */
#define DSN_ENVID 100 /* bytes of xtext, RFC 3461 4.4 */
#define DSN_ORCPT 500 /* bytes, 4.2 */

/* NEVER, or some of SUCCESS, FAILURE and DELAY, in any case and order (4.1):
   to becomes the same in upper case. 1 or 0. */
int dsn_notify(char to[DSN_NOTIFY], char const *s);

/* FULL or HDRS in any case (4.3): that in upper case, or 0. */
char const *dsn_ret(char const *s);

/* Whether s is an envelope id: xtext (4) of printable ASCII. */
int dsn_envid_valid(char const *s);

/* Whether s is an original recipient: address type, ";", xtext; with the type
   utf-8 what RFC 6533 3 has in place of xtext, UTF-8 itself only with utf8
   (SMTPUTF8). */
int dsn_orcpt_valid(char const *s, int utf8);

/* Writes a valid one as ASCII (utf-8-addr-xtext), for who does not take UTF-8.
 */
#define DSN_ORCPT_ASCII (4 * DSN_ORCPT)
void dsn_orcpt_ascii(char to[DSN_ORCPT_ASCII], char const *s);

#endif
