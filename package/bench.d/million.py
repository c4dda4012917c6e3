"""package/bench queue-million: see package/bench. The queue waits for tomorrow;
what is measured beside it is due, and known to queue-run by its trigger. A sink
that forgets what it gets stands behind: the time is queue-run's."""
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import servers
import smtp

HERE = os.path.dirname(os.path.abspath(__file__))
WAIT = 86400
DESTINATIONS, SENDERS = 1000, 500
FEW = 10
ASKED_START, ASKED_BYTES, ASKED_ENTRIES, ASKED_RATE = 5, 250, 5000, 0.8


class Runner:
    """A queue-run, and what it says."""

    def __init__(self, place, *options):
        self.done, self.said = [], []
        self.start = time.monotonic()
        self.p = subprocess.Popen(
            ["queue-run", "-s", "3600", *options], env=place.env,
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.p.stderr:
            if line.endswith(" done\n"):
                self.done.append(time.monotonic())
            elif " delivered after " not in line:
                self.said.append((time.monotonic() - self.start, line))

    def wait(self, what, seconds=600):
        end = time.monotonic() + seconds
        while not what():
            if self.p.poll() is not None or time.monotonic() > end:
                raise SystemExit("package/bench: fatal: queue-run: "
                                 f"{self.said[-3:]}")
            time.sleep(0.002)

    def hear(self, words):
        """The seconds after the start when it said that."""
        def heard():
            return [t for t, line in self.said if words in line]
        self.wait(heard)
        return heard()[0]

    def resident(self):
        with open(f"/proc/{self.p.pid}/status") as f:
            return int(re.search(r"VmRSS:\s*(\d+)", f.read())[1]) * 1024

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        self.p.wait()
        self.reader.join()


class Place:
    def __init__(self, root, programs):
        self.root, self.queue = root, root + "/queue"
        os.mkdir(root)
        os.mkdir(self.queue)
        os.mkdir(root + "/tables")
        os.mkdir(root + "/run")
        servers.write(root + "/empty", "\n")
        subprocess.run(["cdb", "-c", root + "/tables/mail.cdb", root + "/empty"],
                       check=True)
        for prog in ("queue-fill", "parcel-sink"):
            subprocess.run(["gcc", "-O2", "-o", f"{root}/{prog}",
                            f"{HERE}/{prog}.c"], check=True)
        self.env = dict(os.environ, ROHRPOST_QUEUE=self.queue,
                        PATH=f"{programs}:" + os.environ["PATH"],
                        ROHRPOST_TABLES=root + "/tables",
                        ROHRPOST_RUN=root + "/run", ROHRPOST_ME="a.test")
        self.sink = subprocess.Popen([root + "/parcel-sink",
                                      root + "/run/send"])

    def fill(self, n, wait, domains=DESTINATIONS):
        subprocess.run([self.root + "/queue-fill", self.queue, str(n),
                        str(domains), str(SENDERS), str(wait)], check=True)

    def entries(self):
        mess = self.queue + "/mess"
        return {f"{d}/{x}" for d in os.listdir(mess)
                for x in os.listdir(f"{mess}/{d}")}

    def most(self):
        """Of the entries of a directory."""
        mess = self.queue + "/mess"
        return max(len(os.listdir(f"{mess}/{d}")) for d in os.listdir(mess))

    def ring(self, paths):
        with open(self.queue + "/trigger", "wb", buffering=0) as f:
            for i in range(0, len(paths), 100):
                f.write(b"".join(p[3:].encode() + b"\n"
                                 for p in paths[i:i + 100]))

    def rate(self, r, n, known):
        """Messages a second that queue-run takes up and hands on."""
        self.fill(n, 0)
        paths = sorted(self.entries() - known)
        before, start = len(r.done), time.monotonic()
        self.ring(paths)
        r.wait(lambda: len(r.done) >= before + n)
        return n / (r.done[before + n - 1] - start)


def first(place):
    """Seconds until the first message that is due is delivered, and until all
    is known."""
    place.fill(100, 0)
    r = Runner(place)
    r.wait(lambda: r.done)
    return r, r.done[0] - r.start


class Rows:
    missed = 0

    def __call__(self, words, value, asked=None, most=True):
        good = asked is None or (value <= asked if most else value >= asked)
        self.missed += not good
        smtp.table([[words, f"{value:.2f}", "", "", *(
            [] if asked is None else [("<= " if most else ">= ") + str(asked),
                                      "PASS" if good else "MISS"])]])


def rates(few, many, o):
    """Of both by turns, so that what else the machine does hits both."""
    known = [(place, r, place.entries()) for place, r in (few, many)]
    for x in known:
        x[0].rate(x[1], 200, x[2])  # everything warm
    got = [[place.rate(r, o.n, there) for place, r, there in known]
           for _ in range(2 * o.r)]
    return [statistics.median(x) for x in zip(*got)]


def measure(small, place, o):
    row = Rows()
    small.fill(FEW, WAIT)
    other = Runner(small)
    other.hear("messages are in the queue")
    before = other.resident()
    place.fill(o.m, WAIT)
    row("entries of the largest directory", place.most(), ASKED_ENTRIES)
    r, t = first(place)
    row("s to a delivery, without snapshot", t, ASKED_START)
    row("s until all is known", r.hear("messages are in the queue"))
    row("resident bytes a message", (r.resident() - before) / o.m, ASKED_BYTES)
    stop = time.monotonic()
    r.stop()
    row("s to stop", time.monotonic() - stop)
    r, t = first(place)
    row("s to a delivery, with snapshot", t, ASKED_START)
    row("s until it is read", r.hear("snapshot: "))
    r.hear("messages are in the queue")
    row("resident bytes a message", (r.resident() - before) / o.m, ASKED_BYTES)
    few, many = rates((small, other), (place, r), o)
    row(f"messages a second, {FEW} queued", few)
    row(f"messages a second, {o.m} queued", many)
    row("  of that", many / few, ASKED_RATE, False)
    r.stop()
    other.stop()
    return row.missed


def main():
    o = smtp.options("queue-million")
    root = tempfile.mkdtemp(prefix="rohrpost-bench-", dir=smtp.file_system(o.d))
    places, missed = [], 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(111))
    try:
        for name in "few", "many":
            places.append(Place(f"{root}/{name}", os.path.abspath(o.programs)))
        print(f"{o.m} messages wait, {o.n} more in a run, median of {2 * o.r} runs, "
              f"files in {root}")
        missed = measure(*places, o)
    except KeyboardInterrupt:
        return 130
    finally:
        for place in places:
            place.sink.terminate()
            place.sink.wait()
        shutil.rmtree(root)
    if missed:
        print(f"{missed} of the numbers asked for are missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
