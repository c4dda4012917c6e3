/* DNS by c-ares: DNSCACHEIP (and DNSCACHEPORT, default 53) names the resolver,
   else /etc/resolv.conf. A query name is taken as absolute. */
#ifndef DNS_H
#define DNS_H

#include <stddef.h>
#include <stdint.h>

#include "io.h"

enum {
  DNS_OK = 1,
  DNS_NODATA = 0, /* the name exists, no such record */
  DNS_NXDOMAIN = 2,
  DNS_TEMP = -1, /* time-out, SERVFAIL, refused, unreachable */
  DNS_BAD = -2   /* not a name that DNS can hold */
};

typedef struct dns_record {
  uint16_t type;
  uint16_t preference; /* MX */
  uint32_t ttl;
  char *data; /* A, AAAA: text; MX, PTR, CNAME: name without last
                 dot; TXT: its strings joined (may hold NULs);
                 others: rdata */
  size_t len;
} dns_record;

typedef struct dns_answer {
  int status;
  int secure; /* AD from a loopback or declared resolver */
  unsigned n;
  dns_record *v; /* records of the asked type only */
  char *name;    /* the owner at the end of the CNAME chain */
} dns_answer;

/* Types as in <arpa/nameser.h>: ns_t_a … Returns answer->status. Blocks until
   the answer or the deadline. dns_free may be called in any case. */
int dns_query(dns_answer *a, char const *name, int type, io_time deadline);
void dns_free(dns_answer *a);

/* Several at once; each answer has its status. 1, or -1 out of memory. */
typedef struct dns_question {
  char const *name;
  int type;
} dns_question;
int dns_query_all(dns_answer *a, dns_question const *q, unsigned n,
                  io_time deadline);

/* 1.2.3.4 -> 4.3.2.1.in-addr.arpa, IPv6 by nibbles. 1 or 0 (not an IP). */
int dns_reverse_name(char *to, size_t size, char const *ip);

#endif
