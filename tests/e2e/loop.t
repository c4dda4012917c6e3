#!/usr/bin/python3
"""An alias of two targets at a host that sends both back to it: each goes out
once, not 2^n times until the hops are counted (RFC 5321 6.3)."""
import collections
import email
import glob
import smtplib
import sys

sys.path[:0] = ["tests", "tests/smtp-send"]
import instance
import tap
from peer import Peer

MOST = 40  # copies, of a server that has no guard
server = instance.local("m.test")
server.table("users", "me@m.test:!")
server.table("aliases", "list@m.test: x@far.test, y@far.test",
             "both@m.test: me@m.test, z@far.test")
said = []


def transactions(c):
    """(reverse-path, recipients, message) of each that the peer took"""
    path, to, n = "", [], 0
    for line in c.lines:
        if line.startswith("MAIL"):
            path, to = line.split("<")[1].split(">")[0], []
        if line.startswith("RCPT"):
            to.append(line.split("<")[1].split(">")[0])
        if line == "DATA" and n < len(c.messages):
            yield path, to, c.messages[n]
            n += 1


def alias(text):
    return email.message_from_bytes(text)["Delivered-To"]


def back(c, line):
    """The other host sends a copy of each recipient back to the alias."""
    path, rcpts, text = list(transactions(c))[-1]
    for _ in rcpts if path else ():
        if len(said) < MOST:
            with smtplib.SMTP("127.0.0.1", server.port["SMTP"]) as s:
                s.ehlo("far.test")
                s.mail(path)
                s.rcpt(alias(text) or "list@m.test")
                said.append(s.data(b"Received: by far.test\r\n" + text))
    return "250 2.0.0 forwarded"


peer = Peer({"DOT": back})
path = f"{server.root}/service/send/run"
with open(path) as f:
    text = f.read()
with open(path, "w") as f:
    f.write(text.replace("smtp-send -w",
                         f"smtp-send -L tls=none -s 127.0.0.1:{peer.port} -w"))
server.make()
server.up()


def send(to):
    said.clear()
    with smtplib.SMTP("127.0.0.1", server.port["SMTP"], timeout=60) as s:
        s.sendmail("s@from.test", [to], f"From: s@from.test\r\nTo: {to}\r\n\r\n")
    tap.ok(tap.until(lambda: not glob.glob(
        f"{server.root}/var/queue/mess/*/*"), 60), f"{to}: the queue is empty",
        server.log("queue")[-3000:])


def sent():
    return [x for c in peer.connections for x in transactions(c)]


send("list@m.test")
got = collections.Counter(t for _, to, _ in sent() for t in to)
tap.same(got, {"x@far.test": 1, "y@far.test": 1},
         "RFC 5321 6.3: two targets that send back get one copy each")
tap.ok(len(said) == 2 and all(c == 554 and b"5.4.6" in x for c, x in said),
       "both that come back are refused: 554 5.4.6", *said)

# Beside a local target the loop alone is bounced
send("both@m.test")
tap.same([c for c, _ in said], [250], "a message with a local target is taken")
boxes = glob.glob(f"{server.root}/var/mail/m.test/me/new/*")
tap.same(len(boxes), 2, "it is delivered where there is no loop")
notes = [m for path, to, m in sent() if not path]
tap.ok(len(notes) == 1 and b"5.4.6" in notes[0] and b"z@far.test" in notes[0],
       "RFC 3461: the sender is told once, of the loop", *notes)
tap.same([alias(m) for _, to, m in sent() if "z@far.test" in to],
         ["both@m.test"], "which got one copy, with its Delivered-To")
tap.finish()
