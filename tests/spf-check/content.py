"""What the tests of rspamd-check and milter-check share: parcels, what a filter
made of them, scripted servers."""
import atexit
import os
import socket
import subprocess
import sys
import tempfile
import threading

from dnsserver import Server
from tap import until

PATIENCE = 60
DIR = tempfile.TemporaryDirectory(prefix='content-')
T = DIR.name
dns = Server({})  # whoever asks for a name is told that there is none
ENV = {**os.environ, **dns.env, 'ROHRPOST_ME': 'me.test', 'TMPDIR': T,
       'ASAN_OPTIONS': 'detect_leaks=0'}


def data(s):
    return s.encode() if isinstance(s, str) else s


def net(kind, s=''):
    s = data(kind) + data(s)
    return b'%d:%s,' % (len(s), s)


def records(s):
    """A stream as [(type, bytes)]; what is broken shows as ('!', rest)."""
    out = []
    while s:
        n, colon, rest = s.partition(b':')
        if not colon or not n.isdigit() or rest[int(n):int(n) + 1] != b',':
            return out + [('!', s)]
        n = int(n)
        out.append((rest[:1].decode(), rest[1:n]))
        s = rest[n + 1:]
    return out


FACTS = ['id=trace1', 'ip=192.0.2.1', 'port=4025', 'helo=mail.b.test',
         'rdns=host.b.test', 'proto=ESMTPS', 'tls=TLSv1.2',
         'cipher=ECDHE-RSA-AES128', 'by=me.test']
RECEIVED = 'Received: from mail.b.test\r\n\tby me.test;\r\n\ttoday\r\n'
MESSAGE = b'From: <s@b.test>\r\nSubject: hello\r\n\r\nbody\r\n'


def parcel(message=MESSAGE, sender='s@b.test', to=('r@a.test',), facts=FACTS,
           before=(), id='x1', ask=''):
    """before: records in front of the message; ask: behind which letters of
    P F T a question stands."""
    out = net('I', id) + b''.join(net('P', f) for f in facts)
    q = net('?')
    out += q * ('P' in ask) + net('F', sender) + q * ('F' in ask)
    for i, t in enumerate(to):
        out += (net('T', t) if '\0' in t else net('T', f'{i}\0{t}')) \
            + q * ('T' in ask)
    out += net('H', RECEIVED) + b''.join(net(k, s) for k, s in before)
    message = data(message)
    for i in range(0, len(message), 65536):
        out += net('M', message[i:i + 65536])
    return out + net('.')


class Result:
    def __init__(self, sent, p):
        self.code, self.log, self.raw = p.returncode, p.stderr, p.stdout
        self.all = records(p.stdout)
        rest = records(sent)
        self.new = []  # what the filter added
        for r in self.all:
            if rest and r == rest[0]:
                rest.pop(0)
            else:
                self.new.append(r)
        self.lost = rest

    def of(self, kind):
        return [s for k, s in self.new if k == kind]

    def __repr__(self):
        return f'{self.code} {self.new} lost {self.lost} {self.log}'


def run(prog, *args, sent=None, env=ENV):
    sent = parcel() if sent is None else sent
    p = subprocess.run([prog, *args], input=sent, env=env,
                       capture_output=True, timeout=120)
    return Result(sent, p)


class Scripted:
    """A server on TCP or, by path, a unix socket: serve(socket) for each
    connection, in a thread of its own."""

    def __init__(self, serve, path=None):
        self.serve, self.connections, self.errors = serve, 0, []
        self.busy = set()
        self.s = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.s.bind(path or ('127.0.0.1', 0))
        self.s.listen(20)
        self.port = None if path else self.s.getsockname()[1]
        self.path = path
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            try:
                c = self.s.accept()[0]
            except OSError:
                return
            self.connections += 1
            c.settimeout(PATIENCE)
            self.busy.add(c)
            threading.Thread(target=self.one, args=(c,), daemon=True).start()

    def one(self, c):
        try:
            with c:
                self.serve(c)
        except OSError as e:
            self.errors.append(e)
        finally:
            self.busy.discard(c)

    def close(self):
        until(lambda: not self.busy)  # who was asked may still be reading
        # close() alone leaves the accept() of the other thread in place
        self.s.shutdown(socket.SHUT_RDWR)
        self.s.close()


def receive(c, n):
    out = b''
    while len(out) < n:
        more = c.recv(n - len(out))
        if not more:
            raise OSError('end of file')
        out += more
    return out


def daemon(*argv, log='daemon', **kw):
    """A server that ends with the test."""
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, cwd=T,
                         stdout=open(f'{T}/{log}.log', 'w'),
                         stderr=subprocess.STDOUT, **kw)
    atexit.register(end, p)
    return p


def end(p):
    if p.poll() is None:
        p.terminate()
        try:
            p.wait(5)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def show(log):
    with open(f'{T}/{log}.log', errors='replace') as f:
        for line in f.read().splitlines()[-20:]:
            print('#', line, file=sys.stderr)
