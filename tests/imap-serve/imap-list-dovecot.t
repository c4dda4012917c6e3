#!/usr/bin/python3
# LIST in all its forms and STATUS say what Dovecot says of the same Maildir++.
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


imap.maildir(root)
s = imap.Session(root)
for name in ("Fruit.Apple", "Fruit.Banana", "Tofu", "Veg", "Veg.Corn", "Foo-a",
             "a.b.c.d", "a.b.e", "&AMQ-rger", "x y"):
    s.ok(f'CREATE "{name}"')
for name in "Fruit.Banana", "Veg", "Tofu", "a.b.e", "a":
    s.ok("SUBSCRIBE " + name)
for n in range(5):
    imap.deliver(root + "/.Tofu", b"a: b\n\n%d\n" % n, sub="cur",
                 name=f"{n + 1}.M1P1.h:2,{'S' if n % 2 else 'T' * (n > 2)}")
d = dovecot()


def lines(of, command):
    """What is meant: attributes in no order; those that only one of them
    cares to tell left out."""
    out = set()
    for l in of.ok(command):
        m = re.match(rb"\* (LIST|LSUB) \(([^)]*)\) (.*)$", l)
        if not m:
            out.add(re.sub(rb'"', b"", l))
            continue
        words = set(m[2].split()) - {b"\\UnMarked", b"\\Marked",
                                     b"\\NoInferiors"}
        if b"\\NonExistent" in words:  # it implies the other (5258 3)
            words.discard(b"\\Noselect")
        name = re.sub(rb'"', b"", m[3])
        out.add((m[1], frozenset(words), name))
    return out


for command in (
        'LIST "" *', 'LIST "" %', 'LIST "" %.%', 'LIST "" Fruit.*',
        'LIST "" a.*', 'LIST "" (Tofu Veg*) RETURN (CHILDREN)', 'LIST "" "" ', 'LIST "" inbox',
        'LIST (SUBSCRIBED) "" * RETURN (CHILDREN)', 'LIST (SUBSCRIBED) "" % RETURN (CHILDREN)',
        'LIST (SUBSCRIBED RECURSIVEMATCH) "" % RETURN (CHILDREN)',
        'LIST (SUBSCRIBED RECURSIVEMATCH) "" * RETURN (CHILDREN)',
        'LIST "" V* RETURN (SUBSCRIBED CHILDREN)',
        'LIST "" (Tofu) RETURN (CHILDREN STATUS '
        '(MESSAGES UNSEEN UIDNEXT))',
        'LIST (RECURSIVEMATCH) "" *', 'LIST "" nosuch', 'LSUB "" *',
        'LSUB "" %', 'LSUB "" a.%'):
    command = command.strip()
    status = d.command(command)[0]
    if status != "OK":
        same(s.command(command)[0], status, f"{command}: {status}")
        continue
    ours, theirs = lines(s, command), lines(d, command)
    if "*" in command:  # levels that are no mailboxes: it may (3501 6.3.8)
        theirs = {t for t in theirs if len(t) < 3 or b"\\Subscribed" in t[1] or
                  not t[1] & {b"\\Noselect", b"\\NonExistent"} or t in ours}
    ok(ours == theirs, command, "only ours:", *sorted(map(str, ours - theirs)),
       "only theirs:", *sorted(map(str, theirs - ours)))

# a GUID that we write is Dovecot's, too
s.ok("SELECT Tofu")
was = s.ok("FETCH 1 EMAILID")[0].split(b"(")[2]
d.ok("SELECT Tofu")
guid = re.search(rb"X-GUID (\S+)\)", d.ok("FETCH 1 X-GUID")[0])[1]
s.ok("COPY 1 Veg")
d.ok("SELECT Veg")
same(re.search(rb"X-GUID (\S+)\)", d.ok("FETCH 1 X-GUID")[0])[1], guid,
     "Dovecot knows a message again that was copied by us")
d.logout()
s.logout()
shutil.rmtree(home, ignore_errors=True)
finish()
