#!/usr/bin/python3
"""queue-run: lanes, retries, states, bounces, stops."""
import email
import os
import re
import signal
import sys
import threading
import time

sys.path[:0] = ['tests', 'tests/queue-run']
import tap
from post import (T, MESSAGE, Sink, empty_mail, inbox, local, log, parcel,
                  queued, rec, run, service, spawn, stop, wait)


def remote(n, address, *more):
    return rec('T', '\0'.join([str(n), address, 'route=remote', *more]))


def submit(*to, klass='submitted', **kw):
    out, _ = run(['queue-put', '-c', klass], parcel(*to, **kw))
    return out[-1].rsplit('=', 1)[1]


def start(*options):
    r, w = os.pipe()
    p = spawn('queue-run', '-d', str(w), '-i', '1', *options, pass_fds=[w])
    os.close(w)
    os.read(r, 1)
    os.close(r)
    return p


def empty():
    return wait(lambda: not queued())


def states():
    """Status, attempts and reply of each recipient in the queue."""
    out = []
    for f in queued():
        with open(f, 'rb') as x:
            data = x.read()
        at, end = map(int, data[:128].split()[5:7])
        for i in range(at, end, 256):
            status, attempts, _, reply = data[i:i + 256].decode().split(' ', 3)
            out.append((status, int(attempts), reply.strip()))
    return out


def by_name(p):
    """The fake smtp-send: what happens is in the address."""
    words = {'bad': '550 5.1.1 mx.test said: No such user', 'slow': '451 4.2.0 Later',
             'odd': '350 Hm'}
    lines = [f'T {t[0]} {words.get(re.match("[a-z]*", t[1])[0], "250 2.0.0 Ok")}'
             for t in p['to']]
    return lines + [f'R {p["id"]} 250 2.0.0 Done']


# The schedule is what -n prints
out, _ = run(['queue-run', '-n', '-r', '10', '-g', '200', '-m', '60', '-e',
              '200'], b'')
tap.same([x.split('\t')[1] for x in out], ['0', '10', '30', '70', '130', '190',
                                           '200'],
         'delays grow to the longest, the last attempt is at the expiry')
out, _ = run(['queue-run', '-n'], b'')
tap.same([x.split('\t')[1] for x in out][:4] + [out[-1].split('\t')[1]],
         ['0', '400', '1000', '1900', '432000'],
         'RFC 5321 4.5.4.1: minutes first, then hours, five days')
tap.same(run(['queue-run', '-l', '0'], b'')[1], 100, 'no lanes: 100')

# Waiting for services costs nothing
run_options = '-s', '1'
p = start()
submit(remote(0, 'x@c.test'), local(1, 'alice'))
tap.ok(wait(lambda: 'no service' in log()), 'a service that is not there')
tap.same(states(), [('w', 0, ''), ('w', 0, '')], 'burns no attempt')
send = Sink('send', by_name)
put = service('put-queued', 'maildir-put', '-w')
report = service('queue-report', 'queue-put', '-w', '-c', 'report')
tap.ok(empty(), 'mail goes when it comes')
tap.same((len(inbox('alice')), [x['to'][0][1] for x in send.parcels]),
         (1, ['x@c.test']), 'local to put-queued, remote to send')
sent = send.parcels[0]
tap.ok(any(x.startswith('queue=') for x in sent['facts']) and
       'attempt=1' in sent['facts'], 'with queue id and attempt', sent)
tap.same((sent['message'], sent['from'], 'by=mx.a.test' in sent['facts']),
         (MESSAGE, ['s@b.test'], True), 'and all that came with it')

# One parcel a destination, lanes kept
send.parcels.clear()
send.most = 0
submit(*(remote(i, f'u{i}@C.test') for i in range(5)), remote(5, 'z@d.test'))
tap.ok(empty(), 'six recipients, two domains')
tap.same(sorted(len(x['to']) for x in send.parcels), [1, 5],
         'all recipients of a destination in one parcel')
submit(remote(0, 'a@c.test', 'via=relay.test:25'), remote(1, 'b@d.test',
                                                          'via=relay.test:25'))
empty()
tap.same(len(send.parcels[-1]['to']), 2, 'via is the destination')

# A parcel for each reverse-path and each alias, all in one attempt
send.parcels.clear()
submit(remote(0, 'a@c.test', 'rcpt=l1@a.test'), remote(1, 'b@c.test'),
       remote(2, 'c@c.test', 'rcpt=l2@a.test'),
       remote(3, 'd@c.test', 'rcpt=l1@a.test'),
       remote(4, 'e@c.test', 'from=x@a.test'),
       remote(5, 'f@c.test', 'from=x@a.test', 'rcpt=f@C.test'))
tap.ok(empty(), 'six recipients at one host')
tap.same([[t[1][0] for t in x['to']] for x in send.parcels],
         [['a', 'd'], ['b'], ['c'], ['e', 'f']],
         'those of one reverse-path and one alias (Delivered-To) share a parcel')
tap.same({x['facts'][-1] for x in send.parcels}, {'attempt=1'},
         'and nobody waits for a second attempt')

# A mixed fate
send.parcels.clear()
empty_mail()
submit(remote(0, 'good@c.test'), remote(1, 'bad1@c.test', 'orcpt=rfc822;Q+41'),
       remote(2, 'slow@e.test'), local(3, 'bob'), remote(4, 'odd@f.test'),
       remote(5, 'bad2@d.test'), sender='alice@a.test\0ENVID=abc+2Bd')
bounce = wait(lambda: inbox('alice'))
tap.ok(bounce, 'a permanent failure makes a bounce')
wait(lambda: len(queued()) == 1)
tap.same(sorted(states()),
         [('d', 1, '250 2.0.0 Delivered'), ('d', 1, '250 2.0.0 Ok'),
          ('t', 1, '550 5.1.1 mx.test said: No such user'),
          ('t', 1, '550 5.1.1 mx.test said: No such user'),
          ('w', 1, '350 Hm'), ('w', 1, '451 4.2.0 Later')],
         'each recipient has its own state')
m = email.message_from_bytes(bounce[0])
parts = m.get_payload()
tap.same((m.get_content_type(), m.get_param('report-type'),
          [x.get_content_type() for x in parts]),
         ('multipart/report', 'delivery-status',
          ['text/plain', 'message/delivery-status', 'text/rfc822-headers']),
         'RFC 6522: multipart/report of three parts')
tap.same(parts[1]['Content-Transfer-Encoding'], '7bit',
         'RFC 3464 2.1: a delivery status is 7bit')
tap.same((m['Return-Path'], m['To'], m['Auto-Submitted']),
         ('<>', '<alice@a.test>', 'auto-replied'),
         'RFC 3464 2, 3834: from <>, to the reverse-path, auto-replied')
tap.ok(m['Date'] and m['Message-ID'] and m['From'] and m['MIME-Version'],
       'RFC 5322 3.6: it is a message')
status = parts[1].get_payload()
tap.same((status[0]['Reporting-MTA'], status[0]['Original-Envelope-Id'],
          len(status)), ('dns; mx.a.test', 'abc+d', 3),
         'RFC 3464 2.2: per-message fields; one bounce for both failures')
tap.same(sorted((x['Final-Recipient'], x['Action'], x['Status'],
                 x['Diagnostic-Code'], x['Original-Recipient'])
                for x in status[1:]),
         [('rfc822; bad1@c.test', 'failed', '5.1.1',
           'smtp; 550 5.1.1 No such user', 'rfc822;QA'),
          ('rfc822; bad2@d.test', 'failed', '5.1.1',
           'smtp; 550 5.1.1 No such user', None)],
         'RFC 3464 2.3: per-recipient fields')
tap.same(parts[2].get_payload().strip().splitlines(),
         ['From: s@b.test', 'Subject: hello'], 'and the header')
tap.ok('bad1@c.test' in parts[0].get_payload() and
       'slow@' not in parts[0].get_payload(), 'and words, of those two only')

# ALRM: everything now
n = len(send.parcels)
p.send_signal(signal.SIGALRM)
tap.ok(wait(lambda: len(send.parcels) >= n + 2), 'ALRM: all is tried now')
wait(lambda: [x for x in states() if x[1] == 2])
tap.ok('attempt=2' in send.parcels[-1]['facts'], 'as the second attempt')
tap.same(len(inbox('alice')), 1, 'nobody is told twice')

# Clean stop, and on
tap.same(stop(p), 0, 'TERM stops')
tap.ok(not os.path.exists(f'{T}/queue/running'), 'cleanly')
p = start()
submit(remote(0, 'x@c.test'))
wait(lambda: len(queued()) == 1)
tap.same(len(send.parcels), n + 3, 'a start is no reason for an attempt')
send.answer = None
p.send_signal(signal.SIGALRM)
tap.ok(empty(), 'the rest is delivered')
tap.same(send.parcels[-1]['facts'][-1], 'attempt=3', 'attempts were counted')
stop(p)

# Expiry
empty_mail()
send.answer = by_name
submit(remote(0, 'slow@e.test'), sender='alice@a.test')
p = start('-e', '1', '-r', '1')
tap.ok(wait(lambda: inbox('alice')), 'expiry makes a bounce')
m = email.message_from_bytes(inbox('alice')[0])
tap.same(m.get_payload()[1].get_payload()[1]['Status'], '4.2.0',
         'with the last status')
tap.ok(empty(), 'and an end')
stop(p)
p = start()

# Never a bounce of a bounce
submit(remote(0, 'bad@e.test'), sender='')
tap.ok(empty(), 'a bounce that fails is dropped')
tap.ok('is a bounce that failed: dropped' in log(), 'and logged')
submit(remote(0, 'bad@e.test'), sender='nobody@a.test')
tap.ok(empty(), 'a sender that is not there is told nothing')
tap.ok('refused, dropped: 550 5.1.1' in log(), 'but the log is')
send.parcels.clear()
submit(remote(0, 'bad@e.test'), sender='bad@x.test')
tap.ok(empty(), 'a bounce that bounces')
tap.same([x['from'][0] for x in send.parcels], ['bad@x.test', ''],
         'is tried once and never told')
stop(p)
p = start('-p', 'postmaster@a.test')
submit(remote(0, 'bad@e.test'), sender='')
tap.ok(wait(lambda: inbox('postmaster')), '-p: the postmaster is told')
submit(rec('T', '0\0postmaster@a.test\0route=remote'), sender='',
       klass='submitted')
send.answer = lambda p: [f'R {p["id"]} 550 5.0.0 No']
tap.ok(empty(), 'but never of what he did not get himself')
send.answer = by_name
empty_mail()
submit(remote(0, 'bad@e.test', 'notify=NEVER'), remote(1, 'bad@f.test'),
       sender='alice@a.test')
wait(lambda: inbox('alice'))
empty()
tap.ok(b'bad@e.test' not in inbox('alice')[0] and len(inbox('alice')) == 1,
       'RFC 3461 4.1: NOTIFY=NEVER')
stop(p)

# The bounce must be safe before the message goes
stop(report)
p = start()
waits = log().count('no service')
submit(remote(0, 'bad@e.test'), sender='alice@a.test')
tap.ok(wait(lambda: log().count('no service') > waits), 'no queue-report')
tap.same(states(), [('f', 1, '550 5.1.1 mx.test said: No such user')],
         'the failure waits')
os.unlink(f'{T}/run/queue-report')
empty_mail()
report = service('queue-report', 'queue-put', '-w', '-c', 'report')
tap.ok(wait(lambda: inbox('alice')) and empty(), 'until it can be told')

# Junk
empty_mail()
submit(local(0, 'alice'), klass='received', after=[rec('V', 'junk')])
tap.ok(wait(lambda: inbox('alice', '.Junk')), 'junk stays junk')
empty()
stop(p)

# A service that breaks off
calls = []


def dies(p):
    calls.append([x for x in p['facts'] if x.startswith('attempt')][0])
    return None if len(calls) < 3 else by_name(p)


send.answer = dies
p = start('-r', '2')
submit(remote(0, 'x@c.test'))
tap.ok(empty(), 'no report: tried again')
tap.same(calls, ['attempt=1', 'attempt=1?', 'attempt=2?'],
         'soon and without cost at first; it may be a repetition')
stop(p)
hang = []
free = threading.Event()


def hangs(p):
    hang.append(1)
    if len(hang) == 1:
        free.wait(60)
    return by_name(p)


send.answer = hangs
p = start('-t', '1')
submit(remote(0, 'x@c.test'))
tap.ok(empty(), 'a lane that hangs has a deadline')
free.set()
stop(p)

# One destination does not hold up the others
gate = []
most = {}


def gated(p):
    d = p['to'][0][1].split('@')[1]
    most[d] = most.get(d, 0) + 1
    while d == 'dead.test' and not gate:
        time.sleep(0.01)
    return by_name(p)


send.answer = gated
send.parcels.clear()
p = start('-l', '8', '-c', '3')
for i in range(20):
    submit(remote(0, f'x{i}@dead.test'))
for i in range(20):
    submit(remote(0, f'x{i}@d{i}.test'))
tap.ok(wait(lambda: len(queued()) == 20),
       'twenty domains get their mail while one hangs')
tap.ok(most['dead.test'] <= 3, 'which has its limit of lanes', most)
gate.append(1)
tap.ok(empty(), 'and is served in the end')
wait(lambda: not send.open)
send.most = 0
for i in range(200):
    submit(remote(0, f'x{i}@c.test'))
tap.ok(empty(), 'two hundred for one domain')
tap.ok(1 <= send.most <= 3, f'over {send.most} kept connections')
tap.same(len(send.parcels), 240, 'none twice')
stop(p)

# kill -9
empty_mail()
for i in range(100):
    submit(local(0, 'alice'), local(1, 'bob'), remote(2, 'far@c.test'))
send.parcels.clear()
kills = 0
p = start()
while queued() and kills < 200:
    time.sleep(0.03)
    stop(p, signal.SIGKILL)
    kills += 1
    p = start()
tap.ok(empty(), f'killed {kills} times, all is delivered')
tap.same((len(inbox('alice')), len(inbox('bob'))), (100, 100),
         'no local message is lost or there twice')
tap.ok(len({[x for x in s['facts'] if x[:6] == 'queue='][0]
            for s in send.parcels}) == 100, 'no other is lost')
twice = [s for s in send.parcels if s['facts'][-1] == 'attempt=1']
tap.ok(len(twice) <= 100, 'what may be a repetition says so')
stop(p)
a = start()
b = spawn('queue-run')
tap.same(b.wait(30), 111, 'two for one queue: the second gives up')

# Damage
os.makedirs(f'{T}/queue/mess/00', exist_ok=True)
bad = f'{T}/queue/mess/00/{"0" * 16}'
with open(bad, 'wb') as f:
    f.write(b'rohrpost-queue-1 received 1 2 3 512 1280 99'.ljust(127) + b'\n')
n = log().count('\n')
a.send_signal(signal.SIGHUP)
tap.ok(wait(lambda: 'unable to read message ' + '0' * 16 in log()),
       'a damaged file is reported')
submit(local(0, 'alice'))
tap.ok(wait(lambda: len(inbox('alice')) == 101), 'and holds nobody up')
tap.ok(os.path.exists(bad), 'and stays')
os.unlink(bad)

# A hint that was lost
os.rename(f'{T}/queue/trigger', f'{T}/queue/trigger.away')
submit(local(0, 'alice'))
stop(a)
os.unlink(f'{T}/queue/trigger.away')
a = start()
tap.ok(wait(lambda: len(inbox('alice')) == 102), 'hints are only hints')
stop(a)
tap.finish()
