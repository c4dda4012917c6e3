"""package/bench smtp: see package/bench."""
import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import servers

HERE = os.path.dirname(os.path.abspath(__file__))
SIZE = 4096
SESSIONS = (1, 10, 50)
IDLE = 500
# Of Postfix's CPU for a message: one on each connection, many on each
ASKED = {1: 0.6, 0: 0.4}
STRANGERS = "127.1.0.0/16"  # each connection comes from another address


class Options(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(100, f"package/bench: fatal: {message}\n")


def options(subject="smtp"):
    p = Options(prog="package/bench " + subject)
    p.add_argument("programs", help=argparse.SUPPRESS)
    p.add_argument("-n", type=int, default=1500)
    p.add_argument("-r", type=int, default=3)
    p.add_argument("-d")
    if subject == "queue-million":
        p.add_argument("-m", type=int, default=1000000)
    p.add_argument("-q", action="store_true")
    o = p.parse_args()
    if o.q:
        o.n, o.r = 300, 1
    if o.n < max(SESSIONS) or o.r < 1:
        p.error("too few messages or runs")
    return o


def file_system(directory):
    if directory:
        return directory
    with open("/proc/mounts") as f:
        shm = any(x.split()[1:3] == ["/dev/shm", "tmpfs"] for x in f)
    if shm and os.access("/dev/shm", os.W_OK):
        return "/dev/shm"
    return tempfile.gettempdir()


def build(root):
    """The load generator; and says what the machine itself costs."""
    for prog in ("smtp-load", "floor"):
        subprocess.run(["gcc", "-O2", "-o", f"{root}/{prog}",
                        f"{HERE}/{prog}.c"], check=True)
    subprocess.run([root + "/floor", root], check=True)
    return root + "/smtp-load"


def load(generator, server, sessions, per, n, what=SIZE, source=None):
    """(ms of CPU for a message, delivered for a second); what: its size or
    its file"""
    source = source or server.client
    server.clear()
    before = server.tree.cpu()
    start = time.monotonic()
    p = subprocess.run([generator, str(server.port), str(sessions), str(n),
                        str(per), str(what), servers.RECIPIENT] +
                       ([source, server.host] if source else []))
    if p.returncode:
        raise SystemExit(f"package/bench: fatal: {server.name} refused mail")
    end = start + 120
    while len(server.delivered()) < n:
        if time.monotonic() > end:
            raise SystemExit(f"package/bench: fatal: {server.name} delivered "
                             f"{len(server.delivered())} of {n}")
        time.sleep(0.01)
    seconds = time.monotonic() - start
    time.sleep(0.2)  # what is done after the last delivery counts too
    return (server.tree.cpu() - before) * 1000 / n, n / seconds


def idle(generator, server):
    """KiB of memory for each idle session, or None"""
    base = server.tree.pss()
    p = subprocess.Popen([generator, str(server.port), str(IDLE)],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if p.stdout.readline() != b"ready\n":
        raise SystemExit(f"package/bench: fatal: {server.name} takes no "
                         f"{IDLE} sessions")
    full = server.tree.pss()
    each = None if base is None or full is None else (full - base) / IDLE
    p.stdin.close()
    p.wait()
    p.stdout.close()
    return each


def table(rows):
    for r in rows:
        print("".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in
                      enumerate(zip(r, (32, 10, 10, 8, 8, 7)))), flush=True)


def compare(generator, peers, o):
    """Prints all rows; returns how many were missed."""
    missed = 0
    table([["CPU, ms for a message", *(p.name for p in peers), "ratio",
            "asked", ""]])
    rates = []
    for per, words, source, some in (
            (1, "1 a connection", None, SESSIONS),
            (1, "strangers", STRANGERS, SESSIONS[1:2]),
            (0, "many", None, SESSIONS)):
        for sessions in some:
            got = {p.name: [] for p in peers}
            for _ in range(o.r):
                for p in peers:
                    got[p.name].append(load(generator, p, sessions, per, o.n,
                                            source=source))
            cpu = [statistics.median(x[0] for x in got[p.name]) for p in peers]
            rate = [statistics.median(x[1] for x in got[p.name])
                    for p in peers]
            name = f"{sessions} sessions, {words}"
            row = [name, *(f"{x:.3f}" for x in cpu)]
            if len(peers) == 2:
                ratio = cpu[1] / cpu[0]
                good = ratio <= ASKED[per]
                missed += not good
                row += [f"{ratio:.2f}", f"<= {ASKED[per]}",
                        "PASS" if good else "MISS"]
            table([row])
            rates.append([name, *(f"{x:.0f}" for x in rate)] + (
                [f"{rate[1] / rate[0]:.2f}"] if len(peers) == 2 else []))
    table([["delivered for a second"], *rates])
    memory = [idle(generator, p) for p in peers]
    if None in memory:
        print("memory: hidden from us by processes that are not dumpable")
    else:
        table([["memory (PSS), KiB"],
               [f"each of {IDLE} idle sessions",
                *(f"{x:.0f}" for x in memory)] +
               ([f"{memory[1] / memory[0]:.2f}"] if len(peers) == 2 else [])])
    return missed


def main():
    o = options()
    root = tempfile.mkdtemp(prefix="rohrpost-bench-", dir=file_system(o.d))
    os.chmod(root, 0o755)
    peers = []
    missed = 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(111))
    try:
        generator = build(root)
        if os.geteuid() == 0:
            peers.append(servers.Postfix(root + "/postfix"))
        else:
            print("Postfix does not run without root: rohrpost alone")
        peers.append(servers.Rohrpost(root + "/rohrpost", o.programs))
        for p in peers:
            servers.await_port(p.port)
            load(generator, p, max(SESSIONS), 1, 200)  # everything warm
        print(f"{SIZE} byte messages, {o.n} in a run, median of {o.r} runs, "
              f"files in {root}")
        missed = compare(generator, peers, o)
    except KeyboardInterrupt:
        return 130
    finally:
        for p in peers:
            p.tree.stop()
        shutil.rmtree(root)
    if missed:
        print(f"{missed} of the ratios asked for are missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
