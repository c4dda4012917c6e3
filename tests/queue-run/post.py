"""A place with tables, sockets and a queue of its own, parcels, and sinks."""
import atexit
import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

T = tempfile.mkdtemp()
atexit.register(shutil.rmtree, T, True)
running = []
HASH = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA'
ACCOUNTS = 'alice', 'bob', 'carol', 'postmaster'

for sub in 'tables', 'run', 'queue', 'mail':
    os.mkdir(f'{T}/{sub}')
os.environ.update(ROHRPOST_ME='mx.a.test', ROHRPOST_TABLES=f'{T}/tables',
                  ROHRPOST_RUN=f'{T}/run', ROHRPOST_QUEUE=f'{T}/queue')
os.environ.pop('ROHRPOST_FOLDERS', None)


def cdb_bytes(pairs):
    """A cdb, as cr.yp.to/cdb/cdb.txt has it."""
    def h(k):
        x = 5381
        for c in k:
            x = ((x << 5) + x ^ c) & 0xffffffff
        return x
    n = lambda *v: b''.join(i.to_bytes(4, 'little') for i in v)
    body, tables, at = b'', [[] for _ in range(256)], 2048
    for k, v in pairs:
        tables[h(k) & 255].append((h(k), at + len(body)))
        body += n(len(k), len(v)) + k + v
    head, tail, at = b'', b'', at + len(body)
    for t in tables:
        slots = [(0, 0)] * (2 * len(t))
        for x, p in t:
            i = (x >> 8) % len(slots)
            while slots[i][1]:
                i = (i + 1) % len(slots)
            slots[i] = x, p
        head += n(at + len(tail), len(slots))
        tail += b''.join(n(*s) for s in slots)
    return head + body + tail


def make_tables(accounts='', routes=None):
    """mail.cdb by table-build, so that its format is nobody's guess."""
    def write(name, text):
        with open(f'{T}/{name}', 'w') as f:
            f.write(text)
    write('domains', 'a.test\n')
    write('accounts', accounts)
    write('users', ''.join(f'{a}@a.test:{HASH}\n' for a in ACCOUNTS))
    write('aliases', 'list@a.test: alice@a.test, bob@a.test, far@c.test\n'
          'loop@a.test: loop2@a.test\nloop2@a.test: loop@a.test\n')
    text = subprocess.run(
        ['table-build', 'mail', '-m', f'{T}/mail', '-d', f'{T}/domains', '-c',
         f'{T}/accounts', '-a', f'{T}/aliases', *(['-r', routes] if routes else []),
         f'{T}/users'], stdout=subprocess.PIPE,
        check=True).stdout
    pairs, i = [], 0
    while text[i:i + 1] == b'+':
        head, rest = text[i + 1:].split(b':', 1)
        k, d = map(int, head.split(b','))
        pairs.append((rest[:k], rest[k + 2:k + 2 + d]))
        i += len(head) + 2 + k + 2 + d + 1
    with open(f'{T}/tables/.new', 'wb') as f:
        f.write(cdb_bytes(pairs))
    os.rename(f'{T}/tables/.new', f'{T}/tables/mail.cdb')


make_tables()


def rec(kind, body=b''):
    if isinstance(body, str):
        body = body.encode()
    return b'%d:%s%s,' % (len(body) + 1, kind.encode(), body)


def local(n, name, *more):
    return rec('T', '\0'.join([str(n), f'{name}@a.test', 'route=local',
                               f'mailbox={name}@a.test', *more]))


MESSAGE = b'From: s@b.test\r\nSubject: hello\r\n\r\nHello.\r\n'


def parcel(*between, ident='p1', sender='s@b.test', message=MESSAGE, after=()):
    m = b''.join(rec('M', message[i:i + 60000])
                 for i in range(0, len(message), 60000))
    return b''.join([rec('I', ident), rec('P', 'by=mx.a.test'),
                     rec('F', sender), *between, m, *after, rec('.')])


def run(argv, data, **kw):
    """Standard output's lines, and the exit code."""
    p = subprocess.run(argv, input=data, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=120, **kw)
    run.log = p.stderr.decode(errors='replace')
    return p.stdout.decode().splitlines(), p.returncode


def wait(what, seconds=60):
    """Polls until what() is true; its value, or None."""
    end = time.time() + seconds
    while time.time() < end:
        got = what()
        if got:
            return got
        time.sleep(0.01)
    return None


def spawn(*argv, **kw):
    with open(f'{T}/log', 'ab') as log:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log,
                             stderr=log, **kw)
    running.append(p)
    return p


def log():
    with open(f'{T}/log', errors='replace') as f:
        return f.read()


def stop(p, how=signal.SIGTERM):
    if p.poll() is None:
        p.send_signal(how)
    p.wait(60)
    if p in running:
        running.remove(p)
    return p.returncode


@atexit.register
def stop_all():
    for p in list(running):
        stop(p, signal.SIGKILL)


def listening(path):
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
        except OSError:
            return False
    return True


def service(name, *argv):
    """A server on a unix socket of that name below run/."""
    path = f'{T}/run/{name}'
    p = spawn('unix-listen', path, *argv)
    wait(lambda: listening(path))
    return p


def inbox(name, folder='', where='new'):
    """The contents of a mailbox's messages, in order of arrival."""
    files = glob.glob(f'{T}/mail/a.test/{name}/{folder}/{where}/*')
    out = []
    for f in sorted(files, key=lambda f: os.stat(f).st_mtime_ns):
        with open(f, 'rb') as x:
            out.append(x.read())
    return out


def queued():
    return sorted(glob.glob(f'{T}/queue/mess/*/*'))


def empty_mail():
    shutil.rmtree(f'{T}/mail')
    os.mkdir(f'{T}/mail')


def records(f):
    """The records of a stream: kind and body."""
    while True:
        n = b''
        while True:
            c = f.read(1)
            if not c:
                return
            if c == b':':
                break
            n += c
        body = f.read(int(n))
        if f.read(1) != b',':
            return
        yield body[:1].decode(), body[1:]


class Sink:
    """A sink in this process: answer(parcel) makes the report lines. parcel is
    a dict of id, facts, from, to (lists of strings), message, junk."""

    def __init__(self, name, answer=None):
        self.path, self.answer = f'{T}/run/{name}', answer
        self.parcels, self.open, self.most = [], 0, 0
        self.s = socket.socket(socket.AF_UNIX)
        self.s.bind(self.path)
        self.s.listen(100)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            self.talk(c)
        except OSError:
            pass
        c.close()
        self.open -= 1

    def talk(self, c):
        p = {}
        for kind, body in records(c.makefile('rb')):
            if kind == 'I':
                p = dict(id=body.decode(), facts=[], to=[], message=b'',
                         junk=False)
            elif kind == 'P':
                p['facts'].append(body.decode())
            elif kind == 'F':
                p['from'] = body.decode().split('\0')
            elif kind == 'T':
                p['to'].append(body.decode().split('\0'))
            elif kind == 'M':
                p['message'] += body
            elif kind == 'V':
                p['junk'] = body.startswith(b'junk')
            elif kind == '.':
                self.parcels.append(p)
                lines = (self.answer or accept)(p)
                if lines is None:
                    return
                c.sendall(''.join(x + '\n' for x in lines).encode())

    def close(self):
        self.s.shutdown(socket.SHUT_RDWR)
        self.s.close()
        os.unlink(self.path)


def accept(p):
    return [f'R {p["id"]} 250 2.0.0 Accepted']
