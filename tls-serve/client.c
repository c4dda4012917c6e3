#include <errno.h>
#include <string.h>

#include "client.h"
#include "engine.h"
#include "facts.h"
#include "verify.h"

/* A server that has nothing but what we lack (a key of Ed25519, TLS 1.3) says
   so before it shows a certificate. */
static int unsupported(int error)
{
  return error == BR_ERR_RECV_FATAL_ALERT + 40 || /* handshake_failure */
         error == BR_ERR_RECV_FATAL_ALERT + 70 || /* protocol_version */
         error == BR_ERR_UNSUPPORTED_VERSION;
}

int client_begin(relay *r, rules const *o, trust const *all, own const *mine,
                 char *facts, size_t *len, io_time deadline)
{
  static br_ssl_client_context c;
  static verify v;
  br_ssl_session_parameters s;
  int good, e;
  br_ssl_client_zero(&c);
  r->engine = &c.eng;
  *len = 0;
  if (engine_setup(&c.eng) < 0) return -1;
  br_ssl_client_set_default_rsapub(&c);
  br_ssl_engine_set_default_rsavrfy(&c.eng);
  br_ssl_engine_set_default_ecdsa(&c.eng);
  verify_init(&v, o, mine && mine->trust.t ? &mine->trust : all);
  if (mine) own_show(mine, &c);
  br_ssl_engine_set_x509(&c.eng, &v.vtable);
  if (!br_ssl_client_reset(&c, o->sni, 0)) return errno = EINVAL, -1;
  good = relay_handshake(r, deadline);
  e = errno;
  if (good == 0 && !*v.word && unsupported(br_ssl_engine_last_error(&c.eng)))
    v.word = "unsupported";
  if (good <= 0)
    facts_add(facts, FACTS_MAX, len, "SSL_ERROR",
              good < 0 ? strerror(e)
                       : engine_error(br_ssl_engine_last_error(&c.eng)));
  else {
    br_ssl_engine_get_session_parameters(&c.eng, &s);
    facts_add(facts, FACTS_MAX, len, "SSL_PROTOCOL", "TLSv1.2");
    facts_add(facts, FACTS_MAX, len, "SSL_CIPHER",
              engine_cipher(s.cipher_suite));
    if (o->sni)
      facts_add(facts, FACTS_MAX, len, "SSL_TLS_SNI_SERVERNAME", o->sni);
  }
  if (*v.word) facts_add(facts, FACTS_MAX, len, "SSL_PEER_VERIFY", v.word);
  return errno = e, good;
}
