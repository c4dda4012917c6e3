#!/usr/bin/python3
"""maildir-put: what it stores itself, what it hands on, what it never does."""
import glob
import os
import re
import sys

sys.path[:0] = ['tests', 'tests/queue-run']
import tap
from post import (T, MESSAGE, Sink, empty_mail, inbox, local, parcel, rec, run,
                  service, stop)

PUT = ['maildir-put']
QUEUE = ['maildir-put', '-q', f'{T}/run/q']


def names(name='alice', folder=''):
    return sorted(os.listdir(f'{T}/mail/a.test/{name}/{folder}/new'))


# One local recipient
out, code = run(QUEUE, parcel(local(0, 'alice')))
tap.same((out, code), (['R p1 250 2.0.0 Delivered'], 0),
         'one plain local recipient is stored here')
tap.same(inbox('alice'), [b'Return-Path: <s@b.test>\nDelivered-To: '
                          b'alice@a.test\n' + MESSAGE.replace(b'\r\n', b'\n')],
         'RFC 5321 4.4: Return-Path on top; LF line ends on disk')
name = names()[0]
file = inbox('alice')[0]
size, wire = map(int, re.search(r',S=(\d+),W=(\d+)$', name).groups())
tap.same((size, wire), (len(file), len(file) + file.count(b'\n')),
         'the name tells the size on disk (S=) and with CRLF (W=)')
tap.ok(re.match(r'\d+\.M\d+P\d+Q\d+\.mx\.a\.test,', name),
       'the name is time, unique part, host', name)
base = f'{T}/mail/a.test/alice'
tap.same(sorted(d for d in os.listdir(base) if d.startswith('.')),
         ['.Archive', '.Drafts', '.Junk', '.Sent', '.Trash'],
         'a new Maildir has the special-use mailboxes (RFC 6154)')
tap.ok(all(os.path.isdir(f'{base}/{f}/{d}') for f in ('', '.Junk', '.Sent')
           for d in ('cur', 'new', 'tmp')), 'each with cur, new and tmp')
tap.same(open(f'{base}/subscriptions').read().split(),
         ['Drafts', 'Sent', 'Junk', 'Trash', 'Archive'], 'and subscribed')
tap.same(os.stat(base).st_mode & 0o777, 0o700, 'nobody else may look inside')
tap.same(os.listdir(f'{base}/tmp'), [], 'nothing stays in tmp')

# The header that a sink makes
empty_mail()
message = (b'Received: old\r\nX-Spam: 1\r\nSubject: a\r\n b\r\nx-spam : 2\r\n'
           b'\tfolded\r\nX-SPAM: 3\r\n\r\nX-Spam: body\r\n')
run(PUT, parcel(local(0, 'alice'), rec('H', 'Received: first\r\n\tby us\r\n'),
                rec('E', b'X-Spam\x002'), message=message,
                after=[rec('A', 'spf=pass smtp.mailfrom=s@b.test'),
                       rec('H', 'X-Last: 1\r\n'), rec('A', 'dkim=none'),
                       rec('E', b'x-spam\x003')]))
tap.same(inbox('alice')[0],
         b'Return-Path: <s@b.test>\nDelivered-To: alice@a.test\n'
         b'Authentication-Results: mx.a.test;\n\tspf=pass '
         b'smtp.mailfrom=s@b.test;\n\tdkim=none\nX-Last: 1\n'
         b'Received: first\n\tby us\nReceived: old\nX-Spam: 1\n'
         b'Subject: a\n b\n\nX-Spam: body\n',
         'RFC 8601 2.2: one Authentication-Results; H newest first; less E')
for bad, what in ((b'X: 1\r\n\r\nbody\r\n', 'ends the header'),
                  (b'X: 1', 'has no end'), (b'X: 1\n', 'ends with a bare LF')):
    out, _ = run(PUT, parcel(local(0, 'alice'), rec('H', bad)))
    tap.same(out, ['R p1 451 4.3.0 Bad header record'],
             f'a field that {what} is refused')
big = b''.join(b'X-%d: %s\r\n' % (i, b'y' * 900) for i in range(1200))
out, _ = run(PUT, parcel(local(0, 'alice'), message=big + b'\r\nx\r\n'))
tap.same(out, ['R p1 552 5.3.4 Message header too big'],
         'a header has at most 1 MiB')

# Bytes survive
empty_mail()
ugly = b'A: b\r\n\r\n' + bytes(range(256)) * 3 + b'\r\n.\r\n\r\r\n' + b'z' * 70000
run(PUT, parcel(local(0, 'alice'), message=ugly))
tap.same(inbox('alice')[0].split(b'\n', 2)[2], ugly.replace(b'\r\n', b'\n'),
         'all bytes come through, chunks cut anywhere')
cut = (rec('I', 'c') + rec('F') + local(0, 'alice') +
       b''.join(rec('M', bytes([c])) for c in b'A: b\r\n\r\nx\r\ny\r') + rec('.'))
out, _ = run(PUT, cut)
tap.same(inbox('alice')[1], b'Return-Path: <>\nDelivered-To: alice@a.test\n'
         b'A: b\n\nx\ny\r', 'a CR LF that two chunks share is one line end')
large = b'Subject: large\r\n\r\n' + b'0123456789abcde\r\n' * 300000
out, _ = run(['sh', '-c', 'ulimit -v 200000; exec maildir-put']
             if not os.environ.get('O', '').endswith('san') else PUT,
             parcel(local(0, 'bob'), message=large))
tap.same(inbox('bob')[0].split(b'\n', 2)[2], large.replace(b'\r\n', b'\n'),
         '5 MB are spooled, not held')
tap.same(os.listdir(f'{T}/mail/a.test/bob/tmp'), [], 'the spool has no name')

# Refusals
for verdict, want in (('reject\x00550 5.7.1 Go away', '550 5.7.1 Go away'),
                      ('defer\x00451 4.7.1 Wait', '451 4.7.1 Wait'),
                      ('reject\x00550 5.7.1 Just you\x000', '550 5.7.1 Just you'),
                      ('reject\x00250 2.0.0 Odd', '550 5.7.1 Message refused')):
    empty_mail()
    out, _ = run(PUT, parcel(local(0, 'alice'), after=[rec('V', verdict)]))
    tap.same((out, inbox('alice')), ([f'R p1 {want}'], []),
             f'a verdict is the answer, and nothing is stored: {want}')
empty_mail()
run(PUT, parcel(local(0, 'alice'), after=[rec('V', 'junk\x00550 5.7.1 spam')]))
tap.same((len(inbox('alice')), len(inbox('alice', '.Junk'))), (0, 1),
         'junk goes to the junk mailbox')
os.environ['ROHRPOST_FOLDERS'] = 'Junk=Spam:Sent=../../evil'
run(PUT, parcel(local(0, 'alice'), after=[rec('V', 'junk')]))
run(PUT, parcel(local(0, 'carol')))
del os.environ['ROHRPOST_FOLDERS']
tap.same(len(inbox('alice', '.Spam')), 1, 'whose name is an option')
tap.ok(os.path.isdir(f'{T}/mail/a.test/carol/.Sent') and
       not glob.glob(f'{T}/**/*evil*', recursive=True),
       'a name that is a path is not taken')
out, _ = run(PUT, parcel(rec('T', '0\0x@a.test\0route=local\0mailbox=x@a.test')))
tap.same(out, ['R p1 550 5.1.1 No such mailbox'], 'an unknown account: 550')
out, _ = run(PUT, parcel(rec('T', '0\0x@c.test\0route=remote')))
tap.same(out, ['R p1 550 5.3.5 Not a local recipient'],
         'without -q no remote recipient')
out, _ = run(PUT, parcel())
tap.same(out, ['R p1 554 5.5.1 No recipients'], 'no recipients: 554')
for bad in (b'0\0a\r\nb@a.test\0route=local\0mailbox=alice@a.test', b'x', b'0\0',
            b'-1\0alice@a.test', b'0\0alice@a.test\0route=local'):
    out, _ = run(PUT, parcel(rec('T', bad)))
    tap.same(out, ['R p1 550 5.1.3 Bad recipient record'],
             f'a bad recipient record is refused: {bad!r}')
os.environ['ROHRPOST_TABLES'] = f'{T}/nowhere'
out, _ = run(PUT, parcel(local(0, 'alice')))
os.environ['ROHRPOST_TABLES'] = f'{T}/tables'
tap.same(out, ['R p1 451 4.3.0 Mailbox trouble'],
         'a missing table is 451, never "not found"')

# Broken off
empty_mail()
whole = parcel(local(0, 'alice'))
codes = {run(PUT, whole[:n])[1] for n in range(1, len(whole), 7)}
tap.same((codes, inbox('alice')), ({111}, []),
         'a parcel without its end is forgotten')
tap.same(run(PUT, whole + b'3:xyz,')[1], 111, 'what is no parcel ends it')
tap.same(len(inbox('alice')), 1, 'but not the one before')
out, code = run(PUT, parcel(local(0, 'alice'), rec('?')) * 3)
tap.same((out, code, len(inbox('alice'))),
         (['Q p1 250 2.0.0 Go on', 'R p1 250 2.0.0 Delivered'] * 3, 0, 4),
         'parcels follow each other; ? is answered')

# Handing on
empty_mail()
out, _ = run(QUEUE, parcel(local(0, 'alice'), local(1, 'bob')))
tap.same(out, ['R p1 451 4.3.0 Queue not available'], 'no queue: 451')
q = Sink('q', lambda p: [f'T 1 550 5.1.1 No', f'R {p["id"]} 250 2.0.0 Mine'])
two = [local(0, 'alice'), local(1, 'bob')]
junk = rec('V', 'junk\x00550 5.7.1 spam')
out, _ = run(QUEUE, parcel(*two, after=[rec('H', 'X: 1\r\n'), junk]))
tap.same(out, ['T 1 550 5.1.1 No', 'R p1 250 2.0.0 Mine'],
         'two recipients: the queue\'s, and its reports are ours')
p = q.parcels[0]
tap.same((p['id'], p['from'], len(p['to']), p['message'], p['junk'],
          inbox('alice')), ('p1', ['s@b.test'], 2, MESSAGE, True, []),
         'it gets the whole parcel')
for what, t in (('remote', rec('T', '0\0x@c.test\0route=remote\0rcpt=l@a.test')),
                ('not routed', rec('T', '0\0alice@a.test')),
                ('NOTIFY=SUCCESS', local(0, 'alice', 'notify=SUCCESS'))):
    q.parcels.clear()
    run(QUEUE, parcel(t))
    tap.same((len(q.parcels), inbox('alice')), (1, []),
             f'the queue\'s too: {what}')
q.parcels.clear()
out, _ = run(QUEUE, parcel(*two) + parcel(local(0, 'alice'), ident='p2') +
             parcel(*two, ident='p3'))
tap.same(([x for x in out if x[0] == 'R'], len(q.parcels), len(inbox('alice'))),
         (['R p1 250 2.0.0 Mine', 'R p2 250 2.0.0 Delivered',
           'R p3 250 2.0.0 Mine'], 2, 1), 'mixed on one connection')
q.answer = lambda p: None
out, _ = run(QUEUE, parcel(*two))
tap.same(out, ['R p1 451 4.3.0 Queue trouble'], 'no report, no 250')
q.answer = lambda p: ['R other 250 2.0.0 Accepted']
out, _ = run(QUEUE, parcel(*two))
tap.same(out, ['R p1 451 4.3.0 Queue trouble'],
         'the report of another parcel is none')
q.answer = None

# Trouble of our own, before the file has its name
if os.path.exists('/dev/full'):
    empty_mail()
    run(PUT, parcel(local(0, 'alice')))
    n = len(inbox('alice'))
    for what in 'large', 'small':
        q.parcels.clear()
        m = large if what == 'large' else MESSAGE * 2000
        out, code = run(['sh', '-c', 'trap "" XFSZ; ulimit -f 20; exec '
                         f'maildir-put -q {T}/run/q'],
                        parcel(local(0, 'alice'), message=m))
        tap.same((out, len(q.parcels), len(inbox('alice'))),
                 (['R p1 250 2.0.0 Accepted'], 1, n),
                 f'a write that fails: the whole parcel is handed on ({what})')
        tap.same(q.parcels and q.parcels[0]['message'] == m, True,
                 f'with every byte ({what})')

# Queued deliveries
empty_mail()
facts = rec('P', 'queue=0123456789abcdef')


def queued(attempt, *to):
    return (rec('I', 'q1') + facts + rec('P', f'attempt={attempt}') + rec('F') +
            b''.join(to) + rec('M', MESSAGE) + rec('.'))


out, _ = run(PUT, queued('1', local(3, 'alice'), local(4, 'bob'),
                         rec('T', '5\0x@a.test\0route=local\0mailbox=x@a.test')))
tap.same(out, ['T 3 250 2.0.0 Delivered', 'T 4 250 2.0.0 Delivered',
               'T 5 550 5.1.1 No such mailbox', 'R q1 250 2.0.0 Delivered'],
         'several recipients: a report each')
tap.ok('.Q0123456789abcdefR3.' in names()[0],
       'the name has queue id and number', names())
out, _ = run(PUT, queued('2?', local(3, 'alice'), local(4, 'bob')))
tap.same((out[-1], len(inbox('alice')), len(inbox('bob'))),
         ('R q1 250 2.0.0 Delivered', 1, 1),
         'what may be a repetition is looked for in new')
os.rename(f'{T}/mail/a.test/alice/new/{names()[0]}',
          f'{T}/mail/a.test/alice/cur/{names()[0]}:2,S')
run(PUT, queued('2?', local(3, 'alice')))
tap.same(inbox('alice'), [], 'and in cur')
out, _ = run(PUT, queued('2?', local(30, 'alice')))
tap.same((out, inbox('alice')), (['R q1 250 2.0.0 Delivered'], []),
         'for another recipient who means that mailbox, too')
run(PUT, queued('2', local(3, 'alice')))
tap.same(len(inbox('alice')), 1, 'what is no repetition is not looked for')
empty_mail()
out, _ = run(PUT, parcel(local(0, 'alice'), local(1, 'bob'),
                         local(2, 'alice', 'notify=SUCCESS'),
                         local(3, 'nobody')))
tap.same(out, [f'T {n} 250 2.0.0 Delivered' for n in range(3)] +
         ['T 3 550 5.1.1 No such mailbox', 'R p1 250 2.0.0 Delivered'],
         'two recipients of one mailbox: an answer each')
tap.same((len(inbox('alice')), len(inbox('bob'))), (1, 1), 'and one copy')
run(PUT, parcel(local(0, 'alice')) + parcel(local(0, 'alice'), local(1, 'bob')))
tap.same((len(inbox('alice')), len(inbox('bob'))), (3, 2),
         'but one for each parcel')

# As a server, many at once
empty_mail()
p = service('put', 'maildir-put', '-w', '-q', f'{T}/run/q')
import socket
socks = []
for i in range(20):
    s = socket.socket(socket.AF_UNIX)
    s.connect(f'{T}/run/put')
    s.sendall(parcel(local(0, 'alice'), ident=f's{i}') * 5)
    socks.append(s)
got = [s.makefile().readline() for s in socks]
for s in socks:
    s.shutdown(socket.SHUT_WR)
    while s.recv(4096):
        pass
tap.same((got, len(inbox('alice'))),
         ([f'R s{i} 250 2.0.0 Delivered\n' for i in range(20)], 100),
         'wait mode: twenty clients, five parcels each, no name twice')
tap.same(stop(p), 0, 'TERM stops it')
tap.finish()
