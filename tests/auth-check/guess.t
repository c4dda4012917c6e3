#!/usr/bin/python3
"""auth-check and those who guess: what they are told, what is kept, and the
fail2ban filters of our log lines."""
import base64
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, 'tests')
import tap

DIR = tempfile.TemporaryDirectory(prefix='guess-test-')
T = DIR.name
# sha512crypt of "secret", few rounds: a password check costs nothing here
HASH = subprocess.run(['openssl', 'passwd', '-6', '-salt', 'abcdefgh',
                       'secret'], capture_output=True, text=True,
                      check=True).stdout.strip()
with open(T + '/in', 'w') as f:
    for n in ('joe@a.test', 'ann@a.test'):
        f.write(f'+{len(n)},{len(HASH)}:{n}->{HASH}\n')
    f.write('\n')
subprocess.run(['cdb', '-c', T + '/users.cdb', T + '/in'], check=True)


class Guesser:
    def __init__(self, *args):
        self.s, theirs = socket.socketpair()
        self.log = open(T + '/log', 'a+')
        self.p = subprocess.Popen(
            ['auth-check', '-f', T + '/users.cdb', '-D', '0', *args],
            stdin=theirs, stdout=theirs, stderr=self.log)
        theirs.close()
        self.s.settimeout(60)
        self.f = self.s.makefile('rb')
        self.s.sendall(b'VERSION\t1\t2\nCPID\t1\n')
        while self.f.readline().strip() != b'DONE':
            pass
        self.n = 0

    def check(self, name, password, ip='192.0.2.1'):
        self.n += 1
        resp = base64.b64encode(f'\0{name}\0{password}'.encode()).decode()
        rip = f'\trip={ip}' if ip else ''
        self.s.sendall(f'AUTH\t{self.n}\tPLAIN\tservice=smtp{rip}\tresp='
                       f'{resp}\n'.encode())
        f = self.f.readline().decode().rstrip('\n').split('\t')
        return f[0] + (' temp' if 'temp' in f else '')

    def end(self):
        self.s.close()
        self.f.close()
        self.p.wait(timeout=60)


g = Guesser('-a', '3/86400', '-i', '5/86400', '-k', T + '/guards')
tap.same([g.check('joe@a.test', 'x') for _ in range(3)], ['FAIL'] * 3,
         'wrong three times')
tap.same(g.check('joe@a.test', 'secret'), 'FAIL temp',
         'then the right one, too, is not looked at: RFC 4954 4.7.0, not 535')
tap.same(g.check('joe@a.test', 'x'), 'FAIL temp',
         'and a wrong one is told the same')
tap.same(g.check('ann@a.test', 'secret'), 'OK', 'another account may')
tap.same([g.check('no@a.test', 'x', '192.0.2.2') for _ in range(4)],
         ['FAIL'] * 3 + ['FAIL temp'], 'an account that does not exist is '
         'counted like one that does')
tap.same([g.check(f'{n}@a.test', 'x', '192.0.2.3') for n in range(6)],
         ['FAIL'] * 5 + ['FAIL temp'], 'an address that tries many accounts')
g.end()
g = Guesser('-a', '3/86400', '-i', '5/86400', '-k', T + '/guards')
tap.same(g.check('joe@a.test', 'secret', '192.0.2.9'), 'FAIL temp',
         '-k: kept over a restart')
tap.same([g.check('ann@a.test', 'x', '198.51.100.%d' % n)
          for n in range(4)], ['FAIL'] * 3 + ['FAIL temp'], 'guessers')
tap.same(g.check('ann@a.test', 'secret'), 'OK',
         'do not lock out an owner where it was before')
g.end()
g = Guesser()
got = [g.check('joe@a.test', 'x') for _ in range(21)]
tap.same(got, ['FAIL'] * 20 + ['FAIL temp'],
         'twenty by default, as the manual says')
with open('auth-check/auth-check.8') as f:
    tap.ok(f.read().count('default 20/1200') == 2, 'the manual\'s defaults')
g.end()
r = subprocess.run(['auth-check', '-k', T + '/in'], stdin=subprocess.DEVNULL,
                   capture_output=True, text=True)
tap.ok(r.returncode == 111 and T + '/in' in r.stderr,
       '-k of another file: 111, and it is left alone', r.stderr)
for bad in ('20', 'x/1', '1/0'):
    r = subprocess.run(['auth-check', '-a', bad], capture_output=True,
                       stdin=subprocess.DEVNULL)
    tap.same(r.returncode, 100, f'-a {bad}: wrong usage')

# A flood of addresses and accounts: as many as kill maddy's limiter.
g = Guesser('-a', '2/86400', '-i', '2/86400')


def rss():
    with open(f'/proc/{g.p.pid}/statm') as f:
        return int(f.read().split()[1]) * os.sysconf('SC_PAGESIZE') // 1024


if os.getuid() == 0:
    before = rss()
    for n in range(1000):
        g.check('%d@a.test' % n, 'x', '10.1.%d.%d' % (n >> 8, n & 255))
    after = rss()
    print(f'# auth-check: {before} KiB before 1,000 guessers, {after} after')
    tap.ok(after - before < 4096, 'memory does not grow', before, after)
g.end()


# fail2ban: one ban for what we say, none for what a guesser makes us say
def matches(name, lines, stamp='2026-11-24 10:00:00.123456789 '):
    with open(T + '/lines', 'w') as f:
        f.write(''.join(f'{stamp}{x}\n' for x in lines))
    r = subprocess.run(
        ['fail2ban-regex', '-v', '--print-all-matched', T + '/lines',
         f'package/fail2ban/filter.d/{name}.conf'],
        capture_output=True, text=True)
    for line in r.stdout.splitlines():
        if line.startswith('Lines:'):
            return [int(x) for x in line.replace(',', '').split()
                    if x.isdigit()][2], r.stdout
    return None, r.stdout + r.stderr


if not shutil.which('fail2ban-regex'):
    tap.ok(True, 'fail2ban # SKIP not installed')
else:
    with open(T + '/log') as f:
        said = f.read().splitlines()
    n, out = matches('rohrpost-auth', said)
    tap.ok(n == sum(' refused ' in x or ' blocked ' in x for x in said) > 40,
           f'rohrpost-auth finds {n} lines of our log', out)
    n, out = matches('rohrpost-auth', said, '@400000006743a1b2075bcd15 ')
    tap.ok(n > 40, 'also with the stamps of svlogd and s6-log t', out)
    n, out = matches('rohrpost-auth', [
        'auth-check: info: authenticated joe@a.test from 192.0.2.1',
        'auth-check: warning: too many password checks wait',
        'auth-check: info: refused x from -'])
    tap.same(n, 0, 'and nothing else')
    n, out = matches('rohrpost-auth', [
        'auth-check: info: refused x from 203.0.113.9 from 192.0.2.1'])
    tap.ok(n == 1 and '192.0.2.1' in out and
           not any('203.0.113.9  ' in x for x in out.splitlines()),
           'a name that looks like the end of a line bans nobody else', out)
    n, out = matches('rohrpost-smtp', [
        'smtp-recv: info: abcDEF123456: authentication failed ip=192.0.2.1',
        'smtp-recv: info: abc: too many errors from 2001:db8::1',
        'smtp-recv: info: abc: 192.0.2.1 spoke first',
        'smtp-recv: info: refused ip=192.0.2.1: too fast',
        'imap-login: info: authentication failed ip=192.0.2.1',
        'smtp-recv: info: abc: refused <x@a.test> from=<y@b.test> '
        'ip=192.0.2.1: 550 5.1.1 No such mailbox',
        'smtp-recv: info: abc: refused <x@a.test> from=<y@b.test> '
        'ip=192.0.2.1: 550 5.7.1 Relaying denied'])
    tap.same(n, 7, 'rohrpost-smtp')
    n, out = matches('rohrpost-smtp', [
        'smtp-recv: info: abc: authenticated user=joe ip=192.0.2.1',
        'smtp-recv: info: abc: client went away',
        'smtp-recv: info: abc: refused <x@a.test> from=<y@b.test> '
        'ip=192.0.2.1: 451 4.3.0 Unable to look it up now',
        'smtp-recv: info: abc: C: MAIL FROM:<"authentication failed '
        'ip=192.0.2.1"@a.test>'])
    tap.same(n, 0, 'and nothing else')
tap.finish()
