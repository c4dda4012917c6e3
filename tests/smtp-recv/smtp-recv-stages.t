#!/usr/bin/python3
"""smtp-recv -S: verdicts before DATA (parcel(5), ?), by a pool of a real filter
and maildir-put, and what becomes of an instance whose client changes its
mind."""
import glob
import os
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from dnsserver import Server
from recv import MAIL, T, Client, clean, listen, tables, wait

# A filter that judges as HELO, sender and recipients say: "STAGE-VERDICT".
FILTER = T + '/judge.py'
open(FILTER, 'w').write('''
import os, sys
sys.path[:0] = ['tests/smtp-recv']
import recv
os.rmdir(recv.T)
open(%r, 'a').write('started\\n')
REPLY = {b'reject': b'550 5.7.1 No', b'defer': b'451 4.7.1 Later',
         b'junk': b''}
out, waits, facts, late = b'', b'', False, b''


def put(kind, body):
    global out
    body = kind.encode() + body
    out += b'%%d:%%s,' %% (len(body), body)


def judge(stage, word, number=None):
    got = word.split(b'@')[0].split(b'-')
    if got[0] != stage or got[1] == b'accept':
        return
    v = got[1] + b'\\0' + REPLY[got[1]]
    put('V', v + (b'\\0' + number if number else b''))


for kind, body in recv.records(sys.stdin.buffer):
    if kind == 'P' and body.startswith(b'helo='):
        waits = body[5:]
    if kind not in 'IPV' and not facts:
        facts = True
        judge(b'connect', waits)
    if kind == 'I':
        facts = False
    put(kind, body)
    if kind == 'F':
        judge(b'sender', body.split(b'\\0')[0])
        late = body
    if kind == 'T':
        number, address = body.split(b'\\0')[:2]
        judge(b'rcpt', address, number)
        judge(b'all', address)
    if kind in '?.':
        os.write(1, out)
        out = b''
''' % (T + '/started'))

RCPTS = [f'{s}-{v}' for s in ('rcpt', 'all') for v in
         ('accept', 'junk', 'reject', 'defer')]
pairs = dict(MAIL)
for who in RCPTS + ['alice', 'bob']:
    pairs[f'u{who}@a.test'.encode()] = f'{T}/mail/{who}\0'.encode()
tables(pairs)
pool, path = listen('parcel-pool', '-n', '1', 'sh', '-c',
                    f'{sys.executable} {FILTER} | maildir-put')
ALL = 'connect,sender,rcpt'


def client(*options, **more):
    return Client(['smtp-recv', *options, '-o', path], **more)


def started():
    return len(open(T + '/started').read().split())


def mail(who):
    return len(glob.glob(f'{T}/mail/{who}/new/*')), len(
        glob.glob(f'{T}/mail/{who}/.Junk/new/*'))


def dialogue(c, pipelined, helo, sender, *rcpts):
    """Codes of MAIL, each RCPT, and DATA with its message."""
    commands = [f'MAIL FROM:<{sender}>'] + [f'RCPT TO:<{r}>' for r in rcpts]
    c.say(f'EHLO {helo}')
    if pipelined:
        c.send(''.join(x + '\r\n' for x in commands + ['DATA']))
        got = [c.reply()[:3] for _ in commands] + [c.reply()[:3]]
    else:
        got = [c.say(x)[:3] for x in commands + ['DATA']]
    if got[-1] == '354':
        c.send('Subject: x\r\n\r\nbody\r\n.\r\n')
        got[-1] = c.reply()[:3]
    return got


wait(lambda: os.path.exists(T + '/started'))
CODE = {'accept': '250', 'junk': '250', 'reject': '550', 'defer': '451'}
for pipelined in (False, True):
    for stages in (None, 'connect', 'sender', 'rcpt', ALL):
        for at_once in ([], ['-E']):
            options = (['-S', stages] if stages else []) + at_once
            asked = (stages or '').split(',')
            c = client(*options, '-e', '1000')
            for stage in ('connect', 'sender', 'rcpt', 'all'):
                for verdict, code in CODE.items():
                    helo = f'{stage}-{verdict}.test'
                    sender = f'{stage}-{verdict}@b.test'
                    rcpt = (f'{stage}-{verdict}@a.test' if stage in
                            ('rcpt', 'all') else 'alice@a.test')
                    helo = 'connect-' + verdict if stage == 'connect' else 'c'
                    if stage != 'sender':
                        sender = 's@b.test'
                    early = {'connect': 'connect' in asked or
                             'sender' in asked or 'rcpt' in asked,
                             'sender': 'sender' in asked or 'rcpt' in asked,
                             'rcpt': 'rcpt' in asked,
                             'all': 'rcpt' in asked}[stage]
                    at_mail = at_once and (
                        stage == 'connect' and asked[0] in ('connect',
                                                            'sender') or
                        stage == 'sender' and 'sender' in asked)
                    if code == '250':
                        want = ['250', '250', '250']
                    elif at_mail:
                        want = [code, '503', '503']
                    elif early:
                        want = ['250', code, '554']
                    else:
                        want = ['250', '250', code]
                    before = mail(rcpt.split('@')[0])
                    got = dialogue(c, pipelined, helo, sender, rcpt)
                    after = mail(rcpt.split('@')[0])
                    grown = (after[0] - before[0], after[1] - before[1])
                    stored = {'accept': (1, 0), 'junk': (0, 1)}
                    tap.ok(got == want and
                           grown == stored.get(verdict, (0, 0)),
                           f'{" ".join(options) or "no stages"}, '
                           f'{"pipelined" if pipelined else "in turn"}: '
                           f'{stage} {verdict}', got, want, grown)
                    c.say('RSET')
            c.close()

# several recipients: each has its own answer, and the others their mail
for pipelined in (False, True):
    c = client('-S', 'rcpt')
    was = {who: sum(mail(who)) for who in RCPTS + ['alice', 'bob']}
    got = dialogue(c, pipelined, 'c', 's@b.test', 'rcpt-reject@a.test',
                   'alice@a.test', 'rcpt-defer@a.test', 'nobody@a.test',
                   'bob@a.test')
    tap.same(got, ['250', '550', '250', '451', '550', '250', '250'],
             'parcel(5) ?: behind T it is about that recipient')
    tap.same([who for who in was if sum(mail(who)) > was[who]],
             ['alice', 'bob'], 'those who were refused get nothing')
    c.close()
c = client()
was = {who: sum(mail(who)) for who in RCPTS + ['alice', 'bob']}
for who, code in (('rcpt-defer', '451'), ('rcpt-reject', '550')):
    got = dialogue(c, False, 'c', 's@b.test', 'alice@a.test',
                   who + '@a.test', 'bob@a.test')
    tap.same(got, ['250', '250', '250', '250', code],
             'too late for RCPT, it is for all: nobody is lost in silence')
tap.same([who for who in was if sum(mail(who)) > was[who]], [],
         'and nobody gets it twice when it comes again')
c.close()
c = client('-l')
c.says('LHLO c', 'MAIL FROM:<>', 'RCPT TO:<rcpt-reject@a.test>',
       'RCPT TO:<bob@a.test>', 'DATA')
c.send('x\r\n.\r\n')
tap.same([c.reply()[:3], c.reply()[:3]], ['550', '250'],
         'RFC 2033 4.2: LMTP has an answer for each')
c.close()
c = client('-S', 'rcpt', '-l')
c.say('LHLO c')
c.says('MAIL FROM:<>', 'RCPT TO:<rcpt-reject@a.test>', 'RCPT TO:<bob@a.test>',
       'RCPT TO:<rcpt-defer@a.test>', 'RCPT TO:<alice@a.test>', 'DATA')
c.send('x\r\n.\r\n')
tap.same([c.reply()[:3], c.reply()[:3], c.say('NOOP')[:3]], ['250'] * 3,
         'RFC 2033 4.2: in LMTP a reply for each that was accepted')
c.close()
c = client('-S', 'rcpt')
got = dialogue(c, False, 'c', 's@b.test', 'alice@a.test', 'all-reject@a.test')
tap.same(got, ['250', '250', '550', '550'],
         'a verdict on all that comes with the second recipient')
c.close()

# a client that changes its mind costs no instance
n = started()
for leave in ('RSET', 'EHLO c', 'QUIT', None, 'MAIL'):
    for stages in ('connect', ALL):
        c = client('-S', stages)
        c.says('EHLO c', 'MAIL FROM:<s@b.test>', 'RCPT TO:<alice@a.test>',
               'RCPT TO:<rcpt-reject@a.test>')
        if leave == 'MAIL':
            tap.ok(c.say('MAIL FROM:<>').startswith('503'), 'nested MAIL')
        elif leave:
            c.say(leave)
        tap.same(c.close()[0], 0, f'{stages}: leaving by {leave}')
for text, why in ((b'a\nb\r\n.\r\n', 'bare LF'),
                  (b'Received: x\r\n' * 101 + b'\r\n.\r\n', 'a loop'),
                  (b'\r\n' + b'y' * 2000000 + b'\r\n.\r\n', 'too big')):
    c = client('-n', '1000000')
    c.start()
    tap.ok(c.data(text)[0] == '5', f'refused inside DATA: {why}')
    c.close()
c = client()
c.start()
c.say('DATA')
c.send(b'\r\n' + b'z' * 300000)
c.close()
c = client()
was = mail('alice')[0]
tap.same(dialogue(c, False, 'c', 's@b.test', 'alice@a.test')[-1], '250',
         'the pool still serves')
tap.same(mail('alice')[0], was + 1, 'and delivers, that one alone')
tap.same(started(), n, 'and no instance was lost')
c.close()

# the way in is away, or goes away
c = Client(['smtp-recv', '-S', ALL, '-o', '/nonexistent'])
tap.same([x[:9] for x in c.start()[1:]], ['250 2.1.0', '451 4.3.0'],
         'no way in: 451 at RCPT')
c.close()
c = Client(['smtp-recv', '-E', '-S', ALL, '-o', '/nonexistent'])
tap.same(c.start()[1][:9], '451 4.3.0', 'with -E at MAIL')
c.close()
c = Client(['smtp-recv', '-S', ALL, 'sh', '-c', 'exec head -c 9 >/dev/null'])
tap.same(c.start()[2][:9], '451 4.3.0', 'a sink that never answers and ends')
c.close()

# filters of ours, one of them in shell
dns = Server({'no.test': [('TXT', 'v=spf1 -all')],
              'yes.test': [('TXT', 'v=spf1 +all')], 'b.test': []})
real, path = listen('parcel-pool', '-n', '1', 'sh', '-c',
                    'spf-check -r fail=reject | parcel run sh -c '
                    '"! grep -q spam || exit 100" | maildir-put', **dns.env)
c = client('-S', 'sender', PROTO='TCP', TCPREMOTEIP='192.0.2.1')
c.say('EHLO c.test')
tap.same([x[:9] for x in c.says('MAIL FROM:<s@no.test>',
                                'RCPT TO:<alice@a.test>', 'RSET')],
         ['250 2.1.0', '550 5.7.2', '250 2.0.0'],
         'spf-check behind -S sender: refused before DATA')
c.says('MAIL FROM:<s@yes.test>', 'RCPT TO:<alice@a.test>')
tap.same(c.data('\r\nham\r\n.\r\n')[:3], '250', 'or taken')
c.says('MAIL FROM:<s@yes.test>', 'RCPT TO:<alice@a.test>')
tap.same(c.data('\r\nspam\r\n.\r\n')[:9], '550 5.7.1',
         'parcel run behind it judges the message')
c.close()
real.terminate()
real.wait()

page = open('smtp-recv/smtp-recv.8').read()
for option in ('S Ar stage', 'E', 'I', 'R Ar received', 'H Ar header',
               'L Ar line'):
    tap.ok(f'.It Fl {option}' in page, f'smtp-recv(8) has -{option[0]}')
pool.terminate()
pool.wait()
clean()
tap.finish()
