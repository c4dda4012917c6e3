/* A sink of parcels: reads them, keeps what they say, refuses what must be
   refused, and leaves to its owner what becomes of the rest. */
#ifndef SINK_H
#define SINK_H

#include "compose.h"
#include "envelope.h"

#define SINK_HEAD (4 * 1024 * 1024) /* most bytes of records beside M E H A */
#define SINK_FROM 1000              /* longest reverse-path */

typedef struct sink sink;
struct sink {
  int out;         /* reports go here */
  compose message; /* message.message.dir is the owner's to set */
  stralloc head;   /* I P F T, as envelope_next reads them */
  stralloc judged; /* V on junk or one recipient; unknown records */
  char id[PARCEL_ID + 1];
  unsigned recipients;
  unsigned long last; /* number of the last recipient */
  int one_answer;     /* its client speaks SMTP: a report for all */
  io_time deadline;   /* of the next record, and of what this one causes */
  int refused;        /* the rest is read and dropped, then comes this reply */
  int code;
  char text[PARCEL_REPLY];
  int passing; /* all further records go to pass() */
  void *data;

  /* The owner's. A parcel begins; a recipient was kept; the end of a parcel
     that was not refused: reports with sink_report, 1 or -1. */
  void (*begin)(sink *s);
  void (*recipient)(sink *s, envelope_to const *to);
  int (*end)(sink *s);
  /* May be 0: what is said of the last recipient will be told, now that a ?
     came behind it. */
  void (*asked)(sink *s);
  /* May be 0: the message finds no room (errno), r is not taken; records
     while passing, 1 or -1. */
  void (*no_room)(sink *s, parcel_record const *r);
  int (*pass)(sink *s, parcel_record const *r);
};

/* The first refusal counts. */
void sink_refuse(sink *s, int code, char const *text);

/* kind T, R or Q: 1 or -1. */
int sink_report(sink *s, char kind, unsigned long number, int code,
                char const *text);

/* What the records say of the whole parcel. */
typedef struct sink_facts {
  char by[256], queue[PARCEL_ID + 1], from[SINK_FROM + 1];
  unsigned long attempt; /* P attempt=N, or 0 */
  int repeated;          /* P attempt=N?: an earlier one may have succeeded */
  int junk;
} sink_facts;
int sink_facts_get(sink *s, sink_facts *f);

/* Adds a verdict on one: it is not delivered to, with that reply. */
void sink_judge(sink *s, unsigned long number, int code, char const *text);

/* The same as a V record's body in to: its length, below PARCEL_REPLY + 64. */
size_t sink_verdict(char *to, unsigned long number, int code, char const *text);

/* The verdict on one recipient: 1, or 0 if there is none. */
int sink_judged(sink *s, unsigned long number, int *code, char *text);

/* Answers a ?: 1 or -1. A recipient whose verdict that tells is forgotten. */
int sink_settle(sink *s);

/* SMTP has one answer for all: a verdict on one recipient that came too late
   for its RCPT refuses the parcel, or it would be lost. */
void sink_judge_all(sink *s);

/* Serves fd in until its end: the exit code, 0, 99 or 111. */
int sink_run(sink *s, int in);
void sink_free(sink *s);

#endif
