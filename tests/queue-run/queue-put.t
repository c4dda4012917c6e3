#!/usr/bin/python3
"""queue-put: what it takes, from whom, and what lies in the queue then."""
import os
import re
import sys

sys.path[:0] = ['tests', 'tests/queue-run']
import tap
from post import (T, MESSAGE, local, parcel, queued, rec, run, service, stop)


def put(data, klass=None, *more):
    for f in queued():
        os.unlink(f)
    return run(['queue-put', *(['-c', klass] if klass else []), *more], data)[0]


def accepted(out):
    m = re.fullmatch(r'R p1 250 2\.0\.0 Accepted queue id=([0-9a-v]{16})',
                     out[-1])
    return m and m[1]


def recipients(path):
    with open(path, 'rb') as f:
        data = f.read()
    return [x.decode().split('\0') for x in
            re.findall(rb'\d+:T([^,]*),', data[:data.index(b'\nw ')])]


def remote(n, address, *more):
    return rec('T', '\0'.join([str(n), address, 'route=remote', *more]))


out = put(parcel(local(0, 'alice'), local(1, 'bob'),
                 after=[rec('H', 'X-New: 1\r\n'), rec('A', 'spf=pass')]))
name = accepted(out)
tap.ok(name, 'a parcel becomes a message', out)
tap.same([os.path.basename(f) for f in queued()], [name], 'one file')
tap.ok(re.search(r'/mess/[0-9a-f]{2}/', queued()[0]), 'in a split directory')
data = open(queued()[0], 'rb').read()
line = data[:128].split()
tap.same((line[0], line[1], line[4], data[127:128], len(line)),
         (b'rohrpost-queue-1', b'received', b'2', b'\n', 8),
         'queue(5): the first line has 128 bytes')
records, message, size = map(int, line[5:])
tap.same((records % 512, message - records, len(data)),
         (0, 512, message + size), 'records of 256 bytes, on sectors')
tap.same(data[records:message].replace(b' ', b''), b'w00\n' * 2,
         'every recipient waits')
tap.same(data[message:], b'Authentication-Results: mx.a.test;\r\n\tspf=pass\r\n'
         b'X-New: 1\r\n' + MESSAGE, 'the message as it will be sent')
tap.same(os.stat(queued()[0]).st_mode & 0o777, 0o600, 'for nobody else')
tap.ok(os.path.exists(f'{T}/queue/trigger'), 'the trigger is there')

# Classes: port 25 can neither relay nor forge an alias
relay = '550 5.7.1 No relaying'
for what, t in (('route=remote without an alias', remote(0, 'x@c.test')),
                ('one that is not its target',
                 remote(0, 'x@c.test', 'rcpt=list@a.test')),
                ('an alias that is not there',
                 remote(0, 'far@c.test', 'rcpt=nobody@a.test')),
                ('a foreign address', rec('T', '0\0x@c.test')),
                ('a host of its own choice',
                 remote(0, 'far@c.test', 'rcpt=list@a.test', 'via=evil.test'))):
    for klass in 'received', None:
        tap.same((put(parcel(t, local(1, 'bob')), klass), queued()),
                 ([f'R p1 {relay}'], []),
                 f'received mail is not relayed: {what} ({klass})')
tap.ok(accepted(put(parcel(remote(0, 'far@c.test', 'rcpt=list@a.test')))),
       'but to the target of an alias that we look up ourselves')
for klass in 'submitted', 'injected', 'report':
    tap.ok(accepted(put(parcel(remote(0, 'x@c.test')), klass)),
           f'{klass} mail goes anywhere')
tap.same(run(['queue-put', '-c', 'other'], b'')[1], 100, 'no other class')

# Routing of what has no route yet
put(parcel(rec('T', '7\0list@a.test\0notify=NEVER'), rec('T', '8\0y@d.test')),
    'submitted')
tap.same([sorted(x) for x in recipients(queued()[0])],
         [sorted(x) for x in
          (['0', 'alice@a.test', 'route=local', 'mailbox=alice@a.test',
            'notify=NEVER', 'rcpt=list@a.test'],
           ['1', 'bob@a.test', 'route=local', 'mailbox=bob@a.test',
            'notify=NEVER', 'rcpt=list@a.test'],
           ['2', 'far@c.test', 'route=remote', 'notify=NEVER',
            'rcpt=list@a.test'],
           ['3', 'y@d.test', 'route=remote', 'rcpt=y@d.test'])],
         'aliases are looked up here, recipients are numbered anew')
out = put(parcel(rec('T', '0\0alice@a.test'), rec('T', '1\0no@a.test'),
                 rec('T', '2\0loop@a.test')), 'submitted')
tap.same((out[:-1], bool(accepted(out))),
         (['T 1 550 5.1.1 No such mailbox', 'T 2 550 5.4.6 Alias loop'], True),
         'who cannot be reached is told apart')
tap.same(put(parcel(rec('T', '1\0no@a.test')), 'submitted'),
         ['R p1 550 5.1.1 No such mailbox'], 'nobody can be reached: 550')
os.environ['ROHRPOST_TABLES'] = f'{T}/nowhere'
tap.same((put(parcel(rec('T', '0\0alice@a.test')), 'submitted'), queued()),
         (['R p1 451 4.3.0 Address tables not available'], []),
         'no table: 451')
os.environ['ROHRPOST_TABLES'] = f'{T}/tables'

# Verdicts
for verdict, want in (('reject\x00550 5.7.1 Go away', '550 5.7.1 Go away'),
                      ('defer\x00450 4.7.1 Wait', '450 4.7.1 Wait')):
    tap.same((put(parcel(local(0, 'bob'), after=[rec('V', verdict)])), queued()),
             ([f'R p1 {want}'], []), f'{verdict[:6]}: nothing is kept')
out = put(parcel(local(0, 'bob'), local(1, 'alice'),
                 after=[rec('V', 'reject\x00550 5.7.1 Not you\x001')]))
tap.same((out[0], len(recipients(queued()[0]))), ('T 1 550 5.7.1 Not you', 1),
         'a verdict on one recipient')
out = put(parcel(local(0, 'bob'), remote(1, 'far@c.test', 'rcpt=list@a.test'),
                 after=[rec('V', 'junk')]))
tap.same((out[0][:15], len(recipients(queued()[0]))), ('T 1 550 5.7.1 J', 1),
         'junk is never sent on')
tap.ok(b'5:Vjunk,' in open(queued()[0], 'rb').read(), 'and stays junk')

esmtp = rec('F', 's@b.test'), rec('P', 'proto=ESMTPS') + rec('F', 's@b.test')
for what, t, want in (
        ('junk for another host', remote(1, 'far@c.test', 'rcpt=list@a.test'),
         '550 5.7.1 Junk is not sent on to other hosts'),
        ('one that cannot be reached', rec('T', '1\0no@a.test'),
         '550 5.1.1 No such mailbox')):
    tap.same((put(parcel(local(0, 'bob'), t, after=[rec('V', 'junk')])
                  .replace(*esmtp)), queued()), ([f'R p1 {want}'], []),
             f'who speaks SMTP hears no T line: {what} is refused for all, '
             'not lost')
tap.ok(accepted(put(parcel(rec('T', '1\0list@a.test'), after=[
    rec('V', 'junk')]).replace(*esmtp))),
    'a list keeps junk for those that are here')

# Loops (RFC 5321 6.3): what an alias has passed on before
far = remote(0, 'far@c.test', 'rcpt=LIST@a.test')
again = b'Received: by c.test\r\nDelivered-To: list@A.test\r\n' + MESSAGE
for klass in 'received', 'submitted':
    tap.same((put(parcel(far, message=again), klass), queued()),
             (['R p1 554 5.4.6 Mail loop'], []),
             f'a loop is refused: {klass} mail for an alias with its Delivered-To')
tap.ok(accepted(put(parcel(far, message=again.replace(b'list', b'lisa')))),
       'but not for another address')
tap.ok(accepted(put(parcel(far, message=MESSAGE + again))), 'nor in the body')
tap.ok(accepted(put(parcel(remote(0, 'list@a.test', 'rcpt=list@a.test'),
                           message=again), 'submitted')),
       'what no alias passes on is no loop')
out = put(parcel(rec('T', '0\0list@a.test'), message=again))
tap.same((len(out), bool(accepted(out)), len(recipients(queued()[0]))),
         (1, True, 3), 'beside others a loop is kept: its sender is told of it')

# Nothing half
whole = parcel(local(0, 'alice'))
tap.same(({run(['queue-put'], whole[:n])[1] for n in range(1, len(whole), 5)},
          len(queued())), ({111}, 1), 'without its end nothing is kept')
for limit, message in (1, MESSAGE * 3000), (60, MESSAGE * 20000):
    out, _ = run(['sh', '-c', f'trap "" XFSZ; ulimit -f {limit}; '
                  'exec queue-put'], parcel(local(0, 'bob'),
                                            message=message))
    tap.same((out[0][:7], len(queued())), ('R p1 45', 1),
             f'a write that fails: 451 or 452, nothing is kept ({len(message)})')
out = put(parcel(*(local(i, 'bob') for i in range(1000)),
                 message=b'A: b\r\n\r\n' + b'x' * 3000000))
data = open(queued()[0], 'rb').read()
n = list(map(int, data[:128].split()[3:]))
tap.same((n[1], len(data), data[n[3]:n[3] + 8]), (1000, n[3] + n[4],
                                                  b'A: b\r\n\r\n'),
         'a thousand recipients, three megabytes')

# Ids and the trigger
fifo = os.open(f'{T}/queue/trigger', os.O_RDONLY | os.O_NONBLOCK)
ids = [x.rsplit('=', 1)[1] for x in put(whole * 50)]
tap.same((len(set(ids)), sorted(ids) == ids), (50, True),
         'ids are unique, and sort by time')
tap.same(os.read(fifo, 65536).decode().split(), ids, 'queue-run is woken')
os.close(fifo)
p = service('in', 'queue-put', '-w', '-c', 'submitted', '-n', '50')
import socket
socks = []
for i in range(30):
    s = socket.socket(socket.AF_UNIX)
    s.connect(f'{T}/run/in')
    s.sendall(parcel(rec('T', '0\0x@c.test'), ident=f's{i}'))
    socks.append(s)
ids = {s.makefile().readline().rsplit('=', 1)[1] for s in socks}
tap.same(len(ids), 30, 'wait mode: thirty at once')
for s in socks:
    s.close()
stop(p)
tap.finish()
