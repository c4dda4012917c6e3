/* needs: auth-check/users.o -lidn2 -lutf8proc */
/* Names that clients log in with, damaged: none is another's. */
#include <stdlib.h>
#include <unistd.h>

#include <skalibs/cdbmake.h>

#include "auth-check/auth-check.h"
#include "mutate.h"
#include "nomem.h"

options opt;
static char path[] = "/tmp/users.XXXXXX";

/* A table of one account, or of none where hash is 0 */
static void make(char const *hash)
{
  cdbmaker maker = CDBMAKER_ZERO;
  int fd;
  strcpy(path, "/tmp/users.XXXXXX");
  fd = mkstemp(path);
  if (fd < 0 || !cdbmake_start(&maker, fd) ||
      (hash && !cdbmake_add(&maker, "a.b@our.test", 12, hash,
                            (uint32_t)strlen(hash))) ||
      !cdbmake_finish(&maker))
    abort();
  close(fd);
  opt.file = path;
}

static int finds(char *s, size_t len)
{
  char account[ADDR_MAX + 1] = "", hash[PASSWORD_HASH] = "";
  int r = users_find(s, account, hash);
  (void)len;
  if (r < 0 || !*hash) return -1;
  return r ? strcmp(account, "a.b@our.test") ? -1 : 1 : 0;
}

static int without_memory(void)
{
  char account[ADDR_MAX + 1], hash[PASSWORD_HASH];
  int r = users_find("\"a.b\"@OUR.test", account, hash);
  return nomem_judge(r, r > 0 && !strcmp(hash, "$y$x"));
}

int main(void)
{
  static mutants_input const names[] = {{BYTES("a.b@our.test")},
                                        {BYTES("\"A.b\"@OUR.test")}};
  char account[ADDR_MAX + 1], hash[PASSWORD_HASH], big[PASSWORD_HASH + 1];
  make("$y$x");
  show_mutants_text("users_find", names, "@.\"\\ aAbB\xc3\xbc", finds);
  nomem_each(without_memory, "users_find");
  is_int(users_find("c@our.test", account, hash), 0, "nobody");
  is_str(hash, "$y$x", "has the hash of somebody: it takes as long");
  is_int(users_find("c@our.test", account, 0), 0, "nobody, and no hash wanted");
  is_int(users_find("a.b@our.test", account, 0), 1, "somebody");
  is_int(users_find("", account, hash), 0, "no name");
  unlink(path);
  is_int(users_find("a.b@our.test", account, hash), -1,
         "a table that is missing is no answer");
  make(0);
  is_int(users_find("a.b@our.test", account, hash), 0, "an empty table");
  ok(!strncmp(hash, "$argon2id$", 10), "still there is a hash to compute");
  unlink(path);
  memset(big, 'x', sizeof big - 1);
  big[sizeof big - 1] = 0;
  make(big);
  is_int(users_find("a.b@our.test", account, hash), -1, "a hash too long");
  is_int(users_find("c@our.test", account, hash), -1, "as that of nobody");
  if (truncate(path, 2100) < 0) return 111;
  is_int(users_find("a.b@our.test", account, hash), -1, "a table cut short");
  unlink(path);
  return done();
}
