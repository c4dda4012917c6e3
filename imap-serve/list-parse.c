#include "list.h"

static int select_option(parse *p, list_command *l)
{
  text t;
  if (!parse_atom(p, &t)) return 0;
  if (text_is(&t, "SUBSCRIBED"))
    l->select |= LIST_SUBSCRIBED;
  else if (text_is(&t, "SPECIAL-USE"))
    l->select |= LIST_SPECIAL_USE;
  else if (text_is(&t, "RECURSIVEMATCH"))
    l->select |= LIST_RECURSIVE;
  else if (text_is(&t, "REMOTE"))
    l->select |= LIST_REMOTE;
  else
    p->error = "Unknown selection option";
  return !p->error;
}

static int return_option(parse *p, list_command *l)
{
  text t;
  if (!parse_atom(p, &t)) return 0;
  if (text_is(&t, "SUBSCRIBED")) {
    l->subscribed = 1;
  } else if (text_is(&t, "STATUS")) {
    l->status = 1;
    return parse_sp(p) && status_parse(p, &l->items);
  } else if (text_is(&t, "METADATA")) {
    l->metadata = (metadata_entries){.maxsize = UINT32_MAX};
    return parse_sp(p) && metadata_parse(p, &l->metadata);
  } else if (!text_is(&t, "SPECIAL-USE") && !text_is(&t, "CHILDREN")) {
    p->error = "Unknown return option";
    return 0;
  }
  return 1;
}

/* "(" [option *(SP option)] ")" */
static int options(parse *p, list_command *l,
                   int (*each)(parse *, list_command *))
{
  if (!parse_char(p, '(')) return 0;
  if (!parse_peek(p, ')')) {
    if (!each(p, l)) return 0;
    while (parse_peek(p, ' ')) {
      p->s++;
      if (!each(p, l)) return 0;
    }
  }
  return parse_char(p, ')');
}

static int patterns(parse *p, list_command *l)
{
  if (!parse_peek(p, '(')) {
    l->patterns = 1;
    return parse_list_mailbox(p, l->pattern);
  }
  l->extended = 1;
  p->s++;
  for (;;) {
    if (l->patterns == LIST_PATTERNS) {
      p->no = "[LIMIT] Too many patterns";
      p->error = "";
      return 0;
    }
    if (!parse_list_mailbox(p, l->pattern + l->patterns++)) return 0;
    if (!parse_peek(p, ' ')) return parse_char(p, ')');
    p->s++;
  }
}

static int return_options(parse *p, list_command *l)
{
  text t;
  if (p->s == p->end) return 1;
  l->extended = 1;
  if (!parse_sp(p) || !parse_atom(p, &t)) return 0;
  if (!text_is(&t, "RETURN")) {
    p->error = "Expected RETURN";
    return 0;
  }
  return parse_sp(p) && options(p, l, return_option) && parse_end(p);
}

int list_parse(parse *p, list_command *l)
{
  if (!parse_sp(p)) return 0;
  if (parse_peek(p, '(')) {
    l->extended = 1;
    if (!options(p, l, select_option) || !parse_sp(p)) return 0;
    if (l->select & LIST_RECURSIVE &&
        !(l->select & (LIST_SUBSCRIBED | LIST_SPECIAL_USE))) {
      p->error = "RECURSIVEMATCH of nothing (RFC 5258 3.1)";
      return 0;
    }
  }
  return parse_astring(p, &l->reference) && parse_sp(p) && patterns(p, l) &&
         return_options(p, l);
}
