#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "learn.h"
#include "log.h"
#include "special-use.h"

static int is(session const *s, char const *dir, char const *use)
{
  char its[SPECIAL_USE];
  return dir[1] && special_use_of(s->root, dir + 1, its) && !strcmp(its, use);
}

int learn_what(session const *s, char const *dir)
{
  if (!errands_wanted(ERRAND_SPAM) && !errands_wanted(ERRAND_HAM)) return 0;
  if (is(s, dir, "Junk")) return is(s, s->dir, "Junk") ? 0 : ERRAND_SPAM;
  if (!is(s, s->dir, "Junk") || is(s, dir, "Trash")) return 0;
  return ERRAND_HAM;
}

void learn_files(int what, int dir, char const *paths, size_t n)
{
  for (size_t i = 0; i < n; i++, paths += strlen(paths) + 1) {
    int fd = openat(dir, paths, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
      log_warnsys("a message was renamed before it could be learnt");
      continue;
    }
    errands_send((errand)what, fd);
    close(fd);
  }
}
