#include <stdio.h>
#include <string.h>

#include "rspamd.h"

char const *const rspamd_words[RSPAMD_WORDS] = {
    "no-action",       "greylist",    "soft-reject", "add-header",
    "rewrite-subject", "reject",      "discard",     "quarantine",
    "other",           "unreachable", "bad-answer"};

static void clean(char *to, size_t size, json_t const *j)
{
  char const *s = json_is_string(j) ? json_string_value(j) : "";
  parcel_clean(to, size, s, strlen(s));
}

/* Its words have blanks where ours have hyphens. */
static int word_of(char const *action)
{
  char s[64];
  snprintf(s, sizeof s, "%s", action);
  for (char *p = s; *p; p++)
    if (*p == ' ') *p = '-';
  for (int i = 0; i < RSPAMD_OTHER; i++)
    if (!strcmp(s, rspamd_words[i])) return i;
  return RSPAMD_OTHER;
}

static int bad(rspamd_answer *a, char const *why)
{
  a->word = RSPAMD_BAD_ANSWER;
  snprintf(a->text, sizeof a->text, "%s", why);
  return 0;
}

int rspamd_answer_read(rspamd_answer *a, char const *s, size_t len)
{
  json_t *action;
  *a = (rspamd_answer){.root = json_loadb(s, len, 0, 0)};
  if (!json_is_object(a->root)) return bad(a, "the answer is no JSON object");
  action = json_object_get(a->root, "action");
  if (!json_is_string(action)) {
    char why[300];
    clean(why, sizeof why, json_object_get(a->root, "error"));
    return bad(a, *why ? why : "the answer has no action");
  }
  clean(a->action, sizeof a->action, action);
  a->word = word_of(a->action);
  a->score = json_number_value(json_object_get(a->root, "score"));
  a->required = json_number_value(json_object_get(a->root, "required_score"));
  clean(a->text, sizeof a->text,
        json_object_get(json_object_get(a->root, "messages"), "smtp_message"));
  clean(a->subject, sizeof a->subject, json_object_get(a->root, "subject"));
  a->milter = json_object_get(a->root, "milter");
  return 1;
}

void rspamd_answer_free(rspamd_answer *a)
{
  json_decref(a->root);
  a->root = a->milter = 0;
}

/* 0 or an odd value: all of them; n from the top, -n from the end. */
static void remove_one(view *v, char const *name, json_t const *j)
{
  json_int_t n = json_integer_value(j);
  if (n < 0) {
    size_t count = view_count(v, name);
    if (n < -(json_int_t)count) return;
    n += (json_int_t)count + 1;
  }
  view_remove(v, name, (size_t)n);
}

static void remove_fields(view *v, json_t *fields)
{
  char const *name;
  json_t *j, *k;
  size_t i;
  json_object_foreach(fields, name, j)
  {
    if (json_is_integer(j)) remove_one(v, name, j);
    json_array_foreach(j, i, k) if (json_is_integer(k)) remove_one(v, name, k);
  }
}

/* "value", or {"value": "value", "order": 0}: order counts from the top, or
   from the end where it is negative. */
static int add_one(view *v, char const *name, json_t const *j)
{
  json_t *value =
      json_is_string(j) ? (json_t *)(uintptr_t)j : json_object_get(j, "value");
  json_t *order = json_object_get(j, "order");
  if (!json_is_integer(order)) order = json_object_get(j, "index");
  if (!json_is_string(value)) return 1;
  return view_add(v, name, json_string_value(value), json_string_length(value),
                  json_is_integer(order) && json_integer_value(order) >= 0
                      ? VIEW_TOP
                      : VIEW_END);
}

static int add_fields(view *v, json_t *fields)
{
  char const *name;
  json_t *j, *k;
  size_t i;
  json_object_foreach(fields, name, j)
  {
    if (!json_is_array(j) && add_one(v, name, j) < 0) return -1;
    json_array_foreach(j, i, k) if (add_one(v, name, k) < 0) return -1;
  }
  return 1;
}

static int signatures(view *v, json_t *j)
{
  size_t i;
  json_t *k;
  json_array_foreach(j, i, k) if (signatures(v, k) < 0) return -1;
  if (!json_is_string(j)) return 1;
  return view_add(v, "DKIM-Signature", json_string_value(j),
                  json_string_length(j), VIEW_TOP);
}

int rspamd_answer_apply(rspamd_answer const *a, view *v)
{
  remove_fields(v, json_object_get(a->milter, "remove_headers"));
  if (add_fields(v, json_object_get(a->milter, "add_headers")) < 0) return -1;
  return signatures(v, json_object_get(a->root, "dkim-signature"));
}
