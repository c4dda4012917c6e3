#include <string.h>

#include "maildir.h"
#include "names.h"
#include "names-utf8.h"
#include "session.h"

static int utf8; /* of this process's one session */

void session_utf8_names(void)
{
  utf8 = 1;
}

/* The name on disk: 1 or 0 */
static int on_disk(text const *name, char *to, int *changed)
{
  char utf7[MAILDIR_NAME + 1];
  size_t len = name->len;
  *changed = 0;
  if (!utf8) {
    if (!name_valid(name->s, len)) return 0;
    memcpy(to, name->s, len);
    to[len] = 0;
    return 1;
  }
  len = name_from_utf8(utf7, name->s, len, changed);
  if (!len || !name_valid(utf7, len)) return 0;
  memcpy(to, utf7, len + 1);
  return 1;
}

int session_new_name(text const *name, char *to, int *changed)
{
  if (name_is_inbox(name->s, name->len)) {
    *changed = 0;
    memcpy(to, ".", 2);
    return 1;
  }
  to[0] = NAMES_DELIMITER;
  return on_disk(name, to + 1, changed) && name_utf7(to + 1, strlen(to + 1));
}

int session_directory(text const *name, char *to)
{
  int changed;
  if (name_is_inbox(name->s, name->len)) {
    memcpy(to, ".", 2);
    return 1;
  }
  to[0] = NAMES_DELIMITER;
  return on_disk(name, to + 1, &changed);
}

int session_mailbox(session *s, parse *p, char *to)
{
  text name;
  if (!parse_astring(p, &name)) return 0;
  if (session_directory(&name, to)) return 1;
  if (!parse_end(p)) return 0;
  session_no(s, "[CANNOT] Invalid mailbox name");
  return -1;
}

void session_put_name(session *s, char const *name)
{
  char wire[NAMES_UTF8 + 1];
  size_t len;
  if (!utf8) {
    out_astring(&s->o, name, strlen(name));
    return;
  }
  len = name_to_utf8(wire, name);
  out_name(&s->o, wire, len);
}

int session_name_match(char const *pattern, size_t len, char const *name)
{
  char wire[NAMES_UTF8 + 1];
  if (!utf8) return name_match(pattern, len, name);
  name_to_utf8(wire, name);
  return name_match(pattern, len, wire);
}
