#include <errno.h>

#include "flags.h"
#include "letters.h"

uint64_t flags_known(mailbox const *m, flag_list const *f)
{
  uint64_t letters = f->letters;
  for (size_t i = 0; i < f->n; i++) {
    int k = keywords_find(&m->keys, f->keyword[i].s, f->keyword[i].len);
    if (k >= 0) letters |= letter_keyword((unsigned)k);
  }
  return letters;
}

static int all_known(mailbox const *m, flag_list const *f)
{
  for (size_t i = 0; i < f->n; i++)
    if (keywords_find(&m->keys, f->keyword[i].s, f->keyword[i].len) < 0)
      return 0;
  return 1;
}

static int add(mailbox *m, flag_list const *f)
{
  if (keywords_read(&m->keys, m->dir) < 0) return -1;
  if (all_known(m, f)) return 1;
  for (size_t i = 0; i < f->n; i++) {
    if (keywords_add(&m->keys, f->keyword[i].s, f->keyword[i].len) >= 0)
      continue;
    m->keys.ino = 0; /* so that the next look reads the file again */
    return -1;
  }
  m->keys_changed = 1;
  return keywords_write(&m->keys, m->dir);
}

int flags_letters(mailbox *m, flag_list const *f, int locked, uint64_t *letters)
{
  int r = 1, e;
  if (!all_known(m, f)) {
    if (!locked && uidlist_lock(m->dir) < 0) return -1;
    r = add(m, f);
    e = errno;
    if (!locked) uidlist_unlock(m->dir);
    errno = e;
  }
  *letters = flags_known(m, f);
  return r;
}
