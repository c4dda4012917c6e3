/* The cache of one open message. */
#include <errno.h>
#include <unistd.h>

#include "session.h"

void session_forget_file(session *s)
{
  if (s->file >= 0) close(s->file);
  s->file = -1;
  s->file_uid = 0;
}

int session_file(session *s, size_t at)
{
  int fd;
  if (s->file >= 0 && s->file_uid == s->box.v[at].uid) return 1;
  session_forget_file(s);
  fd = message_open(&s->box, s->box.v + at);
  if (fd < 0) return errno == ENOENT ? 0 : -1;
  if (mime_open(&s->mime, fd) < 0) {
    close(fd);
    return -1;
  }
  s->file = fd;
  s->file_uid = s->box.v[at].uid;
  return 1;
}
