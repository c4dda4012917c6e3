/* needs: */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tap.h"
#include "unix.h"

static char path[] = "/tmp/rp-unix-XXXXXX/s";

static int listener(int backlog)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  strncpy(sa.sun_path, path, sizeof sa.sun_path - 1);
  unlink(path);
  if (bind(s, (void *)&sa, sizeof sa) < 0 || listen(s, backlog) < 0) exit(111);
  return s;
}

int main(void)
{
  int l, c, a, p[2], got = -1;
  pid_t pid;
  uid_t uid;
  gid_t gid;
  char buf[8];
  path[sizeof path - 3] = 0;
  if (!mkdtemp(path)) return 111;
  path[sizeof path - 3] = '/';
  ok(unix_connect("/nonexistent/s", io_after(100)) < 0 && errno == ENOENT,
     "no socket is ENOENT");
  l = listener(0);
  c = unix_connect(path, io_after(60000));
  ok(c >= 0, "connects");
  int second = unix_connect(path, io_after(50));
  ok(second < 0 && errno == EAGAIN, "a full backlog ends at the deadline");
  a = accept(l, 0, 0);
  ok(unix_peer(a, &pid, &uid, &gid) == 1 && pid == getpid() && uid == getuid(),
     "knows its peer");
  if (pipe(p) < 0) return 111;
  is_int(unix_send_fd(c, "x", 1, p[0], io_after(60000)), 1, "sends an fd");
  is_int(unix_recv_fd(a, buf, sizeof buf, &got, io_after(60000)), 1,
         "with a byte");
  ok(got >= 0 && write(p[1], "hi", 2) == 2 && read(got, buf, 2) == 2,
     "and it works");
  is_int(unix_recv_fd(a, buf, 1, &got, io_after(20)), -1, "deadline");
  unlink(path);
  path[sizeof path - 3] = 0;
  rmdir(path);
  return done();
}
