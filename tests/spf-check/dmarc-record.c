/* needs: spf-check/dmarc-record.o */
/* DMARC policy records: RFC 9989 4.7, 4.8, 4.10.1; and damaged ones. */
#include <stdlib.h>

#include "mutate.h"
#include "tap.h"
#include "spf-check/dmarc-record.h"

/* "p sp np psd adkim aspf t", or "no" */
static char const *show(char const *s, size_t len)
{
  static char text[100];
  static char const *const short_[] = {"n", "q", "r", "-"};
  dmarc_record r;
  if (!dmarc_record_read(&r, s, len)) return "no";
  snprintf(text, sizeof text, "%s %s %s %c %c %c %c%s", short_[r.p],
           short_[r.sp], short_[r.np], r.psd, r.adkim, r.aspf,
           r.test ? 'y' : 'n', r.unusable ? " unusable" : "");
  return text;
}

static void test_records(void)
{
  static struct {
    char const *s, *want, *rule;
  } const v[] = {
      {"v=DMARC1; p=reject", "r - - u r r n", "4.7: the defaults"},
      {"v=DMARC1;p=quarantine;sp=none;np=reject;psd=n;adkim=s;aspf=s;t=y",
       "q n r n s s y", "4.7: every tag"},
      {"v=DMARC1; psd=y; np=reject; rua=mailto:a@b.test; p=none",
       "n - r y r r n", "4.8: p need not be the second"},
      {"v=DMARC1", "n - - u r r n", "4.7: no p is p=none"},
      {"v=DMARC1;", "n - - u r r n", "4.8: a separator at the end"},
      {"v = DMARC1 ; p = reject ;", "r - - u r r n", "4.8: blanks"},
      {"v\t=\tDMARC1\t;\tp\t=\treject", "r - - u r r n", "4.8: tabs"},
      {"v=DMARC1; p=REJECT; ADKIM=S", "r - - u s r n",
       "RFC 5234 2.3: case does not matter"},
      {"v=dmarc1; p=reject", "no", "4.7: but of the version"},
      {"v=DMARC2; p=reject", "no", "4.7: another version"},
      {"v=DMARC10; p=reject", "no", "4.7: a longer version"},
      {"v=DMARC1 p=reject", "no", "4.8: no separator"},
      {"p=reject; v=DMARC1", "no", "4.7: v is not the first"},
      {" v=DMARC1; p=reject", "no", "4.8: a blank before it"},
      {"p=reject", "no", "4.7: no v"},
      {"", "no", "nothing"},
      {"DMARC1; p=reject", "no", "no tag"},
      {"v=DMARC1; p=reject; pct=0; rf=x; ri=y", "r - - u r r n",
       "9.3: pct, rf, ri are history"},
      {"v=DMARC1; p=reject; unknown=x; x", "r - - u r r n",
       "4.8: unknown tags and what is none"},
      {"v=DMARC1; p=reject; adkim=x; aspf=ss; psd=; t=yes", "r - - u r r n",
       "4.8: bad values are the defaults"},
      {"v=DMARC1; p=reject; psd=u", "r - - u r r n", "4.7: psd=u"},
      {"v=DMARC1; p=none; p=reject", "n - - u r r n", "the first tag counts"},
      {"v=DMARC1; p=no", "n - - u r r n unusable", "4.10.1: a bad p"},
      {"v=DMARC1; p=no; rua=mailto:a@b.test", "n - - u r r n",
       "4.10.1: a bad p with rua is none"},
      {"v=DMARC1; p=reject; sp=no", "n - - u r r n unusable",
       "4.10.1: a bad sp"},
      {"v=DMARC1; p=reject; np=no; rua=mailto:a@b.test", "n - - u r r n",
       "4.10.1: a bad np with rua is none"},
      {"v=DMARC1; p=no; rua=a@b.test", "n - - u r r n unusable",
       "RFC 3986 3: no scheme"},
      {"v=DMARC1; p=no; rua=mailto:", "n - - u r r n unusable",
       "RFC 3986 3: nothing behind it"},
      {"v=DMARC1; p=no; rua=9x:y", "n - - u r r n unusable",
       "RFC 3986 3.1: not a scheme"},
      {"v=DMARC1; p=no; rua=mailto:a b@c.test", "n - - u r r n unusable",
       "RFC 3986 2: a blank"},
      {"v=DMARC1; p=no; rua=x, mailto:a@b.test!10m", "n - - u r r n",
       "4.8: the second URI, with a size"},
      {"v=DMARC1; p=no; ruf=mailto:a@b.test", "n - - u r r n unusable",
       "4.10.1: ruf does not help"},
      {"v=DMARC1; p=r\xc3\xa9ject", "n - - u r r n", "4.8: not ASCII"},
  };
  for (unsigned i = 0; i < sizeof v / sizeof *v; i++)
    is_str(show(v[i].s, strlen(v[i].s)), v[i].want, v[i].rule);
  is_str(show("v=DMARC1;\0p=reject", 18), "n - - u r r n", "a NUL");
}

static void test_policy(void)
{
  static char const *const v[] = {
      "v=DMARC1;p=reject", "v=DMARC1;p=reject;sp=quarantine",
      "v=DMARC1;p=reject;np=none", "v=DMARC1;p=reject;sp=quarantine;np=none"};
  static char const *const want[] = {"rrr", "rqq", "rrn", "rqn"};
  static enum dmarc_policy const lower[] = {
      DMARC_POLICY_NONE, DMARC_POLICY_NONE, DMARC_QUARANTINE};
  dmarc_record r;
  for (unsigned i = 0; i < 4; i++) {
    char got[4] = "";
    dmarc_record_read(&r, v[i], strlen(v[i]));
    got[0] = *dmarc_policy_word(dmarc_record_policy(&r, 0, 0));
    got[1] = *dmarc_policy_word(dmarc_record_policy(&r, 1, 1));
    got[2] = *dmarc_policy_word(dmarc_record_policy(&r, 1, 0));
    is_str(got, want[i], "4.10.1: itself, below, below and not there");
  }
  for (enum dmarc_policy p = DMARC_POLICY_NONE; p < DMARC_ABSENT; p++) {
    r.test = 1;
    is_int(dmarc_policy_tested(&r, p), lower[p], "4.7: t=y is a step less");
    r.test = 0;
    is_int(dmarc_policy_tested(&r, p), p, "4.7: t=n is not");
  }
}

static void test_mutations(void)
{
  static char const from[] =
      "v=DMARC1; p=reject; sp=quarantine; np=none; psd=n; adkim=s; aspf=r; "
      "t=y; rua=mailto:a@b.test!10m,https://c.test/%20";
  static char const bytes[] = ";=, \t\0\377!:pvDn1\r\n";
  unsigned whole = 0, odd = 0;
  for (int i = 0; i < MUTANTS; i++) {
    size_t n;
    char *s = mutate(BYTES(from), BYTES(bytes), &n);
    dmarc_record r;
    if (dmarc_record_read(&r, s, n)) {
      whole++;
      odd += r.p > DMARC_REJECT || r.sp > DMARC_ABSENT || r.np > DMARC_ABSENT ||
             !strchr("ynu", r.psd) || !strchr("rs", r.adkim) ||
             !strchr("rs", r.aspf) || (r.unusable && r.p);
    }
    free(s);
  }
  ok(whole > MUTANTS / 50 && whole < MUTANTS, "%d mutations, %u of them read",
     MUTANTS, whole);
  is_int(odd, 0, "what is read is what can be");
}

int main(void)
{
  test_records();
  test_policy();
  test_mutations();
  return done();
}
