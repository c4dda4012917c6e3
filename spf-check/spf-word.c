/* The results of SPF and their codes, for those who only read of them. */
#include <string.h>

#include "spf.h"

char const *const spf_words[SPF_RESULTS] = {
    "none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"};

int spf_word_scan(enum spf_result *r, char const *s)
{
  for (enum spf_result i = SPF_NONE; i < SPF_RESULTS; i++)
    if (!strcmp(spf_words[i], s)) {
      *r = i;
      return 1;
    }
  return 0;
}

/* RFC 7372 3.2: X.7.23, X.7.24 */
char const *spf_detail(enum spf_result r)
{
  return r == SPF_FAIL || r == SPF_SOFTFAIL ? "7.23" : "7.24";
}
