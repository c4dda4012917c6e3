#include <string.h>

#include "maildir.h"
#include "names.h"
#include "session.h"

int session_directory(text const *name, char *to)
{
  if (name_is_inbox(name->s, name->len)) {
    memcpy(to, ".", 2);
    return 1;
  }
  if (!name_valid(name->s, name->len)) return 0;
  to[0] = NAMES_DELIMITER;
  memcpy(to + 1, name->s, name->len);
  to[name->len + 1] = 0;
  return 1;
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
