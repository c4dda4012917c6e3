"""What tests of the filters in spf-check/ share: parcels through a program."""
import os
import re
import subprocess

from peer import net

IP, IP6 = '192.0.2.1', '2001:db8::1'


class Check:
    """A program with options and an environment."""

    def __init__(self, prog, *args, env=None):
        self.prog, self.args = prog, args
        self.env = {**os.environ, **(env or {}),
                    'ASAN_OPTIONS': 'detect_leaks=0:handle_segv=0:'
                                    'handle_sigbus=0:quarantine_size_mb=1'}
        self.log = ''

    def run(self, data, *args):
        r = subprocess.run([self.prog, *self.args, *args], input=data,
                           env=self.env, capture_output=True, timeout=60)
        self.log = r.stderr.decode()
        return r.stdout, r.returncode

    def query(self, *args):
        r = subprocess.run([self.prog, *self.args, *args], env=self.env,
                           capture_output=True, text=True, timeout=60)
        self.log = r.stderr
        return r.stdout, r.returncode

    def added(self, *args, **what):
        """The records that it puts into a parcel, as strings; NUL is |."""
        data = parcel(**what)
        out, code = self.run(data, *args)
        if code:
            return [f'exit {code}', self.log]
        new, old = records(out), records(data)
        rest = list(new)
        for r in old:  # all of these, in order
            if r not in rest:
                return ['lost ' + r, *new]
            rest.remove(r)
        same_order = [r for r in new if r not in rest]
        return rest if same_order == [r for r in old if r not in rest] \
            else ['disorder', *new]


def parcel(ip=IP, helo='h.b.test', sender='s@b.test', to=('b@b.test',),
           facts=(), ident='x1', body='Subject: x\r\n\r\n', settle=False):
    out = net('I', ident) + net('P', 'id=trace')
    if ip:
        out += net('P', f'ip={ip}')
    out += net('P', f'helo={helo}') + b''.join(net('P', f) for f in facts)
    ask = net('?') if settle else b''
    out += ask + net('F', sender) + ask
    for i, t in enumerate(to):
        out += net('T', str(i), t) + ask
    return out + net('M', body) + net('.')


def records(data):
    """Netstrings as text."""
    out = []
    while data:
        size, _, data = data.partition(b':')
        n = int(size)
        out.append(data[:n].decode('utf-8', 'replace').replace('\0', '|'))
        data = data[n + 1:]
    return out


def manual_has(prog, *words):
    """Whether the manual says so, blanks and markup apart."""
    with open(f'spf-check/{prog}.8', encoding='utf-8') as f:
        text = re.sub(r'\s+', ' ', re.sub(r'(?m)^\.\w+ ', '', f.read()))
    return all(w in text for w in words)
