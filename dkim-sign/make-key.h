/* New private keys as PKCS#8 PEM. */
#ifndef MAKE_KEY_H
#define MAKE_KEY_H

#include <stddef.h>

#include "key.h"

/* Writes at most KEY_FILE_MAX bytes to pem, *len of them. bits: 2048, 3072 or
   4096 for RSA. 1 or -1 with errno. Takes up to some seconds. */
int make_key(char *pem, size_t *len, key_type type, unsigned bits);

#endif
