/* Whether a list can be believed, apart for IPv4, IPv6 and names. What changes
   is logged, once. */
#ifndef DNSBL_HEALTH_H
#define DNSBL_HEALTH_H

#include "dns.h"
#include "dnsbl-list.h"

/* The index into dnsbl_list.state; what stands there. */
unsigned dnsbl_family(unsigned kind);
dnsbl_state *dnsbl_health(dnsbl_list *l, unsigned kind);

char const *dnsbl_kind(unsigned kind); /* "ip4" … */

/* It is not asked for that period, in milliseconds. */
__attribute__((format(printf, 4, 5))) void
dnsbl_off(dnsbl_list *l, unsigned kind, io_time period, char const *fmt, ...);

/* It has passed its test, for that period. */
void dnsbl_good(dnsbl_list *l, unsigned kind, io_time period);

/* It gave no answer: off after some of these. */
void dnsbl_silent(dnsbl_list *l, unsigned kind, io_time period);
#define DNSBL_SILENT 3

/* Whether an answer is none of a list: not in 127.0.0.0/8, or in
   127.255.255.0/24, by which Spamhaus and others say that they do not serve us,
   or what the admin calls an error. It is off then. */
int dnsbl_trouble(dnsbl_list *l, unsigned kind, dns_answer const *a,
                  io_time period);

#endif
