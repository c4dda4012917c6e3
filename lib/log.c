#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "log.h"

#define LINE_MAX_LOG 1000

static void put(char const *kind, char const *why, char const *fmt, va_list ap)
{
  char line[LINE_MAX_LOG];
  int n = snprintf(line, sizeof line, "%s: %s: ", PROG, kind);
  size_t len;
  vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
  len = strlen(line);
  if (why) snprintf(line + len, sizeof line - len, ": %s", why);
  len = strlen(line);
  if (len == sizeof line - 1) len--;
  for (size_t i = 0; i < len; i++)
    if (line[i] < ' ' || line[i] > '~') line[i] = '?';
  line[len++] = '\n';
  if (write(2, line, len) < 0) return; /* nobody is left to tell */
}

void log_info(char const *fmt, ...)
{
  va_list ap;
  va_start(ap, fmt);
  put("info", 0, fmt, ap);
  va_end(ap);
}

void log_warn(char const *fmt, ...)
{
  va_list ap;
  va_start(ap, fmt);
  put("warning", 0, fmt, ap);
  va_end(ap);
}

void log_warnsys(char const *fmt, ...)
{
  int e = errno;
  va_list ap;
  va_start(ap, fmt);
  put("warning", strerror(e), fmt, ap);
  va_end(ap);
  errno = e;
}
