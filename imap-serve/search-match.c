#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include <string.h>

#include "emailid.h"
#include "search.h"

static int yes(int r)
{
  return r > 0 ? SEARCH_YES : r == 0 ? SEARCH_NO : SEARCH_ERROR;
}

/* With the day as the client sees it in INTERNALDATE. */
static int internal_date(session *s, search_key const *k, size_t at)
{
  char path[MAILBOX_PATH];
  struct stat st;
  struct tm tm;
  long day;
  message_path(&s->box, s->box.v + at, path);
  if (fstatat(s->box.dir, path, &st, 0) < 0) {
    int r = session_file(s, at);
    if (r <= 0) return r ? SEARCH_ERROR : SEARCH_GONE;
    if (fstat(s->file, &st) < 0) return SEARCH_ERROR;
  }
  localtime_r(&st.st_mtime, &tm);
  day = search_day(tm.tm_year + 1900, (unsigned)tm.tm_mon + 1,
                   (unsigned)tm.tm_mday);
  return k->kind == SEARCH_BEFORE ? day < k->day
         : k->kind == SEARCH_ON   ? day == k->day
                                  : day >= k->day;
}

static int sent_date(session *s, search_key const *k)
{
  time_t t;
  int offset, r = mime_date(&s->mime, &t, &offset);
  long day;
  if (r < 1) return yes(r);
  t += offset * 60;
  day = (long)(t >= 0 ? t / 86400 : (t - 86399) / 86400);
  return k->kind == SEARCH_SENTBEFORE ? day < k->day
         : k->kind == SEARCH_SENTON   ? day == k->day
                                      : day >= k->day;
}

static int by_size(session *s, search_key const *k, size_t at)
{
  uint64_t size;
  int r = message_size(&s->box, s->box.v + at, &size);
  if (r < 1) return r ? SEARCH_ERROR : SEARCH_GONE;
  return k->kind == SEARCH_LARGER ? size > k->n : size < k->n;
}

static int by_file(session *s, search_key const *k, size_t at)
{
  int r = session_file(s, at);
  if (r < 1) return r ? SEARCH_ERROR : SEARCH_GONE;
  switch (k->kind) {
  case SEARCH_FIELD:
    return yes(mime_field_contains(&s->mime, k->field, &k->needle));
  case SEARCH_BODY: return yes(mime_text_contains(&s->mime, &k->needle, 0));
  case SEARCH_TEXT: return yes(mime_text_contains(&s->mime, &k->needle, 1));
  default: return sent_date(s, k);
  }
}

/* Cheap keys first: only if they leave it open are files looked at. */
static int all(session *s, search_key const *k, size_t at, int open)
{
  int result = SEARCH_YES;
  for (; k; k = k->next) {
    int r = search_match(s, k, at, open);
    if (r == SEARCH_NO || r == SEARCH_GONE || r == SEARCH_ERROR) return r;
    if (r == SEARCH_MAYBE) result = r;
  }
  return result;
}

static int either(session *s, search_key const *k, size_t at, int open)
{
  int a = search_match(s, k->a, at, open), b;
  if (a == SEARCH_YES || a == SEARCH_GONE || a == SEARCH_ERROR) return a;
  b = search_match(s, k->b, at, open);
  return b == SEARCH_NO ? a : b;
}

int search_match(session *s, search_key const *k, size_t at, int open)
{
  message const *g = s->box.v + at;
  char id[EMAILID_SIZE];
  int r;
  switch (k->kind) {
  case SEARCH_ALL: return SEARCH_YES;
  case SEARCH_NEVER: return SEARCH_NO;
  case SEARCH_LETTERS: return (g->letters & k->letters) != 0;
  case SEARCH_RECENT: return (g->state & MESSAGE_RECENT) != 0;
  case SEARCH_NUMBERS: return set_has(&k->numbers, (uint32_t)at + 1, s->exists);
  case SEARCH_UIDS:
    return set_has(&k->numbers, g->uid, s->box.v[s->exists - 1].uid);
  case SEARCH_EMAILID:
    emailid(&s->box, g, id);
    return strcmp(id, k->field) == 0;
  case SEARCH_AND: return all(s, k->a, at, open);
  case SEARCH_OR: return either(s, k, at, open);
  case SEARCH_NOT:
    r = search_match(s, k->a, at, open);
    return r == SEARCH_YES ? SEARCH_NO : r == SEARCH_NO ? SEARCH_YES : r;
  default: break;
  }
  if (!open) return SEARCH_MAYBE;
  if (k->kind == SEARCH_LARGER || k->kind == SEARCH_SMALLER)
    return by_size(s, k, at);
  if (k->kind >= SEARCH_BEFORE && k->kind <= SEARCH_SINCE)
    return internal_date(s, k, at);
  return by_file(s, k, at);
}
