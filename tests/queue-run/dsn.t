#!/usr/bin/python3
"""queue-run and queue-put: what the sender is told (RFC 3461, 3464, 6533)."""
import email
import os
import signal
import sys

sys.path[:0] = ['tests', 'tests/queue-run']
import tap
from post import (T, Sink, inbox, local, parcel, queued, rec, run, service,
                  spawn, stop, wait)

WORDS = {'bad': '550 5.1.1 mx.test said: No such user',
         'dark': '250 2.1.9 mx.test said: Ok',
         'down': '550 5.4.4 mx.test: no address'}


def answer(p):
    """The fake smtp-send: dark@ is behind a host without DSN."""
    return [f'T {t[0]} {WORDS.get(t[1].split("@")[0], "250 2.0.0 Ok")}'
            for t in p['to']] + [f'R {p["id"]} 250 2.0.0 Done']


def remote(n, address, *more):
    return rec('T', '\0'.join([str(n), address, 'route=remote', *more]))


def start(*options):
    r, w = os.pipe()
    p = spawn('queue-run', '-d', str(w), '-i', '1', *options, pass_fds=[w])
    os.close(w)
    os.read(r, 1)
    os.close(r)
    return p


def empty_mail():
    """maildir-put may have the directories open: they stay."""
    for d, _, files in os.walk(f'{T}/mail'):
        for f in files if d.endswith('/new') else ():
            os.unlink(f'{d}/{f}')


def notices(*to, sender='alice@a.test', klass='submitted', box='alice', **kw):
    """The notices that came of one message to those recipients."""
    empty_mail()
    send.parcels.clear()
    run(['queue-put', '-c', klass], parcel(*to, sender=sender, **kw))
    wait(lambda: not queued(), 20)
    mail = [email.message_from_bytes(m) for m in inbox(box)]
    return [m for m in mail if m.get_content_type() == 'multipart/report']


def fields(notice):
    """Of the message and of each recipient: (Final-Recipient, Action, Status)"""
    first, *rest = notice.get_payload()[1].get_payload()
    return first, rest, sorted(
        (x['Final-Recipient'], x['Action'], x['Status']) for x in rest)


send = Sink('send', answer)
service('put-queued', 'maildir-put', '-w')
service('queue-report', 'queue-put', '-w', '-c', 'report')
p = start('-p', 'postmaster@a.test')

# Success
got = notices(local(0, 'bob', 'notify=SUCCESS', 'orcpt=rfc822;b+2Bx@a.test'),
              sender='alice@a.test\0ENVID=e+3D1\0RET=FULL')
tap.same(len(got), 1, 'RFC 3461 5.2.3 a: NOTIFY=SUCCESS, delivered: one DSN')
m, (x, *more), _ = fields(got[0])
tap.same((x['Final-Recipient'], x['Action'], x['Status'],
          x['Original-Recipient'], m['Original-Envelope-Id'], more),
         ('rfc822; bob@a.test', 'delivered', '2.0.0', 'rfc822;b+x@a.test',
          'e=1', []), 'RFC 3464 2.3: action delivered, what the sender gave')
tap.ok(m['Arrival-Date'] and m['Reporting-MTA'] == 'dns; mx.a.test' and
       x['Last-Attempt-Date'], 'RFC 3464 2.2: dates, and who reports')
tap.same([y.get_content_type() for y in got[0].get_payload()],
         ['text/plain', 'message/delivery-status', 'text/rfc822-headers'],
         'RFC 3461 4.3: RET=FULL is for failures, a success has the header')
tap.same((got[0]['Return-Path'], got[0]['Auto-Submitted'],
          got[0]['Subject']),
         ('<>', 'auto-replied', 'Your message was delivered'),
         'RFC 3461 6.1, 3834 5: from <>, auto-replied')
tap.same(len(inbox('bob')), 1, 'and he has it once')

for notify in 'NEVER', 'FAILURE', 'DELAY', 'FAILURE,DELAY', '':
    got = notices(local(0, 'bob', *([f'notify={notify}'] if notify else [])))
    tap.same((got, len(inbox('bob'))), ([], 1),
             f'RFC 3461 5.2.3 b, c: NOTIFY={notify or "-"}: no success DSN')
got = notices(local(0, 'bob', 'notify=success,failure'))
tap.same(len(got), 1, 'RFC 3461 4: keywords in any case, in a list')

got = notices(local(0, 'bob', 'notify=NEVER', 'orcpt=rfc822;n@a.test'),
              local(1, 'bob', 'notify=SUCCESS', 'orcpt=rfc822;y@a.test'))
tap.same([(x['Original-Recipient'], x['Action'])
          for m in got for x in fields(m)[1]],
         [('rfc822;y@a.test', 'delivered')],
         'RFC 3461 4.1: two recipients of one mailbox: who asked is told')
tap.same(len(inbox('bob')), 1, 'he has it once')
got = notices(*(local(n, 'bob', 'notify=SUCCESS', f'orcpt=rfc822;{n}@a.test')
                for n in range(3)))
tap.same((sorted(x['Original-Recipient'] for m in got for x in fields(m)[1]),
          len(inbox('bob'))), ([f'rfc822;{n}@a.test' for n in range(3)], 1),
         'RFC 3461 5.2.3 a: three who asked: three are told of, one copy')

# Relayed
got = notices(remote(0, 'dark@c.test', 'notify=SUCCESS,FAILURE'))
tap.same([fields(x)[2] for x in got],
         [[('rfc822; dark@c.test', 'relayed', '2.1.9')]],
         'RFC 3461 5.2.2 b: the next host does not do DSN: relayed')
got = notices(remote(0, 'ok@c.test', 'notify=SUCCESS', 'orcpt=rfc822;o'))
tap.same((got, send.parcels[-1]['to'][0][3:5]),
         ([], ['notify=SUCCESS', 'orcpt=rfc822;o']),
         'RFC 3461 5.2.2 a: it does: we say nothing, it has all parameters')
got = notices(remote(0, 'dark@c.test'), remote(1, 'dark@d.test', 'notify=NEVER'))
tap.same(got, [], 'RFC 3461 5.2.2 e: who did not ask is not told')

# Expanded
lists = [rec('T', f'0\0{a}@a.test\0route=local\0mailbox={a}@a.test\0'
             f'rcpt=list@a.test\0notify=SUCCESS,DELAY\0orcpt=rfc822;L@a.test')
         for a in ('bob', 'carol')]
got = notices(*lists, remote(0, 'ok@c.test', 'rcpt=list@a.test',
                             'notify=SUCCESS,DELAY'), klass='injected')
tap.same([fields(x)[2] for x in got],
         [[('rfc822; list@a.test', 'expanded', '2.1.5')]],
         'RFC 3461 5.2.7.3 c: an alias with three targets: one DSN, expanded')
tap.same(fields(got[0])[1][0]['Original-Recipient'], 'rfc822;L@a.test',
         'with its ORCPT')
tap.same((len(inbox('bob')), len(inbox('carol')),
          [x for x in send.parcels[-1]['to'][0] if 'notify' in x]),
         (1, 1, ['notify=DELAY']),
         'SUCCESS is taken from the targets, DELAY stays')
got = notices(rec('T', '0\0list@a.test\0notify=SUCCESS'))
tap.same([fields(x)[2] for x in got],
         [[('rfc822; list@a.test', 'expanded', '2.1.5')]],
         'the same where queue-put expands it')
tap.same([x for x in send.parcels[-1]['to'][0] if 'notify' in x],
         ['notify=NEVER'], 'without SUCCESS nothing is left: NEVER')
got = notices(*lists, local(1, 'bob', 'notify=SUCCESS'))
tap.same(sorted(y[1] for x in got for y in fields(x)[2]),
         ['delivered', 'expanded'], 'an alias beside a recipient of its own')
tap.same(notices(*lists, sender='', box='postmaster'), [],
         'of a message from <> nothing is told')
got = notices(rec('T', '0\0bob@a.test\0route=local\0mailbox=bob@a.test\0'
                  'rcpt=robert@a.test\0notify=SUCCESS'))
tap.same([fields(x)[2] for x in got],
         [[('rfc822; bob@a.test', 'delivered', '2.0.0')]],
         'RFC 3461 5.2.7.2: an alias with one target passes it on')
tap.same(run(['queue-put'], parcel(rec('T', '0\0list@a.test\0route=expanded')))
         [0][-1][:8], 'R p1 550', 'expanded is no word for others to say')

# Failure
got = notices(remote(0, 'bad@c.test'), remote(1, 'down@d.test'),
              local(2, 'bob', 'notify=SUCCESS'),
              remote(3, 'bad@e.test', 'notify=NEVER'),
              sender='alice@a.test\0RET=HDRS')
tap.same([fields(x)[2] for x in got],
         [[('rfc822; bad@c.test', 'failed', '5.1.1'),
           ('rfc822; bob@a.test', 'delivered', '2.0.0'),
           ('rfc822; down@d.test', 'failed', '5.4.4')]],
         'RFC 3461 5.2.8: one DSN for all, without whom it is not for')
by = {x['Final-Recipient'][8:]: x for x in fields(got[0])[1]}
tap.same((by['bad@c.test']['Remote-MTA'],
          by['bad@c.test']['Diagnostic-Code']),
         ('dns; mx.test', 'smtp; 550 5.1.1 No such user'),
         'RFC 3464 2.3.5, 2.3.6: who said what, in its words')
tap.same((by['down@d.test']['Remote-MTA'],
          by['down@d.test']['Diagnostic-Code']),
         (None, 'x-rohrpost; 550 5.4.4 mx.test: no address'),
         'what no host said is not said to be SMTP')
tap.same(got[0].get_payload()[2].get_content_type(), 'text/rfc822-headers',
         'RFC 3461 4.3: RET=HDRS')
words = got[0].get_payload()[0].get_payload()
tap.ok(0 <= words.find('<bad@c.test>:') < words.find('<bob@a.test>:') and
       'bad@e.test' not in words, 'and words for people', words)
body = b'From: s@b.test\r\nX: y\r\n\r\n' + b'--b\r\n\xc3\xa4 line.\r\n' * 5000
got = notices(remote(0, 'bad@c.test'), message=body,
              sender='alice@a.test\0RET=FULL\0BODY=8BITMIME')
part = got[0].get_payload()[2]
tap.same((part.get_content_type(), part.get_payload()[0].as_bytes()),
         ('message/rfc822', body.replace(b'\r\n', b'\n')),
         'RFC 3461 4.3: RET=FULL returns all of it')
got = notices(remote(0, 'bad@c.test'), sender='alice@a.test\0RET=FULL',
              message=body[:24] + b'x' * 76 + b'\r\n' * 700000)
tap.same(got[0].get_payload()[2].get_content_type(), 'text/rfc822-headers',
         'RFC 3461 6.2: but not of what is very long')
got = notices(remote(0, 'bad@c.test', 'orcpt=rfc822;+0D+0AAction:+20x+00'))
tap.same(fields(got[0])[1][0]['Original-Recipient'], 'rfc822;??Action: x?',
         'an ORCPT brings no line of its own')

# UTF-8
utf = 'r\u00fcdiger@c.test'
WORDS['r\u00fcdiger'] = WORDS['bad']
got = notices(remote(0, utf, 'orcpt=utf-8;r\\x{FC}diger@c.test'),
              sender='alice@a.test\0SMTPUTF8')
parts = got[0].get_payload()
tap.same([x.get_content_type() for x in parts],
         ['text/plain', 'message/global-delivery-status',
          'message/global-headers'], 'RFC 6533 4: SMTPUTF8: the global types')
tap.ok(f'Final-Recipient: utf-8; {utf}\n' in open(
    [f for f in os.popen(f'ls {T}/mail/a.test/alice/new/*').read().split()][0],
    encoding='utf-8').read(), 'RFC 6533 3: as it is')
got = notices(remote(0, utf, 'orcpt=rfc822;r+C3+BC'),
              sender='alice@a.test')
tap.same([x.get_content_type() for x in got[0].get_payload()],
         ['text/plain', 'message/delivery-status', 'text/rfc822-headers'],
         'RFC 6533 4: who did not say SMTPUTF8 may not get them')
m, (x,), _ = fields(got[0])
tap.same((x['Final-Recipient'], x['Original-Recipient']),
         ('utf-8; r\\x{FC}diger@c.test', 'utf-8;r\\x{FC}'),
         'RFC 6533 3: utf-8-addr-xtext')
tap.ok(inbox('alice')[0].split(b'Reporting-MTA')[1].split(b'--')[0].isascii(),
       'RFC 3464 2.1: a delivery status is 7bit')

# Loops
tap.same(notices(local(0, 'bob', 'notify=SUCCESS'), sender='',
                 box='postmaster'), [],
         'RFC 3461 6.1: no DSN of a DSN; a success is not the postmaster\'s')
got = notices(remote(0, 'bad@c.test'), sender='', box='postmaster')
tap.same([fields(x)[2] for x in got],
         [[('rfc822; bad@c.test', 'failed', '5.1.1')]],
         'a double bounce is, with -p')
got = notices(remote(0, 'bad@c.test', 'notify=SUCCESS,FAILURE'),
              sender='bad@x.test', box='postmaster')
tap.same(([q['from'][0] for q in send.parcels], len(got)),
         (['bad@x.test', ''], 1), 'a bounce that bounces is told once, to him')
got = notices(local(0, 'bob', 'notify=SUCCESS'), klass='received',
              after=[rec('V', 'junk')])
tap.same((got, len(inbox('bob', '.Junk'))), ([], 1),
         'junk: nobody is told, the sender is likely forged')

# Delay: what is slow waits until the last
stop(p)
WORDS['slow'] = '451 4.2.0 mx.test said: Later'
p = start('-w', '1', '-r', '1', '-m', '1')


def delays(*to, sender='alice@a.test', **kw):
    empty_mail()
    send.parcels.clear()
    run(['queue-put', '-c', 'submitted'], parcel(*to, sender=sender, **kw))
    wait(lambda: len(send.parcels) >= 5)
    got = [email.message_from_bytes(m) for m in inbox('alice')]
    WORDS['slow'] = '250 2.0.0 Ok'
    wait(lambda: not queued())
    WORDS['slow'] = '451 4.2.0 mx.test said: Later'
    return got


got = delays(remote(0, 'slow@c.test'), remote(1, 'slow@c.test'),
             remote(2, 'slow@c.test', 'notify=FAILURE'),
             sender='alice@a.test\0ENVID=e1')
tap.same(sum(([(x['Final-Recipient'], x['Action'], x['Status'])
              for x in fields(m)[1]] for m in got), []),
         [('rfc822; slow@c.test', 'delayed', '4.2.0')] * 2,
         'RFC 3464 2.3.3: delayed, once for each who has not said no DELAY')
x = fields(got[0])[1][0]
tap.ok(x['Will-Retry-Until'] and not x['Last-Attempt-Date'] and
       got[0]['Subject'] == 'Your message is delayed' and
       got[0]['Return-Path'] == '<>', 'RFC 3464 2.3.9: until when', x.items())
tap.ok('slow@c.test' in got[0].get_payload()[0].get_payload(),
       'and words for people')
tap.same([len(delays(remote(0, 'slow@c.test', f'notify={n}')))
          for n in ('SUCCESS', 'NEVER', 'DELAY')], [0, 0, 1],
         'RFC 3461 4.1: NOTIFY=DELAY')
tap.same(delays(remote(0, 'slow@c.test'), sender=''), [],
         'RFC 3461 6.1: none of a message from <>')
stop(p)

# -o: strangers, whose names may be forged, are told nothing
p = start('-o')
for klass, n in ('received', 0), ('submitted', 1):
    tap.same(len(notices(local(0, 'bob', 'notify=SUCCESS'), klass=klass)), n,
             f'-o: notices for the sender of what was {klass}')
stop(p)
p = start()

# Faults: the state is written before, and after
stop(p)
full = []
report = Sink('rep', lambda p: full.append(p) or
              [f'R {p["id"]} ' + ('452 4.3.1 No space left' if len(full) < 3
                                  else '250 2.0.0 Accepted')])
p = start('-B', f'{T}/run/rep')
run(['queue-put', '-c', 'submitted'], parcel(
    local(0, 'bob', 'notify=SUCCESS'), sender='alice@a.test'))
tap.ok(wait(lambda: not queued()), 'no room for a DSN: later')
tap.same(len(full), 3, 'until there is some; then it is sent once')
stop(p)

gate = []
report.answer = lambda p: gate.append(p)
p = start('-B', f'{T}/run/rep')
empty_mail()
run(['queue-put', '-c', 'submitted'], parcel(
    local(0, 'bob', 'notify=SUCCESS'), sender='alice@a.test'))
wait(lambda: gate)
stop(p, signal.SIGKILL)
report.answer = None
n = len(report.parcels)
p = start('-B', f'{T}/run/rep')
tap.ok(wait(lambda: not queued()), 'killed between a DSN and its record')
tap.same((len(report.parcels) - n, len(inbox('bob'))), (1, 1),
         'queue(5): it is sent a second time, the message is not')
stop(p)
tap.finish()
