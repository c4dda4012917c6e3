/* needs: queue-run/queue-line.o queue-run/schedule.o */
#include <stdlib.h>
#include <string.h>

#include "mutate.h"
#include "queue-run/queue-line.h"
#include "queue-run/schedule.h"
#include "tap.h"

static void test_record(void)
{
  char line[QUEUE_RECORD];
  queue_record a = {.status = 'w', .attempts = 12, .next = 1795386007}, b;
  snprintf(a.reply, sizeof a.reply, "451 4.2.0 Later");
  queue_line_record(line, &a);
  is_int(line[QUEUE_RECORD - 1], '\n', "a record ends with a newline");
  is_int(queue_line_record_read(&b, line), 1, "and can be read");
  ok(b.status == 'w' && b.attempts == 12 && b.next == a.next &&
         !strcmp(b.reply, a.reply),
     "as it was");
  a.delay = QUEUE_DELAY_TOLD;
  queue_line_record(line, &a);
  ok(!strncmp(line, "w+ 12 ", 6) && queue_line_record_read(&b, line) &&
         b.delay == QUEUE_DELAY_TOLD && b.next == a.next &&
         !strcmp(b.reply, a.reply),
     "a delay that was told");
  a.delay = 0;
  memset(a.reply, 'x', QUEUE_REPLY);
  a.attempts = 4294967295u;
  a.next = 9223372036854775807LL;
  queue_line_record(line, &a);
  ok(queue_line_record_read(&b, line) && b.next == a.next &&
         strlen(b.reply) >= QUEUE_REPLY - 10,
     "the longest");
  memset(line, 0, sizeof line);
  is_int(queue_line_record_read(&b, line), 0, "zeros are no record");
}

static void test_header(void)
{
  char line[QUEUE_HEADER];
  queue_file a = {.class = "submitted",
                  .time = 1795386007,
                  .envelope = 600,
                  .recipients = 3,
                  .records = 1024,
                  .message = 1792,
                  .size = 18446744073709551615ULL},
             b = {0};
  queue_line_header(line, &a);
  ok(queue_line_header_read(&b, line) && b.message == 1792 &&
         b.size == a.size && !strcmp(b.class, "submitted"),
     "a first line");
  a.message++;
  queue_line_header(line, &a);
  is_int(queue_line_header_read(&b, line), 0, "records must fit");
  a.message--;
  a.records = 512;
  queue_line_header(line, &a);
  is_int(queue_line_header_read(&b, line), 0, "the envelope too");
}

static char *line(char const *s, size_t n, size_t size)
{
  char *l = malloc(size);
  memset(l, ' ', size);
  memcpy(l, s, n < size ? n : size);
  if (n < size) l[size - 1] = '\n';
  return l;
}

static int header(char *s, size_t n)
{
  char *l = line(s, n, QUEUE_HEADER);
  queue_file q;
  int r = queue_line_header_read(&q, l);
  free(l);
  if (!r) return 0;
  return q.recipients && q.records >= QUEUE_HEADER + q.envelope &&
                 q.message > q.records && memchr(q.class, 0, sizeof q.class)
             ? 1
             : -1;
}

static int record(char *s, size_t n)
{
  char *l = line(s, n, QUEUE_RECORD);
  queue_record q;
  int r = queue_line_record_read(&q, l);
  free(l);
  if (!r) return 0;
  queue_relayed(q.reply);
  return memchr(q.reply, 0, sizeof q.reply) ? 1 : -1;
}

static void test_mutations(void)
{
  static mutants_input const headers[] = {
      {BYTES("rohrpost-queue-1 report 1795386007 60 1 512 768 9")}};
  static mutants_input const records[] = {
      {BYTES("w 1 1795386007 451 4.2.0 Later")},
      {BYTES("s 12 0 250 2.1.9 relayed")},
      {BYTES("u 0 0")}};
  show_mutants("first line", headers, " 0159-\n\0\xff", header);
  show_mutants("record", records, " 0159wudsft-\n\0\xff", record);
  ok(queue_relayed("250 2.1.9 x") && !queue_relayed("250 2.1.5 x") &&
         !queue_relayed("550 5.1.9 x") && !queue_relayed("250 2.1"),
     "RFC 3886 3.3.4: X.1.9");
}

static void test_schedule(void)
{
  schedule s = SCHEDULE_ZERO;
  is_int(schedule_next(&s, 0, 1, 0), 400, "the first delay");
  is_int(schedule_next(&s, 0, 2, 400), 1000, "grows");
  is_int(schedule_next(&s, 0, 1000000, 1000), 14400,
         "to the time when the sender is told of the delay");
  is_int(schedule_next(&s, 0, 1000000, 15000), 29400, "to the longest");
  is_int(schedule_next(&s, 0, 5, 431990), 432000, "the last is at the expiry");
  is_int(schedule_next(&s, 0, 5, 432000), 0, "then never");
  is_int(schedule_next(&s, 0, 0, 0), 400, "0 attempts count as one");
  is_int(schedule_warns(&s, 100, 14499), 0, "not a second too early");
  is_int(schedule_warns(&s, 100, 14500), 1, "it is time");
  s.warn = 0;
  is_int(schedule_warns(&s, 0, 100000), 0, "never with 0");
  is_int(schedule_next(&s, 0, 1000000, 1000), 15400, "and no stop there");
  s.growth = 100;
  is_int(schedule_next(&s, 0, 4000000000u, 0), 400, "no growth: at once");
  s.first = 4294967295u;
  s.longest = 4294967295u;
  s.growth = 4294967295u;
  is_int(schedule_next(&s, 0, 9, 0), 432000, "no overflow");
}

int main(void)
{
  test_record();
  test_header();
  test_mutations();
  test_schedule();
  return done();
}
