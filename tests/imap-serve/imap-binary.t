#!/usr/bin/python3
# BINARY (RFC 3516) and PREVIEW (RFC 8970).
import base64
import os
import quopri
import random
import re
import sys

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same

root = imap.maildir()
s = imap.Session(root)
for name in (b"BINARY", b"PREVIEW"):
    ok(b" %s " % name in s.greeting.replace(b"]", b" "), f"has {name.decode()}")
r = random.Random(3516)
data = r.randbytes(100000)
text = b"".join(bytes(r.choice(b"ab \t=\xe4\x00_.") for _ in range(
    r.randrange(200))) + b"end\r\n" for _ in range(500))
long_line = bytes(r.choice(b"ab =\xe4") for _ in range(70000)) + b"\r\n"


def quoted(data):
    return b"\r\n".join(quopri.encodestring(l, quotetabs=True)
                        for l in data.split(b"\r\n"))


def part(cte, body):
    return (b"Content-Type: application/octet-stream\r\n" +
            (b"Content-Transfer-Encoding: %s\r\n" % cte if cte else b"") +
            b"\r\n" + body + b"\r\n")


parts = [part(b"base64", base64.encodebytes(data).replace(b"\n", b"\r\n")),
         part(b"(a comment) Quoted-Printable", quoted(text)),
         part(b"", b"plain\r\nlines"), part(b"x-uuencode", b"begin 1"),
         part(b"BASE64", b"QUJ!D"),
         part(b"quoted-printable", long_line.replace(b"=", b"=3D").replace(
             b"\xe4", b"=E4"))]
whole = (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
         b"".join(b"--b\r\n" + p for p in parts) + b"--b--\r\n")
want = {1: data, 2: text, 3: b"plain\r\nlines", 5: b"ABC", 6: long_line}
imap.deliver(root, whole.replace(b"\r\n", b"\n"), "1.M1P1.h")
imap.deliver(root, whole, "2.M2P2.h")
s.ok("SELECT INBOX")


def fetch(n, what):
    line = s.ok(f"FETCH {n} {what}")[0]
    label, _, rest = line.partition(b" FETCH (")[2].partition(b" ")
    m = re.match(rb"(~?)\{(\d+)\}\r\n", rest)
    return (label, bool(m[1]), rest[m.end():-1]) if m else (label, rest[:-1])


for n, kind in (1, "LF"), (2, "CRLF"):
    for i, bytes_ in want.items():
        got = fetch(n, f"BINARY.PEEK[{i}]")
        ok(got == (b"BINARY[%d]" % i, b"\0" in bytes_, bytes_),
           f"BINARY.PEEK[{i}] of a file with {kind}",
           (got[0], got[1], len(got[2]), len(bytes_)))
        same(fetch(n, f"BINARY.SIZE[{i}]"),
             (b"BINARY.SIZE[%d]" % i, b"%d" % len(bytes_)), "and its size")
    for a, b in (0, 10), (5000, 20000), (16380, 10), (99990, 100), (200000, 9):
        same(fetch(n, f"BINARY.PEEK[1]<{a}.{b}>"),
             (b"BINARY[1]<%d>" % a, True, data[a:a + b]), f"<{a}.{b}>")
same(fetch(1, "BINARY.PEEK[]")[2].count(b"--b"), len(parts) + 1,
     "BINARY[] is the whole message")
same(fetch(1, "BINARY.PEEK[9]"), (b"BINARY[9]", b"NIL"), "no such part")
for what in "BINARY.PEEK[4]", "BINARY.SIZE[4]", "(UID BINARY[4])":
    got = s.command("FETCH 1 " + what)
    ok(got[0] == "NO" and got[1].startswith(b"[UNKNOWN-CTE]"),
       f"{what} of an unknown encoding (4.3)", got)
ok(b"\\Seen" not in s.ok("FETCH 1 FLAGS")[0], "which sets no \\Seen")
fetch(1, "BINARY.SIZE[1]")
ok(b"\\Seen" not in s.ok("FETCH 1 FLAGS")[0], "nor does BINARY.SIZE")
ok(b"\\Seen" in s.ok("FETCH 1 BINARY[5]")[0], "BINARY[] does")
for what in "BINARY[HEADER]", "BINARY[1.MIME]", "BINARY.SIZE[1]<0.1>", "BINARY":
    same(s.command("FETCH 1 " + what)[0], "BAD", f"{what} is BAD")

nul = b"Subject: nul\r\n\r\na\0b\r\n"
got = s.command(b"APPEND INBOX ~{%d+}\r\n%s" % (len(nul), nul))
same(got[0], "OK", "APPEND of a literal8 (4.4)")
same(fetch(3, "BINARY.PEEK[]"), (b"BINARY[]", True, nul), "comes back exactly")
same(s.ok("FETCH 3 RFC822.SIZE")[0][-4:-1], b" %d" % len(nul), "with its size")
same(s.command(b"APPEND INBOX ~{%d}" % len(nul), (nul, b""))[0], "OK",
     "also synchronizing")
got = s.command(b"APPEND INBOX ~{9+}\r\na: b\n\nc\r\n")
ok(got[0] == "NO" and got[1].startswith(b"[UNKNOWN-CTE]"),
   "what would not come back exactly is refused", got)
same(s.command(b"APPEND INBOX UTF8 (~{9+}\r\na: b\r\n\r\nc)")[0], "BAD",
     "UTF8 before ENABLE")

# PREVIEW
s.ok("CREATE p")
A = "a" * 300


def preview(header, body):
    m = header.encode() + b"\r\n\r\n" + (
        body if isinstance(body, bytes) else body.encode()).replace(
            b"\n", b"\r\n")
    assert s.append("p", m)[0] == "OK"
    s.ok("SELECT p")
    line = s.ok("FETCH * PREVIEW")[0].partition(b"(PREVIEW ")[2][:-1]
    m = re.match(rb"\{(\d+)\}\r\n", line)
    return (line[m.end():] if m else line.strip(b'"')).decode()


html = "Content-Type: text/html; charset=utf-8"
multi = "Content-Type: multipart/mixed; boundary=b"
for name, header, body, want in (
        ("plain text", "", "Hello  \n\n you\tthere\n", "Hello you there"),
        ("no text", "", "", ""),
        ("200 characters", "", A, A[:200]),
        ("200 characters of UTF-8", "Content-Type: text/plain; charset=utf-8",
         "ü" * 300, "ü" * 200),
        ("another charset", "Content-Type: text/plain; charset=iso-8859-1",
         "gr\xfc\xdfe".encode("latin-1"), "grüße"),
        ("quoted-printable", "Content-Type: text/plain; charset=utf-8\r\n"
         "Content-Transfer-Encoding: quoted-printable", "=C3=A4 =\nb", "ä b"),
        ("base64", "Content-Type: text/plain\r\nContent-Transfer-Encoding: "
         "base64", "SGVs\nbG8=\n", "Hello"),
        ("quotes are passed over", "", "> old\nnew\n> old\n", "new"),
        ("unless there is nothing else", "", "> old\n", "> old"),
        ("HTML", html, "<html><head><title>no</title><style>p {x: y}</style>"
         "</head><body class='a>'><p>Hello <b>w</b>orld<br>a&amp;b &#252;&#xfc;"
         "&nbsp;&lt;c 1 < 2</p><script>1 < 2</script>end</body>",
         "'> Hello world a&b üü <c 1 < 2 end"),
        ("a wrong encoding", "Content-Transfer-Encoding: x-none", "abc", ""),
        ("plain before HTML", multi.replace("mixed", "alternative"),
         "--b\nContent-Type: text/html\n\nhtml\n--b\n\nplain\n--b--\n",
         "plain"),
        ("no attachment", multi, "--b\nContent-Disposition: attachment; "
         "filename=x\n\nattached\n--b\n\ntext\n--b--\n", "text"),
        ("no attached message", multi, "--b\nContent-Type: message/rfc822\n\n"
         "Subject: x\n\ninner\n--b\n\nouter\n--b--\n", "outer"),
        ("unless there is nothing else", multi,
         "--b\nContent-Type: message/rfc822\n\nSubject: x\n\ninner\n--b--\n",
         "inner"),
        ("an image", "Content-Type: image/png", "abc", ""),
        ("control characters", "", "a\x01\x07b\x7f", "a b")):
    same(preview(header, body), want, "PREVIEW: " + name)
same(s.ok("FETCH 1 PREVIEW (LAZY)"), [b'* 1 FETCH (PREVIEW "Hello you there")'],
     "LAZY (4.1)")
same(s.ok("FETCH 1 (UID PREVIEW (LAZY) PREVIEW)"),
     [b'* 1 FETCH (UID 1 PREVIEW "Hello you there" PREVIEW "Hello you there")'],
     "in a list")
same(s.command("FETCH 1 PREVIEW (FAST)")[0], "BAD", "an unknown modifier")
same(s.command("FETCH 1 UID (LAZY)")[0], "BAD", "a modifier of another item")
s.logout()
imap.remove(root)
finish()
