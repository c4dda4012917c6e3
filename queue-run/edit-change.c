#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "edit-change.h"

static struct {
  char const *name, *status;
} const actions[EDIT_ACTIONS] = {
    [EDIT_HOLD] = {"hold", "wu"},        [EDIT_RELEASE] = {"release", "h"},
    [EDIT_FLUSH] = {"flush", "wu"},      [EDIT_FAIL] = {"fail", "wuh"},
    [EDIT_REMOVE] = {"remove", "wuhfs"}, [EDIT_TO] = {"via", "wuh"}};

unsigned edit_action(char const *s)
{
  unsigned i = 0;
  while (s && i < EDIT_ACTIONS && strcmp(actions[i].name, s)) i++;
  return s ? i : EDIT_ACTIONS;
}

char const *edit_status(unsigned action)
{
  return actions[action].status;
}

/* Ours are never routed away: their mailbox is here. */
int edit_fits(unsigned action, picked const *x)
{
  return strchr(actions[action].status, x->record.status) &&
         (action != EDIT_TO || x->to.route == ENVELOPE_REMOTE);
}

/* RFC 3461 4.1, as queue-run has it */
static int wants_bounce(envelope_to const *to)
{
  return !*to->notify || strcasestr(to->notify, "FAILURE");
}

/* The sender is told why it had waited, too. */
static void fail(picked *x, char const *reply)
{
  char before[QUEUE_REPLY + 1];
  queue_record *r = &x->record;
  memcpy(before, r->reply, sizeof before);
  r->status = wants_bounce(&x->to) ? QUEUE_FAILED : QUEUE_TOLD;
  snprintf(r->reply, sizeof r->reply, "%.*s%s%.*s", QUEUE_REPLY / 2, reply,
           *before ? "; before: " : "", QUEUE_REPLY / 2 - 10, before);
}

/* What was held may have been tried before, and nobody remembers whether that
   was seen to its end: so it is unsure. */
void edit_change(unsigned action, picked *x, char const *reply)
{
  queue_record *r = &x->record;
  if (action != EDIT_HOLD) r->next = time(0);
  switch (action) {
  case EDIT_HOLD: r->status = QUEUE_HELD; break;
  case EDIT_RELEASE: r->status = QUEUE_UNSURE; break;
  case EDIT_FAIL: fail(x, reply); break;
  case EDIT_REMOVE:
    r->status = r->status == QUEUE_GOOD ? QUEUE_DONE : QUEUE_TOLD;
    break;
  default: break;
  }
}
