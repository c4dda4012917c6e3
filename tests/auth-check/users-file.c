/* needs: auth-check/users-file.o -lidn2 -lutf8proc */
/* The users file, damaged, in the way, and without memory: no entry is lost,
   and none is found for another. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth-check/users-file.h"
#include "mutate.h"
#include "nomem.h"

#define KEY "a.b@our.test"
#define USERS                                                                  \
  "# ours\n\n\"x:y\"@our.test:$6$h\n\"a.b\"@OUR.test \t:$2b$x\nno entry\n"

static unsigned entries;

static void count(char const *s, size_t len)
{
  (void)s, (void)len;
  entries++;
}

static int finds(char *s, size_t len)
{
  stralloc const text = {s, len, len}, key = {BYTES(KEY), 0};
  size_t start = 0, end = 0;
  int r = users_file_find(&text, &key, &start, &end);
  users_file_each(&text, count);
  if (end > len || (r && start >= end)) return -1;
  return r;
}

static int without_memory(void)
{
  users_file f;
  stralloc const key = {BYTES(KEY), 0};
  size_t start, end;
  int r = users_file_open(&f, "users"), found = 0;
  if (r > 0) found = users_file_find(&f.text, &key, &start, &end);
  if (r > 0 && !found) r = -1;
  stralloc_free(&f.text);
  if (f.lock >= 0) close(f.lock);
  return nomem_judge(r, found && f.path);
}

static void put(char const *s, mode_t mode)
{
  FILE *f = fopen("users", "w");
  if (!f || fputs(s, f) < 0 || fclose(f) || chmod("users", mode)) abort();
}

static void files(void)
{
  static char name[1100];
  users_file f;
  struct stat st;
  put("a@b.test:x", 0640);
  is_int(users_file_open(&f, "users"), 1, "a file whose last line has no end");
  is_mem(f.text.s, f.text.len, "a@b.test:x\n", "is given one");
  is_int(users_file_write(&f), 1, "written, in the working directory");
  ok(!stat("users", &st) && (st.st_mode & 07777) == 0640, "its mode stays");
  f.path = "nowhere/users";
  is_int(users_file_write(&f), -1, "a directory that is not there");
  memset(name, 'x', sizeof name - 1);
  f.path = name;
  is_int(users_file_write(&f), -1, "a name too long");
  mkdir("d", 0700);
  f.path = "d";
  is_int(users_file_write(&f), -1, "a directory in its place");
  ok(access("d.new", F_OK) < 0, "leaves no new file");
  if (symlink("loop", "loop") < 0) abort();
  f.path = "loop";
  is_int(users_file_write(&f), -1, "a link to itself");
  close(f.lock);
  stralloc_free(&f.text);
  is_int(users_file_open(&f, name), -1, "a name too long to be read");
  is_int(users_file_open(&f, "nowhere/users"), -1, "nor nowhere");
  is_int(users_file_open(&f, "d"), -1, "a directory is no users file");
  close(f.lock);
  stralloc_free(&f.text);
  is_int(users_file_open(&f, "none"), 1, "one that is not there is empty");
  is_int((long long)f.text.len, 0, "indeed");
  close(f.lock);
  stralloc_free(&f.text);
}

int main(void)
{
  static mutants_input const valid[] = {{BYTES(USERS)}, {BYTES(KEY ":x")}};
  static char const *const left[] = {"users", "users.lock", "d.lock",
                                     "none.lock", "loop"};
  char place[] = "/tmp/users-file.XXXXXX";
  if (!mkdtemp(place) || chdir(place) < 0) return 111;
  files();
  show_mutants("users file", valid, ":\n# \t\"@.\0abx\xfc", finds);
  ok(entries > 0, "users_file_each: %u entries", entries);
  put("\"a.b\"@OUR.test:x", 0600);
  nomem_each(without_memory, "users_file_open, users_file_find");
  for (size_t i = 0; i < sizeof left / sizeof *left; i++) unlink(left[i]);
  rmdir("d");
  rmdir(place);
  return done();
}
