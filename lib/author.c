#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "author.h"
#include "header.h"

typedef struct reading {
  stralloc *to;
  unsigned n;
  char const *fault; /* the first one, "an address without a domain" */
} reading;

static int fault(reading *r, char const *what)
{
  if (!r->fault) r->fault = what;
  return 1;
}

static int each(addr_item const *a, void *data)
{
  reading *r = data;
  int done;
  if (!a->local) return fault(r, "a group");
  if (a->rest) return fault(r, "text beside its address");
  if (a->route) return fault(r, "a source route");
  if (!a->domain || !*a->domain || !*a->local)
    return fault(r, "an address that is not whole");
  if (*a->domain == '[') return fault(r, "an address literal");
  if (++r->n > AUTHOR_MAX) return fault(r, "too many addresses");
  if (addr_local_put(r->to, a->local, strlen(a->local)) < 0 ||
      !stralloc_catb(r->to, "@", 1))
    return -1;
  done = addr_domain_key(r->to, a->domain, strlen(a->domain));
  if (done < 0) return -1;
  if (!done) fault(r, "a domain that cannot be");
  return stralloc_0(r->to) ? 1 : -1;
}

int author_read(stralloc *to, char const *header, size_t len, char const *name,
                char const **why)
{
  static char text[100];
  header_field f, second;
  reading r = {.to = to};
  int done;
  if (!header_find(&f, header, len, name, 0)) return AUTHOR_ABSENT;
  *why = text;
  if (header_find(&second, header, len, name, 1)) {
    snprintf(text, sizeof text, "several %.20s fields", name);
    return AUTHOR_BAD;
  }
  done = addr_list(f.value, f.valuelen, each, &r);
  if (done < 0) return AUTHOR_ERROR;
  if (done > 1) fault(&r, "text beside its address");
  if (!r.n) fault(&r, "no address");
  if (memchr(f.value, 0, f.valuelen)) r.fault = "a NUL";
  if (!r.fault) return AUTHOR_OK;
  snprintf(text, sizeof text, "%s in the %.20s field", r.fault, name);
  return AUTHOR_BAD;
}
