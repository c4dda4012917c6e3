/* needs: */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "maildir.h"
#include "tap.h"

static void test_parse(void)
{
  maildir_name n;
  maildir_parse(&n, "1.M2P3.host,S=10,W=12:2,FS");
  is_int((long long)n.baselen, 11, "the unique part ends at the comma");
  is_int((long long)n.size, 10, "S= is the size");
  is_int((long long)n.wire, 12, "W= is the size with CRLF");
  is_str(n.flags, "FS", "flags");
  maildir_parse(&n, "1.x.host:2,");
  is_int((long long)n.baselen, 8, "or at the colon");
  ok(n.size == UINT64_MAX && n.wire == UINT64_MAX, "no sizes");
  is_str(n.flags, "", "no flags");
  maildir_parse(&n, "1.x.host,W=5:2,,S=7");
  ok(n.size == UINT64_MAX && n.wire == 5, "flags are no sizes");
  maildir_parse(&n, "1.x,S=99999999999999999999999,W=1x");
  ok(n.size == UINT64_MAX && n.wire == UINT64_MAX, "bad numbers are none");
  maildir_parse(&n, "1.x:1,abc");
  is_str(n.flags, "", "other info is no flags");
  maildir_parse(&n, "");
  is_int((long long)n.baselen, 0, "the empty name");
}

static void test_unique(void)
{
  char a[MAILDIR_NAME + 1], b[MAILDIR_NAME + 1];
  maildir_name n;
  setenv("ROHRPOST_ME", "a/b:c,d", 1);
  ok(maildir_unique(a, 0, 5, 6) && maildir_unique(b, 0, 5, 6), "names");
  ok(strcmp(a, b), "are not the same twice");
  maildir_parse(&n, a);
  ok(n.size == 5 && n.wire == 6, "and can be read");
  ok(strstr(a, ".a\\057b\\072c\\054d,S=") != 0, "the host has no / : ,");
  maildir_unique(a, "Q1R2", 1, 2);
  ok(strstr(a, ".Q1R2.a") != 0, "a tag takes the middle");
}

static int there(char const *path, mode_t mode)
{
  struct stat st;
  return stat(path, &st) == 0 && (st.st_mode & S_IFMT) == mode;
}

static void test_make(char const *base)
{
  char dir[256], path[400], folder[MAILDIR_NAME + 1];
  snprintf(dir, sizeof dir, "%s/a.test/alice", base);
  is_int(maildir_make(dir), 1, "a Maildir is made, with its parents");
  snprintf(path, sizeof path, "%s/.Trash/new", dir);
  ok(there(path, S_IFDIR), "with special mailboxes");
  snprintf(path, sizeof path, "%s/.Trash/maildirfolder", dir);
  ok(there(path, S_IFREG), "marked as Maildir++ wants");
  snprintf(path, sizeof path, "%s/.Trash", dir);
  snprintf(folder, sizeof folder, "%s/away", base);
  rename(path, folder);
  is_int(maildir_make(dir), 1, "what exists is left alone");
  ok(!there(path, S_IFDIR), "also what the user has removed");
  is_int(maildir_folder_make(dir, ".Trash"), 1, "one can be made alone");
  snprintf(dir, sizeof dir, "%s/file/x", base);
  snprintf(path, sizeof path, "%s/file", base);
  fclose(fopen(path, "w"));
  is_int(maildir_make(dir), -1, "not below a file");
  setenv("ROHRPOST_FOLDERS", "Sent=Gesendet:Junk=../x:Trash=:Drafts=a/b", 1);
  maildir_folder(folder, "Sent");
  is_str(folder, ".Gesendet", "another name");
  maildir_folder(folder, "Junk");
  is_str(folder, ".Junk", "but no path");
  maildir_folder(folder, "Trash");
  is_str(folder, ".Trash", "and not empty");
  maildir_folder(folder, "Drafts");
  is_str(folder, ".Drafts", "nor with a slash");
}

int main(void)
{
  char base[] = "/tmp/maildir.XXXXXX", command[64];
  unsetenv("ROHRPOST_FOLDERS");
  test_parse();
  test_unique();
  if (mkdtemp(base)) {
    test_make(base);
    snprintf(command, sizeof command, "rm -rf %s", base);
    if (system(command)) return 1;
  }
  return done();
}
