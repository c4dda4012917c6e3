/* needs: */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "line.h"
#include "parcel.h"
#include "tap.h"

static int feed(void const *s, size_t n)
{
  int p[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0) exit(111);
  if (io_write(p[1], s, n, io_after(60000)) < 0) exit(111);
  close(p[1]);
  return p[0];
}

/* What parcel_get says of these bytes, reading to the end: the last result */
static int read_all(char const *s, size_t n, int *count)
{
  parcel_in in;
  parcel_record r;
  int got, fd = feed(s, n);
  *count = 0;
  parcel_in_init(&in, fd);
  while ((got = parcel_get(&in, &r, io_after(60000))) == 1) ++*count;
  parcel_in_free(&in);
  close(fd);
  return got;
}

static void bad(char const *s, int e, char const *what)
{
  int n, r;
  errno = 0;
  r = read_all(s, strlen(s), &n);
  if (!ok(r == -1 && errno == e, "%s", what)) printf("# errno %d\n", errno);
}

static void framing(void)
{
  int n;
  is_int(read_all("", 0, &n), 0, "end of input between records is no error");
  is_int(read_all("3:Iab,1:.,", 10, &n), 0, "two records read");
  is_int(n, 2, "and counted");
  bad("3:Iab", EPIPE, "end inside a record");
  bad("3", EPIPE, "end inside a length");
  bad("0:,", EPROTO, "an empty netstring has no type");
  bad("3:Iabc", EPROTO, "comma missing");
  bad("03:Iab,", EPROTO, "leading zero");
  bad(":I,", EPROTO, "no length");
  bad("-3:Iab,", EPROTO, "sign");
  bad("9999999:I", EPROTO, "seven digits");
  bad("65538:M", EPROTO, "longer than a chunk");
  bad(" 3:Iab,", EPROTO, "blank");
  bad("1:I,", EPROTO, "an id of nothing");
  bad("5:Ia/b!,", EPROTO, "an id with other characters");
  bad("18:Ia\nR a 250 2.0.0 x,", EPROTO, "an id that would write a report");
}

/* What parcel_next says of these records in the end */
static int stream(char const *s)
{
  parcel_in in;
  parcel_record r;
  char state = 0;
  int got, fd = feed(s, strlen(s));
  parcel_in_init(&in, fd);
  while ((got = parcel_next(&in, &r, &state)) == 1) continue;
  parcel_in_free(&in);
  close(fd);
  return got;
}

static void streams(void)
{
  is_int(stream("2:Ia,1:F,1:.,2:Ib,1:F,1:.,"), 0, "two parcels and the end");
  ok(stream("2:Ia,1:F,") == -1 && errno == EPIPE, "the end inside a parcel");
  ok(stream("2:Ia,2:Mx,") == -1 && errno == EPROTO, "records out of order");
}

static int refused(char type, char const *s, size_t len)
{
  return parcel_refused(&(parcel_record){type, s, len});
}

static void refusals(void)
{
  ok(refused('V', "reject", 6) && refused('V', "defer\000451 4.7.1 x", 17),
     "reject and defer refuse the parcel");
  ok(!refused('V', "junk", 4) && !refused('H', "reject", 6),
     "junk and other records do not");
  ok(!refused('V', "reject\000550 x\0007", 14), "nor a V for one recipient");
}

static void long_field(void)
{
  char *s = malloc(20000);
  int n;
  memset(s, 'x', 20000);
  memcpy(s, "16385:H", 7);
  s[6 + 16385] = ',';
  is_int(read_all(s, 7 + 16385, &n), -1, "H beyond 16 KiB is refused");
  memcpy(s, "16384:H", 7);
  s[6 + 16384] = ',';
  is_int(read_all(s, 7 + 16384, &n), 0, "H of 16 KiB is read");
  free(s);
}

static void order_of(char const *types, int good)
{
  char state = 0;
  int r = 1;
  for (char const *s = types; *s && r == 1; s++) r = parcel_order(&state, *s);
  ok((r == 1 && state == 0) == good, "order %s is %s", types,
     good ? "good" : "bad");
}

static void orders(void)
{
  order_of("I.", 1);
  order_of("IPPFTT?MMEHAV.", 1);
  order_of("I?F?T?T?MZ.I.", 1);
  order_of("P", 0);
  order_of("II", 0);
  order_of("IFP", 0);
  order_of("IT", 0);
  order_of("IFF", 0);
  order_of("IM", 0);
  order_of("IFTMT", 0);
  order_of("IFTM", 0);
}

static void parts(void)
{
  parcel_record r = {'T', "2\0a@b\0route=local\0mailbox=a@b", 29};
  is_str(parcel_part(&r, 0), "2", "first part");
  is_str(parcel_part(&r, 1), "a@b", "second part");
  ok(!parcel_part(&r, 4), "no fifth part");
  is_str(parcel_param(&r, 2, "mailbox"), "a@b", "parameter by name");
  ok(!parcel_param(&r, 2, "via"), "absent parameter");
  r = (parcel_record){'P', "ip=192.0.2.1", 12};
  is_str(parcel_fact(&r, "ip"), "192.0.2.1", "fact");
  ok(!parcel_fact(&r, "i"), "a prefix is another name");
}

static void round_trip(void)
{
  int p[2], r;
  char *big = malloc(200000);
  size_t total = 0;
  parcel_out out;
  parcel_in in;
  parcel_record rec;
  socketpair(AF_UNIX, SOCK_STREAM, 0, p);
  memset(big, 'y', 200000);
  if (!fork()) {
    parcel_out_init(&out, p[1], -1);
    parcel_puts(&out, 'I', "x1", io_after(60000));
    parcel_put_message(&out, big, 200000, io_after(60000));
    parcel_put(&out, '.', 0, 0, io_after(60000));
    _exit(parcel_flush(&out, io_after(60000)) != 1);
  }
  close(p[1]);
  parcel_in_init(&in, p[0]);
  while ((r = parcel_get(&in, &rec, io_after(60000))) == 1)
    if (rec.type == 'M') total += rec.len;
  is_int(r, 0, "the stream ends well");
  is_int((long long)total, 200000, "200,000 bytes came as chunks");
  parcel_in_free(&in);
  free(big);
}

static void early_no(void)
{
  int p[2], q[2], r;
  char *big = calloc(1, PARCEL_CHUNK);
  parcel_out out;
  socketpair(AF_UNIX, SOCK_STREAM, 0, p);
  if (pipe(q) < 0) exit(111);
  if (write(q[1], "R", 1) != 1) exit(111);
  parcel_out_init(&out, p[1], q[0]);
  for (int i = 0; i < 100; i++) {
    r = parcel_put_message(&out, big, PARCEL_CHUNK, io_after(60000));
    if (r != 1) break;
  }
  is_int(r, 0, "a sink that answers early is noticed while writing");
  out.report = -1;
  for (int i = 0; i < 100; i++) {
    r = parcel_put_message(&out, big, PARCEL_CHUNK, io_after(50));
    if (r != 1) break;
  }
  ok(r == -1 && errno == ETIMEDOUT, "a sink that stalls ends at the deadline");
  close(p[0]);
  r = parcel_flush(&out, io_after(60000));
  ok(r == -1 && errno == EPIPE, "a sink that died is EPIPE, not a signal");
  parcel_out_free(&out);
  free(big);
}

static int report(char const *s, parcel_report *r)
{
  char buf[PARCEL_REPORT_LINE];
  line_in in;
  int got, fd = feed(s, strlen(s));
  line_init(&in, fd, buf, sizeof buf);
  got = parcel_report_get(&in, r, io_after(60000));
  close(fd);
  return got;
}

static void reports(void)
{
  parcel_report r;
  is_int(report("R ab1 250 2.0.0 fine\n", &r), 1, "R line");
  is_str(r.id, "ab1", "its id");
  is_int(r.code, 250, "its code");
  is_str(r.text, "2.0.0 fine", "its text");
  is_int(report("T 17 550 5.1.1 no\r\n", &r), 1, "T line");
  is_int((long long)r.number, 17, "its number");
  is_int(report("R ab1 250\n", &r), 1, "no text");
  is_int(report("R ab1 1250 x\n", &r), -1, "bad code");
  is_int(report("X ab1 250 x\n", &r), -1, "bad kind");
  is_int(report("T -1 250 x\n", &r), -1, "bad number");
  is_int(report("R  250 x\n", &r), 1, "an empty id matches nobody's");
  is_int(report("", &r), 0, "end of file");
  is_int(report("R ab1 250", &r), -1, "end inside a line");
  is_int(parcel_report_make(&r, 'R', "i", 0, 250, "a\nb\xff"), 1, "make");
  is_str(r.text, "a?b?", "a report is one printable line");
  is_int(parcel_report_make(&r, 'R', "i", 0, 199, ""), -1, "a code below 200");
  is_int(parcel_report_make(&r, 'R', "i", 0, 600, ""), -1, "and above 599");
  is_int(parcel_report_make(&r, 'R',
                            "a234567890b234567890c234567890d234567890"
                            "e234567890f234567890g234567890h234567890",
                            0, 250, ""),
         -1, "an id that is too long");
  is_int(report("R a234567890b234567890c234567890d234567890e234567890f234567890"
                "g234567890h234567890 250 x\n",
                &r),
         -1, "nor is it read");
  is_int(report("T 99999999999999999999 250 x\n", &r), -1, "a huge number");
  is_int(report("T 1\n", &r), -1, "no code");
  is_int(report("R ab1\n", &r), -1, "nor behind an id");
  is_int(report("R ab1 250x\n", &r), -1, "a code with a tail");
  is_int(report("R ab1 199 x\n", &r), -1, "a code that is none");
  is_int(report("\n", &r), -1, "an empty line");
  is_int(report("Rab1 250\n", &r), -1, "no blank");
}

int main(void)
{
  signal(SIGPIPE, SIG_IGN);
  framing();
  streams();
  refusals();
  long_field();
  orders();
  parts();
  round_trip();
  early_no();
  reports();
  return done();
}
