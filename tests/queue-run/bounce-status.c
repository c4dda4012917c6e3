/* needs: queue-run/bounce-status.o queue-run/bounce-text.o queue-run/queue-file.o queue-run/queue-line.o queue-run/queue-dir.o */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue-run/bounce-text.h"
#include "queue-run/queue-line.h"
#include "mutate.h"
#include "tap.h"

static char kind = QUEUE_FAILED;
static char const *recipient = "x@c.test", *route = "remote";

/* The delivery status of that recipient with that ORCPT, reply and ENVID. */
static char const *status(char const *orcpt, char const *reply,
                          char const *envid, int utf8)
{
  static char out[40000];
  stralloc head = STRALLOC_ZERO, t = STRALLOC_ZERO;
  char line[QUEUE_RECORD];
  queue_record r = {.status = kind, .attempts = 1, .next = 1};
  queue_file q = {.recipients = 1, .time = 1};
  bounce b = {.done = 1, .utf8 = utf8, .q = &q, .envid = envid};
  parcel_record to;
  snprintf(r.reply, sizeof r.reply, "%s", reply);
  stralloc_catb(&t, "0", 2);
  stralloc_catb(&t, recipient, strlen(recipient) + 1);
  stralloc_cats(&t, "route=");
  stralloc_catb(&t, route, strlen(route) + 1);
  stralloc_catb(&t, "mailbox=/x", 11);
  stralloc_cats(&t, "orcpt=");
  stralloc_cats(&t, orcpt);
  stralloc_0(&t);
  to = (parcel_record){PARCEL_TO, t.s, t.len - 1};
  stralloc_readyplus(&head, QUEUE_HEADER);
  head.len = QUEUE_HEADER;
  envelope_add(&head, &to);
  q.envelope = head.len - QUEUE_HEADER;
  q.records = head.len;
  queue_line_record(line, &r);
  stralloc_catb(&head, line, sizeof line);
  q.head = head.s;
  bounce_status(&b);
  snprintf(out, sizeof out, "%.*s", (int)b.text.len, b.text.s);
  stralloc_free(&b.text);
  stralloc_free(&head);
  stralloc_free(&t);
  return out;
}

static void has(char const *got, char const *want, char const *what)
{
  ok(strstr(got, want) != 0, "%s", what);
}

/* Every line is a field or empty, printable, ASCII without utf8. */
static int fields(char const *s, int utf8)
{
  for (; *s; s++) {
    unsigned char c = (unsigned char)*s;
    if (c == '\r' && s[1] == '\n') continue;
    if (c == '\n' && s[-1] == '\r') continue;
    if (c < 32 || c == 127 || (c > 127 && !utf8)) return 0;
  }
  return 1;
}

static int lines(char const *s)
{
  int n = 0;
  for (; *s; s++) n += *s == '\n';
  return n;
}

static char const REPLY[] = "550 5.1.1 mx.c.test said: 5.9.9 no";
static char const ORCPT[] = "utf-8;r\\x{FC}+20+C3+BCx+2B@c.test";

static void test_mutations(void)
{
  static char const with[] =
      "+0123456789ABCDEF;\\{}x @.\r\n\t\x7f\xc3\xbc\xff ";
  int wrong = 0, most = 0;
  for (int i = 0; i < MUTANTS; i++) {
    char *orcpt = mutate_text(ORCPT, BYTES(with));
    char *said = mutate_text(REPLY, BYTES(with)), reply[2 * sizeof REPLY + 40];
    char const *got;
    parcel_clean(reply, sizeof reply, said, strlen(said)); /* as every report */
    got = status(orcpt, reply, orcpt, i & 1);
    wrong += !fields(got, i & 1);
    if (lines(got) > most) most = lines(got);
    free(orcpt);
    free(said);
  }
  is_int(wrong, 0, "mutations: nothing but printable lines comes out");
  ok(most <= 12, "and no line more than we write: %d", most);
}

/* RFC 3464 2.3.3, 2.3.2 */
static void test_kinds(void)
{
  static char long_one[3000];
  kind = QUEUE_GOOD;
  has(status("", "250 2.0.0 Ok", "", 0), "Action: relayed\r\n", "relayed");
  route = "local", recipient = "x@c.test";
  has(status("", "250 2.0.0 Ok", "", 0), "Action: delivered\r\n", "delivered");
  has(status("", REPLY, "", 0), "x-rohrpost", "no host said it");
  route = "expanded";
  has(status("", "250 2.0.0 Ok", "", 0), "Action: expanded\r\n", "expanded");
  ok(!strstr(status("", "250 2.0.0 Ok", "", 0), "Diagnostic-Code"),
     "2.3.6: nobody has said anything");
  kind = QUEUE_FAILED, route = "remote";
  recipient = "\xc3\xbc+@c.test";
  has(status("", REPLY, "", 0),
      "Final-Recipient: utf-8; \\x{FC}\\x{2B}@c.test\r\n",
      "RFC 6533 3: a recipient in UTF-8");
  has(status("", REPLY, "", 1), "Final-Recipient: utf-8; \xc3\xbc+@c.test\r\n",
      "as it is");
  recipient = "x@c.test";
  memset(long_one, 'x', sizeof long_one - 1);
  memcpy(long_one, "utf-8;\xc3\xbc", 8);
  ok(strlen(status(long_one, REPLY, "", 0)) < 2600, "one too long is cut");
  has(status("", "550 5.1.1 said: x", "", 0), "x-rohrpost", "no host");
}

int main(void)
{
  has(status(ORCPT, REPLY, "", 0),
      "Original-Recipient: utf-8;r\\x{5C}x{FC} \\x{FC}x\\x{2B}@c.test\r\n",
      "RFC 6533 3: escapes where only ASCII may pass");
  has(status(ORCPT, REPLY, "", 1),
      "Original-Recipient: utf-8;r\\x{FC} \xc3\xbcx+@c.test\r\n",
      "RFC 3461 4: xtext decoded");
  has(status("rfc822;a+2Bb+ZZ", REPLY, "", 0),
      "Original-Recipient: rfc822;a+b+ZZ\r\n", "what is no code stays");
  has(status("", REPLY, "", 0),
      "Status: 5.1.1\r\nRemote-MTA: dns; mx.c.test\r\n"
      "Diagnostic-Code: smtp; 550 5.1.1 5.9.9 no\r\n",
      "RFC 3464 2.3: status, host, words");
  has(status("", "550 No", "", 0),
      "Status: 5.0.0\r\nDiagnostic-Code: x-rohrpost; 550 No\r\n",
      "a reply without an enhanced code");
  has(status("", "550 2.1.1 No", "", 0), "Status: 5.0.0\r\n",
      "a code of another class is none");
  has(status("", "451 4.4.2 x", "", 0), "Status: 4.4.2\r\n", "given up");
  has(status("", REPLY, "a+2Bb", 0), "Original-Envelope-Id: a+b\r\n", "ENVID");
  has(status("", REPLY, "\xc3\xbc+5C", 0), "Envelope-Id: \\x{FC}\\x{5C}\r\n",
      "an ENVID that is not ASCII");
  has(status("", "250 2.1.9 Ok", "", 0), "Status: 2.1.9\r\n", "a success");
  has(status("", "250 Ok", "", 0), "Status: 2.0.0\r\n", "without a code");
  has(status("", "450 Ok", "", 0), "Status: 4.0.0\r\n", "and a failure");
  ok(!strstr(status("\xc3\xbc", REPLY, "", 0), "Original"),
     "no type: nothing that may be said in ASCII");
  has(status("", "550 5.1.1 mx.c.test says: no", "", 0), "x-rohrpost",
      "words that are no host's");
  test_kinds();
  test_mutations();
  return done();
}
