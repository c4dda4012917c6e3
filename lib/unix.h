/* Unix sockets: connect, pass an fd, ask who the peer is. */
#ifndef UNIX_H
#define UNIX_H

#include "io.h"

/* A stream socket connected to path, close-on-exec. -1 with errno (EAGAIN:
   its backlog stayed full until the deadline). */
int unix_connect(char const *path, io_time deadline);

/* Sends all n (> 0) bytes; fd goes with the first. 1 or -1. */
int unix_send_fd(int sock, void const *buf, size_t n, int fd, io_time deadline);

/* As io_read; *fd becomes the descriptor that came with these bytes
   (close-on-exec) or stays as it was. Surplus descriptors are closed. */
ssize_t unix_recv_fd(int sock, void *buf, size_t n, int *fd, io_time deadline);

/* Who connected: 1 or -1. */
int unix_peer(int sock, pid_t *pid, uid_t *uid, gid_t *gid);

#endif
