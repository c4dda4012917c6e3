/* needs: smtp-recv/trace.o -lidn2 -lutf8proc */
#include "smtp-recv/trace.h"
#include "tap.h"

static char const *proto(int lmtp, int extended, int tls, int auth, int utf8)
{
  static trace t;
  trace_proto(&t, lmtp, extended, tls, auth, utf8);
  return t.proto;
}

int main(void)
{
  char s[TRACE_MAX + 1], helo[256];
  trace t = {.helo = "c.test",
             .rdns = "",
             .ip = "192.0.2.1",
             .me = "mx.a.test",
             .id = "abc.1",
             .rcpt = "alice@a.test",
             .tls = "TLSv1.2",
             .cipher = "ECDHE",
             .proto = "ESMTPS"};
  is_str(proto(0, 0, 0, 0, 0), "SMTP", "RFC 5321 4.4: SMTP");
  is_str(proto(0, 1, 0, 0, 0), "ESMTP", "ESMTP");
  is_str(proto(0, 1, 1, 1, 0), "ESMTPSA", "RFC 3848: ESMTPSA");
  is_str(proto(1, 1, 0, 1, 0), "LMTPA", "LMTPA");
  is_str(proto(0, 1, 1, 0, 1), "UTF8SMTPS", "RFC 6531 4.3: UTF8SMTPS");
  is_str(proto(1, 1, 1, 1, 1), "UTF8LMTPSA", "UTF8LMTPSA");
  s[trace_received(s, &t)] = 0;
  *strchr(s, ';') = 0;
  is_str(s,
         "Received: from c.test ([192.0.2.1])\r\n\tby mx.a.test with ESMTPS"
         "\r\n\t(TLSv1.2 ECDHE)\r\n\tid abc.1\r\n\tfor <alice@a.test>",
         "RFC 5321 4.4: the whole field");
  t.hidden = 1;
  s[trace_received(s, &t)] = 0;
  ok(!strncmp(s, "Received: by mx.a.test with ESMTPS\r\n", 36) &&
         !strstr(s, "192.0.2.1"),
     "nothing of the client");
  t.hidden = 0;
  t.helo = "192.0.2.9\t(x";
  t.rdns = "h.test";
  s[trace_received(s, &t)] = 0;
  ok(!strncmp(s, "Received: from [192.0.2.1] (HELO 192.0.2.9??x)\r\n\t(h.test)",
              50),
     "a HELO that is no domain is shown in a comment");
  memset(helo, 'a', 255);
  helo[255] = 0;
  t.helo = t.rdns = helo;
  t.me = helo;
  ok(trace_received(s, &t) < TRACE_MAX, "the longest names fit");
  return done();
}
