#include <stdio.h>
#include <string.h>

#include "letters.h"
#include "names.h"
#include "put-answer.h"

#define HEAD "2.0.0 flags="
#define MAILBOX " mailbox="

static int folder(put_answer *a, char const *s, size_t len)
{
  if (!len || name_is_inbox(s, len)) return 1;
  if (!name_valid(s, len) || !name_utf7(s, len)) return 0;
  snprintf(a->folder, sizeof a->folder, "%c%.*s", NAMES_DELIMITER, (int)len, s);
  return 1;
}

/* The line at s[*pos..len) without its end, which may be CR LF */
static size_t next_line(char const *s, size_t len, size_t *pos)
{
  char const *lf = memchr(s + *pos, '\n', len - *pos);
  size_t n = lf ? (size_t)(lf - s) - *pos : len - *pos;
  size_t line = n && s[*pos + n - 1] == '\r' ? n - 1 : n;
  *pos += n + (lf != 0);
  return line;
}

int put_answer_read(put_answer *a, char const *s, size_t len, unsigned *other)
{
  size_t pos = 0, n;
  *a = (put_answer){.letters = 0};
  *other = 0;
  if (!len) return 1;
  n = next_line(s, len, &pos);
  if (!folder(a, s, n)) return 0;
  while (pos < len) {
    size_t at = pos;
    uint64_t letter;
    n = next_line(s, len, &pos);
    letter = letters_named(s + at, n);
    a->letters |= letter;
    if (n && !letter) ++*other;
  }
  return 1;
}

void put_answer_text(char *to, put_answer const *a)
{
  char letters[LETTERS_FMT];
  unsigned n = letters_format(letters, a->letters);
  snprintf(to, PUT_ANSWER_TEXT, "%s%.*s%s%s", HEAD, (int)n, letters, MAILBOX,
           *a->folder ? a->folder + 1 : "INBOX");
}

int put_answer_scan(put_answer *a, char const *text)
{
  size_t n = strlen(HEAD);
  *a = (put_answer){.letters = 0};
  if (strncmp(text, HEAD, n)) return 0;
  for (text += n; *text && *text != ' '; text++)
    a->letters |= letter_bit(*text) & LETTERS_SYSTEM;
  n = strlen(MAILBOX);
  if (!strncmp(text, MAILBOX, n) && folder(a, text + n, strlen(text + n)))
    return 1;
  *a = (put_answer){.letters = 0};
  return 0;
}
