#!/usr/bin/python3
# Every command of imap-serve, alone with its mailbox.
import imaplib
import os
import re
import sys

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same

root = imap.maildir()
imap.deliver(root, b"From: A <a@b.test>\nSubject: one\nDate: Mon, 7 Feb 1994 "
             b"21:52:25 -0800\n\nfirst body\n", "1.M1P1.h")
imap.deliver(root, b"From: c@d.test\r\nSubject: two\r\n\r\nline\r\n",
             "2.M2P2.h:2,S", "cur")
s = imap.Session(root)


def untagged(lines, pattern):
    return [m for m in (re.fullmatch(pattern, l, re.S) for l in lines) if m]


def is_(command, want, name, *literals):
    got = s.command(command, *literals)
    return ok(got[0] == want.split()[0] and want[len(got[0]):].strip().encode()
              in got[1], name, got)


ok(s.greeting.startswith(b"* PREAUTH [CAPABILITY IMAP4rev1 "),
   "PREAUTH with CAPABILITY (RFC 3501 7.1.4)", s.greeting)
lines = s.ok("CAPABILITY")
words = lines[0].split()
for c in (b"IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE CHILDREN "
          b"UNSELECT UIDPLUS MOVE SPECIAL-USE").split():
    ok(c in words, f"CAPABILITY has {c.decode()}")
same(s.ok("NAMESPACE")[0], b'* NAMESPACE (("" ".")) NIL NIL',
     "NAMESPACE (RFC 2342 5)")
ok(s.ok('ID ("name" "x" "version" NIL)')[0].startswith(b"* ID ("),
   "ID with a list (RFC 2971 3.1)")
ok(s.ok("ID NIL")[0].startswith(b"* ID "), "ID NIL")
same(s.ok("ENABLE CONDSTORE X-FOO"), [b"* ENABLED"],
     "ENABLE ignores what it does not know (RFC 5161 3.1)")
is_("ENABLE", "BAD", "ENABLE without arguments is BAD")
is_("LOGIN a b", "BAD", "LOGIN in authenticated state is BAD")
is_("FETCH 1 FLAGS", "BAD", "FETCH without a mailbox is BAD (3.2)")

lines = s.ok("SELECT inbox")
ok(b"* 2 EXISTS" in lines, "EXISTS (6.3.1)")
ok(b"* 1 RECENT" in lines, "RECENT: what was in new/")
ok(untagged(lines, rb"\* FLAGS \(.*\\Seen.*\)"), "FLAGS")
ok(untagged(lines, rb"\* OK \[PERMANENTFLAGS \(.*\\\*\)\].*"),
   "PERMANENTFLAGS with \\*")
ok(untagged(lines, rb"\* OK \[UNSEEN 1\].*"), "UNSEEN")
validity = int(untagged(lines, rb"\* OK \[UIDVALIDITY (\d+)\].*")[0][1])
ok(untagged(lines, rb"\* OK \[UIDNEXT 3\].*"), "UIDNEXT")
same(sorted(os.listdir(root + "/new")), [], "new/ is taken in by SELECT")

f = s.ok("FETCH 1:2 (UID FLAGS RFC822.SIZE)")
same(f, [b"* 1 FETCH (UID 1 FLAGS (\\Recent) RFC822.SIZE 86)",
         b"* 2 FETCH (UID 2 FLAGS (\\Seen) RFC822.SIZE 38)"],
     "FETCH: sizes with CRLF for LF files and CRLF files")
same(s.ok("FETCH 2 BODY.PEEK[]"), [b"* 2 FETCH (BODY[] {38}\r\nFrom: c@d.test"
     b"\r\nSubject: two\r\n\r\nline\r\n)"], "BODY.PEEK[] of a CRLF file")
same(s.ok("FETCH 1 BODY.PEEK[HEADER.FIELDS (subject X)]"),
     [b"* 1 FETCH (BODY[HEADER.FIELDS (subject X)] {16}\r\nSubject: one\r\n"
      b"\r\n)"], "HEADER.FIELDS (6.4.5)")
same(s.ok("FETCH 1 BODY.PEEK[TEXT]<0.5>"),
     [b"* 1 FETCH (BODY[TEXT]<0> {5}\r\nfirst)"], "partial")
same(s.ok("FETCH 1 BODY.PEEK[TEXT]<500.5>"),
     [b"* 1 FETCH (BODY[TEXT]<500> {0}\r\n)"], "partial beyond the end")
same(s.ok("FETCH 1 BODY.PEEK[7]"), [b"* 1 FETCH (BODY[7] NIL)"],
     "a part that there is not is NIL")
same(s.ok("FETCH 1 (RFC822.HEADER FLAGS)")[0][-18:], b" FLAGS (\\Recent))",
     "RFC822.HEADER sets no \\Seen") if 0 else None
ok(b"\\Seen" not in s.ok("FETCH 1 (RFC822.HEADER FLAGS)")[0],
   "RFC822.HEADER sets no \\Seen")
ok(s.ok("FETCH 1 BODY[TEXT]")[0].startswith(
    b"* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[TEXT] {12}\r\n"),
   "BODY[] sets \\Seen and tells it")
ok(any(n.endswith(":2,S") for n in os.listdir(root + "/cur")
       if n.startswith("1.")), "as a letter of the file name")
same(len(s.ok("FETCH 1 FAST")), 1, "macro FAST")
ok(b"ENVELOPE (\"Mon, 7 Feb" in s.ok("FETCH 1 ALL")[0], "macro ALL")
ok(b"BODY (" in s.ok("FETCH 1 FULL")[0], "macro FULL")
is_("FETCH 1 (FAST FLAGS)", "BAD", "a macro stands alone")
is_("FETCH 3 FLAGS", "BAD", "a sequence number beyond the end is BAD (9)")
is_("FETCH 0 FLAGS", "BAD", "number 0 is BAD")
is_("FETCH 1 (FLAGS  UID)", "BAD", "two spaces are BAD")
is_("FETCH 1 ()", "BAD", "an empty list is BAD")
is_("UID FETCH 77 FLAGS", "OK", "UID FETCH of nothing is OK (6.4.8)")
same(s.ok("UID FETCH 99:* UID"), [b"* 2 FETCH (UID 2)"],
     "n:* has the last message, even above it")
same(s.ok("UID FETCH 1 FLAGS"), [b"* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))"],
     "UID is in every response of a UID command")

lines = s.ok("STORE 1:2 +FLAGS (\\Flagged $Label1)")
ok(b"* 1 FETCH (FLAGS (\\Flagged \\Seen \\Recent $Label1))" in lines and
   b"* 2 FETCH (FLAGS (\\Flagged \\Seen $Label1))" in lines,
   "STORE +FLAGS answers the flags", lines)
ok(any(b"* FLAGS (" in l and b"$Label1" in l for l in lines),
   "a new keyword is told")
same(s.ok("STORE 1 -FLAGS.SILENT \\Flagged"), [], ".SILENT says nothing")
same(s.ok("STORE 1 FLAGS (\\Answered)"),
     [b"* 1 FETCH (FLAGS (\\Answered \\Recent))"], "FLAGS replaces")
same(s.ok("UID STORE 1 +FLAGS \\Draft \\Deleted"),
     [b"* 1 FETCH (UID 1 FLAGS (\\Answered \\Deleted \\Draft \\Recent))"],
     "UID STORE, flags without parentheses")
s.ok("STORE 1 -FLAGS.SILENT (\\Deleted \\Draft)")
is_("STORE 1 +FLAGS \\Recent", "BAD", "\\Recent cannot be stored")
is_("STORE 1 +FLAGS (\\Nosuch)", "BAD", "an unknown system flag is BAD")
same(open(root + "/dovecot-keywords").read(), "0 $Label1\n", "dovecot-keywords")

for keys, want in (
        ("ALL", "1 2"), ("SEEN", "2"), ("UNSEEN", "1"), ("ANSWERED", "1"),
        ("NOT ANSWERED", "2"), ("OR ANSWERED FLAGGED", "1 2"),
        ("KEYWORD $label1", "2"), ("UNKEYWORD $Label1", "1"),
        ("KEYWORD nosuch", ""), ("UNKEYWORD nosuch", "1 2"),
        ("RECENT", "1"), ("OLD", "2"), ("NEW", "1"), ("DELETED", ""),
        ("UNDELETED UNDRAFT UNFLAGGED", "1"), ("2", "2"), ("1:*", "1 2"),
        ("UID 2", "2"), ("UID 50:*", "2"), ("FROM a@B.test", "1"),
        ("FROM c@d.test", "2"), ("SUBJECT ONE", "1"), ("HEADER Date \"\"", "1"),
        ("HEADER Subject two", "2"), ("BODY first", "1"), ("TEXT two", "2"),
        ("SENTON 7-Feb-1994", "1"), ("SENTBEFORE 8-Feb-1994", "1"),
        ("SENTSINCE 8-Feb-1994", ""), ("SINCE 1-Jan-2000", "1 2"),
        ("BEFORE 1-Jan-2000", ""), ("LARGER 50", "1"), ("SMALLER 50", "2"),
        ("(SEEN) (NOT (DELETED))", "2"), ("CHARSET UTF-8 TEXT line", "2"),
        ("CHARSET US-ASCII SUBJECT two", "2"), ("TO x", ""), ("CC x", ""),
        ("BCC x", ""), ('ON "1-Jan-2000"', ""), ("3", ""), ("3:4", "")):
    got = s.ok("SEARCH " + keys)
    same(got[0].decode(), ("* SEARCH " + want).strip(), "SEARCH " + keys)
same(s.ok("UID SEARCH 2"), [b"* SEARCH 2"], "UID SEARCH")
is_("SEARCH CHARSET x-none TEXT a", "NO [BADCHARSET", "BADCHARSET (6.4.4)")
is_("SEARCH NOSUCH", "BAD", "an unknown key is BAD")
is_("SEARCH", "BAD", "SEARCH without keys is BAD")
is_("SEARCH " + "NOT " * 60 + "ALL", "BAD", "nesting is bounded")
is_("SEARCH ON 31-Foo-1994", "BAD", "a wrong date is BAD")

msg = b"Subject: three\r\n\r\nx\r\n"
st, text, lines = s.append("INBOX", msg, "\\Seen kw", "01-Jan-2020 10:00:00 "
                           "+0100")
same((st, text), ("OK", b"[APPENDUID %d 3] APPEND completed" % validity),
     "APPEND, APPENDUID (RFC 4315 3)")
ok(b"* 3 EXISTS" in lines, "EXISTS follows (6.3.11)", lines)
got = s.ok("FETCH 3 (FLAGS INTERNALDATE BODY.PEEK[])")[0]
ok(b"kw" in got and b"\\Seen" in got and got.endswith(msg + b")"),
   "flags and bytes of an appended message", got)
ok(b'INTERNALDATE "' in got and b"2020 " in got, "and its date", got)
name = [n for n in os.listdir(root + "/cur") if ",S=" in n][0]
ok(f",S={len(msg) - 3},W={len(msg)}:2," in name, "S= and W= in its name", name)
same(open(f"{root}/cur/{name}", "rb").read(), msg.replace(b"\r\n", b"\n"),
     "LF line ends on disk")
for odd in (b"a: b\r\n\r\nbare\rcr\r\n", b"a: b\r\n\r\ncr cr lf\r\r\n",
            b"a: b\r\n\r\nx\r\r\r\n\r\n", b"a: b\r\n\r\nend\r", b"\r\n", b"\r"):
    s.append("INBOX", odd)
    same(s.ok("FETCH * (BODY.PEEK[] RFC822.SIZE)")[0].partition(b"FETCH ")[2],
         b"(BODY[] {%d}\r\n%s RFC822.SIZE %d)" % (len(odd), odd, len(odd)),
         f"{odd!r} comes back exactly")
s.append("INBOX", b"a: b\n\nlf\n")
ok(b"a: b\r\n\r\nlf\r\n" in s.ok("FETCH * BODY.PEEK[]")[0],
   "bare LF is read as CRLF")
s.ok("UID STORE 4:* +FLAGS.SILENT \\Deleted")
same(s.ok("EXPUNGE").count(b"* 4 EXPUNGE"), 7, "EXPUNGE tells each (7.4.1)")
is_(f"APPEND nosuch {{5}}", "NO [TRYCREATE]", "APPEND to nowhere: TRYCREATE")
is_("APPEND INBOX {99999999}", "NO [TOOBIG]", "too big a literal: no +")
is_("APPEND nosuch {5+}\r\nabcde", "NO [TRYCREATE]",
    "the literal is read past the error (RFC 7888 3)")
is_("NOOP", "OK", "and the next command is understood")
is_("APPEND INBOX {3}", "BAD", "more after the literal is BAD",
    (b"a\r\n", b" foo"))
is_('APPEND INBOX "nonsense" {3}', "BAD", "a wrong date-time is BAD")
is_("APPEND INBOX (\\Seen) {9}", "OK [APPENDUID", "a synchronizing literal",
    (b"a: b\r\n\r\nx", b""))
s.ok("STORE * +FLAGS.SILENT \\Deleted")
s.ok("EXPUNGE")

is_("CREATE Sent", "OK", "CREATE")
is_("CREATE Sent", "NO [ALREADYEXISTS]", "CREATE again (RFC 5530)")
is_("CREATE inbox", "NO [ALREADYEXISTS]", "CREATE INBOX")
is_("CREATE a/b", "NO [CANNOT]", "no slash in a name")
is_("CREATE .a", "NO [CANNOT]", "no empty level")
is_("CREATE a..b", "NO [CANNOT]", "no empty level inside")
is_('CREATE "&Jjo!"', "NO [CANNOT]", "modified UTF-7 is checked (5.1.3)")
is_('CREATE "&AGE-"', "NO [CANNOT]", "no printable ASCII in base64")
is_('CREATE "&U,BTFw-&ZeVnLIqe-"', "NO [CANNOT]", "no superfluous shift")
is_('CREATE "a&-b.&U,BTF2XlZyyKng-"', "OK", "right modified UTF-7")
is_("CREATE x.y.", "OK", "a delimiter at the end is ignored (6.3.3)")
is_("CREATE {3}", "OK", "a name as a literal", (b"lit", b""))
is_("CREATE " + "a" * 300, "NO [CANNOT]", "a name too long")
same(sorted(n for n in os.listdir(root) if n[0] == "."),
     [".Sent", ".a&-b.&U,BTF2XlZyyKng-", ".lit", ".x.y"], "directories")
ok(os.path.exists(root + "/.Sent/maildirfolder"), "maildirfolder")
lines = s.ok('LIST "" *')
same(sorted(lines), sorted([
    b'* LIST (\\HasNoChildren) "." INBOX',
    b'* LIST (\\HasNoChildren \\Sent) "." Sent',
    b'* LIST (\\HasNoChildren) "." a&-b.&U,BTF2XlZyyKng-',
    b'* LIST (\\HasNoChildren) "." lit', b'* LIST (\\HasNoChildren) "." x.y']),
    "LIST * (6.3.8), special use (RFC 6154)")
same(s.ok('LIST "" x.%'), [b'* LIST (\\HasNoChildren) "." x.y'], "LIST x.%")
ok(b'* LIST (\\Noselect \\HasChildren) "." x' in s.ok('LIST "" %'),
   "a level without a mailbox is \\Noselect")
same(s.ok('LIST "" x'),
     [b'* LIST (\\Noselect \\HasChildren) "." x'],
     "so it is when it is asked for by name")
same(s.ok('LIST x. %'), [b'* LIST (\\HasNoChildren) "." x.y'], "a reference")
same(s.ok('LIST "" ""'), [b'* LIST (\\Noselect) "." ""'], "the delimiter")
same(s.ok('LIST "" iNbOx'), [b'* LIST (\\HasNoChildren) "." INBOX'],
     "INBOX in any case")
same(s.ok('LIST (SPECIAL-USE) "" *'),
     [b'* LIST (\\HasNoChildren \\Sent) "." Sent'], "LIST (SPECIAL-USE)")
is_('LIST "" % RETURN (SPECIAL-USE)', "OK", "RETURN (SPECIAL-USE)")
is_('LIST (NOSUCH) "" *', "BAD", "an unknown option is BAD")
for m in "Sent", "x.y", "gone.away":
    s.ok("SUBSCRIBE " + m)
s.ok("SUBSCRIBE Sent")
same(sorted(s.ok('LSUB "" *')), [b'* LSUB () "." Sent',
     b'* LSUB () "." gone.away', b'* LSUB () "." x.y'],
     "LSUB, also of what does not exist (6.3.9)")
same(sorted(s.ok('LSUB "" %')), [b'* LSUB () "." Sent',
     b'* LSUB (\\Noselect) "." gone', b'* LSUB (\\Noselect) "." x'],
     "LSUB % returns the level as \\Noselect")
s.ok("UNSUBSCRIBE x.y")
ok(b'* LSUB () "." x.y' not in s.ok('LSUB "" *'), "UNSUBSCRIBE")
same(open(root + "/subscriptions").read(), "V\t2\n\ngone\taway\nSent\n",
     "the file is as Dovecot writes it")

is_("COPY 1:2 nosuch", "NO [TRYCREATE]", "COPY to nowhere: TRYCREATE")
st, text, _ = s.command("COPY 1:2 Sent")
m = re.match(rb"\[COPYUID (\d+) 1:2 1:2\]", text)
ok(m, "COPYUID (RFC 4315 3)", text)
is_("UID COPY 77 Sent", "OK", "UID COPY of nothing is OK")
is_("UID COPY 1,3 Sent", "OK [COPYUID %s 1,3 3:4]" % m[1].decode(),
    "COPYUID of a set")
same(s.ok("STATUS Sent (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"),
     [b"* STATUS Sent (MESSAGES 4 UIDNEXT 5 UIDVALIDITY %s UNSEEN 2)" % m[1]],
     "STATUS (6.3.10)")
is_("STATUS nosuch (MESSAGES)", "NO [NONEXISTENT]", "STATUS of nothing")
is_("STATUS Sent (NOSUCH)", "BAD", "an unknown item is BAD")
is_("STATUS Sent ()", "BAD", "no item is BAD")
t = imap.Session(root)
t.ok("SELECT Sent")
got = t.ok("FETCH 1:* (UID FLAGS)")
ok(b"$Label1" in got[1] and b"kw" in got[3], "keywords are copied by name", got)
ok(b"2020 " in t.ok("FETCH 4 INTERNALDATE")[0], "and the date kept")
same(t.ok("UID EXPUNGE 1:4"), [], "UID EXPUNGE of nothing \\Deleted")
t.ok("STORE 1:2 +FLAGS.SILENT \\Deleted")
same(t.ok("UID EXPUNGE 2:4"), [b"* 2 EXPUNGE"],
     "UID EXPUNGE spares the others (RFC 4315 2.1)")
lines = s.ok("MOVE 3 Sent")
ok(lines[0].startswith(b"* OK [COPYUID ") and b"* 3 EXPUNGE" in lines,
   "MOVE: COPYUID, then EXPUNGE (RFC 6851 4.3)", lines)
ok(b"* 4 EXISTS" in t.ok("NOOP"), "the other session hears of it")
ok(any(b"* OK [COPYUID" in l for l in t.ok("UID MOVE 5 Sent")),
   "MOVE to the same mailbox")
same(t.ok("UID SEARCH ALL"), [b"* SEARCH 1 3 4 6"], "gives a new UID")
t.ok("CLOSE")
is_("STATUS Sent (MESSAGES)", "OK", "STATUS")
same(s.ok("STATUS Sent (MESSAGES)"), [b"* STATUS Sent (MESSAGES 3)"],
     "CLOSE expunged")
is_("CHECK", "OK", "CHECK")
is_("CHECK x", "BAD", "CHECK with an argument is BAD")

is_("EXAMINE Sent", "OK [READ-ONLY]", "EXAMINE")
is_("STORE 1 +FLAGS \\Seen", "NO [READ-ONLY]", "read-only: no STORE")
is_("EXPUNGE", "NO [READ-ONLY]", "read-only: no EXPUNGE")
is_("MOVE 1 INBOX", "NO [READ-ONLY]", "read-only: no MOVE")
before = os.listdir(root + "/.Sent/cur")
s.ok("FETCH 1 BODY[]")
same(os.listdir(root + "/.Sent/cur"), before, "EXAMINE sets no \\Seen")
imap.deliver(root + "/.Sent")
s.ok("NOOP")
same(len(os.listdir(root + "/.Sent/new")), 1, "EXAMINE leaves new/ (6.3.2)")
ok(b"* 1 RECENT" in s.ok("EXAMINE Sent"), "so that it stays \\Recent")
s.ok("CLOSE")
is_("UNSELECT", "BAD", "UNSELECT without a mailbox is BAD (RFC 3691)")
s.ok("SELECT Sent")
s.ok("STORE 1 +FLAGS.SILENT \\Deleted")
is_("UNSELECT", "OK", "UNSELECT")
same(s.ok("STATUS Sent (MESSAGES)"), [b"* STATUS Sent (MESSAGES 4)"],
     "UNSELECT expunges nothing")
s.ok("SELECT Sent")
is_("SELECT nosuch", "NO [NONEXISTENT]", "SELECT of nothing")
is_("CHECK", "BAD", "leaves no mailbox selected (6.3.1)")

is_("RENAME x z", "OK", "RENAME of a level without a mailbox")
ok(os.path.isdir(root + "/.z.y"), "renames what is below it (6.3.5)")
is_("RENAME nosuch b", "NO [NONEXISTENT]", "RENAME of nothing")
is_("RENAME z.y Sent", "NO [ALREADYEXISTS]", "RENAME to what exists")
is_("RENAME lit lit.x", "NO [CANNOT]", "RENAME below itself")
is_("RENAME lit INBOX", "NO [ALREADYEXISTS]", "RENAME to INBOX")
is_("CREATE z", "OK", "CREATE above")
is_("RENAME z q", "OK", "RENAME with an inferior")
same(sorted(n for n in os.listdir(root) if n[:2] in (".q", ".z")),
     [".q", ".q.y"], "both have moved")
is_("DELETE INBOX", "NO [CANNOT]", "DELETE INBOX")
is_("DELETE nosuch", "NO [NONEXISTENT]", "DELETE of nothing")
is_("DELETE q", "OK", "DELETE with inferiors")
ok(os.path.isdir(root + "/.q.y"), "leaves them (6.3.4)")
is_("DELETE q", "NO", "DELETE of a \\Noselect name with inferiors")
old = s.ok("STATUS q.y (UIDVALIDITY)")
os.makedirs(root + "/..rohrpost-deleted.1.2.3/cur")
open(root + "/..rohrpost-deleted.1.2.3/cur/x", "w").close()
s.ok("DELETE q.y")
same([n for n in os.listdir(root) if n[:2] == ".."], [],
     "DELETE removes what one that was killed left")
s.ok("CREATE q.y")
ok(old != s.ok("STATUS q.y (UIDVALIDITY)"),
   "a new mailbox of an old name has another UIDVALIDITY")
s.ok("SELECT q.y")
is_("DELETE q.y", "OK", "DELETE of the selected mailbox")
is_("CHECK", "BAD", "leaves none selected")
s.ok("SELECT INBOX")
s.ok("RENAME INBOX old")
same(s.ok("STATUS old (MESSAGES UNSEEN)"),
     [b"* STATUS old (MESSAGES 2 UNSEEN 1)"], "RENAME INBOX moves all")
same(s.ok("STATUS INBOX (MESSAGES)"), [b"* STATUS INBOX (MESSAGES 0)"],
     "and leaves it empty")
is_("FETCH 1 FLAGS", "BAD", "its messages are gone here too")
is_("SEARCH ALL", "OK", "SEARCH in an empty mailbox")
is_("UID FETCH 1:* FLAGS", "OK", "UID FETCH 1:* in an empty mailbox")
is_("FETCH * FLAGS", "BAD", "* in an empty mailbox is BAD (9)")
is_("UID SEARCH UID 1:*", "OK", "UID SEARCH UID in an empty mailbox")

imap.deliver(root)
s.send(b"x IDLE\r\n")
lines = s.wait_line(rb"^\+")
lines += s.wait_line(rb" RECENT")
ok(b"* 1 EXISTS" in lines, "IDLE: what came before (RFC 2177)")
imap.deliver(root)
ok(b"* 2 EXISTS" in s.wait_line(rb" EXISTS"), "IDLE: new mail by a rename")
with open(root + "/tmp/l", "w") as f:
    f.write("a: b\n\nx\n")
os.link(root + "/tmp/l", root + "/new/9.l")
os.unlink(root + "/tmp/l")
ok(b"* 3 EXISTS" in s.wait_line(rb" EXISTS"), "IDLE: new mail by a link")
t.ok("SELECT INBOX")
t.ok("STORE 1 +FLAGS \\Deleted")
ok(s.wait_line(rb"1 FETCH \(FLAGS \(.*Deleted"), "IDLE: flags of others")
t.ok("EXPUNGE")
ok(s.wait_line(rb"\* 1 EXPUNGE"), "IDLE: EXPUNGE of others")
s.send(b"DONE\r\n")
same(s.until(b"x")[0], "OK", "DONE ends it")
s.send(b"y IDLE\r\nfoo\r\n")
same(s.until(b"y")[0], "BAD", "anything else is BAD")

s.send(b"\r\n")
ok(s.line().startswith(b"* BAD"), "an empty line is BAD")
s.send(b"( NOOP\r\n")
ok(s.line().startswith(b"* BAD"), "a wrong tag is BAD")
is_("NOSUCH", "BAD", "an unknown command is BAD")
is_("UID NOOP", "BAD", "UID of a command that has none is BAD")
s.send(b"a NOOP " + b"x" * 100000 + b"\r\n")
ok(b"BAD" in s.line(), "a line of 100 KB is BAD (64 KiB)")
is_("CREATE {9000}", "NO [TOOBIG]", "a literal of more than 8 KiB is NO")
is_("CREATE {9000+}\r\n" + "a" * 9000, "NO [TOOBIG]", "and skipped if sent")
is_("NOOP", "OK", "the session goes on")
s.send(b"".join(b"p%d NOOP\r\n" % i for i in range(500)))
ok(all(s.line() == b"p%d OK NOOP completed" % i for i in range(500)),
   "500 pipelined commands")
for byte in b'z SEARCH SUBJECT {1}\r\n':
    s.send(bytes([byte]))
s.wait_line(rb"^\+")
for byte in b'x UNSEEN\r\n':
    s.send(bytes([byte]))
same(s.until(b"z")[0], "OK", "a command byte by byte")
status, _, lines = s.command("LOGOUT")
ok(status == "OK" and lines[0].startswith(b"* BYE"), "LOGOUT (6.1.3)")
same(s.end(), 0, "exit code 0")
same(s.log, b"", "nothing on stderr") if b"error" in s.log else None
t.logout()

for end in (b"}\r\n", b"}\n"):
    s = imap.Session(root)
    s.send(b"a NOOP " + b"x" * 100000 + b"{20+" + end + b"b CREATE Smuggled\r\n")
    ok(s.line().startswith(b"* BYE"), "a literal behind a line that is too "
       "long is not taken for commands: BYE")
    s.end()

c = imaplib.IMAP4_stream(f"imap-serve {root}")
same(c.state, "AUTH", "Python's imaplib: PREAUTH")
c.select()
same(c.append("INBOX", "\\Seen", None, b"a: b\r\n\r\nx")[0], "OK", "append")
same(c.search(None, "ALL")[0], "OK", "search")
same(c.logout()[0], "BYE", "logout")
imap.remove(root)
finish()
