/* LIST (RFC 3501 6.3.8, RFC 5258) and LSUB (6.3.9). */
#include <stdio.h>
#include <string.h>

#include "list-tree.h"
#include "list.h"
#include "maildir.h"
#include "names.h"
#include "special-use.h"

typedef struct listing {
  session *s;
  list_command *c;
  list_tree tree;
  int lsub;
  struct {
    char const *s;
    size_t len;
    int levels; /* levels that are no mailboxes are returned too */
  } pattern[LIST_PATTERNS];
  size_t patterns;
} listing;

static int matches(listing const *l, list_name const *n)
{
  for (size_t i = 0; i < l->patterns; i++)
    if (session_name_match(l->pattern[i].s, l->pattern[i].len, n->name))
      return 1;
  return 0;
}

static int matches_as_level(listing const *l, list_name const *n)
{
  for (size_t i = 0; i < l->patterns; i++)
    if (l->pattern[i].levels &&
        session_name_match(l->pattern[i].s, l->pattern[i].len, n->name))
      return 1;
  return 0;
}

static int meets(listing const *l, list_name const *n)
{
  char use[SPECIAL_USE];
  unsigned select = l->lsub ? LIST_SUBSCRIBED : l->c->select;
  if (select & LIST_SPECIAL_USE &&
      (!(n->flags & NAME_EXISTS) || !special_use_of(l->s->root, n->name, use)))
    return 0;
  if (select & LIST_SUBSCRIBED) return (n->flags & NAME_SUBSCRIBED) != 0;
  return (n->flags & NAME_EXISTS) != 0;
}

static void word(session *s, char const *w, int *some)
{
  if (*some) out_puts(&s->o, " ");
  *some = 1;
  out_puts(&s->o, w);
}

static void attributes(listing const *l, list_name const *n)
{
  session *s = l->s;
  char use[SPECIAL_USE + 1] = "\\";
  int some = 0, extended = l->c->extended || s->rev2;
  if (!(n->flags & NAME_EXISTS))
    word(s, extended ? "\\NonExistent" : "\\Noselect", &some);
  word(s, n->flags & NAME_CHILDREN ? "\\HasChildren" : "\\HasNoChildren",
       &some);
  if ((l->c->subscribed || l->c->select & LIST_SUBSCRIBED) &&
      n->flags & NAME_SUBSCRIBED)
    word(s, "\\Subscribed", &some);
  if (n->flags & NAME_EXISTS && special_use_of(s->root, n->name, use + 1))
    word(s, use, &some);
}

/* RFC 5258 3.5 */
static void child_info(listing const *l)
{
  session *s = l->s;
  out_puts(&s->o, " (\"CHILDINFO\" (");
  if (l->c->select & LIST_SUBSCRIBED) out_puts(&s->o, "\"SUBSCRIBED\"");
  if (l->c->select & LIST_SPECIAL_USE)
    out_puts(&s->o, l->c->select & LIST_SUBSCRIBED ? " \"SPECIAL-USE\""
                                                   : "\"SPECIAL-USE\"");
  out_puts(&s->o, "))");
}

static void put_more(listing const *l, list_name const *n)
{
  char dir[MAILDIR_NAME + 2];
  size_t longest = 0;
  snprintf(dir, sizeof dir, ".%s", n->name);
  if (name_is_inbox(n->name, strlen(n->name))) dir[1] = 0;
  if (l->c->status) status_put(l->s, dir, n->name, &l->c->items);
  if (l->c->metadata.n) metadata_put(l->s, dir, &l->c->metadata, &longest);
}

static void put_list(listing const *l, list_name const *n)
{
  session *s = l->s;
  out_puts(&s->o, "* LIST (");
  attributes(l, n);
  out_puts(&s->o, ") \".\" ");
  session_put_name(s, n->name);
  if (l->c->select & LIST_RECURSIVE && n->flags & NAME_BELOW) child_info(l);
  out_puts(&s->o, "\r\n");
  if ((l->c->status || l->c->metadata.n) && n->flags & NAME_EXISTS)
    put_more(l, n);
}

static void put_lsub(listing const *l, list_name const *n)
{
  session *s = l->s;
  out_puts(&s->o, n->flags & NAME_SELECTED ? "* LSUB () \".\" "
                                           : "* LSUB (\\Noselect) \".\" ");
  session_put_name(s, n->name);
  out_puts(&s->o, "\r\n");
}

static int is_listed(listing const *l, list_name const *n)
{
  unsigned select = l->c->select;
  if (!(n->flags & NAME_MATCHED)) return 0;
  if (n->flags & NAME_SELECTED) return 1;
  if (select & LIST_RECURSIVE) return (n->flags & NAME_HIDDEN) != 0;
  if (l->lsub) return n->flags & NAME_BELOW && matches_as_level(l, n);
  if (select & (LIST_SUBSCRIBED | LIST_SPECIAL_USE)) return 0;
  return n->flags & NAME_CHILDREN && !(n->flags & NAME_EXISTS) &&
         matches_as_level(l, n);
}

static void walk(listing *l)
{
  list_tree *t = &l->tree;
  for (size_t i = 0; i < t->n; i++)
    t->v[i].flags |= (meets(l, t->v + i) ? NAME_SELECTED : 0) |
                     (matches(l, t->v + i) ? NAME_MATCHED : 0);
  list_tree_rise(t);
  for (size_t i = 0; i < t->n; i++) {
    if (!is_listed(l, t->v + i)) continue;
    if (l->lsub)
      put_lsub(l, t->v + i);
    else
      put_list(l, t->v + i);
  }
}

/* Reference and pattern together (6.3.8); INBOX in any case. 1 or 0 */
static int add_pattern(listing *l, text const *pattern)
{
  text const *reference = &l->c->reference;
  size_t n = reference->len + pattern->len;
  char *p;
  if (!pattern->len) return 1; /* matches nothing (RFC 5258 3) */
  p = input_keep(&l->s->in, n + 1);
  if (!p) return 0;
  memcpy(p, reference->s, reference->len);
  memcpy(p + reference->len, pattern->s, pattern->len);
  p[n] = 0;
  if (name_is_inbox(p, n)) memcpy(p, "INBOX", 5);
  l->pattern[l->patterns].s = p;
  l->pattern[l->patterns].len = n;
  l->pattern[l->patterns++].levels =
      l->lsub ? p[n - 1] == '%' : !memchr(p, '*', n);
  return 1;
}

static void run(listing *l)
{
  session *s = l->s;
  int subscriptions =
      l->lsub || l->c->subscribed || l->c->select & LIST_SUBSCRIBED;
  if (list_tree_read(&l->tree, s->root, subscriptions) < 0) {
    session_no_errno(s, "list mailboxes");
    return;
  }
  walk(l);
  list_tree_free(&l->tree);
  session_update(s, 0, 1, 0);
  session_ok(s, l->lsub ? "LSUB completed" : "LIST completed");
}

static void list(session *s, list_command *c, int lsub)
{
  static listing l;
  l = (listing){.s = s, .c = c, .lsub = lsub};
  if (!c->extended && !c->pattern[0].len) {
    out_puts(&s->o, lsub ? "* LSUB" : "* LIST");
    out_line(&s->o, " (\\Noselect) \".\" \"\"");
    session_update(s, 0, 1, 0);
    session_ok(s, lsub ? "LSUB completed" : "LIST completed");
    return;
  }
  for (size_t i = 0; i < c->patterns; i++)
    if (!add_pattern(&l, c->pattern + i)) {
      session_no(s, "[LIMIT] Command too long");
      return;
    }
  run(&l);
}

void cmd_list(session *s, parse *p, int uid)
{
  static list_command c;
  (void)uid;
  c = (list_command){0};
  if (list_parse(p, &c))
    list(s, &c, 0);
  else
    session_bad(s, p);
}

void cmd_lsub(session *s, parse *p, int uid)
{
  static list_command c;
  (void)uid;
  c = (list_command){.patterns = 1};
  if (parse_sp(p) && parse_astring(p, &c.reference) && parse_sp(p) &&
      parse_list_mailbox(p, c.pattern) && parse_end(p))
    list(s, &c, 1);
  else
    session_bad(s, p);
}
