/* Programs of the administrator's that sessions have run: those are in their
   jails and cannot. A child that was forked before gets errands over a socket
   and runs them, at most ERRANDS_AT_ONCE at a time, each for at most a minute;
   it ends when the last session has.
     ROHRPOST_LEARN_SPAM   a message came into the Junk mailbox,
     ROHRPOST_LEARN_HAM    or out of it: the message is the program's fd 0
     ROHRPOST_QUOTA_WARN   "80,95 PROGRAM …": the account holds more than that
                           percentage of a limit now
   Words are separated by blanks. In the programs' environment: ACCOUNT, and
   for a warning PERCENT. */
#ifndef ERRANDS_H
#define ERRANDS_H

#include "quota.h"

#define ERRANDS_AT_ONCE 4
#define ERRANDS_MS 60000      /* that a program may take */
#define ERRANDS_WAIT_MS 10000 /* that a session waits to be heard */

typedef enum errand {
  ERRAND_SPAM = 'S',
  ERRAND_HAM = 'H',
  ERRAND_QUOTA = 'Q'
} errand;

/* Before the jail and before sessions are forked. 1; 0: there is nothing to
   be run; -1 with errno; dies (100) if ROHRPOST_QUOTA_WARN is wrong. */
int errands_begin(void);

/* Whose account this process serves. */
void errands_account(char const *account);

/* Whether there is a program for it. */
int errands_wanted(errand what);

/* Has it run for the message open at fd. What cannot be told in time is
   logged and forgotten. */
void errands_send(errand what, int fd);

/* Has the warning run if a threshold lies between before and now. */
void errands_quota(quota const *limit, quota const *before, quota const *now);

#endif
