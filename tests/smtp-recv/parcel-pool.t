#!/usr/bin/python3
"""parcel-pool: lending, queueing, and instances that must not be used again."""
import os
import re
import signal
import socket
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from recv import T, clean, listen, wait

# A sink that does what the sender's local part says.
SINK = T + '/sink.py'
open(SINK, 'w').write('''
import os, sys, time
sys.path[:0] = ['tests/smtp-recv']
import recv
os.rmdir(recv.T)
me = os.getpid()
open(%r + '/started', 'a').write(f'{me}\\n')
for kind, body in recv.records(sys.stdin.buffer):
    if kind == 'I':
        i = body
    elif kind == 'F':
        what = body
    elif kind == '?':
        os.write(1, b'Q %%s 250 2.0.0 Go on\\n' %% i)
    elif kind == '.':
        open(%r + '/asked', 'a').write('x')
        if what == b'die':
            sys.exit(1)
        if what == b'hang':
            time.sleep(600)
        if what == b'wait':
            while not os.path.exists(%r + '/go'):
                time.sleep(0.01)
        if what == b'other':
            i = b'other'
        os.write(1, b'R %%s 250 2.0.0 pid %%d\\n' %% (i, me))
        if what == b'twice':
            time.sleep(0.05)
            os.write(1, b'R %%s 250 2.0.0 again\\n' %% i)
''' % (T, T, T))


def rec(kind, body=b''):
    return b'%d:%s%s,' % (len(body) + 1, kind.encode(), body)


def parcel(sender=b'', size=10, identity=b'a'):
    message = b''.join(rec('M', b'x' * 60000) for _ in range(size // 60000))
    return (rec('I', identity) + rec('F', sender) + rec('T', b'0\0x@y.test') +
            message + rec('M', b'y' * (size % 60000)) + rec('.'))


class Client:
    def __init__(self):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)
        self.s.settimeout(60)
        self.f = self.s.makefile('rb')

    def put(self, *what):
        self.s.sendall(b''.join(what))

    def line(self):
        try:
            return self.f.readline().decode().strip()
        except ConnectionResetError:
            return ''

    def pid(self, *what):
        self.put(*what or (parcel(),))
        return self.line().split()[-1:]

    def close(self):
        self.f.close()
        self.s.close()


p, path = listen('parcel-pool', '-n', '2', '-x', '2', 'sh', '-c',
                 f'exec python3 {SINK}')
started = lambda: open(T + '/started').read().split()
asked = lambda: os.path.getsize(T + '/asked')
wait(lambda: os.path.exists(T + '/started') and len(started()) == 2)
tap.same(len(started()), 2, 'instances are warm before anybody asks')
c = Client()
first = c.pid()
tap.ok(first[0] in started(), 'a parcel and its report', first)
tap.same([c.pid() for _ in range(5)], [first] * 5,
         'an instance stays in use, parcel after parcel')
tap.ok(c.pid(parcel(size=3000000)) == first, 'three megabytes')
c.put(rec('I', b'a'), rec('F'), rec('?'))
tap.same(c.line(), 'Q a 250 2.0.0 Go on', 'an answer to ? goes back')
c.put(rec('M', b'x'), rec('.'))
tap.ok(c.line().startswith('R a 250'), 'and then the report')
# lent for a parcel, not for a connection
idle = [Client() for _ in range(20)]
tap.ok(all(x.pid()[0] in started() for x in idle),
       'twenty clients with two instances, all staying connected')
for x in idle:
    x.close()
# bytes in dribs
for b in parcel(size=70000)[:50]:
    c.put(bytes([b]))
c.put(parcel(size=70000)[50:])
tap.ok(c.line().startswith('R a 250'), 'a parcel that comes byte by byte')
n = len(started())
tap.same(n, 2, 'nothing so far cost an instance')
# a client that goes away in mid-parcel
d = Client()
d.put(parcel(size=200000)[:150000])
d.close()
tap.ok(wait(lambda: len(started()) == n + 1),
       'an instance left in mid-parcel is replaced')
tap.ok(c.pid()[0] in started(), 'and others go on')
# a client that never reads its report
n = len(started())
d = Client()
before = asked()
d.put(parcel(b'wait'))
wait(lambda: asked() > before)
d.close()
open(T + '/go', 'w').close()
tap.ok(wait(lambda: len(started()) == n + 1),
       'an instance with an unread report is replaced')
os.unlink(T + '/go')
for sender, name in [(b'die', 'an instance that dies'),
                     (b'twice', 'an instance with a report too many')]:
    n = len(started())
    d = Client()
    d.put(parcel(sender))
    got = d.line()
    tap.ok((got == '') == (sender == b'die'), f'{name}: the client', got)
    tap.ok(wait(lambda: len(started()) == n + 1), f'{name} is replaced')
    d.close()
for bad, name in [(b'x', 'no netstring'), (b'99999999:', 'an absurd length'),
                  (b'01:I,', 'a leading zero'), (rec('M', b'x'),
                                                 'a record before I'),
                  (rec('I', b'a') + rec('I', b'b'), 'I inside a parcel'),
                  (rec('I', b'a')[:-1] + b';', 'no comma'),
                  (b'0:,', 'an empty record')]:
    d = Client()
    d.put(bad)
    tap.same(d.line(), '', f'{name}: the client is thrown out')
    d.close()
tap.ok(wait(lambda: c.pid()), 'and the pool goes on')
# queueing in order
e = [Client() for _ in range(4)]
n = len(started())
for x in e:
    x.put(parcel(b'wait'))
open(T + '/go', 'w').close()
got = [x.line() for x in e]
tap.ok(all(g.startswith('R a 250') for g in got), 'waiting clients queue', got)
os.unlink(T + '/go')
# TERM lets a parcel end
before = asked()
e[0].put(parcel(b'wait'))
wait(lambda: asked() > before)
p.send_signal(signal.SIGTERM)
wait(lambda: not re.search(r'(?m)^S\w*Pnd:.*[1-9a-f]',
                           open(f'/proc/{p.pid}/status').read()))
open(T + '/go', 'w').close()
tap.ok(e[0].line().startswith('R a 250'), 'SIGTERM: a parcel under way ends')
tap.same(p.wait(timeout=60), 0, 'then the pool does')
tap.ok(wait(lambda: not [x for x in started() if os.path.exists(
    f'/proc/{x}') and open(f'/proc/{x}/stat').read().split()[2] != 'Z']),
    'and no instance survives')

# clients that hold the warm instances do not keep out others
n = len(started())
p, path = listen('parcel-pool', '-n', '1', '-x', '3', 'sh', '-c',
                 f'exec python3 {SINK}')
slow = [Client() for _ in range(2)]
for x in slow:
    x.put(parcel(size=100000)[:-2])
d = Client()
d.put(parcel())
tap.ok(d.line().startswith('R a 250'), 'more instances while clients wait')
slow.append(Client())
slow[2].put(parcel(size=100000)[:-2])
wait(lambda: len(started()) == n + 3)
d.put(parcel())
wait(lambda: False, 0.3)
tap.same(len(started()), n + 3, 'but not more than -x')
slow.pop(0).close()
tap.ok(d.line().startswith('R a 250'), 'and a place that is free is taken')
for x in slow:
    x.put(parcel(size=100000)[-2:])
tap.ok(all(x.line().startswith('R a 250') for x in slow), 'slow ones end, too')
p.terminate()
p.wait()

# a pipeline that cannot start is tried with growing delays
DELAY_MS = int(re.search(r'DELAY_MS (\d+)', open('lib/child.c').read())[1])
p, path = listen('parcel-pool', '-n', '1', 'sh', '-c',
                 f'date +%s%N >>{T}/tries; exit 1')
wait(lambda: os.path.exists(T + '/tries') and
     open(T + '/tries').read().count('\n') > 3)
tries = [int(x) // 1000000 for x in open(T + '/tries').read().split()]
tap.ok(len(tries) > 3 and all(tries[i + 1] - tries[i] >= DELAY_MS << i
                              for i in range(3)), 'back-off', tries)
p.terminate()
p.wait()
tap.same(subprocess.run(['parcel-pool', '-w', 'true'], stdin=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL).returncode, 100,
         '-w needs a listening socket')
r = subprocess.run(['parcel-pool', 'true'], stderr=subprocess.DEVNULL)
tap.same(r.returncode, 100, 'and there is no other mode')
clean()
tap.finish()
