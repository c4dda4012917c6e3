/* parcel-sink SOCKET: takes every parcel (parcel(5)) there and forgets it: what
   is measured with it is who brings them. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ID 100

static void must(int good, char const *what)
{
  if (good) return;
  perror(what);
  exit(111);
}

/* A record of the stream: its type, and of its rest what fits; 0 at the end. */
static int record(FILE *f, char *rest, size_t room)
{
  unsigned len;
  int type;
  if (fscanf(f, "%u:", &len) != 1 || !len) return 0;
  type = getc(f);
  for (size_t i = 0; --len; i++) {
    int c = getc(f);
    if (i < room - 1) rest[i] = (char)c, rest[i + 1] = 0;
  }
  return getc(f) == ',' ? type : 0;
}

static void serve(int fd)
{
  FILE *f = fdopen(fd, "r");
  char id[ID] = "", rest[ID];
  int type;
  must(f != 0, "fdopen");
  while ((type = record(f, rest, sizeof rest))) {
    if (type == 'I') strcpy(id, rest);
    if (type == '.' && dprintf(fd, "R %s 250 2.0.0 Ok\n", id) < 0) return;
  }
}

int main(int argc, char **argv)
{
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  if (argc != 2) return 100;
  snprintf(a.sun_path, sizeof a.sun_path, "%s", argv[1]);
  must(bind(s, (struct sockaddr *)&a, sizeof a) == 0, argv[1]);
  must(listen(s, 100) == 0, argv[1]);
  signal(SIGCHLD, SIG_IGN);
  for (;;) {
    int fd = accept(s, 0, 0);
    must(fd >= 0, "accept");
    if (fork() == 0) {
      serve(fd);
      _exit(0);
    }
    close(fd);
  }
}
