"""A rohrpost of a test's own: made by package/setup below a temporary folder,
run by s6-svscan, as root with the real users or else as whoever we are."""
import atexit
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import tap


# Orphans come to us, so that a survivor of a stop is always found: confined
# programs hide all of themselves but their parent.
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

# A test that is told to end leaves no instance behind.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def run(*cmd, check=True, **kw):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, **kw)
    if check and p.returncode:
        raise SystemExit(f"# {' '.join(cmd)}: {p.returncode}\n# {p.stdout}")
    return p.stdout


def install():
    """The programs where every user may run them; the folder."""
    d = tempfile.mkdtemp(prefix="rp-test-")
    os.chmod(d, 0o755)
    if not os.environ.get("KEEP"):
        atexit.register(shutil.rmtree, d, True)
    run("package/install", os.environ.get("O", "build"), "", d + "/prog")
    return d


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Instance:
    PORTS = ("SMTP", "SUBMISSION", "SUBMISSIONS", "IMAP", "IMAPS")

    def __init__(self, prog, root):
        self.prog, self.root, self.supervisor = prog, root, None

    def start(self, *cmd, **kw):
        return subprocess.Popen(cmd, start_new_session=True, **kw)

    def setup(self, name, *domains):
        run(self.prog + "/share/rohrpost/setup", "-r", self.root, "-n", name,
            *domains)
        self.certificate(name)

    def local(self):
        """On free ports of 127.0.0.1: {"SMTP": …}. No DNS query leaves."""
        self.value("LISTEN", "127.0.0.1")
        self.value("RATES", "")
        self.value("ACCOUNT_RATES",
                   "messages=0/1,recipients=0/1,first=0/1")
        self.value("DNSCACHEIP", "127.0.0.1")
        self.value("DNSCACHEPORT", free_ports(1)[0])
        self.port = dict(zip(self.PORTS, free_ports(len(self.PORTS))))
        for name, port in self.port.items():
            self.value(name + "_PORT", port)

    def value(self, name, value):
        with open(f"{self.root}/etc/env/{name}", "w") as f:
            f.write(f"{value}\n")

    def certificate(self, name):
        d = f"{self.root}/etc/tls/{name}"
        os.makedirs(d)
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
            "-days", "30", "-subj", f"/CN={name}", "-addext",
            f"subjectAltName=DNS:{name}", "-keyout", f"{d}/privkey.pem",
            "-out", f"{d}/fullchain.pem")

    def dkim(self, domain, kind):
        d = f"{self.root}/etc/dkim/{domain}"
        os.makedirs(d, exist_ok=True)
        key = f"{d}/{kind}.key"
        record = run(self.prog + "/bin/dkim-keygen", "-t", kind, key)
        if os.geteuid() == 0:
            run("chown", "-R", "root:rp-queue", f"{self.root}/etc/dkim")
        run("chmod", "-R", "g+rX", f"{self.root}/etc/dkim")
        return record

    def table(self, name, *lines):
        with open(f"{self.root}/etc/{name}", "a") as f:
            f.writelines(line + "\n" for line in lines)

    def account(self, address, password):
        run(self.prog + "/bin/user-edit", "-u", self.root + "/var/users",
            "-e", self.root + "/etc", "add", address, input=password + "\n",
            env=dict(os.environ, PATH=self.path()))

    def path(self):
        return self.prog + "/bin:" + os.environ["PATH"]

    def make(self):
        return run("make", "-s", "-C", self.root + "/etc",
                   env=dict(os.environ, PATH=self.path()))

    def supervise(self, scanner):
        log = open(self.root + "/svscan.log", "w")
        self.supervisor = self.start(
            scanner, self.root + "/service", stdout=log, stderr=log,
            env=dict(os.environ, PATH=self.path()))
        atexit.register(self.down)
        return sorted(n for n in os.listdir(self.root + "/service")
                      if not n.startswith("."))

    def up(self):
        """Starts all services; their names, once each said it is ready."""
        names = self.supervise("s6-svscan")
        for n in names:
            d = f"{self.root}/service/{n}"
            tap.until(lambda: os.path.exists(d + "/supervise/status"))
            p = subprocess.run(["s6-svwait", "-U", "-t", "60000", d])
            if p.returncode:
                tap.ok(False, f"service {n} is ready", self.log(n))
        return names

    def service(self, name, *options):
        return run("s6-svc", *options, f"{self.root}/service/{name}")

    def log(self, name):
        try:
            with open(f"{self.root}/log/{name}/current", errors="replace") as f:
                return f.read()
        except OSError as e:
            return str(e)

    def pids(self):
        """Processes of the instance: {pid: command line}"""
        children, lines = {}, {}
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    state, parent = f.read().rpartition(")")[2].split()[:2]
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    lines[pid] = f.read().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if state != "Z":
                children.setdefault(int(parent), []).append(pid)
        names = {line.split()[0].rpartition("/")[2]
                 for line in open("package/commands")
                 if line[0].isalpha()} | {
                     "s6-supervise", "s6-log", "runsv", "svlogd"}
        todo = [self.supervisor.pid] + [
            p for p in children.get(os.getpid(), [])
            if lines[p].split(" ")[0].rpartition("/")[2] in names]
        found = {}
        while todo:
            pid = todo.pop()
            todo += children.get(pid, [])
            if pid != self.supervisor.pid and lines.get(pid):
                found[pid] = lines[pid]
        return found

    def down(self):
        """A clean stop; the processes that are left."""
        if self.supervisor and self.supervisor.poll() is None:
            if self.supervisor.args[0] == "runsvdir":
                self.supervisor.send_signal(signal.SIGHUP)
            else:
                run("s6-svscanctl", "-t", self.root + "/service", check=False)
            self.supervisor.wait(90)
        return self.pids()


def local(*domains):
    """An instance for those domains on free ports, its tables not yet made."""
    d = install()
    i = Instance(d + "/prog", d + "/i")
    i.setup("mail." + domains[0], *domains)
    i.local()
    return i
