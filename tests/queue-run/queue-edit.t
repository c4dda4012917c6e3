#!/usr/bin/python3
"""queue-edit: hold, release, flush, fail, remove, via; beside a queue-run that
works, killed anywhere, and with hints that get lost."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path[:0] = ['tests', 'tests/queue-run']
import tap
from post import (T, MESSAGE, Sink, accept, empty_mail, inbox, local, log,
                  parcel, queued, rec, run, running, service, spawn, stop, wait)


def remote(n, address, *more):
    return rec('T', '\0'.join([str(n), address, 'route=remote', *more]))


def submit(*to, **kw):
    out, _ = run(['queue-put', '-c', 'submitted'], parcel(*to, **kw))
    return out[-1].rsplit('=', 1)[1]


def start(*options):
    r, w = os.pipe()
    p = spawn('queue-run', '-d', str(w), '-i', '1', *options, pass_fds=[w])
    os.close(w)
    os.read(r, 1)
    os.close(r)
    return p


def edit(*args):
    """Exit code; the lines are in edit.lines."""
    edit.lines, code = run(['queue-edit', *args], b'')
    return code


def states(ident):
    """Status, attempts, reply of its recipients; None if it is gone."""
    try:
        with open(path(ident), 'rb') as f:
            data = f.read()
    except OSError:
        return None
    at, end = map(int, data[:128].split()[5:7])
    out = []
    for i in range(at, end, 256):
        x = data[i:i + 256].decode().split(' ', 3)
        out.append((x[0], int(x[1]), x[3].strip()))
    return out


def path(ident):
    digits = '0123456789abcdefghijklmnopqrstuv'
    n = digits.index(ident[9]) * 32 + digits.index(ident[10])
    return f'{T}/queue/mess/{n % 256:02x}/{ident}'


def status(ident):
    s = states(ident)
    return s and ''.join(x[0] for x in s)


def gone(*ids):
    return wait(lambda: not any(os.path.exists(path(i)) for i in ids), 30)


def listed(*options):
    out, _ = run(['queue-list', '-j', *options], b'')
    return [json.loads(x) for x in out]


def sent():
    return sorted(t[1] for p in send.parcels for t in p['to'])


def clear():
    for f in queued():
        os.unlink(f)
    send.parcels.clear()


later = True


def answer(p):
    """Names that begin with slow are deferred while later."""
    return [f'T {t[0]} ' + ('451 4.2.0 Later' if later and t[1][:4] == 'slow'
                            else '250 2.0.0 Ok') for t in p['to']] + [
        f'R {p["id"]} 250 2.0.0 Done']


send = Sink('send', answer)
service('put-queued', 'maildir-put', '-w')
service('queue-report', 'queue-put', '-w', '-c', 'report')

# Without queue-run: what each action makes of whom
MIX = (remote(0, 'a@c.test'), remote(1, 'b@d.test', 'notify=NEVER'),
       local(2, 'bob'))
m = submit(*MIX, sender='alice@a.test')
tap.same(edit('-d', 'c.test', 'hold'), 0, 'hold, without queue-run')
tap.same(edit.lines, [f'h\t{m}\ta@c.test'], 'a line for each')
tap.same(status(m), 'hww', 'a destination is held')
tap.same(edit('-d', 'c.test', 'hold'), 1, 'nothing is left to hold: 1')
tap.same((edit('-n', m, 'release'), status(m)), (100, 'hww'),
         'options come first')
tap.same((edit('-n', 'release', m), status(m), edit.lines),
         (0, 'hww', [f'u\t{m}\ta@c.test']), '-n changes nothing')
tap.same((edit('release', m), status(m)), (0, 'uww'),
         'release: u, since it may have been tried')
tap.ok(time.time() - 60 < listed('-d', 'c.test')[0]['next'] <= time.time(),
       'due now')
tap.same((edit('-a', 'fail'), status(m)), (0, 'ftf'),
         'fail: f, or t with NOTIFY=NEVER (RFC 3461 4.1)')
tap.same(states(m)[0][2], '554 5.0.0 Given up by the postmaster', 'and why')
tap.same((edit('-t', 'a@c.test', 'remove'), status(m)), (0, 'ttf'),
         'remove takes notices, too')
m2 = submit(*MIX)
tap.same((edit('-r', '550 5.7.1 Not here', '-f', 's@b.test', '-S', 'w', 'fail'),
          states(m2)[0]), (0, ('f', 0, '550 5.7.1 Not here')), '-r: the reply')
m3 = submit(*MIX)
tap.same((edit('remove', m3, '0' * 16), status(m3)), (1, 'ttt'),
         'an id that is not there: 1, the others go on')
for args in (['hold'], ['-a'], ['-a', 'burn'], ['-a', '-d', 'x', 'hold'],
             ['-a', 'via'], ['-a', 'via', 'a b'], ['-r', '450 4.0.0 x', '-a',
                                                   'fail'],
             ['hold', 'x']):
    tap.same(edit(*args), 100, 'usage: ' + ' '.join(args))

# via
m = submit(remote(0, 'a@c.test', 'notify=SUCCESS', 'orcpt=rfc822;z'),
           local(1, 'bob'), remote(2, 'b@d.test', 'via=old.test'),
           sender='alice@a.test\0ENVID=x')
before = run(['queue-list', '-e', m], b'')[0]
tap.same(edit('via', 'relay.test:587', m), 0, 'via')
after = run(['queue-list', '-e', m], b'')[0]
expect = [x.replace('\\0via=old.test', '') +
          ('\\0via=relay.test:587' if x[:4] in ('T 0\\', 'T 2\\') else '')
          for x in before if x[0] != ' ']
tap.same([x for x in after if x[0] != ' '], expect,
         'in place of the old one, nothing else; not of our own mailboxes')
with open(path(m), 'rb') as f:
    tap.ok(f.read().endswith(MESSAGE), 'with the message')
tap.same(sorted(x['destination'] for x in listed(m)),
         ['local', 'relay.test:587', 'relay.test:587'], 'queue-list knows it')
tap.same(edit('-d', 'relay.test:587', 'via', '', m), 0, 'an empty one')
tap.same(sorted(x['destination'] for x in listed(m)),
         ['c.test', 'd.test', 'local'], 'goes where it would have gone')
big = submit(remote(0, 'a@c.test'), message=b'A: b\r\n\r\n' + b'x' * 300000)
edit('via', 'x.test', big)
tap.ok(subprocess.run(['queue-list', '-c', big], stdout=subprocess.PIPE).stdout
       == b'A: b\n\n' + b'x' * 300000, 'a long message')
long = 'v' * 500
for i in range(600):
    if i % 100 == 99:
        edit('via', long[:i - 1], big)
tap.same(listed(big)[0]['destination'], long[:598],
         'whatever the length of the envelope')
if os.geteuid() == 0:
    os.chown(f'{T}/queue', 65534, 65534)
    tap.same(edit('-a', 'hold'), 111, 'root in the queue of another: 111')
    tap.ok('runuser -u nobody' in run.log, 'and how it is done', run.log)
    os.chown(f'{T}/queue', 0, 0)
clear()

# While queue-run works
q = start('-r', '3600', '-s', '2')
a = submit(remote(0, 'slow1@c.test'))
b = submit(remote(0, 'slow2@d.test'), remote(1, 'fast@e.test'))
wait(lambda: status(a) == 'w' and status(b) == 'wd' and states(a)[0][1] and
     states(b)[0][1])
tap.same(edit('hold', a), 0, 'hold beside queue-run')
send.parcels.clear()


def alarmed():
    q.send_signal(signal.SIGALRM)  # a lane's result may come after one
    time.sleep(0.1)
    return states(b)[0][1] > 1


def tried_again(*args):
    n = states(b)[0][1]
    code = edit(*args)
    return code, bool(wait(lambda: states(b)[0][1] > n))


wait(alarmed)
tap.same((set(sent()), status(a)), ({'slow2@d.test'}, 'h'),
         'ALRM tries all but what is held')
tap.same(tried_again('flush', b), (0, True), 'flush: it is tried now')
tap.same(tried_again('-d', 'd.test', 'flush'), (0, True), 'a destination')
later = False
tap.same(edit('release', a), 0, 'release')
tap.ok(gone(a), 'it is delivered')
tap.ok(any('attempt=2?' in p['facts'] for p in send.parcels),
       'marked as a possible repetition')
later = True
send.parcels.clear()
tap.same(tried_again('-f', 's@b.test', 'via', 'relay.test'), (0, True),
         'via, beside it')
tap.same(send.parcels[0]['to'][0][-1], 'via=relay.test', 'there')
tap.same(send.parcels[0]['message'], MESSAGE, 'with its message')
empty_mail()
c = submit(remote(0, 'slow3@c.test'), sender='alice@a.test')
wait(lambda: states(c)[0][1] == 1)
tap.same(edit('fail', c), 0, 'fail')
tap.ok(gone(c) and wait(lambda: inbox('alice')), 'the sender is told')
tap.ok(b'554 5.0.0 Given up by the postmaster; before: 451 4.2.0 Later' in
       inbox('alice')[0], 'by whom, and what had been said', inbox('alice'))
c = submit(remote(0, 'slow4@c.test'), sender='alice@a.test')
wait(lambda: states(c)[0][1] == 1)
tap.same(edit('remove', b, c), 0, 'remove')
tap.ok(gone(b, c), 'they are gone')
tap.same(len(inbox('alice')), 1, 'nobody is told')

# Held recipients of a message whose others are done
a = submit(remote(0, 'slow5@c.test'), remote(1, 'slow6@c.test'),
           remote(2, 'slow7@d.test'))
wait(lambda: [x[1] for x in states(a)] == [1, 1, 1])
edit('-t', 'slow6@c.test', 'hold')
later = False
edit('flush', a)
tap.ok(wait(lambda: status(a) == 'dhd'), 'all but the held one are delivered')
b = submit(remote(0, 'x@c.test'))
gone(b)
q.send_signal(signal.SIGHUP)
time.sleep(0.2)
tap.same(status(a), 'dhd', 'which stays')
stop(q)
q = start('-r', '3600')
tap.same(status(a), 'dhd', 'over a restart, too')
edit('release', a)
tap.ok(gone(a), 'until it is released')
stop(q)

# Hints that get lost
os.rename(f'{T}/queue/trigger', f'{T}/trigger.away')
os.mkfifo(f'{T}/queue/trigger')
later = True
q = start('-r', '2', '-g', '100', '-s', '1')
os.rename(f'{T}/trigger.away', f'{T}/queue/trigger')
send.parcels.clear()
a = submit(remote(0, 'slow1@c.test'))
b = submit(remote(0, 'slow2@c.test'))
c = submit(remote(0, 'slow3@c.test'))
d = submit(remote(0, 'slow4@c.test'), remote(1, 'slow5@d.test'))
wait(lambda: all(x[1] for i in (a, b, c, d) for x in states(i)))
tap.same(edit('hold', a) | edit('remove', b) | edit('via', 'x.test', c) |
         edit('-d', 'c.test', 'hold', d), 0, 'without a hint')
tap.ok(gone(b), 'remove: at the next attempt')
before = {i: states(i)[0][1] for i in (a, d)}
tap.ok(wait(lambda: [p for p in send.parcels if
                     p['to'][0][-1] == 'via=x.test']), 'via, too')
wait(lambda: states(d)[1][1] >= 3)
tap.same({i: states(i)[0][1] for i in (a, d)}, before, 'what is held stays')
later = False
tap.ok(gone(c), 'all that is not held goes')
edit('-S', 'h', 'release')
tap.ok(gone(a, d), 'release: when the directories are looked through')
stop(q)

# A message that is being tried
gate = threading.Event()


def gated(p):
    if p['to'][0][1] == 'gate@c.test':
        gate.wait(60)
    return accept(p)


send.answer = gated
send.parcels.clear()
q = start()
a = submit(remote(0, 'gate@c.test'), remote(1, 'x@d.test'))
wait(lambda: send.parcels)
began = time.time()
tap.same(edit('hold', a), 1, 'a message that is being tried: 1')
tap.ok(time.time() - began > 4, 'waited for, for some seconds')
tap.ok(f'{a} is being tried now' in run.log, 'it is named', run.log)
p = subprocess.Popen(['queue-edit', 'remove', a], stdout=subprocess.PIPE,
                     stderr=subprocess.DEVNULL)
gate.set()
p.communicate()
tap.ok(gone(a), 'then it goes on')
stop(q)

# Traffic: 500 messages, each to three, while all is done to them
send.answer = answer
later = False
empty_mail()
send.parcels.clear()
q = start('-r', '1', '-g', '100', '-s', '1', '-c', '10')
end = threading.Event()
codes = {}


def work(*commands):
    while not end.is_set():
        for c in commands:
            r = subprocess.run(['queue-edit', *c], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL).returncode
            codes[r] = codes.get(r, 0) + 1


threads = [threading.Thread(target=work, args=x) for x in (
    (['-f', 's@b.test', 'hold'], ['-S', 'h', 'release']),
    (['-a', 'flush'], ['-d', 'd3.test', 'via', 'r.test'],
     ['-d', 'r.test', 'via', '']))]
for t in threads:
    t.start()
ids = [submit(remote(0, f'a{i}@c.test'), remote(1, f'b{i}@d{i % 9}.test'),
              local(2, 'bob')) for i in range(500)]
end.set()
for t in threads:
    t.join()
edit('-S', 'h', 'release')
tap.ok(gone(*ids), '500 messages while edits happen: all are done', queued())
tap.same(sent(), sorted([f'a{i}@c.test' for i in range(500)] +
                        [f'b{i}@d{i % 9}.test' for i in range(500)]),
         'each recipient has it, and has it once')
tap.same(len(inbox('bob')), 500, 'the local one, too')
tap.ok(set(codes) <= {0, 1} and codes.get(0), f'edits: {codes}')
tap.ok('unable' not in log(), 'nobody complains', log()[-2000:])
stop(q)

# Killed at each system call
if not shutil.which('strace') or subprocess.run(
        ['strace', '-o', '/dev/null', 'true'],
        stderr=subprocess.DEVNULL).returncode:
    tap.finish()
os.environ['ASAN_OPTIONS'] = 'detect_leaks=0'


def traced(args, inject):
    return subprocess.run(
        ['strace', '-f', '-o', f'{T}/trace', '-e', inject, 'queue-edit',
         *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        timeout=60).stdout


def calls(args):
    """Those on messages: after the walls are up, where strace is shown no
    strings any more, or from the first that names one on."""
    traced(args, 'trace=all')
    seen, out, begun = {}, [], False
    for line in open(f'{T}/trace', errors='replace'):
        m = re.match(r'\d+ +(\w+)\(', line)
        if not m:
            continue
        seen[m[1]] = seen.get(m[1], 0) + 1
        begun = begun or 'landlock_restrict_self(' in line or '"mess/' in line
        if begun:
            out.append((m[1], seen[m[1]]))
    return out


ERRORS = {'fsync': 'EIO', 'fdatasync': 'EIO', 'linkat': 'EIO', 'pwrite64':
          'EIO', 'renameat': 'EIO', 'write': 'ENOSPC', 'pread64': 'EIO',
          'openat': 'EMFILE', 'flock': 'EIO'}
wrong, n = [], 0
for args, fresh, changed in ((['hold'], 'ww', 'hh'), (['via', 'x.test'], 'ww',
                                                      'ww')):
    clear()
    TWO = remote(0, 'a@c.test'), remote(1, 'b@d.test')
    m = submit(*TWO)
    for name, k in calls([*args, m]):
        for how in ['signal=KILL', *(f'error={e}' for e in
                                     ERRORS.get(name, '').split())]:
            clear()
            m = submit(*TWO)
            out = traced([*args, m], f'inject={name}:{how}:when={k}')
            n += 1
            s = status(m)
            at = {x['destination'] for x in listed(m)}
            with open(path(m), 'rb') as f:
                data = f.read()
            size = list(map(int, data[:128].split()[6:8]))
            whole = data.endswith(MESSAGE) and len(data) == sum(size)
            if args[0] == 'hold':
                held = ''.join('ab'[i] for i in (0, 1) if s[i] == 'h')
                said = ''.join(re.findall(r'\t([ab])@', out.decode()))
                good = set(s) <= set('wh') and said in ('', held)
            else:
                good = s == 'ww' and at in ({'c.test', 'd.test'}, {'x.test'})
                good = good and (not out or at == {'x.test'})
            if not good or not whole:
                wrong.append((args, name, k, how, s, at, out))
            if n % 5:
                continue
            q = start('-r', '1')  # and it is no obstacle
            send.parcels.clear()
            edit('-S', 'h', 'release')
            if not gone(m) or sent() != ['a@c.test', 'b@d.test']:
                wrong.append((args, name, k, how, sent()))
            if not wait(lambda: not queued(), 5):
                wrong.append((args, name, k, how, queued()))
            stop(q)
tap.ok(not wrong and n > 30, f'{n} faults: before or after, never between, and '
       'what was said is true', *wrong[:9])
tap.finish()
