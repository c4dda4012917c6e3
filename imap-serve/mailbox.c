#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mailbox.h"

static int sub(int dir, char const *name)
{
  int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd >= 0 || errno != ENOENT) return fd;
  if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST) return -1;
  return openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

int mailbox_open(mailbox *m, int root, char const *name, int readonly)
{
  *m = (mailbox){.root = root,
                 .readonly = readonly,
                 .dir = -1,
                 .new = -1,
                 .cur = -1,
                 .uids = UIDLIST_ZERO,
                 .keys = KEYWORDS_ZERO};
  m->dir = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (m->dir >= 0) m->new = sub(m->dir, "new");
  if (m->new >= 0) m->cur = sub(m->dir, "cur");
  if (m->cur < 0) {
    int e = errno;
    mailbox_close(m);
    return errno = e, -1;
  }
  m->writable = faccessat(m->dir, ".", W_OK, AT_EACCESS) == 0;
  return 1;
}

void mailbox_close(mailbox *m)
{
  mailbox_note_left(m);
  for (size_t i = 0; i < m->n; i++) free(m->v[i].odd);
  free(m->v);
  uidlist_free(&m->uids);
  keywords_free(&m->keys);
  if (m->dir >= 0) close(m->dir);
  if (m->new >= 0) close(m->new);
  if (m->cur >= 0) close(m->cur);
  *m = (mailbox){.root = m->root, .dir = -1, .new = -1, .cur = -1};
}

uint32_t mailbox_uidnext(mailbox const *m)
{
  return m->uids.next ? m->uids.next : 1;
}

size_t mailbox_find(mailbox const *m, uint32_t uid)
{
  size_t low = 0, high = m->n;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (m->v[mid].uid < uid)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

void mailbox_drop_gone(mailbox *m, void (*each)(size_t, void *), void *data)
{
  size_t to = 0;
  for (size_t i = 0; i < m->n; i++) {
    if (m->v[i].state & MESSAGE_GONE) {
      if (each) each(to + 1, data);
      free(m->v[i].odd);
    } else {
      m->v[to++] = m->v[i];
    }
  }
  m->n = to;
}
