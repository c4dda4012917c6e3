/* Parts of the plan, for its own files. */
#ifndef PLAN_PART_H
#define PLAN_PART_H

#include "plan.h"

int heap_push(plan *p, job *j); /* 1 or -1 */
job *heap_pop(plan *p);

message *message_find(plan *p, char const *id);
message *message_new(plan *p, char const *id); /* 0: ENOMEM */
void message_free(plan *p, message *m);

destination *destination_get(plan *p, char const *key); /* 0: ENOMEM */

#endif
