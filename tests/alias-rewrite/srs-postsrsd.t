#!/usr/bin/python3
"""SRS with postsrsd, Postfix's: beside it in a chain of forwarders, each with a
secret of its own, and in its place, with the same secret."""
import atexit
import os
import shutil
import socket
import subprocess
import sys
import urllib.parse

sys.path[:0] = ['tests', 'tests/alias-rewrite']
import tap
from forward import T, goes, queue, rec, secrets, sender, tables

PROGRAM = shutil.which('postsrsd') or '/usr/sbin/postsrsd'
SECRET, OTHER = 'a secret of both of them', 'a secret of nobody else'
SENDERS = ('s@b.test', 'John.Doe+x@b.test', 'a=b=c@b.test', '=@b.test',
           's@UPPER.b.test', 'x' * 64 + '@b.test')
if not os.access(PROGRAM, os.X_OK):
    tap.skip_all('needs postsrsd')


class Postsrsd:
    """On two ports of 127.0.0.1; Postfix's tcp_table(5)"""

    def __init__(self, domain, secret, *options):
        path = f'{T}/secret.{domain}'
        with open(path, 'w') as f:
            f.write(secret + '\n')
        held = [socket.socket() for _ in 'fr']
        for s in held:
            s.bind(('127.0.0.1', 0))
        self.ports = [s.getsockname()[1] for s in held]
        for s in held:
            s.close()
        p = subprocess.Popen([PROGRAM, '-4', '-l', '127.0.0.1', f'-s{path}',
                              f'-d{domain}', f'-f{self.ports[0]}',
                              f'-r{self.ports[1]}', *options],
                             stderr=subprocess.DEVNULL)
        atexit.register(p.wait)
        atexit.register(p.terminate)
        if not tap.until(self.up):
            tap.ok(False, 'postsrsd is up')

    def up(self):
        try:
            return self.ask(0, 'x@y.test')
        except OSError:
            return False

    def ask(self, port, address):
        """What it becomes, or None"""
        with socket.create_connection(('127.0.0.1', self.ports[port]), 30) as s:
            s.sendall(b'get %s\n' % urllib.parse.quote(address).encode())
            code, text = s.makefile().readline().split(' ', 1)
        return urllib.parse.unquote(text.strip()) if code == '200' else None

    def forward(self, address):
        return self.ask(0, address)

    def reverse(self, address):
        return self.ask(1, address)


def forward(address):
    """What we make of a sender"""
    return sender(queue(rec('T', '0\0fwd@a.test'), address)[1])[0]


def reverse(address):
    code, lines = goes(address)
    return lines[0].split()[1] if code == 0 else code


def same(got, want, name):
    """Domains have no case (RFC 5321 2.4), rewritten senders neither."""
    def low(x):
        if not isinstance(x, str) or x[:3] == 'SRS':
            return str(x).lower()
        at = x.rfind('@')
        return x[:at] + x[at:].lower()
    return tap.same([low(x) for x in got], [low(x) for x in want], name)


tables('fwd@a.test: far@c.test\n')
their = Postsrsd('p.test', SECRET)

# In a chain, secrets apart
secrets(OTHER)
ours = [forward(x) for x in SENDERS]
theirs = [their.forward(x) for x in SENDERS]
tap.ok(all(x and x.startswith('SRS0=') for x in ours + theirs),
       'both rewrite', ours, theirs)
ours1, theirs1 = [forward(x) for x in theirs], [their.forward(x) for x in ours]
tap.ok(all(x and x.startswith('SRS1=') for x in ours1 + theirs1),
       'each makes SRS1 of the SRS0 of the other', ours1, theirs1)
same([reverse(x) for x in ours1], theirs, 'we lead back to postsrsd')
same([their.reverse(reverse(x)) for x in ours1], SENDERS,
     'and that to the sender')
same([their.reverse(x) for x in theirs1], ours, 'postsrsd leads back to us')
same([reverse(their.reverse(x)) for x in theirs1], SENDERS,
     'and we to the sender')
third = Postsrsd('q.test', OTHER)
same([reverse(forward(third.forward(x))) for x in theirs1], SENDERS,
     'by us, two of them, and us again: back to the sender at once')
same([third.reverse(third.forward(x)) for x in ours1], theirs,
     'SRS1 of ours, rewritten there')
tap.same([reverse(x.replace('@p.test', '@a.test')) for x in theirs + theirs1],
         [1] * 12, 'what postsrsd made with its secret is forged here')
tap.same([their.reverse(x.replace('@a.test', '@p.test'))
          for x in ours + ours1], [None] * 12, 'and ours is there')

# In its place
secrets('postsrsd:' + SECRET)
for x, y in zip(SENDERS, theirs):
    same([forward(x)], [y.replace('@p.test', '@a.test')],
         f'the same secret: the same address of {x}')
same([reverse(x.replace('@p.test', '@a.test')) for x in theirs], SENDERS,
     'we take what postsrsd made')
same([reverse(x.replace('@p.test', '@a.test').swapcase()).lower()
      for x in theirs], [x.lower() for x in SENDERS], 'in any case')
same([their.reverse(forward(x).replace('@a.test', '@p.test'))
      for x in SENDERS], SENDERS, 'postsrsd takes what we make')
FAR = ['SRS0=hhhh=TT=b.test=s@z.test', 'SRS0+hhhh=TT=b.test=s@z.test']
same([reverse(their.forward(x).replace('@p.test', '@a.test')) for x in FAR],
     FAR, 'SRS1 of postsrsd, too')
same([their.reverse(forward(x).replace('@a.test', '@p.test')) for x in FAR],
     FAR, 'and of ours')
long = Postsrsd('r.test', SECRET, '-n20', '-N20')
same([reverse(long.forward(x).replace('@r.test', '@a.test')) for x in SENDERS],
     SENDERS, 'with a longer hash (-n)')
x = theirs[0].replace('@p.test', '@a.test')
tap.same([reverse(y) for y in (x[:5] + x[6:], x.replace('=s@', '=t@'),
                               x[:5] + '====' + x[9:], x[:5] + x[9:])], [1] * 4,
         'a hash of three characters, or of another address, is forged')
secrets(OTHER, 'postsrsd:' + SECRET)
tap.same([reverse(x), reverse(ours[0]), forward('s@b.test')],
         ['s@b.test', 's@b.test', ours[0]],
         'after a move: a secret of our own makes, the old one still checks')
tap.finish()
