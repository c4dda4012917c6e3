/* IP addresses as text: their bytes, what kind they are, their network. */
#ifndef IP_H
#define IP_H

#include <stddef.h>

/* The bytes of an address: 4 or 16 of them, IPv4-mapped ones as IPv4, or 0. */
unsigned ip_bytes(unsigned char b[16], char const *ip);

/* PRIVATE: RFC 1918, 4193 and 6598; SPECIAL: loopback, link-local, multicast,
   reserved, unspecified; PUBLIC: all others, documentation's too. */
enum ip_kind { IP_NONE, IP_SPECIAL, IP_PRIVATE, IP_PUBLIC };
enum ip_kind ip_kind(char const *ip); /* IP_NONE: not an address */

int ip_loopback(char const *ip); /* 127.0.0.0/8, ::1 */

/* The network of an address, "192.0.2.0/24", of so many bits. 1, or 0. */
#define IP_NETWORK 50 /* bytes of its text */
int ip_network(char to[IP_NETWORK], char const *ip, unsigned bits4,
               unsigned bits6);

#endif
