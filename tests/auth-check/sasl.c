/* needs: auth-check/sasl.o -lsodium -lidn2 -lutf8proc */
#include <stdlib.h>

#include <sodium.h>

#include "auth-check/sasl.h"
#include "tap.h"

char const *PROG = "sasl";

static sasl s;

static int respond(int mechanism, void const *raw, size_t len)
{
  static char text[8192];
  s = (sasl){.mechanism = mechanism};
  sodium_bin2base64(text, sizeof text, raw, len,
                    sodium_base64_VARIANT_ORIGINAL);
  return sasl_respond(&s, text);
}

#define PLAIN(x) respond(SASL_PLAIN, x, sizeof(x) - 1)

static void plain(void)
{
  char big[2 * ADDR_MAX + PASSWORD_MAX + 8];
  is_int(PLAIN("\0a@b\0pw"), SASL_DONE, "RFC 4616: authcid and passwd");
  is_str(s.name, "a@b", "name");
  is_str(s.password, "pw", "password");
  is_int(PLAIN("a@b\0a@b\0pw"), SASL_DONE, "authzid the same");
  is_int(PLAIN("A@B\0a@b\0pw"), SASL_DONE, "in other letters");
  is_int(PLAIN("c@b\0a@b\0pw"), SASL_AUTHZ, "another");
  is_int(PLAIN("\0a@b\0"), SASL_DONE, "no password: for the table to refuse");
  is_int(PLAIN(""), SASL_BAD, "nothing");
  is_int(PLAIN("\0"), SASL_BAD, "one NUL");
  is_int(PLAIN("\0\0"), SASL_DONE, "empty strings");
  is_int(PLAIN("\0a@b\0p\0w"), SASL_BAD, "a NUL too many");
  memset(big, 'x', sizeof big);
  big[0] = big[4] = 0;
  is_int(respond(SASL_PLAIN, big, PASSWORD_MAX + 5), SASL_DONE,
         "the longest password");
  is_int(respond(SASL_PLAIN, big, PASSWORD_MAX + 6), SASL_BAD, "and one more");
  is_int(respond(SASL_PLAIN, big, sizeof big), SASL_BAD, "beyond the buffer");
}

static void login(void)
{
  s = (sasl){.mechanism = SASL_LOGIN};
  is_int(sasl_respond(&s, 0), SASL_ASK, "LOGIN asks");
  is_str(s.challenge, "VXNlcm5hbWU6", "Username:");
  is_int(sasl_respond(&s, "YUBi"), SASL_ASK, "twice");
  is_str(s.challenge, "UGFzc3dvcmQ6", "Password:");
  is_int(sasl_respond(&s, "cHc="), SASL_DONE, "and has both");
  is_str(s.name, "a@b", "name");
  is_str(s.password, "pw", "password");
}

static void survives(void)
{
  int good = 1;
  srandom(1);
  for (int i = 0; i < 100000; i++) {
    char text[64];
    size_t n = (size_t)random() % sizeof text;
    for (size_t k = 0; k < n; k++)
      text[k] = "AGEAYgBj+/=x \t\001"[random() % 15];
    text[n] = 0;
    s = (sasl){.mechanism = i & 1};
    for (int turn = 0; turn < 3; turn++) {
      int r = sasl_respond(&s, text);
      good &= r >= 0 && r <= 3;
      if (r != SASL_ASK) break;
    }
  }
  ok(good, "random responses");
}

int main(void)
{
  if (sodium_init() < 0) return 99;
  is_int(sasl_mechanism("plain"), SASL_PLAIN, "names without case");
  is_int(sasl_mechanism("XOAUTH2"), SASL_UNKNOWN, "another mechanism");
  plain();
  login();
  survives();
  return done();
}
