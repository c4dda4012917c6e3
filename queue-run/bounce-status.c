/* The part of a notice that programs read (RFC 3464, RFC 6533). */
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "bounce-text.h"
#include "conf.h"
#include "utf8.h"

#define VALUE 2048 /* bytes of an address, with all of it in escapes */

static int hex(char c)
{
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* xtext decoded (RFC 3461 4); what is neither printable nor UTF-8 is '?' */
static size_t xtext(char *to, size_t size, char const *s)
{
  size_t n = 0;
  while (*s && n + 1 < size) {
    char c = *s++;
    if (c == '+' && hex(s[0]) >= 0 && hex(s[1]) >= 0) {
      c = (char)(hex(s[0]) << 4 | hex(s[1]));
      s += 2;
    }
    to[n++] = c;
  }
  to[n] = 0;
  for (size_t i = 0, len; i < n; i += len ? len : 1) {
    len = utf8_char(to + i, n - i);
    if (!len || (len == 1 && (to[i] < ' ' || to[i] > '~'))) to[i] = '?';
  }
  return n;
}

static unsigned long code_point(char const *s, size_t len)
{
  unsigned long c = (unsigned char)*s & (0x7fU >> len);
  for (size_t i = 1; i < len; i++) c = c << 6 | ((unsigned char)s[i] & 0x3f);
  return c;
}

/* One character of utf-8-addr-xtext (RFC 6533 3): ASCII but for three, which
   have meanings, all else in escapes. */
static size_t escaped(char *to, size_t size, char const *s, size_t len)
{
  if (len == 1 && !strchr("+=\\", *s))
    return (size_t)snprintf(to, size, "%c", *s);
  return (size_t)snprintf(to, size, "\\x{%lX}",
                          len > 1 ? code_point(s, len) : (unsigned char)*s);
}

/* A message that may pass hosts without SMTPUTF8 has its addresses so. */
static void seven_bit(char *to, size_t size, char const *s, size_t n)
{
  size_t at = 0;
  for (size_t i = 0, len; i < n && at + 12 < size; i += len) {
    len = utf8_char(s + i, n - i);
    if (!len) len = 1;
    at += escaped(to + at, size - at, s + i, len);
  }
  to[at] = 0;
}

static void address(bounce *b, char const *field, char const *s)
{
  size_t n = strlen(s);
  char value[VALUE];
  if (!addr_is_utf8(s, n)) {
    bounce_say(b, "%s: rfc822; %s\r\n", field, s);
  } else if (b->utf8) {
    bounce_say(b, "%s: utf-8; %s\r\n", field, s);
  } else {
    seven_bit(value, sizeof value, s, n);
    bounce_say(b, "%s: utf-8; %s\r\n", field, value);
  }
}

/* As the sender gave it: type;xtext */
static void original(bounce *b, char const *orcpt)
{
  char value[VALUE], ascii[VALUE];
  size_t n = xtext(value, sizeof value, orcpt), type = strcspn(value, ";");
  if (!n) return;
  if (b->utf8 || !addr_is_utf8(value, n)) {
    bounce_say(b, "Original-Recipient: %s\r\n", value);
    return;
  }
  if (!value[type]) return;
  seven_bit(ascii, sizeof ascii, value + type + 1, n - type - 1);
  bounce_say(b, "Original-Recipient: utf-8;%s\r\n", ascii);
}

/* "550 5.1.1 text": the enhanced code (RFC 3463), or one that the code
   makes. Returns the text. */
static char const *split(char const *reply, char *code, size_t size)
{
  unsigned class, subject, detail;
  int used = 0;
  if (sscanf(reply, "%*3u %1u.%3u.%3u%n", &class, &subject, &detail, &used) ==
          3 &&
      class == (unsigned)(*reply - '0')) {
    snprintf(code, size, "%u.%u.%u", class, subject, detail);
    return reply + used + strspn(reply + used, " ");
  }
  snprintf(code, size, "%c.0.0", *reply == '2' || *reply == '4' ? *reply : '5');
  return reply + strcspn(reply, " ");
}

/* What a host said is known by its name before it: smtp-send(8). */
static void remote(bounce *b, envelope_to const *to, char const *reply,
                   char const *code, char const *text)
{
  size_t host = strcspn(text, " ");
  if (to->route == ENVELOPE_REMOTE && host && host < 256 &&
      !strncmp(text + host, " said: ", 7)) {
    bounce_say(b, "Remote-MTA: dns; %.*s\r\n", (int)host, text);
    bounce_say(b, "Diagnostic-Code: smtp; %.3s %s %s\r\n", reply, code,
               text + host + 7);
  } else {
    bounce_say(b, "Diagnostic-Code: x-rohrpost; %s\r\n", reply);
  }
}

static char const *action(envelope_to const *to, queue_record const *r)
{
  return r->status == QUEUE_FAILED        ? "failed"
         : queue_waits(r->status)         ? "delayed"
         : to->route == ENVELOPE_EXPANDED ? "expanded"
         : to->route == ENVELOPE_REMOTE   ? "relayed"
                                          : "delivered";
}

static void one(bounce *b, envelope_to const *to, queue_record const *r)
{
  char code[16];
  char const *text = split(r->reply, code, sizeof code);
  bounce_say(b, "\r\n");
  original(b, to->orcpt);
  address(b, "Final-Recipient", to->address);
  bounce_say(b, "Action: %s\r\nStatus: %s\r\n", action(to, r), code);
  if (to->route != ENVELOPE_EXPANDED) remote(b, to, r->reply, code, text);
  if (queue_waits(r->status)) /* the record has the next one's time */
    bounce_date(b, "Will-Retry-Until", b->until);
  else
    bounce_date(b, "Last-Attempt-Date", r->next);
}

void bounce_status(bounce *b)
{
  char value[VALUE], ascii[VALUE];
  size_t n = xtext(value, sizeof value, b->envid);
  if (!b->utf8 && addr_is_utf8(value, n)) {
    seven_bit(ascii, sizeof ascii, value, n);
    memcpy(value, ascii, sizeof value);
  }
  if (n) bounce_say(b, "Original-Envelope-Id: %s\r\n", value);
  bounce_say(b, "Reporting-MTA: dns; %s\r\n", conf_me());
  bounce_date(b, "Arrival-Date", b->q->time);
  bounce_each(b, one);
  bounce_say(b, "\r\n");
}
