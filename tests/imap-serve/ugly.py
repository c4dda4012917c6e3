"""Messages as nobody should write them, the same ones for the same seed."""
import random

WORDS = (b"a b word =?utf-8?q?w=C3=B6rd?= =?utf-8?b?d8O2cmQ=?= =?x?q?a?= "
         b"=?utf-8?q?open \xe4 \xc3\xa4 \xff \"q s\" ( ) <a@b.test> , ; : @ "
         b"A <a@b.test>, group: x@y; <> \\ \"open (open").split(b" ")
NAMES = (b"Subject From To Cc Bcc Sender Reply-To Date Message-ID In-Reply-To "
         b"X-Other Received MIME-Version Content-ID Content-Description "
         b"Content-MD5 Content-Language Content-Location").split()
ADDRESSES = (b"a@b.test", b"A <a@b.test>", b"<a@b.test>", b"a@b.test, c@d.test",
             b"group: a@b.test, B <c@d.test>;", b"undisclosed-recipients:;",
             b"\xc3\xa4 <a@b.test>", b"\"q, s\" <a@b.test>", b"a@b.test (A)",
             b"=?utf-8?q?=C3=A4?= <a@b.test>")
IN_PARTS = (b"<a@b.test>", b"word", b"\xc3\xa4 word", b"de, en", b"a")
TYPES = (b"text/plain", b"text/html", b"TEXT/Plain", b"image/png", b"text",
         b"", b"/", b"text/", b"application/octet-stream", b"x/y z",
         b"text/plain;", b"text/plain; charset", b"text/plain; charset=",
         b"text/plain; charset=\"utf-8\"", b"text/plain; =x",
         b"text/plain; name=\"a\\\"b\"; name=c", b"text/plain (comment)",
         b"text/plain; name*=utf-8''%c3%a4; name*0=a; name*1=b",
         b"message/delivery-status", b"message/partial; id=1")
BOUNDARIES = (b"b", b"bb", b"b b", b"=_x", b"--", b"bound'ary", b"B",
              b"x" * 70, b"x" * 71)


class Ugly:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def chance(self, n):
        return not self.r.randrange(n)

    def line(self):
        n = self.r.randrange(8)
        s = b" ".join(self.r.choice(WORDS) for _ in range(n))
        if self.chance(20):
            s += b"\0"
        if self.chance(30):
            s += b"x" * self.r.choice((70, 998, 5000))
        return s

    def field(self):
        r = self.r
        name = r.choice(NAMES)
        if name in NAMES[1:7]:  # what is no address is other tests' matter
            return name + b": " + r.choice(ADDRESSES)
        if name.startswith(b"Content"):
            return name + b": " + r.choice(IN_PARTS)
        if self.chance(10):
            name += b" "
        value = r.choice((b" ", b"", b"\t", b"  ")) + self.line()
        if self.chance(4):
            value += b"\n" + r.choice((b" ", b"\t", b" \t")) + self.line()
        if self.chance(15):
            value = value.replace(b" ", b"\n ", 1)
        s = name + b":" + value
        if name == b"Date" and not self.chance(3):
            s = b"Date: Mon, 7 Feb 1994 21:52:25 -0800"
        return s

    def header(self, kind, leaf):
        r = self.r
        fields = [self.field() for _ in range(r.randrange(6))]
        if kind is not None:
            f = b"Content-Type: " + kind
            if self.chance(6):
                f = f.replace(b";", b";\n", 1).replace(b"\n", b"\n\t", 1)
            fields.insert(r.randrange(len(fields) + 1), f)
        if self.chance(3):
            fields.append(b"Content-Transfer-Encoding: " + r.choice((
                b"7bit", b"8bit", b"base64", b"Quoted-Printable", b"x-odd",
                b"", b"base64 junk", b"(c) binary")))
        if self.chance(4):
            fields.append(b"Content-Disposition: " + r.choice((
                b"inline", b"attachment; filename=a b", b"", b";",
                b"attachment; filename=\"a\"; size=3",
                b"attachment; filename*0=a; filename*1*=%20b")))
        if self.chance(15):
            fields.insert(r.randrange(len(fields) + 1), r.choice((
                b"no colon here", b": no name", b"From someone")))
        if self.chance(30):
            fields.insert(0, b" folded")
        # of doubled ones each server takes another
        once = {f.partition(b":")[0]: f for f in fields}
        fields = [f for f in fields if not f.startswith(b"Content-")
                  or once[f.partition(b":")[0]] is f]
        s = b"".join(f + b"\n" for f in fields)
        if leaf and self.chance(15):
            return s  # no end
        return s + (b" \n" if leaf and self.chance(40) else b"\n")

    def text(self):
        return b"".join(self.line() + b"\n" for _ in range(self.r.randrange(5)))

    def multipart(self, depth):
        r = self.r
        boundary = r.choice(BOUNDARIES)
        param = boundary
        if b" " in boundary or b"=" in boundary or self.chance(3):
            param = b'"%s"' % boundary
        kind = b"multipart/%s; boundary=%s" % (
            r.choice((b"mixed", b"alternative", b"digest", b"x", b"signed")),
            param)
        if self.chance(12):
            kind = b"multipart/mixed"
        s = self.text() if self.chance(3) else b""
        for _ in range(r.randrange(4)):
            s += b"--" + boundary + r.choice((b"", b"", b"", b" ", b"x")) + b"\n"
            s += self.entity(depth + 1)
            if self.chance(10):
                s = s[:-1]
        if not self.chance(4):
            s += b"--" + boundary + b"--" + r.choice((b"\n", b"", b" \n"))
            if self.chance(4):
                s += self.text()
        return kind, s

    def entity(self, depth=0):
        r = self.r
        n = r.randrange(10)
        leaf = False
        if depth < 8 and n < 4:
            kind, body = self.multipart(depth)
        elif depth < 8 and n < 6:
            kind, body = b"message/rfc822", self.entity(depth + 1)
        else:
            kind = r.choice((None,) + TYPES)
            body = self.text()
            leaf = True
        return self.header(kind, leaf) + body

    def message(self):
        """With LF, CRLF or both for line ends."""
        s = self.entity()
        n = self.r.randrange(4)
        if n == 0:
            return s.replace(b"\n", b"\r\n")
        if n == 1:
            return b"".join(l + self.r.choice((b"\n", b"\r\n"))
                            for l in s.split(b"\n")[:-1])
        return s


def deep(levels):
    s = b""
    for i in range(levels):
        s += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i)
    return s + b"\nthe end\n"


def nested(levels):
    return b"Content-Type: message/rfc822\n\n" * levels + b"\nthe end\n"


def wide(parts):
    return (b"Content-Type: multipart/mixed; boundary=b\n\n" +
            b"--b\n\nx\n" * parts + b"--b--\n")
