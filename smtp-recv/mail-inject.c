/* A message of a local user into the queue, as sendmail(8) takes it. */
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/sgetopt.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include "addr.h"
#include "conf.h"
#include "crlf.h"
#include "date.h"
#include "dsn-param.h"
#include "header.h"
#include "way.h"

#define USAGE                                                                  \
  "mail-inject [ -t ] [ -i ] [ -f sender ] [ -F name ] [ -N notify ] "         \
  "[ -R hdrs|full ] [ -S socket ] [ recipient... ]"
#define dieusage() strerr_dieusage(100, USAGE)

#define HEADER_MAX (256 * 1024)
#define RECIPIENTS_MAX 10000
#define CONNECT_MS 30000

typedef struct mail {
  char id[17];
  char user[ADDR_MAX + 1]; /* who calls us, with our domain */
  char const *from, *name;
  char ret[9];     /* "RET=HDRS", "RET=FULL" or nothing */
  char notify[32]; /* "notify=…" or nothing */
  int from_header;
  stralloc to; /* addresses with their NULs */
  unsigned nto;
  stralloc head; /* with its empty line, CRLF */
  stralloc body; /* what was read of it with the header */
  crlf lines;
  way way;
} mail;

static void must(int good)
{
  if (!good) strerr_diefu1sys(111, "allocate memory");
}

/* A local part alone gets our domain. */
static void recipient(mail *m, char const *s)
{
  size_t len = strlen(s);
  if (m->nto++ >= RECIPIENTS_MAX) strerr_dief1x(1, "too many recipients");
  if (!addr_valid(s, len, ADDR_UTF8 | ADDR_BARE))
    strerr_dief2x(1, "not an address: ", s);
  must(stralloc_catb(&m->to, s, len));
  if (addr_at(s, len) == len)
    must(stralloc_cats(&m->to, "@") && stralloc_cats(&m->to, conf_me()));
  must(stralloc_0(&m->to));
}

static int each_address(addr_item const *a, void *data)
{
  stralloc s = STRALLOC_ZERO;
  if (!a->local) return 1;
  if (*a->local) must(addr_local_put(&s, a->local, strlen(a->local)) > 0);
  if (a->domain) must(stralloc_cats(&s, "@") && stralloc_cats(&s, a->domain));
  must(stralloc_0(&s));
  recipient(data, s.s);
  stralloc_free(&s);
  return 1;
}

static int some_input(mail *m, stralloc *to)
{
  char buf[16384];
  ssize_t n = io_read(0, buf, sizeof buf, IO_FOREVER);
  if (n < 0) strerr_diefu1sys(111, "read the message");
  if (n) must(crlf_in(&m->lines, to, buf, (size_t)n) > 0);
  if (m->lines.bare || (!n && m->lines.cr))
    strerr_dief1x(1, "a CR stands alone in the message");
  return n > 0;
}

/* A message may begin with its body: then an empty header is its own. */
static void read_header(mail *m)
{
  size_t n = 0;
  header_field f;
  int more;
  do {
    more = some_input(m, &m->head);
    n = header_size(m->head.s ? m->head.s : "", m->head.len);
    if (n > HEADER_MAX) strerr_dief1x(1, "too long a header");
  } while (more && n == m->head.len);
  for (n = 0; n < m->head.len; n += f.len)
    if (header_next(&f, m->head.s + n, m->head.len - n) <= 0) break;
  if (n + 2 <= m->head.len && !memcmp(m->head.s + n, "\r\n", 2)) n += 2;
  must(stralloc_catb(&m->body, m->head.s + n, m->head.len - n));
  m->head.len = n;
  if (n < 2 || memcmp(m->head.s + n - 2, "\r\n", 2) ||
      (n > 2 && memcmp(m->head.s + n - 4, "\r\n\r\n", 4)))
    must(stralloc_cats(&m->head, "\r\n"));
}

static void put(mail *m, char type, void const *s, size_t len)
{
  if (way_put(&m->way, type, s, len, io_after(PARCEL_MS)) <= 0)
    strerr_diefu1sys(111, "hand the message on");
}

static void put_message(mail *m, char const *s, size_t len)
{
  if (way_message(&m->way, s, len, io_after(PARCEL_MS)) <= 0)
    strerr_diefu1sys(111, "hand the message on");
}

static int has(mail const *m, char const *name)
{
  header_field f;
  return header_find(&f, m->head.s, m->head.len, name, 0);
}

static void recipients_of_header(mail *m)
{
  header_field f;
  for (size_t n = 0; n < m->head.len; n += f.len) {
    if (header_next(&f, m->head.s + n, m->head.len - n) <= 0) break;
    if (header_is(&f, "To") || header_is(&f, "Cc") || header_is(&f, "Bcc"))
      must(addr_list(f.value, f.valuelen, each_address, m) > 0);
  }
}

/* Only what every message must have (RFC 5322 3.6). */
static void put_missing(mail *m)
{
  char s[1024], date[DATE_MAX], name[200] = "";
  if (m->name) {
    parcel_clean(name, sizeof name, m->name, strlen(m->name));
    for (char *p = name; *p; p++)
      if (*p == '"' || *p == '\\') *p = '\'';
  }
  if (!has(m, "From")) {
    int n = snprintf(s, sizeof s,
                     *name ? "From: \"%s\" <%s>\r\n" : "From: %s%s\r\n", name,
                     *m->from ? m->from : m->user);
    put_message(m, s, (size_t)n);
  }
  if (!has(m, "Date")) {
    date[date_mail(date, time(0))] = 0;
    put_message(m, s, (size_t)snprintf(s, sizeof s, "Date: %s\r\n", date));
  }
  if (!has(m, "Message-ID"))
    put_message(m, s,
                (size_t)snprintf(s, sizeof s, "Message-ID: <%s@%.300s>\r\n",
                                 m->id, conf_me()));
}

static void put_header(mail *m)
{
  header_field f;
  size_t n = 0;
  for (; n < m->head.len; n += f.len) {
    if (header_next(&f, m->head.s + n, m->head.len - n) <= 0) break;
    if (!m->from_header || !header_is(&f, "Bcc")) put_message(m, f.s, f.len);
  }
  put_message(m, m->head.s + n, m->head.len - n);
}

static void put_envelope(mail *m)
{
  char s[ADDR_MAX + 1024], date[DATE_MAX];
  char const *to = m->to.s;
  put(m, PARCEL_BEGIN, m->id, strlen(m->id));
  put(m, PARCEL_CLIENT, s, (size_t)snprintf(s, sizeof s, "id=%s", m->id));
  put(m, PARCEL_CLIENT, s,
      (size_t)snprintf(s, sizeof s, "by=%.300s", conf_me()));
  put(m, PARCEL_CLIENT, s,
      (size_t)snprintf(s, sizeof s, "uid=%lu", (unsigned long)getuid()));
  put(m, PARCEL_CLIENT, s,
      (size_t)snprintf(s, sizeof s, "time=%lld", (long long)time(0)));
  put(m, PARCEL_FROM, s,
      (size_t)snprintf(s, sizeof s, *m->ret ? "%s%c%s" : "%s", m->from, 0,
                       m->ret));
  for (unsigned i = 0; i < m->nto; i++, to += strlen(to) + 1)
    put(m, PARCEL_TO, s,
        (size_t)snprintf(s, sizeof s, *m->notify ? "%u%c%s%c%s" : "%u%c%s", i,
                         0, to, 0, m->notify));
  date[date_mail(date, time(0))] = 0;
  put(m, PARCEL_FIELD, s,
      (size_t)snprintf(s, sizeof s,
                       "Received: by %.300s (mail-inject, uid %lu)\r\n"
                       "\tid %s; %s\r\n",
                       conf_me(), (unsigned long)getuid(), m->id, date));
}

static void inject(mail *m)
{
  parcel_report final;
  if (way_open(&m->way, io_after(CONNECT_MS)) < 0)
    strerr_diefu2sys(111, "connect to ", m->way.socket);
  put_envelope(m);
  put_missing(m);
  put_header(m);
  do {
    put_message(m, m->body.s, m->body.len);
    m->body.len = 0;
  } while (some_input(m, &m->body));
  if (way_finish(&m->way, m->id, &final, 0, 0, io_after(PARCEL_MS)) < 0)
    strerr_dief1x(111, "the message was not taken");
  if (final.code >= 300)
    strerr_dief2x(final.code >= 500 ? 1 : 111, "refused: ", final.text);
  way_free(&m->way);
}

/* A user's shell has not the environment of the services: from its file. */
static void name_host(void)
{
  char const *etc = getenv("ROHRPOST_ETC"), *me = getenv("ROHRPOST_ME");
  char path[CONF_PATH_MAX], name[256];
  ssize_t n;
  if (me && *me) return;
  if (!etc || !*etc) etc = "/etc/rohrpost";
  if (snprintf(path, sizeof path, "%s/env/ROHRPOST_ME", etc) >=
      (int)sizeof path)
    strerr_dief1x(100, "ROHRPOST_ETC is too long");
  n = openreadnclose(path, name, sizeof name - 1);
  if (n < 0) n = 0;
  name[n] = 0;
  name[strcspn(name, "\n")] = 0;
  if (*name && setenv("ROHRPOST_ME", name, 1) < 0)
    strerr_diefu1sys(111, "set the environment");
}

static void who(mail *m)
{
  struct passwd *p = getpwuid(getuid());
  if (p)
    snprintf(m->user, sizeof m->user, "%.64s@%.255s", p->pw_name, conf_me());
  else
    snprintf(m->user, sizeof m->user, "uid-%lu@%.255s", (unsigned long)getuid(),
             conf_me());
  m->from = m->user;
  parcel_id(m->id, 16);
}

static char const *sender(char const *s)
{
  size_t len = strlen(s);
  if (!len || !strcmp(s, "<>")) return "";
  if (!addr_valid(s, len, ADDR_UTF8)) strerr_dief2x(100, "not an address: ", s);
  return s;
}

static void notify(mail *m, char const *s)
{
  char list[DSN_NOTIFY];
  if (!dsn_notify(list, s)) dieusage();
  snprintf(m->notify, sizeof m->notify, "notify=%s", list);
}

static void ret(mail *m, char const *s)
{
  char const *word = dsn_ret(s);
  if (!word) dieusage();
  snprintf(m->ret, sizeof m->ret, "RET=%s", word);
}

int main(int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  mail m = {0};
  char const *to = 0;
  PROG = "mail-inject";
  signal(SIGPIPE, SIG_IGN);
  name_host();
  who(&m);
  for (int opt;
       (opt = subgetopt_r(argc, argv, "tif:r:F:N:R:S:o:b:B:", &l)) != -1;)
    switch (opt) {
    case 't': m.from_header = 1; break;
    case 'f':
    case 'r': m.from = sender(l.arg); break;
    case 'F': m.name = l.arg; break;
    case 'N': notify(&m, l.arg); break;
    case 'R': ret(&m, l.arg); break;
    case 'S': to = l.arg; break;
    case 'b':
      if (strcmp(l.arg, "m")) strerr_dief2x(100, "not offered: -b", l.arg);
      break;
    case 'i': /* a dot never ends the input */
    case 'o':
    case 'B': break;
    default: dieusage();
    }
  for (int i = l.ind; i < argc; i++) recipient(&m, argv[i]);
  way_init(&m.way, to ? to : conf_socket("queue-injected"), 0);
  read_header(&m);
  if (m.from_header) recipients_of_header(&m);
  if (!m.nto) strerr_dief1x(100, "nobody to send it to");
  inject(&m);
  stralloc_free(&m.to);
  stralloc_free(&m.head);
  stralloc_free(&m.body);
  return 0;
}
