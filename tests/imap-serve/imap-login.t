#!/usr/bin/python3
"""imap-login between a client and services that the test plays itself."""
import array
import base64
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, "tests")
import tap
from tap import ok, same

DIR = tempfile.mkdtemp()
PLAIN = base64.b64encode(b"\0alice\0s3cret-passw0rd").decode()
ENV = dict(os.environ, ROHRPOST_RUN=DIR)
SAN = "asan" in subprocess.run(["ldd", shutil.which("imap-login")],
                               capture_output=True, text=True).stdout

if SAN:  # the leak checker cannot look at a process that is not dumpable
    ENV["ASAN_OPTIONS"] = "detect_leaks=0"


def serve(name, each):
    s = socket.socket(socket.AF_UNIX)
    s.bind(f"{DIR}/{name}")
    s.listen(20)

    def loop():
        while True:
            c, _ = s.accept()
            threading.Thread(target=each, args=(c,), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()


def auth(c):
    """Dovecot's authentication protocol, as little as it takes."""
    c.sendall(b"VERSION\t1\t2\nMECH\tPLAIN\nMECH\tLOGIN\nSPID\t7\nCUID\t1\n"
              b"COOKIE\tc00c1e\nDONE\n")
    user = None
    for line in c.makefile("rb"):
        f = line.decode().rstrip("\n").split("\t")
        if f[0] not in ("AUTH", "CONT"):
            continue
        n = f[1]
        resp = [x[5:] for x in f if x.startswith("resp=")]
        if f[0] == "AUTH" and f[2] == "LOGIN" and not resp:
            c.sendall(f"CONT\t{n}\tVXNlcm5hbWU6\n".encode())
        elif f[0] == "CONT" and user is None:
            user = f[2]
            c.sendall(f"CONT\t{n}\tUGFzc3dvcmQ6\n".encode())
        elif resp == [PLAIN] or f[0] == "CONT" and f[2] == "aHVudGVyMg==":
            AUTHS.append(f)
            c.sendall(f"OK\t{n}\tuser=alice\n".encode())
        else:
            c.sendall(f"FAIL\t{n}\tuser=x\n".encode())


def netstring(s):
    n, rest = s.split(b":", 1)
    return rest[:int(n)], rest[int(n) + 1:]


def imap(c):
    """Takes the client or says what MODE says."""
    data, ancillary, _, _ = c.recvmsg(65536, 64)
    fd = array.array("i")
    fd.frombytes(ancillary[0][2])
    while data.count(b",") < 2 or not data.endswith(b","):
        data += c.recv(65536)
    facts, rest = netstring(data)
    pending, rest = netstring(rest)
    f = dict(x.split("=", 1) for x in facts.decode().split("\0") if x)
    HANDED.append((f, pending, rest))
    if MODE == "K":
        os.write(fd[0], f"{f['tag']} OK {pending!r}\r\n".encode())
    if MODE != "die":
        c.sendall(MODE.encode())
    os.close(fd[0])
    c.close()


def tls(c):
    """Plaintext in, plaintext out."""
    _, ancillary, _, _ = c.recvmsg(1, 64)
    fd = array.array("i")
    fd.frombytes(ancillary[0][2])
    client = socket.socket(fileno=fd[0])
    facts = b"SSL_PROTOCOL=TLSv1.2\0SSL_CIPHER=x\0SSL_TLS_SNI_SERVERNAME=\0"
    c.sendall(b"%d:%s," % (len(facts), facts))

    def pump(a, b):
        while True:
            d = a.recv(4096)
            if not d:
                break
            b.sendall(d)
        try:
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    threading.Thread(target=pump, args=(client, c), daemon=True).start()
    pump(c, client)


class Session:
    def __init__(self, *options, program=None):
        ours, its = socket.socketpair()
        self.s = ours
        self.s.settimeout(60)
        self.p = subprocess.Popen(
            program or ["imap-login", "-y", "0", *options], stdin=its,
            stdout=its, stderr=subprocess.PIPE, env=ENV)
        its.close()
        self.f = self.s.makefile("rb")
        self.greeting = self.line()

    def line(self):
        try:
            return self.f.readline().decode().rstrip("\r\n")
        except ConnectionResetError:
            return ""

    def send(self, s):
        self.s.sendall(s if isinstance(s, bytes) else s.encode())

    def ask(self, command):
        """The tagged (or bad) answer."""
        self.send(command + "\r\n")
        return self.answer()

    def answer(self):
        while True:
            s = self.line()
            if not s.startswith("* ") or s.startswith(("* BAD", "* BYE")):
                return s

    def end(self):
        self.s.close()
        self.f.close()
        self.p.stderr.close()
        return self.p.wait(60)


def before_login():
    s = Session()
    ok(s.greeting.startswith("* OK [CAPABILITY IMAP4rev1 ")
       and " STARTTLS LOGINDISABLED]" in s.greeting
       and "AUTH=" not in s.greeting,
       "RFC 3501 6.2.3: LOGINDISABLED before TLS", s.greeting)
    ok(s.ask(f"a LOGIN alice s3cret-passw0rd").startswith(
        "a NO [PRIVACYREQUIRED]"), "RFC 3501 11.1: no LOGIN before TLS")
    ok(s.ask(f"a AUTHENTICATE PLAIN {PLAIN}").startswith(
        "a NO [PRIVACYREQUIRED]"), "and no AUTHENTICATE")
    s.send("b capability\r\nc Noop\r\nd ID (\"name\" {3+}\r\nabc \"os\" NIL)\r\n")
    ok("LITERAL+ SASL-IR" in s.line(), "CAPABILITY")
    same([s.line()[:4] for _ in range(4)],
         ["b OK", "c OK", "* ID", "d OK"], "NOOP, ID (RFC 2971), pipelined")
    ok(s.ask("e SELECT INBOX").startswith("e BAD"), "no mailbox before login")
    ok(s.ask("f ID (\"a\"").startswith("f BAD"), "half a list")
    ok(s.ask("g NOOP x").startswith("g BAD"), "NOOP with arguments")
    s.send("h LOGOUT\r\n")
    ok(s.line().startswith("* BYE"), "LOGOUT says BYE first")
    ok(s.line().startswith("h OK"), "then OK")
    same(s.end(), 0, "and ends")


def logins():
    for name, send in (
            ("LOGIN, atoms", ["x1 LOGIN alice s3cret-passw0rd\r\n"]),
            ("LOGIN, quoted", ['x1 login "alice" "s3cret\\-passw0rd"\r\n'
                               .replace("\\-", "-")]),
            ("LOGIN, literals", ["x1 LOGIN {5}\r\n", "alice {15}\r\n",
                                 "s3cret-passw0rd\r\n"]),
            ("LOGIN, literals without waiting (RFC 7888)",
             ["x1 LOGIN {5+}\r\nalice {15+}\r\ns3cret-passw0rd\r\n"]),
            ("AUTHENTICATE PLAIN", ["x1 AUTHENTICATE PLAIN\r\n",
                                    PLAIN + "\r\n"]),
            ("AUTHENTICATE PLAIN, initial response (RFC 4959)",
             [f"x1 authenticate plain {PLAIN}\r\n"]),
            ("AUTHENTICATE LOGIN", ["x1 AUTHENTICATE LOGIN\r\n", "YWxpY2U=\r\n",
                                    "aHVudGVyMg==\r\n"])):
        s = Session("-p")
        HANDED.clear()
        for i, part in enumerate(send):
            if i:
                answer = s.line()
                if not answer.startswith("+ "):
                    ok(0, name, answer)
            s.send(part)
        ok(s.answer().startswith("x1 OK"), name)
        same(s.end(), 0, f"{name}: gone when imap-serve has taken over")
        f = HANDED[0][0]
        same((f["tag"], f["cmd"], f["cookie"], f["tls"]),
             ("x1", "LOGIN" if name.startswith("LOGIN") else "AUTHENTICATE",
              "c00c1e", ""), f"{name}: what imap-serve is told")
        ok(f["pid"].isdigit() and f["id"] == "1", "pid and id")
    s = Session("-p")
    s.send("t LOGIN alice s3cret-passw0rd\r\nu SELECT INBOX\r\nv NO")
    ok("b'u SELECT INBOX\\r\\nv NO'" in s.answer(),
       "bytes read too much go along")
    s.end()


def refusals():
    global MODE
    s = Session("-p")
    MODE = "N"
    ok(s.ask("a LOGIN alice s3cret-passw0rd").startswith("a NO [UNAVAILABLE]"),
       "RFC 5530: imap-serve says no")
    MODE = "die"
    ok(s.ask("b LOGIN alice s3cret-passw0rd").startswith("b NO [UNAVAILABLE]"),
       "imap-serve dies")
    MODE = "K"
    ok(s.ask("c LOGIN alice s3cret-passw0rd").startswith("c OK"),
       "the session goes on")
    s.end()
    s = Session("-p", "-I", f"{DIR}/none")
    ok(s.ask("a LOGIN alice s3cret-passw0rd").startswith("a NO [UNAVAILABLE]"),
       "no imap-serve")
    s.end()
    s = Session("-p", "-A", f"{DIR}/none")
    ok(s.ask("a LOGIN alice s3cret-passw0rd").startswith("a NO [UNAVAILABLE]"),
       "no auth-check")
    s.end()
    s = Session("-p")
    for i in range(3):
        ok(s.ask("a LOGIN alice wrong").startswith(
            "a NO [AUTHENTICATIONFAILED]"), f"wrong password {i + 1}")
    ok(s.line().startswith("* BYE"), "three are enough")
    same(s.end(), 1, "exit code")
    s = Session("-p")
    start = time.monotonic()
    s.end()
    s = Session("-p", "-y", "1")
    s.ask("a LOGIN alice wrong")
    ok(time.monotonic() - start > 0.9, "a wrong password costs time")
    s.end()


def hostile():
    s = Session("-p", "-e", "100")
    ok(s.ask("a AUTHENTICATE PLAIN !!!").startswith("a BAD"), "no base64")
    s.send("b AUTHENTICATE PLAIN\r\n")
    s.line()
    ok(s.ask("*").startswith("b BAD"), "cancelled (RFC 3501 6.2.2)")
    ok(s.ask("c AUTHENTICATE FOO").startswith("c NO"), "unknown mechanism")
    ok(s.ask("c AUTHENTICATE PLAIN =").startswith("c NO"), "empty response")
    ok(s.ask("d LOGIN a {4097}").startswith("d BAD [TOOBIG]"),
       "a literal above 4 KiB")
    s.send(b"e LOGIN a {4100+}\r\n" + b"x NOOP\r\n" * 512 + b"1234\r\n")
    ok(s.answer().startswith("e BAD"), "and one that comes unasked")
    ok(s.ask("f NOOP").startswith("f OK"), "is no command")
    s.send(b"g LOGIN a {3+}\r\na\0b c\r\n")
    ok(s.answer().startswith("g BAD"), "NUL in a literal")
    s.send(b"h LOGIN a \0\r\n")
    ok("BAD" in s.answer(), "NUL in a line")
    s.send(b"i " + b"x" * 10000 + b"\r\n")
    ok("BAD" in s.answer(), "a line above 8 KiB")
    ok(s.ask("j NOOP").startswith("j OK"), "and on it goes")
    for bad in ("", "k", "+ NOOP", "k LOGIN", "k LOGIN a", "k LOGIN a b c",
                "k LOGIN (a) b", 'k LOGIN "a b', 'k LOGIN "a\\b" c',
                "k LOGIN a  b", "k LOGIN a {x}", "k  NOOP", "{3} NOOP",
                "k" * 65 + " NOOP", "k LOGIN " + "(" * 3000):
        answer = s.ask(bad)
        if " BAD " not in " " + answer:
            ok(0, f"bad command {bad!r}", answer)
    ok(s.ask("l NOOP").startswith("l OK"), "bad commands are told so")
    s.send(b"m FOO {100000+}\r\n")
    ok(s.answer().startswith("* BYE"), "an endless literal ends it")
    s.end()
    s = Session()
    for i in range(9):
        s.ask("a FOO")
    s.ask("a FOO")
    ok(s.line().startswith("* BYE"), "ten errors are enough")
    same(s.end(), 1, "exit code")
    s = Session("-t", "1")
    s.send("a NOO")
    ok(s.answer().startswith("* BYE"), "a client that is silent for too long")
    same(s.end(), 99, "exit code: timed out")
    s = Session("-t", "600", "-m", "1")
    end = time.monotonic() + 60
    try:
        while (said := s.ask("a NOOP")).startswith("a OK"):
            if time.monotonic() > end:
                break
    except BrokenPipeError:
        said = ""
    ok(not said.startswith("a OK"), "or talks for too long")
    s.end()


def starttls():
    s = Session()
    s.send("a STARTTLS\r\nb NOOP\r\n")
    ok(s.line().startswith("a BAD"), "CVE-2011-0411: pipelined behind STARTTLS")
    ok(s.line().startswith("* BYE"), "the connection ends")
    s.end()
    s = Session()
    ok(s.ask("a STARTTLS").startswith("a OK"), "STARTTLS")
    s.send("b CAPABILITY\r\n")
    line = s.line()
    ok("AUTH=PLAIN" in line and "STARTTLS" not in line
       and "LOGINDISABLED" not in line, "RFC 3501 6.2.1: new capabilities")
    s.line()
    ok(s.ask("c STARTTLS").startswith("c BAD"), "once only")
    HANDED.clear()
    ok(s.ask("d LOGIN alice s3cret-passw0rd").startswith("d OK"),
       "LOGIN inside TLS")
    same(HANDED[0][0]["tls"], "TLSv1.2", "imap-serve is told")
    ok("secured" in AUTHS[-1], "auth-check is told")
    s.end()
    s = Session("-i")
    ok("AUTH=PLAIN" in s.greeting and "STARTTLS" not in s.greeting,
       "-i: TLS at once", s.greeting)
    s.end()
    s = Session("-T", "")
    ok("STARTTLS" not in s.greeting, "no STARTTLS without tls-serve")
    s.end()


def pipes():
    p = subprocess.Popen(["imap-login", "-p"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, env=ENV,
                         stderr=subprocess.DEVNULL)
    ok(p.stdout.readline().startswith(b"* OK"), "two pipes: greeting")
    p.stdin.write(b"a LOGIN alice s3cret-passw0rd\r\nb NOOP\r\n")
    p.stdin.flush()
    ok(p.stdout.readline().startswith(b"a OK"),
       "two pipes: imap-serve's words come through")
    same(p.wait(60), 0, "and it ends with imap-serve")
    p.stdin.close()
    p.stdout.close()


def memory(pid, what):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            if line.startswith(what):
                return int(line.split()[1])


def secrets():
    if os.getuid() or SAN:
        return  # not dumpable; and the sanitizer keeps copies
    s = Session("-p")
    s.ask('a LOGIN alice "s3cret-wr0ng-one"')
    s.ask("a AUTHENTICATE PLAIN " +
          base64.b64encode(b"\0alice\0s3cret-wr0ng-one").decode())
    found = []
    encoded = base64.b64encode(b"\0alice\0s3cret-wr0ng-one")
    with open(f"/proc/{s.p.pid}/maps") as maps, \
            open(f"/proc/{s.p.pid}/mem", "rb") as mem:
        for line in maps:
            where = line.split()
            if not where[1].startswith("rw") or "[v" in line:
                continue
            a, b = (int(x, 16) for x in where[0].split("-"))
            mem.seek(a)
            data = mem.read(b - a)
            for secret in (b"wr0ng-one", encoded[8:]):
                if secret in data:
                    found.append(line.strip())
    same(found, [], "passwords are wiped")
    s.end()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def dial(address, family=socket.AF_INET):
    for _ in range(500):
        s = socket.socket(family)
        s.settimeout(60)
        try:
            s.connect(address)
            return s
        except OSError:
            s.close()
            time.sleep(0.02)
    raise TimeoutError(address)


def talk(s):
    f = s.makefile("rb")
    lines = [f.readline()]
    HANDED.clear()
    s.sendall(b"a LOGIN alice s3cret-passw0rd\r\n")
    lines.append(f.readline())
    return (lines[0].startswith(b"* OK [CAPABILITY")
            and lines[1].startswith(b"a OK"))


def launchers():
    port = free_port()
    login = ["imap-login", "-p"]
    for name, cmd, address in (
            ("tcpserver", ["tcpserver", "-RHl0", "127.0.0.1", str(port),
                           *login], ("127.0.0.1", port)),
            ("tcpsvd", ["tcpsvd", "-l0", "127.0.0.1", str(port), *login],
             ("127.0.0.1", port)),
            ("s6-ipcserver", ["s6-ipcserver", f"{DIR}/ipc", *login],
             f"{DIR}/ipc"),
            ("tcp-listen", ["tcp-listen", "127.0.0.1", str(port), *login,
                            "-w"], ("127.0.0.1", port)),
            ("unix-listen", ["unix-listen", f"{DIR}/unix", *login, "-w"],
             f"{DIR}/unix")):
        if not shutil.which(cmd[0]):
            ok(1, f"{name} # SKIP not installed")
            continue
        p = subprocess.Popen(cmd, env=ENV, stdin=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        try:
            family = (socket.AF_UNIX if isinstance(address, str)
                      else socket.AF_INET)
            with dial(address, family) as s:
                ok(talk(s), f"under {name}")
            if family == socket.AF_INET:
                same(HANDED[0][0]["ip"], "127.0.0.1",
                     f"{name}: the client's address")
            if name == "tcp-listen":
                idle(p, address)
        finally:
            p.terminate()
            p.wait(60)


def idle(p, address):
    with dial(address) as s:
        s.recv(1000)
        with open(f"/proc/{p.pid}/task/{p.pid}/children") as f:
            children = f.read().split()
        try:
            own = (memory(children[-1], "Private_Dirty:")
                   + memory(children[-1], "Private_Clean:"))
        except PermissionError:
            return
        ok(own < 200 or SAN, f"a waiting client costs {own} KiB")


HANDED, AUTHS, MODE = [], [], "K"
try:
    serve("auth", auth)
    serve("imap", imap)
    serve("tls", tls)
    for test in (before_login, logins, refusals, hostile, starttls, pipes, secrets,
                 launchers):
        test()
finally:
    shutil.rmtree(DIR, ignore_errors=True)
tap.finish()
