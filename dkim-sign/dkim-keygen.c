#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "addr.h"
#include "ids.h"
#include "jail.h"
#include "key.h"
#include "keyring.h"
#include "make-key.h"

#define USAGE                                                                  \
  "dkim-keygen [ -t rsa|ed25519 ] [ -b bits ] [ -o uid:gid ] "                 \
  "[domain/]selector.key\n"                                                    \
  "dkim-keygen: usage: dkim-keygen -p [domain/]selector.key"
#define dieusage() strerr_dieusage(100, USAGE)

#define STRING_MAX 255 /* bytes of one string of a TXT record, RFC 1035 3.3 */

typedef struct place {
  char const *path, *file;
  char folder[1024];                /* of the file */
  char domain[ADDR_DOMAIN_MAX + 1]; /* "" if the path has none */
  char selector[KEYRING_SELECTOR + 1];
} place;

static void bad_path(char const *path, char const *why)
{
  strerr_dief3x(100, path, ": ", why);
}

/* The folder's name as dkim-sign looks for it */
static void take_domain(place *p)
{
  char const *slash = strrchr(p->folder, '/');
  char const *name = slash ? slash + 1 : p->folder;
  stralloc name_key = STRALLOC_ZERO;
  int r = addr_domain_key(&name_key, name, strlen(name));
  if (r < 0) strerr_diefu1sys(111, "keep a name");
  if (!r || name_key.len > ADDR_DOMAIN_MAX)
    bad_path(p->path, "the folder is not named like a domain");
  if (name_key.len != strlen(name) || memcmp(name_key.s, name, name_key.len))
    bad_path(p->path, "the folder must have the domain in lower-case ASCII");
  memcpy(p->domain, name_key.s, name_key.len);
  stralloc_free(&name_key);
}

static void locate(place *p, char const *path)
{
  char const *slash = strrchr(path, '/');
  size_t len = slash ? (size_t)(slash - path) : 0;
  *p = (place){.path = path, .file = slash ? slash + 1 : path};
  if (!keyring_selector(p->selector, p->file))
    bad_path(path, "the file must be named SELECTOR.key");
  if (len >= sizeof p->folder) bad_path(path, "the name is too long");
  memcpy(p->folder, slash ? path : ".", slash ? len : 1);
  if (slash) take_domain(p);
}

static void print_record(place const *p, key const *k)
{
  stralloc text = STRALLOC_ZERO;
  if (key_record(&text, k) < 0) strerr_diefu1sys(111, "make the record");
  printf("%s._domainkey%s%s%s IN TXT (", p->selector, *p->domain ? "." : "",
         p->domain, *p->domain ? "." : "");
  for (size_t at = 0; at < text.len; at += STRING_MAX) {
    size_t n = text.len - at < STRING_MAX ? text.len - at : STRING_MAX;
    printf("%s\"%.*s\"", at ? "\n  " : " ", (int)n, text.s + at);
  }
  puts(" )");
  if (fflush(stdout) || ferror(stdout)) strerr_diefu1sys(111, "write");
  stralloc_free(&text);
}

static void show(place const *p)
{
  static key k;
  char pem[KEY_FILE_MAX];
  ssize_t n = openreadnclose(p->path, pem, sizeof pem);
  if (n < 0) strerr_diefu2sys(111, "read ", p->path);
  if (!key_read(&k, pem, (size_t)n))
    strerr_dief2x(1, p->path,
                  errno == ENOTSUP
                      ? ": neither Ed25519 nor RSA of 1024 to 4096 bits"
                      : ": not a private key in PKCS#8 PEM, or damaged");
  sodium_memzero(pem, sizeof pem);
  print_record(p, &k);
  key_forget(&k);
}

typedef struct owner {
  int given;
  uid_t uid;
  gid_t gid;
} owner;

/* What root makes for a service in its group's folder is for that group. */
static int share(int above, int fd, mode_t mode)
{
  struct stat st;
  if (geteuid() != 0) return 0;
  if (fstat(above, &st) < 0) return -1;
  if (st.st_gid == getegid() || !(st.st_mode & S_IXGRP)) return 0;
  return fchown(fd, (uid_t)-1, st.st_gid) < 0 ? -1 : fchmod(fd, mode);
}

static int give(owner const *o, int above, int fd, mode_t mode)
{
  return o->given ? fchown(fd, o->uid, o->gid) : share(above, fd, mode);
}

/* The folder, made with its name durable if it is missing */
static int open_folder(place const *p, owner const *o)
{
  stralloc above = STRALLOC_ZERO;
  int made = mkdir(p->folder, 0700) == 0, dir, up;
  if (!made && errno != EEXIST) strerr_diefu2sys(111, "make ", p->folder);
  dir = open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) strerr_diefu2sys(111, "open ", p->folder);
  if (!made) return dir;
  if (!sadirname(&above, p->folder, strlen(p->folder)) || !stralloc_0(&above))
    strerr_diefu1sys(111, "keep a name");
  up = open(above.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (up < 0) strerr_diefu2sys(111, "open ", above.s);
  if (give(o, up, dir, 0750) < 0)
    strerr_diefu2sys(111, "change the owner of ", p->folder);
  if (fsync(up) < 0) strerr_diefu2sys(111, "sync ", above.s);
  close(up);
  stralloc_free(&above);
  return dir;
}

/* Written under another name, so that dkim-sign never sees half a key; link
   never replaces a file. */
static void save(place const *p, owner const *o, char const *pem, size_t len)
{
  char name[64];
  int dir = open_folder(p, o), fd, e;
  snprintf(name, sizeof name, ".new-%ld", (long)getpid());
  fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) strerr_diefu4sys(111, "create ", p->folder, "/", name);
  if (allwrite(fd, pem, len) < len || give(o, dir, fd, 0640) < 0 ||
      fsync(fd) < 0 || linkat(dir, name, dir, p->file, 0) < 0) {
    e = errno;
    unlinkat(dir, name, 0);
    errno = e;
    strerr_diefu2sys(e == EEXIST ? 1 : 111, "write ", p->path);
  }
  if (unlinkat(dir, name, 0) < 0 || fsync(dir) < 0)
    strerr_diefu2sys(111, "sync ", p->folder);
  close(fd);
  close(dir);
}

static void generate(place const *p, owner const *o, key_type type,
                     unsigned bits)
{
  static key k;
  static char pem[KEY_FILE_MAX];
  size_t len;
  if (access(p->path, F_OK) == 0) /* before the seconds that RSA may take */
    strerr_dief2x(1, p->path, " is there already");
  if (make_key(pem, &len, type, bits) < 0) strerr_diefu1sys(111, "make a key");
  if (!key_read(&k, pem, len)) strerr_dief1x(101, "the new key is no key");
  save(p, o, pem, len);
  sodium_memzero(pem, sizeof pem);
  print_record(p, &k);
  key_forget(&k);
}

int main(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  key_type type = KEY_RSA;
  unsigned bits = 0;
  owner o = {0};
  place p;
  int opt, print = 0;
  PROG = "dkim-keygen";
  jail_secret();
  while ((opt = subgetopt_r(argc, argv, "pt:b:o:", &l)) != -1) switch (opt) {
    case 'p': print = 1; break;
    case 't':
      if (!strcmp(l.arg, "ed25519"))
        type = KEY_ED25519;
      else if (strcmp(l.arg, "rsa"))
        dieusage();
      break;
    case 'b':
      if (!uint0_scan(l.arg, &bits)) dieusage();
      if (bits != 2048 && bits != 3072 && bits != 4096) dieusage();
      break;
    case 'o':
      if (!ids_pair(l.arg, &o.uid, &o.gid)) dieusage();
      o.given = 1;
      break;
    default: dieusage();
    }
  if (argc - l.ind != 1 || (bits && type == KEY_ED25519)) dieusage();
  locate(&p, argv[l.ind]);
  if (print)
    show(&p);
  else
    generate(&p, &o, type, bits ? bits : 2048);
  return 0;
}
