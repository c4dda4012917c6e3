#!/usr/bin/python3
# LIST in all its forms, STATUS, special use, names as UTF-8, IMAP4rev2.
import os
import re
import sys

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same

root = imap.maildir()
s = imap.Session(root)


def is_(command, want, name):
    got = s.command(command)
    return ok(got[0] == want.split()[0] and want[len(got[0]):].strip().encode()
              in got[1], name, got)


def lists(command, want, name):
    same(s.ok(command), want, name)


NONE = b"\\HasNoChildren"
for name in "Fruit.Apple", "Fruit.Banana", "Tofu", "Veg", "Veg.Corn", "Foo-a":
    s.ok("CREATE " + name)
for name in "Fruit.Banana", "Fruit.Peach", "Veg", "Veg.Broccoli", "Gone":
    s.ok("SUBSCRIBE " + name)

lists('LIST "" (INBOX "Fruit.*" T%)', [
    b'* LIST (\\HasNoChildren) "." INBOX',
    b'* LIST (\\HasNoChildren) "." Fruit.Apple',
    b'* LIST (\\HasNoChildren) "." Fruit.Banana',
    b'* LIST (\\HasNoChildren) "." Tofu'],
    "several patterns, each name once (RFC 5258 3)")
lists('LIST "" ("" Tofu *o*u)', [b'* LIST (\\HasNoChildren) "." Tofu'],
      "an empty pattern among several is ignored")
lists('LIST () "" ""', [], "an empty pattern of an extended LIST is nothing")
lists('LIST (SUBSCRIBED) "" *', [
    b'* LIST (\\HasNoChildren \\Subscribed) "." Fruit.Banana',
    b'* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "." Fruit.Peach',
    b'* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "." Gone',
    b'* LIST (\\HasChildren \\Subscribed) "." Veg',
    b'* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "." Veg.Broccoli'],
    "(SUBSCRIBED): subscriptions, with what is true of them (3.1)")
lists('LIST "" Veg* RETURN (SUBSCRIBED CHILDREN)', [
    b'* LIST (\\HasChildren \\Subscribed) "." Veg',
    b'* LIST (\\HasNoChildren) "." Veg.Corn'], "RETURN (SUBSCRIBED) (3.2)")
lists('LIST (SUBSCRIBED RECURSIVEMATCH) "" %', [
    b'* LIST (\\NonExistent \\HasChildren) "." Fruit '
    b'("CHILDINFO" ("SUBSCRIBED"))',
    b'* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "." Gone',
    b'* LIST (\\HasChildren \\Subscribed) "." Veg '
    b'("CHILDINFO" ("SUBSCRIBED"))'], "RECURSIVEMATCH: CHILDINFO (3.5)")
lists('LIST (RECURSIVEMATCH SUBSCRIBED) "" *', [
    b'* LIST (\\HasNoChildren \\Subscribed) "." Fruit.Banana',
    b'* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "." Fruit.Peach',
    b'* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "." Gone',
    b'* LIST (\\HasChildren \\Subscribed) "." Veg '
    b'("CHILDINFO" ("SUBSCRIBED"))',
    b'* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "." Veg.Broccoli'],
    "no CHILDINFO that says nothing new (3.5)")
is_('LIST (RECURSIVEMATCH) "" *', "BAD", "RECURSIVEMATCH alone (3.1)")
is_('LIST (RECURSIVEMATCH REMOTE) "" *', "BAD", "or with REMOTE (3.1)")
is_('LIST (REMOTE) "" Tofu', "OK", "REMOTE changes nothing")
is_('LIST (X) "" *', "BAD", "an unknown option (3)")
is_('LIST "" * RETURN (X)', "BAD", "an unknown return option")
is_('LIST "" * RETURN', "BAD", "RETURN of nothing")
is_('LIST "" (a', "BAD", "a list that does not end")
is_('LIST "" ' + "(" + " ".join(["a"] * 101) + ")", "NO [LIMIT]",
    "more than 100 patterns")
lists('LIST "" % RETURN (CHILDREN)', [
    b'* LIST (\\HasNoChildren) "." INBOX',
    b'* LIST (\\HasNoChildren) "." Foo-a',
    b'* LIST (\\NonExistent \\HasChildren) "." Fruit',
    b'* LIST (\\HasNoChildren) "." Tofu',
    b'* LIST (\\HasChildren) "." Veg'], "levels above are \\NonExistent (3.3)")

imap.deliver(root + "/.Tofu", b"a: b\n\nx\n")
imap.deliver(root + "/.Tofu", b"a: b\n\nxx\n", "1.M1P1.h:2,ST", "cur")
ok(s.ok("STATUS Tofu (MESSAGES UIDNEXT UNSEEN DELETED SIZE DELETED-STORAGE)")
   == [b"* STATUS Tofu (MESSAGES 2 UIDNEXT 3 UNSEEN 1 DELETED 1 SIZE 23 "
       b"DELETED-STORAGE 1)"],
   "STATUS: DELETED (RFC 9051 6.3.11), SIZE (RFC 8438), DELETED-STORAGE "
   "(RFC 9208 4.1.4)")
lists('LIST "" (Tofu Fruit.%) RETURN (STATUS (MESSAGES SIZE))', [
    b'* LIST (\\HasNoChildren) "." Fruit.Apple',
    b'* STATUS Fruit.Apple (MESSAGES 0 SIZE 0)',
    b'* LIST (\\HasNoChildren) "." Fruit.Banana',
    b'* STATUS Fruit.Banana (MESSAGES 0 SIZE 0)',
    b'* LIST (\\HasNoChildren) "." Tofu',
    b'* STATUS Tofu (MESSAGES 2 SIZE 23)'], "RETURN (STATUS …) (RFC 5819)")
lists('LIST (SUBSCRIBED) "" Gone RETURN (STATUS (MESSAGES))',
      [b'* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "." Gone'],
      "no STATUS of what is not there (RFC 5819 2)")

is_("CREATE Weg (USE (\\Trash))", "OK", "CREATE with a use (RFC 6154 3)")
lists('LIST (SPECIAL-USE) "" *', [b'* LIST (\\HasNoChildren \\Trash) "." Weg'],
      "is listed with it (RFC 6154 2)")
is_("CREATE Weg2 (USE (\\Trash))", "NO [USEATTR]", "a use has one mailbox")
is_("CREATE Weg2 (USE (\\All))", "NO [USEATTR]", "a use that we have not")
is_("CREATE Weg2 (USE (\\Sent \\Junk))", "NO [USEATTR]", "two uses at once")
is_("CREATE Weg2 (SIZE 1)", "BAD", "another parameter")
lists('LIST "" Weg2', [], "and none was made")
s.ok("RENAME Weg Away")
lists('LIST "" A%', [b'* LIST (\\HasNoChildren \\Trash) "." Away'],
      "the use goes with a RENAME")

mailboxid = s.ok("STATUS Tofu (MAILBOXID)")[0]
s.ok("RENAME Tofu Tofa")
same(s.ok("STATUS Tofa (MAILBOXID)")[0], mailboxid.replace(b"Tofu", b"Tofa"),
     "MAILBOXID stays over RENAME (RFC 8474 4)")
got = s.command("CREATE Id")
ok(got[1].startswith(b"[MAILBOXID ("), "CREATE tells it (RFC 8474 4.1)", got)
id_ = got[1].split(b"]")[0] + b"]"
ok(any(id_ in l for l in s.ok("SELECT Id")), "SELECT too (RFC 8474 4.2)")
ok(mailboxid.split()[-1] not in id_, "and another for each")
def emailid(n=1):
    return s.ok(f"FETCH {n} EMAILID")[0].split(b"(")[2].rstrip(b")")


s.ok("SELECT Tofa")
first, second = emailid(1), emailid(2)
ok(first != second and re.fullmatch(rb"[A-Za-z0-9_-]{1,255}", first),
   "EMAILID (RFC 8474 5.1)", first, second)
same(s.ok("FETCH 1 THREADID"), [b"* 1 FETCH (THREADID NIL)"],
     "THREADID NIL (RFC 8474 5.2)")
same(s.ok(b"SEARCH EMAILID " + second), [b"* SEARCH 2"], "SEARCH EMAILID (6)")
same(s.ok("SEARCH THREADID x"), [b"* SEARCH"], "SEARCH THREADID")
s.ok("COPY 1:2 Id")
s.ok("SELECT Id")
same([emailid(1), emailid(2)], [first, second], "COPY keeps it (5.1)")
s.ok("MOVE 2 Fruit.Apple")
s.ok("SELECT Fruit.Apple")
same(emailid(), second, "MOVE too, and of a copy")
s.ok("STORE 1 +FLAGS (\\Flagged)")
same(emailid(), second, "a flag changes nothing")
s.logout()

# names as UTF-8
s = imap.Session(root)
s.ok("CREATE &AMQ-rger.A&-B")
same(s.ok("ENABLE UTF8=ACCEPT X UTF8=ACCEPT"), [b"* ENABLED UTF8=ACCEPT"],
     "ENABLE UTF8=ACCEPT, once (RFC 5161 3.1)")
lists('LIST "" "\xc4*"'.encode().decode(), [
      '* LIST (\\HasNoChildren) "." "Ärger.A&B"'.encode()],
      "a name is UTF-8 then, and a pattern (RFC 6855 3)")
s.ok('CREATE "日本.🎉"')
ok(os.path.isdir(root + "/.&ZeVnLA-.&2DzfiQ-"), "on disk it is modified UTF-7")
is_('SELECT "日本.🎉"', "OK", "and is found again")
is_('CREATE "a\x01b"', "NO", "a control character")
is_('CREATE "' + "ä" * 200 + '"', "NO", "a name that is too long on disk")
s.send(b't CREATE "\xff\xfe"\r\n')
ok(s.until(b"t")[0] == "NO", "a name that is no UTF-8")
s.logout()

s = imap.Session(root)
ok(b"* ENABLED IMAP4rev2" in s.ok("ENABLE IMAP4rev2"), "ENABLE IMAP4rev2")
ok(s.ok('CREATE "u\u0308ber"')[0].startswith(
    '* LIST () "." "über" ("OLDNAME" ("u\u0308ber"))'.encode()),
   "a name that is normalized is told (RFC 9051 6.3.9.7)")
lines = s.ok('SELECT "über"')
ok('* LIST () "." "über"'.encode() in lines, "SELECT: LIST (9051 6.3.2)", lines)
ok(not any(b"RECENT" in l or b"UNSEEN" in l for l in lines),
   "no RECENT, no UNSEEN (9051 E)")
ok(s.ok("SELECT Tofa")[0].startswith(b"* OK [CLOSED]"), "CLOSED (9051 7.1)")
same(s.ok("RENAME Veg Gem"), [b'* LIST () "." Gem ("OLDNAME" (Veg))'],
     "RENAME tells the old name (9051 6.3.6)")
ok(b"\\Recent" not in b"".join(s.ok("FETCH 1:* FLAGS")), "no \\Recent")
s.logout()
imap.remove(root)
finish()
