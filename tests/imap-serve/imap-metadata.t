#!/usr/bin/python3
# METADATA (RFC 5464), LIST-METADATA (RFC 9590).
import sys

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same

root = imap.maildir()
s = imap.Session(root)


def no(command, code, name, status="NO"):
    got = s.command(command)
    ok(got[0] == status and got[1].startswith(code), name, got)


def get(args, want, name, said=b""):
    got = s.command("GETMETADATA " + args)
    ok(got[0] == "OK" and got[2] == want and got[1].startswith(said), name, got)


ok({b"METADATA", b"LIST-METADATA"} <= set(s.ok("CAPABILITY")[0].split()),
   "CAPABILITY")
s.ok('SETMETADATA "" (/shared/comment "of the account")')
s.ok('SETMETADATA INBOX (/private/Comment "mine" /shared/comment "ours")')
get('"" /shared/comment', [b'* METADATA "" (/shared/comment "of the account")'],
    "a server annotation (4.2)")
get("INBOX (/shared/comment /private/comment)",
    [b'* METADATA INBOX (/private/comment "mine" /shared/comment "ours")'],
    "annotations of a mailbox; names have no case (3.2)")
get("INBOX /private/none", [b"* METADATA INBOX (/private/none NIL)"],
    "none is NIL")
s.ok("SETMETADATA INBOX (/private/a/b ~{5+}\r\nx\r\ny\0)")
get("INBOX /private/a/b", [b"* METADATA INBOX (/private/a/b ~{5}\r\nx\r\ny\0)"],
    "a value may have any bytes: literal8 (5)")
s.ok('SETMETADATA INBOX (/private/a "top" /private/a/b/c "deep" '
     '/private/ab "other")')
s.ok('SETMETADATA INBOX (/private/a/b "in")')
get("(DEPTH 1) INBOX /private/a",
    [b'* METADATA INBOX (/private/a "top" /private/a/b "in")'], "DEPTH 1 (4.2.2)")
get("INBOX (DEPTH infinity) (/private/a)",
    [b'* METADATA INBOX (/private/a "top" /private/a/b "in" '
     b'/private/a/b/c "deep")'], "DEPTH infinity, options where the examples "
    "have them")
get("(MAXSIZE 3) INBOX (/private/a /private/a/b/c)",
    [b'* METADATA INBOX (/private/a "top")'],
    "MAXSIZE leaves out what is longer, and says how long (4.2.1)",
    b"[METADATA LONGENTRIES 4]")
s.ok("SETMETADATA INBOX (/private/a NIL)")
get("INBOX /private/a", [b"* METADATA INBOX (/private/a NIL)"],
    "NIL removes (4.3)")
s.ok('SETMETADATA INBOX (/private/e "")')
no("SETMETADATA INBOX (/private/big {9000+}\r\n" + "x" * 9000 + ")",
   b"[METADATA MAXSIZE 8192]", "a value that is too long (4.3)")
s.ok("CREATE Many")
for i in range(0, 100, 50):
    s.ok("SETMETADATA Many (" + " ".join(
        f'/private/n{j} "{j}"' for j in range(i, i + 50)) + ")")
no('SETMETADATA Many (/private/n1 "x" /private/more "y")', b"[METADATA TOOMANY]",
   "more than 100 (4.3)")
get("Many /private/n1", [b'* METADATA Many (/private/n1 "1")'],
    "nothing was changed then (4.3)")
s.ok('SETMETADATA Many (/private/n1 NIL /private/more "y")')
s.ok("RENAME Many Moved")
get("Moved /private/more", [b'* METADATA Moved (/private/more "y")'],
    "RENAME takes them along")
for bad in ("/comment", "/private/", "/private/a//b", "/private/a*", "/vendor/x",
            '"/private/a b"', "/private/a%"):
    no(f"GETMETADATA INBOX {bad}", b"", f"no name: {bad}", "BAD")
no("GETMETADATA (DEPTH 2) INBOX /private/a", b"", "DEPTH 2", "BAD")
no("GETMETADATA nosuch /private/a", b"[NONEXISTENT]", "no such mailbox")
no('SETMETADATA nosuch (/private/a "x")', b"[NONEXISTENT]", "nor to be set")
s.ok("CREATE Gone (USE (\\Trash))")
ok(b"\\Trash" in b"".join(s.ok("GETMETADATA Gone /private/specialuse")),
   "the special use is one (RFC 6154 4)")
same(s.ok('LIST "" Moved RETURN (METADATA (/private/more /shared/x))'),
     [b'* LIST (\\HasNoChildren) "." Moved',
      b'* METADATA Moved (/private/more "y" /shared/x NIL)'],
     "LIST RETURN (METADATA …) (RFC 9590 4)")
s.logout()
s = imap.Session(root)
get('"" /shared/comment', [b'* METADATA "" (/shared/comment "of the account")'],
    "they last")
s.logout()
imap.remove(root)
finish()
