#!/usr/bin/env python3
"""Real messages: each goes into DATA or BDAT and comes out of IMAP BODY[] byte
for byte below the trace fields. CORPUS names the folder of messages (default:
build/corpus, filled by tests/corpus/collect)."""
import imaplib
import os
import re
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, "tests")
import instance
import tap

FOLDER = os.environ.get("CORPUS") or os.path.join(
    os.environ.get("O", "build"), "corpus")
TRACE = rb"(Return-Path|Delivered-To|Received|Authentication-Results):"


def normal(raw):
    """CRLF line ends and one at the end; None if SMTP cannot carry it."""
    if b"\r\n" in raw and not re.search(rb"(?<!\r)\n", raw):
        text = raw
    else:
        text = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if re.search(rb"\r(?!\n)|(?<!\r)\n", text):
        return None
    return text if text.endswith(b"\r\n") or not text else text + b"\r\n"


def corpus():
    collected = subprocess.run(["tests/corpus/collect", FOLDER],
                               stdout=subprocess.PIPE, text=True)
    for line in collected.stdout.splitlines():
        print("#", line)
    if collected.returncode and os.geteuid():
        print("1..0 # SKIP no corpus: run tests/corpus/collect " + FOLDER)
        sys.exit(0)
    messages, bare = [], 0
    for name in sorted(os.listdir(FOLDER)):
        if not name.endswith(".eml"):
            continue
        with open(os.path.join(FOLDER, name), "rb") as f:
            text = normal(f.read())
        if text is None:
            bare += 1
        else:
            messages.append((name, text))
    print(f"# {len(messages)} messages, {bare} left out for a bare CR or LF")
    return messages


class Smtp:
    """One connection; only replies matter."""

    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), 60)
        self.f = self.s.makefile("rb")
        self.reply()
        self.ask(b"EHLO [127.0.0.1]")

    def reply(self):
        line = self.f.readline()
        while line[3:4] == b"-":
            line = self.f.readline()
        return line

    def ask(self, line):
        self.s.sendall(line + b"\r\n")
        return self.reply()

    def envelope(self, to):
        self.s.sendall(b"MAIL FROM:<> BODY=8BITMIME\r\nRCPT TO:<" + to +
                       b">\r\n")
        return self.reply(), self.reply()

    def data(self, text):
        if not self.ask(b"DATA").startswith(b"354"):
            return b"no 354"
        text = re.sub(rb"^\.", b"..", text, flags=re.M)
        self.s.sendall(text + b".\r\n")
        return self.reply()

    def bdat(self, text):
        half = len(text) // 2
        self.s.sendall(b"BDAT %d\r\n" % half + text[:half])
        self.s.sendall(b"BDAT %d LAST\r\n" % (len(text) - half) + text[half:])
        self.reply()
        return self.reply()


def send(messages, port):
    """Those that were accepted, in their order"""
    smtp, accepted = Smtp(port), []
    for i, (name, text) in enumerate(messages):
        smtp.envelope(b"u@real.test")
        reply = (smtp.bdat if i % 2 else smtp.data)(text)
        if reply.startswith(b"250"):
            accepted.append((name, text))
        else:
            tap.ok(False, f"{name} is accepted", reply)
            smtp.ask(b"RSET")
    return accepted


def fetch(port):
    """BODY[] of all messages by UID"""
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    imap = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=tls)
    imap.login("u@real.test", "secret")
    imap.select("INBOX", readonly=True)
    bodies = []
    _, answer = imap.uid("FETCH", "1:*", "(RFC822.SIZE BODY.PEEK[])")
    for item in answer:
        if isinstance(item, tuple):
            size = re.search(rb"RFC822.SIZE (\d+)", item[0])
            bodies.append((item[1], size and int(size.group(1))))
    imap.logout()
    return bodies


def below_trace(body):
    """Where the trace fields that we wrote end: with the date of our own
    Received. (A message may begin with a blank and so look like more of it.)"""
    at = 0
    while re.match(TRACE, body[at:at + 40], re.I):
        if re.match(rb"received:", body[at:at + 9], re.I):
            return re.compile(rb";\s+\S[^\n]*\n").search(body, at).end()
        at = re.compile(rb"[^\n]*\n([ \t][^\n]*\n)*").match(body, at).end()
    return at


messages = corpus()
tap.ok(len(messages) >= 1000, f"{len(messages)} messages are at least 1000")
server = instance.local("real.test")
server.value("DNSCACHEIP", "127.0.0.1")  # no query leaves the machine
server.value("DNSCACHEPORT", instance.free_ports(1)[0])
server.account("u@real.test", "secret")
server.make()
server.up()

accepted = send(messages, server.port["SMTP"])
tap.same(len(accepted), len(messages), "all are accepted")
bodies = fetch(server.port["IMAPS"])
tap.same(len(bodies), len(accepted), "all are there")

# Two deliveries in one second may get their UIDs in any order.
left = {}
for body, size in bodies:
    left.setdefault(body[below_trace(body):], []).append((body, size))
wrong = []
sizes = 0
for name, text in accepted:
    if left.get(text):
        body, size = left[text].pop()
        sizes += size != len(body)
    else:
        wrong.append(name)
tap.ok(not wrong, "every message comes out as it went in", wrong[:20])
tap.same(sizes, 0, "RFC 3501 6.4.5: RFC822.SIZE is the size of BODY[]")
heads = [b[:below_trace(b)] for b, _ in bodies]
tap.same(sum(h.startswith(b"Return-Path: <>\r\n") for h in heads), len(heads),
         "RFC 5321 4.4: Return-Path is on top of each")
tap.same(sum(b"\nReceived: " in h for h in heads), len(heads),
         "RFC 5321 4.4: each has our Received above it")
tap.same(server.down(), {}, "a clean stop")
tap.finish()
