#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <skalibs/types.h>

#include "conf.h"
#include "filter.h"
#include "ip.h"
#include "log.h"

enum { FACTS, CONNECTED, ADDRESSED, CONTENT };

static io_time soon(void)
{
  return io_after(PARCEL_MS);
}

static int put(filter *f, char type, char const *s, size_t len)
{
  return parcel_put(&f->out, type, s, len, soon()) < 0 ? -1 : 1;
}

char const *filter_fact(filter const *f, char const *name)
{
  size_t n = strlen(name);
  char const *s = f->facts.s, *end = s ? s + f->facts.len : s;
  for (; s < end; s += strlen(s) + 1)
    if (!strncmp(s, name, n) && s[n] == '=') return s + n + 1;
  return "";
}

char const *filter_by(filter const *f)
{
  char const *by = filter_fact(f, "by");
  return *by ? by : conf_me();
}

/* A record that may stand only behind the recipients waits for their end, in
   late: type, length, bytes. */
static int later(filter *f, char type, char const *s, size_t len)
{
  if (f->stage == CONTENT) return put(f, type, s, len);
  if (len >= PARCEL_RECORD || f->late.len + len > FILTER_KEPT)
    return errno = EMSGSIZE, -1;
  return stralloc_append(&f->late, type) &&
                 stralloc_catb(&f->late, (char *)&len, sizeof len) &&
                 stralloc_catb(&f->late, s, len)
             ? 1
             : -1;
}

static int put_late(filter *f)
{
  char const *s = f->late.s, *end = s ? s + f->late.len : s;
  f->late.len = 0;
  while (s < end) {
    char type = *s++;
    size_t len;
    memcpy(&len, s, sizeof len);
    s += sizeof len;
    if (put(f, type, s, len) < 0) return -1;
    s += len;
  }
  return 1;
}

int filter_result(filter *f, char const *resinfo)
{
  return later(f, PARCEL_RESULT, resinfo, strlen(resinfo));
}

int filter_field(filter *f, char const *field, size_t len)
{
  return later(f, PARCEL_FIELD, field, len);
}

int filter_omit(filter *f, char const *name, unsigned n)
{
  char r[128];
  int len = snprintf(r, sizeof r, "%s%c%u", name, 0, n);
  if (len < 0 || (size_t)len >= sizeof r) return errno = EMSGSIZE, -1;
  return later(f, PARCEL_OMIT, r, (size_t)len);
}

int filter_message(filter *f, char const *s, size_t len)
{
  return parcel_put_message(&f->out, s, len, soon()) < 0 ? -1 : 1;
}

int filter_reply(filter *f, filter_action a, long number, char const *reply)
{
  static char const *const words[] = {"", "junk", "reject", "defer"};
  size_t word = strlen(words[a]) + 1, len = strnlen(reply, PARCEL_REPLY - 1);
  char v[16 + PARCEL_REPLY + 24];
  char const *trace = filter_fact(f, "id");
  if (a == FILTER_IGNORE) return 1;
  log_info("trace=%s %s: %.400s", *trace ? trace : f->id, words[a], reply);
  memcpy(v, words[a], word);
  memcpy(v + word, reply, len);
  len += word;
  if (number >= 0) {
    v[len++] = 0;
    len += ulong_fmt(v + len, (unsigned long)number);
  } else if (a != FILTER_JUNK) {
    f->refused = 1;
  }
  return put(f, PARCEL_VERDICT, v, len);
}

int filter_verdict(filter *f, filter_action a, long number, char const *detail,
                   char const *text)
{
  static char const *const class[] = {"", "250 2.", "550 5.", "451 4."};
  char reply[PARCEL_REPLY], clean[401];
  parcel_clean(clean, sizeof clean, text, strlen(text));
  snprintf(reply, sizeof reply, "%s%.16s %s", class[a], detail, clean);
  return filter_reply(f, a, number, reply);
}

static int keep(stralloc *to, parcel_record const *r)
{
  if (to->len + r->len > FILTER_KEPT) return errno = EMSGSIZE, -1;
  return stralloc_catb(to, r->s, r->len) && stralloc_0(to) ? 1 : -1;
}

int filter_add_fact(filter *f, char const *name, char const *value)
{
  char s[PARCEL_FACT + 1];
  int n = snprintf(s, sizeof s, "%s=%s", name, value);
  parcel_record r = {.type = PARCEL_CLIENT, .s = s, .len = (size_t)n};
  if (n < 0 || (size_t)n >= sizeof s || *filter_fact(f, name)) return 0;
  return put(f, r.type, r.s, r.len) < 0 ? -1 : keep(&f->facts, &r);
}

static void begin(filter *f, parcel_record const *r)
{
  snprintf(f->id, sizeof f->id, "%.*s", (int)r->len, r->s);
  f->facts.len = f->from.len = f->late.len = 0;
  f->refused = f->asked = f->trusted = 0;
  f->stage = FACTS;
  if (f->begin) f->begin(f);
}

/* Whatever is not a fact says that all of them are known. */
static int connected(filter *f)
{
  char const *ip = filter_fact(f, "ip");
  f->stage = CONNECTED;
  f->trusted = *filter_fact(f, "user") || !*ip || ip_loopback(ip);
  return f->connect && !f->refused ? f->connect(f) : 1;
}

static int content(filter *f)
{
  f->stage = CONTENT;
  return put_late(f);
}

/* What comes before the record itself. */
static int before(filter *f, parcel_record const *r)
{
  int owned = !strchr("IPFT?.", r->type);
  if (r->type == PARCEL_BEGIN) begin(f, r);
  if (f->stage == FACTS && !strchr("IPV", r->type) && connected(f) < 0)
    return -1;
  if (strchr("MEHA.", r->type) && f->stage != CONTENT && content(f) < 0)
    return -1;
  if (owned && f->record && !f->refused && f->record(f, r) < 0) return -1;
  if (r->type == PARCEL_END && f->end && !f->refused) return f->end(f);
  return 1;
}

static int after(filter *f, parcel_record const *r)
{
  switch (r->type) {
  case PARCEL_CLIENT: return keep(&f->facts, r);
  case PARCEL_FROM:
    f->stage = ADDRESSED;
    if (keep(&f->from, r) < 0) return -1;
    return f->sender && !f->refused ? f->sender(f) : 1;
  case PARCEL_TO:
    f->asked = 0;
    return f->recipient && !f->refused ? f->recipient(f, r) : 1;
  case PARCEL_SETTLE: f->asked = 1; return 1;
  default:
    if (parcel_refused(r)) f->refused = 1;
    return 1;
  }
}

/* What is buffered goes out when nothing more has come in. */
static int step(filter *f, parcel_in *in)
{
  parcel_record r;
  int got;
  if (in->pos == in->end && parcel_flush(&f->out, soon()) < 0) return -1;
  got = parcel_next(in, &r, &f->order);
  if (got <= 0) return got;
  if (before(f, &r) < 0) return -1;
  if (r.type == PARCEL_MESSAGE && f->message && !f->refused)
    return f->message(f, &r);
  return put(f, r.type, r.s, r.len) < 0 ? -1 : after(f, &r);
}

int filter_run(filter *f)
{
  parcel_in in;
  int r;
  f->order = 0;
  if (parcel_in_init(&in, 0) < 0 || parcel_out_init(&f->out, 1, -1) < 0)
    return 111;
  while ((r = step(f, &in)) > 0) continue;
  if (r < 0) log_warnsys("unable to pass on a parcel");
  parcel_in_free(&in);
  parcel_out_free(&f->out);
  stralloc_free(&f->facts);
  stralloc_free(&f->from);
  stralloc_free(&f->late);
  return r < 0 ? 111 : 0;
}
