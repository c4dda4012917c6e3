/* What server and client have in common: TLS 1.2, ECDHE, AEAD first. */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdint.h>

#include <bearssl.h>

/* Names the fastest implementations that this processor has. Once, before any
   fork: CPUID traps in virtual machines and costs up to 35 µs each time. */
void engine_prepare(void);

/* Fills a zeroed engine: suites, algorithms, buffer, entropy. 1, or -1 with
   errno. One engine per process: the record buffer is static. */
int engine_setup(br_ssl_engine_context *e);

/* IANA's name of a suite that engine_setup offers. */
char const *engine_cipher(uint16_t suite);

/* A few words about br_ssl_engine_last_error. */
char const *engine_error(int error);

#endif
