/* A list of addresses and domains as a cdb (table-build list). */
#ifndef WHEN_LIST_H
#define WHEN_LIST_H

/* Whether the table at path knows the address ("" is the null path, listed as
   <>): the address, @domain, or @.parent for what is below it. 1, 0; -1 with
   errno, also for a table that is missing or damaged. */
int when_list_has(char const *path, char const *address);

#endif
