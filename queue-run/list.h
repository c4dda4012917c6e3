/* The parts of queue-list. All die (111) where standard output fails. */
#ifndef LIST_H
#define LIST_H

#include "pick.h"

/* Appends what came from outside, fit for a terminal. Dies (111). */
void list_text(stralloc *to, char const *s);

/* Unix time in UTC, or "-" for 0; LIST_TIME bytes. */
#define LIST_TIME 24
char const *list_time(char *to, long long t);

/* One line for a recipient: columns, or a JSON object. */
void list_line(picked const *x);
void list_line_json(picked const *x);

/* Counts a recipient of a destination; prints what was counted, the most
   first. */
typedef struct list_summary {
  void *tree;
  size_t n;
  long long now;
} list_summary;
void list_count(list_summary *s, picked const *x);
void list_summary_print(list_summary const *s);
void list_summary_json(list_summary const *s);

/* Prints the message with LF line ends, or its envelope and records: 1 or -1
   with errno. */
int list_message(queue_file const *q);
int list_envelope(queue_file const *q);

#endif
