#!/usr/bin/python3
# A Maildir taken over from Dovecot and handed back, and both at once: UIDs,
# UIDVALIDITY, flags, keywords and subscriptions stay.
import os
import re
import shutil
import sys
import tempfile

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same

IMAP = "/usr/lib/dovecot/imap"
if not os.path.exists(IMAP):
    print("1..0 # SKIP Dovecot is not installed")
    sys.exit(0)
home = tempfile.mkdtemp(prefix="imap-serve.")
if os.getuid() == 0:  # Dovecot serves no root
    # whoever we become may not be able to enter the build directory
    shutil.copy(shutil.which("imap-serve"), home)
    os.environ["PATH"] = home + ":" + os.environ["PATH"]
    os.chown(home, 65534, 65534)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
root = home + "/mail"
with open(home + "/conf", "w") as f:
    f.write(f"""
log_path = {home}/log
base_dir = {home}/run
state_dir = {home}/run
mail_location = maildir:{root}
mail_uid = {os.getuid()}
mail_gid = {os.getgid()}
first_valid_uid = 0
first_valid_gid = 0
ssl = no
protocols = imap
namespace inbox {{
  inbox = yes
  prefix =
  separator = .
}}
""")


def dovecot():
    return imap.Session(root, argv=[IMAP, "-c", home + "/conf"],
                        env={"USER": "u", "HOME": home})


def state(s, mailbox):
    """UIDVALIDITY, UIDNEXT and what each message is"""
    lines = s.ok("SELECT " + mailbox)
    codes = [re.search(rb"\[(UIDVALIDITY|UIDNEXT) (\d+)\]", l) for l in lines]
    rows = []
    for l in s.ok("UID FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE "
                  "BODY.PEEK[])"):
        uid = re.search(rb"UID (\d+)", l)[1]
        flags = re.search(rb"FLAGS \(([^)]*)\)", l)[1].split()
        rows.append((int(uid), sorted(set(flags) - {b"\\Recent"}),
                     re.search(rb"RFC822.SIZE (\d+)", l)[1],
                     re.search(rb'INTERNALDATE "[0 ]?([^"]*)"', l)[1],
                     l.partition(b"BODY[] ")[2]))
    return dict((m[1], m[2]) for m in codes if m), rows


def lsub(s):
    return sorted(l.split()[-1] for l in s.ok('LSUB "" *'))


d = dovecot()
ok(d.greeting.startswith(b"* PREAUTH"), "Dovecot serves", d.greeting)
for name in "Foo", '"Foo.B&AOQ-r"':
    d.ok("CREATE " + name)
    d.ok("SUBSCRIBE " + name)
for i in range(10):
    d.append("INBOX", b"Subject: %d\r\n\r\nbody %d\r\n" % (i, i),
             ["", "\\Seen", "kw%d $Junk" % i, "\\Draft \\Flagged"][i % 4],
             "%2d-Jan-2020 10:00:00 +0000" % (i + 1))
d.ok("SELECT INBOX")
d.ok("COPY 2:5 Foo")
d.ok("STORE 3 +FLAGS.SILENT \\Deleted")
d.ok("EXPUNGE")
want = {m: state(d, m) for m in ("INBOX", "Foo", '"Foo.B&AOQ-r"')}
want_subs = lsub(d)
d.logout()

s = imap.Session(root)
for m in want:
    same(state(s, m), want[m], f"{m} taken over from Dovecot")
same(lsub(s), want_subs, "subscriptions taken over")

s.ok("SELECT INBOX")
m = re.match(rb"\[APPENDUID \d+ (\d+)\]", s.append(
    "INBOX", b"Subject: ours\r\n\r\nx\r\n", "\\Seen ours")[1])
same(int(m[1]), 11, "our UIDs go on where Dovecot's ended")
s.ok("STORE 1 +FLAGS (\\Answered another)")
s.ok("COPY 1:3 Foo")
s.ok("MOVE 4 Foo")
s.ok("CREATE Ours")
s.ok("SUBSCRIBE Ours")
s.ok("UNSUBSCRIBE Foo")
s.ok("COPY 1 Ours")
names = list(want) + ["Ours"]
want = {m: state(s, m) for m in names}
want_subs = lsub(s)
s.logout()
d = dovecot()
for m in names:
    same(state(d, m), want[m], f"{m} handed back to Dovecot")
same(lsub(d), want_subs, "subscriptions handed back")

# both at once
s = imap.Session(root)
s.ok("SELECT INBOX")
d.ok("SELECT INBOX")
n = len(want["INBOX"][1])
for i in range(20):
    a, b = (s, d) if i % 2 else (d, s)
    a.append("INBOX", b"Subject: both %d\r\n\r\nx\r\n" % i,
             ["", "\\Seen", "k%d" % (i % 5)][i % 3])
    b.ok("NOOP")
    a.ok(f"STORE {n} +FLAGS (\\Flagged b{i % 4})")
    imap.deliver(root)
    b.ok("NOOP")
    if i % 3 == 0:
        b.ok("STORE 2 +FLAGS \\Deleted")
        a.ok("NOOP")
        b.ok("EXPUNGE")
    n = len(b.ok("UID SEARCH ALL")[0].split()) - 2
s.ok("NOOP")
d.ok("NOOP")
same(s.ok("UID SEARCH ALL"), d.ok("UID SEARCH ALL"),
     "both see the same UIDs after changes by both")
same(state(s, "INBOX"), state(d, "INBOX"), "and the same of each message")
got = s.ok("STATUS INBOX (UIDVALIDITY)")[0]
ok(want["INBOX"][0][b"UIDVALIDITY"] in got, "UIDVALIDITY is still the same", got)
s.send(b"i IDLE\r\n")
s.wait_line(rb"^\+")
d.append("INBOX", b"Subject: idle\r\n\r\n")
ok(s.wait_line(rb"EXISTS"), "our IDLE hears of Dovecot's APPEND")
d.ok("STORE 1 +FLAGS (fresh)")
ok(s.wait_line(rb"FETCH.*fresh"), "and of a new keyword")
s.send(b"DONE\r\n")
s.until(b"i")
s.logout()
d.logout()
for line in open(home + "/log") if os.path.exists(home + "/log") else ():
    if re.search("Error|Warning|Panic", line):
        ok(0, "Dovecot complains of nothing", line)
ok(not re.search(rb"Error|Warning|Panic", d.log), "Dovecot's log", d.log)
imap.remove(home)
finish()
