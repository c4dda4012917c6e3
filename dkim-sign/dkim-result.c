#include "dkim-result.h"

char const *const dkim_words[DKIM_RESULTS] = {
    "none", "pass", "fail", "policy", "neutral", "temperror", "permerror"};
