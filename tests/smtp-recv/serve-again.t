#!/usr/bin/python3
"""smtp-recv -w on TCP: who said QUIT leaves a process to the next client of the
same address, and nothing of itself in it; nobody else gets into it."""
import atexit
import os
import signal
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from recv import (T, Auth, From, Sink, Tls, children, clean, listen_tcp, tables,
                  wait)

if os.getuid():
    tap.skip_all('needs root: a confined child hides its descriptors')
tables()
sink = Sink()
A, B, C = '127.1.0.1', '127.1.0.2', '127.1.1.1'


def fds(pid):
    try:
        return os.listdir(f'/proc/{pid}/fd')
    except OSError:
        return ['0']


def waits(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return '0' not in fds(pid) and f.read().rpartition(')')[2][1] == 'S'
    except OSError:
        return False


def idle(p):
    """Waits until all children have no client, and sleep."""
    return wait(lambda: all(waits(c) for c in children(p)))


def visit(p, port, source=A, more=lambda c: None):
    """A whole session: its greeting, and what more() returns."""
    c = From(port, source)
    if c.greeting[:3] == '220':
        got = more(c)
        c.say('QUIT')
        c.reply()
        idle(p)
    else:
        got = None
    c.s.close()
    return c.greeting[:3], got


running = []


def server(*args):
    running.append(listen_tcp('smtp-recv', *args, '-o', sink.path))
    return running[-1]


@atexit.register
def end_all():
    for q, _ in running:
        q.kill()


def end(p):
    p.terminate()
    return p.wait(timeout=60)


p, port = server('-C', '2', '-T', Tls().path)
got = []
visit(p, port, A, lambda c: got.extend(
    c.says('EHLO one.test', 'MAIL FROM:<x@b.test> SMTPUTF8 BODY=8BITMIME '
           'RET=HDRS ENVID=secret', 'RCPT TO:<bob@a.test>')))
tap.same([x[:3] for x in got], ['250'] * 3, 'a session that stops at RCPT')
first = children(p)
left = fds(first[0])
tap.same(len(first), 1, 'its process stays')


def second(c):
    return [x[:3] for x in c.says('RCPT TO:<alice@a.test>', 'HELO two.test',
                                  'RCPT TO:<alice@a.test>', 'STARTTLS')]


tap.same(visit(p, port, A, second)[1], ['503', '250', '503', '220'],
         'RFC 5321 4.1.4: the next one begins at the beginning')
visit(p, port, A, lambda c: got.append(
    [c.start(hello='HELO'), c.data('Subject: x\r\n\r\nx\r\n.\r\n')]))
tap.same(children(p), first, 'in the same process')
f = sink.parcels[-1].facts()
tap.same((f['helo'], f['proto'], f['ip'], f.get('tls')),
         ('c.test', 'SMTP', A, None), 'with facts of its own')
tap.ok(b'one.test' not in b''.join(b for _, b in sink.parcels[-1].records) and
       b'secret' not in b''.join(b for _, b in sink.parcels[-1].records),
       'and nothing of others in its parcel')
for _ in range(20):
    visit(p, port, A, lambda c: c.start())
tap.same(sorted(fds(first[0])), sorted(left), 'no descriptor stays')

c = From(port, A)
d = From(port, A)
e = From(port, A)
tap.same([x.greeting[:3] for x in (c, d, e)], ['220', '220', '421'],
         '-C counts whom an old process serves')
for x in (c, d):
    x.say('QUIT')
    x.reply()
idle(p)
a = [From(port, A) for _ in range(3)]
tap.same([x.greeting[:3] for x in a], ['220', '220', '421'],
         'and does not count idle ones')
end(p)

p, port = server()
visit(p, port, A)
first = children(p)
visit(p, port, B)
tap.same(len(children(p)), 2, 'another address gets another process')
visit(p, port, B)
visit(p, port, A)
tap.same(len(children(p)), 2, 'each finds its own')
c = From(port, A)
c.start()
c.close()
tap.ok(wait(lambda: first[0] not in children(p)),
       'who does not say QUIT leaves none')
visit(p, port, A)
for pid in children(p):
    os.kill(pid, signal.SIGKILL)
wait(lambda: not children(p))
tap.same(visit(p, port, A)[0], '220', 'idle ones that were killed')
before = children(p)
for _ in range(99):
    visit(p, port, A)
same = children(p) == before
tap.ok(same or not children(p), 'a hundred clients for one process')
visit(p, port, A)
tap.ok(set(children(p)).isdisjoint(before), 'then it ends')
tap.same(end(p), 0, 'SIGTERM ends idle ones')

p, port = server('-c', '2')
got = [visit(p, port, x)[0] for x in (A, B, C, A)]
tap.same(got, ['220'] * 4, '-c: idle ones make room')
tap.ok(len(children(p)) <= 2, 'and are never more')
end(p)

p, port = server('-c', '100')
for n in range(1, 71):
    visit(p, port, f'127.2.0.{n}')
last = children(p)
tap.ok(wait(lambda: len(children(p)) <= 64), 'at most 64 idle ones')
tap.same(visit(p, port, '127.2.0.70')[0], '220', 'the last finds its own')
tap.ok(set(children(p)) <= set(last), 'although 64 were there')
end(p)

p, port = server('-F', 'ip=3/3600,wait=0')
tap.same([visit(p, port, A)[0] for _ in range(4)], ['220'] * 3 + ['421'],
         '-F counts them')
end(p)

auth = Auth()
for args, what in [(['-s', '-p', '-A', auth.path], 'submission'),
                   (['-p', '-A', auth.path], 'with AUTH')]:
    p, port = server(*args)
    visit(p, port, A)
    tap.ok(wait(lambda: not children(p)), f'{what}: no process stays')
    end(p)
p, port = server('-P', '127.0.0.0/8')
c = From(port, A, first=b'PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n')
c.say('QUIT')
tap.ok(wait(lambda: not children(p)), 'nor behind a proxy')
end(p)
clean()
tap.finish()
