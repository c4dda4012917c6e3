/* needs: dkim-sign/body-hash.o dkim-sign/canon.o dkim-sign/claim.o dkim-sign/claim-hash.o dkim-sign/der.o dkim-sign/dkim-result.o dkim-sign/domain-tag.o dkim-sign/head-hash.o dkim-sign/published.o dkim-sign/rsa-public.o dkim-sign/tag-list.o -lbearssl -lsodium -lidn2 -lutf8proc */
/* What a stranger writes and dkim-verify reads: signature fields and keys,
   with the example of RFC 8463 A, and damaged. */
#include <stdlib.h>

#include "addr.h"
#include "dkim-sign/body-hash.h"
#include "dkim-sign/claim.h"
#include "dkim-sign/head-hash.h"
#include "dkim-sign/published.h"
#include "dkim-sign/rsa-public.h"
#include "mutate.h"
#include "nomem.h"
#include "tap.h"

#define FIELD                                                                  \
  "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"              \
  " d=football.example.com; i=@football.example.com;\r\n"                      \
  " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"                    \
  " subject : date : message-id : from : subject : date;\r\n"                  \
  " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"                      \
  " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"            \
  " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
#define HEAD                                                                   \
  "From: Joe SixPack <joe@football.example.com>\r\n"                           \
  "To: Suzie Q <suzie@shopping.example.net>\r\n"                               \
  "Subject: Is dinner ready?\r\n"                                              \
  "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"                            \
  "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
#define BODY "Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n"
#define RSA                                                                    \
  "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"                         \
  "iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"      \
  "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"      \
  "Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
#define ED "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

/* A message with that field on top: DKIM_…, what is known without a body */
static dkim_result verify(head *h, char const *field, size_t len, claim *c,
                          char const *record, size_t recordlen)
{
  published pub;
  unsigned char hash[KEY_HASH];
  char const *why = "";
  size_t used, n;
  dkim_result r;
  head_reset(h);
  if (head_add(h, field, len, &used) < 0) return DKIM_NONE;
  if (head_add(h, HEAD "\r\n", strlen(HEAD) + 2, &used) != 1) return DKIM_NONE;
  if (head_finish(h) != 1) return DKIM_NONE;
  head_all(h, &n);
  r = claim_scan(c, head_all(h, &n) + n - 1, &why);
  if (r == DKIM_PASS)
    r = published_scan(&pub, record, recordlen, c->type, &why);
  if (r != DKIM_PASS) return *why ? r : DKIM_NONE;
  if (claim_hash(c, h, hash) < 0) return DKIM_TEMPERROR;
  return published_verify(&pub, hash, c->sig, c->siglen) ? r : DKIM_FAIL;
}

static dkim_result verify_field(head *h, char const *field, claim *c)
{
  static char const ed[] = "k=ed25519; p=" ED;
  return verify(h, field, strlen(field), c, ed, strlen(ed));
}

static void example(head *h)
{
  body_hashes b;
  claim c;
  is_int(verify_field(h, FIELD, &c), DKIM_PASS, "RFC 8463 A.3");
  is_str(c.domain, "football.example.com", "d=");
  is_str(c.auid, "@football.example.com", "i=");
  is_str(c.start, "/gCrinpc", "RFC 6008: the first of b=");
  for (size_t step = 1; step < sizeof BODY; step++) {
    body_hashes_begin(&b);
    body_hashes_want(&b, c.body, c.limit);
    body_hashes_want(&b, CANON_SIMPLE, 0);
    for (size_t at = 0; at < strlen(BODY); at += step)
      body_hashes_add(&b, BODY + at,
                      strlen(BODY) - at < step ? strlen(BODY) - at : step);
    body_hashes_end(&b);
    if (memcmp(body_hashes_get(&b, c.body, c.limit), c.bodyhash, KEY_HASH))
      ok(0, "the body in steps of %zu", step);
  }
  ok(b.way[c.body].size == strlen(BODY), "the size of the canonical body");
  body_hashes_begin(&b);
  for (unsigned i = 0; i < BODY_HASH_MAX; i++)
    ok(body_hashes_want(&b, CANON_SIMPLE, i) == 1 || !i, "a limit");
  is_int(body_hashes_want(&b, CANON_SIMPLE, 3), 1, "one that is there");
  is_int(body_hashes_want(&b, CANON_SIMPLE, 99), 0, "too many limits");
}

static void tag_lists(void)
{
  static struct {
    char const *s;
    int want;
  } const cases[] = {
      {"a=b", 1},       {"a=", 1},         {" a = b ; c = d ", 1},
      {"a=b;", 1},      {"a=b; ", 1},      {"a=b;\r\n ", 1},
      {"a=b\n ;c=", 1}, {"a=\xc3\xbc", 1}, {"a1_=x y", 1},
      {"", 0},          {";", 0},          {"a", 0},
      {"a=b;;", 0},     {"1=b", 0},        {"=b", 0},
      {"a=b\r\n", 0},   {"a=b\r ", 0},     {"a=\x7f", 0},
      {"a=\xc3", 0},    {"a=b; a=c", 0},   {"a-b=", 0},
      {"a=b;\n", 0},    {"a b=c", 0},      {"a=\x01", 0},
  };
  tag_list t;
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
    ok(tag_list_scan(&t, cases[i].s, strlen(cases[i].s)) == cases[i].want,
       "RFC 6376 3.2: tag list %u", i);
  ok(!tag_list_scan(&t, "a=\0", 3), "RFC 6376 3.2: NUL");
}

static void base64s(void)
{
  static struct {
    char const *s;
    int want;
  } const cases[] = {
      {"AAAA", 3}, {"AAA=", 2},         {"AAA", 2},   {"AA==", 1},
      {"AA", 1},   {"A A\t= =", 1},     {"AA=", 0},   {"A", 0},
      {"====", 0}, {"AAA==", 0},        {"AAAA=", 0}, {"A!AA", 0},
      {"AB", 0},   {"AAAAAAAAAAAA", 0}, {"", 0}};
  unsigned char to[8];
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    tag t = {.s = cases[i].s, .len = strlen(cases[i].s)};
    size_t n = 0;
    int r = tag_base64(&t, to, sizeof to, &n);
    ok(r == !!cases[i].want && (!r || (int)n == cases[i].want),
       "RFC 6376 2.10: base64 [%s]", cases[i].s);
  }
}

static void domains(void)
{
  static struct {
    char const *s;
    unsigned labels;
    char const *want;
  } const cases[] = {{"a.b", 2, "a.b"},
                     {"A-1.B_c", 2, "a-1.b_c"},
                     {"a", 1, "a"},
                     {"a", 2, 0},
                     {"", 1, 0},
                     {"a..b", 1, 0},
                     {".a", 1, 0},
                     {"a.", 1, 0},
                     {"-a.b", 1, 0},
                     {"a-.b", 1, 0},
                     {"a b", 1, 0},
                     {"b\xc3\xbc"
                      "cher.test",
                      2, "xn--bcher-kva.test"},
                     {"b\xc3.test", 1, 0},
                     {"a/b.test", 1, 0},
                     {"\xe2\x80\x8b.test", 1, 0}};
  char to[DOMAIN_TAG + 1];
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    int r = domain_tag(to, cases[i].s, strlen(cases[i].s), cases[i].labels);
    ok(cases[i].want ? r == 1 && !strcmp(to, cases[i].want) : !r,
       "RFC 8616 4: domain [%s]", cases[i].s);
  }
  ok(addr_domain_within("a.b", "a.b") && addr_domain_within("x.a.b", "a.b") &&
         !addr_domain_within("xa.b", "a.b") && !addr_domain_within("b", "a.b"),
     "RFC 6376 6.1.1: subdomains are whole labels");
}

static void rsa_keys(void)
{
  static struct {
    char const *s;
    size_t len;
    int want;
  } const cases[] = {
      {"\x30\x06\x02\x01\x0f\x02\x01\x03", 8, 1}, /* n 15, e 3 */
      {"\x30\x06\x02\x01\x0e\x02\x01\x03", 8, 0}, /* an even n */
      {"\x30\x06\x02\x01\x0f\x02\x01\x01", 8, 0}, /* e 1 */
      {"\x30\x06\x02\x01\x0f\x02\x01\x02", 8, 0}, /* an even e */
      {"\x30\x06\x02\x01\x8f\x02\x01\x03", 8, 0}, /* n negative */
      {"\x30\x06\x02\x01\x00\x02\x01\x03", 8, 0}, /* n 0 */
      {"\x30\x05\x02\x01\x0f\x02\x01", 7, 0},
      {"\x30\x03\x02\x01\x0f", 5, 0},
      {"\x30\x07\x02\x01\x0f\x02\x01\x03\x00", 9, 0}, /* more behind e */
      {"\x30\x06\x02\x01\x0f\x02\x01\x03\x00", 9, 0}, /* and behind all */
      {"\x30\x0a\x02\x01\x0f\x02\x05\x01\x00\x00\x00\x01", 12,
       0}, /* e of 33 bits */
      {"\x30\x02\x30\x00", 4, 0},
      {"\x30\x05\x30\x03\x06\x01\x2a", 7, 0}, /* another OID */
      {"\x31\x00", 2, 0},
      {"", 0, 0},
  };
  br_rsa_public_key k;
  unsigned char info[512];
  tag t = {.s = RSA, .len = strlen(RSA)};
  size_t n;
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
    ok(rsa_public_scan(&k, (der){(unsigned char const *)cases[i].s,
                                 cases[i].len}) == cases[i].want,
       "RFC 8017 A.1.1: key %u", i);
  tag_base64(&t, info, sizeof info, &n);
  ok(rsa_public_scan(&k, (der){info, n}) && k.nlen == 128, "RFC 5280 4.1");
  for (size_t i = 0; i < n; i++)
    if (rsa_public_scan(&k, (der){info, i})) ok(0, "cut at %zu", i);
  for (size_t i = 0; i < 30; i++)
    for (unsigned bit = 0; bit < 8; bit++) {
      info[i] ^= (unsigned char)(1 << bit);
      rsa_public_scan(&k, (der){info, n});
      info[i] ^= (unsigned char)(1 << bit);
    }
}

static void key_records(void)
{
  static struct {
    char const *s;
    key_type type;
    dkim_result want;
  } const cases[] = {
      {"p=" RSA, KEY_RSA, DKIM_PASS},
      {"v=DKIM1;k=rsa;h=sha256;s=email;t=y:s;n=x;p=" RSA, KEY_RSA, DKIM_PASS},
      {"k=ed25519; p=" ED, KEY_ED25519, DKIM_PASS},
      {"k=ed25519; p=" RSA, KEY_ED25519, DKIM_PERMERROR},
      {"p=" ED, KEY_ED25519, DKIM_PERMERROR},
      {"k=ed25519; p=" ED, KEY_RSA, DKIM_PERMERROR},
      {"p=" ED, KEY_RSA, DKIM_PERMERROR},
      {"p=!", KEY_RSA, DKIM_PERMERROR},
      {"p=", KEY_RSA, DKIM_PERMERROR},
      {"k=rsa", KEY_RSA, DKIM_PERMERROR},
      {"x", KEY_RSA, DKIM_PERMERROR},
      {"v=DKIM2; p=" RSA, KEY_RSA, DKIM_PERMERROR},
      {"p=" RSA "; v=DKIM1", KEY_RSA, DKIM_PERMERROR},
      {"s=x; p=" RSA, KEY_RSA, DKIM_PERMERROR},
      {"s=*; p=" RSA, KEY_RSA, DKIM_PASS},
      {"h=sha1; p=" RSA, KEY_RSA, DKIM_PERMERROR},
      {"p=MAYCAQ8CAQM=", KEY_RSA, DKIM_POLICY},
  };
  published p;
  char const *why;
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
    ok(published_scan(&p, cases[i].s, strlen(cases[i].s), cases[i].type,
                      &why) == cases[i].want,
       "RFC 6376 3.6.1: key record %u", i);
}

#define MEANS                                                                  \
  ";=:@ \t\r\n\\\xc3\xbc"                                                      \
  "1lxct+/A\0"

static void damaged_fields(head *h)
{
  static char const more[] = "DKIM-Signature: v=1; a=rsa-sha256; c=simple; "
                             "d=a.test; i=x=3Dy@b.a.test; s=s; l=5; t=1; x=2; "
                             "h=from:to:to; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn"
                             "7XIkfJVOzv8=; b=AAAA; z=a|b; q=x:dns/txt\r\n";
  unsigned seen[DKIM_RESULTS] = {0};
  claim c;
  for (unsigned i = 0; i < MUTANTS; i++) {
    static char const text[] = "k=ed25519; p=" ED;
    char const *from = i & 1 ? more : FIELD;
    size_t name = strlen("DKIM-Signature:"), len;
    char *s, *whole;
    s = mutate(from + name, strlen(from) - name - 2, BYTES(MEANS), &len);
    whole = malloc(name + len + 2);
    memcpy(whole, from, name);
    memcpy(whole + name, s, len);
    memcpy(whole + name + len, "\r\n", 2);
    seen[verify(h, whole, name + len + 2, &c, BYTES(text))]++;
    free(s);
    free(whole);
  }
  ok(seen[DKIM_PASS] && seen[DKIM_FAIL] && seen[DKIM_NEUTRAL] &&
         seen[DKIM_PERMERROR] && !seen[DKIM_TEMPERROR],
     "damaged fields: %u pass, %u fail, %u neutral, %u permerror",
     seen[DKIM_PASS], seen[DKIM_FAIL], seen[DKIM_NEUTRAL],
     seen[DKIM_PERMERROR]);
}

static void damaged_keys(void)
{
  static char const rsa[] = "v=DKIM1; k=rsa; h=sha256; s=email; t=s; p=" RSA;
  static char const ed[] = "v=DKIM1; k=ed25519; p=" ED;
  unsigned seen[DKIM_RESULTS] = {0};
  for (unsigned i = 0; i < MUTANTS; i++) {
    published p;
    char const *from = i & 1 ? rsa : ed, *why = "";
    unsigned char hash[KEY_HASH] = {0}, sig[128] = {1};
    size_t len;
    char *s = mutate(from, strlen(from), BYTES(MEANS), &len);
    dkim_result r =
        published_scan(&p, s, len, i & 1 ? KEY_RSA : KEY_ED25519, &why);
    free(s);
    seen[r]++;
    if (r == DKIM_PASS && published_verify(&p, hash, sig, i & 1 ? 128 : 64))
      ok(0, "a damaged key verifies nonsense");
  }
  ok(seen[DKIM_PASS] && seen[DKIM_PERMERROR],
     "damaged keys: %u pass, %u policy, %u permerror", seen[DKIM_PASS],
     seen[DKIM_POLICY], seen[DKIM_PERMERROR]);
}

static void fields(head *h)
{
  static struct {
    char const *s;
    dkim_result want;
  } const cases[] = {
      {"DKIM-Signature: v=1\r\n", DKIM_NEUTRAL},
      {"DKIM-Signature: a=x\r\n", DKIM_NEUTRAL},
      {"DKIM-Signature: v=2\r\n", DKIM_NEUTRAL},
      {"DKIM-Signature: =\r\n", DKIM_NEUTRAL},
#define TAGS(more)                                                             \
  "DKIM-Signature: v=1; a=rsa-sha256; d=a.b; s=s; b=AAAA; " more               \
  "; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=\r\n"
      {TAGS("h=from; c=x"), DKIM_NEUTRAL},
      {TAGS("h=from; c=simple/x"), DKIM_NEUTRAL},
      {TAGS("h=from; q=x"), DKIM_NEUTRAL},
      {TAGS("h=from; t=x"), DKIM_NEUTRAL},
      {TAGS("h=from; x=x"), DKIM_NEUTRAL},
      {TAGS("h=from; l=x"), DKIM_NEUTRAL},
      {TAGS("h=from; t=2; x=1"), DKIM_NEUTRAL},
      {TAGS("h=from;i=x"), DKIM_NEUTRAL},
      {TAGS("h=from;i=@a"), DKIM_PERMERROR},
      {TAGS("h=from;i=@"), DKIM_NEUTRAL},
      {TAGS("h=from;i="), DKIM_NEUTRAL},
      {TAGS("h=from;i==4@a.b"), DKIM_NEUTRAL},
      {TAGS("h=from;i==4x@a.b"), DKIM_NEUTRAL},
      {TAGS("h=from;i=.@a.b"), DKIM_NEUTRAL},
      {TAGS("h=to"), DKIM_PERMERROR},
      {TAGS("h=from:"), DKIM_NEUTRAL},
  };
  claim c;
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
    ok(verify_field(h, cases[i].s, &c) == cases[i].want,
       "RFC 6376 6.1.1: field %u", i);
}

/* 5.4: names of fields that are not there count, too */
static void many_names(head *h)
{
  static char field[8192];
  claim c;
  for (int n = HEAD_HASH_NAMES; n <= HEAD_HASH_NAMES + 1; n++) {
    strcpy(field, "DKIM-Signature: v=1; a=ed25519-sha256; d=a.b; s=s; "
                  "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; "
                  "b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus"
                  "Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==; h=from");
    for (int i = 1; i < n; i++) strcat(field, i & 1 ? ":x" : ":to");
    strcat(field, "\r\n");
    is_int(verify_field(h, field, &c),
           n > HEAD_HASH_NAMES ? DKIM_NEUTRAL : DKIM_FAIL,
           n > HEAD_HASH_NAMES ? "a name too many" : "as many as are hashed");
  }
}

static int without_memory(void)
{
  head h = {.own = STRALLOC_ZERO};
  claim c;
  dkim_result r = verify_field(&h, FIELD, &c);
  stralloc_free(&h.own);
  stralloc_free(&h.fields);
  return nomem_judge(r == DKIM_TEMPERROR || r == DKIM_NONE ? -1 : 1,
                     r == DKIM_PASS);
}

int main(void)
{
  head h = {.own = STRALLOC_ZERO};
  if (sodium_init() < 0) return 111;
  example(&h);
  tag_lists();
  base64s();
  domains();
  rsa_keys();
  key_records();
  fields(&h);
  many_names(&h);
  nomem_each(without_memory, "a signature");
  damaged_fields(&h);
  damaged_keys();
  stralloc_free(&h.own);
  stralloc_free(&h.fields);
  return done();
}
