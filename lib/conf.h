/* What all programs are told by the environment:
     ROHRPOST_ME      our host name (EHLO, Received, authserv-id);
                      default: the kernel's host name
     ROHRPOST_TABLES  directory of the cdb files;
                      default /var/lib/rohrpost/tables
     ROHRPOST_RUN     directory of the sockets; default /run/rohrpost
     TMPDIR           directory of nameless files; default /tmp */
#ifndef CONF_H
#define CONF_H

#define CONF_PATH_MAX 1024

char const *conf_me(void);
char const *conf_tmp(void);

/* DIR/name in a static buffer per function; dies (100) if it is too long. */
char const *conf_table(char const *name);
char const *conf_socket(char const *name);

/* The directory in which path lies, for a jail. */
void conf_directory(char const *path, char *to, unsigned size);

/* The same in other buffers, for lib/route, whose callers keep the answers of
   those: secrets beside the tables, sockets that tables name. */
char const *conf_secrets(char const *name);
char const *conf_asked(char const *name);

#endif
