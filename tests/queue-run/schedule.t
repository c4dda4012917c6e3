#!/usr/bin/python3
"""queue-run: what it does in five days is what -n prints (RFC 5321 4.5.4.1, the
notice of a delay, giving up). Its clock stands still, until the test sets it: to
the second before an attempt, at which another message proves that it has looked,
then to the attempt."""
import mmap
import os
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/queue-run']
import tap
from post import T, Sink, parcel, queued, rec, run, spawn, stop, wait

if 'san' in os.path.basename(os.environ.get('O', '')):
    tap.skip_all('a sanitizer wants to be loaded first')
subprocess.run(['gcc', '-shared', '-fPIC', '-O1', '-o', f'{T}/clock.so',
                'tests/queue-run/preload/clock.c'], check=True)
ARRIVAL = 1700000000


def set_clock(t):
    clock[:8] = (ARRIVAL + t).to_bytes(8, 'little')


with open(f'{T}/clock', 'w+b') as f:
    f.truncate(4096)
    clock = mmap.mmap(f.fileno(), 4096)
set_clock(0)
fake = dict(os.environ, LD_PRELOAD=f'{T}/clock.so', CLOCK=f'{T}/clock')


def now():
    return int.from_bytes(clock[:8], 'little') - ARRIVAL


def put(address):
    out, _ = run(['queue-put', '-c', 'submitted'], parcel(
        rec('T', f'0\0{address}\0route=remote')), env=fake)
    assert ' 250 ' in out[-1], out


def answer(p):
    to = p['to'][0][1]
    seen.append((to, now()))
    return [f'R {p["id"]} ' + (
        '451 4.2.0 Later' if to == 'slow@c.test' else '250 2.0.0 Ok')]


def notice(p):
    m = p['message']
    told.append(('delay' if b'Action: delayed' in m else
                 'failure' if b'Action: failed' in m else m, now()))
    return [f'R {p["id"]} 250 2.0.0 Ok']


def due():
    """Of the one that waits, as its record says; None if none does; 0: its
    sender is being told of the delay."""
    for path in queued():
        try:
            with open(path, 'rb') as f:
                d = f.read()
        except FileNotFoundError:
            continue
        at = int(d[:128].split()[5])
        if b'slow@c.test' in d[:at] and d[at:at + 1] == b'w':
            return d[at + 1:at + 2] != b'!' and int(d[at:at + 256].split()[2]) - ARRIVAL
    return None


def printed(options):
    out, _ = run(['queue-run', '-n', *options], b'')
    lines = [x.split('\t') for x in out]
    return ([int(x[1]) for x in lines if x[0].startswith('attempt')],
            [int(x[1]) for x in lines if x[0] == 'delay notice'])


def attempts():
    return [t for to, t in list(seen) if to == 'slow@c.test']


def live():
    """The life of a message that is deferred each time; how often it was tried
    too early."""
    early, n = 0, 1
    put('slow@c.test')
    while wait(lambda: len(attempts()) == n):
        t = now()
        wait(lambda: (due() or 0) > t or not queued())
        t = due()
        if not t:
            break
        set_clock(t - 1)
        put(f'probe{n}@d.test')
        wait(lambda: (f'probe{n}@d.test', t - 1) in list(seen))
        early += len(attempts()) != n
        set_clock(t)
        put(f'again{n}@d.test')  # it wakes up
        n += 1
    wait(lambda: not queued())
    return early


send, report = Sink('send', answer), Sink('queue-report', notice)
for options in [], ['-w', '0', '-e', '90000'], ['-r', '60', '-g', '100', '-m',
                                                '60', '-e', '600', '-w', '90']:
    seen, told = [], []
    set_clock(0)
    p = spawn('queue-run', '-i', '1', *options, env=fake)
    early = live()
    want, warned = printed(options)
    words = ' '.join(options) or 'the defaults'
    tap.same(attempts(), want, f'{words}: {len(want)} attempts as printed')
    tap.same(early, 0, 'none a second earlier')
    tap.same([t for what, t in told if what == 'delay'], warned,
             'the sender is told of the delay then')
    tap.same(told[-1:], [('failure', want[-1])], 'and of the end at the end')
    tap.same(queued(), [], 'nothing is left')
    stop(p)
tap.finish()
