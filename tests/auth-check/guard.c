/* needs: auth-check/guard.o -lidn2 -lutf8proc */
#include <string.h>

#include "auth-check/guard.h"
#include "tap.h"

static unsigned wrong(char const *ip, char const *name, int times)
{
  guard g;
  int r = 0;
  while (times--) r = guard_begin(&g, ip, name);
  return r ? guard_delay(&g) : 0;
}

static int may(char const *ip, char const *name)
{
  guard g;
  int r = guard_begin(&g, ip, name);
  guard_undo(&g);
  return r;
}

static void right(char const *ip, char const *name)
{
  guard g;
  if (guard_begin(&g, ip, name)) guard_right(&g);
}

static void fresh(void)
{
  guards_init(0, (bucket_rate){6, 86400}, (bucket_rate){4, 86400});
}

int main(void)
{
  static unsigned const delays[] = {1, 2, 4, 8, 16, 16, 0};
  char ip[32];
  guard g;
  guards_init(0, (bucket_rate){6, 86400}, (bucket_rate){6, 86400});
  for (int i = 0; i < 7; i++)
    is_int(wrong("192.0.2.1", "a@a.test", 1), delays[i],
           "each failure waits for twice as long, then it is blocked");
  fresh();
  wrong("192.0.2.1", "a@a.test", 4);
  ok(!may("192.0.2.2", "a@a.test"), "an account, from any address");
  ok(!may("192.0.2.2", "A@A.TEST"), "in any spelling");
  ok(may("192.0.2.1", "b@a.test"), "another account");
  fresh();
  wrong("192.0.2.1", "a", 3);
  wrong("192.0.2.1", "b", 3);
  ok(!may("192.0.2.1", "c"), "an address, for any account");
  ok(may("192.0.2.2", "c"), "another address");
  ok(may("", "c"), "an address that is not known is not counted");
  fresh();
  wrong("2001:db8::1", "a", 3);
  wrong("2001:db8::ffff:1", "b", 3);
  ok(!may("2001:db8::2", "c"), "a /64 is one address");
  ok(may("2001:db8:0:1::2", "c"), "another is another");

  fresh();
  right("192.0.2.1", "a@a.test");
  for (int i = 0; i < 20; i++) {
    snprintf(ip, sizeof ip, "198.51.100.%d", i);
    wrong(ip, "a@a.test", 1);
  }
  ok(!may("203.0.113.1", "a@a.test"), "guessers everywhere block an account");
  ok(may("192.0.2.1", "a@a.test"), "but not where its owner was before");
  wrong("192.0.2.1", "b@a.test", 4);
  wrong("192.0.2.1", "c@a.test", 4);
  ok(!may("192.0.2.1", "d@a.test"), "guessers behind the owner's address");
  ok(may("192.0.2.1", "a@a.test"), "do not lock the owner out");
  fresh();
  right("192.0.2.1", "a@a.test");
  wrong("192.0.2.1", "a@a.test", 99);
  ok(!may("192.0.2.1", "a@a.test"), "an old password in a telephone");
  ok(may("192.0.2.1", "b@a.test"), "does not block its neighbours");
  ok(may("203.0.113.1", "a@a.test"), "nor the owner elsewhere");

  fresh();
  for (int i = 0; i < 50; i++) right("192.0.2.9", "e@a.test");
  ok(may("192.0.2.9", "e@a.test"), "what is right costs nothing");
  for (int i = 0; i < 50; i++) {
    guard_begin(&g, "192.0.2.8", "f@a.test");
    guard_undo(&g);
  }
  ok(may("192.0.2.8", "f@a.test"), "what cannot be told costs nothing");
  fresh();
  for (int i = 0; i < 4; i++) guard_begin(&g, "192.0.2.7", "g@a.test");
  ok(!guard_begin(&g, "192.0.2.7", "g@a.test"),
     "checks under way count, so that many at once gain nothing");
  return done();
}
