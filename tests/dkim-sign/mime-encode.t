#!/usr/bin/python3
"""mime-encode: what was 8 bits is quoted-printable, and decodes to the same"""
import email
import email.policy
import os
import random
import subprocess
import sys

sys.path[:0] = ["tests"]
import tap
from tap import ok, same as is_

# LeakSanitizer wants to read /proc, which the jail forbids
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
MIXED = "multipart/mixed; boundary=b1"


def encode(message, *options):
    return subprocess.run(["mime-encode", "-m", *options], input=message,
                          capture_output=True).stdout


def part(kind, encoding, body, *more):
    head = [f"Content-Type: {kind}"] if kind else []
    if encoding:
        head.append(f"Content-Transfer-Encoding: {encoding}")
    head += more
    return "".join(h + "\r\n" for h in head).encode() + b"\r\n" + body


def multi(boundary, *parts):
    line = b"--" + boundary.encode()
    return b"".join(line + b"\r\n" + p + b"\r\n" for p in parts) + \
        line + b"--\r\n"


def message(kind, encoding, body):
    return b"From: a@a.test\r\nMIME-Version: 1.0\r\n" + \
        part(kind, encoding, body)


def leaves(raw):
    """(type, decoded body) of all leaves"""
    m = email.message_from_bytes(raw, policy=email.policy.SMTP)
    return [(p.get_content_type(), p.get_payload(decode=True))
            for p in m.walk() if not p.is_multipart()]


def whole(raw, why):
    out = encode(raw)
    is_(leaves(out), leaves(raw), why)
    return out


TEXT = "Grüße \t\r\n. ein Punkt\r\n--b1x\r\nFrom hier\r\n=41\r\n".encode()
out = whole(message("text/plain; charset=utf-8", "8bit", TEXT), "a text")
ok(b"Content-Transfer-Encoding: quoted-printable\r\n" in out and
   not any(c > 127 for c in out), "RFC 2045 6.7: no byte of 8 bits is left")
ok(b"\r\n=2E ein" in out and b"\r\n=46rom" in out and b"=20\r\n" not in out
   and b"=09\r\n" in out and b"=3D41" in out, "dots, From, blanks and =", out)

out = whole(message("text/plain", "8BIT (wide)", TEXT), "a comment")
ok(b"(wide)" in out, "an encoding that is not plainly 8bit is left alone")
for encoding in ("7bit", "base64", "quoted-printable", ""):
    raw = message("text/plain", encoding, TEXT)
    is_(encode(raw), raw, f"untouched: {encoding or 'no encoding'}")

long = "ä".encode() * 3000 + b" " * 5000 + b"x" * 5000 + b"-" * 300 + b"\r\n"
out = whole(message("text/plain", "8bit", long + long), "long lines")
ok(max(map(len, out.split(b"\r\n"))) <= 76, "RFC 2045 6.7 (5): 76 a line")
ok(not any(li.startswith(b"-") for li in out.split(b"\r\n\r\n", 1)[1]
           .split(b"\r\n")), "no line of the body begins with -")

inner = part("multipart/alternative; boundary=\"b 2\"", "8bit",
             multi("b 2", part("text/plain", "8bit", TEXT),
                   part("text/html", "8bit", b"<p>" + TEXT),
                   part("text/plain", "base64", b"YWJj")))
tree = message(MIXED, "8bit", b"preamble\r\n" + multi(
    "b1", part("text/plain; charset=utf-8", "binary", TEXT), inner,
    part("image/png", "base64", b"AAAA"), part("", "", b"plain")) + b"end\r\n")
out = whole(tree, "a tree")
is_(out.count(b"Transfer-Encoding: 7bit"), 2, "RFC 2045 6.4: around them 7bit")
ok(not any(c > 127 for c in out), "none of 8 bits is left in it")
ok(out.endswith(b"--b1--\r\nend\r\n") and b"\r\npreamble\r\n" in out,
   "preamble and epilogue stay")

signed = part("multipart/signed; boundary=s", "8bit",
              multi("s", part("text/plain", "8bit", TEXT),
                    part("application/pkcs7-signature", "base64", b"AA==")))
out = encode(message(MIXED, "8bit", multi("b1", signed, part(
    "text/plain", "8bit", TEXT))))
ok(signed in out, "RFC 1847: what is signed is left alone")
ok(out.endswith(b"=09\r\n=2E ein Punkt\r\n=2D-b1x\r\n=46rom hier\r\n=3D41\r\n"
                b"\r\n--b1--\r\n"), "and what stands behind it is not", out)

forwarded = message("text/plain", "8bit", TEXT)
out = whole(message("message/rfc822", "8bit", forwarded), "a message in one")
ok(not any(c > 127 for c in out) and b"Encoding: 7bit" in out,
   "RFC 2046 5.2.1: its body is encoded")
out = encode(message("multipart/digest; boundary=d", "8bit",
                     multi("d", b"\r\n" + forwarded)))
ok(not any(c > 127 for c in out), "RFC 2046 5.1.5: so is a digest's")
raw = message("message/global", "8bit", forwarded)
is_(encode(raw), raw, "message/global is left alone")

raw = message("text/plain", "8bit", TEXT).replace(
    b"MIME", b"Content-Transfer-Encoding: base64\r\nMIME")
is_(encode(raw), raw, "two encodings: left alone")
raw = message("text/plain", "8bit\r\nX: " + "x" * 70000, TEXT)
is_(encode(raw), raw, "a header that is too long: left alone")
for raw in (b"", b"\r\n", b"no field", b"A: b\r\n", tree[:70],
            message("multipart/mixed", "8bit", TEXT)):
    is_(encode(raw), raw, f"as it is: {raw[:20]}")
raw = message("text/plain", "8bit", TEXT).replace(b"\r\n", b"\n")
out = encode(raw)
ok(b"\r" not in out and b"quoted-printable\n" in out, "LF stays LF")
raw = message("text/plain", "8bit", b"no end \xff\t")
ok(encode(raw).endswith(b"no end =FF=09"), "a message without a last line end")

random.seed(4)


def some_part(depth):
    kind = random.randrange(4 if depth < 4 else 2)
    if kind < 2:
        words = ["ö" * random.randrange(90), "a b", "", "\r\n", " ", "\t",
                 "--", "--b", "x" * random.randrange(200), "=", "."]
        text = "".join(random.choices(words, k=random.randrange(40)))
        return part("text/plain; charset=utf-8",
                    random.choice(["8bit", "8bit", "7bit", "binary"]),
                    text.encode())
    if kind == 2:
        return part("message/rfc822", "8bit",
                    message("text/html", "8bit", "é\r\n".encode()))
    b = f"--b{depth}" if random.random() < .5 else f"b{depth}"
    return part(f'multipart/mixed; boundary="{b}"', "8bit",
                multi(b, *[some_part(depth + 1) for _ in range(3)]))


bad = 0
for i in range(150):
    raw = b"From: x@a.test\r\nMIME-Version: 1.0\r\n" + some_part(0)
    out = encode(raw)
    if leaves(out) != leaves(raw):
        bad += 1
        print("#", raw, out)
is_(bad, 0, "150 random trees decode to what they were")


def record(s):
    return b"%d:%s," % (len(s), s)


def parcel(raw, step, end=b""):
    s = b"".join(map(record, (b"Ip1", b"Fa@a.test\0BODY=8BITMIME",
                              b"T0\0b@b.test", b"HX: y\r\n")))
    for i in range(0, len(raw), step):
        s += record(b"M" + raw[i:i + step])
    return s + end + record(b".")


def texts(stream):
    out = [b""]
    while stream:
        n, rest = stream.split(b":", 1)
        r, stream = rest[:int(n)], rest[int(n) + 1:]
        if r[:1] == b"M":
            out[-1] += r[1:]
        if r == b".":
            out.append(b"")
    return out[:-1]


want = encode(tree)
steps = (1, 7, 4095, 60000)
p = subprocess.run(["mime-encode"], capture_output=True,
                   input=b"".join(parcel(tree, n) for n in steps))
is_((p.returncode, texts(p.stdout)), (0, [want] * 4),
    "parcels cut anywhere have the same message")
p = subprocess.run(["mime-encode"], capture_output=True, input=parcel(
    tree, 100, record(b"AX=y")))
ok(b"3:AX" not in p.stdout and p.stdout.find(b"4:AX=y,") >
   p.stdout.rfind(b"--b1--"), "the last line is before the records behind it")
p = subprocess.run(["mime-encode"], capture_output=True,
                   input=parcel(tree, 100)[:-3])
ok(p.returncode == 111 and not p.stdout.endswith(b"1:.,"),
   "a parcel that breaks off is never ended")
tap.finish()
