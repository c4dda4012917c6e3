/* needs: tls-serve/der.o tls-serve/pem.o -lbearssl */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mutate.h"
#include "tap.h"
#include "tls-serve/der.h"
#include "tls-serve/pem.h"

char const *PROG = "der";

/* P-256, subject and issuer CN=mx.a.test, SAN mx.a.test *.b.test 127.0.0.1 */
static unsigned char cert[4096];
static size_t certlen;

static int keep(char const *label, unsigned char const *s, size_t len,
                void *data)
{
  (void)data;
  if (strcmp(label, "CERTIFICATE") || len > sizeof cert) return 1;
  memcpy(cert, s, len);
  certlen = len;
  return 1;
}

static int is_der(der const *d, char const *s)
{
  return is_mem((char const *)d->s, d->len, s, s);
}

static void reads(void)
{
  der_certificate c;
  der name;
  if (!ok(der_certificate_read(&c, cert, certlen), "a certificate")) return;
  ok(c.subject.len == c.issuer.len &&
         !memcmp(c.subject.s, c.issuer.s, c.issuer.len),
     "self-signed: subject and issuer are the same");
  ok(der_dns_name(&c.names, &name), "the first name");
  is_der(&name, "mx.a.test");
  ok(der_dns_name(&c.names, &name), "the second");
  is_der(&name, "*.b.test");
  ok(!der_dns_name(&c.names, &name), "an IP address is no DNS name");
  ok(der_common_name(&c.subject, &name), "the common name");
  is_der(&name, "mx.a.test");
  ok(!der_certificate_read(&c, cert, certlen - 1), "one byte short");
  ok(!der_certificate_read(&c, "", 0), "nothing");
}

static int inside(der const *d, unsigned char const *s, size_t len)
{
  return !d->len || (d->s >= s && d->s + d->len <= s + len);
}

static void survives(void)
{
  int good = 1;
  for (int i = 0; i < MUTANTS && good; i++) {
    size_t n;
    unsigned char *s = (unsigned char *)mutate(
        (char *)cert, certlen, BYTES("\x30\x80\x81\x82\xff\0\6\3\xa3"), &n);
    der_certificate c;
    der name;
    if (der_certificate_read(&c, s, n)) {
      good = inside(&c.issuer, s, n) && inside(&c.subject, s, n);
      while (der_dns_name(&c.names, &name)) good &= inside(&name, s, n);
      if (der_common_name(&c.subject, &name)) good &= inside(&name, s, n);
    }
    free(s);
  }
  ok(good, "%d mutations, none leaves its bytes", MUTANTS);
}

static void lengths(void)
{
  der d, to;
  unsigned tag;
  d = (der){(unsigned char const *)"\x04\x84\x00\x00\x00\x01x", 7};
  ok(!der_next(&d, &tag, &to), "a length of four bytes is refused");
  d = (der){(unsigned char const *)"\x04\x80\x00\x00", 4};
  ok(!der_next(&d, &tag, &to), "an indefinite length (X.690 10.1)");
  d = (der){(unsigned char const *)"\x04\x83\xff\xff\xff", 5};
  ok(!der_next(&d, &tag, &to), "more than there is");
  d = (der){(unsigned char const *)"\x1f\x81\x00\x00", 4};
  ok(!der_next(&d, &tag, &to), "tags of several bytes");
  d = (der){(unsigned char const *)"\x04\x00", 2};
  ok(der_next(&d, &tag, &to) && tag == 4 && !to.len && !d.len, "no contents");
}

int main(void)
{
  char dir[] = "/tmp/der-test-XXXXXX", command[512];
  if (!mkdtemp(dir)) return 99;
  setenv("DER_DIR", dir, 1);
  snprintf(command, sizeof command, "%s/c", dir);
  pid_t pid = fork();
  if (!pid) {
    execl("/bin/sh", "sh", "-c",
          "openssl req -x509 -nodes -days 30 -subj /CN=mx.a.test -newkey ec "
          "-pkeyopt ec_paramgen_curve:P-256 -addext 'subjectAltName="
          "DNS:mx.a.test,DNS:*.b.test,IP:127.0.0.1' -keyout \"$DER_DIR/k\" "
          "-out \"$DER_DIR/c\" 2>/dev/null",
          (char *)0);
    _exit(127);
  }
  waitpid(pid, 0, 0);
  ok(pem_each(command, keep, 0) == 1 && certlen, "PEM");
  reads();
  survives();
  lengths();
  unlink(command);
  snprintf(command, sizeof command, "%s/k", dir);
  unlink(command);
  rmdir(dir);
  return done();
}
