#!/usr/bin/python3
# APPEND of many messages (RFC 3502), REPLACE (8508), limits (7889).
import os
import re
import sys

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same

LIMIT = 200000
root = imap.maildir()
s = imap.Session(root, "-s", str(LIMIT))


def is_(command, want, name, *literals):
    got = s.command(command, *literals)
    return ok(got[0] == want.split()[0] and want[len(got[0]):].strip().encode()
              in got[1], name, got)


def literal(message, eight=b""):
    return b"%s{%d+}\r\n%s" % (eight, len(message), message)


def message(n):
    return b"Subject: %d\r\n\r\nbody %d\r\n" % (n, n)


def files():
    return sorted(len(os.listdir(f"{root}/{d}")) for d in ("new", "cur", "tmp"))


words = s.greeting.replace(b"]", b" ").split()
for name in (b"MULTIAPPEND", b"REPLACE", b"APPENDLIMIT=%d" % LIMIT):
    ok(name in words, f"CAPABILITY has {name.decode()}", s.greeting)
same(s.ok("STATUS INBOX (APPENDLIMIT)"),
     [b"* STATUS INBOX (APPENDLIMIT %d)" % LIMIT], "STATUS tells it (7889 3.1)")
is_("APPEND INBOX {%d}" % (LIMIT + 1), "NO [TOOBIG]", "one byte more")
is_("APPEND INBOX {%d+}\r\n%s" % (LIMIT + 1, "x" * (LIMIT + 1)), "NO [TOOBIG]",
    "also if it comes unasked (7888 4)")
is_("NOOP", "OK", "and the next command is understood")

s.ok("SELECT INBOX")
got = s.command(b"APPEND INBOX " + literal(message(1)) + b" (\\Seen a) " +
                literal(message(2)) + b' (b a) "01-Jan-2020 10:00:00 +0000" ' +
                literal(message(3)))
m = re.match(rb"\[APPENDUID (\d+) 1:3\] ", got[1])
ok(got[0] == "OK" and m, "APPENDUID of three (RFC 4315 3)", got)
ok(b"* 3 EXISTS" in got[2], "EXISTS", got[2])
same(s.ok("FETCH 1:3 (FLAGS BODY.PEEK[])"),
     [b"* %d FETCH (FLAGS (%s) BODY[] {%d}\r\n%s)" %
      (n, f, len(message(n)), message(n)) for n, f in
      ((1, b"\\Recent"), (2, b"\\Seen a"), (3, b"a b"))],
     "each has its own flags and bytes")
ok(b"2020 " in s.ok("FETCH 3 INTERNALDATE")[0], "and its date")
before = files()
is_(b"APPEND INBOX " + literal(message(4)) + b" (\\Nosuch) " +
    literal(message(5)), "BAD", "a wrong flag of the second")
same(files(), before, "takes back the first (3502 6.3.11)")
is_(b"APPEND INBOX " + literal(message(4)) + b" {0}", "NO",
    "an empty literal cancels")
same(files(), before, "all")
is_(b"APPEND INBOX " + literal(message(4)) + b" {999999}", "NO [TOOBIG]",
    "too big a second")
same(files(), before, "takes back the first")
is_(b"APPEND INBOX " + literal(message(4)) + b" ", "BAD", "a blank at the end")
is_(b"APPEND INBOX " + literal(message(4)) + literal(message(5)), "BAD",
    "no blank between them")
same(files(), before, "store nothing")
is_("APPEND INBOX {%d}" % len(message(4)), "OK [APPENDUID %s 4:5]" %
    m[1].decode(), "synchronizing literals",
    (message(4), b" (\\Flagged) {%d}" % len(message(5))), (message(5), b""))
t = imap.Session(root)
t.send(b"x APPEND INBOX " + literal(message(6)) + b" {10}\r\n")
t.line()
t.send(b"Subj")
t.end()
ok(not any(n.startswith("c") for n in s.ok("NOOP")), "a client that goes")
same(len(s.ok("UID SEARCH ALL")[0].split()), 7, "leaves nothing behind")
n = 1000
got = s.command(b"APPEND INBOX" + b"".join(
    b" (\\Seen kw%d) " % (i % 20) + literal(message(i)) for i in range(n)))
ok(got[0] == "OK" and b" 6:%d]" % (5 + n) in got[1], "a thousand", got[:2])
same(s.ok("UID FETCH %d BODY.PEEK[]" % (5 + n))[0][-20:],
     (b"Subject: %d\r\n\r\nbody %d\r\n)" % (n - 1, n - 1))[-20:], "in order")
s.ok("UID STORE 6:* +FLAGS.SILENT \\Deleted")
s.ok("EXPUNGE")
got = s.command(b"APPEND INBOX" + b"".join(
    b" (k%d) " % i + literal(message(i)) for i in range(40)))
same(got[0], "NO", "more keywords than letters: none is stored")
same(len(s.ok("UID SEARCH ALL")[0].split()), 7, "of all the messages")

got = s.command(b"REPLACE 2 INBOX (\\Draft) " + literal(message(9)))
ok(got[0] == "OK" and re.match(rb"\* OK \[APPENDUID \d+ \d+\] ", got[2][0]) and
   b"* 2 EXPUNGE" in got[2] and b"* 5 EXISTS" in got[2],
   "REPLACE: APPENDUID, then EXPUNGE (RFC 8508 4.3)", got)
ok(got[2][0].startswith(b"* OK [APPENDUID") and
   got[2].index(b"* 2 EXPUNGE") > 0, "in this order")
uids = s.ok("UID SEARCH ALL")[0].split()[2:]
same((uids[0], uids[1], len(uids)), (b"1", b"3", 5), "the old one is gone")
ok(b"body 9" in s.ok("FETCH 5 BODY.PEEK[]")[0], "the new one is there")
got = s.command(b"UID REPLACE 3 INBOX " + literal(message(10)))
ok(got[0] == "OK" and b"* 2 EXPUNGE" in got[2], "UID REPLACE", got)
s.ok("CREATE Sent")
got = s.command(b"REPLACE 1 Sent (\\Seen) " + literal(message(11)))
ok(got[0] == "OK" and b"* 1 EXPUNGE" in got[2], "into another mailbox", got)
same(s.ok("STATUS Sent (MESSAGES)"), [b"* STATUS Sent (MESSAGES 1)"], "Sent")
n = len(s.ok("UID SEARCH ALL")[0].split())
is_(b"REPLACE 1 nosuch " + literal(message(1)), "NO [TRYCREATE]", "TRYCREATE")
is_(b"REPLACE 99 INBOX " + literal(message(1)), "BAD", "no such number")
is_(b"UID REPLACE 99999 INBOX " + literal(message(1)), "NO", "no such UID")
is_(b"REPLACE 0 INBOX " + literal(message(1)), "BAD", "number 0")
is_(b"REPLACE 1 INBOX " + literal(message(1)) + b" " + literal(message(2)),
    "BAD", "one message replaces one")
is_("REPLACE 1 INBOX {999999}", "NO [TOOBIG]", "REPLACE has APPEND's limit")
same(len(s.ok("UID SEARCH ALL")[0].split()), n, "and nothing was lost")
s.ok("EXAMINE INBOX")
is_(b"REPLACE 1 INBOX " + literal(message(1)), "NO [READ-ONLY]", "EXAMINE")
s.ok("UNSELECT")
is_(b"REPLACE 1 INBOX " + literal(message(1)), "BAD",
    "only in selected state (8508 3.5)")
u = "Subject: grüße\r\n\r\nä\r\n".encode()
is_(b"APPEND INBOX UTF8 (~{%d+}\r\n%s)" % (len(u), u), "BAD",
    "UTF8 before ENABLE (RFC 6855 4)")
same(s.ok("ENABLE UTF8=ACCEPT"), [b"* ENABLED UTF8=ACCEPT"], "ENABLE")
s.ok("SELECT INBOX")
is_(b"APPEND INBOX (\\Seen) UTF8 (~{%d+}\r\n%s)" % (len(u), u), "OK",
    "UTF8 and a literal8")
ok(s.ok("FETCH * BODY.PEEK[]")[0].endswith(u + b")"), "comes back exactly")
ok("grüße".encode() in s.ok("FETCH * ENVELOPE")[0], "ENVELOPE has its UTF-8")
is_(b"APPEND INBOX UTF8 (~{%d+}\r\n%s" % (len(u), u), "BAD", "no )")
is_(b"APPEND INBOX UTF8 ({%d+}\r\n%s)" % (len(u), u), "BAD", "no literal8")
is_("NOOP", "OK", "and what follows is understood")
same(s.ok('UID SEARCH SUBJECT "grüße"')[0].split()[2:],
     s.ok("UID SEARCH *")[0].split()[2:], "SEARCH in UTF-8")
is_("SEARCH CHARSET UTF-8 ALL", "BAD", "CHARSET is BAD then (6855 3)")
same(os.listdir(root + "/tmp"), [], "nothing is left in tmp/")
s.logout()
imap.remove(root)
finish()
