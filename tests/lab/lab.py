"""A network of our own: hosts in network namespaces on one bridge that leads
nowhere, an nsd with the zones, an unbound, and rohrpost on some hosts."""
import atexit
import os
import shutil
import signal
import subprocess

import instance
import tap
from instance import run

NET = "192.0.2."


class Host(instance.Instance):
    def __init__(self, lab, name, number):
        super().__init__(lab.prog, os.path.join(lab.dir, name))
        self.lab, self.name, self.ip = lab, name, NET + str(number)
        self.ns = f"rp{os.getpid()}{name}"
        run("ip", "netns", "add", self.ns)
        lab.namespaces.append(self.ns)
        os.makedirs("/etc/netns/" + self.ns)  # what ip netns exec mounts
        with open(f"/etc/netns/{self.ns}/resolv.conf", "w") as f:
            f.write(f"nameserver {lab.resolver}\n")
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

    def setup(self, *domains):
        super().setup(f"mail.{domains[0]}", *domains)
        self.value("DNSCACHEIP", self.lab.resolver)
        self.value("LISTEN", "0.0.0.0")
        self.value("RATES", "")

    def pids(self):
        return run("ip", "netns", "pids", self.ns, check=False).split()


class Lab:
    def __init__(self):
        if os.geteuid():
            tap.skip_all("needs root: network namespaces and several users")
        self.namespaces, self.processes = [], []
        self.resolver = NET + "53"
        self.dir = instance.install()
        atexit.register(self.close)
        self.prog = self.dir + "/prog"
        self.switch = f"rp{os.getpid()}switch"
        run("ip", "netns", "add", self.switch)
        self.namespaces.append(self.switch)
        run("ip", "-n", self.switch, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", self.switch, "link", "set", "br0", "up")

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
        locals_ = "".join(f' local-zone: "{z}" transparent\n' for z in zones)
        with open(d + "/unbound.conf", "w") as f:
            f.write(f'server:\n username: ""\n chroot: ""\n directory: "{d}"\n'
                    f' pidfile: "{d}/unbound.pid"\n interface: {h.ip}\n'
                    f' access-control: {NET}0/24 allow\n use-syslog: no\n'
                    ' do-not-query-localhost: no\n do-daemonize: no\n'
                    ' module-config: "iterator"\n local-zone: "test." '
                    f'static\n{locals_}remote-control:\n'
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
                p.wait(60)
            except subprocess.TimeoutExpired:
                p.kill()
        for ns in self.namespaces:
            for pid in run("ip", "netns", "pids", ns, check=False).split():
                if pid.isdigit():
                    os.kill(int(pid), signal.SIGKILL)
            run("ip", "netns", "del", ns, check=False)
            shutil.rmtree("/etc/netns/" + ns, ignore_errors=True)
