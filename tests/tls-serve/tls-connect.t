#!/usr/bin/python3
import os
import socket
import ssl
import subprocess
import sys

sys.path[:0] = ["tests", "tests/tls-serve"]
import lab
import tap

T = lab.T
os.makedirs(T + "/ca")
CONF = """
[ca]
basicConstraints = critical, CA:TRUE
[leaf]
subjectAltName = DNS:%s
[critical]
subjectAltName = DNS:%s
1.2.3.4.5 = critical,ASN1:UTF8String:x
"""


def authority(name, issuer=None):
    with open(T + "/ca/conf", "w") as f:
        f.write(CONF % ("x", "x"))
    lab.openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
                "-keyout", f"ca/{name}.key", "-out", f"ca/{name}.csr")
    sign = (["-CA", f"ca/{issuer}.pem", "-CAkey", f"ca/{issuer}.key",
             "-CAcreateserial"] if issuer
            else ["-signkey", f"ca/{name}.key"])
    lab.openssl("x509", "-req", "-in", f"ca/{name}.csr", *sign, "-days", "30",
                "-extfile", "ca/conf", "-extensions", "ca",
                "-out", f"ca/{name}.pem")


def leaf(name, issuer, key=("ec", "ec_paramgen_curve:P-256"), days="30",
         section="leaf"):
    with open(T + "/ca/conf", "w") as f:
        f.write(CONF % (name, name))
    alg, opt = key
    lab.openssl("req", "-new", "-newkey", alg,
                *(["-pkeyopt", opt] if opt else []), "-nodes", "-subj",
                "/CN=x", "-keyout", f"ca/{name}.key", "-out",
                f"ca/{name}.csr")
    dates = ["-days", days]
    lab.openssl("x509", "-req", "-in", f"ca/{name}.csr", "-CA",
                f"ca/{issuer}.pem", "-CAkey", f"ca/{issuer}.key",
                "-CAcreateserial", *dates, "-extfile", "ca/conf",
                "-extensions", section, "-out", f"ca/{name}.pem")


def pem(*names):
    out = ""
    for n in names:
        with open(f"{T}/ca/{n}.pem") as f:
            out += f.read()
    return out


authority("root")
authority("inter", "root")
authority("other")
leaf("good.test", "inter")
leaf("rsa.test", "inter", ("rsa:2048", None))
leaf("late.test", "inter", days="-1")
leaf("strange.test", "other")
leaf("weak.test", "inter", ("rsa:1024", None))
leaf("crit.test", "inter", section="critical")
leaf("ed.test", "inter", ("ed25519", None))
lab.self_signed("self.test", "self.test", "P-256")
lab.table("trust.cdb", "tls-build", "-t", "ca/root.pem")
service = lab.Service("tls-connect", "-f", T + "/trust.cdb", "-T", "60")


def server(chain, key, sock, version=ssl.TLSVersion.TLSv1_2):
    """The peer: says what it was asked for."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.minimum_version = ssl.TLSVersion.TLSv1_2
    c.maximum_version = max(version, ssl.TLSVersion.TLSv1_2)
    if version > ssl.TLSVersion.TLSv1_2:
        c.minimum_version = version
    c.set_ciphers("DEFAULT:@SECLEVEL=0")
    names = []
    c.sni_callback = lambda s, name, ctx: names.append(name)
    with open(T + "/chain.pem", "w") as f:
        f.write(chain)
    c.load_cert_chain(T + "/chain.pem", key)
    try:
        s = c.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)
        s.sendall(f"220 {names and names[0]}\r\n".encode())
        s.sendall(lab.read_all(s, 6))
        return s
    except (ssl.SSLError, OSError) as e:
        sock.close()
        return e


def options(host, verify="none", sni=None):
    o = f"host={host}\0verify={verify}\0sni={host if sni is None else sni}\0"
    return b"C%d:%s," % (len(o), o.encode())


def session(chain, key, host, verify="none", sni=None, **kw):
    a, b = lab.tcp_pair()
    join = lab.background(lambda: server(chain, f"{T}/ca/{key}.key"
                                         if "/" not in key else key, a, **kw))
    app, f = lab.begin(service, b, options(host, verify, sni))
    if not f or "SSL_PROTOCOL" not in f:
        app.close()
        join()
        return f, None
    greeting = app.recv(100)
    app.sendall(b"EHLO\r\n")
    echo = app.recv(100)
    app.close()
    end = join()
    closed = end.recv(1) == b""  # raises unless close_notify came
    end.close()
    return f, (greeting, echo, closed)


f, said = session(pem("good.test", "inter"), "good.test", "good.test")
tap.ok(f.pop("SSL_CIPHER").startswith("TLS_ECDHE_ECDSA_WITH_AES_"), "the suite")
tap.same(f, {"SSL_PROTOCOL": "TLSv1.2", "SSL_TLS_SNI_SERVERNAME": "good.test",
             "SSL_PEER_VERIFY": "ok"}, "what the application is told")
tap.same(said, (b"220 good.test\r\n", b"EHLO\r\n", True),
         "plaintext both ways, SNI (RFC 6066 3), close_notify at the end")
f, said = session(pem("good.test", "inter"), "good.test", "good.test", sni="")
tap.same(said[0], b"220 None\r\n", "no SNI if not wanted")
for address in "192.0.2.1", "2001:db8::1":
    f, said = session(pem("good.test", "inter"), "good.test", address)
    tap.same(said[0], b"220 None\r\n", "no SNI of an address (RFC 6066 3)")

SELF = T + "/tls/self.test/privkey.pem"
with open(T + "/tls/self.test/fullchain.pem") as x:
    self_chain = x.read()
cases = [
    ("a valid chain", pem("good.test", "inter"), "good.test", None, "ok"),
    ("with RSA", pem("rsa.test", "inter"), "rsa.test", None, "ok"),
    ("with its root", pem("good.test", "inter", "root"), "good.test", None,
     "ok"),
    ("out of order", pem("good.test", "root", "inter"), "good.test", None,
     "ok"),
    ("the leaf twice", pem("good.test", "good.test", "inter"), "good.test",
     None, "ok"),
    ("with another in between", pem("good.test", "other", "inter"),
     "good.test", None, "ok"),
    ("an upper-case host", pem("good.test", "inter"), "good.test",
     "GOOD.test", "ok"),
    ("another name", pem("good.test", "inter"), "good.test", "bad.test",
     "wrong-name"),
    ("expired", pem("late.test", "inter"), "late.test", None, "expired"),
    ("a missing intermediate", pem("good.test"), "good.test", None,
     "unknown-ca"),
    ("an unknown root", pem("strange.test", "other"), "strange.test", None,
     "unknown-ca"),
    ("self-signed", self_chain, SELF, "self.test", "self-signed"),
    ("a weak key", pem("weak.test", "inter"), "weak.test", None, "weak-key"),
    ("an unknown critical extension", pem("crit.test", "inter"), "crit.test",
     None, "unsupported"),
    ("more certificates than we keep",
     pem("good.test", "inter", *["other"] * 20), "good.test", None,
     "bad-chain"),
]
for what, chain, key, host, word in cases:
    host = host or key
    f, said = session(chain, key, host)
    tap.ok(said and f["SSL_PEER_VERIFY"] == word,
           f"opportunistic (RFC 7435): {what}: {word}, and goes on", f)
    f, said = session(chain, key, host, "pkix")
    tap.ok(bool(said) == (word == "ok") and
           f.get("SSL_PEER_VERIFY") == word,
           f"PKIX wanted: {what}: {'goes on' if said else 'ends'}", f)

f, said = session(pem("ed.test", "inter"), "ed.test", "ed.test")
tap.ok(not said and "SSL_ERROR" in f and
       f.get("SSL_PEER_VERIFY") == "unsupported",
       "Ed25519 keys are beyond us: unsupported", f)
f, said = session(pem("good.test", "inter"), "good.test", "good.test",
                  version=ssl.TLSVersion.TLSv1_3)
tap.ok(not said and f.get("SSL_PEER_VERIFY") == "unsupported",
       "so is a peer of TLS 1.3 only", f)

# Peers that do not speak TLS
for what, bytes_ in [("garbage", b"220 hello\r\n" * 100), ("nothing", b""),
                     ("random bytes", os.urandom(5000))]:
    a, b = lab.tcp_pair()
    join = lab.background(lab.begin, service, b, options("x.test"))
    a.sendall(bytes_)
    a.shutdown(socket.SHUT_WR)
    app, f = join()
    tap.ok(f and "SSL_ERROR" in f, f"a peer that sends {what}", f)
    a.close()
    app.close()
a, b = lab.tcp_pair()
impatient = lab.Service("tls-connect", "-f", T + "/trust.cdb", "-T", "1",
                        name="impatient")
app, f = lab.begin(impatient, b, options("x.test"))
tap.ok(f and "SSL_ERROR" in f, "a silent peer: the deadline", f)
a.close()
app.close()
impatient.stop()

# Requests that are none
good = options("x.test")
for what, request in [("another letter", b"S" + good[1:]),
                      ("no digits", b"C:" + good[3:]),
                      ("too long", b"C9999999:x,"),
                      ("no comma", good[:-1] + b"."),
                      ("bytes behind", good + b"x"),
                      ("an option without NUL", b"C3:abc,"),
                      ("an empty one", b"C0:,")]:
    a, b = lab.tcp_pair()
    app, f = lab.begin(service, b, request)
    tap.same(f, None, f"refused: {what}")
    app.close()
    a.close()

# The table of authorities
os.unlink(T + "/trust.cdb")
service.stop()
service = lab.Service("tls-connect", "-f", T + "/trust.cdb", "-T", "60")
f, said = session(pem("good.test", "inter"), "good.test", "good.test")
tap.same(f.get("SSL_PEER_VERIFY"), "no-trust-store", "without trust.cdb")
f, said = session(pem("good.test", "inter"), "good.test", "good.test", "pkix")
tap.same(said, None, "nothing is valid")
lab.table("trust.cdb", "tls-build", "-t", "ca/root.pem")
f, said = session(pem("good.test", "inter"), "good.test", "good.test", "pkix")
tap.ok(said, "a new table is used at once", f)
tap.same(service.stop(), 0, "SIGTERM")

# By hand
with socket.socket() as l:
    l.bind(("127.0.0.1", 0))
    l.listen(1)
    join = lab.background(lambda: server(pem("good.test", "inter"),
                                         T + "/ca/good.test.key",
                                         l.accept()[0]).unwrap().close())
    p = subprocess.run(["tls-connect", "-f", T + "/trust.cdb", "-vp", "-n",
                        "good.test", "127.0.0.1", str(l.getsockname()[1])],
                       input=b"QUIT\r\n", capture_output=True,
                       timeout=lab.PATIENCE)
    tap.same((p.returncode, p.stdout), (0, b"220 good.test\r\nQUIT\r\n"),
             "by hand: the end of stdin still lets answers come")
    tap.ok(b"SSL_PEER_VERIFY=ok" in p.stderr, "-v tells the facts", p.stderr)
    join()
    port = str(l.getsockname()[1])
p = subprocess.run(["tls-connect", "127.0.0.1", port], capture_output=True)
tap.same(p.returncode, 111, "nobody listens")
for args in [[], ["x"], ["-w", "x", "y"], ["-T", "x", "a", "b"]]:
    tap.same(subprocess.run(["tls-connect", *args],
                            capture_output=True).returncode, 100,
             f"usage: {args}")
tap.finish()
