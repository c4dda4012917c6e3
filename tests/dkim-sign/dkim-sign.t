#!/usr/bin/python3
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path[:0] = ["tests", "tests/e2e"]
import dkim
import tap

# LeakSanitizer needs ptrace, which a program that holds keys forbids
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
tmp = tempfile.mkdtemp()
keys = tmp + "/keys"
ORG = "example.org"
HERE = os.path.dirname(os.path.abspath(__file__))
RECEIVED = b"Received: from x (x [192.0.2.1])\r\n\tby y; date\r\n"
MESSAGE = (b"From: Ann <ann@example.org>\r\nTo: bob@b.test\r\n"
           b"Subject: one\r\n two\r\nDate: Sun, 22 Nov 2026 00:00:00 +0000\r\n"
           b"\r\nHello\t world \r\n\r\n\r\n")


def run(*argv, data=b"", env=None):
    return subprocess.run(argv, input=data, capture_output=True, env=env)


def keygen(domain, selector, *options):
    os.makedirs(f"{keys}/{domain}", exist_ok=True)
    p = run("dkim-keygen", *options, f"{keys}/{domain}/{selector}.key")
    with open(f"{keys}/{selector}.dns", "wb") as f:
        f.write(p.stdout)
    return b"".join(re.findall(rb'"([^"]*)"', p.stdout))


records = {"rsa": keygen(ORG, "rsa"), "ed": keygen(ORG, "ed", "-t", "ed25519")}


def dns(name, timeout=5):
    return records.get(name.decode().split("._domainkey.")[0])


def verify(message):
    """What python3-dkim says of each signature."""
    head = message.replace(b"\r\n", b"\n").split(b"\n\n")[0]
    n = len(re.findall(rb"(?m)^DKIM-Signature:", head))
    results = []
    for i in range(n):
        try:
            results.append(dkim.DKIM(message).verify(idx=i, dnsfunc=dns))
        except dkim.ValidationError:
            results.append(False)
    return results


def record(kind, *parts):
    s = kind + b"\0".join(parts)
    return b"%d:%s," % (len(s), s)


def parcel(message, name=b"p1", before=b"", after=b"", step=60000):
    s = record(b"I", name) + record(b"P", b"ip=192.0.2.1")
    s += record(b"F", b"") + record(b"T", b"0", b"bob@b.test") + before
    for i in range(0, len(message), step):
        s += record(b"M", message[i:i + step])
    return s + after + record(b".")


def parse(s):
    out = []
    while s:
        n, rest = s.split(b":", 1)
        out.append((rest[:1], rest[1:int(n)]))
        s = rest[int(n) + 1:]
    return out


def final(records):
    """The message as a sink writes it."""
    above = [s for t, s in records if t == b"H"][::-1]
    head, body = b"".join(s for t, s in records if t == b"M").split(
        b"\r\n\r\n", 1)
    fields = re.split(rb"\r\n(?![ \t])", head)
    for t, s in records:
        if t == b"E":
            name, n = s.split(b"\0")
            same = [i for i, f in enumerate(re.split(
                rb"\r\n(?![ \t])", head))
                    if f.lower().startswith(name.lower() + b":")]
            fields[same[int(n) - 1]] = None
    return (b"".join(above) +
            b"".join(f + b"\r\n" for f in fields if f is not None) +
            b"\r\n" + body)


def sign(data, *options):
    return run("dkim-sign", "-k", keys, *options, data=data)


def tags(field):
    text = re.sub(rb"\s+", b"", field.split(b":", 1)[1])
    return dict(t.split(b"=", 1) for t in text.split(b";"))


def filter_tests():
    p = sign(parcel(MESSAGE, before=record(b"H", RECEIVED)))
    got = parse(p.stdout)
    tap.same(p.returncode, 0, "exit 0 at the end of input between parcels")
    tap.same(p.stderr, b"", "and nothing is said")
    new = [s for t, s in got if t == b"H"][1:]
    tap.same([tags(s)[b"a"] for s in new],
             [b"ed25519-sha256", b"rsa-sha256"],
             "RFC 8463 6: both algorithms, RSA above")
    tap.same([t for t, s in got if t != b"H"],
             [b"I", b"P", b"F", b"T", b"M", b"."],
             "the other records pass unchanged")
    tap.same(verify(final(got)), [True, True], "both verify")
    tap.ok(all(len(line.expandtabs(8)) <= 78 for s in new
               for line in s.decode().split("\r\n")), "at most 78 columns")
    t = tags(new[1])
    tap.same((t[b"d"], t[b"s"], t[b"c"]), (ORG.encode(), b"rsa",
             b"relaxed/relaxed"), "d= s= c=")
    tap.ok(b"l" not in t and b"x" not in t and b"t" in t,
           "RFC 6376 8.2: no l=; t= is there, x= only on request")
    names = t[b"h"].split(b":")
    tap.same(names.count(b"from"), 2, "RFC 6376 8.15: From is oversigned")
    tap.ok(not {b"sender", b"received", b"return-path", b"list-id",
                b"resent-from"} & set(names),
           "what lists and relays add is not oversigned")
    listed = b"X: y\r\nSender: l@l.test\r\nList-Id: <l>\r\n" + final(got)
    tap.same(verify(listed), [True, True], "a list's fields break nothing")
    for extra in (b"From: e@e.test\r\n", b"Subject: e\r\n",
                  b"Reply-To: e@e.test\r\n", b"Content-Type: text/html\r\n"):
        tap.same(verify(extra + final(got)), [False, False],
                 "an added %s breaks it" % extra.split(b":")[0].decode())
    broken = final(got).replace(b"world", b"World")
    tap.same(verify(broken), [False, False], "a changed body breaks it")


def late_tests():
    m = b"Subject: a\r\nSubject: b\r\nX-Y: z\r\n" + MESSAGE
    late = (record(b"E", b"subject", b"1") + record(b"E", b"Subject", b"2") +
            record(b"H", b"To: more@b.test\r\n") +
            record(b"H", b"Cc: c@b.test\r\n"))
    got = parse(sign(parcel(m, after=late, step=7)).stdout)
    tap.same(verify(final(got)), [True, True],
             "the header is signed as the sink writes it (E and H)")


def stream_tests():
    many = b"".join(parcel(MESSAGE, b"p%d" % i) for i in range(20))
    got = parse(sign(many).stdout)
    tap.same(sum(t == b"H" for t, s in got), 40, "parcels follow each other")
    p = sign(parcel(MESSAGE)[:-3])
    tap.same((p.returncode, b".," in p.stdout), (111, False),
             "a broken parcel: 111 and no end")
    p = sign(b"rubbish")
    tap.same(p.returncode, 111, "what is no parcel: 111")
    p = sign(parcel(MESSAGE, after=record(b"E", b"subject", b"x")))
    tap.same(p.returncode, 111, "an E without a number: 111")
    refused = record(b"V", b"reject", b"550 5.7.1 no")
    got = parse(sign(parcel(MESSAGE, after=refused)).stdout)
    tap.ok(not any(t == b"H" for t, s in got), "a refused parcel is not signed")
    one = record(b"V", b"reject", b"550 5.1.1 no", b"0")
    got = parse(sign(parcel(MESSAGE, after=one)).stdout)
    tap.same(sum(t == b"H" for t, s in got), 2,
             "one refused recipient does not matter")
    child = subprocess.Popen(["dkim-sign", "-k", keys], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
    ask = record(b"I", b"q") + record(b"F", b"") + record(b"?", b"F")
    child.stdin.write(ask)
    child.stdin.flush()
    tap.same(os.read(child.stdout.fileno(), 100), ask,
             "a question is passed on at once")
    child.stdin.close()
    tap.same(child.wait(), 111, "end of input inside a parcel: 111")
    child.stdout.close()


def unsigned(message, why, name, *options):
    p = sign(parcel(message), *options)
    kinds = [t for t, s in parse(p.stdout)]
    tap.same((p.returncode, b"H" in kinds, b"V" in kinds,
              why in p.stderr.decode(), p.stderr.count(b"\n")),
             (0, False, False, True, 1), name)


def unfit_tests():
    unsigned(b"To: x@y.test\r\n\r\nx\r\n", "no From", "no From: unsigned")
    unsigned(b"From: a@evil.test\r\n" + MESSAGE, "several From",
             "RFC 6376 8.15: several From fields: unsigned")
    unsigned(b"From: a@other.test\r\n\r\nx\r\n", "no key other.test",
             "a domain without keys")
    unsigned(b"From: a@sub.example.org\r\n\r\nx\r\n", "no key sub.example.org",
             "a subdomain, without -s")
    unsigned(b"From: a@..\r\n\r\nx\r\n", "no domain", "From without a domain")
    unsigned(b"From: a@[192.0.2.1]\r\n\r\nx\r\n", "no domain",
             "an address literal")
    unsigned(b"rubbish line\r\n" + MESSAGE, "no field",
             "RFC 6376 3.8: a header line that is no field")
    unsigned(b"X: y\r\n" * 50000 + MESSAGE, "too long", "a header too long")
    unsigned(b"To: y\r\n" * 500 + MESSAGE, "too many", "too many fields")
    got = parse(sign(parcel(b"From: a@a.sub.example.org\r\n\r\nx\r\n"),
                     "-s").stdout)
    tap.same(verify(final(got)), [True, True], "-s: a subdomain is signed")
    got = final(parse(sign(parcel(
        b"From: a@a.sub.example.org\r\n\r\nx\r\n"), "-s", "-i").stdout))
    tap.same((verify(got), got.count(b"d=example.org;"),
              got.count(b"i=@a.sub.example.org;")), ([True, True], 2, 2),
             "RFC 6376 3.5 -i: i= is the author's domain, below d=")
    got = parse(sign(parcel(
        b"From: \"x, y\" <a@EXAMPLE.org>, b@c.test\r\n\r\nx\r\n")).stdout)
    tap.same(verify(final(got)), [True, True], "the first mailbox of From")


def option_tests():
    for how in ("simple/simple", "simple/relaxed", "relaxed/simple", "simple"):
        got = parse(sign(parcel(MESSAGE), "-c", how).stdout)
        tap.same(verify(final(got)), [True, True], "-c " + how)
    got = parse(sign(parcel(MESSAGE), "-x", "100").stdout)
    t = tags([s for k, s in got if k == b"H"][0])
    tap.same(int(t[b"x"]) - int(t[b"t"]), 100, "-x: x= is t= and so much")
    got = parse(sign(parcel(MESSAGE), "-f", "from+:subject").stdout)
    t = tags([s for k, s in got if k == b"H"][0])
    tap.same(t[b"h"], b"from:from:subject", "-f")
    many = ":".join(f"x{i}" for i in range(99))
    got = parse(sign(parcel(MESSAGE), "-f", f"from:{many}").stdout)
    tap.ok([s for k, s in got if k == b"H"], "-f: 100 names, not 101")
    for bad in (["-c", "loose"], ["-f", "to"], ["-x", "1d"], ["-z"], ["x"],
                ["-f", f"from:{many}:y"], ["-f", "from:" + "x" * 65],
                ["-f", "from:a b"], ["-f", "from:a;b"], ["-f", "from:a+b"],
                ["-f", "from:\xe4"], ["-f", "from:From"], ["-f", "from:"],
                ["-f", "from:dkim-signature"]):
        tap.same(sign(b"", *bad).returncode, 100,
                 "usage: " + " ".join(bad)[:30])
    env = dict(os.environ, ROHRPOST_ETC=tmp)
    os.symlink("keys", tmp + "/dkim")
    p = run("dkim-sign", data=parcel(MESSAGE), env=env)
    tap.ok(b"DKIM-Signature" in p.stdout, "ROHRPOST_ETC/dkim is the default")


def message_tests():
    for m in (MESSAGE, MESSAGE.replace(b"\r\n", b"\n")):
        p = sign(m, "-m")
        tap.same((p.returncode, verify(p.stdout)), (0, [True, True]),
                 "-m signs a message")
        tap.ok(p.stdout.endswith(m), "-m leaves its line ends alone")
        tap.same(b"\r" in p.stdout, b"\r" in m, "and takes them up")
    big = MESSAGE + (b"x" * 70 + b"\r\n") * 400000
    p = run("sh", "-c", 'ulimit -v 60000; exec dkim-sign -m -k "$0"', keys,
            data=big) if "-san" not in os.environ.get("O", "") else \
        sign(big, "-m")
    tap.same(verify(p.stdout), [True, True], "28 MB in little memory")
    p = sign(b"From: a@other.test\n\nx\n", "-m")
    tap.same((p.returncode, p.stdout), (1, b"From: a@other.test\n\nx\n"),
             "-m: what has no key is copied, exit 1")
    tap.same(sign(b"", "-m").returncode, 1, "-m: no message")


def key_tests():
    path = f"{keys}/bad.test"
    os.makedirs(path)
    m = MESSAGE.replace(b"example.org", b"bad.test")
    with open(path + "/s.key", "w") as f:
        f.write("-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n")
    p = sign(parcel(m, b"a") + parcel(m, b"b"))
    got = parse(p.stdout)
    tap.same([s for t, s in got if t == b"V"],
             [b"defer\0" b"451 4.7.5 Unable to sign the message"] * 2,
             "no key that can be used: deferred")
    tap.same(p.stderr.count(b"unable to use bad.test/s.key"), 1,
             "a bad key is complained of once")
    p = sign(parcel(m), "-u")
    tap.same([t for t, s in parse(p.stdout) if t in (b"V", b"H")], [],
             "-u: it passes unsigned")
    tap.same(sign(m, "-m").returncode, 111, "-m: exit 111")
    records["new"] = keygen("bad.test", "new", "-t", "ed25519")
    got = parse(sign(parcel(m)).stdout)
    tap.same(verify(final(got)), [True], "one good key beside a bad one signs")


def change_tests():
    child = subprocess.Popen(["dkim-sign", "-k", keys], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    m = MESSAGE.replace(b"example.org", b"new.test")
    os.makedirs(keys + "/new.test")

    def once():
        child.stdin.write(parcel(m))
        child.stdin.flush()
        s = b""
        while not s.endswith(b"1:.,"):
            s += os.read(child.stdout.fileno(), 65536)
        return [tags(f)[b"s"] for t, f in parse(s) if t == b"H"]

    path = keys + "/new.test/"
    tap.same(once(), [], "no keys at first")
    shutil.copy(f"{keys}/{ORG}/ed.key", path + "one.key")
    tap.same(once(), [b"one"], "a new key is used at once")
    shutil.copy(f"{keys}/{ORG}/rsa.key", path + "two.key")
    shutil.copy(f"{keys}/{ORG}/rsa.key", path + ".three.key")
    shutil.copy(f"{keys}/{ORG}/rsa.key", path + "four")
    os.mkfifo(path + "fifo.key")
    tap.same(once(), [b"one", b"two"], "and another; no FIFO, no other names")
    shutil.copy(f"{keys}/{ORG}/ed.key", path + "two.key")
    os.unlink(path + "one.key")
    tap.same(once(), [b"two"], "changed in place and removed")
    child.stdin.close()
    tap.same(child.wait(), 0, "exit 0")
    child.stdout.close()
    child.stderr.close()


def manual_tests():
    with open("dkim-sign/dkim-sign.8") as f:
        shown = "".join(re.search(r"offset indent\n(from.*?)\.Ed", f.read(),
                                  re.S).group(1).split())
    with open("dkim-sign/fields.h") as f:
        code = re.search(r"FIELDS_DEFAULT(.*?)\n\n", f.read(), re.S).group(1)
    tap.same(shown, "".join(re.findall(r'"(.*?)"', code)),
             "the manual has the default list of fields")


try:
    filter_tests()
    late_tests()
    stream_tests()
    unfit_tests()
    option_tests()
    message_tests()
    key_tests()
    change_tests()
    manual_tests()
finally:
    shutil.rmtree(tmp)
tap.finish()
