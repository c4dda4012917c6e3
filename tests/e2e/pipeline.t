#!/usr/bin/python3
"""The pipeline of checks, each of its programs killed behind each record of a
parcel: a message is stored whole and said to be, or not at all."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path[:0] = ["tests", "tests/smtp-send"]
from dnsserver import Server
from peer import net
from tap import finish, ok, same

T = tempfile.mkdtemp()
dns = Server({"x.test": [("MX", (0, "mx.x.test")), ("TXT", "v=spf1 +all")],
              "mx.x.test": [("A", "192.0.2.1")],
              "_dmarc.x.test": [("TXT", "v=DMARC1; p=reject")]})
ENV = {**os.environ, **dns.env, "ROHRPOST_ME": "me.test",
       "ROHRPOST_TABLES": T, "ASAN_OPTIONS": "detect_leaks=0"}
box = T + "/mail/a.test/u"
with open(T + "/domains", "w") as f:
    f.write("a.test\n")
with open(T + "/users", "w") as f:
    f.write("u@a.test:$6$s$x\n")
text = subprocess.run(["table-build", "mail", "-m", T + "/mail", "-d",
                       T + "/domains", T + "/users"], env=ENV, check=True,
                      stdout=subprocess.PIPE).stdout
subprocess.run(["cdb", "-c", T + "/mail.cdb", "-"], input=text, check=True)

FILTERS = (["rdns-check"], ["mx-check"], ["spf-check"], ["dkim-verify"],
           ["dmarc-check"], ["parcel", "run", "sh", "-c", "cat >/dev/null"])
SINK = ["maildir-put"]
RECORDS = [net("I", "p1"), net("P", "ip=192.0.2.1"), net("P", "helo=mx.x.test"),
           net("P", "by=me.test"), net("F", "s@x.test"),
           net("T", "0", "u@a.test", "route=local", "mailbox=u@a.test"),
           net("H", "Received: from mx.x.test by me.test\r\n"),
           net("M", "From: s@x.test\r\nSubject: x\r\n"), net("M", "\r\nbody\r\n"),
           net("M", "end\r\n"), net(".")]
WHOLE = b"\nbody\nend\n"


def stored():
    new = box + "/new"
    return os.listdir(new) if os.path.isdir(new) else []


def start():
    procs, fd = [], subprocess.PIPE
    for argv in [*FILTERS, SINK]:
        p = subprocess.Popen(argv, stdin=fd, stdout=subprocess.PIPE, env=ENV,
                             stderr=subprocess.DEVNULL)
        if procs:
            procs[-1].stdout.close()
        procs.append(p)
        fd = p.stdout
    return procs


def feed(pipe, records):
    try:
        for r in records:
            pipe.write(r)
            pipe.flush()
    except BrokenPipeError:
        pass


def run(victim, at):
    """What is wrong when that program dies behind that many records, or None"""
    procs = start()
    feed(procs[0].stdin, RECORDS[:at])
    if victim is not None:
        procs[victim].send_signal(signal.SIGKILL)
    feed(procs[0].stdin, RECORDS[at:])
    try:
        procs[0].stdin.close()
    except BrokenPipeError:
        pass
    report = procs[-1].stdout.read()
    procs[-1].stdout.close()
    for p in procs:
        p.wait()
    names = stored()
    bodies = [open(f"{box}/new/{n}", "rb").read() for n in names]
    for n in names:
        os.unlink(f"{box}/new/{n}")
    said = report.startswith(b"R p1 250 ")
    if report and not said:
        return f"report {report}"
    if said and len(names) != 1 or any(not b.endswith(WHOLE) for b in bodies):
        return f"report {report}, stored {bodies}"
    if len(names) > 1:
        return f"stored {len(names)} times"
    if names and not said and victim != len(FILTERS):
        return "stored and not said"
    return None


same(run(None, 0), None, "with nobody killed the message is stored")
for i, argv in enumerate([*FILTERS, SINK]):
    bad = {at: why for at in range(len(RECORDS) + 1) if (why := run(i, at))}
    ok(not bad, f"{' '.join(argv[:2])} killed behind each record", bad)
shutil.rmtree(T)
finish()
