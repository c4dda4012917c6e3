/* What waits where until when, written at a clean stop and read at the next
   start, so that the first mail goes before the queue has been looked through
   (queue(5)). The files are the truth: a message that comes from here is read
   again before it is removed. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "plan.h"

/* Its lines: MAGIC; "D key" for each destination, numbered from 0; "J id sender
   destination due flags" for each job; "end jobs sum", where sum is of all that
   stands before. Sender, sum hexadecimal. */
#define SNAPSHOT_MAGIC "rohrpost-snapshot-1\n"
#define SNAPSHOT_LINE (RUN_KEY + 8)
enum { SNAPSHOT_UNSURE = 1, SNAPSHOT_WARNED = 2 }; /* flags */

/* Writes all of the plan that waits; what else there is will be found. -1 with
   errno: there is none. */
int snapshot_write(plan *p);

/* Reads it into an empty plan and removes it. believe: 0: it is removed only.
 */
void snapshot_read(plan *p, int believe);

/* Reads one from fd: how many jobs, or -1 with errno, EPROTO if it is not
   whole; then what was taken up is read again before anything is removed. */
long long snapshot_load(plan *p, int fd);

#endif
