#include <errno.h>
#include <string.h>

#include "own.h"

/* 'o' NAME -> "c" if it has authorities, 'a' NAME NUL SUBJECT -> each */
int own_find(own *o, table *t, char const *name)
{
  char key[OWN_NAME + 1] = "o";
  size_t n = strlen(name), len;
  char const *s;
  int r;
  memset(o, 0, sizeof *o);
  if (!t || n > OWN_NAME) return errno = 0;
  memcpy(key + 1, name, n);
  errno = 0;
  r = table_get(t, key, n + 1, &s, &len);
  if (r <= 0) return r;
  *o->prefix = 'a';
  memcpy(o->prefix + 1, name, n + 1);
  if (len) o->trust = (trust){t, o->prefix, n + 2};
  r = identity_of(&o->identity, t, name, n);
  o->certified = r > 0;
  return r < 0 ? -1 : 1;
}

void own_show(own const *o, br_ssl_client_context *c)
{
  identity const *id = &o->identity;
  if (!o->certified) return;
  if (br_skey_decoder_key_type(&id->decoder) == BR_KEYTYPE_EC)
    br_ssl_client_set_single_ec(
        c, id->chain, id->n, br_skey_decoder_get_ec(&id->decoder),
        BR_KEYTYPE_SIGN, BR_KEYTYPE_EC, br_ec_get_default(),
        br_ecdsa_sign_asn1_get_default());
  else
    br_ssl_client_set_single_rsa(c, id->chain, id->n,
                                 br_skey_decoder_get_rsa(&id->decoder),
                                 br_rsa_pkcs1_sign_get_default());
}
