#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bearssl.h>
#include <skalibs/sgetopt.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include "conf.h"
#include "der.h"
#include "identity.h"
#include "jail.h"
#include "own.h"
#include "pem.h"

#define USAGE "tls-build dir | tls-build -o dir | tls-build -t certificates.pem"
#define dieusage() strerr_dieusage(100, USAGE)

/* One folder: its name, the value of its identity, its server names. */
typedef struct folder {
  char *name;
  stralloc value;
  stralloc names; /* each with a NUL */
  unsigned certificates;
  int have_key;
  stralloc leaf, key;
  stralloc authorities; /* records, as cdb(1) wants them */
} folder;

static int for_clients; /* -o */

static folder *folders;
static size_t count;

static void nomem(void)
{
  strerr_diefu1sys(111, "allocate memory");
}

static void add(stralloc *to, void const *s, size_t len)
{
  if (!stralloc_catb(to, s, len)) nomem();
}

static void add_netstring(stralloc *to, void const *s, size_t len)
{
  char head[24];
  add(to, head, (size_t)snprintf(head, sizeof head, "%zu:", len));
  add(to, s, len);
  add(to, ",", 1);
}

static int has_name(folder const *f, char const *name)
{
  for (size_t i = 0; i < f->names.len; i += strlen(f->names.s + i) + 1)
    if (!strcmp(f->names.s + i, name)) return 1;
  return 0;
}

/* Host names only, perhaps with a wildcard as the whole first label. */
static int is_host(char const *s, size_t len)
{
  if (!len || len > IDENTITY_NAME) return 0;
  if (len > 2 && s[0] == '*' && s[1] == '.') s++, len--;
  for (size_t i = 0; i < len; i++)
    if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= '0' && s[i] <= '9') &&
        !strchr("-._", s[i]))
      return 0;
  return 1;
}

static void add_name(folder *f, char const *s, size_t len)
{
  char name[IDENTITY_NAME + 1];
  if (len > IDENTITY_NAME) return;
  for (size_t i = 0; i < len; i++)
    name[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
  name[len] = 0;
  if (is_host(name, len) && !has_name(f, name)) add(&f->names, name, len + 1);
}

static int certificate(char const *label, unsigned char const *s, size_t len,
                       void *data)
{
  folder *f = data;
  if (strcmp(label, "CERTIFICATE") && strcmp(label, "X509 CERTIFICATE"))
    return 1;
  if (f->certificates == IDENTITY_CHAIN) return errno = E2BIG, -1;
  if (!f->certificates++) add(&f->leaf, s, len);
  add_netstring(&f->value, s, len);
  return 1;
}

static int key(char const *label, unsigned char const *s, size_t len,
               void *data)
{
  folder *f = data;
  size_t n = strlen(label);
  if (!strcmp(label, "ENCRYPTED PRIVATE KEY"))
    strerr_dief3x(102, f->name,
                  ": the private key has a passphrase; write it without: ",
                  "openssl pkey -in privkey.pem -out privkey.pem");
  if (f->have_key || n < 11 || strcmp(label + n - 11, "PRIVATE KEY")) return 1;
  f->have_key = 1;
  add(&f->key, s, len);
  return 1;
}

/* Signs with the key, verifies with the leaf: whether they belong together.
   The key is the administrator's own; slack stands behind the decoder, whose
   check of malformed keys is short by a few bytes in BearSSL 0.6. */
static int match(br_skey_decoder_context const *k, br_x509_pkey const *pub)
{
  unsigned char hash[32] = {1}, sig[1024], back[64];
  if (pub->key_type != br_skey_decoder_key_type(k)) return 0;
  if (pub->key_type == BR_KEYTYPE_EC) {
    br_ec_private_key const *ec = br_skey_decoder_get_ec(k);
    size_t n;
    if (ec->curve != pub->key.ec.curve) return 0;
    n = br_ecdsa_sign_asn1_get_default()(br_ec_get_default(), &br_sha256_vtable,
                                         hash, ec, sig);
    return n && br_ecdsa_vrfy_asn1_get_default()(br_ec_get_default(), hash, 32,
                                                 &pub->key.ec, sig, n);
  }
  br_rsa_private_key const *rsa = br_skey_decoder_get_rsa(k);
  size_t n = (rsa->n_bitlen + 7) / 8;
  return n <= sizeof sig &&
         br_rsa_pkcs1_sign_get_default()(BR_HASH_OID_SHA256, hash, 32, rsa,
                                         sig) &&
         br_rsa_pkcs1_vrfy_get_default()(sig, n, BR_HASH_OID_SHA256, 32,
                                         &pub->key.rsa, back) &&
         !memcmp(back, hash, 32);
}

static void check(folder *f)
{
  static struct {
    br_skey_decoder_context c;
    char slack[256];
  } k;
  br_x509_decoder_context x;
  br_x509_pkey *pub;
  br_skey_decoder_init(&k.c);
  br_skey_decoder_push(&k.c, f->key.s, f->key.len);
  if (br_skey_decoder_last_error(&k.c))
    strerr_dief2x(102, f->name,
                  ": the key must be RSA up to 4096 bits or EC P-256, P-384, "
                  "P-521");
  br_x509_decoder_init(&x, 0, 0);
  br_x509_decoder_push(&x, f->leaf.s, f->leaf.len);
  pub = br_x509_decoder_get_pkey(&x);
  if (!pub)
    strerr_dief2x(102, f->name, ": the first certificate cannot be used");
  if (!match(&k.c, pub))
    strerr_dief2x(102, f->name,
                  ": the key does not belong to the first certificate");
}

static void find_names(folder *f)
{
  der_certificate c;
  der name;
  if (!der_certificate_read(&c, f->leaf.s, f->leaf.len))
    strerr_dief2x(102, f->name, ": the first certificate is malformed");
  add_name(f, f->name, strlen(f->name));
  if (!c.names.len && der_common_name(&c.subject, &name))
    add_name(f, (char const *)name.s, name.len);
  while (der_dns_name(&c.names, &name))
    add_name(f, (char const *)name.s, name.len);
}

static void read_file(folder *f, char const *dir, char const *file,
                      int (*each)(char const *, unsigned char const *, size_t,
                                  void *))
{
  char path[CONF_PATH_MAX];
  if (snprintf(path, sizeof path, "%s/%s/%s", dir, f->name, file) >=
      (int)sizeof path)
    strerr_dief2x(100, f->name, ": the path is too long");
  if (pem_each(path, each, f) < 0) strerr_diefu2sys(111, "read ", path);
}

/* A certificate authority, under its subject; of a folder, behind its name. */
static int authority(char const *label, unsigned char const *s, size_t len,
                     void *data)
{
  folder *f = data;
  der_certificate c;
  char head[64];
  size_t n = *f->name ? strlen(f->name) + 2 : 0;
  if (strcmp(label, "CERTIFICATE") && strcmp(label, "TRUSTED CERTIFICATE"))
    return 1;
  if (!der_certificate_read(&c, s, len)) return errno = EPROTO, -1;
  add(&f->authorities, head,
      (size_t)snprintf(head, sizeof head, "+%zu,%zu:", n + c.subject.len, len));
  if (n) {
    add(&f->authorities, "a", 1);
    add(&f->authorities, f->name, n - 1);
  }
  add(&f->authorities, c.subject.s, c.subject.len);
  add(&f->authorities, "->", 2);
  add(&f->authorities, s, len);
  add(&f->authorities, "\n", 1);
  return 1;
}

static void put(stralloc const *s)
{
  fwrite(s->s, 1, s->len, stdout);
}

static int has_file(folder const *f, char const *dir, char const *file)
{
  char path[CONF_PATH_MAX];
  snprintf(path, sizeof path, "%s/%s/%s", dir, f->name, file);
  return access(path, F_OK) == 0;
}

/* A folder of -o may have authorities beside a certificate, or alone. */
static int has_certificate(folder *f, char const *dir)
{
  if (!for_clients) return 1;
  if (strlen(f->name) > OWN_NAME)
    strerr_dief2x(102, f->name, ": the name is too long");
  if (!has_file(f, dir, "ca.pem")) return 1;
  read_file(f, dir, "ca.pem", authority);
  if (!f->authorities.len)
    strerr_dief2x(102, f->name, "/ca.pem: no certificate");
  return has_file(f, dir, "fullchain.pem") || has_file(f, dir, "privkey.pem");
}

static void read_folder(folder *f, char const *dir)
{
  stralloc value = STRALLOC_ZERO;
  if (!has_certificate(f, dir)) return;
  read_file(f, dir, "fullchain.pem", certificate);
  read_file(f, dir, "privkey.pem", key);
  if (!f->certificates)
    strerr_dief2x(102, f->name, "/fullchain.pem: no certificate");
  if (!f->have_key) strerr_dief2x(102, f->name, "/privkey.pem: no private key");
  check(f);
  find_names(f);
  add_netstring(&value, f->key.s, f->key.len);
  add(&value, f->value.s, f->value.len);
  f->value = value;
}

static int by_name(void const *a, void const *b)
{
  return strcmp(((folder const *)a)->name, ((folder const *)b)->name);
}

static void read_all(char const *dir)
{
  DIR *d = opendir(dir);
  struct dirent *e;
  if (!d) strerr_diefu2sys(111, "open ", dir);
  while (errno = 0, (e = readdir(d))) {
    char path[CONF_PATH_MAX];
    struct stat st;
    if (e->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) continue;
    if (strlen(e->d_name) > IDENTITY_NAME)
      strerr_dief2x(102, e->d_name, ": the name is too long");
    folders = reallocarray(folders, count + 1, sizeof *folders);
    if (!folders) nomem();
    folders[count] = (folder){.name = strdup(e->d_name)};
    if (!folders[count++].name) nomem();
  }
  if (errno) strerr_diefu2sys(111, "read ", dir);
  closedir(d);
  if (count) qsort(folders, count, sizeof *folders, by_name);
  for (size_t i = 0; i < count; i++) read_folder(folders + i, dir);
}

static void record(char kind, char const *name, char const *s, size_t len)
{
  size_t n = strlen(name);
  printf("+%zu,%zu:%c%s->", n + 1, len, kind, name);
  fwrite(s, 1, len, stdout);
  putchar('\n');
}

/* A folder serves the name that it has before others that only list it. */
static void serve_name(char kind, char const *key_name, char const *name)
{
  for (int itself = 1; itself >= 0; itself--)
    for (size_t i = 0; i < count; i++)
      if (itself == !strcmp(folders[i].name, name) &&
          has_name(folders + i, name))
        record(kind, key_name, folders[i].name, strlen(folders[i].name));
}

static int seen_before(size_t n, char const *name)
{
  for (size_t i = 0; i < n; i++)
    if (has_name(folders + i, name)) return 1;
  return 0;
}

/* "default", or the first: with all that serve its name, for the client may
   want another kind of key. */
static void write_default(void)
{
  folder const *f = folders;
  for (size_t i = 0; i < count; i++)
    if (!strcmp(folders[i].name, "default")) f = folders + i;
  char const *name = f->names.s;
  if (!strcmp(name, "default") && strlen(name) + 1 < f->names.len)
    name += strlen(name) + 1;
  record('d', "", f->name, strlen(f->name));
  for (size_t i = 0; i < count; i++)
    if (folders + i != f && has_name(folders + i, name))
      record('d', "", folders[i].name, strlen(folders[i].name));
}

static void write_all(void)
{
  for (size_t i = 0; i < count; i++) {
    folder const *f = folders + i;
    record('i', f->name, f->value.s, f->value.len);
    for (size_t k = 0; k < f->names.len; k += strlen(f->names.s + k) + 1)
      if (!seen_before(i, f->names.s + k))
        serve_name('n', f->names.s + k, f->names.s + k);
  }
  if (count) write_default();
}

/* What own_find() looks up */
static void write_clients(void)
{
  for (size_t i = 0; i < count; i++) {
    folder const *f = folders + i;
    record('o', f->name, "c", f->authorities.len != 0);
    put(&f->authorities);
    if (f->certificates) record('i', f->name, f->value.s, f->value.len);
  }
}

static void write_trust(char const *file)
{
  folder all = {.name = ""};
  if (pem_each(file, authority, &all) < 0) strerr_diefu2sys(111, "read ", file);
  put(&all.authorities);
}

static void end_of_table(void)
{
  putchar('\n');
  if (fflush(stdout) || ferror(stdout)) strerr_diefu1sys(111, "write");
}

int main(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  int opt, authorities = 0;
  PROG = "tls-build";
  jail_secret();
  while ((opt = subgetopt_r(argc, argv, "ot", &l)) != -1) switch (opt) {
    case 'o': for_clients = 1; break;
    case 't': authorities = 1; break;
    default: dieusage();
    }
  if (argc - l.ind != 1 || (authorities && for_clients)) dieusage();
  if (authorities) {
    write_trust(argv[l.ind]);
  } else {
    read_all(argv[l.ind]);
    if (!count) strerr_warnw2x("no certificates in ", argv[l.ind]);
    if (for_clients)
      write_clients();
    else
      write_all();
  }
  end_of_table();
  return 0;
}
