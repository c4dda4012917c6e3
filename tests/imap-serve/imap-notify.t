#!/usr/bin/python3
# NOTIFY (RFC 5465): what happens is told while no command runs.
import os
import sys

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same

root = imap.maildir()
other = imap.Session(root)
for name in "Lists.A", "Lists.B", "Plain":
    other.ok("CREATE " + name)
imap.deliver(root + "/.Lists.A", sub="cur")
s = imap.Session(root)


def no(command, status, code, name):
    got = s.command(command)
    ok(got[0] == status and got[1].startswith(code), name, got)


def told(pattern, name):
    lines = [l for l in s.wait_line(pattern) if not l.endswith(b"RECENT")]
    same(len(lines), 1, name) if len(lines) == 1 else ok(0, name, lines)


no("NOTIFY SET (selected (MessageNew))", "BAD", b"", "MessageNew alone (5)")
no("NOTIFY SET (personal (FlagChange))", "BAD", b"", "FlagChange alone (5)")
no("NOTIFY SET (selected (MailboxName))", "BAD", b"", "a name of the selected "
   "mailbox (6.1)")
no("NOTIFY SET (personal (AnnotationChange))", "NO", b"[BADEVENT (MessageNew ",
   "an unknown event (3.1)")
no("NOTIFY SET (selected NONE) (selected-delayed NONE)", "BAD", b"",
   "the selected mailbox twice (6.1)")
no("NOTIFY SET", "BAD", b"", "SET of nothing")
no("NOTIFY SET (personal (MessageNew (UID) MessageExpunge))", "BAD", b"",
   "items for another mailbox (8)")
no("NOTIFY SET (selected (MessageNew (NOSUCH) MessageExpunge))", "BAD", b"",
   "unknown items")

same(s.ok("NOTIFY SET STATUS (selected (MessageNew (uid body.peek[header.fields"
          " (subject)]) MessageExpunge FlagChange)) (subtree Lists (MessageNew "
          "MessageExpunge)) (personal (MailboxName SubscriptionChange "
          "MailboxMetadataChange ServerMetadataChange))"),
     [b"* STATUS Lists.A (MESSAGES 1 UIDNEXT 2 UIDVALIDITY %d)" % v
      for v in [int(other.ok("STATUS Lists.A (UIDVALIDITY)")[0]
                    .split()[-1].rstrip(b")"))]] +
     [b"* STATUS Lists.B (MESSAGES 0 UIDNEXT 1 UIDVALIDITY %d)" % v
      for v in [int(other.ok("STATUS Lists.B (UIDVALIDITY)")[0]
                    .split()[-1].rstrip(b")"))]],
     "SET STATUS: a STATUS of each (3.1)")
s.ok("SELECT INBOX")
imap.deliver(root + "/.Lists.A")
told(rb"^\* STATUS Lists.A \(MESSAGES 2 UIDNEXT 3 ", "a new message elsewhere "
     "(5.2)")
imap.deliver(root + "/.Plain")
imap.deliver(root, b"Subject: hello\n\nx\n", "5.M1P1.h")
lines = s.wait_line(rb"FETCH")
ok(b"* 1 EXISTS" in lines and lines[-1] == b"* 1 FETCH (UID 1 BODY[HEADER."
   b"FIELDS (subject)] {18}\r\nSubject: hello\r\n\r\n)",
   "a new message of the selected mailbox: EXISTS and what was asked (5.2); "
   "nothing of others", lines)
other.ok("SELECT INBOX")
other.ok("STORE 1 +FLAGS (\\Deleted)")
lines = s.wait_line(rb"FETCH \(UID 1 FLAGS \(\\Deleted")
ok(1, "a flag (5.1)")
other.ok("EXPUNGE")
s.wait_line(rb"^\* 1 EXPUNGE$")
ok(1, "SELECTED: EXPUNGE at any time (5.3)")
other.ok("CREATE Fresh")
told(rb'^\* LIST \(\\HasNoChildren\) "." Fresh$', "CREATE (5.4)")
other.ok("RENAME Lists Lost")
lines = s.wait_line(rb"OLDNAME")
ok(any(b'Lost.A ("OLDNAME" (Lists.A))' in l for l in lines), "RENAME: OLDNAME "
   "(5.4)", lines)
other.ok("SUBSCRIBE Fresh")
s.wait_line(rb'^\* LIST \(\\HasNoChildren \\Subscribed\) "." Fresh$')
ok(1, "SUBSCRIBE (5.5)")
other.ok("UNSUBSCRIBE Fresh")
s.wait_line(rb'^\* LIST \(\\HasNoChildren\) "." Fresh$')
ok(1, "UNSUBSCRIBE")
other.ok('SETMETADATA Fresh (/shared/comment "x")')
told(rb"^\* METADATA Fresh /shared/comment$", "an annotation (5.6)")
other.ok("SETMETADATA Fresh (/shared/comment NIL)")
told(rb"^\* METADATA Fresh /shared/comment$", "one that was removed, too")
other.ok('SETMETADATA "" (/shared/comment "x")')
told(rb'^\* METADATA "" /shared/comment$', "one of the server (5.7)")
other.ok("DELETE Fresh")
s.wait_line(rb'^\* LIST \(\\NonExistent.*\) "." Fresh$')
ok(1, "DELETE (5.4)")

s.ok("NOTIFY SET (selected-delayed (MessageNew MessageExpunge)) "
     "(mailboxes Plain (MessageNew MessageExpunge FlagChange))")
imap.deliver(root, name="6.M1P1.h")
s.wait_line(rb"^\* 1 EXISTS$")
other.ok("NOOP")
other.ok("STORE 1 +FLAGS (\\Deleted)")
other.ok("EXPUNGE")
name = [n for n in os.listdir(root + "/.Plain/new")]
os.rename(f"{root}/.Plain/new/{name[0]}", f"{root}/.Plain/cur/{name[0]}:2,S")
lines = s.wait_line(rb"^\* STATUS Plain \(.*UNSEEN 0")
ok(not any(b"EXPUNGE" in l for l in lines),
   "SELECTED-DELAYED: no EXPUNGE by itself (6.1.1); a flag elsewhere (5.1)",
   lines)
ok(b"* 1 EXPUNGE" in s.ok("NOOP"), "but with NOOP")
s.send(b"i IDLE\r\n")
s.wait_line(rb"^\+")
imap.deliver(root + "/.Plain")
told(rb"^\* STATUS Plain \(MESSAGES 2 ", "IDLE tells the same (4)")
s.send(b"DONE\r\n")
s.until(b"i")
imap.deliver(root, name="7.M0P1.h")
s.ok("NOOP")
s.ok("NOTIFY NONE")
imap.deliver(root, name="7.M1P1.h")
imap.deliver(root + "/.Plain")
same(s.ok("NOOP"), [], "NOTIFY NONE: nothing is told (3.1)")
s.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
ok(b"* 1 EXPUNGE" in s.ok("EXPUNGE"), "but what the client does itself")
s.ok("NOTIFY SET (selected (MessageNew MessageExpunge))")
imap.deliver(root, name="8.M1P1.h")
s.wait_line(rb"EXISTS$")
ok(1, "NOTIFY SET again: told again")
s.logout()
other.logout()
imap.remove(root)
finish()
