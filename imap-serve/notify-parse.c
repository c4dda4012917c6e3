#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch.h"
#include "notify.h"

#define EVENTS                                                                 \
  "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange "       \
  "MailboxMetadataChange ServerMetadataChange"

static struct {
  char const *name;
  unsigned bit;
} const events[] = {{"MessageNew", NOTIFY_NEW},
                    {"MessageExpunge", NOTIFY_EXPUNGE},
                    {"FlagChange", NOTIFY_FLAGS},
                    {"MailboxName", NOTIFY_NAME},
                    {"SubscriptionChange", NOTIFY_SUBSCRIPTION},
                    {"MailboxMetadataChange", NOTIFY_METADATA},
                    {"ServerMetadataChange", NOTIFY_SERVER}};

static struct {
  char const *name;
  notify_kind kind;
} const kinds[] = {
    {"SELECTED", NOTIFY_SELECTED},     {"SELECTED-DELAYED", NOTIFY_DELAYED},
    {"PERSONAL", NOTIFY_PERSONAL},     {"INBOXES", NOTIFY_PERSONAL},
    {"SUBSCRIBED", NOTIFY_SUBSCRIBED}, {"SUBTREE", NOTIFY_SUBTREE},
    {"MAILBOXES", NOTIFY_MAILBOXES}};

#define COUNT(v) (sizeof(v) / sizeof *(v))

static int fail(parse *p, char const *error, char const *no)
{
  if (!p->error) {
    p->error = error;
    p->no = no;
  }
  return 0;
}

static int is_selected(notify_group const *g)
{
  return g->kind == NOTIFY_SELECTED || g->kind == NOTIFY_DELAYED;
}

/* " (UID FLAGS)" behind MessageNew: kept as it is written. */
static int attributes(parse *p, notify_wish *w, notify_group const *g)
{
  char const *from = ++p->s, *end = p->end;
  fetch_item *items;
  if (!is_selected(g)) return fail(p, "Items for another mailbox", 0);
  if (!fetch_items(p, &items)) return 0;
  if (p->end != end || p->s - from > NOTIFY_ATTS)
    return fail(p, "", "[LIMIT] Items too long");
  memcpy(w->atts, from, (size_t)(p->s - from));
  w->atts[p->s - from] = 0;
  return 1;
}

static int event(parse *p, notify_wish *w, notify_group *g)
{
  text t;
  if (!parse_atom(p, &t)) return 0;
  for (size_t i = 0; i < COUNT(events); i++) {
    if (!text_is(&t, events[i].name)) continue;
    g->events |= events[i].bit;
    if (events[i].bit == NOTIFY_NEW && p->end - p->s > 1 && p->s[0] == ' ' &&
        p->s[1] == '(')
      return attributes(p, w, g);
    return 1;
  }
  return fail(p, "", "[BADEVENT (" EVENTS ")] Unknown event");
}

static int event_list(parse *p, notify_wish *w, notify_group *g)
{
  text t;
  if (!parse_peek(p, '(')) {
    if (!parse_atom(p, &t)) return 0;
    return text_is(&t, "NONE") ? 1 : fail(p, "Expected events or NONE", 0);
  }
  p->s++;
  for (;;) {
    if (!event(p, w, g)) return 0;
    if (!parse_peek(p, ' ')) break;
    p->s++;
  }
  if (!parse_char(p, ')')) return 0;
  if (is_selected(g) && g->events & ~(unsigned)NOTIFY_MESSAGES)
    return fail(p, "Only messages' events of the selected mailbox (6.1)", 0);
  if (g->events & NOTIFY_MESSAGES &&
      (g->events & (NOTIFY_NEW | NOTIFY_EXPUNGE)) !=
          (NOTIFY_NEW | NOTIFY_EXPUNGE))
    return fail(p, "MessageNew and MessageExpunge go together (5)", 0);
  return 1;
}

static int name(parse *p, notify_wish *w, notify_group *g)
{
  char dir[MAILDIR_NAME + 1];
  text t;
  if (!parse_astring(p, &t)) return 0;
  if (!session_directory(&t, dir)) return 1; /* there is none (3.1) */
  if (w->names == NOTIFY_NAMES)
    return fail(p, "", "[NOTIFICATIONOVERFLOW] Too many mailboxes");
  w->name[w->names] = strdup(dir[1] ? dir + 1 : "INBOX");
  if (!w->name[w->names]) return fail(p, "", "[UNAVAILABLE] Out of memory");
  w->names++;
  g->names++;
  return 1;
}

static int names(parse *p, notify_wish *w, notify_group *g)
{
  g->name = w->names;
  if (!parse_sp(p)) return 0;
  if (!parse_peek(p, '(')) return name(p, w, g);
  p->s++;
  for (;;) {
    if (!name(p, w, g)) return 0;
    if (!parse_peek(p, ' ')) return parse_char(p, ')');
    p->s++;
  }
}

static int group(parse *p, notify_wish *w)
{
  notify_group *g = w->group + w->groups;
  text t;
  size_t i = 0;
  if (w->groups == NOTIFY_GROUPS)
    return fail(p, "", "[NOTIFICATIONOVERFLOW] Too many groups");
  if (!parse_char(p, '(') || !parse_atom(p, &t)) return 0;
  while (i < COUNT(kinds) && !text_is(&t, kinds[i].name)) i++;
  if (i == COUNT(kinds)) return fail(p, "Unknown mailbox specifier", 0);
  *g = (notify_group){.kind = kinds[i].kind};
  if (g->kind >= NOTIFY_SUBTREE && !names(p, w, g)) return 0;
  if (is_selected(g)) {
    if (w->selected >= 0) return fail(p, "The selected mailbox twice", 0);
    w->selected = (int)w->groups;
  }
  w->groups++;
  return parse_sp(p) && event_list(p, w, g) && parse_char(p, ')');
}

int notify_parse(parse *p, notify_wish *w, int *none)
{
  text t;
  if (!parse_sp(p) || !parse_atom(p, &t)) return 0;
  *none = text_is(&t, "NONE");
  if (*none) return parse_end(p);
  if (!text_is(&t, "SET")) return fail(p, "Expected SET or NONE", 0);
  if (!parse_sp(p)) return 0;
  if (!parse_peek(p, '(')) {
    if (!parse_atom(p, &t)) return 0;
    if (!text_is(&t, "STATUS")) return fail(p, "Expected STATUS", 0);
    w->status = 1;
    if (!parse_sp(p)) return 0;
  }
  for (;;) {
    if (!group(p, w)) return 0;
    if (p->s == p->end) return 1;
    if (!parse_sp(p)) return 0;
  }
}

static int is_in(notify_wish const *w, notify_group const *g, char const *s)
{
  for (size_t i = g->name; i < g->name + g->names; i++) {
    size_t n = strlen(w->name[i]);
    if (!strncmp(s, w->name[i], n) &&
        (!s[n] || (g->kind == NOTIFY_SUBTREE && s[n] == '.')))
      return 1;
  }
  return 0;
}

unsigned notify_events(notify_wish const *w, char const *s, int subscribed)
{
  unsigned all = 0;
  for (size_t i = 0; i < w->groups; i++) {
    notify_group const *g = w->group + i;
    if (g->kind == NOTIFY_PERSONAL ||
        (g->kind == NOTIFY_SUBSCRIBED && subscribed) ||
        (g->kind >= NOTIFY_SUBTREE && is_in(w, g, s)))
      all |= g->events;
  }
  return all;
}
