#include <string.h>

#include <sodium.h>

#include "emailid.h"

/* Of the UID list's record: "W123 G45"; 0: there are none */
static char const *extensions(mailbox const *m, uint32_t uid)
{
  size_t low = 0, high = m->uids.n;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (m->uids.v[mid].uid < uid)
      low = mid + 1;
    else
      high = mid;
  }
  if (low == m->uids.n || m->uids.v[low].uid != uid || !m->uids.v[low].extra)
    return 0;
  return m->uids.names.s + m->uids.v[low].extra;
}

size_t emailid_guid(mailbox const *m, message const *g, char *to)
{
  char const *s = message_base(m, g), *e = extensions(m, g->uid);
  size_t n = strlen(s);
  for (; e; e = strchr(e, ' ')) {
    if (*e == ' ') e++;
    if (*e != 'G' || !e[1] || e[1] == ' ') continue;
    s = e + 1;
    n = strcspn(s, " ");
    break;
  }
  if (n >= EMAILID_GUID) n = EMAILID_GUID - 1;
  memcpy(to, s, n);
  to[n] = 0;
  return n;
}

void emailid(mailbox const *m, message const *g, char *to)
{
  char guid[EMAILID_GUID];
  unsigned char hash[16];
  size_t n = emailid_guid(m, g, guid);
  crypto_generichash(hash, sizeof hash, (unsigned char const *)guid, n, 0, 0);
  sodium_bin2hex(to, EMAILID_SIZE, hash, sizeof hash);
}
