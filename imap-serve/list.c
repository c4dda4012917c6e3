/* LIST, LSUB, SUBSCRIBE, UNSUBSCRIBE (6.3.6 to 6.3.9), with the options of RFC
   6154 for SPECIAL-USE. */
#include <string.h>

#include "folders.h"
#include "maildir.h"
#include "names.h"
#include "session.h"

typedef struct listing {
  session *s;
  folders all;
  folders const *from; /* what is listed: all, or subscriptions */
  char const *pattern;
  size_t len;
  int levels;  /* levels above that match are returned too */
  int special; /* only special-use mailboxes */
  int lsub;
  char last[MAILDIR_NAME + 1]; /* the level that was listed last */
} listing;

static char const *special_use(char const *name)
{
  char dir[MAILDIR_NAME + 1];
  for (size_t i = 0; i < MAILDIR_KINDS; i++) {
    maildir_folder(dir, maildir_kinds[i]);
    if (!strcmp(dir + 1, name)) return maildir_kinds[i];
  }
  return 0;
}

static void attributes(listing *l, char const *name, int level)
{
  session *s = l->s;
  size_t len = strlen(name);
  char const *use;
  int inferiors = folders_has_children(&l->all, name, len);
  if (l->lsub) {
    if (level) out_puts(&s->o, "\\Noselect");
    return;
  }
  if (level) out_puts(&s->o, "\\Noselect ");
  out_puts(&s->o, inferiors ? "\\HasChildren" : "\\HasNoChildren");
  use = level ? 0 : special_use(name);
  if (use) {
    out_puts(&s->o, " \\");
    out_puts(&s->o, use);
  }
}

static void one(listing *l, char const *name, int level)
{
  out_puts(&l->s->o, l->lsub ? "* LSUB (" : "* LIST (");
  attributes(l, name, level);
  out_puts(&l->s->o, ") \".\" ");
  out_astring(&l->s->o, name, strlen(name));
  out_puts(&l->s->o, "\r\n");
}

/* Levels above name that match and are not in the list themselves. Names come
   sorted, so that a level's mailboxes stand together. */
static void levels_above(listing *l, char const *name)
{
  char level[MAILDIR_NAME + 1];
  for (size_t i = 1; name[i]; i++) {
    if (name[i] != NAMES_DELIMITER) continue;
    memcpy(level, name, i);
    level[i] = 0;
    if (folders_has(l->from, level, i)) continue;
    if (!strncmp(l->last, level, i) &&
        (!l->last[i] || l->last[i] == NAMES_DELIMITER))
      continue;
    if (!name_match(l->pattern, l->len, level)) continue;
    memcpy(l->last, level, i + 1);
    one(l, level, 1);
  }
}

static void walk(listing *l)
{
  for (size_t i = 0; i < l->from->n; i++) {
    char const *name = l->from->v[i];
    if (l->special && !special_use(name)) continue;
    if (l->levels && !l->special) levels_above(l, name);
    if (name_match(l->pattern, l->len, name)) one(l, name, 0);
  }
}

/* Reference and pattern together (6.3.8); INBOX in any case. */
static char const *join(session *s, text const *reference, text const *pattern,
                        size_t *len)
{
  char *p = input_keep(&s->in, reference->len + pattern->len + 1);
  if (!p) return 0;
  *len = reference->len + pattern->len;
  memcpy(p, reference->s, reference->len);
  memcpy(p + reference->len, pattern->s, pattern->len);
  p[*len] = 0;
  if (name_is_inbox(p, *len)) memcpy(p, "INBOX", 5);
  return p;
}

static void root_name(session *s, char const *what)
{
  out_puts(&s->o, "* ");
  out_puts(&s->o, what);
  out_line(&s->o, " (\\Noselect) \".\" \"\"");
}

static void run(session *s, listing *l)
{
  folders subscribed = FOLDERS_ZERO;
  l->s = s;
  l->from = l->lsub ? &subscribed : &l->all;
  l->levels = l->lsub ? l->pattern[l->len - 1] == '%'
                      : !memchr(l->pattern, '*', l->len);
  if (folders_read(&l->all, s->root) < 0 ||
      (l->lsub && subscriptions_read(&subscribed, s->root) < 0)) {
    folders_free(&l->all);
    session_no_errno(s, "list mailboxes");
    return;
  }
  walk(l);
  folders_free(&subscribed);
  folders_free(&l->all);
  session_update(s, 0, 1, 0);
  session_ok(s, l->lsub ? "LSUB completed" : "LIST completed");
}

/* "(SPECIAL-USE)": 1 or 0 */
static int select_options(parse *p, listing *l)
{
  text t;
  if (!parse_peek(p, '(')) return 1;
  p->s++;
  while (!parse_peek(p, ')')) {
    if (!parse_atom(p, &t)) return 0;
    if (!text_is(&t, "SPECIAL-USE")) {
      p->error = "Unknown selection option";
      return 0;
    }
    l->special = 1;
    if (parse_peek(p, ' ')) p->s++;
  }
  p->s++;
  return parse_sp(p);
}

/* " RETURN (SPECIAL-USE CHILDREN)": we return these in any case. */
static int return_options(parse *p)
{
  text t;
  if (p->s == p->end) return 1;
  if (!parse_sp(p) || !parse_atom(p, &t) || !text_is(&t, "RETURN") ||
      !parse_sp(p) || !parse_char(p, '('))
    return 0;
  while (!parse_peek(p, ')')) {
    if (!parse_atom(p, &t)) return 0;
    if (!text_is(&t, "SPECIAL-USE") && !text_is(&t, "CHILDREN")) {
      p->error = "Unknown return option";
      return 0;
    }
    if (parse_peek(p, ' ')) p->s++;
  }
  p->s++;
  return parse_end(p);
}

static void list(session *s, parse *p, int lsub)
{
  listing l = {.lsub = lsub};
  text reference, pattern;
  if (!parse_sp(p) || (!lsub && !select_options(p, &l)) ||
      !parse_astring(p, &reference) || !parse_sp(p) ||
      !parse_list_mailbox(p, &pattern) ||
      !(lsub ? parse_end(p) : return_options(p))) {
    session_bad(s, p);
    return;
  }
  l.pattern = join(s, &reference, &pattern, &l.len);
  if (!l.pattern) {
    session_no(s, "[LIMIT] Command too long");
  } else if (!pattern.len) {
    root_name(s, lsub ? "LSUB" : "LIST");
    session_update(s, 0, 1, 0);
    session_ok(s, lsub ? "LSUB completed" : "LIST completed");
  } else {
    run(s, &l);
  }
}

void cmd_list(session *s, parse *p, int uid)
{
  (void)uid;
  list(s, p, 0);
}

void cmd_lsub(session *s, parse *p, int uid)
{
  (void)uid;
  list(s, p, 1);
}

static void subscribe(session *s, parse *p, int add)
{
  char dir[MAILDIR_NAME + 1];
  char const *name;
  int r = parse_sp(p) ? session_mailbox(s, p, dir) : 0;
  if (r == 0 || (r > 0 && !parse_end(p))) session_bad(s, p);
  if (r <= 0 || p->error) return;
  name = dir[1] ? dir + 1 : "INBOX";
  if (subscriptions_change(s->root, name, add) < 0) {
    session_no_errno(s, "write subscriptions");
    return;
  }
  session_update(s, 0, 1, 0);
  session_ok(s, add ? "SUBSCRIBE completed" : "UNSUBSCRIBE completed");
}

void cmd_subscribe(session *s, parse *p, int uid)
{
  (void)uid;
  subscribe(s, p, 1);
}

void cmd_unsubscribe(session *s, parse *p, int uid)
{
  (void)uid;
  subscribe(s, p, 0);
}
