/* Reads and writes that end at a deadline. */
#ifndef IO_H
#define IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Milliseconds of the monotonic clock; IO_FOREVER is never reached. */
typedef int64_t io_time;
#define IO_FOREVER INT64_MAX

io_time io_now(void);
io_time io_after(int64_t ms); /* ms from now */

/* Milliseconds until t as poll(2) wants them: -1 for IO_FOREVER, 0 if past. */
int io_left(io_time t);

/* Waits until fd has one of the events. 1, or -1 with ETIMEDOUT or errno. */
int io_wait(int fd, short events, io_time deadline);

/* Lets the time pass, whatever comes meanwhile: 1, or -1 if fd is hung up. */
int io_rest(int fd, io_time until);

/* At most n bytes, at least one. 0 at end of file; -1 with errno. */
ssize_t io_read(int fd, void *buf, size_t n, io_time deadline);

/* All n bytes: 1, or -1 with errno, EPIPE at end of file. */
int io_read_all(int fd, void *buf, size_t n, io_time deadline);

/* All n bytes: 1, or -1 with errno (EPIPE, ETIMEDOUT …). No SIGPIPE from
   sockets; programs that write to pipes ignore the signal. */
int io_write(int fd, void const *buf, size_t n, io_time deadline);

/* The same with a second fd: if watch becomes readable or is hung up first,
   returns 0 and tells in *done how much was written. watch may be -1. */
int io_write_watch(int fd, void const *buf, size_t n, int watch, size_t *done,
                   io_time deadline);

#endif
