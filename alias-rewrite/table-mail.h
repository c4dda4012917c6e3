/* The entries of domains, accounts, users, aliases and senders, checked line by
   line. A bad line ends the program. */
#ifndef TABLE_MAIL_H
#define TABLE_MAIL_H

#include "table-entries.h"

typedef struct table_mail {
  table_entries domains, accounts, aliases, senders;
  table_entries patterns; /* of aliases; key: empty or @DOMAIN */
  table_entries rewrites; /* of senders, patterns with an empty key */
  table_entries routes;
  stralloc first;       /* the first domain of the file */
  char const *mailroot; /* default directories are below it */
} table_mail;

/* Called for each line, data is a table_mail; domains come first and are
   sorted before the others. */
void mail_domain(text_line const *l, void *data);
void mail_account(text_line const *l, void *data);
void mail_user(text_line const *l, void *data);
void mail_alias(text_line const *l, void *data);
void mail_sender(text_line const *l, void *data); /* table-senders.c */
void mail_rewrite(text_line const *l, void *data);
void mail_route(text_line const *l, void *data); /* table-routes.c */

/* The key of an address that must be in one of our domains */
void mail_own_key(table_mail *m, text_line const *l, stralloc *key,
                  char const *s, size_t len);

/* Splits ADDRESS:HASH. key becomes the account's name; hash is empty for an
   account that has no password. */
void mail_user_split(text_line const *l, stralloc *key, char const **hash);

#endif
