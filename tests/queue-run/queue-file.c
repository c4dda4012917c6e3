/* needs: queue-run/queue-file.o queue-run/queue-line.o queue-run/queue-dir.o */
/* Queue files as a crash, a disk or an admin may leave them: damaged ones are
   said to be, or read within their bounds. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MUTANTS 4000
#include "mutate.h"
#include "nomem.h"
#include "queue-run/queue-line.h"

#define ENVELOPE                                                               \
  "3:Iid,7:Fa@b.t,,27:T0\0c@d.t\0route=remote\0rcpt=,27:T1\0"                  \
  "e@f.t\0route=remote\0rcpt=,"
#define MESSAGE "A: b\r\n\r\nc\r\n"
#define ALIGNED 512

static char place[] = "/tmp/queue-file.XXXXXX", id[QUEUE_ID + 1];
static char path[QUEUE_PATH], good[4096];
static size_t size;
static int queue;

static void build(void)
{
  queue_file q = {.class = "received",
                  .time = 1795500000,
                  .envelope = sizeof ENVELOPE - 1,
                  .recipients = 2,
                  .records = ALIGNED,
                  .message = ALIGNED + 2 * QUEUE_RECORD,
                  .size = sizeof MESSAGE - 1};
  queue_record const r = {'w', 0, 1, 1795500400, "451 4.2.0 Later"};
  memset(good, ' ', ALIGNED);
  queue_line_header(good, &q);
  memcpy(good + QUEUE_HEADER, ENVELOPE, sizeof ENVELOPE - 1);
  queue_line_record(good + ALIGNED, &r);
  queue_line_record(good + ALIGNED + QUEUE_RECORD, &r);
  memcpy(good + q.message, MESSAGE, sizeof MESSAGE - 1);
  size = q.message + q.size;
}

static void put(char const *s, size_t len)
{
  int fd = openat(queue, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || write(fd, s, len) != (ssize_t)len) abort();
  close(fd);
}

static int walked(queue_file *q)
{
  envelope_walk w = queue_file_walk(q);
  parcel_record r;
  int got, bad = 0;
  while ((got = envelope_next(&w, &r)) > 0)
    bad |= r.s < q->head || r.s + r.len > q->head + q->message;
  envelope_end(&w);
  for (unsigned i = 0; i < q->recipients; i++) {
    queue_record x;
    queue_record_get(q, i, &x);
    bad |=
        !strchr(QUEUE_STATES, x.status) || !memchr(x.reply, 0, sizeof x.reply);
  }
  return bad ? -1 : got == 0;
}

static int reads(char *s, size_t len)
{
  queue_file q;
  int r;
  put(s, len);
  r = queue_file_open(&q, queue, id, 0);
  if (r < 0) return errno == EPROTO ? 0 : -1;
  r = r > 0 ? walked(&q) : -1;
  queue_file_close(&q);
  return r;
}

static int without_memory(void)
{
  queue_file q;
  int r = queue_file_open(&q, queue, id, 0);
  if (r > 0) queue_file_close(&q);
  return nomem_judge(r, 1);
}

static void kept(void)
{
  queue_file q;
  queue_record r = {'f', 0, 2, 7, "550 5.1.1 no"}, again;
  put(good, size);
  is_int(queue_file_open(&q, queue, id, 1), 1, "opened to write");
  is_int(queue_record_put(&q, 1, &r), 1, "a record put");
  queue_file_close(&q);
  is_int(queue_file_open(&q, queue, id, 0), 1, "opened to read");
  queue_record_get(&q, 1, &again);
  ok(again.status == 'f' && !strcmp(again.reply, r.reply), "it is kept");
  is_int(queue_record_put(&q, 1, &r), -1, "none can be put now");
  queue_file_close(&q);
  unlinkat(queue, path, 0);
  is_int(queue_file_open(&q, queue, id, 0), 0, "there is none");
  mkdirat(queue, path, 0700);
  is_int(queue_file_open(&q, queue, id, 0), -1, "a directory is none");
  unlinkat(queue, path, AT_REMOVEDIR);
}

int main(void)
{
  mutants_input file[1];
  if (!mkdtemp(place)) return 111;
  queue = open(place, O_RDONLY | O_DIRECTORY);
  queue_id_new(id);
  queue_path(path, id);
  mkdirat(queue, "mess", 0700);
  path[7] = 0; /* mess/xx */
  mkdirat(queue, path, 0700);
  path[7] = '/';
  build();
  file[0] = (mutants_input){good, size};
  kept();
  show_mutants("queue file", file, " 0159:,wudsft\n\0\xff", reads);
  put(good, size);
  nomem_each(without_memory, "queue_file_open");
  unlinkat(queue, path, 0);
  path[7] = 0;
  unlinkat(queue, path, AT_REMOVEDIR);
  unlinkat(queue, "mess", AT_REMOVEDIR);
  rmdir(place);
  return done();
}
