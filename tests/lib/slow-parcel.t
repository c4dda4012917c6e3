#!/usr/bin/python3
"""A client may take an hour for its message (RFC 5321 4.5.3.2 has no limit for
the whole): no station of a pipeline gives up while bytes come. Its five
minutes are tried with a clock that the test moves on."""
import fcntl
import mmap
import os
import struct
import subprocess
import sys
import tempfile
import termios

sys.path.insert(0, "tests")
import tap

T = tempfile.TemporaryDirectory(prefix="rp-test-")
CLOCK = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static volatile struct { long long passed, calls; } *test;
__attribute__((constructor)) static void begin(void)
{
  int fd = open(getenv("CLOCK"), O_RDWR);
  test = mmap(0, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
}
int clock_gettime(clockid_t id, struct timespec *t)
{
  int r = (int)syscall(SYS_clock_gettime, id, t);
  if (id != CLOCK_MONOTONIC) return r;
  t->tv_sec += test->passed;
  test->calls++;
  return r;
}
"""
with open(T.name + "/clock.c", "w") as f:
    f.write(CLOCK)
subprocess.run(["cc", "-shared", "-fPIC", "-o", T.name + "/clock.so",
                T.name + "/clock.c"], check=True)
os.makedirs(T.name + "/tables")
subprocess.run(["cdb", "-c", T.name + "/tables/mail.cdb", "-"], input=b"\n",
               check=True)
late = dict(os.environ, LD_PRELOAD=T.name + "/clock.so",
            ROHRPOST_TABLES=T.name + "/tables", ROHRPOST_ME="mx.a.test",
            ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") +
            ":verify_asan_link_order=0")


def rec(kind, body=b""):
    return b"%d:%s%s," % (len(body) + 1, kind, body)


def unread(f):
    return struct.unpack("i", fcntl.ioctl(f, termios.FIONREAD, b"1234"))[0]


def dribble(p, clock, seconds):
    """One record in a hundred seconds of the program's clock."""
    p.stdin.write(rec(b"I", b"slow") + rec(b"F") +
                  rec(b"T", b"0\0x@b.test\0route=remote") +
                  rec(b"M", b"\r\nx\r\n"))
    for passed in range(100, seconds + 1, 100):
        p.stdin.flush()
        tap.until(lambda: not unread(p.stdin) or p.poll() is not None)
        clock[:8] = passed.to_bytes(8, "little")
        p.stdin.write(rec(b"M", b"x\r\n"))
    p.stdin.write(rec(b"."))


os.makedirs(T.name + "/queue")
stations = {"dkim-sign": ["dkim-sign", "-k", T.name],
            "alias-rewrite": ["alias-rewrite"],
            "queue-put": ["queue-put", "-c", "submitted", T.name + "/queue"]}
for name, cmd in stations.items():
    path = f"{T.name}/clock-{name}"
    with open(path, "wb") as f:
        f.write(bytes(16))
    with open(path, "r+b") as f:
        clock = mmap.mmap(f.fileno(), 16)
    p = subprocess.Popen(cmd, env=dict(late, CLOCK=path), stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        dribble(p, clock, 400)
        out, err = p.communicate(timeout=60)
    except BrokenPipeError:
        out, err = p.stdout.read(), p.stderr.read()
    want = b"R slow 250" if name == "queue-put" else b"1:.,"
    tap.ok(want in out and p.returncode == 0,
           f"{name}: a parcel of seven minutes", p.returncode, out, err)
    tap.ok(any(clock[8:]), "by this clock")
tap.finish()
