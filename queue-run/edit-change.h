/* What queue-edit makes of a recipient. */
#ifndef EDIT_CHANGE_H
#define EDIT_CHANGE_H

#include "pick.h"

enum {
  EDIT_HOLD,
  EDIT_RELEASE,
  EDIT_FLUSH,
  EDIT_FAIL,
  EDIT_REMOVE,
  EDIT_TO, /* another way */
  EDIT_ACTIONS
};

/* By its name; EDIT_ACTIONS if there is none of that name, or s is 0. */
unsigned edit_action(char const *s);

/* Whom it is for: status letters, and whether a recipient fits. */
char const *edit_status(unsigned action);
int edit_fits(unsigned action, picked const *x);

/* Changes x->record. reply: of EDIT_FAIL, at most QUEUE_REPLY / 2 bytes. */
void edit_change(unsigned action, picked *x, char const *reply);

#endif
