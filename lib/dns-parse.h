/* Names and answers on the wire (RFC 1035 4.1): the parser that meets what
   comes from the network, apart so that it can be fuzzed. */
#ifndef DNS_PARSE_H
#define DNS_PARSE_H

#include <stddef.h>

#include "dns.h"

#define DNS_RECORDS 1000 /* most records taken from one answer */

/* The name as labels in NS_MAXCDNAME bytes at to; its length, or 0 if DNS
   cannot hold it. A backslash is a byte like any other. */
size_t dns_wire_name(unsigned char *to, char const *name);

/* Fills a (status, secure, records, name) from the answer to name and type.
   1 if it ends in a CNAME that has to be asked for; else 0. */
int dns_parse(dns_answer *a, char const *name, int type, unsigned char const *s,
              size_t len, int trusted);

#endif
