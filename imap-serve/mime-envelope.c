/* ENVELOPE (RFC 3501 7.4.2). A field that should be there once and is there
   twice: the last one counts; of address fields all are joined, so that no
   reader can be shown fewer senders than another. */

#include <string.h>

#include "addr.h"
#include "mime-put.h"

enum {
  DATE,
  SUBJECT,
  FROM,
  SENDER,
  REPLY_TO,
  TO,
  CC,
  BCC,
  IN_REPLY_TO,
  MESSAGE_ID,
  FIELDS
};

static char const *const names[FIELDS] = {
    "Date", "Subject", "From", "Sender",      "Reply-To",
    "To",   "Cc",      "Bcc",  "In-Reply-To", "Message-ID"};

typedef struct envelope {
  stralloc v[FIELDS];
  uint8_t seen[FIELDS];
} envelope;

static int is_address(int i)
{
  return i >= FROM && i <= BCC;
}

static int take(envelope *e, int i, mime_field const *f)
{
  stralloc *v = e->v + i;
  if (!is_address(i) || !e->seen[i]) v->len = 0;
  if (v->len > MIME_FIELD) return 1;
  if (v->len && !stralloc_append(v, ',')) return -1;
  e->seen[i] = 1;
  return mime_unfold(v, f->value, f->valuelen);
}

static int gather(envelope *e, mime *m, mime_part const *p)
{
  mime_fields i = {.m = m, .pos = p->header, .end = p->body};
  mime_field f;
  int r;
  while ((r = mime_field_next(&i, &f)) > 0)
    for (int k = 0; k < FIELDS; k++)
      if (mime_field_is(&f, names[k]) && take(e, k, &f) < 0) return -1;
  return r;
}

static int put_string(stralloc *out, char const *s)
{
  return mime_put_nstring(out, s, s ? strlen(s) : 0);
}

/* Groups have no host: so an address must have one (RFC 3501 7.4.2). */
static int put_address(addr_item const *a, void *data)
{
  stralloc *out = data;
  char const *name = a->name, *local = a->local, *domain = a->domain;
  if (out->len > MIME_OUT) return 1;
  if (!local) {
    local = name;
    name = 0;
  } else {
    if (!domain && !name && strpbrk(local, " \t")) {
      name = local;
      local = "";
    }
    if (!*local) local = "MISSING_MAILBOX";
    if (!domain || !*domain) domain = "MISSING_DOMAIN";
  }
  return mime_put(out, "(") < 0 || put_string(out, name) < 0 ||
                 mime_put(out, " ") < 0 || put_string(out, a->route) < 0 ||
                 mime_put(out, " ") < 0 || put_string(out, local) < 0 ||
                 mime_put(out, " ") < 0 || put_string(out, domain) < 0 ||
                 mime_put(out, ")") < 0
             ? -1
             : 1;
}

static int put_addresses(stralloc *out, stralloc const *v)
{
  size_t begin = out->len;
  if (mime_put(out, "(") < 0) return -1;
  if (v->len && addr_list(v->s, v->len, put_address, out) < 0) return -1;
  if (out->len > begin + 1) return mime_put(out, ")");
  out->len = begin;
  return mime_put(out, "NIL");
}

static int put_field(stralloc *out, envelope const *e, int i)
{
  if (!is_address(i))
    return mime_put_nstring(out, e->seen[i] ? e->v[i].s ? e->v[i].s : "" : 0,
                            e->v[i].len);
  /* "the server sets the corresponding member … from the from field" */
  if ((i == SENDER || i == REPLY_TO) && !e->v[i].len) i = FROM;
  return put_addresses(out, e->v + i);
}

int mime_put_envelope(mime *m, mime_part const *p, stralloc *out)
{
  envelope e = {0};
  int r = gather(&e, m, p);
  for (int i = 0; i < FIELDS && r >= 0; i++) {
    r = mime_put(out, i ? " " : "(");
    if (r > 0) r = put_field(out, &e, i);
  }
  for (int i = 0; i < FIELDS; i++) stralloc_free(e.v + i);
  return r < 0 ? -1 : mime_put(out, ")");
}

int mime_envelope(mime *m, stralloc *out)
{
  return mime_put_envelope(m, m->v, out);
}
