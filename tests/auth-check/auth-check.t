#!/usr/bin/python3
"""The Dovecot authentication protocol, as Postfix and Dovecot speak it."""
import atexit
import base64
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings

warnings.simplefilter("ignore", DeprecationWarning)
import crypt

sys.path.insert(0, "tests")
import tap

# a process that is not dumpable cannot be looked through for leaks
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
DIR = tempfile.TemporaryDirectory(prefix="auth-test-")
T = DIR.name
PATIENCE = 60  # what auth-check lets wait has an answer after 20


def argon2id(password):
    for d in ("e", "v"):
        os.makedirs(f"{T}/{d}", exist_ok=True)
    with open(f"{T}/e/domains", "w") as f:
        f.write("a.test\n")
    subprocess.run(["user-edit", "-u", f"{T}/v/users", "-e", f"{T}/e", "add",
                    "x@a.test"], input=password, text=True, check=True,
                   stderr=subprocess.DEVNULL)
    with open(f"{T}/v/users") as f:
        line = f.read().strip()
    os.unlink(f"{T}/v/users")
    return line.split(":", 1)[1]


HASH = argon2id("secret")
users = {
    "argon@a.test": HASH,
    "sha512@a.test": crypt.crypt("secret", "$6$abcdefgh$"),
    "sha256@a.test": crypt.crypt("secret", "$5$abcdefgh$"),
    "yescrypt@a.test": crypt.crypt("secret", "$y$j9T$abcdefghijklmnop$"),
    "bcrypt@a.test": crypt.crypt("secret", "$2b$05$abcdefghijklmnopqrstuu"),
    "des@a.test": crypt.crypt("secret", "ab"),
    "md5@a.test": crypt.crypt("secret", "$1$abcdefgh$"),
    "star@a.test": "*0",
    "plain@a.test": "secret",
    "empty@a.test": "",
}


def table(entries):
    with open(T + "/in", "wb") as f:
        for k, v in entries.items():
            f.write(f"+{len(k.encode())},{len(v)}:{k}->{v}\n".encode())
        f.write(b"\n")
    subprocess.run(["cdb", "-c", "-t", T + "/tmp", T + "/new", T + "/in"],
                   check=True)
    os.rename(T + "/new", T + "/users.cdb")


table(users)


class Service:
    def __init__(self, *args, before=()):
        self.paths = [T + "/auth", T + "/auth-master"]
        fds = []
        for p in self.paths:
            if os.path.exists(p):
                os.unlink(p)
            s = socket.socket(socket.AF_UNIX)
            s.bind(p)
            s.listen(500)
            os.set_inheritable(s.fileno(), True)
            fds.append(s)
        r, w = os.pipe()
        self.log = T + "/log"
        with open(self.log, "w") as log:
            self.p = subprocess.Popen(
                [*before, "auth-check", "-f", T + "/users.cdb", "-w", "-d", str(w),
                 "-m", str(fds[1].fileno()), *args], stdin=fds[0], stderr=log,
                pass_fds=[w, fds[1].fileno()])
        atexit.register(self.p.kill)
        os.close(w)
        for s in fds:
            s.close()
        assert os.read(r, 1) == b"\n"
        os.close(r)

    def stop(self):
        self.p.terminate()
        return self.p.wait(PATIENCE)


class Line:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(PATIENCE)
        self.s.connect(path)
        self.buf = b""

    def get(self):
        """A line as its fields; None at the end."""
        while b"\n" not in self.buf:
            try:
                b = self.s.recv(65536)
            except ConnectionResetError:
                b = b""
            if not b:
                return None
            self.buf += b
        line, self.buf = self.buf.split(b"\n", 1)
        return line.decode().split("\t")

    def put(self, *fields):
        self.s.sendall("\t".join(map(str, fields)).encode() + b"\n")

    def close(self):
        self.s.close()


class Client(Line):
    """Shakes hands in Postfix's order: our lines, then the server's."""

    def __init__(self, service, pid=4711):
        super().__init__(service.paths[0])
        self.pid = pid
        self.put("VERSION", 1, 1)
        self.put("CPID", pid)
        self.hello = {}
        self.mechanisms = []
        while (f := self.get()) and f[0] != "DONE":
            if f[0] == "MECH":
                self.mechanisms.append(f[1:])
            else:
                self.hello[f[0]] = f[1:]

    def plain(self, id, name, password, *more, authzid=""):
        self.put("AUTH", id, "PLAIN", "service=smtp", "nologin",
                 "lip=127.0.0.1", "rip=192.0.2.1", "secured", *more,
                 "resp=" + b64(f"{authzid}\0{name}\0{password}"))

    def check(self, *args, **kw):
        self.plain(1, *args, **kw)
        return self.get()


def b64(s):
    return base64.b64encode(s.encode() if isinstance(s, str) else s).decode()


service = Service("-D", "50", "-n", "2", "-i", "0/1", "-a",
                  "0/1")
c = Client(service)
tap.ok(c.hello["VERSION"][0] == "1" and c.hello["SPID"][0].isdigit() and
       re.fullmatch("[0-9a-f]{32}", c.hello["COOKIE"][0]) and "CUID" in c.hello,
       "the server's handshake", c.hello)
tap.same(c.mechanisms, [["PLAIN", "plaintext"], ["LOGIN", "plaintext"]],
         "PLAIN and LOGIN")

for kind in ["argon", "sha512", "sha256", "yescrypt", "bcrypt"]:
    n = f"{kind}@a.test"
    tap.same(c.check(n, "secret"), ["OK", "1", "user=" + n], f"{kind}: right")
    tap.same(c.check(n, "Secret"), ["FAIL", "1", "user=" + n], f"{kind}: wrong")
for kind in ["des", "md5", "star", "plain", "empty"]:
    n = f"{kind}@a.test"
    f = c.check(n, "secret")
    tap.ok(f[0] == "FAIL" and "temp" in f, f"{kind}: not among our kinds", f)
tap.same(c.check("ARGON@A.Test", "secret"), ["OK", "1", "user=argon@a.test"],
         "the account's name is the table's key")
for name in ["nobody@a.test", "argon", "argon@b.test", "", "@", "a" * 300]:
    tap.same(c.check(name, "secret"), ["FAIL", "1", "user=" + name],
             f"unknown: {name[:20]!r}")
tap.same(c.check("argon@a.test", "", ), ["FAIL", "1", "user=argon@a.test"],
         "an empty password")
tap.same(c.check("argon@a.test", "secret", authzid="argon@a.test")[0], "OK",
         "authzid = authcid (RFC 4616 2)")
tap.same(c.check("argon@a.test", "secret", authzid="Argon@A.TEST")[0], "OK",
         "in another spelling")
tap.same(c.check("argon@a.test", "secret", authzid="bcrypt@a.test")[0], "FAIL",
         "nobody acts for another")
f = c.check("x\ty\r\n\1@a.test", "secret")
tap.same(f, ["FAIL", "1", "user=x\1ty\1r\1n\0011@a.test"], "names are escaped")

for what, resp in [("no NUL", b"abc"), ("one NUL", b"\0abc"),
                   ("NUL in the password", b"\0argon@a.test\0sec\0ret"),
                   ("too long", b"\0argon@a.test\0" + b"x" * 1100),
                   ("empty", b"")]:
    c.put("AUTH", 1, "PLAIN", "resp=" + b64(resp))
    tap.same(c.get()[0], "FAIL", f"PLAIN: {what}")
for resp in ["!!!", "YQ", "YQ==YQ==", "\0"]:
    if resp == "\0":
        continue
    c.put("AUTH", 1, "PLAIN", "resp=" + resp)
    tap.same(c.get()[0], "FAIL", f"not base64: {resp}")

c.put("AUTH", 2, "PLAIN", "service=imap")
tap.same(c.get(), ["CONT", "2", ""], "PLAIN without initial response")
c.put("CONT", 2, b64("\0argon@a.test\0secret"))
tap.same(c.get()[0], "OK", "and the response")
c.put("AUTH", 3, "LOGIN", "service=smtp")
tap.same(c.get(), ["CONT", "3", b64("Username:")], "LOGIN asks for a name")
c.put("CONT", 3, b64("argon@a.test"))
tap.same(c.get(), ["CONT", "3", b64("Password:")], "then for a password")
c.put("CONT", 3, b64("secret"))
tap.same(c.get(), ["OK", "3", "user=argon@a.test"], "LOGIN: right")
c.put("AUTH", 4, "login", "resp=" + b64("argon@a.test"))
tap.same(c.get(), ["CONT", "4", b64("Password:")], "LOGIN, name at once")
c.put("CONT", 4, b64("wrong"))
tap.same(c.get()[0], "FAIL", "LOGIN: wrong")
c.put("AUTH", 5, "CRAM-MD5")
tap.same(c.get()[:2], ["FAIL", "5"], "another mechanism")
c.put("CONT", 99, "eA==")
tap.same(c.get()[:2], ["FAIL", "99"], "an answer to nothing")
c.put("NEWS", 1, "x")
tap.same(c.check("argon@a.test", "secret")[0], "OK",
         "unknown commands are skipped")
c.put("AUTH", 6, "LOGIN")
c.get()
c.put("CANCEL", 6)
c.put("AUTH", 6, "LOGIN")
tap.same(c.get()[0], "CONT", "a cancelled id may be used again")
c.close()

# Several at once, answers by id
c = Client(service)
for i in range(10, 30):
    c.plain(i, "argon@a.test", "secret" if i % 2 else "wrong")
got = sorted((int(f[1]), f[0]) for f in (c.get() for _ in range(20)))
tap.same(got, [(i, "OK" if i % 2 else "FAIL") for i in range(10, 30)],
         "20 requests at once")
c.close()

# An unknown account takes as long: the same hash over as much memory
service.stop()


def hashes(name):
    """The mappings that a guess at it makes, of 8 MiB and more."""
    trace = T + "/trace-" + name
    s = Service("-D", "50", "-i", "0/1", "-a", "0/1", before=[
        "strace", "-D", "-f", "-o", trace, "-e", "trace=mmap"])
    c = Client(s)
    c.check(name, "guess")
    c.close()
    s.stop()

    def traced():
        with open(trace) as f:
            return re.search(rf"(?m)^{s.p.pid} .*\+\+\+", text := f.read()) \
                and text
    return [n for n in map(int, re.findall(r"mmap\(NULL, (\d+),",
                                           tap.until(traced) or ""))
            if n >= 8 << 20]


if shutil.which("strace") and not subprocess.run(
        ["strace", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL
        ).returncode:
    known = hashes("argon@a.test")
    tap.ok(known, "a guess is hashed")
    tap.same(hashes("nobody@a.test"), known,
             "an unknown account costs as much")
else:
    tap.ok(True, "an unknown account costs as much # SKIP no strace")

# The master side
service = Service("-D", "50", "-i", "0/1", "-a", "0/1")


def ask(*fields):
    m = Line(service.paths[1])
    m.put("VERSION", 1, 1)
    m.put(*fields)
    f = m.get()
    while f and f[0] in ("VERSION", "SPID"):
        f = m.get()
    m.close()
    return f


c = Client(service, pid=77)
c.check("argon@a.test", "secret")
cookie = c.hello["COOKIE"][0]
tap.same(ask("REQUEST", 5, 77, 2, cookie)[:2], ["FAIL", "5"], "another id")
tap.same(ask("REQUEST", 5, 78, 1, cookie)[:2], ["FAIL", "5"], "another pid")
tap.same(ask("REQUEST", 5, 77, 1, "0" * 32)[:2], ["FAIL", "5"],
         "another cookie")
tap.same(ask("REQUEST", 5, 77, 1, cookie[:8])[:2], ["FAIL", "5"],
         "a part of it")
tap.same(ask("REQUEST", 5, 77, 1, cookie), ["USER", "5", "argon@a.test"],
         "a master confirms who logged in")
tap.same(ask("REQUEST", 5, 77, 1, cookie)[:2], ["FAIL", "5"], "once")
c.check("argon@a.test", "wrong")
tap.same(ask("REQUEST", 5, 77, 1, cookie)[:2], ["FAIL", "5"],
         "a failure proves nothing")
c.check("argon@a.test", "secret")
c.close()
tap.same(ask("REQUEST", 5, 77, 1, cookie)[:2], ["FAIL", "5"],
         "nor does one who left")
tap.same(ask("USER", 7, "Argon@A.test", "service=lmtp"),
         ["USER", "7", "argon@a.test"], "a look-up")
tap.same(ask("USER", 7, "nobody@a.test", "service=lmtp"), ["NOTFOUND", "7"],
         "of nobody")
tap.same(ask("LIST", 8, "service=x")[:2], ["FAIL", "8"], "another command")
f = Line(service.paths[0])
f.put("VERSION", 1, 1)
f.put("CPID", 1)
f.put("REQUEST", 5, 77, 1, cookie)
f.put("USER", 5, "argon@a.test")
f.put("AUTH", 9, "LOGIN")
while (x := f.get())[0] not in ("CONT", "USER", "NOTFOUND", "FAIL"):
    pass
tap.same(x[0], "CONT", "the client side has no master commands")
f.close()


# Malicious and slow ones
def ends(bytes_, what, path=0):
    x = Line(service.paths[path])
    try:
        x.s.sendall(bytes_)
    except OSError:
        pass
    while (f := x.get()) is not None:
        pass
    tap.same(f, None, f"the end of one that sends {what}")
    x.close()


HELLO = b"VERSION\t1\t1\nCPID\t1\n"
ends(b"VERSION\t2\t0\n", "another major version")
ends(b"AUTH\t1\tPLAIN\tresp=AAAA\n", "requests before the handshake")
ends(b"CPID\t1\n", "no version")
ends(HELLO + b"CPID\t2\n", "a second CPID")
ends(HELLO + b"AUTH\t-1\tPLAIN\n", "a bad id")
ends(HELLO + b"AUTH\t1\tLOGIN\nAUTH\t1\tLOGIN\n", "an id in use")
ends(b"x" * 20000, "a line without end")
ends(HELLO + b"AU\0TH\n", "a NUL")
ends(b"VERSION\t2\t0\n", "another version", 1)
ends(b"REQUEST\t1\t1\t1\tx\n", "requests before the handshake", 1)
for _ in range(30):
    x = Line(service.paths[0])
    x.s.sendall(HELLO + os.urandom(3000))
    x.close()

c = Client(service)
for i in range(1, 101):
    c.put("AUTH", i, "LOGIN")
answers = [c.get() for _ in range(100)]
tap.same((sum(f[0] == "CONT" for f in answers),
          sum(f[0] == "FAIL" and "temp" in f for f in answers)), (64, 36),
         "open requests of one client are bounded")
d = Client(service)
tap.same(d.check("argon@a.test", "secret")[0], "OK", "others are still served")
c.close()

flood = [Client(service) for _ in range(20)]
for c in flood:
    for i in range(50):
        c.plain(i + 1, "nobody@a.test", "guess")
seen = d.check("argon@a.test", "secret")
tap.ok(seen[0] in ("OK", "FAIL"), "an answer even under a flood of guesses",
       seen)
for c in flood:
    c.close()
for _ in range(400):  # the flood's last checks may still be running
    f = d.check("argon@a.test", "secret")
    if f[0] == "OK":
        break
tap.same(f[0], "OK", "and the right one after it")

greedy = Client(service)
greedy.s.setblocking(False)
try:
    while True:  # never reads
        greedy.s.send(b"AUTH\t1\tFOO\n" * 1000)
except OSError:
    pass
tap.same(d.check("argon@a.test", "secret")[0], "OK",
         "one that reads no answers delays nobody")
greedy.close()

slow = Line(service.paths[0])
for byte in HELLO + b"AUTH\t1\tPLAIN\tresp=" + b64(
        "\0argon@a.test\0secret").encode() + b"\n":
    slow.s.send(bytes([byte]))
while (f := slow.get())[0] not in ("OK", "FAIL"):
    pass
tap.same(f[0], "OK", "single bytes")
slow.close()

with open(service.log) as f:
    log = f.read()
tap.ok("secret" not in log and "guess" not in log and
       "authenticated argon@a.test from 192.0.2.1" in log and
       "refused nobody@a.test from 192.0.2.1" in log,
       "the log has names and addresses, no passwords", log[-300:])

# The table
table({"new@a.test": HASH})
tap.same(d.check("new@a.test", "secret")[0], "OK", "a new table counts at once")
tap.same(d.check("argon@a.test", "secret")[0], "FAIL", "and only that")
os.unlink(T + "/users.cdb")
f = d.check("new@a.test", "secret")
tap.ok(f[0] == "FAIL" and "temp" in f and "code=temp_fail" in f,
       "without a table: a temporary failure, never a no", f)
tap.ok(ask("USER", 7, "new@a.test")[0] == "FAIL", "to the master as well")
table(users)
tap.same(d.check("argon@a.test", "secret")[0], "OK", "back again")

# Processes
with open(f"/proc/{service.p.pid}/status") as f:
    status = f.read()
if "san" not in os.environ.get("O", ""):
    tap.ok("Seccomp:\t2" in status and "NoNewPrivs:\t1" in status, "in the jail")


def idles():
    """It does not run at all for a third of a second."""
    counts = []
    for _ in range(2):
        with open(f"/proc/{service.p.pid}/status") as f:
            counts.append(re.findall(r"switches:\s+(\d+)", f.read()))
        time.sleep(0.3)
    return counts[0] == counts[1]


tap.ok(tap.until(idles), "idle, it uses no CPU")
d.close()
tap.same(service.stop(), 0, "SIGTERM")

service = Service("-U", "12345")
x = Line(service.paths[0])
tap.same(x.get(), None, "-U: other users are refused")
x.close()
tap.same(ask("USER", 7, "argon@a.test")[0], "USER",
         "-U is for the client side: the master's wall is its socket")
service.stop()
service = Service("-c", "3")
cs = [Client(service) for _ in range(6)]
tap.same(cs[-1].check("argon@a.test", "secret")[0], "OK",
         "a full house makes room for the next")
tap.same(cs[0].get(), None, "by the one that was silent longest")
service.stop()

# nowait
p = subprocess.run(["auth-check", "-D", "1", "-f", T + "/users.cdb"],
                   input=HELLO + b"AUTH\t1\tPLAIN\tresp=AAAA\n",
                   capture_output=True, timeout=PATIENCE)
tap.ok(p.returncode == 0 and b"DONE\n" in p.stdout, "nowait: one client", p)
for args in [["x"], ["-n", "0"], ["-m", "5"], ["-z"]]:
    tap.same(subprocess.run(["auth-check", *args], stdin=subprocess.DEVNULL,
                            capture_output=True).returncode, 100,
             f"usage: {args}")
tap.finish()
