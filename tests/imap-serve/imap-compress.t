#!/usr/bin/python3
# COMPRESS=DEFLATE (RFC 4978): both ways, whatever the pieces.
import os
import random
import re
import sys
import zlib

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same


class Squeezed(imap.Session):
    """A session that compresses after start()."""
    pieces = None  # random.Random: every write in pieces

    def start(self, pipelined=b""):
        self.pack = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.unpack = zlib.decompressobj(-15)
        first = self.squeeze(pipelined) if pipelined else b""
        super().send(b"z COMPRESS DEFLATE\r\n" + first)
        got = self.until(b"z")
        self.fill = self.fill_squeezed
        self.send = self.send_squeezed
        if self.buf:  # compressed already
            more, self.buf = self.buf, b""
            self.buf = self.unpack.decompress(more)
        return got

    def squeeze(self, data):
        return self.pack.compress(data) + self.pack.flush(zlib.Z_SYNC_FLUSH)

    def send_squeezed(self, data):
        data = self.squeeze(data)
        while data:
            n = self.pieces.randrange(1, 9) if self.pieces else len(data)
            self.child.stdin.write(data[:n])
            data = data[n:]

    def fill_squeezed(self, seconds=imap.TIMEOUT):
        plain, self.buf = self.buf, b""
        imap.Session.fill(self, seconds)
        self.buf = plain + self.unpack.decompress(self.buf)


root = imap.maildir()
r = random.Random(4978)
big = b"Subject: big\r\n\r\n" + b"".join(
    b"%d %s\r\n" % (i, r.randbytes(20).hex().encode()) for i in range(20000))

p = imap.Session(root)
ok(b"COMPRESS=DEFLATE" in p.greeting, "CAPABILITY", p.greeting)
same(p.command("COMPRESS LZMA")[0], "BAD", "an unknown mechanism")
same(p.command("COMPRESS")[0], "BAD", "none")
plain = p.ok("CAPABILITY")
p.logout()

s = Squeezed(root)
same(s.start()[0], "OK", "COMPRESS DEFLATE")
ok(b"COMPRESS=DEFLATE" not in s.ok("CAPABILITY")[0], "not offered again")
got = s.command("COMPRESS DEFLATE")
ok(got[0] == "NO" and got[1].startswith(b"[COMPRESSIONACTIVE]"),
   "nor begun again (4978 3)", got)
same(s.append("INBOX", big)[0], "OK", "a literal")
s.ok("SELECT INBOX")
same(s.ok("FETCH 1 BODY.PEEK[]")[0].partition(b"}\r\n")[2], big + b")",
     "and back")
s.send(b"i IDLE\r\n")
ok(s.line().startswith(b"+"), "IDLE")
imap.deliver(root)
ok(s.wait_line(rb"2 EXISTS"), "new mail is told at once")
s.send(b"DO")
imap.deliver(root)
ok(s.wait_line(rb"3 EXISTS"), "also in the middle of a DONE")
s.child.stdin.write(s.pack.flush(zlib.Z_FULL_FLUSH))
imap.deliver(root)
ok(s.wait_line(rb"4 EXISTS"), "and behind a block without data")
s.send(b"NE\r\nj NOOP\r\n")
same(s.until(b"i")[0], "OK", "DONE")
same(s.until(b"j")[0], "OK", "a pipelined command behind it")
s.send(b"".join(b"p%d FETCH 1 BODY.PEEK[]<%d.100>\r\n" % (i, i * 100)
                for i in range(300)))
same([s.until(b"p%d" % i)[2][0][-101:-1] for i in range(300)],
     [big[i * 100:i * 100 + 100] for i in range(300)], "300 pipelined FETCHes")
s.pieces = r
s.send(b"a APPEND INBOX {20+}\r\nSubject: x\r\n\r\nbody\r\n\r\nb NOOP\r\n")
same((s.until(b"a")[0], s.until(b"b")[0]), ("OK", "OK"),
     "split at any byte")
same(s.ok("FETCH 5 BODY.PEEK[TEXT]"), [b"* 5 FETCH (BODY[TEXT] {6}\r\nbody\r\n)"],
     "and complete")
s.pieces = None  # LOGOUT is whole before the last bytes of its block
same(s.logout(), 0, "LOGOUT")

s = Squeezed(root)
same(s.start(b"a NOOP\r\nb CAPABILITY\r\n")[0], "OK",
     "commands behind COMPRESS are compressed already")
same((s.until(b"a")[0], s.until(b"b")[0]), ("OK", "OK"), "and understood")
s.child.stdin.write(s.pack.flush(zlib.Z_FINISH))
same(s.child.wait(60), 0, "the end of the stream is the client's end")
s.end()

s = Squeezed(root)
s.start()
s.child.stdin.write(b"\xff" * 100)
try:
    while True:
        s.fill()
except imap.Dead:
    pass
same(s.end(), 0, "what is not deflate ends the session")

# a bomb: 16 MiB of a line in 16 KiB
s = Squeezed(root)
s.start()
s.send(b"x NOOP " + b"a" * (1 << 24) + b"\r\ny NOOP\r\n")
got = s.until(b"y")
ok(got[0] == "OK" and b"* BAD Command line too long" in got[2],
   "a long line that is short on the wire meets the same bound", got)
with open(f"/proc/{s.child.pid}/status") as f:
    kib = int(re.search(r"VmHWM:\s+(\d+)", f.read())[1])
ok(kib < 20000, "and takes no memory", kib)
s.logout()
imap.remove(root)
finish()
