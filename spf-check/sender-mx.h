/* Whether a domain that sends mail could be answered: RFC 5321 5.1, RFC
   7505. */
#ifndef SENDER_MX_H
#define SENDER_MX_H

#include <stddef.h>

#define SENDER_MX_HOSTS 10 /* of one domain; more are not looked at */
#define SENDER_MX_MS 10000 /* the whole check */
#define SENDER_MX_TEXT 512

enum sender_mx { MX_PASS, MX_NONE, MX_NULL, MX_TEMPERROR, MX_RESULTS };

extern char const *const sender_mx_words[MX_RESULTS]; /* "pass" … */

/* domain in UTF-8 or A-labels. anywhere: an address in a private network is
   one, too (else it is nowhere). Why, as printable ASCII, goes to text. */
enum sender_mx sender_mx(char text[SENDER_MX_TEXT], char const *domain,
                         int anywhere);

#endif
