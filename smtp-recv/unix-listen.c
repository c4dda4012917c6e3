#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <skalibs/exec.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "ids.h"
#include "unix.h"

#define USAGE                                                                  \
  "unix-listen [ -u uid:gid ] [ -o owner ] [ -m mode ] [ -f fd ] "             \
  "[ -b backlog ] path prog..."
#define dieusage() strerr_dieusage(100, USAGE)
#define BACKLOG 511
#define TRY_MS 1000

/* Removes what a dead server left; a living one or another file stays. */
static void clear(char const *path)
{
  struct stat st;
  int fd;
  if (lstat(path, &st) < 0) {
    if (errno == ENOENT) return;
    strerr_diefu2sys(111, "look at ", path);
  }
  if (!S_ISSOCK(st.st_mode)) strerr_dief2x(111, path, " is not a socket");
  fd = unix_connect(path, io_after(TRY_MS));
  if (fd >= 0 || errno == EAGAIN)
    strerr_dief2x(111, path, " is in use by another server");
  if (unlink(path) < 0 && errno != ENOENT)
    strerr_diefu2sys(111, "unlink ", path);
}

/* Nobody can connect before owner and mode are as told, since nobody listens
   before that. */
static int bind_to(char const *path, uid_t owner, unsigned mode)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  mode_t old = umask(0177);
  if (strlen(path) >= sizeof sa.sun_path)
    strerr_dief2x(100, "too long a path: ", path);
  memcpy(sa.sun_path, path, strlen(path));
  if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0)
    strerr_diefu2sys(111, "bind to ", path);
  umask(old);
  if (owner != (uid_t)-1 && !geteuid() && chown(path, owner, (gid_t)-1) < 0)
    strerr_diefu2sys(111, "chown ", path);
  if (chmod(path, mode) < 0) strerr_diefu2sys(111, "chmod ", path);
  return fd;
}

int main(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  char const *ids = 0;
  unsigned mode = 0600, backlog = BACKLOG, to = 0;
  uid_t uid, owner = (uid_t)-1;
  gid_t gid;
  int fd;
  PROG = "unix-listen";
  for (int opt; (opt = subgetopt_r(argc, argv, "u:o:m:f:b:", &l)) != -1;) {
    switch (opt) {
    case 'u': ids = l.arg; break;
    case 'o':
      if (!ids_user(l.arg, &owner)) strerr_dief2x(100, "unknown user ", l.arg);
      break;
    case 'm':
      if (!uint0_oscan(l.arg, &mode) || mode > 0777) dieusage();
      break;
    case 'f':
      if (!uint0_scan(l.arg, &to)) dieusage();
      break;
    case 'b':
      if (!uint0_scan(l.arg, &backlog)) dieusage();
      break;
    default: dieusage();
    }
  }
  argc -= l.ind;
  argv += l.ind;
  if (argc < 2) dieusage();
  if (ids && !ids_pair(ids, &uid, &gid))
    strerr_dief2x(100, "unknown user or group: ", ids);
  if (ids && owner == (uid_t)-1) owner = uid;
  clear(argv[0]);
  fd = bind_to(argv[0], owner, mode);
  if (listen(fd, (int)backlog) < 0) strerr_diefu1sys(111, "listen");
  if (fd != (int)to && dup2(fd, (int)to) < 0) strerr_diefu1sys(111, "dup2");
  if (fd != (int)to) close(fd);
  if (ids && ids_drop(uid, gid) < 0) strerr_diefu2sys(111, "become ", ids);
  xexec(argv + 1);
}
