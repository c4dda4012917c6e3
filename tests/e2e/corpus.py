"""The corpus of real messages, and ways to send and fetch them. CORPUS names
the folder (default: corpus in the build directory, filled by
tests/corpus/collect)."""
import imaplib
import os
import re
import socket
import ssl
import subprocess
from base64 import b64encode

import tap

FOLDER = os.environ.get("CORPUS") or os.path.join(
    os.environ.get("O", "build"), "corpus")
# with what RFC 6409 8 lets a submission server add
TRACE = rb"(Return-Path|Delivered-To|Received|Authentication-Results|" \
    rb"DKIM-Signature|Message-ID|Date):"


def normal(raw):
    """CRLF line ends and one at the end; None if SMTP cannot carry it, or if it
    begins with a blank: that would be more of our Received, and is refused."""
    if b"\r\n" in raw and not re.search(rb"(?<!\r)\n", raw):
        text = raw
    else:
        text = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if re.search(rb"\r(?!\n)|(?<!\r)\n|\A[ \t]", text):
        return None
    return text if text.endswith(b"\r\n") or not text else text + b"\r\n"


def corpus():
    collected = subprocess.run(["tests/corpus/collect", FOLDER],
                               stdout=subprocess.PIPE, text=True)
    for line in collected.stdout.splitlines():
        print("#", line)
    if collected.returncode and os.geteuid():
        tap.skip_all("no corpus: run tests/corpus/collect " + FOLDER)
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
    print(f"# {len(messages)} messages, {bare} left out: a bare CR or LF, "
          "or a blank in front")
    return messages


def tls():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Smtp:
    """One connection, which begins with TLS and a login if auth is given; only
    replies matter."""

    def __init__(self, port, auth=None, sender=b""):
        self.sender = sender
        self.s = socket.create_connection(("127.0.0.1", port), 60)
        if auth:
            self.s = tls().wrap_socket(self.s)
        self.f = self.s.makefile("rb")
        self.reply()
        self.ask(b"EHLO [127.0.0.1]")
        if auth:
            plain = b64encode(b"\0" + b"\0".join(auth))
            tap.ok(self.ask(b"AUTH PLAIN " + plain).startswith(b"235"),
                   "the sender logs in")

    def reply(self):
        line = self.f.readline()
        while line[3:4] == b"-":
            line = self.f.readline()
        return line

    def ask(self, line):
        self.s.sendall(line + b"\r\n")
        return self.reply()

    def envelope(self, to):
        self.s.sendall(b"MAIL FROM:<" + self.sender + b"> BODY=8BITMIME\r\n"
                       b"RCPT TO:<" + to + b">\r\n")
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


def send(messages, smtp, to):
    """Those that were accepted, in their order"""
    accepted = []
    for i, (name, text) in enumerate(messages):
        smtp.envelope(to)
        reply = (smtp.bdat if i % 2 else smtp.data)(text)
        if reply.startswith(b"250"):
            accepted.append((name, text))
        else:
            tap.ok(False, f"{name} is accepted", reply)
            smtp.ask(b"RSET")
    return accepted


def fetch(port, account):
    """BODY[] and RFC822.SIZE of all messages, by IMAPS"""
    imap = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=tls())
    imap.login(account, "secret")
    imap.select("INBOX", readonly=True)
    bodies = []
    _, answer = imap.uid("FETCH", "1:*", "(RFC822.SIZE BODY.PEEK[])")
    for item in answer:
        if isinstance(item, tuple):
            size = re.search(rb"RFC822.SIZE (\d+)", item[0])
            bodies.append((item[1], size and int(size.group(1))))
    imap.logout()
    return bodies


def below_trace(body, hops=1):
    """Where the trace fields that we wrote end: with the date of the last
    Received that is ours."""
    at = 0
    while hops and re.match(TRACE, body[at:at + 40], re.I):
        if re.match(rb"received:", body[at:at + 9], re.I):
            at = re.compile(rb";\s+\S[^\n]*\n").search(body, at).end()
            hops -= 1
        else:
            field = re.compile(rb"[^\n]*\n([ \t][^\n]*\n)*")
            at = field.match(body, at).end()
    return at


def missing(accepted, bodies, hops=1):
    """Names of messages that did not come out below the trace fields as they
    went in. Deliveries in one second may get their UIDs in any order."""
    left = {}
    for body, _ in bodies:
        text = body[below_trace(body, hops):]
        left[text] = left.get(text, 0) + 1
    wrong = []
    for name, text in accepted:
        if left.get(text):
            left[text] -= 1
        else:
            wrong.append(name)
    return wrong
