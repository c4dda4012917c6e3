#!/usr/bin/python3
"""queue-list: lines, JSON, filters, summary, damage, a queue that lives."""
import json
import os
import subprocess
import sys
import time

sys.path[:0] = ['tests', 'tests/queue-run']
import tap
from post import (T, MESSAGE, Sink, local, parcel, queued, rec, run, spawn,
                  stop, wait)


def remote(n, address, *more):
    return rec('T', '\0'.join([str(n), address, 'route=remote', *more]))


def submit(*to, **kw):
    out, _ = run(['queue-put', '-c', 'submitted'], parcel(*to, **kw))
    return out[-1].rsplit('=', 1)[1]


def path(ident):
    return next(f for f in queued() if f.endswith(ident))


def change(ident, n, line):
    """Overwrites the nth record."""
    with open(path(ident), 'r+b') as f:
        f.seek(int(f.read(128).split()[5]) + 256 * n)
        f.write((line if isinstance(line, bytes) else line.encode())
                .ljust(255) + b'\n')


def arrived(ident, when):
    with open(path(ident), 'r+b') as f:
        words = f.read(128).split()
        words[2] = str(when).encode()
        f.seek(0)
        f.write(b' '.join(words).ljust(127) + b'\n')


def lists(*options):
    out, code = run(['queue-list', *options], b'')
    return sorted(line.split('\t') for line in out), code


def objects(*options):
    out, _ = run(['queue-list', '-j', *options], b'')
    return sorted((json.loads(x) for x in out),
                  key=lambda o: (o['sender'], o['recipient']))


def shown(*options):
    return sorted(x['recipient'] for x in objects(*options))


tap.same(lists(), ([], 0), 'an empty queue')
tap.same(run(['queue-list', '-q', f'{T}/none'], b'')[1], 111,
         'a queue that is not there: 111')
now = int(time.time())
a = submit(remote(0, 'x@C.test'), local(1, 'bob', 'rcpt=sales@a.test'),
           sender='alice@a.test')
b = submit(remote(0, 'y@c.test', 'via=relay.test:25'), sender='')
c = submit(remote(0, 'z@d.test'), remote(1, 'gone@d.test'), sender='s@B.test')
change(a, 0, '%s 3 1700000000 451 4.2.0 mx.c.test said: Later' % 'w')
change(c, 1, 'd 1 1700000000 250 2.0.0 Ok')
change(c, 0, 'f 1 1700000000 550 5.1.1 No')
arrived(c, now - 7200)
got, code = lists()
tap.same(code, 0, 'a queue')
tap.same([x[:1] + x[1:2] + x[3:] for x in got if x[1] == a],
         [['w', a, '0', '-', 'local', 'alice@a.test', 'bob@a.test', '-'],
          ['w', a, '3', '2023-11-14T22:13:20Z', 'c.test', 'alice@a.test',
           'x@C.test', '451 4.2.0 mx.c.test said: Later']],
         'a line for each recipient: where, attempts, next, from, to, why')
tap.ok(got[0][2][:4] >= '2026' and got[0][2].endswith('Z'), 'since when', got)
tap.same([x[5:8] for x in got if x[1] in (b, c)],
         [['notice', 's@B.test', 'z@d.test'],
          ['relay.test:25', '<>', 'y@c.test']],
         'via, the null path, what is to be told; none that is done')

# JSON
got = objects()
tap.same([(x['id'], x['recipient']) for x in got],
         [(b, 'y@c.test'), (a, 'bob@a.test'), (a, 'x@C.test'),
          (c, 'z@d.test')], 'the same as JSON')
tap.same({k: v for k, v in got[2].items() if k not in ('arrived', 'size')},
         {'id': a, 'status': 'w', 'class': 'submitted', 'attempts': 3,
          'next': 1700000000, 'destination': 'c.test',
          'sender': 'alice@a.test', 'recipient': 'x@C.test',
          'reply': '451 4.2.0 mx.c.test said: Later'}, 'with its values')
tap.ok(now <= got[2]['arrived'] <= time.time() and
       got[2]['size'] == len(MESSAGE) and got[1]['rcpt'] == 'sales@a.test',
       'time, size and the alias', got[2])

# Filters
for options, want in (
        (['-f', 'ALICE@a.test'], ['bob@a.test', 'x@C.test']),
        (['-f', '<>'], ['y@c.test']), (['-f', '@b.test'], ['z@d.test']),
        (['-t', 'x@c.test'], ['x@C.test']),
        (['-t', 'sales@a.test'], ['bob@a.test']),
        (['-t', '@c.test'], ['x@C.test', 'y@c.test']),
        (['-d', 'local'], ['bob@a.test']), (['-d', 'C.test'], ['x@C.test']),
        (['-d', 'relay.test:25'], ['y@c.test']),
        (['-d', 'notice'], ['z@d.test']),
        (['-o', '1h'], ['z@d.test']), (['-o', '3h'], []),
        (['-o', '7000'], ['z@d.test']),
        (['-S', 'd'], ['gone@d.test']), (['-S', 'df'],
                                         ['gone@d.test', 'z@d.test']),
        (['-t', '@c.test', '-f', 'alice@a.test'], ['x@C.test']),
        ([b], ['y@c.test']), ([b, a, '-t', 'bob@a.test'], None)):
    if want is not None:
        tap.same(shown(*options), want, 'filter: ' + ' '.join(options))
tap.same(shown('-t', '@c.test', a, b), ['x@C.test', 'y@c.test'],
         'filter: ids and an option')
for options in (['-o', '1y'], ['-o', ''], ['-S', 'x'], ['-c'], ['-c', '-j', a],
                ['nonsense'], ['-x']):
    tap.same(run(['queue-list', *options], b'')[1], 100,
             'usage: ' + ' '.join(options))
tap.same(lists('0' * 16), ([], 1), 'a message that is not there: 1')
tap.ok('no message ' + '0' * 16 in run.log, 'it is named', run.log)

# One message
p = subprocess.run(['queue-list', '-c', a], stdout=subprocess.PIPE)
tap.same(p.stdout, MESSAGE.replace(b'\r\n', b'\n'), '-c: the message')
out, _ = run(['queue-list', '-e', a], b'')
tap.same([x for x in out if x[0] in 'F T'],
         ['F alice@a.test', 'T 0\\0x@C.test\\0route=remote\\0rcpt=x@C.test',
          '  w 3 2023-11-14T22:13:20Z 451 4.2.0 mx.c.test said: Later',
          'T 1\\0bob@a.test\\0route=local\\0mailbox=bob@a.test'
          '\\0rcpt=sales@a.test', '  w 0 - '], '-e: its envelope and records')

# Summary
out, _ = run(['queue-list', '-s'], b'')
tap.same([x.split('\t')[:2] for x in out],
         [['minutes', 'total'], ['all', '4'], ['c.test', '1'], ['local', '1'],
          ['notice', '1'], ['relay.test:25', '1']], '-s: destinations counted')
tap.same([(x.split('\t')[0], x.split('\t')[2:].index('1')) for x in out[2:]],
         [('c.test', 0), ('local', 0), ('notice', 5), ('relay.test:25', 0)],
         'by age: two hours are less than 160 minutes')
tap.same(out[0].split('\t')[2:], '5 10 20 40 80 160 320 640 1280 1280+'.split(),
         'columns as those of qshape')
out, _ = run(['queue-list', '-s', '-j', '-d', 'notice'], b'')
tap.same([json.loads(x) for x in out],
         [{'destination': 'notice', 'recipients': 1, 'oldest': now - 7200,
           'next': 1700000000}], 'and as JSON')

# Nothing reaches the terminal
change(b, 0, b'w 1 1 451 \x1b[2J\x9b2J\xc2\x9b2J\xe2\x80\xaetab\there\\')
got, _ = lists(b)
tap.same(got[0][8:], ['451 \\x1b[2J\\x9b2J\\xc2\\x9b2J\\xe2\\x80\\xaetab\\there'
                      '\\\\'], 'no control characters but our own')
out, _ = run(['queue-list', '-j', b], b'')
tap.ok(all(' ' <= x <= '~' for x in out[0]) and json.loads(out[0])['reply'],
       'nor in JSON', out)
u = submit(remote(0, 'jürgen@grün.test'), sender='ö@b.test')
tap.same(lists(u)[0][0][5:8], ['grün.test', 'ö@b.test', 'jürgen@grün.test'],
         'RFC 6531: UTF-8 is shown')
tap.same(objects(u)[0]['recipient'], 'jürgen@grün.test', 'and in JSON')

# Damage
with open(path(b), 'r+b') as f:
    f.truncate(1000)
got, code = lists()
tap.same((code, len(got)), (111, 4), 'a damaged one: 111, the others are shown')
tap.ok('unable to read message ' + b in run.log, 'it is named', run.log)
if os.geteuid() == 0:
    os.chmod(T, 0o711)
    os.chmod(f'{T}/queue', 0o700)
    p = subprocess.run(['setpriv', '--reuid', '65534', '--clear-groups',
                        '--regid', '65534', 'queue-list'],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    tap.same((p.returncode, p.stdout), (111, b''), 'a stranger sees nothing')
for f in queued():
    os.unlink(f)

# Read only: it makes nothing
os.mkdir(f'{T}/bare')
tap.same(lists('-q', f'{T}/bare'), ([], 0), 'a queue without a message yet')
tap.same(os.listdir(f'{T}/bare'), [], 'nothing is made in it')

# Many, while queue-run takes them away
ids = [submit(remote(0, f'x{i}@d{i % 7}.test')) for i in range(300)]
send = Sink('send')
p = spawn('queue-run')
codes, most = set(), 300
while True:
    got, code = lists()
    codes.add(code)
    if run.log:
        tap.ok(False, 'no complaint', run.log)
    if not got:
        break
    if len(got) > most:
        tap.ok(False, 'it becomes less')
    most = len(got)
tap.same(codes, {0}, 'what vanishes meanwhile is no error')
wait(lambda: not queued())
stop(p)
send.close()

# Memory does not grow with the queue
first = submit(remote(0, 'x@c.test'))
with open(path(first), 'rb') as f:
    data = f.read()


def within(kib, *options):
    """Lines, or None where the data does not fit into that."""
    p = subprocess.run(['sh', '-c', f'ulimit -d {kib} && exec queue-list "$@"',
                        'sh', *options], stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL)
    return None if p.returncode else p.stdout.count(b'\n')


# a program with sanitizers has its own idea of memory
sanitized = os.environ.get('O', '').endswith('-san')
need = 0 if sanitized else next(
    n for n in range(256, 8192, 64) if within(n, '-s') == 3)
limit = 'unlimited' if sanitized else need + 64
folder = os.path.dirname(path(first))
for i in range(20000):
    with open(f'{folder}/{i:09d}{first[9:]}', 'wb') as f:
        f.write(data)
tap.same(within(limit), 20001, f'20,001 messages in {limit} KiB')
tap.same(within(limit, '-j'), 20001, 'as JSON')
tap.same(within(limit, '-s'), 3, f'counted, of which one needs {need}')
tap.finish()
