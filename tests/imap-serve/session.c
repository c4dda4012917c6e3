/* needs: imap-serve/session.o imap-serve/letters.o imap-serve/report.o imap-serve/spans.o imap-serve/file.o imap-serve/basic.o imap-serve/select.o imap-serve/names.o imap-serve/names-session.o imap-serve/names-utf8.o imap-serve/list.o imap-serve/list-parse.o imap-serve/list-tree.o imap-serve/subscribe.o imap-serve/special-use.o imap-serve/facts-file.o imap-serve/facts-write.o imap-serve/status.o imap-serve/folders.o imap-serve/subscriptions.o imap-serve/folder.o imap-serve/fetch.o imap-serve/fetch-binary.o imap-serve/fetch-parse.o imap-serve/store.o imap-serve/flags.o imap-serve/append.o imap-serve/append-file.o imap-serve/place.o imap-serve/copy.o imap-serve/idle.o imap-serve/watch.o imap-serve/search.o imap-serve/search-parse.o imap-serve/search-match.o imap-serve/input.o imap-serve/out.o imap-serve/squeeze.o imap-serve/talk.o imap-serve/parse.o imap-serve/mailbox.o imap-serve/scan.o imap-serve/sync.o imap-serve/message.o imap-serve/uidlist.o imap-serve/uidlist-read.o imap-serve/uidlist-write.o imap-serve/uidvalidity.o imap-serve/keywords.o imap-serve/dotlock.o imap-serve/mime-binary.o imap-serve/mime-body.o imap-serve/mime-charset.o imap-serve/mime-data.o imap-serve/mime-envelope.o imap-serve/mime-join.o imap-serve/mime-params.o imap-serve/mime-parse.o imap-serve/mime-preview.o imap-serve/mime-put.o imap-serve/mime-search.o imap-serve/mime-window.o imap-serve/mime-word.o imap-serve/quota-session.o imap-serve/errands.o imap-serve/errands-run.o imap-serve/learn.o imap-serve/emailid.o imap-serve/metadata.o imap-serve/metadata-set.o imap-serve/notify.o imap-serve/notify-parse.o imap-serve/notify-tree.o -lidn2 -lutf8proc -lsodium -lz */
/* Random mutations of whole sessions: each must end by itself, in time and not
   by a signal, whatever the client says. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "imap-serve/session.h"
#include "tap.h"

static char const script[] =
    "a CAPABILITY\r\nb SELECT INBOX\r\nc FETCH 1:* (UID FLAGS INTERNALDATE "
    "RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[1.2.MIME]<0.10>)\r\n"
    "d UID FETCH 1:2,4:* (BODY[HEADER.FIELDS (From {7+}\r\nSubject)])\r\n"
    "e STORE 1,* +FLAGS.SILENT (\\Seen $kw \\Deleted)\r\n"
    "f SEARCH CHARSET UTF-8 OR (FROM \"a\\\"b\" NOT SEEN) TEXT {3+}\r\nfoo "
    "SINCE 1-Feb-1994 1:2 UID 3:*\r\n"
    "g APPEND INBOX (\\Draft x) \" 1-Jan-2020 10:00:00 +0000\" {12+}\r\n"
    "A: b\r\n\r\nx\r\n\r\n\r\nh CREATE \"a.&U,BTFw-\"\r\ni COPY 1:* a.b\r\n"
    "j LIST (SPECIAL-USE) \"\" \"*%.\" RETURN (CHILDREN)\r\nk STATUS INBOX "
    "(MESSAGES UNSEEN)\r\nl RENAME a b\r\nm SUBSCRIBE x\r\nn LSUB \"\" %\r\n"
    "o EXPUNGE\r\np UID EXPUNGE 1\r\nq ID (\"a\" NIL)\r\nr MOVE * INBOX\r\n"
    "s IDLE\r\nDONE\r\nt EXAMINE INBOX\r\nu CLOSE\r\nv DELETE b\r\n"
    "w SELECT INBOX\r\nx APPEND INBOX (k) {6+}\r\na: b\r\n ~{4+}\r\na: b\r\n"
    "y UID REPLACE 1 INBOX {4+}\r\na: b\r\nz FETCH 1:* (BINARY.PEEK[1]<0.9> "
    "BINARY.SIZE[2] PREVIEW (LAZY))\r\naa COMPRESS DEFLATE\r\n";

/* in memory if we may: a session makes its changes safe by five fsyncs */
static char memory[] = "/dev/shm/session.XXXXXX";
static char disk[] = "/tmp/session.XXXXXX";

static void put(char const *name, char const *s)
{
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (write(fd, s, strlen(s)) < 0) _exit(111);
  close(fd);
}

static size_t mutate(char *s, size_t size)
{
  static char const bytes[] = " (){}\"\\*%\r\n0129:,.+-[]<>aZ\0\377&";
  size_t n = sizeof script - 1;
  memcpy(s, script, n);
  for (unsigned k = (unsigned)random() % 8; k; k--) {
    size_t at = (size_t)random() % n, len = (size_t)random() % 40;
    switch (random() % 4) {
    case 0:
    case 1: s[at] = bytes[(size_t)random() % (sizeof bytes - 1)]; break;
    case 2: /* cut out */
      if (len > n - at) len = n - at;
      memmove(s + at, s + at + len, n - at - len);
      n -= len;
      break;
    default: /* double */
      if (len > n - at) len = n - at;
      if (n + len > size) break;
      memmove(s + at + len, s + at, n - at);
      n += len;
    }
    if (!n) n = 1;
  }
  return n;
}

static void child(char const *s, size_t n)
{
  session_start start = {.append_max = 100000, .more = 0};
  int p[2];
  alarm(120);
  if (!getenv("VERBOSE")) dup2(open("/dev/null", O_WRONLY), 2);
  /* A pipe holds 64 KiB, so that nobody else need write. Forks cost most. */
  if (pipe(p) < 0 || write(p[1], s, n) != (ssize_t)n) _exit(111);
  close(p[1]);
  start.in = p[0];
  start.out = open("/dev/null", O_WRONLY);
  start.root = open(".", O_RDONLY | O_DIRECTORY);
  exit(session_run(&start));
}

int main(void)
{
  static char s[2 * sizeof script];
  char const *many = getenv("MUTATIONS");
  unsigned bad = 0, n = many ? (unsigned)atoi(many) : 400;
  char *where = mkdtemp(memory);
  if (!where) where = mkdtemp(disk);
  if (!where || chdir(where) < 0) return 111;
  srandom((unsigned)getpid());
  printf("# seed %u\n", (unsigned)getpid());
  fflush(stdout);
  for (unsigned i = 0; i < n; i++) {
    int status;
    pid_t pid;
    size_t len = mutate(s, sizeof s);
    if (mkdir("cur", 0700) == 0 || i % 20 == 0) {
      mkdir("new", 0700);
      put("cur/1.a:2,S", "From: a\nSubject: b\n\nc\n");
      put("cur/2.a,S=3,W=4:2,", "x\n\n");
      put("cur/3.a:2,",
          "Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x--\n");
    }
    pid = fork();
    if (!pid) child(s, len);
    waitpid(pid, &status, 0);
    if (status) {
      bad++;
      printf("# status %x after:\n", status);
      for (size_t k = 0; k < len; k++)
        printf(s[k] >= 32 && s[k] < 127 ? "%c" : "\\x%02x", s[k] & 255);
      puts("");
    }
  }
  is_int(bad, 0, "mutated sessions end without a signal or a leak");
  if (!fork()) execlp("rm", "rm", "-rf", where, (char *)0);
  return done();
}
