/* floor DIRECTORY: what this machine charges for the things of which a mail
   server's cost is made, in microseconds of CPU (fsync: of time), without which
   ratios of one machine say little about another. */
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGES 4000
#define PAGE 4096

static void need(int good, char const *what)
{
  if (good) return;
  perror(what);
  exit(111);
}

static double used(int who)
{
  struct rusage r;
  getrusage(who, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 +
         (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static double cpu(void)
{
  return used(RUSAGE_SELF) + used(RUSAGE_CHILDREN);
}

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void do_fork(int n)
{
  while (n--) {
    pid_t pid = fork();
    need(pid >= 0, "fork");
    if (!pid) _exit(0);
    waitpid(pid, 0, 0);
  }
}

static void do_exec(int n)
{
  extern char **environ;
  char *argv[] = {"true", 0};
  while (n--) {
    pid_t pid;
    need(!posix_spawn(&pid, "/bin/true", 0, 0, argv, environ), "/bin/true");
    waitpid(pid, 0, 0);
  }
}

static void do_fault(int n)
{
  char volatile *p = mmap(0, (size_t)n * PAGE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  need(p != MAP_FAILED, "mmap");
  madvise((void *)p, (size_t)n * PAGE, MADV_NOHUGEPAGE);
  for (int i = 0; i < n; i++) p[(size_t)i * PAGE] = 1;
  munmap((void *)p, (size_t)n * PAGE);
}

static void do_syscall(int n)
{
  while (n--) getppid();
}

/* A byte to another process and back, over TCP */
static void do_loopback(int n)
{
  struct sockaddr_in a = {.sin_family = AF_INET,
                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof a;
  char c = 'x';
  int l = socket(AF_INET, SOCK_STREAM, 0), s = socket(AF_INET, SOCK_STREAM, 0);
  pid_t pid;
  need(!bind(l, (struct sockaddr *)&a, len) && !listen(l, 1) &&
           !getsockname(l, (struct sockaddr *)&a, &len) &&
           !connect(s, (struct sockaddr *)&a, len),
       "connect");
  pid = fork();
  need(pid >= 0, "fork");
  if (!pid) {
    int t = accept(l, 0, 0);
    close(s);
    while (read(t, &c, 1) == 1 && write(t, &c, 1) == 1) continue;
    _exit(0);
  }
  while (n-- && write(s, &c, 1) == 1 && read(s, &c, 1) == 1) continue;
  close(s);
  close(l);
  waitpid(pid, 0, 0);
}

static void do_fsync(int n)
{
  static char block[PAGE];
  while (n--) {
    int fd = open("floor.file", O_WRONLY | O_CREAT | O_EXCL, 0600);
    need(fd >= 0 && write(fd, block, sizeof block) == sizeof block &&
             !fsync(fd),
         "floor.file");
    close(fd);
    unlink("floor.file");
  }
}

/* The least of several rounds: what else the machine does only adds. */
static void tell(char const *what, void (*f)(int), int n, double (*clock)(void))
{
  double best = 1e18;
  for (int i = 0; i < 5; i++) {
    double start = clock();
    f(n);
    start = (clock() - start) / n;
    if (start < best) best = start;
  }
  printf(" %s %.*f", what, best < 10, best);
}

int main(int argc, char **argv)
{
  if (argc != 2) return 100;
  need(!chdir(argv[1]), argv[1]);
  printf("this machine's floor, us:");
  tell("fork", do_fork, 100, cpu);
  tell("exec", do_exec, 40, cpu);
  tell("fault", do_fault, PAGES, cpu);
  tell("syscall", do_syscall, 20000, cpu);
  tell("loopback", do_loopback, 2000, cpu);
  tell("fsync", do_fsync, 40, now);
  puts("");
  return 0;
}
