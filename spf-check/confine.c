#include <signal.h>

#include <skalibs/strerr.h>

#include "confine.h"
#include "jail.h"

#define MEMORY (128u << 20)

void confine(void)
{
  static jail_path const paths[] = {
      {"/etc", 0}, {"/run/systemd/resolve", 0}, {0}};
  static jail const walls = {
      .paths = paths, .flags = JAIL_NET, .memory = MEMORY};
  signal(SIGPIPE, SIG_IGN);
  if (jail_enter(&walls) < 0) strerr_diefu1sys(111, "enter the jail");
}
