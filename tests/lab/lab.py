"""A network of our own: hosts in network namespaces on one bridge that leads
nowhere, an nsd with the zones, an unbound, and rohrpost on some hosts."""
import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import tap

NET = "192.0.2."


def run(*cmd, check=True, **kw):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, **kw)
    if check and p.returncode:
        raise SystemExit(f"# {' '.join(cmd)}: {p.returncode}\n# {p.stdout}")
    return p.stdout


class Host:
    def __init__(self, lab, name, number):
        self.lab, self.name, self.ip = lab, name, NET + str(number)
        self.ns = f"rp{os.getpid()}{name}"
        self.root = os.path.join(lab.dir, name)
        run("ip", "netns", "add", self.ns)
        lab.namespaces.append(self.ns)
        link = f"v{os.getpid() % 100000}{name}"
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0",
            "netns", self.ns)
        run("ip", "link", "set", link, "netns", lab.switch)
        run("ip", "-n", lab.switch, "link", "set", link, "master", "br0", "up")
        run("ip", "-n", self.ns, "link", "set", "lo", "up")
        run("ip", "-n", self.ns, "addr", "add", self.ip + "/24", "dev", "eth0")
        run("ip", "-n", self.ns, "link", "set", "eth0", "up")

    def run(self, *cmd, **kw):
        return run("ip", "netns", "exec", self.ns, *cmd, **kw)

    def start(self, *cmd, **kw):
        p = subprocess.Popen(["ip", "netns", "exec", self.ns, *cmd],
                             start_new_session=True, **kw)
        self.lab.processes.append(p)
        return p

    # rohrpost on this host

    def setup(self, *domains):
        run(self.lab.prog + "/share/rohrpost/setup", "-r", self.root, "-n",
            f"mail.{domains[0]}", *domains)
        self.value("DNSCACHEIP", self.lab.resolver)
        self.value("LISTEN", "0.0.0.0")
        self.certificate(f"mail.{domains[0]}")

    def value(self, name, value):
        with open(f"{self.root}/etc/env/{name}", "w") as f:
            f.write(value + "\n")

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
        record = run(self.lab.prog + "/bin/dkim-keygen", "-t", kind, key)
        run("chown", "-R", "root:rp-queue", f"{self.root}/etc/dkim")
        run("chmod", "-R", "g+rX", f"{self.root}/etc/dkim")
        return record

    def table(self, name, *lines):
        with open(f"{self.root}/etc/{name}", "a") as f:
            f.writelines(line + "\n" for line in lines)

    def account(self, address, password):
        run(self.lab.prog + "/bin/user-edit", "-u", self.root + "/var/users",
            "-e", self.root + "/etc", "add", address, input=password + "\n")

    def make(self):
        return run("make", "-C", self.root + "/etc")

    def up(self):
        env = dict(os.environ, PATH=self.lab.prog + "/bin:" +
                   os.environ["PATH"])
        log = open(self.root + "/svscan.log", "w")
        self.supervisor = self.start("s6-svscan", self.root + "/service",
                                     stdout=log, stderr=log, env=env)
        names = sorted(n for n in os.listdir(self.root + "/service")
                       if not n.startswith("."))
        for n in names:
            d = f"{self.root}/service/{n}"
            tap.until(lambda: os.path.exists(d + "/supervise/status"))
            p = subprocess.run(["s6-svwait", "-U", "-t", "20000", d])
            if p.returncode:
                tap.ok(False, f"{self.name}: {n} is ready", self.log(n))
        return names

    def service(self, name, *options):
        return run("s6-svc", *options, f"{self.root}/service/{name}")

    def log(self, name):
        try:
            with open(f"{self.root}/log/{name}/current", errors="replace") as f:
                return f.read()
        except OSError as e:
            return str(e)

    def down(self):
        """Stops everything; the processes that are left in the namespace."""
        run("s6-svscanctl", "-t", self.root + "/service", check=False)
        self.supervisor.wait(90)
        return run("ip", "netns", "pids", self.ns).split()


class Lab:
    def __init__(self):
        if os.geteuid():
            tap.skip_all("needs root: network namespaces and several users")
        self.namespaces, self.processes = [], []
        self.dir = tempfile.mkdtemp(prefix="rp-lab-")
        os.chmod(self.dir, 0o755)
        atexit.register(self.close)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        self.prog = self.dir + "/prog"
        build = os.environ.get("O", "build")
        run("package/install", build, "", self.prog)
        self.switch = f"rp{os.getpid()}switch"
        run("ip", "netns", "add", self.switch)
        self.namespaces.append(self.switch)
        run("ip", "-n", self.switch, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", self.switch, "link", "set", "br0", "up")
        self.resolver = NET + "53"

    def host(self, name, number):
        return Host(self, name, number)

    def dns(self, zones):
        """nsd with zones {name: text} on port 5300, unbound before it."""
        self.names = h = self.host("dns", 53)
        d = h.root
        os.makedirs(d)
        conf = [f'server:\n username: ""\n chroot: ""\n zonesdir: "{d}"\n'
                f' ip-address: {h.ip}@5300\n pidfile: "{d}/nsd.pid"\n'
                f' xfrdfile: "{d}/xfrd"\n zonelistfile: "{d}/zones"\n'
                f' database: ""\n server-count: 1\n xfrdir: "{d}"\n'
                'remote-control:\n control-enable: no\n']
        stubs = []
        for zone, text in zones.items():
            with open(f"{d}/{zone}zone", "w") as f:
                f.write(text)
            conf.append(f'zone:\n name: "{zone}"\n zonefile: "{zone}zone"\n')
            stubs.append(f'stub-zone:\n name: "{zone}"\n'
                         f' stub-addr: {h.ip}@5300\n')
        with open(d + "/nsd.conf", "w") as f:
            f.writelines(conf)
        run("nsd-checkconf", d + "/nsd.conf")
        locals_ = "".join(f' local-zone: "{z}" nodefault\n' for z in zones)
        with open(d + "/unbound.conf", "w") as f:
            f.write(f'server:\n username: ""\n chroot: ""\n directory: "{d}"\n'
                    f' pidfile: "{d}/unbound.pid"\n interface: {h.ip}\n'
                    f' access-control: {NET}0/24 allow\n use-syslog: no\n'
                    ' do-not-query-localhost: no\n do-daemonize: no\n'
                    ' module-config: "iterator"\n local-zone: "test." '
                    f'nodefault\n{locals_}remote-control:\n'
                    ' control-enable: no\n' + "".join(stubs))
        for cmd in (("nsd", "-d", "-c", d + "/nsd.conf"),
                    ("unbound", "-d", "-c", d + "/unbound.conf")):
            log = open(f"{d}/{cmd[0]}.log", "w")
            h.start(*cmd, stdout=log, stderr=log)
        zone = next(iter(zones))
        up = tap.until(lambda: "NOERROR" in h.run(
            "drill", "SOA", zone, "@" + h.ip, check=False))
        tap.ok(up, "nsd and unbound answer")

    def close(self):
        for p in self.processes:
            if p.poll() is None:
                p.terminate()
        for p in self.processes:
            try:
                p.wait(30)
            except subprocess.TimeoutExpired:
                p.kill()
        for ns in self.namespaces:
            for pid in run("ip", "netns", "pids", ns, check=False).split():
                if pid.isdigit():
                    os.kill(int(pid), signal.SIGKILL)
            run("ip", "netns", "del", ns, check=False)
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
