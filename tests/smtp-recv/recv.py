"""A sink for parcels, tables, and an SMTP client that sends bytes as told."""
import base64
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

T = tempfile.mkdtemp()
TABLES = T + '/tables'
MAIL = {b'da.test': b'', b'D': b'a.test',
        b'ualice@a.test': b'/nowhere/alice\0',
        b'ubob@a.test': b'/nowhere/bob\0',
        b'apostmaster@a.test': b'alice@a.test',
        b'alist@a.test': b'alice@a.test\0carol@b.test',
        b'around@a.test': b'around@a.test'}
for _n in range(1200):
    MAIL[b'uu%d@a.test' % _n] = b'/nowhere/u\0'


def env(**more):
    e = dict(os.environ, ROHRPOST_ME='mx.a.test', ROHRPOST_TABLES=TABLES,
             ROHRPOST_RUN=T)
    e.update(more)
    return e


def tables(pairs=MAIL):
    os.makedirs(TABLES, exist_ok=True)
    text = b''.join(b'+%d,%d:%s->%s\n' % (len(k), len(v), k, v)
                    for k, v in pairs.items()) + b'\n'
    subprocess.run(['cdb', '-c', TABLES + '/mail.cdb', '-'], input=text,
                   check=True)


def records(f):
    """Yields records as (type, bytes) until end of file."""
    while True:
        digits = b''
        while (c := f.read(1)) != b':':
            if not c:
                return
            digits += c
        n = int(digits)
        body = f.read(n)
        if len(body) < n or f.read(1) != b',':
            return
        yield chr(body[0]), body[1:]


class Parcel:
    def __init__(self, identity):
        self.id, self.records = identity, []
        self.whole = self.ended = False  # with its end; not refused

    def all(self, kind):
        return [body for k, body in self.records if k == kind]

    def facts(self):
        return dict(f.decode().split('=', 1) for f in self.all('P'))

    def message(self):
        return b''.join(self.all('M'))

    def verdict(self):
        """The reply of the first verdict on all of it, or None."""
        for v in self.all('V'):
            kind, reply, *number = v.split(b'\0')
            if kind != b'junk' and not number:
                return reply


class Sink:
    """answer(parcel) gives the bytes of the report, None hangs up;
    settle(parcel) the reply to a ? record."""

    def __init__(self, name='sink', answer=None, keep=True, settle=None):
        self.settle = settle or (lambda p: b'250 2.0.0 Go on')
        self.path = f'{T}/{name}'
        self.answer = answer or (lambda p: b'R %s 250 2.0.0 Taken\n' % p.id)
        self.parcels, self.keep, self.connections = [], keep, 0
        self.clients = []
        self.changed = threading.Condition()
        self.s = socket.socket(socket.AF_UNIX)
        self.s.bind(self.path)
        self.s.listen(100)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            c, _ = self.s.accept()
            self.connections += 1
            self.clients.append(c)
            threading.Thread(target=self.client, args=(c,),
                             daemon=True).start()

    def break_off(self):
        """Ends all connections."""
        for c in self.clients:
            c.shutdown(socket.SHUT_RDWR)

    def client(self, c):
        try:
            self.serve(c)
            c.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        c.close()

    def serve(self, c):
        f = c.makefile('rb')
        p = None
        for kind, body in records(f):
            if kind == 'I':
                p = Parcel(body)
                with self.changed:
                    self.parcels.append(p)
            elif kind == '.':
                no = p.verdict()
                p.whole = not no
                p.ended = True
                said = b'R %s %s\n' % (p.id, no) if no else self.answer(p)
                with self.changed:
                    self.changed.notify_all()
                if said is None:
                    break
                c.sendall(said)
            elif kind == '?':
                p.records.append((kind, body))
                said = self.settle(p)
                if said is None:
                    break
                c.sendall(b'Q %s %s\n' % (p.id, said))
            elif kind != 'M' or self.keep:
                p.records.append((kind, body))
            with self.changed:
                self.changed.notify_all()

    def whole(self):
        return [p for p in self.parcels if p.whole]


class Client:
    """Speaks to a program on a socket pair, or to a port or path."""

    def __init__(self, argv=None, port=None, path=None, greet=True, **e):
        self.p = None
        if argv:
            self.s, theirs = socket.socketpair()
            self.p = subprocess.Popen(argv, stdin=theirs, stdout=theirs,
                                      stderr=subprocess.PIPE, env=env(**e))
            theirs.close()
        elif port:
            self.s = socket.create_connection(('127.0.0.1', port))
        else:
            self.s = socket.socket(socket.AF_UNIX)
            self.s.connect(path)
        self.s.settimeout(60)
        self.f = self.s.makefile('rb')
        if greet:
            self.greeting = self.reply()

    def send(self, *what):
        for w in what:
            self.s.sendall(w if isinstance(w, bytes) else w.encode())

    def reply(self):
        """One reply, lines joined; '' at end of file."""
        lines = []
        while True:
            try:
                line = self.f.readline()
            except ConnectionResetError:
                line = b''
            lines.append(line.decode('utf-8', 'replace').rstrip('\r\n'))
            if not line or line[3:4] != b'-':
                return '\n'.join(lines)

    def say(self, line):
        self.send(line, '\r\n')
        return self.reply()

    def says(self, *lines):
        return [self.say(x) for x in lines]

    def start(self, rcpt='alice@a.test', sender='s@b.test', hello='EHLO'):
        return self.says(f'{hello} c.test', f'MAIL FROM:<{sender}>',
                         f'RCPT TO:<{rcpt}>')

    def data(self, message):
        self.say('DATA')
        self.send(message)
        return self.reply()

    def close(self):
        """Ends the session; the program's exit code and its log."""
        self.s.shutdown(socket.SHUT_RDWR)
        self.f.close()
        self.s.close()
        if self.p:
            log = self.p.communicate(timeout=60)[1].decode()
            return self.p.returncode, log


class From(Client):
    """A client at any address of 127.0.0.0/8."""

    def __init__(self, port, source='127.0.0.1', first=b'', greet=True):
        self.p = None
        self.s = socket.socket()
        self.s.bind((source, 0))
        self.s.connect(('127.0.0.1', port))
        self.s.settimeout(60)
        self.f = self.s.makefile('rb')
        self.send(first)
        if greet:
            self.greeting = self.reply()


def wait(what, seconds=60):
    """Until what() is true, looking again and again."""
    end = time.monotonic() + seconds
    while not (r := what()) and time.monotonic() < end:
        time.sleep(0.005)
    return r


def children(p):
    with open(f'/proc/{p.pid}/task/{p.pid}/children') as f:
        return [int(x) for x in f.read().split()]


def listen(*argv, **e):
    """A -w server behind a unix socket: (Popen, path)."""
    path = f'{T}/listen.{time.monotonic_ns()}'
    r, w = os.pipe()
    p = subprocess.Popen(['unix-listen', path, argv[0], '-w', '-d', str(w),
                          *argv[1:]], pass_fds=[w], env=env(**e),
                         stderr=open(T + '/log', 'ab'))
    os.close(w)
    os.read(r, 1)
    os.close(r)
    return p, path


def listen_tcp(*argv, address='127.0.0.1', **e):
    """The same on a free port: (Popen, port)."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    r, w = os.pipe()
    p = subprocess.Popen(['tcp-listen', address, str(port), argv[0], '-w',
                          '-d', str(w), *argv[1:]], pass_fds=[w],
                         env=env(**e), stderr=open(T + '/log', 'ab'))
    os.close(w)
    os.read(r, 1)
    os.close(r)
    return p, port


class Auth:
    """A server of the Dovecot authentication protocol: user alice, pass pw;
    'temp' cannot be told."""

    def __init__(self):
        self.path, self.requests = T + '/auth', []
        self.s = socket.socket(socket.AF_UNIX)
        self.s.bind(self.path)
        self.s.listen(10)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            c, _ = self.s.accept()
            threading.Thread(target=self.client, args=(c,),
                             daemon=True).start()

    def client(self, c):
        c.sendall(b'VERSION\t1\t2\nMECH\tPLAIN\tplaintext\n'
                  b'MECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\n'
                  b'COOKIE\tabcd\nDONE\n')
        answers = []
        for line in c.makefile('rb'):
            f = line.decode().rstrip('\n').split('\t')
            if f[0] == 'AUTH':
                self.requests.append(f)
                mech, answers = f[2], []
                resp = [x[5:] for x in f if x.startswith('resp=')]
                answers += resp
            elif f[0] == 'CONT':
                answers.append(f[2])
            else:
                continue
            a = [base64.b64decode(x) for x in answers]
            if mech == 'LOGIN' and len(a) < 2:
                ask = b'Username:' if not a else b'Password:'
                c.sendall(b'CONT\t%s\t%s\n' % (f[1].encode(),
                                              base64.b64encode(ask)))
                continue
            user, word = (a if mech == 'LOGIN' else
                          (a[0].split(b'\0') + [b''] * 3)[1:3])
            if user == b'temp':
                c.sendall(b'FAIL\t%s\tuser=temp\ttemp\n' % f[1].encode())
            elif (user, word) == (b'alice', b'pw'):
                c.sendall(b'OK\t%s\tuser=alice@a.test\n' % f[1].encode())
            else:
                c.sendall(b'FAIL\t%s\tuser=x\n' % f[1].encode())


class Tls:
    """tls-serve's socket without TLS: bytes are handed on as they are."""

    def __init__(self):
        self.path, self.good = T + '/tls', True
        self.s = socket.socket(socket.AF_UNIX)
        self.s.bind(self.path)
        self.s.listen(10)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            c, _ = self.s.accept()
            _, fds, _, _ = socket.recv_fds(c, 1, 1)
            net = socket.socket(fileno=fds[0])
            if not self.good:
                c.sendall(b'0:,')
                c.close()
                net.close()
                continue
            facts = b'SSL_PROTOCOL=TLSv1.2\0SSL_CIPHER=TLS_NONE\0'
            c.sendall(b'%d:%s,' % (len(facts), facts))
            for a, b in ((c, net), (net, c)):
                threading.Thread(target=self.copy, args=(a, b),
                                 daemon=True).start()

    def copy(self, a, b):
        try:
            while s := a.recv(65536):
                b.sendall(s)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def clean():
    shutil.rmtree(T, ignore_errors=True)
