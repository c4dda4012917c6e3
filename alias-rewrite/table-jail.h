/* What a filter of this folder may still do: read its table. */
#ifndef TABLE_JAIL_H
#define TABLE_JAIL_H

/* The directory of that table stays readable, nothing else. Dies (100, 111) if
   it cannot. */
void table_jail(char const *path);

#endif
