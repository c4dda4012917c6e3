/* Dates: RFC 5322 3.3 and 4.3, and IMAP's (RFC 3501 date-time). */
#ifndef DATE_H
#define DATE_H

#include <stddef.h>
#include <time.h>

#define DATE_MAX 40

/* "Thu, 21 May 1998 05:33:29 -0700" with the local offset. Returns length. */
size_t date_mail(char *to, time_t t);

/* "21-May-1998 05:33:29 -0700", day padded with a space, offset in minutes. */
size_t date_imap(char *to, time_t t, int offset);

/* Reads RFC 5322's with obsolete zones, two-digit years and comments. 1, and
 *offset in minutes; 0 if it is no date. */
int date_parse(char const *s, size_t len, time_t *t, int *offset);

/* Reads IMAP's date-time (without quotes): 1 or 0. */
int date_parse_imap(char const *s, size_t len, time_t *t, int *offset);

#endif
