/* Parts of the plan, for its own files. */
#ifndef PLAN_PART_H
#define PLAN_PART_H

#include "plan.h"

/* The tables. 0: ENOMEM */
message *message_find(plan const *p, char const *id);
message *message_new(plan *p, char const *id, sender *s);
void message_free(plan *p, message *m);
void message_id(message const *m, char *id);
destination *destination_get(plan *p, char const *key);
sender *sender_get(plan *p, uint64_t name);
void sender_forget(plan *p, sender *s); /* if it has no message */

job *job_new(plan *p, message *m, destination *d, long long due);
void job_free(plan *p, job *j);
void job_move(job *j, destination *d);

/* Whether a job taken from a line of s was for a message that has been read
   again since: then it is freed. */
int job_abandoned(plan *p, job *j, sender *s);

/* Reads the message again, now or when none of it is being tried. */
void message_renew(plan *p, message *m);

/* The job is due: to the end of its line. Or it waits. */
void line_up(plan *p, job *j);
void wait_for(plan *p, job *j, long long due);

/* Takes the line's first job, or gives it back. */
job *line_take(plan *p, line *l);
void line_back(plan *p, job *j);

void line_check(plan *p, line *l); /* an empty one goes */

/* The destination may take more than before: one of its lines gets turns. */
void line_open_one(plan *p, destination *d);

/* The sender has one job more or less in lanes. */
void sender_began(plan *p, sender *s);
void sender_ended(plan *p, sender *s);

/* What follows from the state of a message that was changed or taken up. */
void next_step(plan *p, message *m);

#endif
