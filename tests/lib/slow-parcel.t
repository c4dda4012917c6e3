#!/usr/bin/python3
"""A client may take an hour for its message (RFC 5321 4.5.3.2 has no limit for
the whole): no station of a pipeline gives up while bytes come. Its five
minutes are tried with a clock that runs a hundred times faster."""
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, "tests")
import tap

T = tempfile.TemporaryDirectory(prefix="rp-test-")
CLOCK = """
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *t)
{
  int r = (int)syscall(SYS_clock_gettime, id, t);
  long long ns = (t->tv_sec * 1000000000LL + t->tv_nsec) * 100;
  if (id != CLOCK_MONOTONIC) return r;
  t->tv_sec = ns / 1000000000;
  t->tv_nsec = ns % 1000000000;
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
fast = dict(os.environ, LD_PRELOAD=T.name + "/clock.so",
            ROHRPOST_TABLES=T.name + "/tables", ROHRPOST_ME="mx.a.test",
            ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") +
            ":verify_asan_link_order=0")


def rec(kind, body=b""):
    return b"%d:%s%s," % (len(body) + 1, kind, body)


def dribble(to, seconds):
    """One record a second; 400 s by the fast clock."""
    to.write(rec(b"I", b"slow") + rec(b"F") +
             rec(b"T", b"0\0x@b.test\0route=remote") + rec(b"M", b"\r\nx\r\n"))
    to.flush()
    for _ in range(seconds):
        time.sleep(1)
        to.write(rec(b"M", b"x\r\n"))
        to.flush()
    to.write(rec(b"."))
    to.flush()


os.makedirs(T.name + "/queue")
stations = {"dkim-sign": ["dkim-sign", "-k", T.name],
            "alias-rewrite": ["alias-rewrite"],
            "queue-put": ["queue-put", "-c", "submitted", T.name + "/queue"]}
runs = {}
for name, cmd in stations.items():
    runs[name] = subprocess.Popen(cmd, env=fast, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)


class All:
    def write(self, data):
        for p in runs.values():
            try:
                p.stdin.write(data)
            except BrokenPipeError:
                pass

    def flush(self):
        for p in runs.values():
            try:
                p.stdin.flush()
            except BrokenPipeError:
                pass


dribble(All(), 4)
for name, p in runs.items():
    try:
        out, err = p.communicate(timeout=20)
    except BrokenPipeError:
        out, err = p.stdout.read(), p.stderr.read()
    want = b"R slow 250" if name == "queue-put" else b"1:.,"
    tap.ok(want in out and p.returncode == 0,
           f"{name}: a parcel of seven minutes", p.returncode, out, err)
tap.finish()
