#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bounce-text.h"
#include "conf.h"
#include "date.h"
#include "header.h"

#define FLUSH 32768
#define HEADER 65536 /* most bytes of the original's header that go back */

static void flush(bounce *b)
{
  if (b->done == 1)
    b->done = parcel_put_message(b->out, b->text.s, b->text.len, b->deadline);
  b->text.len = 0;
}

void bounce_bytes(bounce *b, char const *s, size_t n)
{
  if (!stralloc_catb(&b->text, s, n)) b->done = -1;
  if (b->text.len > FLUSH) flush(b);
}

void bounce_say(bounce *b, char const *fmt, ...)
{
  char line[4096];
  va_list ap;
  int n;
  va_start(ap, fmt);
  n = vsnprintf(line, sizeof line, fmt, ap);
  va_end(ap);
  bounce_bytes(b, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
}

void bounce_date(bounce *b, char const *field, long long t)
{
  char text[DATE_MAX + 1];
  size_t n = date_mail(text, (time_t)t);
  bounce_say(b, "%s: %.*s\r\n", field, (int)n, text);
}

void bounce_each(bounce *b, void (*one)(bounce *, envelope_to const *,
                                        queue_record const *))
{
  envelope_walk w = queue_file_walk(b->q);
  parcel_record r;
  envelope_to to;
  queue_record x;
  unsigned i = 0;
  while (i < b->q->recipients && envelope_next(&w, &r) > 0) {
    if (r.type != PARCEL_TO) continue;
    queue_record_get(b->q, i++, &x);
    if (queue_record_tells(&x) && envelope_recipient(&to, &r) > 0)
      one(b, &to, &x);
  }
  envelope_end(&w);
}

static void head(bounce *b)
{
  char const *me = conf_me();
  bounce_say(b, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\n", me);
  bounce_say(b, "To: <%s>\r\nSubject: %s\r\n", b->to,
             b->bad    ? "Your message could not be delivered"
             : b->late ? "Your message is delayed"
                       : "Your message was delivered");
  bounce_date(b, "Date", time(0));
  bounce_say(b, "Message-ID: <%s.%s@%s>\r\n", b->id, b->boundary, me);
  bounce_say(b, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
  bounce_say(b,
             "Content-Type: multipart/report; report-type=delivery-status;\r\n"
             "\tboundary=\"%s\"\r\n\r\n",
             b->boundary);
}

static void part(bounce *b, char const *type, char const *encoding)
{
  bounce_say(b,
             "--%s\r\nContent-Type: %s\r\n"
             "Content-Transfer-Encoding: %s\r\n\r\n",
             b->boundary, type, encoding);
}

static void name(bounce *b, envelope_to const *to)
{
  bounce_say(b, "<%s>", to->address);
  if (*to->rcpt && strcmp(to->rcpt, to->address))
    bounce_say(b, " (for <%s>)", to->rcpt);
}

static void failed(bounce *b, envelope_to const *to, queue_record const *r)
{
  if (r->status != QUEUE_FAILED) return;
  name(b, to);
  bounce_say(b, ":\r\n    %s\r\n", r->reply);
  if (*r->reply == '4') bounce_say(b, "    (given up after many attempts)\r\n");
}

static void arrived(bounce *b, envelope_to const *to, queue_record const *r)
{
  if (!queue_tells(r->status) || r->status == QUEUE_FAILED) return;
  name(b, to);
  bounce_say(b, ":\r\n    %s\r\n",
             to->route == ENVELOPE_LOCAL      ? "It is in the mailbox."
             : to->route == ENVELOPE_EXPANDED ? "It was sent on to several "
                                                "addresses. You will not be "
                                                "told when they have it."
                                              : "It was handed on to a host "
                                                "that will not tell you when "
                                                "it is delivered.");
}

static void delayed(bounce *b, envelope_to const *to, queue_record const *r)
{
  if (!queue_waits(r->status)) return;
  name(b, to);
  bounce_say(b, ":\r\n    %s\r\n", r->reply);
}

static void text(bounce *b)
{
  part(b, "text/plain; charset=utf-8", "8bit");
  bounce_say(b, "This is the mail server %s.\r\n\r\n", conf_me());
  if (b->bad) {
    bounce_say(b, "Your message could not be delivered to the recipients "
                  "below. No more\r\nattempts will be made for them.\r\n\r\n");
    bounce_each(b, failed);
    bounce_say(b, "\r\n");
  }
  if (b->late) {
    bounce_say(b, "Your message has not been delivered yet to the recipients "
                  "below. You need\r\nnot do anything: it is tried again.\r\n");
    bounce_date(b, "It is given up after", b->until);
    bounce_say(b, "\r\n");
    bounce_each(b, delayed);
    bounce_say(b, "\r\n");
  }
  if (b->good) {
    bounce_say(b, "You asked to be told what became of your message for the "
                  "recipients\r\nbelow.\r\n\r\n");
    bounce_each(b, arrived);
    bounce_say(b, "\r\n");
  }
}

static void report(bounce *b)
{
  if (b->utf8)
    part(b, "message/global-delivery-status", "8bit");
  else
    part(b, "message/delivery-status", "7bit"); /* a MUST of RFC 3464 2.1 */
  bounce_status(b);
}

static ssize_t piece(bounce *b, char *s, size_t size, uint64_t at)
{
  size_t n = b->q->size - at < size ? (size_t)(b->q->size - at) : size;
  ssize_t got;
  do got = pread(b->q->fd, s, n, (off_t)(b->q->message + at));
  while (got < 0 && errno == EINTR);
  if (got < 0 || (!got && n)) b->done = -1;
  return got;
}

static char buf[HEADER];

static void whole(bounce *b)
{
  ssize_t got;
  part(b, b->utf8 ? "message/global" : "message/rfc822", "8bit");
  for (uint64_t at = 0; at < b->q->size && b->done == 1; at += (size_t)got) {
    got = piece(b, buf, sizeof buf, at);
    if (got <= 0) return;
    bounce_bytes(b, buf, (size_t)got);
  }
}

static void headers(bounce *b)
{
  ssize_t got = piece(b, buf, sizeof buf, 0);
  size_t len;
  part(b, b->utf8 ? "message/global-headers" : "text/rfc822-headers", "8bit");
  if (got < 0) return;
  len = header_size(buf, (size_t)got);
  if (len == HEADER) /* cut at a line */
    while (len && buf[len - 1] != '\n') len--;
  bounce_bytes(b, buf, len);
  if (len < 2 || buf[len - 1] != '\n') bounce_say(b, "\r\n");
}

int bounce_write(bounce *b)
{
  b->done = 1;
  parcel_id(b->boundary, 24);
  head(b);
  text(b);
  report(b);
  if (b->full && b->bad && b->q->size <= BOUNCE_WHOLE)
    whole(b);
  else
    headers(b);
  bounce_say(b, "\r\n--%s--\r\n", b->boundary);
  flush(b);
  stralloc_free(&b->text);
  return b->done;
}
