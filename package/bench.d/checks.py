"""package/bench checks: see package/bench. Runs in namespaces of its own, where
the client is 192.0.2.1, and the servers are 192.0.2.2, where unbound answers, too,
for all names."""
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

import servers
import smtp

CLIENT, HOST = "192.0.2.1", "192.0.2.2"
ASKED = 0.3
ROWS = ((1, 10, "10 sessions, 1 a connection"), (0, 10, "10 sessions, many"))


class Rohrpost(servers.Rohrpost):
    host, client, way = HOST, CLIENT, "check"
    programs = servers.Rohrpost.programs + (
        "parcel-pool", "parcel", "spf-check", "dkim-verify", "dmarc-check")
    more_env = {"DNSCACHEIP": HOST}

    def services(self, drop, peer):
        run = self.root + "/run"
        return [["unix-listen", *drop, *peer, run + "/check", "parcel-pool",
                 "-w", "-n", "4", "sh", "-c", "spf-check | dkim-verify | "
                 f"dmarc-check | parcel to {run}/put"]]


class Postfix(servers.Postfix):
    host, client = HOST, CLIENT
    MAIN = servers.Postfix.MAIN + """mynetworks = 127.0.0.1
smtpd_recipient_restrictions = reject_unauth_destination,
  check_policy_service unix:private/policyd-spf
smtpd_milters = unix:{root}/dkim.sock, unix:{root}/dmarc.sock
"""
    MASTER = servers.Postfix.MASTER + """policyd-spf unix - n n - 0 spawn
  user=nobody argv=/usr/bin/policyd-spf
"""

    def services(self):
        root = self.root
        dkim = ["opendkim", "-f", "-x", root + "/etc/opendkim.conf"]
        dmarc = ["opendmarc", "-f", "-c", root + "/etc/opendmarc.conf"]
        servers.write(root + "/etc/opendkim.conf",
                      f"Mode v\nSocket local:{root}/dkim.sock\nUMask 0\n"
                      f"Nameservers {HOST}\nAuthservID mail.bench.test\n"
                      "Syslog no\nRequireSafeKeys no\n")
        servers.write(root + "/etc/opendmarc.conf",
                      f"Socket local:{root}/dmarc.sock\nUMask 0\n"
                      "AuthservID mail.bench.test\nSyslog false\n"
                      "RejectFailures true\nPublicSuffixList "
                      "/usr/share/publicsuffix/public_suffix_list.dat\n")
        env = dict(os.environ)
        return [(dkim, env), (dmarc, env)]


def network(root):
    """Addresses, and whom everybody asks for names."""
    for args in ("link set lo up", f"addr add {CLIENT}/32 dev lo",
                 f"addr add {HOST}/32 dev lo"):
        subprocess.run(["ip", *args.split()], check=True)
    servers.write(root + "/resolv.conf", f"nameserver {HOST}\n")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "--bind", root + "/resolv.conf",
                    os.path.realpath("/etc/resolv.conf")], check=True)


def dns(root, record):
    """unbound, since opendkim's resolver wants one that recurses, and knows
    better what is in test."""
    record = re.sub(r"[()\n]", " ", record)
    data = ("client.example. MX 10 client.example.", f"client.example. A {CLIENT}",
            f'client.example. TXT "v=spf1 ip4:{CLIENT} -all"', record,
            '_dmarc.client.example. TXT "v=DMARC1; p=reject"',
            "1.2.0.192.in-addr.arpa. PTR client.example.")
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
""" + "".join(f"  local-data: '{x}'\n" for x in data) +
                  "remote-control:\n  control-enable: no\n")
    p = subprocess.Popen(["unbound", "-d", "-c", root + "/unbound.conf"])
    servers.await_port(53, HOST)
    return p


def signed(root, programs):
    """The message in a file, and the line with the record of its key."""
    os.makedirs(root + "/dkim/client.example")
    key = root + "/dkim/client.example/s.key"
    record = subprocess.run([programs + "/dkim-keygen", "-t", "rsa", key],
                            stdout=subprocess.PIPE, check=True).stdout.decode()
    line = "The quick brown fox jumps over the lazy dog, again and again.\r\n"
    text = ("From: Sender <sender@client.example>\r\n"
            "To: Recipient <user@bench.test>\r\n"
            "Subject: a message of the benchmark\r\n"
            "Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n"
            "Message-ID: <1@client.example>\r\n\r\n")
    text += line * ((smtp.SIZE - len(text)) // len(line))
    out = subprocess.run([programs + "/dkim-sign", "-m", "-k", root + "/dkim"],
                         input=text.encode(), stdout=subprocess.PIPE,
                         check=True).stdout
    with open(root + "/message", "wb") as f:
        f.write(out)
    return root + "/message", record


def checked(server):
    """That all three said pass of what was delivered."""
    name = server.delivered()[0]
    with open(f"{server.maildir}/new/{name}", encoding="latin-1") as f:
        head = f.read().partition("\n\n")[0].lower()
    missing = [x for x in ("spf", "dkim", "dmarc") if x + "=pass" not in head
               and not (x == "spf" and "received-spf: pass" in head)]
    if missing:
        raise SystemExit(f"package/bench: fatal: {server.name} did not say "
                         f"{missing}:\n{head}")


def compare(generator, peers, o, what):
    missed = 0
    smtp.table([["CPU, ms for a message", *(p.name for p in peers), "ratio",
                 "asked", ""]])
    for per, sessions, words in ROWS:
        got = {p.name: [] for p in peers}
        for _ in range(o.r):
            for p in peers:
                got[p.name].append(
                    smtp.load(generator, p, sessions, per, o.n, what))
                checked(p)
        cpu = [statistics.median(x[0] for x in got[p.name]) for p in peers]
        rate = [statistics.median(x[1] for x in got[p.name]) for p in peers]
        ratio = cpu[1] / cpu[0]
        missed += ratio > ASKED
        smtp.table([[words, *(f"{x:.3f}" for x in cpu), f"{ratio:.2f}",
                     f"<= {ASKED}", "PASS" if ratio <= ASKED else "MISS"],
                    ["  delivered for a second", *(f"{x:.0f}" for x in rate),
                     f"{rate[1] / rate[0]:.2f}"]])
    return missed


def main():
    o = smtp.options("checks")
    root = tempfile.mkdtemp(prefix="rohrpost-bench-", dir=smtp.file_system(o.d))
    os.chmod(root, 0o755)
    peers, resolver, missed = [], None, 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(111))
    try:
        what, record = signed(root, o.programs)
        network(root)
        generator = smtp.build(root)  # measures a round trip, too
        resolver = dns(root, record.strip())
        peers.append(Postfix(root + "/postfix"))
        peers.append(Rohrpost(root + "/rohrpost", o.programs))
        for p in peers:
            servers.await_port(p.port, p.host)
            smtp.load(generator, p, 10, 1, 100, what)  # everything warm
            checked(p)
        print(f"{smtp.SIZE} byte messages with SPF, DKIM (rsa-2048) and DMARC, "
              f"{o.n} in a run, median of {o.r} runs, files in {root}")
        missed = compare(generator, peers, o, what)
    except KeyboardInterrupt:
        return 130
    finally:
        for p in peers:
            p.tree.stop()
        if resolver:
            resolver.terminate()
            resolver.wait()
        shutil.rmtree(root)
    if missed:
        print(f"{missed} of the ratios asked for are missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
