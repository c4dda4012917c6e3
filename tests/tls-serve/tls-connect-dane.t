#!/usr/bin/python3
"""tls-connect and TLSA records, fingerprints and further names: against a real
server, with records as other programs compute them."""
import hashlib
import os
import socket
import ssl
import subprocess
import sys

sys.path[:0] = ["tests", "tests/tls-serve"]
import lab
import tap

T = lab.T
CONF = """
[ca]
basicConstraints = critical, CA:TRUE
[leaf]
subjectAltName = DNS:%s
"""


def make(name, issuer=None, section="leaf", days="30", sigopt=()):
    with open(T + "/conf", "w") as f:
        f.write(CONF % name)
    lab.openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
                "-keyout", name + ".key", "-out", name + ".csr")
    sign = (["-CA", issuer + ".pem", "-CAkey", issuer + ".key",
             "-CAcreateserial"] if issuer else ["-signkey", name + ".key"])
    lab.openssl("x509", "-req", "-in", name + ".csr", *sign, "-days", days,
                *sigopt, "-extfile", "conf", "-extensions", section,
                "-out", name + ".pem")


def pem(*names):
    return "".join(open(f"{T}/{n}.pem").read() for n in names)


def der(name, selector):
    if selector == 0:
        return lab.openssl("x509", "-in", name + ".pem", "-outform",
                           "DER").stdout
    key = lab.openssl("x509", "-in", name + ".pem", "-noout",
                      "-pubkey").stdout
    return lab.openssl("pkey", "-pubin", "-outform", "DER", input=key).stdout


HASH = (lambda b: b, lambda b: hashlib.sha256(b).digest(),
        lambda b: hashlib.sha512(b).digest())


def tlsa(usage, selector, matching, name):
    return (f"tlsa={usage} {selector} {matching} "
            + HASH[matching](der(name, selector)).hex())


make("root", section="ca")
make("inter", "root", "ca")
make("other", section="ca")
make("good.test", "inter")
make("late.test", "inter", days="-1")
make("else.test", "inter")
# a root with an RSA key, for a chain signed by PSS
lab.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
            "-subj", "/CN=rsa", "-keyout", "rsa.key", "-out", "rsa.pem")
make("pss.test", "rsa", sigopt=["-sigopt", "rsa_padding_mode:pss"])
lab.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
            "-subj", "/CN=stranger", "-keyout", "stranger.key", "-out",
            "stranger.pem")
lab.table("trust.cdb", "tls-build", "-t", "root.pem")
service = lab.Service("tls-connect", "-f", T + "/trust.cdb", "-T", "10")


def server(chain, key, sock):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.maximum_version = ssl.TLSVersion.TLSv1_2
    with open(T + "/chain.pem", "w") as f:
        f.write(chain)
    c.load_cert_chain(T + "/chain.pem", f"{T}/{key}.key")
    try:
        with c.wrap_socket(sock, server_side=True) as s:
            s.sendall(b"220\r\n")
            s.recv(1)
            s.unwrap()
    except OSError:
        sock.close()


def request(*options):
    o = "".join(x + "\0" for x in options)
    return b"C%d:%s," % (len(o), o.encode())


def session(chain, key, *options):
    """What the application is told; whether it may go on."""
    a, b = lab.tcp_pair()
    join = lab.background(server, pem(*chain), key, a)
    try:
        app, f = lab.begin(service, b, request(*options))
    except ConnectionResetError:  # closed before all of it was read
        a.close()
        return None, False
    good = bool(f and "SSL_PROTOCOL" in f) and app.recv(9) == b"220\r\n"
    app.close()
    join()
    return f and f.get("SSL_PEER_VERIFY"), good


def dane(what, want, chain, *options, host="good.test", key=None):
    got = session(chain, key or chain[0], "host=" + host, "verify=dane",
                  *options)
    tap.same(got, (want, want == "dane"), what)


WHOLE = ("good.test", "inter", "root")
for selector in 0, 1:
    for matching in 0, 1, 2:
        dane(f"RFC 7671 5.1: DANE-EE 3 {selector} {matching}", "dane", WHOLE,
             tlsa(3, selector, matching, "good.test"))
        dane(f"RFC 7671 5.2: DANE-TA 2 {selector} {matching}, the root is sent",
             "dane", WHOLE, tlsa(2, selector, matching, "root"))
ee, ta = tlsa(3, 1, 1, "good.test"), tlsa(2, 1, 1, "inter")
wrong = tlsa(3, 1, 1, "else.test")
for what, want, chain, options, host in [
        ("DANE-TA by an intermediate", "dane", WHOLE[:2], [ta], "good.test"),
        ("2 0 0: the authority need not be sent", "dane", WHOLE[:2],
         [tlsa(2, 0, 0, "root")], "good.test"),
        ("2 0 1: but for a digest it must", "dane-mismatch", WHOLE[:2],
         [tlsa(2, 0, 1, "root")], "good.test"),
        ("a wrong record", "dane-mismatch", WHOLE, [wrong], "good.test"),
        ("one of several", "dane", WHOLE, [wrong, ee], "good.test"),
        ("3 x x of the issuer is no match", "dane-mismatch", WHOLE,
         [tlsa(3, 1, 1, "inter")], "good.test"),
        ("2 x x of the leaf is none", "dane-mismatch", WHOLE,
         [tlsa(2, 1, 1, "good.test")], "good.test"),
        ("an authority that did not issue it", "dane-mismatch",
         ("good.test", "other"), [tlsa(2, 1, 1, "other")], "good.test"),
        ("RFC 7671 5.1: DANE-EE: names do not count", "dane", WHOLE, [ee],
         "bad.test"),
        ("5.2: with DANE-TA they do", "wrong-name", WHOLE, [ta], "bad.test"),
        ("RFC 7672 3.2.2: a further name", "dane", WHOLE,
         [ta, "name=x.test", "name=good.test"], "bad.test"),
        ("5.1: DANE-EE: nor do dates", "dane", ("late.test", "inter"),
         [tlsa(3, 1, 1, "late.test")], "late.test"),
        ("with DANE-TA they do", "expired", ("late.test", "inter"), [ta],
         "late.test"),
        ("no authority of ours is needed", "dane", ("pss.test", "rsa"),
         [tlsa(3, 0, 1, "pss.test")], "pss.test"),
        ("a signature by RSA-PSS", "unsupported", ("pss.test", "rsa"),
         [tlsa(2, 0, 1, "rsa")], "pss.test"),
        ("RFC 7671 9: SHA-256 does not count beside SHA-512",
         "dane-mismatch", WHOLE, [ee, tlsa(3, 1, 2, "else.test")],
         "good.test"),
        ("9: but does beside another selector", "dane", WHOLE,
         [ee, tlsa(3, 0, 2, "else.test")], "good.test")]:
    dane(what, want, chain, *options, host=host)
dane("a chain of 13 certificates: the leaf still counts", "dane",
     ("good.test", "inter") + ("other",) * 11, ee)
dane("for an authority it is too long", "bad-chain",
     ("good.test", "inter") + ("other",) * 11, ta)

# Fingerprints and names
print_ = [hashlib.sha256(der("good.test", s)).hexdigest() for s in (0, 1)]
for what, want, pins in [
        ("of the certificate", "pin", print_[:1]),
        ("of its key", "pin", print_[1:]),
        ("in upper case", "pin", [print_[1].upper()]),
        ("one of two", "pin", ["00" * 32, print_[1]]),
        ("of another", "pin-mismatch", ["00" * 32])]:
    got = session(WHOLE, "good.test", "host=bad.test", "verify=pin",
                  *("pin=sha256:" + p for p in pins))
    tap.same(got, (want, want == "pin"), f"a fingerprint {what}")
tap.same(session(WHOLE, "good.test", "host=bad.test", "name=good.test",
                 "verify=pkix"), ("ok", True), "PKIX with a further name")

# What cannot be obeyed is never taken for less
for what, options in [
        ("usage 1", ["verify=dane", "tlsa=1 1 1 " + "00" * 32]),
        ("selector 2", ["verify=dane", "tlsa=3 2 1 " + "00" * 32]),
        ("matching type 3", ["verify=dane", "tlsa=3 1 3 " + "00" * 32]),
        ("a short digest", ["verify=dane", "tlsa=3 1 1 " + "00" * 31]),
        ("half a byte", ["verify=dane", "tlsa=3 0 0 000"]),
        ("no digits", ["verify=dane", "tlsa=3 0 0 xx"]),
        ("no data", ["verify=dane", "tlsa=3 0 0 "]),
        ("DANE without records", ["verify=dane"]),
        ("a fingerprint by SHA-1", ["verify=pin", "pin=sha1:" + "00" * 20]),
        ("none at all", ["verify=pin"]),
        ("65 records", ["verify=dane"] + [ee] * 65),
        ("9 names", [f"name=n{i}.test" for i in range(9)]),
        ("another way to verify", ["verify=most"])]:
    got = session(WHOLE, "good.test", *options)
    tap.same(got, (None, False), f"refused: {what}")
big = ["verify=dane"] + ["tlsa=3 0 0 " + "00" * 7000] * 2
got = session(WHOLE, "good.test", *big, ee)
tap.same(got, ("dane", True), "28 KB of options")
got = session(WHOLE, "good.test", *big, *big, ee)
tap.same(got, (None, False), "refused: more than 32 KiB")
tap.same(service.stop(), 0, "SIGTERM")

# By hand
for options, code in [(["-o", "verify=dane", "-o", ee], 0),
                      (["-o", "verify=dane", "-o", wrong], 1)]:
    with socket.socket() as l:
        l.bind(("127.0.0.1", 0))
        l.listen(1)
        join = lab.background(lambda: server(pem(*WHOLE), "good.test",
                                             l.accept()[0]))
        p = subprocess.run(["tls-connect", *options, "127.0.0.1",
                            str(l.getsockname()[1])], input=b"x",
                           capture_output=True, timeout=lab.PATIENCE)
        tap.same(p.returncode, code, f"by hand: exit {code}")
        join()
for args in [["-o", "verify=dane"], ["-o", "tlsa=9 9 9 00"]]:
    p = subprocess.run(["tls-connect", *args, "127.0.0.1", "1"],
                       capture_output=True)
    tap.same(p.returncode, 100, f"usage: {args}")
tap.finish()
