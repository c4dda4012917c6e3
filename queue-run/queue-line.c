#include <stdio.h>
#include <string.h>

#include "queue-line.h"

#define MAGIC "rohrpost-queue-1"

/* Blanks up to a newline at the end; to has one byte more for snprintf. */
static void finish(char *line, char const *text, size_t size)
{
  size_t n = strlen(text);
  memset(line, ' ', size);
  memcpy(line, text, n < size - 1 ? n : size - 1);
  line[size - 1] = '\n';
}

void queue_line_header(char *line, queue_file const *q)
{
  char text[QUEUE_HEADER];
  snprintf(text, sizeof text, "%s %s %lld %zu %u %llu %llu %llu", MAGIC,
           q->class, q->time, q->envelope, q->recipients,
           (unsigned long long)q->records, (unsigned long long)q->message,
           (unsigned long long)q->size);
  finish(line, text, QUEUE_HEADER);
}

void queue_line_record(char *line, queue_record const *r)
{
  char text[QUEUE_RECORD];
  char const delay[] = {r->delay, 0};
  snprintf(text, sizeof text, "%c%s %u %lld %s", r->status, delay, r->attempts,
           r->next, r->reply);
  finish(line, text, QUEUE_RECORD);
}

int queue_line_header_read(queue_file *q, char const *line)
{
  char text[QUEUE_HEADER];
  unsigned long long records, message, size;
  memcpy(text, line, sizeof text);
  if (text[sizeof text - 1] != '\n') return 0;
  text[sizeof text - 1] = 0;
  if (sscanf(text, MAGIC " %15s %lld %zu %u %llu %llu %llu", q->class, &q->time,
             &q->envelope, &q->recipients, &records, &message, &size) != 7)
    return 0;
  q->records = records;
  q->message = message;
  q->size = size;
  return q->envelope <= (1U << 30) && q->recipients > 0 &&
         q->recipients <= PARCEL_RECIPIENTS && records % QUEUE_ALIGN == 0 &&
         records >= QUEUE_HEADER + q->envelope &&
         records < QUEUE_HEADER + q->envelope + QUEUE_ALIGN &&
         message == records + (uint64_t)q->recipients * QUEUE_RECORD;
}

int queue_line_record_read(queue_record *r, char const *line)
{
  char text[QUEUE_RECORD];
  int used = 0;
  size_t n;
  memcpy(text, line, sizeof text);
  if (text[sizeof text - 1] != '\n') return 0;
  text[sizeof text - 1] = 0;
  r->status = *text;
  r->delay = 0;
  if (text[1] == QUEUE_DELAY_DUE || text[1] == QUEUE_DELAY_TOLD) {
    r->delay = text[1];
    text[1] = ' ';
  }
  if (text[1] != ' ' || !r->status || !strchr(QUEUE_STATES, r->status) ||
      sscanf(text + 1, "%u %lld%n", &r->attempts, &r->next, &used) != 2)
    return 0;
  used++;
  if (text[used] == ' ') used++;
  n = strlen(text + used);
  while (n && text[used + (int)n - 1] == ' ') n--;
  if (n > QUEUE_REPLY) n = QUEUE_REPLY;
  memcpy(r->reply, text + used, n);
  r->reply[n] = 0;
  return 1;
}

int queue_relayed(char const *reply)
{
  return *reply == '2' && strlen(reply) >= 9 &&
         !strncmp(reply + 3, " 2.1.9", 6);
}
