#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "addr.h"
#include "conf.h"
#include "jail.h"
#include "password.h"
#include "prompt.h"
#include "users-file.h"

#define USAGE                                                                  \
  "user-edit [ -u users ] [ -e dir ] [ -H ] [ -m KiB ] [ -t passes ] "         \
  "add|passwd|remove address | user-edit [ -u users ] [ -e dir ] list"
#define dieusage() strerr_dieusage(100, USAGE)

static char const *users = "/var/lib/rohrpost/users", *dir = "/etc/rohrpost";
static int is_hash;
static unsigned kib = 19456, passes = 2;

static void nomem(void)
{
  strerr_diefu1sys(111, "allocate memory");
}

static char const *in_dir(char const *name)
{
  static char path[CONF_PATH_MAX];
  if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
    strerr_dief2x(100, dir, ": the path is too long");
  return path;
}

/* With a NUL behind it. */
static void read_text(stralloc *to, char const *path)
{
  to->len = 0;
  if (!openslurpclose(to, path) && errno != ENOENT)
    strerr_diefu2sys(111, "read ", path);
  if (!stralloc_0(to)) nomem();
  to->len--;
}

static int is_domain(char const *line, size_t len, char const *want, size_t n)
{
  stralloc key = STRALLOC_ZERO;
  int same = addr_domain_key(&key, line, len) > 0 && key.len == n &&
             !memcmp(key.s, want, n);
  stralloc_free(&key);
  return same;
}

/* An account of a domain that is not ours would get no mail, and the tables
   could not be built. */
static void check_domain(stralloc const *key)
{
  stralloc text = STRALLOC_ZERO;
  size_t at = addr_at(key->s, key->len) + 1;
  read_text(&text, in_dir("domains"));
  for (size_t i = 0; i < text.len; i++) {
    size_t word = strcspn(text.s + i, " \t\r\n");
    if (is_domain(text.s + i, word, key->s + at, key->len - at)) {
      stralloc_free(&text);
      return;
    }
    while (i < text.len && text.s[i] != '\n') i++;
  }
  strerr_dief6x(1, "the domain of this address is not ours: add a line \"",
                key->s + at, "\" to ", in_dir("domains"),
                ", then run: make -C ", dir);
}

/* The key under which the tables will have it. */
static stralloc account(char const *address)
{
  stralloc key = STRALLOC_ZERO;
  size_t n = strlen(address);
  int r = addr_valid(address, n, ADDR_UTF8 | ADDR_NOBRACKET)
              ? addr_key(&key, address, n)
              : 0;
  if (r < 0) nomem();
  if (r == 0 || addr_at(key.s, key.len) >= key.len)
    strerr_dief2x(100, "not an address: ", address);
  if (*key.s == '#') /* would be a comment */
    strerr_dief2x(100, "an account may not begin with #: ", address);
  if (!stralloc_0(&key)) nomem();
  key.len--;
  return key;
}

static int declared(stralloc const *key)
{
  stralloc text = STRALLOC_ZERO;
  size_t start, end;
  int r;
  read_text(&text, in_dir("users"));
  r = users_file_find(&text, key, &start, &end);
  stralloc_free(&text);
  return r;
}

/* Into hash: read as it is, or made from a password. */
static void read_hash(char *hash)
{
  char secret[PASSWORD_MAX + 1];
  int r = prompt_secret(secret, sizeof secret, is_hash ? "Hash" : "Password");
  if (r == 0) strerr_dief1x(1, "the two passwords differ; nothing was changed");
  if (r < 0 && errno == EMSGSIZE) strerr_dief1x(1, "that is too long");
  if (r < 0 && errno == EPIPE) strerr_dief1x(1, "no password was given");
  if (r < 0) strerr_diefu1sys(111, "read the password");
  if (!*secret) strerr_dief1x(1, "an empty password is not allowed");
  if (is_hash) {
    if (!password_is_hash(secret))
      strerr_dief1x(1, "not a hash that auth-check knows: it must begin with "
                       "$argon2id$ $2b$ $2a$ $2y$ $y$ $6$ or $5$");
    memcpy(hash, secret, strlen(secret) + 1);
  } else if (password_hash(hash, secret, kib, passes) < 0)
    strerr_diefu1sys(111, "hash the password");
  explicit_bzero(secret, sizeof secret);
}

static void replace(stralloc *text, size_t start, size_t end,
                    stralloc const *key, char const *hash)
{
  stralloc new = STRALLOC_ZERO;
  if (!stralloc_catb(&new, text->s, start)) nomem();
  if (hash &&
      (!stralloc_catb(&new, key->s, key->len) || !stralloc_cats(&new, ":") ||
       !stralloc_cats(&new, hash) || !stralloc_cats(&new, "\n")))
    nomem();
  if (!stralloc_catb(&new, text->s + end, text->len - end)) nomem();
  stralloc_free(text);
  *text = new;
}

/* The tables are rebuilt as by hand; what make prints goes to stderr. */
static void build(void)
{
  struct stat st;
  pid_t pid;
  int status;
  if (stat(in_dir("Makefile"), &st) < 0) {
    strerr_warnw3x("no Makefile in ", dir, ": the tables were not rebuilt");
    return;
  }
  pid = fork();
  if (pid < 0) strerr_diefu1sys(111, "fork");
  if (pid == 0) {
    dup2(2, 1);
    execlp("make", "make", "-s", "--no-print-directory", "-C", dir, (char *)0);
    strerr_diefu1sys(127, "run make");
  }
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) strerr_diefu1sys(111, "wait for make");
  if (!WIFEXITED(status) || WEXITSTATUS(status))
    strerr_dief4x(111, users, " is changed, but make -C ", dir, " failed");
}

enum { ADD, PASSWD, REMOVE };

/* The hash is made before the lock is taken: others need not wait for us. */
static void edit(int what, char const *address)
{
  users_file f;
  stralloc key = account(address);
  char hash[PASSWORD_HASH] = "";
  size_t start, end;
  int found;
  if (what == ADD) check_domain(&key);
  if (declared(&key))
    strerr_dief5x(1, key.s, " is declared in ", in_dir("users"),
                  ": edit that file, then run: make -C ", dir);
  if (what != REMOVE) read_hash(hash);
  if (users_file_open(&f, users) < 0) strerr_diefu2sys(111, "open ", users);
  found = users_file_find(&f.text, &key, &start, &end);
  if (what == ADD && found)
    strerr_dief3x(1, key.s,
                  " exists; to change its password: user-edit passwd ", key.s);
  if (what != ADD && !found) strerr_dief2x(1, "no account ", key.s);
  if (!found) start = end = f.text.len;
  replace(&f.text, start, end, &key, what == REMOVE ? 0 : hash);
  explicit_bzero(hash, sizeof hash);
  if (users_file_write(&f) < 0) strerr_diefu2sys(111, "write ", users);
  close(f.lock);
  build();
}

static void show(char const *s, size_t len)
{
  printf("%.*s\n", (int)len, s);
}

static void list(void)
{
  stralloc text = STRALLOC_ZERO;
  read_text(&text, in_dir("users"));
  users_file_each(&text, show);
  read_text(&text, users);
  users_file_each(&text, show);
  if (fflush(stdout)) strerr_diefu1sys(111, "write");
}

static unsigned number(char const *arg, unsigned least, unsigned most)
{
  unsigned n;
  if (!uint0_scan(arg, &n) || n < least || n > most) dieusage();
  return n;
}

int main(int argc, char const *const *argv)
{
  static char const *const names[] = {"add", "passwd", "remove"};
  subgetopt l = SUBGETOPT_ZERO;
  int opt;
  PROG = "user-edit";
  jail_secret();
  umask(077);
  while ((opt = subgetopt_r(argc, argv, "u:e:Hm:t:", &l)) != -1) {
    switch (opt) {
    case 'u': users = l.arg; break;
    case 'e': dir = l.arg; break;
    case 'H': is_hash = 1; break;
    case 'm': kib = number(l.arg, 8, 4 << 20); break;
    case 't': passes = number(l.arg, 1, 100); break;
    default: dieusage();
    }
  }
  argc -= l.ind;
  argv += l.ind;
  if (password_init() < 0) strerr_dief1x(111, "unable to start libsodium");
  if (argc == 1 && !strcmp(*argv, "list")) return list(), 0;
  if (argc != 2) dieusage();
  for (int what = ADD; what <= REMOVE; what++)
    if (!strcmp(*argv, names[what])) return edit(what, argv[1]), 0;
  dieusage();
}
