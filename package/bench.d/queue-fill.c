/* queue-fill QUEUE COUNT DOMAINS SENDERS WAIT: fills a queue with messages that
   are due in WAIT seconds, each for one of the domains, from one of the
   senders. Those of one domain are links to one file, unless WAIT is 0: then
   they will be delivered, and each is a file of its own. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static char const digits[] = "0123456789abcdefghijklmnopqrstuv";
static unsigned long long first_time;

static void number(char *to, unsigned n, unsigned long long x)
{
  for (; n--; x >>= 5) to[n] = digits[x & 31];
}

static void path_of(char *path, unsigned long n)
{
  unsigned long long t = first_time + n;
  char id[17] = "";
  number(id, 11, t);
  number(id + 11, 5, 77);
  sprintf(path, "mess/%02llx/%s", t & 255, id);
}

static size_t netstring(char *to, char type, char const *s, size_t n)
{
  int head = sprintf(to, "%zu:%c", n + 1, type);
  memcpy(to + head, s, n);
  to[(size_t)head + n] = ',';
  return (size_t)head + n + 1;
}

static void must(int good, char const *what)
{
  if (good) return;
  perror(what);
  exit(111);
}

static void write_file(char const *path, unsigned long domain,
                       unsigned long sender, long wait)
{
  static char const message[] =
      "From: a@b.test\r\nSubject: x\r\n\r\nHello.\r\n";
  char file[2048], text[300], envelope[1024];
  size_t n = 0, at = 512, len;
  int fd;
  len = (size_t)sprintf(text, "user=s%lu@b.test", sender);
  n += netstring(envelope + n, 'I', "p1", 2);
  n += netstring(envelope + n, 'P', "by=mx.a.test", 12);
  n += netstring(envelope + n, 'P', text, len);
  n += netstring(envelope + n, 'F', text + 5, len - 5);
  len = (size_t)sprintf(text, "0%cu@d%lu.test%croute=remote", 0, domain, 0);
  n += netstring(envelope + n, 'T', text, len);
  memset(file, ' ', sizeof file);
  len =
      (size_t)sprintf(text, "rohrpost-queue-1 submitted %lld %zu 1 512 768 %zu",
                      (long long)(first_time / 1000000), n, sizeof message - 1);
  memcpy(file, text, len);
  file[127] = '\n';
  memcpy(file + 128, envelope, n);
  file[at - 1] = '\n';
  len = (size_t)sprintf(text, "w %d %lld ", wait != 0,
                        wait ? (long long)time(0) + wait : 0);
  memcpy(file + at, text, len);
  file[at + 255] = '\n';
  memcpy(file + at + 256, message, sizeof message - 1);
  len = at + 256 + sizeof message - 1;
  fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  must(fd >= 0 && write(fd, file, len) == (ssize_t)len, path);
  close(fd);
}

int main(int argc, char **argv)
{
  unsigned long count, domains, senders;
  struct timeval now;
  long wait;
  char path[64], first[64];
  if (argc != 6) return 100;
  must(chdir(argv[1]) == 0, argv[1]);
  count = strtoul(argv[2], 0, 10);
  domains = strtoul(argv[3], 0, 10);
  senders = strtoul(argv[4], 0, 10);
  wait = strtol(argv[5], 0, 10);
  gettimeofday(&now, 0);
  first_time = (unsigned long long)now.tv_sec * 1000000 +
               (unsigned long long)now.tv_usec;
  mkdir("mess", 0700);
  for (unsigned i = 0; i < 256; i++) {
    sprintf(path, "mess/%02x", i);
    mkdir(path, 0700);
  }
  for (unsigned long i = 0; i < count; i++) {
    path_of(path, i);
    path_of(first, i % domains);
    if (i < domains || !wait)
      write_file(path, i % domains, i % domains % senders, wait);
    else
      must(link(first, path) == 0, path);
  }
  return 0;
}
