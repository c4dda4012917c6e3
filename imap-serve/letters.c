#include <string.h>
#include <strings.h>

#include "letters.h"

letters_flag const letters_flags[LETTERS_FLAGS] = {{'R', "\\Answered"},
                                                   {'F', "\\Flagged"},
                                                   {'T', "\\Deleted"},
                                                   {'S', "\\Seen"},
                                                   {'D', "\\Draft"}};

uint64_t letters_named(char const *s, size_t len)
{
  for (unsigned i = 0; i < LETTERS_FLAGS; i++) {
    letters_flag const *f = letters_flags + i;
    if (len == strlen(f->name) && !strncasecmp(s, f->name, len))
      return letter_bit(f->letter);
  }
  return 0;
}
