/* What filters read from options and write into records. */
#include <ctype.h>
#include <string.h>

#include "filter.h"

int filter_action_scan(filter_action *a, char const *s, size_t len)
{
  static char const *const words[] = {"ignore", "junk", "reject", "defer"};
  for (unsigned i = 0; i < 4; i++)
    if (strlen(words[i]) == len && !strncmp(words[i], s, len)) {
      *a = (filter_action)i;
      return 1;
    }
  return 0;
}

int filter_actions_scan(filter_action *a, char const *const *words, unsigned n,
                        char const *s)
{
  for (;;) {
    size_t len = strcspn(s, ","), word = strcspn(s, "=");
    unsigned i = 0;
    if (word >= len) return 0;
    while (i < n && (strlen(words[i]) != word || strncmp(words[i], s, word)))
      i++;
    if (i == n || !filter_action_scan(a + i, s + word + 1, len - word - 1))
      return 0;
    s += len;
    if (!*s++) return 1;
  }
}

int filter_reply_fits(filter_action a, char const *reply)
{
  static char const class[] = {0, '2', '5', '4'};
  size_t len = strlen(reply), digits = strspn(reply, "0123456789");
  if (*reply != class[a] || digits != 3 || reply[3] != ' ') return 0;
  if (len < 5 || len >= PARCEL_REPLY) return 0;
  for (size_t i = 0; i < len; i++)
    if (reply[i] < ' ' || reply[i] > '~') return 0;
  return reply[4] != class[a] || reply[5] == '.';
}

void filter_property(char *to, size_t size, char const *s)
{
  size_t n = 0;
  int plain = *s != 0;
  for (char const *p = s; *p; p++)
    if (!(isalnum((unsigned char)*p) && !(*p & 0x80)) &&
        !strchr("!#$%&'*+-/=?^_`{|}~.@", *p))
      plain = 0;
  if (!plain) to[n++] = '"';
  for (; *s && n + 4 < size; s++) {
    if (!plain && (*s == '"' || *s == '\\')) to[n++] = '\\';
    to[n++] = *s < ' ' || *s > '~' ? '?' : *s;
  }
  if (!plain) to[n++] = '"';
  to[n] = 0;
}
