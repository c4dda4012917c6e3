#!/usr/bin/python3
# QUOTA (RFC 9208): limits are told and kept, and the count is right whoever
# changed the mailboxes.
import os
import sys

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same

root = imap.maildir()
s = imap.Session(root, "-q", "10240S,5C")


def no(command, code, name):
    got = s.command(command)
    ok(got[0] == "NO" and got[1].startswith(code), name, got)


def used():
    lines = s.ok("GETQUOTAROOT INBOX")
    return lines[1] if lines[0] == b'* QUOTAROOT INBOX ""' else lines


caps = s.ok("CAPABILITY")[0].split()
ok(all(c in caps for c in (b"QUOTA", b"QUOTASET", b"QUOTA=RES-STORAGE",
                           b"QUOTA=RES-MESSAGE")), "CAPABILITY (3.1)", caps)
same(used(), b'* QUOTA "" (STORAGE 0 10 MESSAGE 0 5)', "nothing is used")
body = b"a: b\r\n\r\n" + b"x" * 990 + b"\r\n"  # 997 bytes with LF
same(s.append("INBOX", body)[0], "OK", "APPEND within the quota")
same(used(), b'* QUOTA "" (STORAGE 1 10 MESSAGE 1 5)', "is counted (5.1, 5.2)")
imap.deliver(root, b"y" * 2000, sub="cur")
same(used(), b'* QUOTA "" (STORAGE 3 10 MESSAGE 2 5)',
     "what others deliver is counted too")
same(s.ok('GETQUOTA ""'), [b'* QUOTA "" (STORAGE 3 10 MESSAGE 2 5)'],
     "GETQUOTA (4.1.1)")
no("GETQUOTA x", b"[NONEXISTENT]", "GETQUOTA of another root")
no('SETQUOTA "" (STORAGE 99999)', b"[NOPERM]", "SETQUOTA is not ours to do")
no('SETQUOTA "" ()', b"[NOPERM]", "whatever it says")
same(s.command('SETQUOTA "" (STORAGE)')[0], "BAD", "SETQUOTA with half a limit")
no("APPEND INBOX {9000}", b"[OVERQUOTA]", "APPEND beyond it is refused before "
   "its literal (4.3.1)")
got = s.append("INBOX", b"z" * 9000)
ok(got[0] == "NO" and got[1].startswith(b"[OVERQUOTA]"), "LITERAL+ too", got)
s.ok("CREATE Other")
s.ok("SELECT INBOX")
s.ok("COPY 1:2 Other")
same(used(), b'* QUOTA "" (STORAGE 6 10 MESSAGE 4 5)', "COPY counts")
no("COPY 1:2 Other", b"[OVERQUOTA]", "COPY beyond it")
same(s.ok("STATUS Other (MESSAGES)"), [b"* STATUS Other (MESSAGES 2)"],
     "copies nothing")
s.ok("MOVE 2 Other")
same(used(), b'* QUOTA "" (STORAGE 6 10 MESSAGE 4 5)', "MOVE counts nothing")
s.ok("STORE 1 +FLAGS (\\Deleted)")
s.ok("EXPUNGE")
same(used(), b'* QUOTA "" (STORAGE 5 10 MESSAGE 3 5)', "EXPUNGE makes room")
same(s.append("INBOX", body)[0], "OK", "which can be used")
same(used(), b'* QUOTA "" (STORAGE 6 10 MESSAGE 4 5)', "and counts")
s.ok("DELETE Other")
same(used(), b'* QUOTA "" (STORAGE 1 10 MESSAGE 1 5)', "DELETE makes room")
with open(root + "/maildirsize") as f:
    same(f.readline(), "10240S,5C\n", "maildirsize has the limits first")
with open(root + "/maildirsize", "w") as f:
    f.write("10240S,5C\n99999 99\n")
os.utime(root + "/maildirsize", (1, 1))
same(used(), b'* QUOTA "" (STORAGE 1 10 MESSAGE 1 5)',
     "a maildirsize that is older than a mailbox is not believed")
s.logout()

s = imap.Session(root)
same(s.ok("GETQUOTAROOT INBOX"), [b"* QUOTAROOT INBOX"],
     "no limits, no root (4.2.2)")
no('GETQUOTA ""', b"[NONEXISTENT]", "and no quota")
s.logout()
imap.remove(root)
finish()
