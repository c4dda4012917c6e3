/* IPv4 and IPv6 addresses as 16 bytes (IPv4 as ::ffff:a.b.c.d), and networks
   of them. */
#ifndef NET_H
#define NET_H

#define NET_KEY 16
#define NET_LIST 64 /* most networks in a list */

struct sockaddr_storage;

typedef struct net_block {
  unsigned char key[NET_KEY];
  unsigned bits; /* of 128; an IPv4 network has 96 more than one says */
} net_block;

typedef struct net_list {
  net_block v[NET_LIST];
  unsigned n;
} net_list;

/* From text, or a socket's address (0 bytes for any that is not IP): 1 or 0. */
int net_key(unsigned char *key, char const *ip);
int net_key_socket(unsigned char *key, struct sockaddr_storage const *sa);

/* Keeps that many leading bits, of an IPv4 address v4 of its 32. */
void net_mask(unsigned char *key, unsigned v4, unsigned v6);

/* "192.0.2.0/24,2001:db8::/32,::1": appends; 1, or 0 if it is no such list. */
int net_list_scan(net_list *l, char const *s);

int net_list_has(net_list const *l, unsigned char const *key);

#endif
