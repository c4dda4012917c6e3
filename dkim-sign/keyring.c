#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyring.h"
#include "log.h"

#define SUFFIX ".key"
/* A file that changed so lately may change again within one tick of ctime */
#define FRESH 2

void keyring_init(keyring *r, char const *dir)
{
  *r = (keyring){.dir = dir};
}

static void drop(keyring_key *k)
{
  if (k->key) key_forget(k->key);
  free(k->key);
  k->key = 0;
}

int keyring_selector(char *to, char const *file)
{
  size_t len = strlen(file), n;
  if (len <= strlen(SUFFIX)) return 0;
  n = len - strlen(SUFFIX);
  if (n > KEYRING_SELECTOR || strcmp(file + n, SUFFIX)) return 0;
  for (size_t i = 0; i < n; i++) {
    char c = file[i];
    int dot = c == '.' && i && file[i - 1] != '.' && i + 1 < n;
    if (!dot && c != '-' && c != '_' && !(c >= '0' && c <= '9') &&
        !((c | 32) >= 'a' && (c | 32) <= 'z'))
      return 0;
  }
  memcpy(to, file, n);
  to[n] = 0;
  return 1;
}

static struct keyring_stamp stamp(struct stat const *st)
{
  return (struct keyring_stamp){st->st_dev, st->st_ino,
                                (unsigned long long)st->st_size, st->st_ctim};
}

static int same(struct keyring_stamp const *a, struct keyring_stamp const *b)
{
  return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
         a->ctime.tv_sec == b->ctime.tv_sec &&
         a->ctime.tv_nsec == b->ctime.tv_nsec;
}

/* The file's bytes: their number, or -1 with errno */
static ssize_t slurp(int fd, char *buf, size_t size)
{
  size_t len = 0;
  while (len < size) {
    ssize_t n = read(fd, buf + len, size - len);
    if (n == 0) return (ssize_t)len;
    if (n > 0)
      len += (size_t)n;
    else if (errno != EINTR)
      return -1;
  }
  return errno = EFBIG, -1;
}

/* Fills k->key or k->error */
static void load(keyring_key *k, int fd)
{
  char buf[KEY_FILE_MAX];
  ssize_t n = slurp(fd, buf, sizeof buf);
  k->key = malloc(sizeof *k->key);
  if (n < 0 || !k->key || !key_read(k->key, buf, (size_t)n)) {
    k->error = errno;
    drop(k);
  }
  sodium_memzero(buf, sizeof buf);
}

/* Settled and unchanged since it was looked at */
static int current(keyring_key const *k, struct keyring_stamp const *now)
{
  return same(&k->stamp, now) && time(0) - now->ctime.tv_sec > FRESH;
}

static keyring_key *find(keyring_domain *d, char const *name)
{
  for (unsigned i = 0; i < d->n; i++)
    if (!strcmp(d->v[i].selector, name)) return d->v + i;
  return 0;
}

static char const *why(int e)
{
  return e == EINVAL    ? "not a private key in PKCS#8 PEM, or damaged"
         : e == ENOTSUP ? "neither Ed25519 nor RSA of 1024 to 4096 bits"
                        : strerror(e);
}

/* The key in that file into k, from old if that is still current */
static void take(keyring_key *k, keyring_key *old, int dir, char const *file,
                 char const *domain)
{
  struct stat st;
  /* O_NONBLOCK: a FIFO must not hold up the mail */
  int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat(fd, &st) < 0) {
    k->error = errno;
  } else {
    k->stamp = stamp(&st);
    if (!S_ISREG(st.st_mode)) {
      k->error = EINVAL;
    } else if (old && current(old, &k->stamp)) {
      k->key = old->key, k->error = old->error, old->key = 0;
    } else {
      load(k, fd);
    }
  }
  if (fd >= 0) close(fd);
  if (k->error &&
      !(old && old->error == k->error && same(&old->stamp, &k->stamp)))
    log_warn("unable to use %s/%s: %s", domain, file, why(k->error));
}

static int order(void const *a, void const *b)
{
  keyring_key const *x = a, *y = b;
  if (x->key && y->key && x->key->type != y->key->type)
    return x->key->type < y->key->type ? -1 : 1;
  return strcmp(x->selector, y->selector);
}

/* 1, or -1 with errno */
static int scan(keyring_domain *new, keyring_domain *old, DIR *dir)
{
  struct dirent *e;
  while (errno = 0, (e = readdir(dir))) {
    char name[KEYRING_SELECTOR + 1];
    keyring_key *k = new->v + new->n;
    if (!keyring_selector(name, e->d_name)) continue;
    if (new->n == KEYRING_KEYS) {
      log_warn("%s has more than %d keys", new->name, KEYRING_KEYS);
      return 1;
    }
    memcpy(k->selector, name, sizeof name);
    take(k, find(old, name), dirfd(dir), e->d_name, new->name);
    new->n++;
  }
  return errno ? -1 : 1;
}

/* Replaces d's keys by what the folder now holds: 1, 0 (no folder), -1 */
static int refresh(keyring_domain *d, char const *path)
{
  keyring_domain new = {.used = d->used};
  DIR *dir = opendir(path);
  int r = dir ? 1 : errno == ENOENT || errno == ENOTDIR ? 0 : -1;
  int e = errno;
  memcpy(new.name, d->name, sizeof new.name);
  if (dir) {
    r = scan(&new, d, dir);
    e = errno;
    closedir(dir);
  }
  for (unsigned i = 0; i < d->n; i++) drop(d->v + i);
  *d = new;
  qsort(d->v, d->n, sizeof *d->v, order);
  return errno = e, r;
}

static keyring_domain *slot(keyring *r, char const *name)
{
  keyring_domain **oldest = r->v, *d;
  for (unsigned i = 0; i < r->n; i++) {
    if (!strcmp(r->v[i]->name, name)) return r->v[i];
    if (r->v[i]->used < (*oldest)->used) oldest = r->v + i;
  }
  if (r->n < KEYRING_DOMAINS) {
    d = calloc(1, sizeof *d);
    if (!d) return 0;
    r->v[r->n++] = d;
  } else {
    d = *oldest;
    for (unsigned i = 0; i < d->n; i++) drop(d->v + i);
    *d = (keyring_domain){.n = 0};
  }
  snprintf(d->name, sizeof d->name, "%s", name);
  return d;
}

int keyring_get(keyring *r, char const *domain, keyring_domain const **d)
{
  char path[4096];
  keyring_domain *found;
  int n;
  if (strlen(domain) > KEYRING_DOMAIN || strchr(domain, '/') || *domain == '.')
    return 0;
  n = snprintf(path, sizeof path, "%s/%s", r->dir, domain);
  if (n < 0 || (size_t)n >= sizeof path) return errno = ENAMETOOLONG, -1;
  found = slot(r, domain);
  if (!found) return -1;
  found->used = ++r->clock;
  n = refresh(found, path);
  if (n <= 0) return n;
  *d = found;
  return found->n != 0;
}
