/* Seccomp: a list of the system calls that are left. Any other says ENOSYS, as
   an older kernel would, so that the C library falls back. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "jail-parts.h"

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#endif

#if defined ROHRPOST_SAN || !defined ARCH

int jail_calls(jail const *j)
{
  (void)j;
#ifdef ROHRPOST_SAN
  return 1;
#else
  return 0;
#endif
}

#else

/* For every program: input, output, memory, time, signals. */
static int const base[] = {
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64,
    SYS_preadv, SYS_pwritev, SYS_close, SYS_close_range, SYS_fstat, SYS_lseek,
    SYS_fcntl, SYS_flock, SYS_fsync, SYS_fdatasync, SYS_ftruncate,
    SYS_fallocate, SYS_fadvise64, SYS_sync_file_range, SYS_syncfs, SYS_dup,
    SYS_dup3, SYS_pipe2, SYS_ppoll, SYS_pselect6, SYS_epoll_create1,
    SYS_epoll_ctl, SYS_epoll_pwait, SYS_eventfd2, SYS_timerfd_create,
    SYS_timerfd_settime, SYS_timerfd_gettime, SYS_signalfd4, SYS_sendfile,
    SYS_splice, SYS_tee, SYS_copy_file_range, SYS_memfd_create, SYS_mmap,
    SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_msync, SYS_mlock,
    SYS_munlock, SYS_brk, SYS_futex, SYS_rseq, SYS_set_robust_list,
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending,
    SYS_rt_sigtimedwait, SYS_rt_sigsuspend, SYS_sigaltstack, SYS_tgkill,
    SYS_setitimer, SYS_getitimer, SYS_nanosleep, SYS_clock_nanosleep,
    SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_getpid,
    SYS_getppid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid,
    SYS_getgroups, SYS_getresuid, SYS_getresgid, SYS_getrusage, SYS_getrlimit,
    SYS_setrlimit, SYS_prlimit64, SYS_getcwd, SYS_uname, SYS_umask, SYS_sysinfo,
    SYS_getrandom, SYS_getcpu, SYS_sched_yield, SYS_sched_getaffinity, SYS_exit,
    SYS_exit_group, SYS_restart_syscall, SYS_ioctl, SYS_prctl, SYS_seccomp,
    SYS_membarrier,
    /* on descriptors that are there: no new ones */
    SYS_accept, SYS_accept4, SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg,
    SYS_sendmmsg, SYS_recvmmsg, SYS_shutdown, SYS_socketpair, SYS_getsockopt,
    SYS_setsockopt, SYS_getsockname, SYS_getpeername,
    SYS_landlock_create_ruleset, SYS_landlock_add_rule,
    SYS_landlock_restrict_self
#ifdef __x86_64__
    ,
    SYS_poll, SYS_select, SYS_epoll_create, SYS_epoll_wait, SYS_pipe, SYS_dup2,
    SYS_alarm, SYS_pause, SYS_time, SYS_getpgrp, SYS_arch_prctl, SYS_eventfd
#endif
};

/* Unless the list of paths is empty: files, which landlock watches. */
static int const files[] = {SYS_openat,
                            SYS_newfstatat,
                            SYS_statx,
                            SYS_statfs,
                            SYS_fstatfs,
                            SYS_faccessat,
                            SYS_faccessat2,
                            SYS_readlinkat,
                            SYS_getdents64,
                            SYS_chdir,
                            SYS_fchdir,
                            SYS_unlinkat,
                            SYS_renameat,
                            SYS_renameat2,
                            SYS_linkat,
                            SYS_symlinkat,
                            SYS_mkdirat,
                            SYS_fchmod,
                            SYS_fchmodat,
                            SYS_fchown,
                            SYS_fchownat,
                            SYS_utimensat,
                            SYS_truncate,
                            SYS_mknodat,
                            SYS_inotify_init1,
                            SYS_inotify_add_watch,
                            SYS_inotify_rm_watch,
                            SYS_fsetxattr,
                            SYS_fgetxattr
#ifdef __x86_64__
                            ,
                            SYS_open,
                            SYS_creat,
                            SYS_stat,
                            SYS_lstat,
                            SYS_access,
                            SYS_readlink,
                            SYS_unlink,
                            SYS_rename,
                            SYS_link,
                            SYS_symlink,
                            SYS_mkdir,
                            SYS_rmdir,
                            SYS_chmod,
                            SYS_chown,
                            SYS_lchown,
                            SYS_utimes,
                            SYS_futimesat,
                            SYS_utime,
                            SYS_mknod,
                            SYS_inotify_init,
                            SYS_getdents
#endif
};

static int const net[] = {SYS_socket, SYS_connect, SYS_bind, SYS_listen};

static int const forks[] = {SYS_clone,
                            SYS_clone3,
                            SYS_wait4,
                            SYS_waitid,
                            SYS_kill,
                            SYS_setsid,
                            SYS_setpgid,
                            SYS_getpgid,
                            SYS_setpriority,
                            SYS_getpriority,
                            SYS_pidfd_open,
                            SYS_pidfd_send_signal
#ifdef __x86_64__
                            ,
                            SYS_fork,
                            SYS_vfork
#endif
};

static int const execs[] = {SYS_execve, SYS_execveat};

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define CALLS 512  /* system call numbers are below */
#define LEAVES 256 /* a jump of the filter reaches no further */

/* A filter is tried by the kernel on every number when it is installed, and
   compiled: a short one that searches by halves costs a tenth of a list. */
typedef struct program {
  unsigned short n;
  struct sock_filter f[2 * LEAVES + 8];
  unsigned edges[LEAVES]; /* where refused and allowed change, ascending */
} program;

static void add(program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
  p->f[p->n++] = (struct sock_filter){code, yes, no, k};
}

static void allow(unsigned char *allowed, int const *list, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (list[i] < CALLS) allowed[list[i]] = 1;
}

/* Decides how many edges, from..to of them, a number has passed: an odd count
   is inside an allowed run. */
static void search(program *p, unsigned from, unsigned to)
{
  unsigned mid = (from + to) / 2, left = mid - from + 1;
  if (from == to) {
    add(p, BPF_RET | BPF_K,
        from % 2 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
    return;
  }
  add(p, BPF_JMP | BPF_JGE | BPF_K, p->edges[mid], (uint8_t)(2 * left - 1), 0);
  search(p, from, mid);
  search(p, mid + 1, to);
}

/* 1, or 0 if there are more runs than a filter can jump over. */
static int compile(program *p, unsigned char const *allowed)
{
  unsigned n = 0;
  for (unsigned i = 0; i <= CALLS; i++) {
    int now = i < CALLS && allowed[i], before = i && allowed[i - 1];
    if (now == before) continue;
    if (n == LEAVES - 1) return 0;
    p->edges[n++] = i;
  }
  search(p, 0, n);
  return 1;
}

int jail_calls(jail const *j)
{
  program p = {0};
  unsigned char allowed[CALLS] = {0};
  struct sock_fprog prog;
  allow(allowed, base, COUNT(base));
  if (!j->paths || j->paths->path) allow(allowed, files, COUNT(files));
  if (j->flags & JAIL_NET) allow(allowed, net, COUNT(net));
  if (j->flags & JAIL_FORK) allow(allowed, forks, COUNT(forks));
  if (j->flags & JAIL_EXEC) allow(allowed, execs, COUNT(execs));
  add(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
  add(&p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
  add(&p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
  add(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
  if (!compile(&p, allowed)) return errno = E2BIG, -1;
  prog = (struct sock_fprog){p.n, p.f};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == 0) return 1;
  return errno == EINVAL ? 0 : -1;
}

#endif
