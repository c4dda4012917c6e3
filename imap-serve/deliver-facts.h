/* What a delivery program is told in its environment. */
#ifndef DELIVER_FACTS_H
#define DELIVER_FACTS_H

#include "sink.h"

#define DELIVER_PATH "/usr/local/bin:/usr/bin:/bin"

/* NAME=value strings, each with its NUL. What came from outside is printable
   UTF-8 or, HELO and SUBJECT, ASCII. to may be what a walk over s->head is
   at. 1 or -1. */
int deliver_facts(stralloc *env, sink *s, envelope_to const *to);

#endif
