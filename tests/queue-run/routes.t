#!/usr/bin/python3
"""routes(5): by address, domain, parent, all; what queue-run makes of them."""
import os
import signal
import subprocess
import sys
import time

sys.path[:0] = ['tests', 'tests/queue-run']
import tap
from post import (T, MESSAGE, Sink, accept, inbox, local, log,
                  make_tables, parcel, queued, rec, run, service, spawn, stop,
                  wait)


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


def gone():
    return wait(lambda: not queued())


def kick(what):
    """ALRM until it is so: a lane's result may come after one."""
    def again():
        q.send_signal(signal.SIGALRM)
        time.sleep(0.1)
        return what()
    return wait(again)


def build(text):
    with open(f'{T}/routes', 'w') as f:
        f.write(text)
    return run(['table-build', 'mail', '-r', f'{T}/routes'], b'')


def routes(text):
    with open(f'{T}/routes', 'w') as f:
        f.write(text)
    make_tables(routes=f'{T}/routes')


def way(*addresses):
    """What queue-list says of where they wait"""
    for f in queued():
        os.unlink(f)
    submit(*(remote(i, a) for i, a in enumerate(addresses)))
    out, _ = run(['queue-list'], b'')
    got = {x.split('\t')[7]: x.split('\t')[5] for x in out}
    return [got[a] for a in addresses]


def sent():
    return sorted((t[1], [x[4:] for x in t if x[:4] == 'via='])
                  for p in send.parcels for t in p['to'])


# The table
out, code = build('C.Test: smtp:Mail.C.test:587\n.c.test: mx:D.test\n'
                  'Bob@x.test: lmtp:/run/Dovecot/lmtp\n*: smtp:[::1]:25\n'
                  'e1.test: error:5.1.6 Moved\ne2.test: error: 4.2.1 Later on\n'
                  'e3.test: error:551 5.1.0 x\ne4.test: error:Go away\n'
                  'z.test: discard:\nf.test: pipe:fax\nl.test: lmtp:H:24\n'
                  'grün.test: smtp:b\nr.test: smtp:R:587  auth=Isp-1\n'
                  's.test: smtps:S tls=T auth=A\nt.test: smtp:t tls=x\n')
got = dict(x.split(':', 1)[1].split('->', 1) for x in out if '->' in x)
tap.same((code, got), (0, {
    'v': '', 'v*': 'smtp:[::1]:25', 'v.c.test': 'mx:d.test',
    'vbob@x.test': 'lmtp:/run/Dovecot/lmtp',
    'vc.test': 'smtp:mail.c.test:587', 've1.test':
    'error:550 5.1.6 Moved', 've2.test': 'error:450 4.2.1 Later on',
    've3.test': 'error:551 5.1.0 x', 've4.test': 'error:550 5.0.0 Go away',
    'vf.test': 'pipe:fax', 'vl.test': 'lmtp:h:24',
    'vr.test': 'smtp:r:587,auth=Isp-1', 'vs.test':
    'smtps:s,auth=A,tls=T', 'vt.test': 'smtp:t,tls=x', 'vxn--grn-ioa.test': 'smtp:b', 'vz.test': 'discard:'}),
    'a table of all ways, in one spelling')
for bad in ('c.test: foo:x', 'c.test smtp:x', 'a: smtp:', 'a: smtp:b:x',
            'a: smtp:b:', 'a: smtp:[b]', 'a: lmtp:h', 'a: lmtp:', 'a: pipe:a/b',
            'a: pipe:', 'a: discard: x', 'a: error:', 'a: error:2.1.5 x',
            'a: error:450 5.1.5 x', '*x: smtp:a', 'a: smtp:a b', 'a: mx:',
            'a: smtp:a auth=', 'a: smtp:a auth=b@c', 'a: smtp:a auth=b c',
            'a: smtp:a,auth=b', 'a: mx:a auth=b', 'a: lmtp:h:24 auth=b',
            'a: smtps:', 'a: smtp:a tls=', 'a: smtp:a tls=b/c',
            'a: smtp:a tls=b tls=c', 'a: mx:a tls=b',
            'a b: mx:x', ': mx:x',
            'a: mx:x\na: mx:y'):
    tap.same(build(bad + '\n')[1], 1, 'refused: ' + bad.replace('\n', ' '))

# Who goes where
routes('bob@c.test: smtp:one\nc.test: smtp:two\n.c.test: smtp:three\n'
       '.a.c.test: smtp:four\n*: smtp:five\n')
tap.same(way('bob@c.test', 'BOB@C.TEST', 'bob+x@c.test', 'x@b.c.test',
             'x@a.c.test', 'x@b.a.c.test', 'x@d.test', 'x@xc.test'),
         ['smtp:one', 'smtp:one', 'smtp:two', 'smtp:three', 'smtp:three',
          'smtp:four', 'smtp:five', 'smtp:five'],
         'the address, the domain, what is above it, all')
routes('c.test: smtp:two\n')
tap.same(way('x@d.test', 'x@c.test', 'x@b.c.test'),
         ['d.test', 'smtp:two', 'b.c.test'], 'others are as without')
for f in queued():
    os.unlink(f)

# queue-run
send = Sink('send')
service('put-queued', 'maildir-put', '-w')
service('queue-report', 'queue-put', '-w', '-c', 'report')
routes('*: smtp:hub.test:587\nc.test: mx:d.test\n'
       'bob@a.test: lmtp:/run/Lmtp\na.test: error:No\n')
q = start('-r', '3600')
submit(remote(0, 'x@e.test'), remote(1, 'y@f.test'), remote(2, 'z@c.test'),
       remote(3, 'v@g.test', 'via=old.test'), local(4, 'bob'),
       local(5, 'alice'), rec('T', '6\0al@a.test\0route=local\0'
                              'mailbox=bob@a.test'))
tap.ok(gone(), 'seven recipients')
tap.same(sent(), [('al@a.test', ['lmtp:/run/Lmtp']),
                  ('bob@a.test', ['lmtp:/run/Lmtp']),
                  ('v@g.test', ['old.test']),
                  ('x@e.test', ['smtp:hub.test:587']),
                  ('y@f.test', ['smtp:hub.test:587']),
                  ('z@c.test', ['mx:d.test'])], 'each by its way')
tap.same(sorted(len(p['to']) for p in send.parcels), [1, 1, 2, 2],
         'domains with one way share a parcel')
tap.ok(all('route=remote' in t and not [x for x in t if 'mailbox' in x]
           for p in send.parcels for t in p['to']),
       'who leaves his mailbox is remote', send.parcels)
tap.same((len(inbox('alice')), len(inbox('bob'))), (1, 0),
         'a mailbox is left by its own entry alone')
send.parcels.clear()

# A changed table
send.answer = lambda p: [
    f'R {p["id"]} 451 4.2.0 mx.test said: Later']
m = submit(remote(0, 'x@e.test'), remote(1, 'z@c.test'))
wait(lambda: len(send.parcels) == 2)
routes('*: smtp:new.test\nc.test: mx:d.test\n')
send.answer = accept
send.parcels.clear()
tap.ok(kick(lambda: not queued()), 'a changed table')
tap.same(sent(), [('x@e.test', ['smtp:new.test']), ('z@c.test', ['mx:d.test'])],
         'is good for what waits, and nobody is lost')

# Answers
routes('d1.test: discard:\nd2.test: error:5.1.6 Moved\n'
       'd3.test: error:4.2.1 Later\n')
send.parcels.clear()
submit(remote(0, 'x@d1.test'), remote(1, 'x@d2.test'), remote(2, 'y@d2.test'),
       sender='alice@a.test')
tap.ok(gone() and wait(lambda: len(inbox('alice')) == 2), 'discard: and error:')
m = inbox('alice')[1].decode()
tap.same(('x@d1.test' in m, m.count('550 5.1.6 Moved'), send.parcels),
         (False, 4, []), 'without a connection; one notice of the refused')
m = submit(remote(0, 'x@d3.test'))
wait(lambda: 'x@d3.test> deferred' in log())
out, _ = run(['queue-list', m], b'')
tap.same(out[0].split('\t')[3], '1', 'error: with 4 defers')
tap.same(out[0].split('\t')[8], '450 4.2.1 Later', 'as it says')
run(['queue-edit', 'remove', m], b'')
gone()

# A pipe is a sink of its own
routes('p.test: pipe:fax\n')
m = submit(remote(0, 'x@p.test'))
tap.ok(wait(lambda: 'no service for Ppipe:fax' in log()),
       'pipe: waits for its socket')
fax = Sink('pipe-fax')
tap.ok(gone(), 'and goes when it is there')
tap.same((fax.parcels[0]['to'][0][1], fax.parcels[0]['message']),
         ('x@p.test', MESSAGE), 'whole')

# No table: nobody knows
send.answer = lambda p: [
    f'R {p["id"]} 451 4.2.0 mx.test said: Later']
submit(remote(0, 'x@c.test'))
wait(lambda: 'x@c.test> deferred' in log())
os.rename(f'{T}/tables/mail.cdb', f'{T}/tables/away')
send.answer = accept
send.parcels.clear()
n = log().count('unable to read')
tap.ok(kick(lambda: log().count('unable to read') > n), 'no table: it is logged')
q.send_signal(signal.SIGALRM)
time.sleep(1.5)
tap.same((sent(), len(queued())), ([], 1), 'and all mail waits')
os.rename(f'{T}/tables/away', f'{T}/tables/mail.cdb')
tap.ok(kick(lambda: not queued()), 'until it is back')
tap.same(sent(), [('x@c.test', [])], 'then it goes')
stop(q)
tap.finish()
