/* smtp-load: plain SMTP clients that read every reply before they go on.

   smtp-load PORT SESSIONS MESSAGES PER SIZE|FILE RECIPIENT [FROM-IP TO-IP]
     SESSIONS clients at once send MESSAGES of SIZE bytes in all, or the one in
     FILE (CRLF line ends, dots doubled), PER of them on each connection (0: as
     many as a client has). FROM-IP/16: each connection from another address
     of that network.
   smtp-load PORT SESSIONS
     opens connections as far as the reply to EHLO, prints a line, and keeps
     them until standard input ends. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int port, per;
static char const *recipient, *from_ip, *to_ip = "127.0.0.1";
static unsigned next, step; /* addresses behind from_ip; 0: always that one */
static char *text;          /* a message with its final dot */
static size_t textlen;

static void die(char const *what)
{
  perror(what);
  exit(111);
}

static int dial(void)
{
  struct sockaddr_in a = {.sin_family = AF_INET,
                          .sin_port = htons((unsigned short)port),
                          .sin_addr.s_addr = inet_addr(to_ip)};
  struct sockaddr_in from = {.sin_family = AF_INET};
  int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);
  if (s < 0) die("socket");
  setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (from_ip) from.sin_addr.s_addr = inet_addr(from_ip);
  if (step) from.sin_addr.s_addr += htonl(1 + (next += step) % 65000);
  if (from_ip && bind(s, (struct sockaddr *)&from, sizeof from) < 0)
    die("bind");
  if (connect(s, (struct sockaddr *)&a, sizeof a) < 0) die("connect");
  return s;
}

/* Closed by a reset, so that no port stays in TIME-WAIT */
static void hang_up(int s)
{
  struct linger l = {1, 0};
  setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l);
  close(s);
}

/* One whole reply, which must begin with that digit */
static void expect(int s, char digit)
{
  char buf[4096];
  size_t len = 0, line = 0;
  for (;;) {
    ssize_t n = read(s, buf + len, sizeof buf - 1 - len);
    if (n <= 0) die("no reply");
    len += (size_t)n;
    buf[len] = 0;
    for (char *lf; (lf = strchr(buf + line, '\n'));) {
      if (lf - (buf + line) > 3 && buf[line + 3] == '-') {
        line = (size_t)(lf - buf) + 1;
        continue;
      }
      if (buf[line] == digit) return;
      fprintf(stderr, "smtp-load: refused: %s", buf + line);
      exit(1);
    }
    if (len == sizeof buf - 1) exit(1);
  }
}

static void say(int s, char const *line, size_t len, char digit)
{
  while (len) {
    ssize_t n = write(s, line, len);
    if (n <= 0) die("write");
    line += n;
    len -= (size_t)n;
  }
  expect(s, digit);
}

static void says(int s, char const *line, char digit)
{
  say(s, line, strlen(line), digit);
}

static int greet(void)
{
  int s = dial();
  expect(s, '2');
  says(s, "EHLO client.example\r\n", '2');
  return s;
}

static void message(int s)
{
  char rcpt[300];
  snprintf(rcpt, sizeof rcpt, "RCPT TO:<%s>\r\n", recipient);
  says(s, "MAIL FROM:<sender@client.example>\r\n", '2');
  says(s, rcpt, '2');
  says(s, "DATA\r\n", '3');
  say(s, text, textlen, '2');
}

static void client(int messages)
{
  while (messages > 0) {
    int n = per && per < messages ? per : messages;
    int s = greet();
    messages -= n;
    while (n--) message(s);
    says(s, "QUIT\r\n", '2');
    hang_up(s);
  }
}

static void write_text(size_t size)
{
  static char const header[] = "From: Sender <sender@client.example>\r\n"
                               "To: Recipient <recipient@bench.test>\r\n"
                               "Subject: a message of the benchmark\r\n"
                               "Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n"
                               "Message-ID: <1@client.example>\r\n\r\n";
  static char const line[] =
      "The quick brown fox jumps over the lazy dog, again and again.\r\n";
  text = malloc(size + sizeof header + sizeof line + 8);
  if (!text) die("malloc");
  memcpy(text, header, sizeof header - 1);
  textlen = sizeof header - 1;
  while (textlen + sizeof line - 1 <= size) {
    memcpy(text + textlen, line, sizeof line - 1);
    textlen += sizeof line - 1;
  }
  memcpy(text + textlen, ".\r\n", 3);
  textlen += 3;
}

static void read_text(char const *file)
{
  FILE *f = fopen(file, "r");
  text = malloc(1 << 20);
  if (!f || !text) die(file);
  textlen = fread(text, 1, (1 << 20) - 3, f);
  fclose(f);
  memcpy(text + textlen, ".\r\n", 3);
  textlen += 3;
}

static int load(int sessions, int messages)
{
  int status, bad = 0;
  for (int i = 0; i < sessions; i++) {
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (!pid) {
      next = (unsigned)i;
      client(messages / sessions + (i < messages % sessions));
      _exit(0);
    }
  }
  while (wait(&status) > 0) bad |= status;
  return bad != 0;
}

static int hold(int sessions)
{
  char c;
  while (sessions--) greet();
  puts("ready");
  fflush(stdout);
  return read(0, &c, 1) != 0;
}

int main(int argc, char **argv)
{
  if (argc != 3 && argc != 7 && argc != 9) return 100;
  port = atoi(argv[1]);
  if (argc == 3) return hold(atoi(argv[2]));
  per = atoi(argv[4]);
  recipient = argv[6];
  if (argc == 9) {
    from_ip = strsep(&argv[7], "/");
    if (argv[7]) step = (unsigned)atoi(argv[2]);
    to_ip = argv[8];
  }
  if (atol(argv[5]))
    write_text((size_t)atol(argv[5]));
  else
    read_text(argv[5]);
  return load(atoi(argv[2]), atoi(argv[3]));
}
