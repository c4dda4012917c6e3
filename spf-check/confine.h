/* What the checks of this folder may still do. */
#ifndef CONFINE_H
#define CONFINE_H

/* Ignores SIGPIPE and puts up the walls: may ask DNS, read what names the
   resolver, and no other file. Dies (111) if it cannot. */
void confine(void);

/* The same for those that keep whole messages: they may make files in dir. */
void confine_spooling(char const *dir);

#endif
