/* The lines of fixed length in a queue file, as text. */
#ifndef QUEUE_LINE_H
#define QUEUE_LINE_H

#include "queue-file.h"

void queue_line_header(char *line, queue_file const *q);
void queue_line_record(char *line, queue_record const *r);

/* 1 or 0 */
int queue_line_header_read(queue_file *q, char const *line);
int queue_line_record_read(queue_record *r, char const *line);

#endif
