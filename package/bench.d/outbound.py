"""package/bench queue: see package/bench. Runs in namespaces of its own. The
queue is filled first, which is not measured, then let go towards smtp-sink on
192.0.2.3, where unbound says that everybody's mail goes."""
import os
import shutil
import signal
import smtplib
import statistics
import subprocess
import sys
import tempfile
import time

import checks
import servers
import smtp
from tree import Tree

HOST, SINK = checks.HOST, "192.0.2.3"
ASKED = 0.6
DESTINATIONS = 1000
RECIPIENTS = 50000
BODY = ("From: s@bench.test\r\nTo: r@d.bench\r\nSubject: benchmark\r\n\r\n" +
        "The quick brown fox jumps over the lazy dog, again and again.\r\n" *
        62)


def netstring(s):
    return b"%d:%s," % (len(s), s)


def parcel(n, recipients):
    s = [netstring(b"Ib%d" % n), netstring(b"Fs@bench.test")]
    s += [netstring(b"T%d\0%s" % (i, r.encode()))
          for i, r in enumerate(recipients)]
    return b"".join(s) + netstring(b"M" + BODY.encode()) + netstring(b".")


class Rohrpost(servers.Rohrpost):
    name = "rohrpost"
    programs = ("unix-listen", "queue-put", "queue-run", "smtp-send",
                "table-build")
    MOST = 50000  # recipients of a parcel

    def __init__(self, root, programs):
        servers.Server.__init__(self, root)
        for d in ("bin", "run", "tables", "mail", "queue"):
            os.mkdir(f"{root}/{d}", 0o755)
        for prog in self.programs:
            shutil.copy(f"{programs}/{prog}", f"{root}/bin")
        self.tables(root)
        self.env = dict(os.environ, PATH=root + "/bin:/usr/bin:/bin",
                        ROHRPOST_ME="mail.bench.test",
                        ROHRPOST_RUN=root + "/run", DNSCACHEIP=HOST,
                        ROHRPOST_TABLES=root + "/tables",
                        ROHRPOST_QUEUE=root + "/queue")
        self.tree = Tree(root + "/log", (
            ["unix-listen", root + "/run/send", "smtp-send", "-w", "-L",
             "tls=none", "-S", "", "-t", "", "-c", "1000"], self.env))

    def fill(self, messages):
        data, n = [], 0
        for recipients in messages:
            for i in range(0, len(recipients), self.MOST):
                data.append(parcel(n, recipients[i:i + self.MOST]))
                n += 1
        p = subprocess.run(["queue-put", "-c", "injected"], env=self.env,
                           input=b"".join(data), stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, check=True)
        if p.stdout.count(b" 250 ") != n:
            raise SystemExit(f"package/bench: fatal: {p.stdout[:400]}")

    def left(self):
        return sum(len(files) for _, _, files in
                   os.walk(self.root + "/queue/mess"))

    def go(self):
        self.runner = Tree(self.root + "/log", (["queue-run"], self.env))

    def cpu(self):
        return self.tree.cpu() + (self.runner.cpu() if self.runner else 0)

    def done(self):
        self.runner.stop()
        self.runner = None

    runner = None


class Postfix(servers.Postfix):
    host, runner = HOST, None
    MAIN = servers.Postfix.MAIN.replace("disable_dns_lookups = yes", "") + """
mynetworks = 192.0.2.0/24
defer_transports = smtp
smtpd_recipient_limit = 60000
smtpd_client_message_rate_limit = 0
"""
    MASTER = servers.Postfix.MASTER + "smtp unix - - n - - smtp\n"

    def fill(self, messages):
        with smtplib.SMTP(self.host, self.port) as s:
            for recipients in messages:
                s.sendmail("s@bench.test", recipients, BODY)
        while self.count("active") or self.count("incoming"):
            time.sleep(0.05)

    def count(self, *queues):
        return sum(len(files) for q in queues for _, _, files in
                   os.walk(f"{self.root}/queue/{q}"))

    def left(self):
        return self.count("incoming", "active", "deferred")

    def set(self, value):
        config = self.root + "/etc"
        subprocess.run(["postconf", "-c", config, "-e",
                        "defer_transports=" + value], check=True)
        subprocess.run(["postfix", "-c", config, "reload"], check=True,
                       stderr=subprocess.DEVNULL)

    def go(self):
        self.set("")
        subprocess.run(["postqueue", "-c", self.root + "/etc", "-f"],
                       check=True)

    def cpu(self):
        return self.tree.cpu()

    def done(self):
        self.set("smtp")


def rows(n):
    one = [["r@d0.bench"]] * n
    many = [[f"r@d{i % DESTINATIONS}.bench"] for i in range(n)]
    big = [[f"r{i}@d{i % DESTINATIONS}.bench" for i in range(RECIPIENTS)]]
    return (("one destination", one, n),
            (f"{DESTINATIONS} destinations", many, n),
            (f"one message, {RECIPIENTS} recipients at {DESTINATIONS}", big,
             RECIPIENTS))


def run(server, messages, deliveries):
    """(ms of CPU for a delivery, deliveries in a second)"""
    server.fill(messages)
    if not server.left():
        raise SystemExit(f"package/bench: fatal: {server.name}: empty queue")
    before, start = server.cpu(), time.monotonic()
    server.go()
    while server.left():
        if time.monotonic() > start + 300:
            raise SystemExit(f"package/bench: fatal: {server.name} still has "
                             f"{server.left()} messages")
        time.sleep(0.05)
    seconds = time.monotonic() - start
    time.sleep(0.2)
    used = server.cpu() - before
    server.done()
    return used * 1000 / deliveries, deliveries / seconds


def compare(peers, o):
    missed = 0
    smtp.table([["CPU, ms for a delivery", *(p.name for p in peers), "ratio",
                 "asked", ""]])
    for words, messages, deliveries in rows(o.n):
        got = {p.name: [] for p in peers}
        for _ in range(o.r):
            for p in peers:
                got[p.name].append(run(p, messages, deliveries))
        cpu = [statistics.median(x[0] for x in got[p.name]) for p in peers]
        rate = [statistics.median(x[1] for x in got[p.name]) for p in peers]
        ratio = cpu[1] / cpu[0]
        missed += ratio > ASKED
        print(words)
        smtp.table([["", *(f"{x:.3f}" for x in cpu), f"{ratio:.2f}",
                     f"<= {ASKED}", "PASS" if ratio <= ASKED else "MISS"],
                    ["  deliveries for a second", *(f"{x:.0f}" for x in rate),
                     f"{rate[1] / rate[0]:.2f}"]])
    return missed


def dns(root):
    servers.write(root + "/unbound.conf", f"""server:
  interface: {HOST}
  access-control: 192.0.2.0/24 allow
  username: ""
  chroot: ""
  directory: "{root}"
  pidfile: ""
  use-syslog: no
  logfile: "{root}/unbound.log"
  module-config: "iterator"
  local-zone: "." static
  local-zone: "bench." redirect
  local-data: "bench. A {SINK}"
remote-control:
  control-enable: no
""")
    p = subprocess.Popen(["unbound", "-d", "-c", root + "/unbound.conf"])
    servers.await_port(53, HOST)
    return p


def main():
    o = smtp.options("queue")
    root = tempfile.mkdtemp(prefix="rohrpost-bench-", dir=smtp.file_system(o.d))
    os.chmod(root, 0o755)
    peers, others, missed = [], [], 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(111))
    try:
        checks.network(root)
        subprocess.run(["ip", "addr", "add", SINK + "/32", "dev", "lo"],
                       check=True)
        others.append(dns(root))
        others.append(subprocess.Popen(["smtp-sink", "-u", "nobody", SINK + ":25", "1000"]))
        servers.await_port(25, SINK)
        peers.append(Postfix(root + "/postfix"))
        servers.await_port(peers[0].port, HOST)
        peers.append(Rohrpost(root + "/rohrpost", o.programs))
        for p in peers:
            run(p, rows(100)[0][1], 100)  # everything warm
        print(f"{len(BODY)} byte messages to smtp-sink, {o.n} in a run, "
              f"median of {o.r} runs, files in {root}")
        missed = compare(peers, o)
    except KeyboardInterrupt:
        return 130
    finally:
        for p in peers:
            if p.runner:
                p.runner.stop()
            p.tree.stop()
        for p in others:
            p.terminate()
            p.wait()
        shutil.rmtree(root)
    if missed:
        print(f"{missed} of the ratios asked for are missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
