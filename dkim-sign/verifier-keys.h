/* The part of the verifier that asks the DNS. */
#ifndef VERIFIER_KEYS_H
#define VERIFIER_KEYS_H

#include "verifier.h"

/* Gets the keys of all signatures that are still good, at once, and verifies
   each over the header. */
void verifier_keys(verifier *v);

#endif
