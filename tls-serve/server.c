#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "facts.h"
#include "policy.h"
#include "server.h"

int server_begin(relay *r, table *t, char *facts, size_t *len, io_time deadline)
{
  static br_ssl_server_context c;
  static policy p;
  br_ssl_session_parameters s;
  int good;
  br_ssl_server_zero(&c);
  r->engine = &c.eng;
  *len = 0;
  if (engine_setup(&c.eng) < 0) return -1;
  policy_init(&p, t);
  br_ssl_server_set_policy(&c, &p.vtable);
  if (!br_ssl_server_reset(&c)) return errno = EIO, -1;
  good = relay_handshake(r, deadline);
  if (good <= 0) {
    int e = errno;
    facts_add(facts, FACTS_MAX, len, "SSL_ERROR",
              good < 0 ? strerror(e)
                       : engine_error(br_ssl_engine_last_error(&c.eng)));
    return errno = e, good;
  }
  br_ssl_engine_get_session_parameters(&c.eng, &s);
  facts_add(facts, FACTS_MAX, len, "SSL_PROTOCOL", "TLSv1.2");
  facts_add(facts, FACTS_MAX, len, "SSL_CIPHER", engine_cipher(s.cipher_suite));
  if (*br_ssl_engine_get_server_name(&c.eng))
    facts_add(facts, FACTS_MAX, len, "SSL_TLS_SNI_SERVERNAME",
              br_ssl_engine_get_server_name(&c.eng));
  return 1;
}
