#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/types.h>

#include "ids.h"

#define NAME 64

int ids_user(char const *s, uid_t *uid)
{
  struct passwd *p;
  if (uid0_scan(s, uid)) return 1;
  p = getpwnam(s);
  if (p) *uid = p->pw_uid;
  return p != 0;
}

static int group(char const *s, gid_t *gid)
{
  struct group *g;
  if (gid0_scan(s, gid)) return 1;
  g = getgrnam(s);
  if (g) *gid = g->gr_gid;
  return g != 0;
}

int ids_pair(char const *s, uid_t *uid, gid_t *gid)
{
  char user[NAME];
  char const *colon = strchr(s, ':');
  struct passwd *p;
  if (colon) {
    size_t n = (size_t)(colon - s);
    if (n >= sizeof user) return 0;
    memcpy(user, s, n);
    user[n] = 0;
    return ids_user(user, uid) && group(colon + 1, gid);
  }
  p = getpwnam(s);
  if (!p) return 0;
  *uid = p->pw_uid;
  *gid = p->pw_gid;
  return 1;
}

int ids_drop(uid_t uid, gid_t gid)
{
  if (geteuid()) return 1;
  if (setgroups(1, &gid) < 0 || setgid(gid) < 0 || setuid(uid) < 0) return -1;
  return 1;
}
