#!/usr/bin/python3
"""Every pair of recipients in one message: each gets its own right fate and
DSN, nobody gets it twice (RFC 5321 4.5.5, RFC 3461, design 2, one commit
point). One cell a test."""
import collections
import email
import glob
import itertools
import os
import smtplib
import sys

sys.path[:0] = ["tests", "tests/smtp-send"]
import instance
import tap
from peer import CAPS, Peer

# kind: what RCPT is told; who has the message then; what the sender is told
FATES = {
    "local": (250, ["local{}@m.test"], []),
    "remote": (250, ["remote{}@far.test"], []),
    "full": (552, [], []),
    "unknown": (550, [], []),
    "badfar": (250, [], [("bad{}@far.test", "failed")]),
    "never": (250, [], []),
    "told": (250, ["told{}@m.test"], [("told{}@m.test", "delivered")]),
    "relayed": (250, ["relay{}@far.test"], [("relay{}@far.test", "relayed")]),
    "list": (250, ["one{}@m.test", "two{}@far.test"],
             [("list{}@m.test", "expanded")]),
    "sorted": (250, ["sorted{}@m.test"], []),
    "halffull": (250, ["three{}@m.test"], [("full{}@m.test", "failed")]),
}
NOTIFY = {"told": "SUCCESS", "relayed": "SUCCESS,FAILURE", "list": "SUCCESS",
          "never": "NEVER"}
BOXES = "local", "full", "told", "one", "three", "sorted"

peer = Peer({"caps": [c for c in CAPS if c not in ("DSN", "PIPELINING")],
             "RCPT": lambda c, line: "550 5.1.1 no such user"
             if ":<bad" in line else "250 2.1.5 ok"})
server = instance.local("m.test")
server.table("users", *(f"{b}{i}@m.test:!" for b in BOXES for i in "12"))
sorter = server.root + "/sort"
# As root design 4 holds: it fails, and mail stays in INBOX, if the program may
# look into mailboxes or the queue, or speak to who stores there.
walls = f"""[ "$(id -un)" = rp-run ] || exit 1
cd {server.root} || exit 1
for f in var/mail var/queue run/put run/put-queued run/queue-received; do
  [ -e $f ] && [ ! -r $f ] && [ ! -w $f ] || exit 1
done
"""
with open(sorter, "w") as f:
    f.write("#!/bin/sh\n" + (walls if os.geteuid() == 0 else "") +
            "echo Lists.$SUBJECT; echo '\\Seen'\n")
os.chmod(sorter, 0o755)
server.table("accounts", *(f"full{i}@m.test messages=1" for i in "12"),
             *(f"sorted{i}@m.test program={sorter}" for i in "12"))
server.table("aliases", *(f"{a}{i}@m.test: {b}" for i in "12" for a, b in (
    ("remote", f"remote{i}@far.test"), ("relayed", f"relay{i}@far.test"),
    ("badfar", f"bad{i}@far.test"), ("never", f"bad{i}@far.test"),
    ("unknown", f"nobody{i}@m.test"),
    ("list", f"one{i}@m.test, two{i}@far.test"),
    ("halffull", f"three{i}@m.test, full{i}@m.test"))))


def edit(name, old, new):
    """What an admin would change in a run script."""
    path = f"{server.root}/service/{name}/run"
    with open(path) as f:
        text = f.read()
    if old not in text:
        raise SystemExit(f"# no {old} in {path}")
    with open(path, "w") as f:
        f.write(text.replace(old, new))


edit("smtp", "smtp-recv -w", "smtp-recv -S rcpt -w")
edit("send", "smtp-send -w", f"smtp-send -L tls=none -s 127.0.0.1:{peer.port} -w")
server.make()
server.up()


def send(subject, *rcpts):
    """The replies to RCPT and to the message."""
    with smtplib.SMTP("127.0.0.1", server.port["SMTP"], timeout=60) as s:
        s.ehlo("client.test")
        s.mail("s@from.test", ["RET=HDRS", f"ENVID={subject}"])
        codes = [s.rcpt(r, [f"NOTIFY={n}"] if n else [])[0] for r, n in rcpts]
        code = 0
        if any(c == 250 for c in codes):
            code = s.data(f"From: s@from.test\r\nSubject: {subject}\r\n\r\n"
                          "Hello.\r\n")[0]
    return codes, code


def queued():
    return glob.glob(f"{server.root}/var/queue/mess/*/*")


def boxes():
    """(Delivered-To, message) of all mailboxes"""
    mail = f"{server.root}/var/mail/m.test"
    for f in glob.glob(f"{mail}/*/new/*") + glob.glob(f"{mail}/*/.*/cur/*"):
        with open(f, "rb") as x:
            m = email.message_from_bytes(x.read())
        # where the program said, and read; or else nowhere
        good = f.split("/")[-3] == f".Lists.{m['Subject']}" and f[-4:] == ":2,S"
        if good or not m["Delivered-To"].startswith("sorted"):
            yield m["Delivered-To"], m
        else:
            wrong.append(f)


def sent():
    """(reverse-path, recipient, message) of what the peer took"""
    for c in peer.connections:
        n, took, path = 0, [], ""
        for line in c.lines:
            if line.startswith("MAIL"):
                took, path = [], line.split("<")[1].split(">")[0]
            if line.startswith("RCPT") and ":<bad" not in line:
                took.append(line.split("<")[1].split(">")[0])
            if line == "DATA":
                m = email.message_from_bytes(c.messages[n])
                n += 1
                for t in took:
                    yield path, t, m


tap.same([send(f"fill{i}", (f"full{i}@m.test", ""))[1] for i in "12"],
         [250, 250], "two mailboxes have all that they may have")
said = {}
for a, b in itertools.combinations_with_replacement(FATES, 2):
    cell = f"{a}-{b}"
    said[cell] = send(cell, (f"{a}1@m.test", NOTIFY.get(a)),
                      (f"{b}2@m.test", NOTIFY.get(b)))
tap.ok(tap.until(lambda: not queued(), 120), "the queue does all its work",
       server.log("queue")[-3000:])

has, told = collections.Counter(), collections.Counter()
wrong = []
for to, m in boxes():
    has[m["Subject"], to] += 1
tap.same(wrong, [], "a delivery program says where its account's mail belongs")
for path, to, m in sent():
    if m.get_content_type() != "multipart/report":
        has[m["Subject"], to] += 1
        continue
    if path or to != "s@from.test":
        wrong.append((path, to))
    first, *rest = m.get_payload()[1].get_payload()
    for x in rest:
        told[first["Original-Envelope-Id"],
             x["Final-Recipient"].split("; ")[1], x["Action"]] += 1
tap.ok(told and not wrong, "RFC 3461 6.1: notices go from <> to the sender",
       *wrong)
for a, b in itertools.combinations_with_replacement(FATES, 2):
    cell = f"{a}-{b}"
    (code_a, has_a, told_a), (code_b, has_b, told_b) = FATES[a], FATES[b]
    want = ([code_a, code_b], 250 if 250 in (code_a, code_b) else 0,
            sorted([(t.format(1), 1) for t in has_a] +
                   [(t.format(2), 1) for t in has_b]),
            sorted([(t.format(1), w, 1) for t, w in told_a] +
                   [(t.format(2), w, 1) for t, w in told_b]))
    got = (*said[cell], sorted((t, n) for (s, t), n in has.items() if s == cell),
           sorted((t, w, n) for (s, t, w), n in told.items() if s == cell))
    tap.same(got, want, f"{a} and {b}: told at RCPT, delivered, told by DSN")
tap.finish()
