/* One client's session, authenticated from the start (RFC 3501 3). */
#ifndef SESSION_H
#define SESSION_H

#include "input.h"
#include "maildir.h"
#include "mailbox.h"
#include "mime.h"
#include "out.h"
#include "parse.h"
#include "quota.h"

#define SESSION_IDLE_MS (30 * 60 * 1000) /* RFC 3501 5.4, at least 30 min */
#define SESSION_APPEND_MAX (32u << 20)
#define SESSION_ERRORS 50 /* BADs in a row before BYE */

#define SESSION_CAPABILITIES                                                   \
  "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE CHILDREN UNSELECT "     \
  "UIDPLUS MOVE SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS "     \
  "STATUS=SIZE MULTIAPPEND REPLACE BINARY PREVIEW QUOTA QUOTASET "             \
  "QUOTA=RES-STORAGE QUOTA=RES-MESSAGE UTF8=ACCEPT METADATA "                  \
  "LIST-METADATA OBJECTID NOTIFY"

typedef struct session {
  out o;
  input in;
  int root; /* the account's directory */
  uint32_t append_max;
  quota limit; /* of the account */
  int rev2;    /* IMAP4rev2 was enabled */
  int utf8;    /* UTF8=ACCEPT was enabled */
  text tag;    /* of the current command */
  int selected;
  mailbox box;                /* if selected */
  char dir[MAILDIR_NAME + 1]; /* its directory when it was selected */
  uint32_t exists;            /* as the client knows them */
  uint32_t recent;
  mime mime; /* of the message read last */
  int file;  /* its descriptor, -1: none */
  uint32_t file_uid;
  int silent;  /* no tagged reply: a command of our own */
  int deaf;    /* NOTIFY without SELECTED: changes are not told */
  int closing; /* after this command: no more */
  unsigned errors;
} session;

/* A half-open range of indices into box.v. */
typedef struct span {
  size_t from, to;
} span;
typedef struct spans {
  span *v;
  size_t n;
} spans;

/* How a session starts. tag 0: a PREAUTH greeting; else the tagged OK. more:
   bytes that were read too much. Serves until the end; returns the exit code.
 */
typedef struct session_start {
  int in, out, root;
  char const *tag;
  char const *more;
  size_t morelen;
  uint32_t append_max;
  quota limit;
  int talk; /* the dialogue in the log */
} session_start;
int session_run(session_start const *start);

/* All of them, with a space between. */
void session_put_capabilities(session *s);

/* Everything is flushed and we wait for the client: SIGTERM may end it now. */
void session_waits(int yes);

/* What goes to the client is no longer plain text. */
void session_squeezed(void);

/* "TAG OK text", "TAG NO text", "TAG BAD text". */
void session_reply(session *s, char const *kind, char const *text);
void session_ok(session *s, char const *text);
void session_no(session *s, char const *text);

/* NO with what errno means (RFC 5530); ENOENT is left to the caller. */
void session_no_errno(session *s, char const *doing);

/* Whether so much more fits into the account's quota: 1, or -1 with
   errno, EDQUOT if not. */
int session_room(session *s, uint64_t bytes, uint64_t messages);

/* So much more was put into the account: a warning may be due. */
void session_grew(session *s, uint64_t bytes, uint64_t messages);

/* The reply to a command that could not be read or ended wrongly. */
void session_bad(session *s, parse *p);

/* Tells the client what has changed (5.2, 7.3, 7.4). expunge: messages may
   change their numbers now. uid: FETCH responses carry the UID. */
void session_report(session *s, int expunge, int uid);

/* mailbox_sync and session_report; if that fails the session ends. */
void session_update(session *s, int force, int expunge, int uid);

void session_unselect(session *s);
void session_put_flags(session *s, message const *g);

/* "* N FETCH (FLAGS …)", N the one behind index at (7.4.2); the client then
   knows the flags. */
void session_put_fetch_flags(session *s, size_t at, int uid);

/* The names that the mailbox has, in FLAGS and PERMANENTFLAGS (7.2.6, 7.1). */
void session_put_flag_names(session *s, int permanent);

/* A sequence set as indices, in order, without doubles. 1; 0: BAD (a number
   that there is not), p->error is set. */
int session_spans(session *s, parse *p, set const *which, int uid, spans *to);

/* The message's file as s->mime's, from the cache of one if it can. 1; 0:
   gone; -1 errno. */
int session_file(session *s, size_t at);
void session_forget_file(session *s);

/* Reads a mailbox name: its directory below root in to (MAILDIR_NAME + 1
   bytes). 1; 0: a syntax error; -1: not a name that can be (NO was said). */
int session_mailbox(session *s, parse *p, char *to);

/* The same for a text that was read already: 1 or 0. */
int session_directory(text const *name, char *to);

/* The same for a mailbox that is to be made. *changed: its name will be another
   than the client's (RFC 9051 6.3.9.7). */
int session_new_name(text const *name, char *to, int *changed);

/* From now on the client writes and reads names as UTF-8. */
void session_utf8_names(void);

/* A name, as it is on disk, for the client. */
void session_put_name(session *s, char const *name);

/* Whether it matches a pattern of the client's (6.3.8). */
int session_name_match(char const *pattern, size_t len, char const *name);

typedef void command(session *s, parse *p, int uid);
command cmd_capability, cmd_noop, cmd_logout, cmd_id, cmd_enable, cmd_namespace,
    cmd_select, cmd_examine, cmd_create, cmd_delete, cmd_rename, cmd_subscribe,
    cmd_unsubscribe, cmd_list, cmd_lsub, cmd_status, cmd_append, cmd_check,
    cmd_close, cmd_unselect, cmd_expunge, cmd_search, cmd_fetch, cmd_store,
    cmd_copy, cmd_move, cmd_idle, cmd_authenticated, cmd_getquota,
    cmd_getquotaroot, cmd_setquota, cmd_getmetadata, cmd_setmetadata,
    cmd_notify, cmd_replace, cmd_compress;

#endif
