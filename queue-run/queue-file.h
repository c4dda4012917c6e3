/* A message in the queue: one file, as queue(5) describes it. */
#ifndef QUEUE_FILE_H
#define QUEUE_FILE_H

#include <stdint.h>

#include <skalibs/stralloc.h>

#include "compose.h"
#include "envelope.h"

#define QUEUE_ID 16      /* characters of a queue id */
#define QUEUE_HEADER 128 /* bytes of the first line */
#define QUEUE_RECORD 256 /* bytes of a recipient's record */
#define QUEUE_ALIGN 512  /* records never straddle a sector */
#define QUEUE_REPLY 220  /* most bytes of a reply in a record */
#define QUEUE_SPLIT 256  /* directories below mess/ */
#define QUEUE_PATH 32    /* mess/xx/ID and its 0 */
#define QUEUE_NEW ".new" /* behind the id while a file gets it */

/* A recipient's status. */
enum {
  QUEUE_WAITING = 'w',
  QUEUE_UNSURE = 'u', /* waiting; the last attempt's outcome is not known */
  QUEUE_HELD = 'h',   /* waits, but is not tried: queue-edit(8) says so */
  QUEUE_DONE = 'd',   /* delivered or handed on */
  QUEUE_GOOD = 's',   /* the same, and the sender is to be told */
  QUEUE_FAILED = 'f', /* the sender is to be told */
  QUEUE_TOLD = 't'    /* failed, and nothing more is to be done */
};
#define QUEUE_STATES "wuhdsft"

/* Whether its sender is told that it waits for long. */
enum { QUEUE_DELAY_DUE = '!', QUEUE_DELAY_TOLD = '+' };

typedef struct queue_record {
  char status;
  char delay; /* one of them, or 0 */
  unsigned attempts;
  long long next; /* unix time of the next attempt, or of the last */
  char reply[QUEUE_REPLY + 1];
} queue_record;

/* The queue directory: ROHRPOST_QUEUE, else ROHRPOST_VAR/queue, else
   /var/lib/rohrpost/queue. */
char const *queue_directory(void);

/* Opens it, making mess/ and trigger if they are not there. fd or -1; EPERM for
   root where the directory is of another. */
int queue_open(char const *path);

void queue_id_new(char *id); /* QUEUE_ID + 1 bytes; unique over restarts */
int queue_id_valid(char const *id, size_t len);
/* The parts of an id: microseconds of unix time, and who made it. */
uint64_t queue_id_time(char const *id);
uint32_t queue_id_process(char const *id);
void queue_id_put(char *id, uint64_t time, uint32_t process);
void queue_path(char *to, char const *id); /* QUEUE_PATH bytes */

/* Writes and commits a new message. envelope: its I P F V and T records, T
   numbered from 0 on; records as many as T. An alias that was expanded is no
   more to be tried: its record begins as QUEUE_GOOD. id is chosen and set. 1; 0
   with errno: nothing is there; -1 with errno: a sync failed, and nothing is
   there as far as could be seen to. */
int queue_file_new(int queue, char const *class, stralloc const *envelope,
                   unsigned recipients, compose const *c, char const *by,
                   char *id);

typedef struct queue_file {
  int fd;
  char class[16];
  long long time; /* of arrival */
  size_t envelope;
  unsigned recipients;
  uint64_t records, message, size;
  char *head; /* the file up to the message */
} queue_file;

/* Why it is opened: to read it; to try it, when nobody may edit it (flock); to
   edit it, when nobody else may do either. */
enum { QUEUE_READ, QUEUE_TRY, QUEUE_EDIT };
#define QUEUE_LOCK_MS 5000 /* is waited for the others */

/* 1; 0: there is none; -1 with errno, EPROTO if it is damaged, EBUSY if the
   others are not done. */
int queue_file_open(queue_file *q, int queue, char const *id, int why);
void queue_file_close(queue_file *q);

/* One opened to be tried is left for others to edit, and locked again: 1; 0: it
   has been replaced or removed, and must be opened anew; -1 as above. */
void queue_file_rest(queue_file *q);
int queue_file_again(queue_file *q, int queue, char const *id);

/* Its I P F V T records; T come last. */
envelope_walk queue_file_walk(queue_file const *q);

void queue_record_get(queue_file const *q, unsigned i, queue_record *r);

/* Reads it, or all of them, from the file once more: 1 or -1 with errno. */
int queue_record_fresh(queue_file *q, unsigned i);
int queue_records_fresh(queue_file *q);

/* Changes the record in memory alone. */
void queue_record_set(queue_file *q, unsigned i, queue_record const *r);

/* Overwrites the record in place, not synced: 1 or -1. */
int queue_record_put(queue_file *q, unsigned i, queue_record const *r);

/* Gives the open file fd its name in the directory: 1 or -1 with errno. */
int queue_name(int fd, int directory, char const *name);

/* Opens the directory of a message's path, made if it is not there: fd or
   -1. */
int queue_split(int queue, char const *path);

/* Where the records begin behind so many bytes of envelope. */
static inline uint64_t queue_records_at(size_t envelope)
{
  return (QUEUE_HEADER + envelope + QUEUE_ALIGN - 1) / QUEUE_ALIGN *
         QUEUE_ALIGN;
}

/* Tells queue-run of a message: that it is new (mark ""), or was changed
   (QUEUE_CHANGED): then what is known of the queue (snapshot) holds no more and
   is removed. A hint only, never waited for: queue-run looks through the
   directories, too. */
#define QUEUE_CHANGED "!"
#define QUEUE_SNAPSHOT "snapshot"
void queue_ring(int queue, char const *id, char const *mark);

static inline int queue_waits(char status)
{
  return status == QUEUE_WAITING || status == QUEUE_UNSURE;
}

/* Whether a reply of smtp-send's says that the next host does not know DSN
   (X.1.9, RFC 3886 3.3.4), and it is for us to tell of the success. */
int queue_relayed(char const *reply);

/* Whether the sender is to be told. */
static inline int queue_tells(char status)
{
  return status == QUEUE_FAILED || status == QUEUE_GOOD;
}

/* The same, of a delay too. */
static inline int queue_record_tells(queue_record const *r)
{
  return queue_tells(r->status) ||
         (queue_waits(r->status) && r->delay == QUEUE_DELAY_DUE);
}

#endif
