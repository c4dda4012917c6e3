"""What the tests of tls-serve, tls-connect and tls-build share: certificates,
tables, the service on a unix socket, an application that uses it."""
import atexit
import os
import socket
import subprocess
import tempfile
import threading

# a process that is not dumpable cannot be looked through for leaks
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
DIR = tempfile.TemporaryDirectory(prefix="tls-test-")
T = DIR.name
PATIENCE = 60


def openssl(*args, **kw):
    return subprocess.run(["openssl", *args], check=True, cwd=T,
                          capture_output=True, **kw)


def self_signed(folder, name, key="ec", days="30", names=None):
    """tls/FOLDER/{fullchain,privkey}.pem"""
    d = f"{T}/tls/{folder}"
    os.makedirs(d, exist_ok=True)
    kind = (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:" + key]
            if key.startswith("P-") else ["-newkey", "rsa:" + key])
    san = ",".join("DNS:" + n for n in names or [name])
    openssl("req", "-x509", *kind, "-nodes", "-days", days,
            "-subj", "/CN=" + name, "-addext", "subjectAltName=" + san,
            "-keyout", d + "/privkey.pem", "-out", d + "/fullchain.pem")
    return d


def table(name, *build):
    """Compiles what a command prints to NAME.cdb: new file, then rename."""
    out = subprocess.run(build, check=True, capture_output=True, cwd=T)
    with open(f"{T}/{name}.in", "wb") as f:
        f.write(out.stdout)
    subprocess.run(["cdb", "-c", "-t", f"{T}/{name}.tmp", f"{T}/{name}.new",
                    f"{T}/{name}.in"], check=True)
    os.rename(f"{T}/{name}.new", f"{T}/{name}")


class Service:
    """PROG -w on a unix socket."""

    def __init__(self, *argv, name="service"):
        self.path = f"{T}/{name}"
        if os.path.exists(self.path):
            os.unlink(self.path)
        s = socket.socket(socket.AF_UNIX)
        s.bind(self.path)
        s.listen(1000)
        r, w = os.pipe()
        os.set_inheritable(w, True)
        self.log = open(f"{T}/{name}.log", "w+")
        self.p = subprocess.Popen([*argv, "-w", "-d", str(w)], stdin=s,
                                  stderr=self.log, pass_fds=[w])
        atexit.register(self.p.kill)
        os.close(w)
        s.close()
        assert os.read(r, 1) == b"\n", "no readiness"
        os.close(r)

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE)
        s.connect(self.path)
        return s

    def stop(self):
        self.p.terminate()
        code = self.p.wait(PATIENCE)
        self.log.close()
        return code


def netstring(s):
    """Reads one, byte by byte; None at the end of file."""
    head = b""
    while not head.endswith(b":"):
        c = s.recv(1)
        if not c:
            return None
        head += c
    n = int(head[:-1]) + 1
    body = b""
    while len(body) < n:
        body += s.recv(n - len(body))
    assert body.endswith(b",")
    return body[:-1]


def facts(raw):
    return dict(x.split("=", 1) for x in raw.decode().split("\0") if x)


def tcp_pair():
    """Two ends of one TCP connection."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        a = socket.create_connection(s.getsockname())
        b, _ = s.accept()
    for x in (a, b):
        x.settimeout(PATIENCE)
    return a, b


def begin(service, net, request=b"S"):
    """Gives net away: the plaintext socket and the facts (None: refused)."""
    s = service.connect()
    socket.send_fds(s, [request], [net.fileno()])
    net.close()
    raw = netstring(s)
    return s, None if raw is None else facts(raw)


def background(f, *args):
    """Runs f in a thread; join() returns its result or raises."""
    box = {}

    def run():
        try:
            box["result"] = f(*args)
        except Exception as e:  # told by join
            box["error"] = e

    t = threading.Thread(target=run, daemon=True)
    t.start()

    def join():
        t.join(PATIENCE * 2)
        assert not t.is_alive(), "hangs"
        if "error" in box:
            raise box["error"]
        return box["result"]

    return join


def read_all(s, limit=1 << 30):
    out = bytearray()
    while len(out) < limit:
        b = s.recv(65536)
        if not b:
            break
        out += b
    return bytes(out)
