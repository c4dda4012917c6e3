/* Asking rspamd: its protocol (POST /checkv2) and what it answers. */
#ifndef RSPAMD_H
#define RSPAMD_H

#include <jansson.h>

#include "filter.h"
#include "http.h"
#include "view.h"

#define RSPAMD_ANSWER (1u << 20) /* most bytes of an answer */

enum {
  RSPAMD_NO_ACTION,
  RSPAMD_GREYLIST,
  RSPAMD_SOFT_REJECT,
  RSPAMD_ADD_HEADER,
  RSPAMD_REWRITE_SUBJECT,
  RSPAMD_REJECT,
  RSPAMD_DISCARD,
  RSPAMD_QUARANTINE,
  RSPAMD_OTHER, /* an action of the admin's own */
  RSPAMD_UNREACHABLE,
  RSPAMD_BAD_ANSWER,
  RSPAMD_WORDS
};

/* As the manual has them: "no-action" and so on, the errors last. */
extern char const *const rspamd_words[RSPAMD_WORDS];

typedef struct rspamd_answer {
  int word;
  char action[64];   /* its own word, as printable ASCII */
  char text[401];    /* what to tell the client; why, for errors; cleaned */
  char subject[998]; /* the new one, or "" */
  double score, required;
  json_t *root;   /* 0 for errors */
  json_t *milter; /* the block of that name, borrowed, or 0 */
} rspamd_answer;

/* s as an answer: 1, or 0 (then it is RSPAMD_BAD_ANSWER). In both cases it is
   to be freed. */
int rspamd_answer_read(rspamd_answer *a, char const *s, size_t len);
void rspamd_answer_free(rspamd_answer *a);

/* The header changes that it asks for. 1 or -1. */
int rspamd_answer_apply(rspamd_answer const *a, view *v);

typedef struct rspamd {
  http_url url;
  char const *tls;   /* the socket of tls-connect */
  stralloc constant; /* request fields that every message has */
  unsigned seconds;  /* for a question, connecting included */
  http h;
  http_answer got;
} rspamd;

#define RSPAMD_ZERO                                                            \
  {                                                                            \
    .h = HTTP_ZERO                                                             \
  }

/* Asks about the message of v, which was shown, with head as further request
   fields. Always fills *a. */
void rspamd_ask(rspamd *r, stralloc const *head, view const *v,
                rspamd_answer *a);

#endif
