#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "prompt.h"

/* A byte at a time: what follows the line is not ours. */
static int line(char *to, size_t size)
{
  size_t n = 0;
  char c;
  for (;;) {
    ssize_t r = read(0, &c, 1);
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) return -1;
    if (r == 0 && !n) return errno = EPIPE, -1;
    if (r == 0 || c == '\n') break;
    if (!c) return errno = EINVAL, -1;
    if (n == size - 1) return errno = EMSGSIZE, -1;
    to[n++] = c;
  }
  if (n && to[n - 1] == '\r') n--;
  to[n] = 0;
  return 1;
}

static int ask(char *to, size_t size, char const *text)
{
  if (write(2, text, strlen(text)) < 0) return -1;
  int r = line(to, size);
  if (write(2, "\n", 1) < 0) return -1;
  return r;
}

static int twice(char *to, size_t size, char const *what)
{
  char text[128], again[1100];
  int r;
  if (size > sizeof again) return errno = EINVAL, -1;
  snprintf(text, sizeof text, "%s: ", what);
  r = ask(to, size, text);
  if (r < 0) return r;
  snprintf(text, sizeof text, "%s again: ", what);
  r = ask(again, size, text);
  if (r > 0) r = !strcmp(to, again);
  explicit_bzero(again, sizeof again);
  return r;
}

int prompt_secret(char *to, size_t size, char const *what)
{
  struct termios before, quiet;
  sigset_t stop, mask;
  int r;
  if (!isatty(0)) return line(to, size);
  if (tcgetattr(0, &before) < 0) return -1;
  /* An interrupt must not leave the terminal without echo. */
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGQUIT);
  sigaddset(&stop, SIGTSTP);
  sigprocmask(SIG_BLOCK, &stop, &mask);
  quiet = before;
  quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
  if (tcsetattr(0, TCSAFLUSH, &quiet) < 0) return -1;
  r = twice(to, size, what);
  int e = errno;
  tcsetattr(0, TCSAFLUSH, &before);
  sigprocmask(SIG_SETMASK, &mask, 0);
  return errno = e, r;
}
