"""Tables made from text, what alias-rewrite finds in them, and its parcels."""
import os
import subprocess
import tempfile

import tap

T = tempfile.TemporaryDirectory()
CDB = os.path.join(T.name, 'mail.cdb')


def build(domains='', aliases='', accounts='', users='', senders=''):
    names = []
    for flag, name, text in (('-d', 'domains', domains),
                             ('-c', 'accounts', accounts),
                             ('-a', 'aliases', aliases),
                             ('-f', 'sender-rewrites', senders),
                             (None, 'users', users)):
        path = os.path.join(T.name, name)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        names += [flag, path] if flag else [path]
    made = subprocess.run(['table-build', 'mail', '-m', '/m', *names],
                          capture_output=True, check=True).stdout
    subprocess.run(['cdb', '-c', CDB], input=made, check=True)


def complaint(name, text, **other):
    """What table-build says of a table with that text"""
    for file, content in {'domains': 'a.test\nb.test\n', 'aliases': '',
                          'sender-rewrites': '', **other, name: text}.items():
        with open(os.path.join(T.name, file), 'w', encoding='utf-8') as f:
            f.write(content)
    r = subprocess.run(['table-build', 'mail', '-d', 'domains', '-a', 'aliases',
                        '-f', 'sender-rewrites'], cwd=T.name,
                       capture_output=True, text=True)
    return r.returncode, r.stdout, r.stderr.removeprefix(
        'table-build: fatal: ').strip()


def explain(address):
    r = subprocess.run(['alias-rewrite', '-t', CDB, '-q', address],
                       capture_output=True, text=True)
    return r.returncode, r.stdout.splitlines()


def query(address):
    r = subprocess.run(['alias-rewrite', '-t', CDB, '-q', address],
                       capture_output=True)
    return r.returncode, [line.split()[1] for line in
                          r.stdout.decode().splitlines() if line[0] != ' ']


def goes(address, *targets, why):
    tap.same(query(address), (0, list(targets)), why)


def refused(address, why, word='unknown'):
    r = subprocess.run(['alias-rewrite', '-t', CDB, '-q', address],
                       capture_output=True, text=True)
    targets = [x for x in r.stdout.splitlines() if x[0] != ' ']
    tap.ok((r.returncode, targets) == (1, []) and word in r.stderr, why, r)


def users(*names):
    return ''.join(f'{n}:$6$x\n' for n in names)


def record(kind, *parts):
    s = kind.encode() + b'\0'.join(p.encode() for p in parts)
    return b'%d:%s,' % (len(s), s)


def records(s):
    out = []
    while s:
        n, s = s.split(b':', 1)
        n = int(n)
        out.append((chr(s[0]), *s[1:n].decode().split('\0')))
        assert s[n:n + 1] == b','
        s = s[n + 1:]
    return out


def run(data, table=CDB):
    return subprocess.run(['alias-rewrite', '-t', table], input=data,
                          capture_output=True)


def parcel(*to, sender='s@x.test'):
    return [('I', 'id1'), ('P', 'ip=192.0.2.1'), ('F', sender, 'SIZE=1'), *to,
            ('M', 'Subject: x\r\n\r\nx\r\n'), ('X', 'unknown'), ('.',)]


def data(rs):
    return b''.join(record(*(r if len(r) > 1 else (*r, ''))) for r in rs)


def rewrites(to, want, why, table=CDB, sender='s@x.test', becomes=None):
    r = run(data(parcel(*to, sender=sender)), table)
    got = [tuple(x) if x[1:] != ('',) else (x[0],) for x in records(r.stdout)]
    want = parcel(*want, sender=sender if becomes is None else becomes)
    tap.ok(r.returncode == 0 and got == want, why, r, f'got  {got}',
           f'want {want}')
