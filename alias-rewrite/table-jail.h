/* What a filter of this folder may still do: read its table. */
#ifndef TABLE_JAIL_H
#define TABLE_JAIL_H

/* The directory of that table and the one of secrets stay readable, and what
   flags of jail.h say. Dies (100, 111) if they cannot. */
void table_jail(char const *path, unsigned flags);

#endif
