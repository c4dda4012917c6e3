#include <stdio.h>
#include <string.h>

#include <arpa/nameser.h>

#include "dns.h"
#include "published.h"
#include "verifier-keys.h"

#define NAME (2 * DOMAIN_TAG + sizeof "._domainkey.")

/* One record: what it makes of the signature. *tried counts verifications,
   which cost time. */
static void try_record(verifier_signature *s, dns_record const *r,
                       unsigned char const *hash, unsigned *tried)
{
  claim const *c = &s->claim;
  published pub;
  char const *reason = "";
  dkim_result result = published_scan(&pub, r->data, r->len, c->type, &reason);
  if (result == DKIM_PASS && pub.strict &&
      strcmp(strrchr(c->auid, '@') + 1, c->domain)) {
    result = DKIM_PERMERROR;
    reason = "the key is for d= itself, not for i=";
  }
  if (result == DKIM_PASS) {
    if (*tried == VERIFIER_RECORDS) return;
    ++*tried;
    if (!published_verify(&pub, hash, c->sig, c->siglen)) {
      result = DKIM_FAIL;
      reason = "the signature does not match";
    }
  }
  if (result >= s->result) return; /* the better ones come first in the enum */
  s->result = result;
  s->reason = reason;
  s->testing = pub.testing;
}

static void try_records(verifier const *v, verifier_signature *s,
                        dns_answer const *a)
{
  unsigned char hash[KEY_HASH];
  unsigned tried = 0;
  if (claim_hash(&s->claim, &v->head, hash) < 0) {
    s->result = DKIM_TEMPERROR;
    s->reason = "no memory";
    return;
  }
  s->result = (dkim_result)DKIM_RESULTS; /* worse than all */
  for (unsigned i = 0; i < a->n && s->result != DKIM_PASS; i++)
    try_record(s, a->v + i, hash, &tried);
}

static void judge(verifier const *v, verifier_signature *s, dns_answer const *a)
{
  if (a->status == DNS_OK) {
    try_records(v, s, a);
  } else if (a->status == DNS_TEMP) {
    s->result = DKIM_TEMPERROR;
    s->reason = "the key cannot be looked up";
  } else {
    s->result = DKIM_PERMERROR;
    s->reason = "there is no key";
  }
}

void verifier_keys(verifier *v)
{
  char names[VERIFIER_MOST][NAME];
  dns_question q[VERIFIER_MOST];
  dns_answer a[VERIFIER_MOST];
  verifier_signature *who[VERIFIER_MOST];
  unsigned n = 0;
  for (unsigned i = 0; i < v->n; i++) {
    claim const *c = &v->v[i].claim;
    if (v->v[i].result != DKIM_PASS) continue;
    snprintf(names[n], NAME, "%s._domainkey.%s", c->selector, c->domain);
    q[n] = (dns_question){names[n], ns_t_txt};
    who[n++] = v->v + i;
  }
  if (!n) return;
  dns_query_all(a, q, n, io_after(VERIFIER_MS));
  for (unsigned i = 0; i < n; i++) {
    judge(v, who[i], a + i);
    dns_free(a + i);
  }
}
