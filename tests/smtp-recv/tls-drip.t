#!/usr/bin/python3
"""TLS byte by byte, in front of smtp-recv: who drips is held until the deadline
and no longer, in memory that does not grow, and others are served meanwhile."""
import os
import select
import smtplib
import socket
import ssl
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv', 'tests/tls-serve']
import lab
import tap
from recv import T, Sink, clean, listen_tcp, tables

EACH = 5   # of a kind
TICK = .01  # what a byte waits at least
lab.self_signed('a.test', 'a.test', '2048')
lab.table('tls.cdb', 'tls-build', 'tls')
service = lab.Service('tls-serve', '-f', lab.T + '/tls.cdb', '-T', '5')
tables()
sink = Sink()
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
servers = [listen_tcp('smtp-recv', *how, '-o', sink.path, '-t', '5', '-y', '0',
                      '-T', service.path) for how in ([], ['-i'])]
(plain, port), (implicit, tls_port) = servers


def children(p):
    with open(f'/proc/{p.pid}/task/{p.pid}/children') as f:
        return f.read().split()


def memory(pid):
    """Of its own, in KiB; 0: it has gone."""
    try:
        with open(f'/proc/{pid}/status') as f:
            return sum(int(x.split()[1]) for x in f
                       if x.startswith(('RssAnon', 'VmStk')))
    except OSError:
        return 0


def connected(port):
    s = socket.create_connection(('127.0.0.1', port), 30)
    if port == tls_port:
        return s
    f = s.makefile('rb')
    for line in ('', 'EHLO c.test\r\n', 'STARTTLS\r\n'):
        s.sendall(line.encode())
        while f.readline()[3:4] == b'-':
            pass
    return s


def hello():
    """A ClientHello that takes long: an extension that nobody knows."""
    extension = b'\xfe\xfe' + (15000).to_bytes(2, 'big') + bytes(15000)
    body = (b'\3\3' + bytes(32) + b'\0' + b'\0\2\xc0\x2f' + b'\1\0' +
            len(extension).to_bytes(2, 'big') + extension)
    return b'\1' + len(body).to_bytes(3, 'big') + body


def one_record(message):
    return b'\x16\3\1' + len(message).to_bytes(2, 'big') + message


def small_records(message):
    return b''.join(b'\x16\3\1\0\1' + bytes([c]) for c in message)


class Drip:
    """Bytes to one connection, one at a time."""

    def __init__(self, s, what):
        self.s, self.what, self.sent, self.over = s, what, 0, False

    def tick(self):
        try:
            if select.select([self.s], [], [], 0)[0] and not self.s.recv(4096):
                self.over = True
            elif self.sent < len(self.what):
                self.sent += self.s.send(self.what[self.sent:self.sent + 1])
        except OSError:
            self.over = True


def drip(drips, each=lambda ticks: None):
    """Until all have been closed, or one has nothing more to say."""
    ticks = 0
    while (left := [d for d in drips if not d.over]) and all(
            d.sent < len(d.what) for d in left):
        each(ticks)
        for d in left:
            d.tick()
        ticks += 1
        tap.pause.wait(TICK)
    for d in drips:
        d.s.close()


def deliver():
    """A message of another client, as the others drip"""
    with smtplib.SMTP('127.0.0.1', port, timeout=60) as s:
        s.starttls(context=context)
        s.sendmail('s@b.test', ['alice@a.test'], 'Subject: x\n\nx\n')
    with smtplib.SMTP_SSL('127.0.0.1', tls_port, timeout=60,
                          context=context) as s:
        s.sendmail('s@b.test', ['alice@a.test'], 'Subject: x\n\nx\n')


def gone():
    """smtp-recv keeps children for the next client, tls-serve none."""
    return not children(service.p)


# Handshakes
first, last = {}, {}
others = []


def watch(ticks):
    if ticks == 20:
        deliver()
        others.append(sum(not d.over for d in drips))
    if ticks >= 40 and not ticks % 20:
        for pid in children(service.p):
            last[pid] = memory(pid) or last.get(pid)
            first.setdefault(pid, last[pid])


drips = [Drip(connected(to), cut(hello())) for to in (port, tls_port)
         for cut in (one_record, small_records) for _ in range(EACH)]
drip(drips, watch)
tap.ok(all(d.over and 40 < d.sent < len(d.what) for d in drips),
       f'{len(drips)} clients that drip a handshake, by STARTTLS and at once, in '
       'one record or in many: -T ends them', [d.sent for d in drips])
tap.same((others, len(sink.whole())), ([len(drips)], 2),
         'meanwhile others begin TLS both ways and deliver')
tap.ok(len(first) >= len(drips) and all(
    last[p] - first[p] <= 64 for p in first), 'memory stays as it was',
    first, last)
tap.ok(tap.until(gone), 'no process of tls-serve is left of them')
with open(T + '/log') as f:
    log = f.read()
tap.same(log.count('TLS handshake with 127.0.0.1 failed: Connection timed out'),
         len(drips), 'the log says why')

# All of a handshake in single bytes
for to in (port, tls_port):
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    c = context.wrap_bio(into, out)
    s = connected(to)

    def through(step):
        while True:
            try:
                got = step()
            except ssl.SSLWantReadError:
                got = None
            for b in out.read():
                s.sendall(bytes([b]))
            if got is not None:
                return got
            into.write(s.recv(1))

    through(lambda: c.do_handshake() or True)
    c.write(b'EHLO c.test\r\n')
    tap.ok(through(lambda: c.read(4096))[:3] in (b'220', b'250'),
           f'a handshake and EHLO in single bytes, to {to}')

    # What follows: a record that does not come to its end
    s.setblocking(True)
    d = Drip(s, b'\x17\3\3\x3f\0' + bytes(0x3f00))
    drip([d])
    tap.ok(d.over and d.sent < len(d.what),
           'RFC 5321 4.5.3.2.7: a command that drips within a record meets the '
           'deadline of commands (-t)', d.sent)
    tap.ok(tap.until(gone), 'and no process is left')

for p, _ in servers:
    p.terminate()
    p.wait(60)
tap.same(service.stop(), 0, 'tls-serve ends')
clean()
tap.finish()
