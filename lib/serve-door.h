/* Who may come in (inside lib/serve): limits by address and network, rates, and
   clients behind a proxy. Each client has a seat, in memory that parent and
   children share: only the child learns whom a proxy speaks for. */
#ifndef SERVE_DOOR_H
#define SERVE_DOOR_H

#include "serve.h"

typedef struct serve_door {
  serve const *s;
  unsigned char (*seats)[NET_KEY]; /* s->max; all 0: nobody to be counted */
  buckets rates;                   /* if there are any */
} serve_door;

/* The value of option -opt: dies (100) if it is no number. */
unsigned serve_number(char opt, char const *arg, unsigned least);
int serve_door_option(serve *s, int opt, char const *arg);

int serve_door_init(serve_door *d, serve const *s); /* 1 or -1 */

/* Parent: whether that address may come in; *hold becomes how long it is to
   wait, or *why what it is told. */
int serve_door_open(serve_door *d, unsigned char const *key, int64_t *hold,
                    char const **why);
void serve_door_sit(serve_door *d, unsigned seat, unsigned char const *key);
void serve_door_leave(serve_door *d, unsigned seat);
void serve_door_refuse(int fd, char const *why);
void serve_door_log(unsigned char const *key, char const *why);

/* fd 0 is a proxy: peer becomes whom it speaks for. 1; 0: itself; -1: logged,
   nobody is to be served. */
int serve_door_proxy(serve const *s, serve_peer *peer);

/* Child: the same, and whom it speaks for is counted: 1, or 0 if nobody is to
   be served. */
int serve_door_behind(serve_door *d, unsigned seat, serve_peer *peer,
                      int64_t *hold);

#endif
