/* Flags and keywords as letters behind ":2," of a Maildir file name: A to Z
   are bits 0 to 25, a to z (keywords) bits 26 to 51. */
#ifndef LETTERS_H
#define LETTERS_H

#include <stddef.h>
#include <stdint.h>

#define LETTERS_FMT 53
#define LETTERS_SYSTEM                                                         \
  (letter_bit('D') | letter_bit('F') | letter_bit('R') | letter_bit('S') |     \
   letter_bit('T'))
#define LETTERS_KEYWORDS (((UINT64_C(1) << 26) - 1) << 26)

/* The system flags (RFC 3501 2.3.2) but \Recent. */
#define LETTERS_FLAGS 5
typedef struct letters_flag {
  char letter;
  char const *name;
} letters_flag;
extern letters_flag const letters_flags[LETTERS_FLAGS];

static inline uint64_t letter_bit(char c)
{
  if (c >= 'A' && c <= 'Z') return UINT64_C(1) << (c - 'A');
  if (c >= 'a' && c <= 'z') return UINT64_C(1) << (c - 'a' + 26);
  return 0;
}

static inline uint64_t letter_keyword(unsigned n)
{
  return UINT64_C(1) << (26 + n);
}

/* In the order of their codes, as the specification wants it. */
static inline unsigned letters_format(char *to, uint64_t letters)
{
  unsigned n = 0;
  for (unsigned i = 0; i < 52; i++)
    if (letters >> i & 1) to[n++] = (char)(i < 26 ? 'A' + i : 'a' + i - 26);
  return n;
}

/* The bit of the system flag of that name, whatever its case; 0: none */
uint64_t letters_named(char const *s, size_t len);

#endif
