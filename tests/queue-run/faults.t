#!/usr/bin/python3
"""Death and errors at every system call of queue-put, maildir-put, queue-run:
a 250 is never wrong, nothing is half, nothing acknowledged is lost."""
import os
import re
import shutil
import signal
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/queue-run']
import tap
from post import (T, MESSAGE, Sink, empty_mail, inbox, local, parcel, queued,
                  rec, running, service, stop, wait)

if not shutil.which('strace') or subprocess.run(
        ['strace', '-o', '/dev/null', 'true'],
        stderr=subprocess.DEVNULL).returncode:
    print('1..0 # SKIP strace does not work here')
    sys.exit(0)
os.environ['ASAN_OPTIONS'] = 'detect_leaks=0'


def traced(argv, data, inject):
    p = subprocess.run(['strace', '-f', '-o', f'{T}/trace', '-e', inject, *argv],
                       input=data, stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL, timeout=60)
    return p.stdout.decode().splitlines()


def calls(argv, data):
    """The system calls after the first record was read, in their order, each
    with its number among those of its name, and how many came before."""
    traced(argv, data, 'trace=all')
    seen, out, n, begun = {}, [], 0, False
    for line in open(f'{T}/trace', errors='replace'):
        m = re.match(r'\d+ +(\w+)\(', line)
        if not m:
            continue
        n += 1
        seen[m[1]] = seen.get(m[1], 0) + 1
        begun = begun or line.find('read(0') > 0
        if begun:
            out.append((m[1], seen[m[1]], n))
    return out


big = b'A: b\r\n\r\n' + b'x' * 300000
ERRORS = {'openat': 'EIO EMFILE', 'write': 'EIO ENOSPC', 'pwrite64': 'EIO',
          'fsync': 'EIO', 'linkat': 'EIO ENOSPC', 'read': 'EIO',
          'mkdirat': 'ENOSPC', 'newfstatat': 'EIO', 'brk': 'ENOMEM',
          'mmap': 'ENOMEM', 'fdatasync': 'EIO', 'unlinkat': 'EIO',
          'pread64': 'EIO'}


def injections(argv, data):
    for name, n, _ in calls(argv, data):
        yield f'{name} {n} KILL', f'inject={name}:signal=KILL:when={n}'
        for e in ERRORS.get(name, '').split():
            yield f'{name} {n} {e}', f'inject={name}:error={e}:when={n}'


def queue_state():
    """How many messages are queued, and whether each is whole."""
    good = True
    for f in queued():
        with open(f, 'rb') as x:
            d = x.read()
        n = list(map(int, d[:128].split()[3:]))
        good &= len(d) == n[3] + n[4] and n[1] == 1 and (
            d[n[3]:].startswith((b'From: s@', b'A: b\r\n\r\nx')))
    return len(queued()), good


def mail_state():
    return len(inbox('alice')), all(
        m.endswith((b'\nHello.\n', b'x' * 1000)) and
        m.startswith(b'Return-Path') for m in inbox('alice'))


def clean():
    for f in queued():
        os.unlink(f)
    for d, _, files in os.walk(f'{T}/mail'):
        if d.endswith('/new'):
            for f in files:
                os.unlink(f'{d}/{f}')


def try_all(argv, what, state):
    for size, message in ('small', MESSAGE), ('large', big):
        wrong, n, yes = [], 0, 0
        data = parcel(local(0, 'alice'), message=message)
        for name, inject in injections(argv, data):
            clean()
            out = traced(argv, data, inject)
            count, whole = state()
            n += 1
            said = any(x.startswith('R p1 250') for x in out)
            yes += said
            if not whole or count > 1 or (said and count != 1):
                wrong.append((name, out, count, whole))
            # an error (not a death) has an answer, and no means no
            if 'KILL' not in name and out and not said and count:
                wrong.append((name, out, count))
        tap.ok(not wrong and n > 20, f'{what}, {size} message: {n} faults, '
               f'{yes} with a 250 that is true', *wrong)


try_all(['queue-put'], 'queue-put', queue_state)
subprocess.run(['maildir-put'], input=parcel(local(0, 'alice')),
               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try_all(['maildir-put'], 'maildir-put', mail_state)

# With a queue behind it, an error before the name is the queue's
clean()
q = Sink('q')
wrong, n = [], 0
argv = ['maildir-put', '-q', f'{T}/run/q']
data = parcel(local(0, 'alice'))
for name, inject in injections(argv, data):
    if 'KILL' in name or name.split()[0] not in ('openat', 'write', 'linkat'):
        continue
    clean()
    q.parcels.clear()
    out = traced(argv, data, inject)
    n += 1
    if any(x.startswith('R p1 250') for x in out) and (
            len(q.parcels) + len(inbox('alice')) != 1):
        wrong.append((name, out, len(q.parcels), len(inbox('alice'))))
tap.ok(not wrong and n >= 5, f'maildir-put -q: one of both has it ({n})', *wrong)

# queue-run, with all that it does: deliver, send, bounce, remove
clean()
send = Sink('send', lambda p: [
    f'T {t[0]} ' + ('550 5.1.1 No' if t[1][0] == 'b' else '250 2.0.0 Ok')
    for t in p['to']] + [f'R {p["id"]} 250 2.0.0 Done'])
service('put-queued', 'maildir-put', '-w')
service('queue-report', 'queue-put', '-w', '-c', 'report')
data = parcel(local(0, 'bob'), rec('T', '1\0x@c.test\0route=remote'),
              rec('T', '2\0b@d.test\0route=remote'), sender='alice@a.test')


def fault(inject):
    """One message, a queue-run that suffers, then one that does not."""
    send.parcels.clear()
    subprocess.run(['queue-put', '-c', 'submitted'], input=data,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = open(f'{T}/log', 'ab')
    r, w = os.pipe()
    p = subprocess.Popen(['strace', '-f', '-o', f'{T}/trace', '-e', inject,
                          'queue-run', '-i', '1', '-r', '1', '-d', str(w)], pass_fds=[w],
                         stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                         start_new_session=True)
    os.close(w)
    wait(lambda: not queued() or p.poll() is not None, 5)
    os.close(r)
    try:
        os.killpg(p.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    p.wait()
    p = subprocess.Popen(['queue-run', '-i', '1', '-r', '1'], stdout=log,
                         stderr=log, stdin=subprocess.DEVNULL)
    running.append(p)
    done = wait(lambda: not queued(), 30)
    stop(p)
    log.close()
    return done


fault('trace=all')
total, kinds = {}, set()
for line in open(f'{T}/trace', errors='replace'):
    m = re.match(r'(\d+) +(\w+)\(', line)
    if m:
        total.setdefault(m[1], []).append(m[2])
counts = {}
for names in total.values():
    for name in set(names):
        counts[name] = max(counts.get(name, 0), names.count(name))
faults = []
for name in ('sendto', 'recvfrom', 'pwrite64', 'fdatasync', 'unlinkat',
             'openat', 'pread64', 'connect', 'poll', 'read', 'socketpair',
             'clone'):
    last = counts.get(name, 0)
    for n in sorted({max(last - i, 1) for i in range(4)}) if last else ():
        faults.append(f'inject={name}:signal=KILL:when={n}')
        for e in ERRORS.get(name, '').split():
            if name != 'read':
                faults.append(f'inject={name}:error={e}:when={n}')
wrong = []
for inject in faults:
    clean()
    done = fault(inject)
    sent = [t[1] for p in send.parcels for t in p['to']]
    if (not done or len(inbox('bob')) != 1 or not inbox('alice') or
            'x@c.test' not in sent):
        wrong.append((inject, done, len(inbox('bob')), len(inbox('alice')),
                      sent))
tap.ok(not wrong and len(faults) > 20,
       f'queue-run: {len(faults)} faults, every recipient has it, the local '
       'one once, the sender knows', *wrong)
tap.finish()
