/* Recipients as lines. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <jansson.h>

#include <skalibs/strerr.h>

#include "list.h"
#include "parcel-show.h"

static void must(int done)
{
  if (!done) strerr_diefu1sys(111, "allocate memory");
}

void list_text(stralloc *to, char const *s)
{
  must(parcel_show_text(to, s, strlen(s)) > 0);
}

char const *list_time(char *to, long long t)
{
  time_t when = (time_t)t;
  struct tm tm;
  if (t <= 0 || !gmtime_r(&when, &tm) ||
      !strftime(to, LIST_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm))
    memcpy(to, "-", 2);
  return to;
}

static void column(stralloc *line, char const *s)
{
  must(stralloc_append(line, '\t'));
  list_text(line, *s ? s : "-");
}

void list_line(picked const *x)
{
  static stralloc line = STRALLOC_ZERO;
  char since[LIST_TIME], next[LIST_TIME], attempts[16];
  snprintf(attempts, sizeof attempts, "%u", x->record.attempts);
  line.len = 0;
  must(stralloc_append(&line, x->record.status));
  column(&line, x->id);
  column(&line, list_time(since, x->q->time));
  column(&line, attempts);
  column(&line, list_time(next, x->record.next));
  column(&line, x->destination);
  column(&line, *x->sender ? x->sender : "<>");
  column(&line, x->to.address);
  column(&line, x->record.reply);
  must(stralloc_append(&line, '\n'));
  fwrite(line.s, 1, line.len, stdout);
}

/* What is no UTF-8 cannot be a string of JSON: it is shown as in a line. */
static json_t *text(char const *s)
{
  json_t *j = json_string(s);
  stralloc shown = STRALLOC_ZERO;
  if (j) return j;
  list_text(&shown, s);
  must(stralloc_0(&shown));
  j = json_string(shown.s);
  stralloc_free(&shown);
  return j;
}

static void add(json_t *o, char const *name, char const *s)
{
  must(json_object_set_new_nocheck(o, name, text(s)) == 0);
}

static void number(json_t *o, char const *name, long long n)
{
  must(json_object_set_new_nocheck(o, name, json_integer(n)) == 0);
}

void list_line_json(picked const *x)
{
  char const status[] = {x->record.status, 0};
  json_t *o = json_object();
  must(o != 0);
  add(o, "id", x->id);
  add(o, "status", status);
  add(o, "class", x->q->class);
  number(o, "arrived", x->q->time);
  number(o, "size", (long long)x->q->size);
  number(o, "attempts", x->record.attempts);
  number(o, "next", x->record.next);
  add(o, "destination", x->destination);
  add(o, "sender", x->sender);
  add(o, "recipient", x->to.address);
  if (*x->to.rcpt && strcasecmp(x->to.rcpt, x->to.address))
    add(o, "rcpt", x->to.rcpt);
  add(o, "reply", x->record.reply);
  json_dumpf(o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
  putchar('\n');
  json_decref(o);
}
