/* needs: spf-check/spf-macro.o spf-check/spf-syntax.o spf-check/spf-match.o spf-check/milter-packet.o spf-check/rspamd-answer.o spf-check/view.o spf-check/view-change.o -ljansson -lcares -lresolv */
/* What checks read, when memory runs out: a policy is not another one then, and
   a mail's changes are all made, or it is said that they are not. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nomem.h"
#include "spf-check/milter.h"
#include "spf-check/rspamd.h"
#include "spf-check/spf-state.h"

#define STR(s) s, sizeof(s) - 1

static int is(stralloc const *a, char const *s, size_t len)
{
  return a->len == len && !memcmp(a->s, s, len);
}

static int macros(void)
{
  static char const spec[] = "%{l1r-}.%{ir}.%{v}%%%_%-%{S}.%{d2}.%{h}.%{p}."
                             "%{c}.%{r}.%{o}.a.test";
  static char const want[] =
      "l.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6% "
      "%20l-x.y%40o.test.d.test.h.test.unknown.2001:db8::1.me.test.o.test."
      "a.test";
  spf_request q = {"2001:db8::1", "h.test", "l-x.y@o.test", "me.test"};
  spf_state st = {.q = &q, .v6 = 1, .ip_text = q.ip, .names_known = 1};
  stralloc out = STRALLOC_ZERO, plain = STRALLOC_ZERO;
  int r =
      stralloc_cats(&st.sender, q.sender) && stralloc_0(&st.sender) ? 1 : -1;
  memcpy(st.ip, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
  st.at = 5;
  if (r > 0) r = spf_macro(&st, &out, STR(spec), "d.test");
  if (r > 0) r = spf_target(&st, &plain, 0, 0, "d.test");
  r = nomem_judge(r, is(&plain, STR("d.test\0")) && is(&out, STR(want)));
  stralloc_free(&st.sender);
  stralloc_free(&out);
  stralloc_free(&plain);
  return r;
}

static int packets(void)
{
  static char const *const pairs[] = {"i", "1", "{x}", "", "j", "me", 0};
  milter m = {.fd = -1};
  char *s;
  size_t len = 0;
  int p[2], r;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0 ||
      write(p[1], "\0\0\0\3yab", 7) != 7)
    abort();
  m.fd = p[0];
  r = milter_put(&m, 'C', "host", 4);
  if (r > 0) r = milter_macros(&m, 'C', pairs);
  r = nomem_judge(r, is(&m.out, STR("\0\0\0\5Chost"
                                    "\0\0\0\x0b"
                                    "DCi\0001\0j\0me\0")));
  if (r > 0) {
    r = milter_get(&m, &s, &len, io_after(5000));
    r = nomem_judge(r < 0 ? -1 : 1, r == 'y' && len == 2);
  }
  if (r > 0) r = nomem_judge(milter_flush(&m, io_after(5000)), 1);
  errno = ENOMEM;
  if (!r && milter_fail(&m, "x") != MILTER_FAILED) r = NOMEM_WRONG;
  milter_close(&m);
  close(p[1]);
  stralloc_free(&m.out);
  free(m.in);
  return r;
}

static void view_free(view *v)
{
  stralloc *all[] = {&v->above, &v->omitted, &v->header,
                     &v->added, &v->low,     &v->gone};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) stralloc_free(all[i]);
  compose_free(&v->c);
}

/* Read before: without memory jansson itself writes where it may not. */
static rspamd_answer answer;

static int changes(void)
{
  static char const mail[] = "A: 1\r\nB: 2\r\n\r\nbody\r\n";
  view v = VIEW_ZERO;
  int r;
  view_reset(&v);
  view_take(&v, &(parcel_record){'M', STR(mail)}, 0);
  r = v.whole ? view_show(&v, "me.test") : -1;
  if (r > 0) r = rspamd_answer_apply(&answer, &v);
  r = nomem_judge(r, v.changes == 5);
  view_free(&v);
  return r;
}

int main(void)
{
  static char const said[] =
      "{\"action\":\"add header\",\"milter\":{\"remove_headers\":{\"A\":0},"
      "\"add_headers\":{\"X\":\"y\",\"Z\":[{\"value\":\"1\"},\"2\"]}},"
      "\"dkim-signature\":\"a=b\"}";
  milter m = {.fd = -1};
  nomem_each(macros, "spf_macro");
  nomem_each(packets, "milter packets");
  if (!rspamd_answer_read(&answer, STR(said))) return 111;
  nomem_each(changes, "rspamd's changes");
  rspamd_answer_free(&answer);
  errno = ETIMEDOUT;
  milter_fail(&m, "x");
  is_int(m.error, MILTER_ON_TIMEOUT, "a milter that is late");
  errno = EMSGSIZE;
  milter_fail(&m, "x");
  is_int(m.error, MILTER_ON_BAD_ANSWER, "one that says too much");
  errno = ECONNRESET;
  milter_fail(&m, "x");
  is_int(m.error, MILTER_ON_UNREACHABLE, "one that is gone");
  return done();
}
