/* FETCH (6.4.5, 7.4.2). */
#ifndef FETCH_H
#define FETCH_H

#include "mime.h"
#include "session.h"

enum fetch_kind {
  FETCH_FLAGS,
  FETCH_UID,
  FETCH_DATE,
  FETCH_SIZE,
  FETCH_EMAILID,
  FETCH_THREADID,
  FETCH_ENVELOPE,
  FETCH_BODY,
  FETCH_STRUCTURE,
  FETCH_SECTION,
  FETCH_BINARY,
  FETCH_BINARY_SIZE,
  FETCH_PREVIEW
};

typedef struct fetch_item {
  struct fetch_item *next;
  int kind;
  char const *label; /* of a section: "BODY[1.TEXT", "RFC822" … */
  int peek;
  int bracket; /* the label wants names, "]" and the origin behind it */
  int partial;
  uint32_t from, count;
  mime_section section;
} fetch_item;

/* BINARY and BINARY.SIZE (RFC 3516). Whether it can be decoded: 1; 0 not; -1
   errno. Then the answer, without its label: 1, or -1 if what was begun cannot
   be ended. */
int fetch_binary_check(session *s, fetch_item const *i);
int fetch_binary_put(session *s, fetch_item const *i);

/* 1 or 0 as parse functions; what is behind the items is left. */
int fetch_items(parse *p, fetch_item **first);

/* The same to the end of the command. */
int fetch_parse(parse *p, fetch_item **first);

#endif
