/* Recipients of a queued message get another way. */
#ifndef EDIT_VIA_H
#define EDIT_VIA_H

#include "queue-file.h"

/* Writes the message anew with via in the T records whose number has a mark
   ("" takes theirs away), and gives the new file the old one's name: same id,
   same message, same records, which are taken from q as they are in memory. q
   was opened with QUEUE_EDIT, and stands for the new file afterwards, locked
   likewise. 1 or -1 with errno: then the old file has its name still, unless
   it was the sync of the directory that failed. */
int edit_via(queue_file *q, int queue, char const *id, char const *marks,
             char const *via);

#endif
