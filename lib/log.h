/* The log is stderr: one line per event, `PROG: info: text`. What came from
   outside is shown as printable ASCII, a line has at most 1000 bytes, and it
   is written by one write(2), so that lines of several processes never mix. */
#ifndef LOG_H
#define LOG_H

__attribute__((format(printf, 1, 2))) void log_info(char const *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_warn(char const *fmt, ...);

/* The same with errno's text behind it: `PROG: warning: text: reason`. */
__attribute__((format(printf, 1, 2))) void log_warnsys(char const *fmt, ...);

#endif
