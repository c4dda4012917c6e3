/* needs: dkim-sign/key.o dkim-sign/der.o dkim-sign/rsa-public.o -lbearssl -lsodium */
#include <errno.h>
#include <stdlib.h>

#include "base64.h"
#include "dkim-sign/der.h"
#include "dkim-sign/key.h"
#include "mutate.h"
#include "nomem.h"

/* RFC 8463 A.1: the RSA key there is a "RSA PRIVATE KEY" of 1024 bits */
static char const rfc8463[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi\n"
    "Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM\n"
    "KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\n"
    "AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm\n"
    "6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe\n"
    "zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy\n"
    "6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc\n"
    "uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy\n"
    "WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd\n"
    "WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a\n"
    "licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst\n"
    "o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe\n"
    "uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL\n"
    "-----END RSA PRIVATE KEY-----\n";

/* The key of RFC 8032 7.1, test 1, as PKCS#8 */
static char const rfc8032[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";

static void is_record(char const *pem, char const *want, char const *what)
{
  static key k;
  stralloc text = STRALLOC_ZERO;
  ok(key_read(&k, pem, strlen(pem)) == 1, "key_read");
  ok(key_record(&text, &k) == 1, "key_record");
  is_mem(text.s, text.len, want, what);
  stralloc_free(&text);
}

/* Damaged files are refused; whatever is read signs right. What is flipped
   outside the numbers (version, spare bits of base64) may go unseen. */
static void damaged(char const *pem, size_t len, char const *what)
{
  static key k;
  int wrong = 0, refused = 0;
  for (int i = 0; i < 300; i++) {
    size_t n;
    char *copy = mutate(pem, len, BYTES("A/+=-\n\r \0zM"), &n);
    if (key_read(&k, copy, n)) {
      unsigned char hash[KEY_HASH] = {1}, sig[KEY_SIGNATURE_MAX];
      wrong += !key_sign(&k, hash, sig);
    } else {
      refused++;
      wrong += errno != EINVAL && errno != ENOTSUP;
    }
    free(copy);
  }
  for (size_t n = 0; n < len; n += 7) key_read(&k, pem, n);
  is_int(wrong, 0, what);
  printf("# %d of 300 refused\n", refused);
}

/* The DER within that PEM, and PEM of other DER */
static size_t der_of(unsigned char *to, size_t size, char const *pem)
{
  char const *from = strstr(pem, "-----\n") + 6,
             *end = strstr(from, "-----END");
  size_t n = 0;
  sodium_base642bin(to, size, from, (size_t)(end - from), "\n", &n, 0,
                    sodium_base64_VARIANT_ORIGINAL);
  return n;
}

static int read_der(key *k, char const *label, unsigned char const *s, size_t n)
{
  stralloc pem = STRALLOC_ZERO;
  int r;
  stralloc_cats(&pem, "-----BEGIN ");
  stralloc_cats(&pem, label);
  stralloc_cats(&pem, "-----\n");
  base64_encode(&pem, s, n);
  stralloc_cats(&pem, "\n-----END ");
  r = key_read(k, pem.s, pem.len);
  stralloc_free(&pem);
  return r;
}

/* Beneath base64: whatever is read signs right. */
static void damaged_der(char const *pem, char const *label)
{
  static key k;
  unsigned char good[2000];
  size_t len = der_of(good, sizeof good, pem);
  int wrong = !read_der(&k, label, good, len), refused = 0;
  for (int i = 0; i < 600; i++) {
    size_t n;
    char *s =
        mutate((char *)good, len, BYTES("\0\1\2\4\x30\x80\x81\x82\xff"), &n);
    unsigned char hash[KEY_HASH] = {1}, sig[KEY_SIGNATURE_MAX];
    if (!read_der(&k, label, (unsigned char *)s, n))
      refused++;
    else
      wrong += !key_sign(&k, hash, sig);
    free(s);
  }
  is_int(wrong, 0, label);
  ok(refused > 0, "%d of 600 refused", refused);
}

/* SEQUENCE of numbers, with so many bytes of those that matter */
static int numbers(unsigned version, unsigned modulus, unsigned prime,
                   unsigned exponent)
{
  static key k;
  unsigned char s[4096];
  der_out out = {s, sizeof s, 0};
  unsigned char many[2048];
  unsigned const len[] = {1, modulus, 3, modulus, prime, prime, exponent, 1, 1};
  memset(many, 0x55, sizeof many);
  for (int i = 8; i >= 0; i--) {
    unsigned char const v = (unsigned char)version;
    der_put(&out, i ? (void const *)many : &v, len[i]);
    der_wrap(&out, DER_INTEGER, out.at + len[i]);
  }
  der_wrap(&out, DER_SEQUENCE, sizeof s);
  return read_der(&k, "RSA PRIVATE KEY", s + out.at, sizeof s - out.at);
}

static void test_sizes(void)
{
  ok(!numbers(0, 64, 32, 32) && errno == ENOTSUP, "RSA of 512 bits");
  ok(!numbers(0, 1100, 32, 32) && errno == ENOTSUP, "RSA of 8800 bits");
  ok(!numbers(0, 256, 600, 32) && errno == ENOTSUP, "a prime too long");
  ok(!numbers(1, 256, 128, 128) && errno == EINVAL, "more than two primes");
  ok(!numbers(0, 256, 128, 128) && errno == EINVAL, "numbers of no key");
}

static int starved_record(void)
{
  static key k;
  stralloc text = STRALLOC_ZERO;
  int r = 1;
  for (int i = 0; i < 2 && r > 0; i++) {
    char const *pem = i ? rfc8463 : rfc8032;
    text.len = 0;
    r = key_read(&k, pem, strlen(pem)) ? key_record(&text, &k) : 0;
    stralloc_free(&text);
  }
  return nomem_judge(r, r == 1);
}

static void test_der(void)
{
  unsigned char const good[] = {0x30, 0x81, 0x80}, slack[] = {0x30, 0x81, 0x01},
                      endless[] = {0x30, 0x80, 0, 0}, negative[] = {2, 1, 0x80},
                      zero[] = {2, 1, 0};
  der d = {good, sizeof good}, v;
  ok(!der_take(&d, DER_SEQUENCE, &v), "DER: more announced than there is");
  d = (der){slack, sizeof slack};
  ok(!der_take(&d, DER_SEQUENCE, &v), "DER: a length that is not the shortest");
  d = (der){endless, sizeof endless};
  ok(!der_take(&d, DER_SEQUENCE, &v), "DER: an indefinite length");
  d = (der){negative, sizeof negative};
  ok(!der_take_unsigned(&d, &v), "DER: a negative number");
  d = (der){zero, sizeof zero};
  ok(der_take_unsigned(&d, &v) && !v.len && !d.len, "DER: zero");
  d = (der){zero, 0};
  ok(!der_take(&d, DER_INTEGER, &v), "DER: nothing");
}

int main(void)
{
  static key k;
  test_der();
  is_record(
      rfc8032,
      "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
      "RFC 8463 A.2: the Ed25519 record");
  is_record(rfc8463,
            "v=DKIM1; h=sha256; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBg"
            "QDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/by"
            "YzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO"
            "9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
            "RFC 8463 A.2: the RSA record, from PKCS#1");
  damaged(rfc8463, strlen(rfc8463), "damaged RSA files");
  damaged(rfc8032, strlen(rfc8032), "damaged Ed25519 files");
  damaged_der(rfc8463, "RSA PRIVATE KEY");
  damaged_der(rfc8032, "PRIVATE KEY");
  test_sizes();
  nomem_each(starved_record, "key_record");
  ok(key_read(&k, rfc8463, strlen(rfc8463)) &&
         !strcmp(key_algorithm(&k), "rsa-sha256"),
     "RFC 6376 3.3.2: rsa-sha256");
  ok(key_read(&k, rfc8032, strlen(rfc8032)) &&
         !strcmp(key_algorithm(&k), "ed25519-sha256"),
     "RFC 8463 3: ed25519-sha256");
  ok(!key_read(&k, "", 0) && errno == EINVAL, "an empty file is no key");
  return done();
}
