/* needs: */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail.h"
#include "tap.h"

char const *PROG = "jail";

static char dir[] = "/tmp/jail-test-XXXXXX";

/* Runs f in a child that is in the jail; its result is the exit code. */
static int inside(jail const *j, int (*f)(void))
{
  int status;
  pid_t pid = fork();
  if (!pid) {
    if (jail_enter(j) < 0) _exit(99);
    _exit(f());
  }
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int opens(char const *path, int flags)
{
  int fd = open(path, flags, 0600);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static int passwd(void)
{
  return opens("/etc/passwd", O_RDONLY);
}

static int own_file(void)
{
  return opens("file", O_RDWR | O_CREAT);
}

static int makes_socket(void)
{
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  return fd >= 0;
}

static int forks(void)
{
  pid_t pid = fork();
  if (!pid) _exit(0);
  return pid > 0;
}

static int execs(void)
{
  execl("/bin/true", "true", (char *)0);
  return 1;
}

static int dumpable(void)
{
  struct rlimit core;
  getrlimit(RLIMIT_CORE, &core);
  return prctl(PR_GET_DUMPABLE) || core.rlim_cur;
}

static int big(void)
{
  void *p = malloc(1 << 28);
  int got = p != 0;
  free(p);
  return got;
}

static int ptraces(void)
{
  return syscall(SYS_ptrace, 0, 0, 0, 0) == 0;
}

static int memory_and_pipes(void)
{
  int p[2];
  char c = 0;
  char *m = malloc(100000);
  if (!m || pipe(p) < 0 || write(p[1], "x", 1) != 1) return 0;
  free(m);
  return read(p[0], &c, 1) == 1 && c == 'x';
}

static int sanitized(void)
{
#ifdef ROHRPOST_SAN
  return 1;
#else
  return 0;
#endif
}

int main(void)
{
  jail_path const none[] = {{0, 0}};
  jail_path here[] = {{dir, 1}, {0, 0}}, readonly[] = {{dir, 0}, {0, 0}};
  jail const closed = {none, 0, 0};
  jail const open_files = {0, 0, 0};
  jail const home = {here, 0, 0}, look = {readonly, 0, 0};
  if (!mkdtemp(dir) || chdir(dir) < 0) return 99;
  is_int(inside(&closed, memory_and_pipes), 1, "memory and pipes still work");
  is_int(inside(&closed, passwd), 0, "an empty list opens nothing");
  is_int(inside(&open_files, passwd), 1, "no list leaves files as they are");
  is_int(inside(&home, passwd), 0, "outside the list is nothing");
  is_int(inside(&home, own_file), 1, "inside it may be written");
  is_int(inside(&look, own_file), 0, "a read-only path stays as it is");
  if (!sanitized()) {
    is_int(inside(&closed, dumpable), 0, "not dumpable");
    is_int(inside(&closed, makes_socket), 0, "no new sockets");
    is_int(inside(&(jail){none, JAIL_NET, 0}, makes_socket), 1,
           "JAIL_NET: sockets");
    is_int(inside(&closed, forks), 0, "no fork");
    is_int(inside(&(jail){none, JAIL_FORK, 0}, forks), 1, "JAIL_FORK: fork");
    is_int(inside(&open_files, execs), 1, "no exec");
    is_int(inside(&(jail){0, JAIL_EXEC | JAIL_FORK, 0}, execs), 0,
           "JAIL_EXEC: exec");
    is_int(inside(&closed, ptraces), 0, "no ptrace");
    is_int(inside(&(jail){none, 0, 1 << 27}, big), 0, "memory is bounded");
  }
  unlink("file");
  rmdir(dir);
  return done();
}
