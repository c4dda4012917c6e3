#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bearssl.h>
#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>

#include "pem.h"

#define FILE_MAX (1 << 20)

static void append(void *data, void const *s, size_t len)
{
  stralloc *sa = data;
  stralloc_catb(sa, s, len);
}

static int objects(stralloc const *text, stralloc *der,
                   int (*each)(char const *, unsigned char const *, size_t,
                               void *),
                   void *data)
{
  br_pem_decoder_context c;
  char label[128] = "";
  size_t pos = 0;
  int inside = 0;
  br_pem_decoder_init(&c);
  while (pos < text->len) {
    int r;
    pos += br_pem_decoder_push(&c, text->s + pos, text->len - pos);
    switch (br_pem_decoder_event(&c)) {
    case BR_PEM_BEGIN_OBJ:
      snprintf(label, sizeof label, "%s", br_pem_decoder_name(&c));
      der->len = 0;
      br_pem_decoder_setdest(&c, append, der);
      inside = 1;
      break;
    case BR_PEM_END_OBJ:
      inside = 0;
      r = each(label, (unsigned char *)der->s, der->len, data);
      if (r != 1) return r;
      break;
    case BR_PEM_ERROR: return errno = EPROTO, -1;
    default: break;
    }
  }
  return inside ? (errno = EPROTO, -1) : 1;
}

int pem_each(char const *path,
             int (*each)(char const *, unsigned char const *, size_t, void *),
             void *data)
{
  stralloc text = STRALLOC_ZERO, der = STRALLOC_ZERO;
  int e, r = -1;
  if (openreadfileclose(path, &text, FILE_MAX + 1)) {
    if (text.len > FILE_MAX) errno = EFBIG;
    /* the decoder wants a last line end; the DER never outgrows the text */
    else if (stralloc_catb(&text, "\n", 1) && stralloc_ready(&der, text.len))
      r = objects(&text, &der, each, data);
  }
  e = errno;
  if (der.s) explicit_bzero(der.s, der.a);
  if (text.s) explicit_bzero(text.s, text.a);
  stralloc_free(&der);
  stralloc_free(&text);
  return errno = e, r;
}
