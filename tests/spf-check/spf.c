/* needs: spf-check/spf-syntax.o spf-check/spf-macro.o spf-check/spf-match.o -lcares -lresolv */
/* The grammar and the macros of SPF on damaged records. */
#include <stdlib.h>

#include "mutate.h"
#include "spf-check/spf-state.h"
#include "tap.h"

static char const *const records[] = {
    " ip4:192.0.2.0/24 ip6:2001:db8::/32 a/24//64 mx:a.test//64 ?all",
    " include:%{d2r-}.a.test exists:%{ir}.%{v}.%%%_%-.test redirect=b.test",
    " -ptr:%{o} ~a:%{h1}.test/0 exp=%{l1r-+_}.why.test unknown.x-1=%{d} +all"};

static int valid(char const *s)
{
  spf_record r = {.s = s, .len = strlen(s)};
  char const *bad;
  size_t n;
  return spf_syntax(&r, &bad, &n);
}

/* Everything that passes is walked and expanded. */
static void use(spf_state *st, char const *s, size_t len)
{
  spf_record r = {.s = s, .len = len};
  spf_term t;
  stralloc out = STRALLOC_ZERO;
  char const *bad = s;
  size_t n = 0;
  if (!spf_syntax(&r, &bad, &n)) {
    if (bad < s || bad + n > s + len) ok(0, "the wrong term is in the record");
    return;
  }
  while (spf_next(&r, &t)) spf_target(st, &out, t.spec, t.speclen, "d.test");
  if (r.exp) spf_target(st, &out, r.exp, r.explen, "d.test");
  if (r.redirect) spf_target(st, &out, r.redirect, r.redirectlen, "d.test");
  stralloc_free(&out);
}

static void mutations(void)
{
  spf_request q = {"192.0.2.1", "h.test", "l-x.y@o.test", "me.test"};
  spf_state st = {.q = &q, .ip_text = q.ip, .names_known = 1};
  static char const bytes[] = "%{}:/=.-+_ 019rRdhsS\0\t\377aq";
  stralloc_cats(&st.sender, q.sender);
  stralloc_0(&st.sender);
  st.at = 5;
  for (int i = 0; i < MUTANTS; i++) {
    char const *from = records[mutate_dice(3)];
    size_t n;
    char *s = mutate(from, strlen(from), BYTES(bytes), &n);
    use(&st, s, n);
    free(s);
  }
  stralloc_free(&st.sender);
  ok(1, "%d damaged records", MUTANTS);
}

static void addresses(void)
{
  spf_state st = {.ip = {192, 0, 2, 129}};
  unsigned char other[16] = {192, 0, 2, 1};
  is_int(spf_ip_equal(&st, other, 24), 1, "the same /24");
  is_int(spf_ip_equal(&st, other, 25), 0, "another /25");
  is_int(spf_ip_equal(&st, other, 0), 1, "/0 is everything");
  is_int(spf_ip_equal(&st, st.ip, 32), 1, "/32 is itself");
}

int main(void)
{
  for (int i = 0; i < 3; i++) ok(valid(records[i]), "record %d is right", i);
  ok(!valid(" a:b.test%"), "RFC 7208 7.1: a lone %% at the end");
  ok(!valid(" exists:%{"), "an open brace");
  ok(!valid(" a:%{d}x"), "what follows a macro needs a top label");
  ok(valid(" a:%{d}.xy"), "a top label behind a macro");
  ok(valid(""), "an empty record");
  addresses();
  mutations();
  return done();
}
