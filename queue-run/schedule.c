#include "schedule.h"

static unsigned delay(schedule const *s, unsigned attempts)
{
  unsigned long long d = s->first;
  while (--attempts && d < s->longest) {
    unsigned long long more = d * s->growth / 100;
    if (more <= d) break; /* growth of 100 or less: always the same */
    d = more;
  }
  return d < s->longest ? (unsigned)d : s->longest;
}

long long schedule_next(schedule const *s, long long arrival, unsigned attempts,
                        long long now)
{
  long long end = arrival + s->expiry, warn = arrival + s->warn, next;
  if (now >= end) return 0;
  next = now + delay(s, attempts ? attempts : 1);
  if (now < warn && warn < next) next = warn;
  return next < end ? next : end;
}

int schedule_warns(schedule const *s, long long arrival, long long now)
{
  return s->warn && s->warn < s->expiry && now >= arrival + s->warn;
}
