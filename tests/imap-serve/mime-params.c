/* needs: imap-serve/mime-params.o imap-serve/mime-join.o */
/* Content-Type and its relatives, damaged and without memory. */
#include "imap-serve/mime-in.h"
#include "mutate.h"
#include "nomem.h"

static mime_params p;

static int inside(size_t at)
{
  return at < p.text.len && memchr(p.text.s + at, 0, p.text.len - at);
}

/* Nothing is refused: what has a type is "read". */
static int reads(char *s, size_t len)
{
  if (mime_params_read(&p, s, len, 1) < 0) return -1;
  if (!inside(p.type) || !inside(p.subtype) || p.n > MIME_PARAMS) return -1;
  for (unsigned i = 0; i < p.n; i++)
    if (!inside(p.v[i].name) || p.v[i].value + p.v[i].valuelen >= p.text.len ||
        p.text.s[p.v[i].value + p.v[i].valuelen])
      return -1;
  return p.text.s[p.type] != 0;
}

/* Longer and longer, so that memory is missing at every place */
static int starved(void)
{
  static char const field[] = "/b ; \"x;\" ; n=v; q=\"\\\"z\0\"";
  int good = 1;
  for (size_t n = 1; n < 64 && good; n++) {
    char s[64 + sizeof field];
    mime_params x = {0};
    mime_param const *q;
    int r;
    memset(s, 't', n);
    memcpy(s + n, field, sizeof field - 1);
    r = mime_params_read(&x, s, n + sizeof field - 1, 1);
    q = r < 0 ? 0 : mime_params_get(&x, "Q");
    if (r >= 0 && (!q || strcmp(x.text.s + q->value, "\"z\357\277\275")))
      good = -2;
    else if (r < 0)
      good = -1;
    mime_params_free(&x);
    if (good < 0) break;
  }
  return nomem_judge(good == -2 ? 1 : good, good == 1);
}

int main(void)
{
  static mutants_input const valid[] = {
      {BYTES("text/plain; charset=utf-8; format=flowed")},
      {BYTES("multipart/mixed (a (b\\) c)); boundary=\"x\\\"y \r\n z\"")},
      {BYTES("a/b; n*0*=utf-8''%41b; n*1=\"c\"; \"q\\\"\" x; m*=l'en'%zz")}};
  show_mutants("mime-params", valid, "()\\\";=/*'% \r\n\0\xfc", reads);
  nomem_each(starved, "mime_params_read");
  mime_params_free(&p);
  return done();
}
