/* Mail addresses: RFC 5321 4.1.2, 5322 3.4.1, 6531 3.3 (UTF-8). An address in
   memory is "local@domain" without brackets, the local part quoted only where
   it must be. */
#ifndef ADDR_H
#define ADDR_H

#include <stddef.h>

#include <skalibs/stralloc.h>

/* RFC 5321 4.5.3.1.1 asks for 64 bytes at least; senders that code the
   recipient into the reverse-path use more. */
#define ADDR_LOCAL_MAX 254
#define ADDR_DOMAIN_MAX 255
#define ADDR_MAX 320 /* bytes of UTF-8, of all together, and of a key */

enum {
  ADDR_UTF8 = 1,     /* non-ASCII allowed (SMTPUTF8) */
  ADDR_NULL = 2,     /* <> allowed */
  ADDR_BARE = 4,     /* a local part without domain allowed (postmaster) */
  ADDR_NOBRACKET = 8 /* brackets may be missing */
};

/* Reads "<path>" at s: source routes are skipped. Appends the address (0
   bytes for <>) to out; *used is what was read. 1; 0 with errno EINVAL (not
   an address), ENAMETOOLONG, EILSEQ (non-ASCII without ADDR_UTF8 or not
   UTF-8); -1 with ENOMEM. */
int addr_path(stralloc *out, char const *s, size_t len, size_t *used,
              unsigned flags);

/* Whether s is one address, as addr_path without brackets. */
int addr_valid(char const *s, size_t len, unsigned flags);

/* Whether s is a domain name (LDH and U-labels) or, with literal, an address
   literal [1.2.3.4], [IPv6:…]. */
int addr_domain_valid(char const *s, size_t len, unsigned flags, int literal);

/* The parts of one address: the local part without quotes, the domain as it
   stands (empty if there is none, with ADDR_BARE). 1; 0/-1 as above. */
int addr_split(char const *s, size_t len, unsigned flags, stralloc *local,
               stralloc *domain);

/* Appends a local part, in quotes if it needs them. 1 or -1. */
int addr_local_put(stralloc *out, char const *s, size_t len);

/* The key under which tables hold it: local part unquoted where possible and
   case-folded, domain as lower-case A-labels. Appends; 1 or 0/-1 as above.
   Who calls this or addr_domain_key links -lidn2 -lutf8proc. */
int addr_key(stralloc *out, char const *s, size_t len);

/* The domain as A-labels in lower case (RFC 5891), every label re-checked.
   Appends; 1, 0 with EINVAL, -1 with ENOMEM. */
int addr_domain_key(stralloc *out, char const *s, size_t len);

/* Position of the @ before the domain, or len if there is none. */
size_t addr_at(char const *s, size_t len);

/* The domain of a NUL-terminated address, "" if it has none. */
char const *addr_domain(char const *s);

/* Whether the domain name is the other or below it; letters have no case. */
int addr_domain_within(char const *name, char const *domain);

/* Whether any byte is above 127. */
int addr_is_utf8(char const *s, size_t len);

/* Addresses of a header field (RFC 5322 3.4, and 4.4 obsolete forms): calls
   each() with display name, local part and domain, unquoted and without
   comments, as they stand; groups by name with local 0 (start, name) and
   all 0 (end), as ENVELOPE wants them. Broken input yields what can be
   read; rest says that there was more than that. 1; 2: something is left behind
   the last address; -1: each() returned -1, or memory ran out. */
typedef struct addr_item {
  char const *name, *route, *local, *domain; /* NUL-terminated or 0 */
  int rest;
} addr_item;
int addr_list(char const *s, size_t len, int (*each)(addr_item const *, void *),
              void *data);

/* Whether a header field's value, with its CRLFs where it is folded, is a list
   as RFC 5322 3.4 wants it, UTF-8 allowed (RFC 6532); it may be empty. Counts
   what it has. 1 or 0. */
typedef struct addr_count {
  unsigned mailboxes; /* those in groups, too */
  unsigned groups;
} addr_count;
int addr_list_valid(char const *s, size_t len, addr_count *n);

#endif
