#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "addr.h"
#include "bounce-text.h"
#include "conf.h"
#include "date.h"
#include "header.h"

#define FLUSH 32768
#define HEADER 65536 /* most bytes of the original's header that go back */

static void flush(bounce *b)
{
  if (b->failed == 1)
    b->failed = parcel_put_message(b->out, b->text.s, b->text.len, b->deadline);
  b->text.len = 0;
}

static void raw(bounce *b, char const *s, size_t n)
{
  if (!stralloc_catb(&b->text, s, n)) b->failed = -1;
  if (b->text.len > FLUSH) flush(b);
}

__attribute__((format(printf, 2, 3))) static void say(bounce *b,
                                                      char const *fmt, ...)
{
  char line[2048];
  va_list ap;
  int n;
  va_start(ap, fmt);
  n = vsnprintf(line, sizeof line, fmt, ap);
  va_end(ap);
  raw(b, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
}

static void date(bounce *b, char const *field, time_t t)
{
  char text[DATE_MAX + 1];
  size_t n = date_mail(text, t);
  say(b, "%s: %.*s\r\n", field, (int)n, text);
}

static int hex(char c)
{
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* xtext decoded (RFC 3461 4), printable ASCII only */
static void xtext(char *to, size_t size, char const *s)
{
  size_t n = 0;
  while (*s && n + 1 < size) {
    char c = *s++;
    if (c == '+' && hex(s[0]) >= 0 && hex(s[1]) >= 0) {
      c = (char)(hex(s[0]) << 4 | hex(s[1]));
      s += 2;
    }
    to[n++] = c < ' ' || c > '~' ? '?' : c;
  }
  to[n] = 0;
}

static void each_failed(bounce *b, void (*one)(bounce *, envelope_to const *,
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
    if (x.status == QUEUE_FAILED && envelope_recipient(&to, &r) > 0)
      one(b, &to, &x);
  }
  envelope_end(&w);
}

static void head(bounce *b)
{
  char const *me = conf_me();
  say(b, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\n", me);
  say(b, "To: <%s>\r\nSubject: Your message could not be delivered\r\n", b->to);
  date(b, "Date", time(0));
  say(b, "Message-ID: <%s.%s@%s>\r\n", b->id, b->boundary, me);
  say(b, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
  say(b,
      "Content-Type: multipart/report; report-type=delivery-status;\r\n"
      "\tboundary=\"%s\"\r\n\r\n",
      b->boundary);
}

static void part(bounce *b, char const *type, char const *encoding)
{
  say(b, "--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n",
      b->boundary, type, encoding);
}

static void human(bounce *b, envelope_to const *to, queue_record const *r)
{
  say(b, "<%s>%s%s%s:\r\n    %s\r\n", to->address,
      strcmp(to->rcpt, to->address) && *to->rcpt ? " (for <" : "",
      strcmp(to->rcpt, to->address) ? to->rcpt : "",
      strcmp(to->rcpt, to->address) && *to->rcpt ? ">)" : "", r->reply);
  if (*r->reply == '4') say(b, "    (given up after many attempts)\r\n");
}

static void text(bounce *b)
{
  part(b, "text/plain; charset=utf-8", "8bit");
  say(b,
      "This is the mail server %s.\r\n\r\n"
      "Your message could not be delivered to the recipients below. No more\r\n"
      "attempts will be made for them.\r\n\r\n",
      conf_me());
  each_failed(b, human);
  say(b, "\r\n");
}

/* The status of a reply "550 5.1.1 text" (RFC 3463) */
static void status(char *to, size_t size, char const *reply)
{
  unsigned class, subject, detail;
  if (sscanf(reply, "%*u %1u.%3u.%3u", &class, &subject, &detail) == 3)
    snprintf(to, size, "%u.%u.%u", class, subject, detail);
  else
    snprintf(to, size, "%c.0.0", *reply == '4' ? '4' : '5');
}

static void machine(bounce *b, envelope_to const *to, queue_record const *r)
{
  char value[1024], code[16];
  say(b, "\r\n");
  xtext(value, sizeof value, to->orcpt);
  if (*value) say(b, "Original-Recipient: %s\r\n", value);
  say(b, "Final-Recipient: %s; %s\r\n",
      addr_is_utf8(to->address, strlen(to->address)) ? "utf-8" : "rfc822",
      to->address);
  status(code, sizeof code, r->reply);
  say(b, "Action: failed\r\nStatus: %s\r\n", code);
  say(b, "Diagnostic-Code: smtp; %s\r\n", r->reply);
  date(b, "Last-Attempt-Date", (time_t)r->next);
}

static void report(bounce *b)
{
  char value[1024];
  if (b->utf8)
    part(b, "message/global-delivery-status", "8bit");
  else
    part(b, "message/delivery-status", "7bit"); /* a MUST of RFC 3464 2.1 */
  xtext(value, sizeof value, b->envid);
  if (*value) say(b, "Original-Envelope-Id: %s\r\n", value);
  say(b, "Reporting-MTA: dns; %s\r\n", conf_me());
  date(b, "Arrival-Date", (time_t)b->q->time);
  each_failed(b, machine);
  say(b, "\r\n");
}

static void headers(bounce *b)
{
  static char s[HEADER];
  size_t n = b->q->size < HEADER ? (size_t)b->q->size : HEADER, len;
  ssize_t got = pread(b->q->fd, s, n, (off_t)b->q->message);
  part(b, b->utf8 ? "message/global-headers" : "text/rfc822-headers", "8bit");
  if (got < 0) {
    b->failed = -1;
    return;
  }
  len = header_size(s, (size_t)got);
  if (len == HEADER) /* cut at a line */
    while (len && s[len - 1] != '\n') len--;
  raw(b, s, len);
  if (len < 2 || s[len - 1] != '\n') say(b, "\r\n");
  say(b, "\r\n--%s--\r\n", b->boundary);
}

int bounce_write(bounce *b)
{
  b->failed = 1;
  parcel_id(b->boundary, 24);
  head(b);
  text(b);
  report(b);
  headers(b);
  flush(b);
  stralloc_free(&b->text);
  return b->failed;
}
