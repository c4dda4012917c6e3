#include <string.h>

#include "deliver-facts.h"
#include "header.h"

#define HEADER 65536 /* bytes in which Subject is sought */
#define SUBJECT 401

static int put(stralloc *env, char const *name, char const *value)
{
  return stralloc_cats(env, name) && stralloc_append(env, '=') &&
                 stralloc_cats(env, value) && stralloc_0(env)
             ? 1
             : -1;
}

/* Up to F: the T behind it may be what our caller is at. */
static int client(stralloc *env, sink *s)
{
  static struct {
    char const *fact, *name;
  } const names[] = {{"ip", "CLIENT_IP"}, {"rdns", "CLIENT_NAME"},
                     {"helo", "HELO"},    {"user", "AUTH_USER"},
                     {"id", "ID"},        {"queue", "QUEUE"}};
  envelope_walk w = {.s = s->head.s, .len = s->head.len};
  parcel_record r = {0, 0, 0};
  int good = 1;
  while (good > 0 && r.type != PARCEL_FROM && envelope_next(&w, &r) > 0) {
    for (size_t i = 0; i < sizeof names / sizeof *names && good > 0; i++) {
      char const *v = parcel_fact(&r, names[i].fact);
      if (v) good = put(env, names[i].name, v);
    }
    if (r.type == PARCEL_FROM && good > 0) good = put(env, "SENDER", r.s);
  }
  envelope_end(&w);
  return good;
}

static int some(char const *s, size_t n, void *data)
{
  stralloc *head = data;
  if (n > HEADER - head->len) n = HEADER - head->len;
  if (!stralloc_catb(head, s, n)) return -1;
  return head->len < HEADER ? 1 : 2;
}

/* As it stands in the header, unfolded. */
static int subject(stralloc *env, sink const *s)
{
  compose_trace const none = {"", 0, 0};
  stralloc head = STRALLOC_ZERO;
  header_field h;
  char clean[SUBJECT];
  int r = compose_write(&s->message, &none, some, &head);
  if (r > 0 && head.len && header_find(&h, head.s, head.len, "Subject", 0)) {
    size_t n = 0, skip = 0;
    char *v = head.s + (h.value - head.s);
    for (size_t i = 0; i < h.valuelen; i++)
      if (v[i] != '\r' && v[i] != '\n') v[n++] = v[i] == '\t' ? ' ' : v[i];
    while (skip < n && (v[skip] == ' ' || v[skip] == '\t')) skip++;
    parcel_clean(clean, sizeof clean, v + skip, n - skip);
    r = put(env, "SUBJECT", clean);
  }
  stralloc_free(&head);
  return r > 0 ? 1 : -1;
}

int deliver_facts(stralloc *env, sink *s, envelope_to const *to)
{
  env->len = 0;
  return put(env, "PATH", DELIVER_PATH) > 0 && client(env, s) > 0 &&
                 put(env, "ACCOUNT", to->mailbox) > 0 &&
                 put(env, "RECIPIENT", *to->rcpt ? to->rcpt : to->address) >
                     0 &&
                 put(env, "DELIVERED_TO", to->address) > 0 &&
                 subject(env, s) > 0
             ? 1
             : -1;
}
