#!/usr/bin/python3
# IDLE (RFC 2177) wakes by inotify and, when its instances have run out, all
# the same.
import os
import statistics
import subprocess
import sys
import time

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same

root = imap.maildir()
# a user namespace has instances of its own: here none, so that nobody else's
# are taken
LIMIT = "echo 0 > /proc/sys/user/max_inotify_instances && exec "
BARE = ["unshare", "-Ur", "sh", "-c"]


def idle(s):
    s.ok("SELECT INBOX")
    s.send(b"i IDLE\r\n")
    s.wait_line(rb"^\+")
    # it watches by now, and has told what there was
    return s


def watches(s):
    """What the session sleeps on: inotify, a signal, or neither."""
    where = f"/proc/{s.child.pid}/fd"
    try:
        links = {os.readlink(f"{where}/{f}") for f in os.listdir(where)}
    except OSError:
        return None
    return ("inotify" if "anon_inode:inotify" in links else
            "signal" if "anon_inode:[signalfd]" in links else "")


def seen(s, sub, pattern, name=None, **kw):
    t = time.monotonic()
    imap.deliver(root, name=name, sub=sub, **kw)
    s.wait_line(pattern)
    return (time.monotonic() - t) * 1000


def all_of(s, how):
    times = [seen(s, "new", rb"EXISTS$") for _ in range(9)]
    print(f"# {how}: mail on disk to EXISTS {statistics.median(times):.1f} ms "
          f"(at most {max(times):.1f})")
    ok(1, f"{how}: EXISTS for what is delivered")
    name = imap.deliver(root, sub="cur", name=f"9.M{how}.h:2,")
    s.wait_line(rb"EXISTS$")
    os.rename(f"{root}/cur/{name}", f"{root}/cur/{name}F")
    s.wait_line(rb"FETCH \(FLAGS \(\\Flagged")
    ok(1, f"{how}: FETCH for a flag that changed")
    os.unlink(f"{root}/cur/{name}F")
    s.wait_line(rb"EXPUNGE$")
    ok(1, f"{how}: EXPUNGE for a file that is gone")
    s.send(b"DONE\r\n")
    same(s.until(b"i")[0], "OK", f"{how}: DONE")


s = idle(imap.Session(root))
how = watches(s)
all_of(s, how)

if subprocess.run(BARE + [LIMIT + "true"], stderr=-3).returncode:
    ok(1, "# SKIP no user namespace to be had")
    s.logout()
    imap.remove(root)
    finish()
    sys.exit()


def bare():
    return idle(imap.Session(root, argv=BARE + [LIMIT + 'imap-serve "$0"',
                                                root]))


s2 = bare()
same(watches(s2), "signal", "no inotify instance is left: a signal wakes")
all_of(s2, "signal")
s2.send(b"i IDLE\r\n")
s2.wait_line(rb"^\+")
seen(s2, "new", rb"EXISTS$")
ok(1, "and the second time too")
many = [bare() for _ in range(20)]
same({watches(m) for m in many}, {"signal"}, "20 more sessions")
imap.deliver(root)
for m in many:
    m.wait_line(rb"EXISTS$")
ok(1, "are told all")
for m in many + [s2]:
    m.send(b"DONE\r\n")
    m.logout()
s.logout()
imap.remove(root)
finish()
