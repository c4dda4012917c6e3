#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "date.h"

static char const months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static char const days[7][4] = {"Sun", "Mon", "Tue", "Wed",
                                "Thu", "Fri", "Sat"};

static char sign(int offset)
{
  return offset < 0 ? '-' : '+';
}

static unsigned hhmm(int offset)
{
  unsigned n = (unsigned)(offset < 0 ? -offset : offset);
  return n / 60 * 100 + n % 60;
}

size_t date_mail(char *to, time_t t)
{
  struct tm tm;
  int offset;
  if (!localtime_r(&t, &tm)) {
    t = 0;
    gmtime_r(&t, &tm);
  }
  offset = (int)(tm.tm_gmtoff / 60);
  return (size_t)snprintf(
      to, DATE_MAX, "%s, %02d %s %04d %02d:%02d:%02d %c%04u", days[tm.tm_wday],
      tm.tm_mday, months[tm.tm_mon], (tm.tm_year + 1900) % 10000, tm.tm_hour,
      tm.tm_min, tm.tm_sec, sign(offset), hhmm(offset) % 10000);
}

size_t date_imap(char *to, time_t t, int offset)
{
  struct tm tm;
  t += (time_t)offset * 60;
  if (!gmtime_r(&t, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099) {
    t = offset = 0;
    gmtime_r(&t, &tm);
  }
  return (size_t)snprintf(to, DATE_MAX, "%2d-%s-%04d %02d:%02d:%02d %c%04u",
                          tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
                          tm.tm_hour, tm.tm_min, tm.tm_sec, sign(offset),
                          hhmm(offset) % 10000);
}

typedef struct input {
  char const *s, *end;
} input;

typedef struct date {
  int year, month, day, hour, minute, second, offset; /* month from 0 */
} date;

static int digit(char c)
{
  return c >= '0' && c <= '9';
}

static int alpha(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Comments nest and may hold quoted pairs (RFC 5322 3.2.2). */
static void skip_comment(input *in)
{
  unsigned depth = 0;
  for (; in->s < in->end; in->s++) {
    if (*in->s == '(') depth++;
    if (*in->s == ')' && !--depth) {
      in->s++;
      return;
    }
    if (*in->s == '\\' && in->s + 1 < in->end) in->s++;
  }
}

static void skip(input *in)
{
  while (in->s < in->end) {
    if (*in->s == '(')
      skip_comment(in);
    else if (*in->s && strchr(" \t\r\n", *in->s))
      in->s++;
    else
      return;
  }
}

static int is(input *in, char c)
{
  if (in->s == in->end || *in->s != c) return 0;
  in->s++;
  return 1;
}

/* A number of min to max digits: how many there were, or 0 */
static int number(input *in, int min, int max, int *n)
{
  int count = 0;
  *n = 0;
  while (count < max && in->s < in->end && digit(*in->s)) {
    *n = *n * 10 + (*in->s++ - '0');
    count++;
  }
  if (in->s < in->end && digit(*in->s)) return 0;
  return count >= min ? count : 0;
}

static size_t word(input *in, char const **w)
{
  *w = in->s;
  while (in->s < in->end && alpha(*in->s)) in->s++;
  return (size_t)(in->s - *w);
}

static int month(input *in, int *n)
{
  char const *w;
  if (word(in, &w) < 3) return 0;
  for (*n = 0; *n < 12; ++*n)
    if (!strncasecmp(w, months[*n], 3)) return 1;
  return 0;
}

static int leap(int year)
{
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days since 1970-01-01 in the Gregorian calendar */
static long long day_number(int year, int mon, int day)
{
  static int const before[12] = {0,   31,  59,  90,  120, 151,
                                 181, 212, 243, 273, 304, 334};
  long long y = year - 1;
  long long n = y * 365 + y / 4 - y / 100 + y / 400 - 719162;
  return n + before[mon] + (mon > 1 && leap(year)) + day - 1;
}

static int make_time(date const *d, time_t *t, int *offset)
{
  static int const length[12] = {31, 28, 31, 30, 31, 30,
                                 31, 31, 30, 31, 30, 31};
  int last = length[d->month] + (d->month == 1 && leap(d->year));
  if (d->year < 1 || d->day < 1 || d->day > last || d->hour > 23 ||
      d->minute > 59 || d->second > 60)
    return 0;
  *t = (time_t)(day_number(d->year, d->month, d->day) * 86400 + d->hour * 3600 +
                d->minute * 60 + d->second - d->offset * 60L);
  *offset = d->offset;
  return 1;
}

/* RFC 5322 4.3: what is not known counts as -0000. */
static int named_zone(char const *w, size_t len)
{
  static struct {
    char const *name;
    int hours;
  } const zones[] = {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
                     {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
  size_t i;
  for (i = 0; i < sizeof zones / sizeof *zones; i++)
    if (len == 3 && !strncasecmp(w, zones[i].name, 3)) return zones[i].hours;
  return 0;
}

static int numeric_zone(input *in, int *offset)
{
  int minus = in->s < in->end && *in->s == '-';
  int n;
  in->s++;
  if (!number(in, 4, 4, &n) || n % 100 > 59) return 0;
  *offset = n / 100 * 60 + n % 100;
  if (minus) *offset = -*offset;
  return 1;
}

static int zone(input *in, int *offset)
{
  char const *w;
  size_t n;
  *offset = 0;
  if (in->s == in->end) return 1;
  if (*in->s == '+' || *in->s == '-') return numeric_zone(in, offset);
  n = word(in, &w);
  *offset = named_zone(w, n) * 60;
  return 1;
}

static int clock_time(input *in, date *d)
{
  if (!number(in, 1, 2, &d->hour)) return 0;
  skip(in);
  if (!is(in, ':')) return 0;
  skip(in);
  if (!number(in, 1, 2, &d->minute)) return 0;
  skip(in);
  if (!is(in, ':')) return 1;
  skip(in);
  return number(in, 1, 2, &d->second) != 0;
}

int date_parse(char const *s, size_t len, time_t *t, int *offset)
{
  input in = {s, s + len};
  date d = {0};
  char const *w;
  int n;
  skip(&in);
  if (word(&in, &w)) {
    skip(&in);
    is(&in, ',');
    skip(&in);
  }
  if (!number(&in, 1, 2, &d.day)) return 0;
  skip(&in);
  is(&in, '-'); /* 21-May-98: RFC 733, still seen */
  if (!month(&in, &d.month)) return 0;
  skip(&in);
  is(&in, '-');
  n = number(&in, 2, 4, &d.year);
  if (!n) return 0;
  if (n == 2) d.year += d.year < 50 ? 2000 : 1900;
  if (n == 3) d.year += 1900;
  skip(&in);
  if (!clock_time(&in, &d)) return 0;
  skip(&in);
  return zone(&in, &d.offset) && make_time(&d, t, offset);
}

int date_parse_imap(char const *s, size_t len, time_t *t, int *offset)
{
  input in = {s, s + len};
  date d = {0};
  int one = is(&in, ' ');
  if (!number(&in, one ? 1 : 2, one ? 1 : 2, &d.day) || !is(&in, '-') ||
      in.end - in.s < 4 || in.s[3] != '-' || !month(&in, &d.month) ||
      !is(&in, '-') || !number(&in, 4, 4, &d.year) || !is(&in, ' ') ||
      !number(&in, 2, 2, &d.hour) || !is(&in, ':') ||
      !number(&in, 2, 2, &d.minute) || !is(&in, ':') ||
      !number(&in, 2, 2, &d.second) || !is(&in, ' ') || in.s == in.end ||
      (*in.s != '+' && *in.s != '-') || !numeric_zone(&in, &d.offset) ||
      in.s != in.end)
    return 0;
  return make_time(&d, t, offset);
}
