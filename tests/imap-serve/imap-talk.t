#!/usr/bin/python3
# imap-serve -v: both sides in the log, without secrets. Commands in pieces,
# and what a hostile client sends.
import os
import random
import re
import subprocess
import sys

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same

root = imap.maildir()
s = imap.Session(root, "-v")
s.append("INBOX", b"Subject: hush-subject\r\n\r\nhush-body\r\n")
s.ok("SELECT INBOX")
s.ok("FETCH 1 (UID BODY[])")
s.command("LOGIN someone hush-1")
s.command(b"LOGIN {7+}\r\nsomeone hush-2")
s.command("AUTHENTICATE PLAIN hush-3")
s.command("NOOP " + "x" * 3000)
s.send(b"a NO\0OP\x1b[31m\r\n")
s.until(b"a")
s.logout()
log = s.log.decode()
for want in ("C: t2 SELECT INBOX", "S: t2 OK [READ-WRITE]", "S: * 1 EXISTS",
             "C: t3 FETCH 1 (UID BODY[])", "LOGIN", "C: t1 APPEND INBOX {36+}",
             "BODY[] {36}"):
    ok(want in log, f"the log has {want}", log)
ok("S: )" in log, "and what stands behind a literal", log)
ok("hush" not in log, "no message and no password", log)
ok(max(map(len, log.splitlines())) < 500 and "\x1b" not in log,
   "lines are cut and printable", log)

dialogue = [b"a SELECT INBOX\r\n", b"b APPEND INBOX (\\Seen) {26}\r\n",
            b"Subject: split\r\n\r\nbody\r\nxy (kw) {7+}\r\na: b\r\n\r\n",
            b"c FETCH * (FLAGS BODY.PEEK[HEADER.FIELDS ({7+}\r\nSubject)])\r\n",
            b"d STORE * +FLAGS (\\Flagged)\r\n", b"e SEARCH SUBJECT {5}\r\n",
            b"split\r\n", b"f IDLE\r\n", b"DONE\r\n", b"g LOGOUT\r\n"]


def answers(pieces):
    """What is said to the dialogue, less numbers that differ each time."""
    p = subprocess.Popen(["imap-serve", where], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, bufsize=0)
    for piece in pieces:
        p.stdin.write(piece)
    said = p.stdout.read()
    p.stdin.close()
    p.stdout.close()
    p.wait()
    return re.sub(rb"(APPENDUID|UIDVALIDITY|MAILBOXID) [(\w]+", rb"\1", said)


def fresh():
    at = imap.maildir()
    imap.deliver(at, b"Subject: one\n\nx\n", "1.M1P1.h")
    return at


def bytes_of(data, n):
    return [data[i:i + n] for i in range(0, len(data), n)]


whole = b"".join(dialogue)
r = random.Random(5)
where = fresh()
want = answers([whole])
imap.remove(where)
ok(want.count(b" OK ") >= 7 and b" BAD " not in want, "a pipelined dialogue",
   want)
for name, pieces in [("byte by byte", bytes_of(whole, 1))] + [
        (f"cut at random, {i}", None) for i in range(10)]:
    if pieces is None:
        cuts = sorted(r.sample(range(len(whole)), 20))
        pieces = [whole[a:b] for a, b in zip([0] + cuts, cuts + [len(whole)])]
    where = fresh()
    same(answers(pieces), want, name)
    imap.remove(where)

where = root
for name, data in (
        ("a literal of 4 GiB", b"a APPEND INBOX {4294967295}\r\n"),
        ("one of more digits than numbers have",
         b"a APPEND INBOX {" + b"9" * 5000 + b"+}\r\n"),
        ("100,000 parentheses", b"a SEARCH " + b"(" * 60000 + b"\r\n"),
        ("a list of 60,000 numbers", b"a FETCH " + b"1," * 30000 + b"1 UID\r\n"),
        ("a line without an end", b"a" * 1000000),
        ("a command of many literals", b"a SEARCH" + b" TEXT {8192+}\r\n" +
         (b"x" * 8192 + b" TEXT {8192+}\r\n") * 100),
        ("10,000 wrong commands", b"x\r\n" * 10000),
        ("flags without end", b"a SELECT INBOX\r\nb STORE 1 +FLAGS (" +
         b"k " * 30000 + b"\r\n"),
        ("a section of many numbers", b"a SELECT INBOX\r\nb FETCH 1 BODY[" +
         b"1." * 20000 + b"1]\r\n"),
        ("zeros", b"\0" * 100000)):
    p = subprocess.run(["sh", "-c", 'exec imap-serve "$1"', "-", root],
                       input=data + b"\r\nz LOGOUT\r\n", capture_output=True,
                       timeout=120)
    ok(p.returncode == 0 and len(p.stdout) < 100000,
       f"{name}: the session ends by itself", p.returncode, p.stdout[-300:])
imap.remove(root)
finish()
