#!/usr/bin/python3
# Programs of the administrator's: mail that comes into Junk or out of it, and
# thresholds of a quota.
import os
import subprocess
import sys
import tempfile

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same, until

root = imap.maildir()
dir_ = tempfile.TemporaryDirectory(prefix="learn-")
T = dir_.name
log = f"{T}/log"
with open(f"{T}/prog", "w") as f:
    f.write(f'#!/bin/sh\nread -r first\n'
            f'echo "$1 $ACCOUNT $PERCENT $first" >> {log}\n[ "$1" != bad ]\n')
os.chmod(f"{T}/prog", 0o700)
ENV = {"ROHRPOST_LEARN_SPAM": f"{T}/prog spam",
       "ROHRPOST_LEARN_HAM": f"{T}/prog ham",
       "ROHRPOST_QUOTA_WARN": f"50,80 {T}/prog warn"}


def lines():
    try:
        with open(log) as f:
            return f.read().splitlines()
    except OSError:
        return []


def learnt(name, *want):
    until(lambda: len(lines()) >= len(want))
    same(sorted(lines()), sorted(want), name)
    open(log, "w").close()


def session(*options, **env):
    return imap.Session(root, *options, env={**ENV, **env})


s = session()
for name in "Junk", "Trash", "Other":
    s.ok("CREATE " + name)
for n in range(3):
    s.append("INBOX", b"Subject: m%d\r\n\r\nx\r\n" % n)
s.ok("SELECT INBOX")
s.ok("MOVE 1 Junk")
learnt("MOVE into Junk: spam, with the message on fd 0",
       f"spam {root}  Subject: m0")
s.ok("COPY 1:2 Junk")
learnt("COPY into Junk: spam",
       f"spam {root}  Subject: m1", f"spam {root}  Subject: m2")
s.ok("COPY 1 Other")
s.ok("SELECT Junk")
s.ok("COPY 1 Junk")
s.ok("MOVE 4 Trash")
s.ok("MOVE 1:2 Other")
learnt("MOVE out of Junk: ham",
       f"ham {root}  Subject: m0", f"ham {root}  Subject: m1")
ok(s.ok("STATUS Other (MESSAGES)")[0].endswith(b"(MESSAGES 3)"), "all moved")
s.logout()
same(lines(), [], "neither within Junk, nor to Trash, nor elsewhere")

# many at once, each of which is learnt
s = session()
for n in range(100):
    imap.deliver(root, b"Subject: n%d\n\nx\n" % n, sub="cur")
s.ok("SELECT INBOX")
s.ok("MOVE 1:* Junk")
until(lambda: len(lines()) >= 102)
same(len(set(lines())), 102, "102 messages at once, each learnt once")
open(log, "w").close()

# the session ends, its errands do not
s.ok("SELECT Junk")
s.ok("MOVE 1:20 Other")
s.kill()
until(lambda: len(lines()) >= 20)
same(len(lines()), 20, "a session that is gone has its errands run")
open(log, "w").close()

s = session(ROHRPOST_LEARN_SPAM=f"{T}/prog bad")
imap.deliver(root, b"Subject: bad\n\nx\n")
s.ok("SELECT INBOX")
same(s.command("MOVE 1 Junk")[0], "OK", "a program that fails harms nothing")
until(lambda: lines())
open(log, "w").close()
s.logout()
ok(b"failed: exit code 1" in s.log, "and is logged", s.log)
s = session(ROHRPOST_LEARN_SPAM="/nonexistent x")
imap.deliver(root, b"Subject: none\n\nx\n")
s.ok("SELECT INBOX")
same(s.command("MOVE 1 Junk")[0], "OK", "one that there is not, too")
s.logout()
ok(b"exit code 127" in s.log, "and is logged", s.log)
same(lines(), [], "nothing was run")

# quota
imap.remove(root)
imap.maildir(root)
s = session("-q", "1000S,10C")
s.append("INBOX", b"x" * 400)
same(lines(), [], "no threshold is passed at 40%")
s.append("INBOX", b"x" * 200)
learnt("a warning at 50%",
       f"warn {root} 50 ")
s.append("INBOX", b"x" * 10)
s.append("INBOX", b"x" * 300)
learnt("the next at 80%, and none between",
       f"warn {root} 80 ")
s.ok("SELECT INBOX")
s.ok("CREATE Other")
s.ok("STORE 1,4 +FLAGS (\\Deleted)")
s.ok("EXPUNGE")
s.ok("COPY 1:2 Other")
s.ok("COPY 1:2 Other")
learnt("again at 50% after EXPUNGE, by COPY",
       f"warn {root} 50 ")
s.logout()
for bad in "x", "50", "0 x", "101 x", "50, x", "50;60 x":
    p = subprocess.run(["imap-serve", root], stdin=-3, capture_output=True,
                       env={**os.environ, "ROHRPOST_QUOTA_WARN": bad})
    same(p.returncode, 100, f"ROHRPOST_QUOTA_WARN={bad}: exit 100")
imap.remove(root)
finish()
