#include <signal.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "parcel-tool.h"

static struct {
  char const *name;
  int (*run)(int argc, char const *const *argv);
} const tools[] = {{"print", parcel_print},
                   {"message", parcel_extract},
                   {"to", parcel_to},
                   {"run", parcel_run},
                   {"when", parcel_when}};

int parcel_read(parcel_in *in, parcel_record *r, char *state)
{
  int got = parcel_next(in, r, state);
  if (got < 0) strerr_diefu1sys(111, "read a parcel");
  return got;
}

void parcel_must(int r, char const *what)
{
  if (r <= 0) strerr_diefu1sys(111, what);
}

void parcel_write(parcel_out *out, char type, void const *s, size_t len)
{
  parcel_must(parcel_put(out, type, s, len, io_after(PARCEL_MS)),
              "write a parcel");
}

void parcel_send(parcel_out *out)
{
  parcel_must(parcel_flush(out, io_after(PARCEL_MS)), "write a parcel");
}

int main(int argc, char const *const *argv)
{
  PROG = "parcel";
  signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; argc > 1 && i < sizeof tools / sizeof *tools; i++)
    if (!strcmp(argv[1], tools[i].name))
      return tools[i].run(argc - 1, argv + 1);
  return parcel_make(argc, argv);
}
