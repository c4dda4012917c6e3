#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "log.h"
#include "talk.h"

static void show(char const *who, char const *s, size_t n)
{
  log_info("%s: %.*s", who, (int)(n < TALK_LINE ? n : TALK_LINE), s);
}

/* Length of what may be shown of "TAG LOGIN user password", else 0: nobody has
   to log in here, but some client may try. */
static size_t login_length(char const *s, size_t n)
{
  static char const *const names[] = {"LOGIN", "AUTHENTICATE"};
  char const *word = memchr(s, ' ', n);
  size_t left = word ? n - (size_t)(++word - s) : 0;
  for (size_t i = 0; i < 2; i++) {
    size_t k = strlen(names[i]);
    if (left >= k && !strncasecmp(word, names[i], k))
      return (size_t)(word - s) + k;
  }
  return 0;
}

void talk_client(talk *t, char const *s, size_t n)
{
  size_t most = n;
  if (!t->literal) {
    size_t k = login_length(s, n);
    t->secret = k > 0;
    if (k) most = k;
  } else if (t->secret)
    most = 0;
  t->literal = n && s[n - 1] == '}';
  show(most < n ? "C (no more is shown)" : "C", s, most);
}

static void keep(talk *t, char const *s, size_t n)
{
  size_t room = t->len < TALK_LINE ? TALK_LINE - t->len : 0;
  size_t last = n < sizeof t->tail ? n : sizeof t->tail;
  memcpy(t->line + (TALK_LINE - room), s, n < room ? n : room);
  memmove(t->tail, t->tail + last, sizeof t->tail - last);
  memcpy(t->tail + sizeof t->tail - last, s + n - last, last);
  t->len += n;
}

/* "{n}" CR at the end of the tail: n, else 0 */
static uint64_t announced(talk const *t)
{
  char end[sizeof t->tail + 1], *brace;
  memcpy(end, t->tail, sizeof t->tail);
  end[sizeof t->tail] = 0;
  brace = memrchr(end, '{', sizeof t->tail);
  return brace && strstr(brace, "}\r") ? strtoull(brace + 1, 0, 10) : 0;
}

void talk_server(talk *t, char const *s, size_t n)
{
  while (n) {
    char const *lf;
    size_t k = n;
    if (t->skip) {
      if (k > t->skip) k = (size_t)t->skip;
      t->skip -= k;
    } else {
      lf = memchr(s, '\n', n);
      if (lf) k = (size_t)(lf - s);
      keep(t, s, k);
      if (lf) {
        size_t len = t->len && t->tail[sizeof t->tail - 1] == '\r';
        show("S", t->line, t->len - len);
        t->skip = announced(t);
        t->len = 0;
        memset(t->tail, 0, sizeof t->tail);
        k++;
      }
    }
    s += k;
    n -= k;
  }
}
