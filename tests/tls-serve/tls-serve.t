#!/usr/bin/python3
import hashlib
import os
import re
import select
import socket
import ssl
import subprocess
import sys
import time
import warnings

sys.path[:0] = ["tests", "tests/tls-serve"]
import lab
import tap

warnings.simplefilter("ignore", DeprecationWarning)
lab.self_signed("a.test", "a.test", "2048")
lab.self_signed("b.test", "b.test", "3072", names=["b.test", "*.w.b.test"])
lab.self_signed("b-ec", "b.test", "P-256", names=["b.test", "*.w.b.test"])
lab.self_signed("p384.test", "p384.test", "P-384")
lab.self_signed("p521.test", "p521.test", "P-521")
lab.self_signed("r4.test", "r4.test", "4096")
lab.table("tls.cdb", "tls-build", "tls")
serve = ["tls-serve", "-f", lab.T + "/tls.cdb"]
service = lab.Service(*serve, "-T", "60", "-c", "600")


def context(ciphers=None, low=ssl.TLSVersion.TLSv1_2,
            high=ssl.TLSVersion.TLSv1_3):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    c.minimum_version = low
    c.maximum_version = high
    c.set_ciphers((ciphers or "DEFAULT") + ":@SECLEVEL=0")
    return c


def wrap(s, name=None, **kw):
    return context(**kw).wrap_socket(s, server_hostname=name,
                                     suppress_ragged_eofs=False)


def session(name=None, **kw):
    """A TLS client and the application at the other end."""
    a, b = lab.tcp_pair()
    join = lab.background(lambda: wrap(a, name, **kw))
    app, facts = lab.begin(service, b)
    return join(), app, facts


def subject(c):
    """The CN of the peer's certificate and the kind of its key."""
    der = c.getpeercert(True)
    out = lab.openssl("x509", "-inform", "DER", "-noout", "-subject", "-text",
                      input=der).stdout.decode()
    cn = out.splitlines()[0].split("=")[-1].strip()
    return cn, "rsa" if "rsaEncryption" in out else "ec"


# Identities
c, app, f = session("b.test")
tap.same(f, {"SSL_PROTOCOL": "TLSv1.2", "SSL_TLS_SNI_SERVERNAME": "b.test",
             "SSL_CIPHER": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
         "the application is told protocol, suite, server name")
app.sendall(b"220 hello\r\n")
tap.same(c.recv(100), b"220 hello\r\n", "plaintext goes out")
c.sendall(b"EHLO x\r\n")
tap.same(app.recv(100), b"EHLO x\r\n", "plaintext comes in")
c.close()
app.close()

for name, ciphers, want in [
        ("b.test", None, ("b.test", "ec")),
        ("B.TEST", "aRSA", ("b.test", "rsa")),
        ("x.w.b.test", None, ("b.test", "ec")),
        ("x.y.w.b.test", None, ("a.test", "rsa")),
        ("unknown.test", None, ("a.test", "rsa")),
        (None, None, ("a.test", "rsa")),
        ("p384.test", None, ("p384.test", "ec")),
        ("p521.test", None, ("p521.test", "ec")),
        ("r4.test", None, ("r4.test", "rsa"))]:
    c, app, f = session(name, ciphers=ciphers, high=ssl.TLSVersion.TLSv1_2)
    tap.same(subject(c), want, f"SNI (RFC 6066 3): {name} with {ciphers}")
    c.close()
    app.close()

for suite in ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
              "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-SHA256",
              "ECDHE-RSA-AES256-SHA384", "ECDHE-RSA-AES128-SHA",
              "ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES128-GCM-SHA256",
              "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305",
              "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA384",
              "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA"]:
    c, app, f = session("b.test", ciphers=suite, high=ssl.TLSVersion.TLSv1_2)
    c.sendall(b"x" * 1000)
    got = lab.read_all(app, 1000)
    tap.ok(c.cipher()[0] == suite and got == b"x" * 1000, f"suite {suite}", f)
    c.close()
    app.close()


# Refusals
def refused(what, **kw):
    a, b = lab.tcp_pair()
    join = lab.background(lambda: wrap(a, "b.test", **kw))
    app, f = lab.begin(service, b)
    rest = app.recv(1)
    try:
        join()
        alert = "none"
    except (ssl.SSLError, OSError) as e:
        alert = str(e)
    tap.ok(f and "SSL_PROTOCOL" not in f and "SSL_ERROR" in f and rest == b"",
           f"refused: {what}", f, alert)
    app.close()
    a.close()


refused("TLS 1.3 only", low=ssl.TLSVersion.TLSv1_3)
refused("TLS 1.1 only (RFC 8996)", low=ssl.TLSVersion.TLSv1,
        high=ssl.TLSVersion.TLSv1_1)
refused("no forward secrecy", ciphers="AES128-GCM-SHA256",
        high=ssl.TLSVersion.TLSv1_2)


def raw(bytes_, what, close=True):
    a, b = lab.tcp_pair()
    app, f = None, None
    join = lab.background(lab.begin, service, b)
    a.sendall(bytes_)
    if close:
        a.shutdown(socket.SHUT_WR)
    app, f = join()
    tap.ok(f is not None and "SSL_PROTOCOL" not in f and not app.recv(1), what,
           f)
    a.close()
    app.close()


raw(b"EHLO garbage\r\n" * 50, "garbage instead of a ClientHello")
raw(b"\x16\x03\x01\xff\xff" + b"x" * 100, "a record that is too long")
raw(b"\x16\x03\x01\x00\x05\x01\x00", "an end inside a record")
raw(b"", "an end before anything")
raw(os.urandom(4000), "random bytes")
usual, service = service, lab.Service(*serve, "-T", "1", name="impatient")
raw(b"\x16\x03\x01", "a client that stops in the handshake: its deadline (-T)",
    close=False)
service.stop()
service = usual


# A slow peer, and one that sends byte by byte
def trickle():
    out = mo.read()
    for i in range(len(out)):
        a.sendall(out[i:i + 1])


a, b = lab.tcp_pair()
a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
mi, mo = ssl.MemoryBIO(), ssl.MemoryBIO()
obj = context().wrap_bio(mi, mo, server_hostname="b.test")
join = lab.background(lab.begin, service, b)
while True:
    try:
        obj.do_handshake()
        break
    except ssl.SSLWantReadError:
        trickle()
        got = a.recv(4096)
        assert got, "the server is gone"
        mi.write(got)
app, f = join()
tap.ok("SSL_PROTOCOL" in f, "a handshake in single bytes")
obj.write(b"hello")
trickle()
tap.same(app.recv(10), b"hello", "and data")
app.close()
a.close()

# Endings
c, app, f = session("b.test")
app.sendall(b"221 bye\r\n")
app.close()
tap.same(lab.read_all(c), b"221 bye\r\n",
         "the application's end is a close_notify (RFC 5246 7.2.1)")
c.close()

c, app, f = session("b.test")
c.sendall(b"QUIT\r\n")
plain = c.unwrap()
tap.same(lab.read_all(app), b"QUIT\r\n",
         "a close_notify is the application's end of file")
app.close()
plain.close()

c, app, f = session("b.test")
c.sendall(b"DATA\r\n")
raw_fd = socket.socket(fileno=os.dup(c.fileno()))
raw_fd.shutdown(socket.SHUT_WR)
tap.same(lab.read_all(app), b"DATA\r\n", "TCP's half-close: the end of input")
app.sendall(b"354 go on\r\n" * 1000)
app.close()
tap.same(lab.read_all(c), b"354 go on\r\n" * 1000,
         "and the answers still arrive, with close_notify")
raw_fd.close()
c.close()

c, app, f = session("b.test")
app.sendall(b"x" * 300000)
app.close()
time.sleep(0.2)  # the client is slow to read: not a wait for an event
tap.same(len(lab.read_all(c)), 300000,
         "what was written before the end is not lost on a slow reader")
c.close()

c, app, f = session("b.test")
os.close(os.dup(c.fileno()))
c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
socket.socket(fileno=c.detach()).close()
tap.same(app.recv(10), b"", "a reset is an end too")
app.close()

# An application that stops reading, and one that only reads
c, app, f = session("b.test")
app.shutdown(socket.SHUT_RDWR)
c.settimeout(lab.PATIENCE)
try:
    for _ in range(1000):
        c.sendall(b"x" * 65536)
    ended = False
except (ssl.SSLError, OSError):
    ended = True
tap.ok(ended, "a sender is stopped when the application is gone")
c.close()
app.close()


# An application that has gone, and a client that reads nothing of what it said
# last: -t, whether it is silent or sends a record byte by byte
brief = lab.Service(*serve, "-t", "2", name="brief")


def held(drips):
    """Bytes that it could send before it was put out, in 160 s at least; -1:
    the service held it for as long as we had patience."""
    a, b = lab.tcp_pair()
    for x, how in (a, socket.SO_RCVBUF), (b, socket.SO_SNDBUF):
        x.setsockopt(socket.SOL_SOCKET, how, 4096)
    join = lab.background(lambda: wrap(a, "b.test"))
    app, f = lab.begin(brief, b)
    raw = socket.socket(fileno=join().detach())
    app.setblocking(False)
    while select.select([], [app], [], 1)[1]:  # until no buffer takes more
        app.send(bytes(65536))
    app.close()
    record = b"\x17\3\3\x3f\0" + bytes(0x3f00)
    sent, end = 0, time.monotonic() + 60
    with open(f"/proc/{brief.p.pid}/task/{brief.p.pid}/children") as f:
        child = f.read().split()
    while sent < len(record) and time.monotonic() < end:
        try:
            if drips:
                sent += raw.send(record[sent:sent + 1])
        except OSError:
            break
        if not os.path.exists(f"/proc/{child[0]}"):
            break
        tap.pause.wait(.01)
    else:
        sent = -1
    raw.close()
    return sent


tap.same(held(False), 0, "a client that reads no more does not hold us")
sent = held(True)
tap.ok(sent > 0, "nor one that sends byte by byte", sent)
tap.same(brief.stop(), 0, "it ends")


# Both ways at once, more than any buffer holds
def pump(s, block, n):
    """Sends n blocks and receives as much, in one thread: an SSL object is
    not made for two. The digest of what came."""
    out, want, h = block * n, len(block) * n, hashlib.sha256()
    view, sent, got = memoryview(out), 0, 0
    s.setblocking(False)
    while sent < want or got < want:
        readable, writable = got < want, False
        try:
            if sent < want:
                sent += s.send(view[sent:sent + 65536])
                writable = True
        except (ssl.SSLWantWriteError, BlockingIOError):
            pass
        except ssl.SSLWantReadError:
            pass
        try:
            if got < want:
                b = s.recv(65536)
                if not b:
                    break
                h.update(b)
                got += len(b)
                continue
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            pass
        if not writable:
            select.select([s] if readable else [], [s] if sent < want else [],
                          [], lab.PATIENCE)
    s.settimeout(lab.PATIENCE)
    return h.hexdigest()


def transfer(size):
    c, app, f = session("b.test")
    block = os.urandom(1 << 16)
    n = size // len(block)
    jobs = [lab.background(pump, app, block, n),
            lab.background(pump, c, block, n)]
    want = hashlib.sha256(block * n).hexdigest()
    up, down = jobs[0](), jobs[1]()
    tap.ok(up == want, f"{size >> 20} MiB up while")
    tap.ok(down == want, f"{size >> 20} MiB come down")
    c.close()
    app.close()


transfer(16 << 20)

# Requests that are none
for request, fd, what in [(b"X", True, "another letter"),
                          (b"S", False, "no descriptor")]:
    s = service.connect()
    a, b = lab.tcp_pair()
    if fd:
        socket.send_fds(s, [request], [b.fileno()])
    else:
        s.sendall(request)
    tap.same(s.recv(1), b"", f"refused: {what}")
    s.close()
    a.close()
    b.close()
s = service.connect()
r, w = os.pipe()
socket.send_fds(s, [b"S"], [r])
tap.same(s.recv(1), b"", "refused: a pipe")
s.close()
os.close(r)
os.close(w)

# Renegotiation
a, b = lab.tcp_pair()
join = lab.background(lab.begin, service, b)
a.setblocking(True)
with socket.socket() as l:
    l.bind(("127.0.0.1", 0))
    l.listen(1)
    p = subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect",
                          "127.0.0.1:%d" % l.getsockname()[1]],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    x, _ = l.accept()
a.close()
join()[0].close()
app, f = lab.begin(service, x)
p.stdin.write(b"R\n")
p.stdin.flush()
out = p.stdout.read()
p.wait()
app.close()
tap.ok(b"no renegotiation" in out, "no renegotiation (RFC 5246 7.2.2)")
p.stdin.close()
p.stdout.close()

# Another table
lab.self_signed("a.test", "a.test", "P-256")
lab.table("tls.cdb", "tls-build", "tls")
c, app, f = session("a.test")
tap.same(subject(c), ("a.test", "ec"), "a new table is used at once")
c.close()
app.close()
with open(lab.T + "/broken", "wb") as x:
    x.write(b"no cdb")
os.rename(lab.T + "/broken", lab.T + "/tls.cdb")
c, app, f = session("a.test")
tap.same(subject(c), ("a.test", "ec"), "a broken one is not")
c.close()
app.close()
lab.table("tls.cdb", "tls-build", "tls")


# Idle connections cost little
def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as x:
        return x.read().split()


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as x:
        for line in x:
            if line.startswith("Pss:"):
                return int(line.split()[1])


def idles(pids):
    """No process of these runs at all for half a second."""
    def runs():
        time.sleep(0.5)
        total = 0
        for pid in pids:
            with open(f"/proc/{pid}/status") as x:
                total += sum(map(int, re.findall(r"switches:\s+(\d+)",
                                                 x.read())))
        before[:] = before[-1:] + [total]
        return before[-1] == before[0] and len(before) == 2
    before = []
    return tap.until(runs)


# With one TLS client context: 500 handshakes are enough work.
shared = context()
idle = []
for _ in range(500):
    a, b = lab.tcp_pair()
    join = lab.background(lambda s=a: shared.wrap_socket(s))
    app, f = lab.begin(service, b)
    idle.append((join(), app))
kids = children(service.p.pid)
tap.same(len(kids), 500, "500 connections are 500 processes")
if os.geteuid() == 0:
    each = (sum(map(pss, kids)) + pss(service.p.pid)) / len(kids)
    limit = 100000 if "san" in os.environ.get("O", "") else 150
    tap.ok(each < limit, f"each idle one costs less than {limit} KiB",
           f"{each:.0f} KiB of PSS")
    print(f"# {each:.0f} KiB of PSS per idle connection")
tap.ok(idles(kids), "idle ones use no CPU")
for c, app in idle[:250]:
    app.shutdown(socket.SHUT_WR)
for c, app in idle:
    app.close()
    c.close()

# UCSPI-TLS and immediate mode
APP = r'''
import os, socket, sys
ctl = socket.socket(fileno=int(os.environ["SSLCTLFD"]))
r, w = int(os.environ["SSLREADFD"]), int(os.environ["SSLWRITEFD"])
os.write(1, b"220 begin\r\n")
word = sys.argv[1].encode()
if word == b"-": sys.exit(0)
os.write(ctl.fileno(), word)
got = b""
if word == b"Y":
    ctl.shutdown(socket.SHUT_WR)
    while (b := ctl.recv(4096)): got += b
    if not got: sys.exit(9)
os.close(0); os.close(1)
os.write(w, got.replace(b"\0", b"|") + b".")
while (b := os.read(r, 4096)): os.write(w, b.upper())
'''


def nowait(*argv):
    a, b = lab.tcp_pair()
    p = subprocess.Popen([*serve, *argv], stdin=b, stdout=b)
    b.close()
    return a, p


def tcp_line(s):
    out = b""
    while not out.endswith(b"\n"):
        out += s.recv(1)
    return out


for word in "Yy":
    a, p = nowait(sys.executable, "-c", APP, word)
    tcp_line(a)
    c = wrap(a, "b.test")
    got = b""
    while not got.endswith(b"||." if word == "Y" else b"."):
        got += c.recv(1)
    want = (b"SSL_PROTOCOL=TLSv1.2|SSL_CIPHER="
            b"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256|"
            b"SSL_TLS_SNI_SERVERNAME=b.test||." if word == "Y" else b".")
    tap.same(got, want, f"UCSPI-TLS: {word}")
    c.sendall(b"quit")
    tap.same(c.recv(10), b"QUIT", "and plaintext both ways")
    c.unwrap().close()
    tap.same(p.wait(lab.PATIENCE), 0, "and the end")

a, p = nowait(sys.executable, "-c", APP, "-")
tap.same(lab.read_all(a), b"220 begin\r\n", "UCSPI-TLS: no TLS was wanted")
a.close()
p.wait(lab.PATIENCE)

a, p = nowait(sys.executable, "-c", APP, "Y")
tcp_line(a)
a.sendall(b"garbage" * 10)
tap.same(p.wait(lab.PATIENCE), 9, "UCSPI-TLS: a failed handshake says nothing")
a.close()

a, p = nowait("-i", "sh", "-c", 'echo "$SSL_PROTOCOL $SSL_CIPHER"; exec cat')
c = wrap(a)
tap.same(tcp_line(c), b"TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\n",
         "immediate mode: facts in the environment")
c.sendall(b"echo")
tap.same(c.recv(10), b"echo", "and plaintext on fd 0 and 1")
c.unwrap().close()
tap.same(p.wait(lab.PATIENCE), 0, "and the end")

a, p = nowait("-i", "touch", lab.T + "/started")
a.close()
p.wait(lab.PATIENCE)
tap.ok(not os.path.exists(lab.T + "/started"),
       "immediate mode: without a handshake nothing is started")

# Signals and usage
c, app, f = session("b.test")
service.p.terminate()
app.sendall(b"* BYE\r\n")
tap.same(c.recv(100), b"* BYE\r\n", "SIGTERM leaves time for a last word")
app.close()
lab.read_all(c)
c.close()
tap.same(service.stop(), 0, "and then the service ends")
for args in [[], ["-w", "prog"], ["-T", "0", "prog"], ["-x"]]:
    code = subprocess.run([*serve, *args], stdin=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode
    tap.same(code, 100, f"usage: {args}")
code = subprocess.run(["tls-serve", "-f", "/nonexistent", "true"],
                      stderr=subprocess.DEVNULL).returncode
tap.same(code, 111, "no table")
tap.finish()
