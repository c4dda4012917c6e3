#!/usr/bin/python3
"""queue-run: a fair share for every sender; destinations that are down; rate
limits."""
import fcntl
import os
import signal
import struct
import sys
import termios
import time

sys.path[:0] = ['tests', 'tests/queue-run']
import tap
from post import (MESSAGE, T, Sink, inbox, queued, rec, run, service, spawn, stop,
                  wait)

MANY = 2000
dead, gate = set(), []


def start(*options):
    r, w = os.pipe()
    p = spawn('queue-run', '-d', str(w), '-i', '1', *options, pass_fds=[w])
    os.close(w)
    os.read(r, 1)
    os.close(r)
    return p


def message(n, to, sender, *facts):
    return b''.join([rec('I', f'p{n}'), rec('P', 'by=mx.a.test'),
                     *(rec('P', x) for x in facts), rec('F', sender),
                     rec('T', f'0\0{to}\0route=remote'), rec('M', MESSAGE),
                     rec('.')])


def submit(messages, klass='submitted'):
    out, code = run(['queue-put', '-c', klass], b''.join(messages))
    assert code == 0 and all(' 250 ' in x for x in out), (out[:1], code)


def answer(p):
    while not gate:
        time.sleep(0.01)
    to = p['to'][0][1]
    if to.split('@')[1] in dead:
        return [f'R {p["id"]} 451 4.4.1 {to.split("@")[1]}: no host answers']
    return [f'R {p["id"]} 250 2.0.0 Ok']


def places(sender):
    return [i for i, x in enumerate(send.parcels) if x['from'][0] == sender]


def states():
    out = []
    for f in queued():
        try:
            with open(f, 'rb') as x:
                data = x.read()
        except FileNotFoundError:
            continue
        at = int(data[:128].split()[5])
        status, attempts, _, reply = data[at:at + 256].decode().split(' ', 3)
        out.append((status, int(attempts), reply.strip()))
    return out


send = Sink('send', answer)


def heard():
    """Whether queue-run has read all that the trigger says."""
    fd = os.open(f'{T}/queue/trigger', os.O_RDWR | os.O_NONBLOCK)
    left = struct.unpack('i', fcntl.ioctl(fd, termios.FIONREAD, b'0000'))[0]
    os.close(fd)
    return not left


def share(what, hog, other, most):
    """The place of other's message, which was queued last of all."""
    gate.clear()
    send.parcels.clear()
    p = start('-l', '10', '-s', '1000')
    submit(hog)
    submit([other])
    wait(lambda: send.parcels and heard())
    gate.append(1)
    tap.ok(wait(lambda: not queued(), 120), f'{what}: all are delivered')
    at = places('b@b.test')
    tap.ok(len(at) == 1 and at[0] <= most and
           len(send.parcels) == len(hog) + 1,
           f'{what}: the other one is among the first {most}', at)
    stop(p)


# Lanes that are under way end first, in a destination's window or in all 10; as
# many begin together with the other one's, and arrive in any order
b = message(0, 'x@c.test', 'b@b.test', 'user=b@b.test')
share('one destination', [message(i, f'u{i}@c.test', 'a@b.test',
                                  'user=a@b.test') for i in range(MANY)], b, 40)
share('2,000 destinations', [message(i, f'u@d{i}.test', 'a@b.test',
                                     'user=a@b.test')
                             for i in range(MANY)], b, 40)
share('both', [message(i, f'u@d{i}.test' if i % 2 else f'u{i}@c.test',
                       'a@b.test', 'user=a@b.test')
               for i in range(300)], b, 75)
share('an account is one sender, under many names',
      [message(i, f'u{i}@c.test', f'a{i}@b.test', 'user=a@b.test')
       for i in range(200)], b, 40)
share('reverse-paths, where there is no account',
      [message(i, f'u{i}@c.test', 'a@b.test') for i in range(200)],
      message(0, 'x@c.test', 'b@b.test'), 40)
share('forwarded mail (SRS) is one sender',
      [message(i, f'u{i}@c.test', f'SRS0=abcdefgh=ab=d{i}.test=x@b.test')
       for i in range(200)], message(0, 'x@c.test', 'b@b.test'), 40)

# A destination that is down
gate.append(1)
dead.add('dead.test')
send.parcels.clear()
p = start('-b', '1', '-r', '1000')
submit([message(i, f'u{i}@dead.test', 'a@b.test') for i in range(50)])
tap.ok(wait(lambda: len(send.parcels) >= 3), 'a destination that is down is '
       'tried again and again')
tried = [x for x in states() if x[1]]
tap.ok(1 <= len(tried) <= len(send.parcels) < 40 and
       {x[2] for x in tried} == {'451 4.4.1 dead.test: no host answers'},
       'with one message after the other; the others lose no attempt', tried)
submit([message(0, 'x@c.test', 'b@b.test')])
tap.ok(wait(lambda: len(queued()) == 50), 'nobody else waits for that')
dead.clear()
tap.ok(wait(lambda: len(queued()) == len([x for x in states() if x[1]])),
       'it is back: the others go')
tap.same({x['facts'][-1] for x in send.parcels}, {'attempt=1'},
         'by their first attempt')
p.send_signal(signal.SIGALRM)
tap.ok(wait(lambda: not queued()), 'and the rest when it is due')
stop(p)

# Expiry while it is down
dead.add('dead.test')
send.parcels.clear()
report = Sink('rep')
p = start('-b', '2', '-e', '3', '-r', '1000', '-B', report.path)
submit([message(i, f'u{i}@dead.test', 'a@b.test') for i in range(50)])
tap.ok(wait(lambda: not queued()), 'expiry comes for who was never tried')
tap.same(len(report.parcels), 50, 'each sender is told')
tap.ok(all(b'Status: 4.4.1' in x['message'] for x in report.parcels),
       'what was said of the destination')
tap.ok(len(send.parcels) < 25, 'without trying each in vain',
       len(send.parcels))
stop(p)

# A rate
dead.clear()
send.parcels.clear()
submit([message(i, f'u{i}@c.test', 'a@b.test') for i in range(11)] +
       [message(0, 'x@d.test', 'a@b.test')])
begin = time.monotonic()
p = start('-R', '600')
tap.ok(wait(lambda: not queued()), '-R: all are delivered')
tap.ok(time.monotonic() - begin >= 1 and
       [x['to'][0][1] for x in send.parcels].index('x@d.test') <= 5,
       'eleven at 600 a minute take a second; others do not wait')
stop(p)
tap.same(run(['queue-run', '-R', '0'], b'')[1], 100, 'usage')
tap.finish()
