#!/usr/bin/python3
# A real client, mbsync, synchronizes both ways through a tunnel.
import os
import shutil
import subprocess
import sys
import tempfile

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same

if not shutil.which("mbsync"):
    print("1..0 # SKIP mbsync (isync) is not installed")
    sys.exit(0)
home = tempfile.mkdtemp(prefix="imap-serve.")
far, near = home + "/far", home + "/near"
imap.maildir(far)
os.mkdir(near)
with open(home + "/rc", "w") as f:
    f.write(f"""IMAPAccount a
Tunnel "exec imap-serve {far}"

IMAPStore far
Account a

MaildirStore near
Path {near}/
Inbox {near}/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
""")


def sync(name):
    p = subprocess.run(["mbsync", "-c", home + "/rc", "c"],
                       capture_output=True, text=True)
    ok(p.returncode == 0 and "rror" not in p.stderr, name, p.stderr)


def files(where):
    """Body and flags of each message."""
    out = []
    for d in "cur", "new":
        for n in os.listdir(f"{where}/{d}"):
            with open(f"{where}/{d}/{n}", "rb") as f:
                body = b"".join(l for l in f.read().splitlines(True)
                                if not l.startswith(b"X-TUID"))
            out.append((body, n.partition(":2,")[2]))
    return sorted(out)


for i in range(20):
    imap.deliver(far, b"Subject: %d\n\nbody %d\n" % (i, i))
with imap.Session(far).child as p:
    p.stdin.write(b"a CREATE Work.Now\r\nb LOGOUT\r\n")
    p.stdout.read()
sync("mbsync fetches")
same(files(near + "/INBOX"), files(far), "20 messages")
ok(os.path.isdir(near + "/Work/Now"), "and a mailbox")
n = sorted(os.listdir(near + "/INBOX/new"))
for i, flags in enumerate(("S", "FS", "RS", "ST")):
    os.rename(f"{near}/INBOX/new/{n[i]}",
              f"{near}/INBOX/cur/{n[i].partition(':')[0]}:2,{flags}")
imap.deliver(near + "/INBOX", b"Subject: up\n\nfrom here\n")
imap.maildir(near + "/Neu")
imap.deliver(near + "/Neu", b"Subject: neu\n\nx\n")
sync("mbsync sends flags, a deletion, a message and a mailbox")
same(files(far), files(near + "/INBOX"), "both INBOXes are the same")
same(len(files(far)), 20, "one gone, one new")
same(files(far + "/.Neu"), files(near + "/Neu"), "and the new mailbox")
sync("nothing is left to do")
same(files(far), files(near + "/INBOX"), "and nothing changes")
imap.remove(home)
finish()
