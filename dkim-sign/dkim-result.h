/* Results of DKIM (RFC 8601 2.7.1), and what they say here:
   fail: a hash or the signature does not match;
   policy: it is not acceptable to us, whatever it may be worth otherwise;
   neutral: the field cannot be read, or asks for what we do not know;
   permerror: RFC 6376 makes it worthless, or there is no usable key. */
#ifndef DKIM_RESULT_H
#define DKIM_RESULT_H

typedef enum dkim_result {
  DKIM_NONE,
  DKIM_PASS,
  DKIM_FAIL,
  DKIM_POLICY,
  DKIM_NEUTRAL,
  DKIM_TEMPERROR,
  DKIM_PERMERROR
} dkim_result;
#define DKIM_RESULTS (DKIM_PERMERROR + 1)

extern char const *const dkim_words[DKIM_RESULTS]; /* "none" … */

#endif
