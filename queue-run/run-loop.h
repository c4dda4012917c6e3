/* queue-run's life: events, lanes, the plan. */
#ifndef RUN_LOOP_H
#define RUN_LOOP_H

#include "run.h"

/* trigger: the FIFO; signals: a signalfd for TERM, ALRM, HUP and CHLD. unclean:
   attempts may have been made that nobody recorded. Returns 1 after a clean
   stop, 0 if a lane had to be killed. */
int run_loop(run_config const *c, int trigger, int signals, int unclean);

#endif
