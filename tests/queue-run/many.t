#!/usr/bin/python3
"""queue-run with many messages: memory, and the snapshot of a clean stop."""
import os
import re
import signal
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/queue-run']
import tap
from post import (T, MESSAGE, Sink, log, parcel, queued, rec, run, spawn, stop,
                  wait)

MANY = 50000
SAN = 'san' in os.path.basename(os.environ.get('O', ''))
SNAPSHOT = f'{T}/queue/snapshot'


def remote(n, address):
    return rec('T', f'{n}\0{address}\0route=remote')


def submit(*to):
    out, _ = run(['queue-put', '-c', 'submitted'], parcel(*to))
    return out[-1].rsplit('=', 1)[1]


def start(*options):
    r, w = os.pipe()
    p = spawn('queue-run', '-d', str(w), '-i', '1', *options, pass_fds=[w])
    os.close(w)
    os.read(r, 1)
    os.close(r)
    return p


def resident(p):
    with open(f'/proc/{p.pid}/status') as f:
        return int(re.search(r'VmRSS:\s*(\d+)', f.read())[1]) * 1024


def taken():
    """What snapshots were said to hold, so far."""
    return [int(x) for x in re.findall(r'snapshot: (\d+) wait', log())]


def taken_up(n):
    return wait(lambda: len(taken()) == n)


def text():
    with open(SNAPSHOT, 'rb') as f:
        return f.read()


def seal(lines):
    """With its last line: the jobs, and FNV-1a of all before."""
    x, all = 0, b''.join(lines)
    for c in all:
        x = (x ^ c) * 1099511628211 & 0xffffffffffffffff
    jobs = sum(s.startswith(b'J') for s in lines)
    with open(SNAPSHOT, 'wb') as f:
        f.write(all + b'end %d %x\n' % (jobs, x))


slow = [True]
send = Sink('send', lambda p: [f'R {p["id"]} ' + (
    '451 4.2.0 Later' if slow and p['to'][0][1].startswith('slow') else
    '250 2.0.0 Ok')])

# A snapshot of one message that waits
submit(remote(0, 'slow@c.test'))
p = start('-r', '10000')
wait(lambda: send.parcels)
stop(p)
lines = text().splitlines(True)
tap.same([x[:1] for x in lines], [b'r', b'D', b'J', b'e'],
         'a clean stop leaves a snapshot')
tap.ok(not os.path.exists(f'{T}/queue/running'), 'and no other mark')
p = start('-r', '10000')
tap.ok(taken_up(1), 'the next start reads it')
tap.ok(not os.path.exists(SNAPSHOT), 'and removes it')
tap.same(len(send.parcels), 1, 'what waits is not tried before it is due')
slow.clear()
p.send_signal(signal.SIGALRM)
tap.ok(wait(lambda: not queued()), 'it goes in the end')
stop(p)

# What came while nobody ran; what went
submit(remote(0, 'x@c.test'))
p = start()
tap.ok(wait(lambda: not queued()), 'what is not in the snapshot is found')
slow.append(True)
submit(remote(0, 'slow@c.test'))
wait(lambda: [x for x in send.parcels if x['to'][0][1] == 'slow@c.test'][1:])
stop(p)
os.unlink(queued()[0])
p = start()
p.send_signal(signal.SIGALRM)
submit(remote(0, 'x@d.test'))
tap.ok(wait(lambda: not queued()), 'what is gone does no harm')
stop(p)

# A snapshot that does not know all: nothing is lost
submit(remote(0, 'slow@c.test'), remote(1, 'slow@d.test'))
n = len(send.parcels)
p = start('-r', '10000')
wait(lambda: len(send.parcels) == n + 2)
stop(p)
seal([x for x in text().splitlines(True)[:-1]
      if not (x.startswith(b'J') and x.split()[3] == b'1')])
slow.clear()
send.parcels.clear()
n = len(taken())
p = start('-r', '10000')
taken_up(n + 1)
p.send_signal(signal.SIGALRM)
tap.ok(wait(lambda: len(send.parcels) == 1), 'a snapshot without a recipient')
tap.ok(wait(lambda: not p.send_signal(signal.SIGALRM) and not queued()) and
       len(send.parcels) == 2,
       'the message is read again before it is removed')
stop(p)

# Damage, a crash, a change by hand
slow.append(True)


def put_slow():
    n = len(send.parcels)
    submit(remote(0, 'slow@c.test'))
    p = start('-r', '10000')
    wait(lambda: len(send.parcels) == n + 1)
    return p


def delivered(p):
    slow.clear()
    wait(lambda: not p.send_signal(signal.SIGALRM) and not queued())
    slow.append(True)
    return not queued()


stop(put_slow())
with open(SNAPSHOT, 'r+b') as f:
    f.seek(40)
    f.write(b'?')
p = start('-r', '10000')
tap.ok(wait(lambda: 'unable to take up all of snapshot' in log()) and
       not os.path.exists(SNAPSHOT) and delivered(p),
       'a damaged one is removed, and the queue looked through')
stop(p)
stop(put_slow())
old = text()
p = start('-r', '10000')
stop(p, signal.SIGKILL)
with open(SNAPSHOT, 'wb') as f:
    f.write(old)
n = len(taken())
p = start('-r', '10000')
tap.ok(delivered(p) and len(taken()) == n and not os.path.exists(SNAPSHOT),
       'after a crash none is believed')
stop(p)

stop(put_slow())
there = os.path.exists(SNAPSHOT)
name = os.path.basename(queued()[0])
run(['queue-edit', 'hold', name], b'')
tap.ok(there and not os.path.exists(SNAPSHOT), 'queue-edit removes it')
run(['queue-edit', 'release', name], b'')
p = start('-r', '10000')
tap.ok(delivered(p), 'and what it changed is found')
stop(p)

# Many
subprocess.run(['gcc', '-O1', '-o', f'{T}/fill', 'package/bench.d/queue-fill.c'],
               check=True)
p = start()
few = resident(p)
stop(p)
os.path.exists(SNAPSHOT) and os.unlink(SNAPSHOT)
subprocess.run([f'{T}/fill', f'{T}/queue', str(MANY), '1000', '500', '90000'],
               check=True)
p = start()
submit(remote(0, 'x@c.test'))
tap.ok(wait(lambda: len(queued()) == MANY), 'mail goes while the queue is read')
tap.ok(wait(lambda: f'{MANY} messages are in the queue' in log(), 120),
       'and all are found')
stop(p)
n = len(taken())
p = start()
taken_up(n + 1)
tap.same(taken()[-1], MANY, 'all are in the snapshot')
each = (resident(p) - few) / MANY
tap.ok(SAN or each <= 250, f'{each:.0f} bytes resident for each of {MANY}')
submit(remote(0, 'x@c.test'))
tap.ok(wait(lambda: len(queued()) == MANY), 'mail goes beside them')
stop(p)
tap.finish()
