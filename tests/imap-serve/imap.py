"""A raw IMAP client for tests: a child on pipes, or any connected socket."""
import os
import re
import select
import shutil
import subprocess
import tempfile
import time

TIMEOUT = 60


class Dead(Exception):
    pass


class Session:
    """imap-serve DIR as a child; command() returns (status, text, untagged)."""

    def __init__(self, where, *options, argv=None, env=None, greeting=True):
        self.child = subprocess.Popen(
            argv or ["imap-serve", *options, where], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
            env={**os.environ, **(env or {})})
        self.out = self.child.stdout.fileno()
        self.buf = b""
        self.n = 0
        if greeting:
            self.greeting = self.line()

    def send(self, data):
        self.child.stdin.write(data)

    def fill(self, seconds=TIMEOUT):
        if not select.select([self.out], [], [], seconds)[0]:
            raise Dead("timed out; have %r" % self.buf)
        more = os.read(self.out, 65536)
        if not more:
            raise Dead("end of file; have %r" % self.buf)
        self.buf += more

    def raw_line(self, seconds=TIMEOUT):
        while b"\r\n" not in self.buf:
            self.fill(seconds)
        line, self.buf = self.buf.split(b"\r\n", 1)
        return line

    def line(self, seconds=TIMEOUT):
        """A response with its literals inside."""
        line = self.raw_line(seconds)
        while True:
            m = re.search(rb"\{(\d+)\}$", line)
            if not m:
                return line
            n = int(m[1])
            while len(self.buf) < n:
                self.fill(seconds)
            line += b"\r\n" + self.buf[:n]
            self.buf = self.buf[n:]
            line += self.raw_line(seconds)

    def until(self, tag, seconds=TIMEOUT):
        untagged = []
        while True:
            line = self.line(seconds)
            if line.startswith(tag + b" "):
                status, _, text = line[len(tag) + 1:].partition(b" ")
                return status.decode(), text, untagged
            untagged.append(line)

    def command(self, text, *literals, seconds=TIMEOUT):
        self.n += 1
        tag = b"t%d" % self.n
        if isinstance(text, str):
            text = text.encode()
        self.send(tag + b" " + text + b"\r\n")
        for literal, rest in literals:
            line = self.line(seconds)
            if not line.startswith(b"+"):
                status, _, t = line.partition(b" ")[2].partition(b" ")
                return status.decode(), t, []
            self.send(literal + rest + b"\r\n")
        return self.until(tag, seconds)

    def ok(self, text, *literals):
        status, said, untagged = self.command(text, *literals)
        if status != "OK":
            raise AssertionError(f"{text}: {status} {said}")
        return untagged

    def append(self, mailbox, message, flags="", date=""):
        text = f"APPEND {mailbox} "
        if flags:
            text += f"({flags}) "
        if date:
            text += f'"{date}" '
        return self.command(f"{text}{{{len(message)}+}}".encode() + b"\r\n" +
                            message)

    def wait_line(self, pattern, seconds=TIMEOUT):
        """Reads lines until one matches; returns those before and it."""
        end = time.monotonic() + seconds
        lines = []
        while True:
            lines.append(self.line(end - time.monotonic()))
            if re.search(pattern, lines[-1]):
                return lines

    def kill(self):
        self.child.kill()
        self.end()

    def end(self):
        for f in self.child.stdin, self.child.stdout:
            try:
                f.close()
            except OSError:
                pass
        self.log = self.child.stderr.read()
        self.child.stderr.close()
        return self.child.wait()

    def logout(self):
        self.command("LOGOUT")
        return self.end()


def maildir(at=None):
    at = at or tempfile.mkdtemp(prefix="imap-serve.")
    for d in "cur", "new", "tmp":
        os.makedirs(os.path.join(at, d), exist_ok=True)
    return at


count = 0


def deliver(where, message=b"Subject: x\n\nbody\n", name=None, sub="new"):
    """As an outside program does: tmp/, then a link."""
    global count
    count += 1
    name = name or "%d.M%dP%dQ%d.test" % (
        time.time(), time.time_ns() // 1000 % 1000000, os.getpid(), count)
    tmp = os.path.join(where, "tmp", name.split(":")[0])
    with open(tmp, "wb") as f:
        f.write(message)
    os.rename(tmp, os.path.join(where, sub, name))
    return name


def remove(where):
    shutil.rmtree(where, ignore_errors=True)
