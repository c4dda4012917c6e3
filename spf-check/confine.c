#include <signal.h>

#include <skalibs/strerr.h>

#include "confine.h"
#include "jail.h"

#define MEMORY (128u << 20)
#define MEMORY_MESSAGE (256u << 20)

void confine_spooling(char const *dir)
{
  jail_path const paths[] = {
      {"/etc", 0}, {"/run/systemd/resolve", 0}, {dir, 1}, {0}};
  jail const walls = {.paths = paths,
                      .flags = JAIL_NET,
                      .memory = dir ? MEMORY_MESSAGE : MEMORY};
  signal(SIGPIPE, SIG_IGN);
  if (jail_enter(&walls) < 0) strerr_diefu1sys(111, "enter the jail");
}

void confine(void)
{
  confine_spooling(0);
}
