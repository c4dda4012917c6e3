#!/usr/bin/python3
"""Dialogues with smtp-recv on port 25's terms."""
import re
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from recv import Client, Sink, clean, env, tables, wait

tables()
sink = Sink()


def client(*options, **e):
    return Client(['smtp-recv', '-y', '0', *options, '-o', sink.path], **e)


# greeting and EHLO
c = client()
tap.same(c.greeting, '220 mx.a.test ESMTP', 'RFC 5321 4.3.1: greeting')
tap.same(c.say('EHLO c.test').split('\n'),
         ['250-mx.a.test', '250-PIPELINING', '250-SIZE 33554432',
          '250-8BITMIME', '250-ENHANCEDSTATUSCODES', '250-CHUNKING',
          '250-DSN', '250-LIMITS RCPTMAX=1000', '250 SMTPUTF8'], 'RFC 5321 4.1.1.1: EHLO lists what there is')
for line, code, rule in [
        ('NOOP', '250', '4.1.1.9: NOOP'),
        ('NOOP anything', '250', '4.1.1.9: NOOP takes a word'),
        ('RSET', '250', '4.1.1.5: RSET'),
        ('VRFY alice', '252 2.5.2', '3.5.3: VRFY 252'),
        ('VRFY', '501', '4.1.1.6: VRFY needs a word'),
        ('EXPN list', '502', '4.2.4: EXPN is not implemented'),
        ('HELP', '214', '4.1.1.8: HELP'),
        ('RSET now', '501', '4.1.1.5: RSET takes no argument'),
        ('FOO', '500 5.5.1', '4.2.4: unknown command'),
        ('RCPT TO:<alice@a.test>', '503', '4.1.4: RCPT before MAIL'),
        ('DATA', '503', '4.1.4: DATA before MAIL'),
        ('MAIL FROM:<s@b.test', '501', '4.1.2: bracket missing'),
        ('MAIL TO:<s@b.test>', '501', '4.1.1.2: MAIL FROM'),
        ('MAIL FROM:<s@b.test> FOO=1', '555 5.5.4',
         '4.1.1.11: unknown parameter'),
        ('MAIL FROM:<s@b.test> SIZE=40000000', '552 5.3.4',
         'RFC 1870 6.1: SIZE= over the limit'),
        ('MAIL FROM:<s@b.test> SIZE=99999999999999999999999', '501',
         'RFC 1870: absurd SIZE='),
        ('MAIL FROM:<s@b.test> SIZE=1 SIZE=1', '501', 'a parameter twice'),
        ('MAIL FROM:<s@b.test> BODY=9BIT', '501', 'RFC 6152: BODY='),
        ('MAIL FROM:<\u00e9@b.test>', '553 5.6.7',
         'RFC 6531 3.3: UTF-8 needs SMTPUTF8'),
        ('QUIT', '221', '4.1.1.10: QUIT')]:
    got = c.say(line)
    tap.ok(got.startswith(code), f'RFC 5321 {rule}', got)
tap.same(c.reply(), '', 'the connection ends after QUIT')
c.close()

c = client()
tap.ok(c.say('MAIL FROM:<>').startswith('503'), 'RFC 5321 4.1.4: EHLO first')
tap.ok(c.say('HELO').startswith('501'), 'HELO needs a name')
tap.ok(c.say('helo c.test') == '250 mx.a.test', 'HELO; case is nothing')
tap.ok(c.say('MAIL FROM:<> SIZE=1').startswith('555'),
       'RFC 5321 2.2.1: parameters need EHLO')
tap.ok(c.say('mail from: <>').startswith('250'),
       'RFC 5321 4.5.5: null path; a blank before it is forgiven')
tap.ok(c.say('MAIL FROM:<>').startswith('503'), 'nested MAIL')
tap.ok(c.say('DATA').startswith('554'), 'RFC 5321 3.3: no valid recipients')
for rcpt, code, rule in [
        ('alice@a.test', '250 2.1.5', 'an account'),
        ('"alice"@A.TEST', '250', 'RFC 5321 2.4: quoting and case'),
        ('@x.test,@y.test:alice@a.test', '250', 'App. C: source route'),
        ('postmaster', '250', '4.5.1: postmaster without a domain'),
        ('PostMaster', '250', '4.5.1: in any case'),
        ('postmaster@a.test', '250', '4.5.1: with one'),
        ('list@a.test', '250', 'an alias with two targets'),
        ('nobody@a.test', '550 5.1.1', 'unknown recipients are refused'),
        ('alice', '501 5.1.3', 'a domain is needed'),
        ('x@c.test', '550 5.7.1', 'no relaying'),
        ('x%c.test@a.test', '550', 'no relaying by %'),
        ('alice@a.test@c.test', '501', 'two @'),
        ('around@a.test', '550', 'an alias loop')]:
    got = c.say(f'RCPT TO:<{rcpt}>')
    tap.ok(got.startswith(code), f'RCPT {rcpt}: {rule}', got)
tap.ok(c.say('RCPT TO:<alice@a.test> NOTIFY=NEVER').startswith('555'),
       'RFC 5321 2.2.1: parameters need EHLO')
tap.same(c.data('Subject: one\r\n\r\n..dot\r\n.\r\n'), '250 2.0.0 Taken',
         'DATA: the reply is the report')
p = sink.parcels[-1]
tap.same(p.message(), b'Subject: one\r\n\r\n.dot\r\n',
         'RFC 5321 4.5.2: one dot is taken away')
tap.same(p.all('F'), [b''], 'F: the null path')
tap.same(p.all('T')[0].split(b'\0'),
         [b'0', b'alice@a.test', b'route=local', b'mailbox=alice@a.test',
          b'rcpt=alice@a.test'], 'T: a routed recipient')
tap.same([t.split(b'\0')[:3] for t in p.all('T')[1:]],
         [[b'6', b'carol@b.test', b'route=remote']],
         'T: recipients that mean one mailbox get one copy')
f = p.facts()
tap.same([f['proto'], f['helo'], f['by']], ['SMTP', 'c.test', 'mx.a.test'],
         'P: facts')
tap.ok('id' in f and abs(int(f['time']) - __import__('time').time()) < 60,
       'P: id and time')
h = p.all('H')
tap.ok(len(h) == 1 and re.fullmatch(
    rb'Received: from c\.test\r\n\tby mx\.a\.test with SMTP\r\n\tid '
    + re.escape(p.id) + rb';\r\n\t\w{3}, \d\d? \w{3} \d{4} [\d:]{8} [-+]\d{4}'
    rb'\r\n', h[0]), 'RFC 5321 4.4: Received, no for with many', h)
for rcpt in ['list@a.test', 'postmaster']:
    c.say('MAIL FROM:<>')
    c.say(f'RCPT TO:<{rcpt}>')
    c.data('\r\nx\r\n.\r\n')
tap.same([t.split(b'\0')[:3] for t in sink.parcels[-2].all('T')],
         [[b'0', b'alice@a.test', b'route=local'],
          [b'0', b'carol@b.test', b'route=remote']],
         'T: the targets of an alias share its number')
tap.same(sink.parcels[-1].all('T')[0].split(b'\0')[-1], b'rcpt=postmaster',
         'T: rcpt is the address as it was given')
c.start(hello='EHLO')
c.say('DATA')
tap.same(c.say('.'), '250 2.0.0 Taken', 'an empty message')
tap.same(sink.parcels[-1].message(), b'', 'has no M')
tap.ok(b'with ESMTP\r\n\tid ' in sink.parcels[-1].all('H')[0] and
       b'\r\n\tfor <alice@a.test>;' in sink.parcels[-1].all('H')[0],
       'RFC 5321 4.4: for with one recipient; RFC 3848: ESMTP')
tap.same(sink.connections, 1, 'the way in stays open over transactions')
c.close()

# TCP facts by UCSPI, IPv6
c = client(PROTO='TCP6', TCP6REMOTEIP='2001:db8::7', TCP6REMOTEPORT='99',
           TCP6LOCALIP='::ffff:192.0.2.1', TCP6LOCALPORT='25',
           TCP6REMOTEHOST='host.c.test')
c.start()
c.data('\r\n.\r\n')
p = sink.parcels[-1]
f = p.facts()
tap.same([f[k] for k in ('ip', 'port', 'localip', 'localport', 'rdns')],
         ['2001:db8::7', '99', '192.0.2.1', '25', 'host.c.test'],
         'UCSPI facts; mapped addresses as IPv4')
tap.ok(b'from c.test (host.c.test [IPv6:2001:db8::7])' in p.all('H')[0],
       'RFC 5321 4.1.3: IPv6 literal in Received', p.all('H'))
c.close()
c = client()
c.says('EHLO we(ird;\u00e9', 'MAIL FROM:<>', 'RCPT TO:<alice@a.test>')
c.data('\r\n.\r\n')
tap.ok(sink.parcels[-1].all('H')[0].startswith(
    b'Received: from unknown (HELO we?ird;'),
    'a HELO that is no domain stands in a comment')
c.close()

# SMTPUTF8
c = client()
tap.same([r[:3] for r in c.says(
    'EHLO c.test', 'MAIL FROM:<\u00e9@b.test> size=99 SMTPUTF8 BODY=8BITMIME',
    'RCPT TO:<alice@a.test>')], ['250'] * 3, 'RFC 6531: MAIL SMTPUTF8')
c.data('\r\n.\r\n')
p = sink.parcels[-1]
tap.same(p.all('F'), ['\u00e9@b.test\0SIZE=99\0BODY=8BITMIME\0SMTPUTF8'.encode()],
         'F carries SIZE, BODY and SMTPUTF8')
tap.same(p.facts()['proto'], 'UTF8SMTP', 'RFC 6531 4.3: with UTF8SMTP')
c.close()

# DSN
c = client('-e', '1000')
c.say('EHLO c.test')
for params, code, rule in [
        ('RET=FULL', '250', '4.3: RET=FULL'), ('ret=hdrs', '250', '4.3: HDRS'),
        ('RET=ALL', '501', '4.3: no other'), ('RET', '501', '4.3: RET alone'),
        ('RET=FULL RET=HDRS', '501', '4.3: once'),
        ('ENVID=a+2Bb', '250', '4.4: ENVID'), ('ENVID=', '501', '4.4: empty'),
        ('ENVID=a+0Ab', '501', '4.4: no newline'),
        ('ENVID=a=b', '501', '4: no = in xtext'),
        ('ENVID=' + 'x' * 100, '250', '4.4: 100 bytes'),
        ('ENVID=' + 'x' * 101, '501', '4.4: and no more'),
        ('ENVID=a ENVID=b', '501', '4.4: once'),
        ('NOTIFY=NEVER', '555', '4.1: NOTIFY is for RCPT')]:
    got = c.say(f'MAIL FROM:<s@b.test> {params}')
    tap.ok(got.startswith(code), f'RFC 3461 {rule}', got)
    c.say('RSET')
c.say('MAIL FROM:<s@b.test> RET=HDRS ENVID=QQ31+2B')
for params, code, rule in [
        ('NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob@a.test', '250', '4: both'),
        ('NOTIFY=NEVER', '250', '4.1: NEVER'),
        ('NOTIFY=NEVER,DELAY', '501', '4.1: NEVER stands alone'),
        ('NOTIFY=SUCCESS,SUCCESS', '501', '4.1: a word twice'),
        ('NOTIFY=', '501', '4.1: empty'), ('NOTIFY=YES', '501', '4.1: no word'),
        ('NOTIFY=DELAY NOTIFY=DELAY', '501', '4.1: once'),
        ('ORCPT=a@b', '501', '4.2: no type'),
        ('ORCPT=rfc822;a+b', '501', '4.2: no xtext'),
        ('ORCPT=rfc822;' + 'x' * 493, '250', '4.2: 500 bytes'),
        ('ORCPT=rfc822;' + 'x' * 494, '501', '4.2: and no more'),
        ('ORCPT=utf-8;\\x{E9}@a.test', '250', 'RFC 6533 3: utf-8'),
        ('ORCPT=utf-8;\u00e9@a.test', '501', 'RFC 6533 3: needs SMTPUTF8'),
        ('ORCPT=rfc822;a ORCPT=rfc822;b', '501', '4.2: once'),
        ('RET=FULL', '555', '4.3: RET is for MAIL')]:
    got = c.say(f'RCPT TO:<u{len(params)}@a.test> {params}')
    tap.ok(got.startswith(code), f'RFC 3461 {rule}', got)
c.data('\r\n.\r\n')
p = sink.parcels[-1]
tap.same(p.all('F'), [b's@b.test\0RET=HDRS\0ENVID=QQ31+2B'], 'F: RET, ENVID')
tap.same([t.split(b'\0')[5:] for t in p.all('T')][:2],
         [[b'notify=SUCCESS,DELAY', b'orcpt=rfc822;Bob@a.test'],
          [b'notify=NEVER']], 'T: notify and orcpt')
c.says('MAIL FROM:<s@b.test> SMTPUTF8', 'RCPT TO:<list@a.test> NOTIFY=DELAY '
       'ORCPT=utf-8;\u00e9@a.test')
c.data('\r\n.\r\n')
tap.same([t.split(b'\0')[-2:] for t in sink.parcels[-1].all('T')],
         [[b'notify=DELAY', 'orcpt=utf-8;\u00e9@a.test'.encode()]] * 2,
         'RFC 3461 5.2.7: on every target of an alias')
c.close()

# forged results, completeness of the header watch
c = client()
c.start()
c.data('Authentication-Results: other.test; none\r\n'
       'AUTHENTICATION-results : (a (nested) comment)\r\n MX.a.TEST 1; spf=pass'
       '\r\nAuthentication-Results: "mx.a.test"; dkim=pass\r\n'
       'Authentication-Results: mx.a.test.evil.test; dkim=pass\r\n'
       'X: y\r\n\r\nAuthentication-Results: mx.a.test; no field\r\n.\r\n')
tap.same(sink.parcels[-1].all('E'), [b'Authentication-Results\x002',
                                     b'Authentication-Results\x003'],
         'RFC 8601 5: forged Authentication-Results are left out')
c.close()
c = client()
c.start()
got = c.data('Received: x\r\n' * 101 + '\r\n.\r\n')
tap.ok(got.startswith('554 5.4.6'), 'RFC 5321 6.3: mail loops', got)
c.start()
got = c.data('Received: x\r\n' * 100 + '\r\n.\r\n')
tap.ok(got.startswith('250'), 'a hundred Received are no loop', got)
c.start()
c.close()
c = client('-R', '2', '-H', '1000', '-L', '100')
c.start()
got = c.data('Received: x\r\n' * 3 + '\r\n.\r\n')
tap.ok(got.startswith('554 5.4.6'), '-R: fewer hops', got)
for text, code, rule in [
        ('A: %s\r\n' % ('x' * 50) * 19 + '\r\n', '552 5.3.4', '-H: header'),
        ('A: %s\r\n' % ('x' * 50) * 17 + '\r\n', '250', '-H: a smaller one'),
        ('\r\n' + 'x\r\n' * 1000, '250', '-H: the body is not meant'),
        ('\r\n' + 'x' * 100 + '\r\n', '250', '-L: a line of 100 bytes'),
        ('\r\n' + 'x' * 101 + '\r\n', '550 5.6.0', '-L: one of 101'),
        ('a: ' + 'x' * 98 + '\r\n', '550 5.6.0', '-L: in the header')]:
    c.start()
    got = c.data(text + '.\r\n')
    tap.ok(got.startswith(code), rule, got)
c.start()
c.send('BDAT 105\r\n', '\r\n' + 'x' * 103, 'BDAT 2 LAST\r\n', '\r\n')
got = c.reply(), c.reply()
tap.ok(got[0].startswith('550 5.6.0'), '-L: in BDAT, over chunks', got)
c.close()
c = client()
c.start()
tap.ok(c.data('\r\n' + 'x' * 3000000 + '\r\n.\r\n').startswith('250'),
       'RFC 5321 4.5.3.1: lines have no limit by default')
c.start()
got = c.data(('A: %s\r\n' % ('x' * 900)) * 1200 + '\r\n.\r\n')
tap.ok(got.startswith('552 5.3.4'), 'a header over 1 MiB', got)
c.start()
got = c.data('Authentication-Results: mx.a.test;\r\n' * 101 + '\r\n.\r\n')
tap.ok(got.startswith('550'), 'too many forged fields to list', got)
c.close()

# tables
c = client(ROHRPOST_TABLES='/nonexistent')
got = c.start()
tap.ok(got[2].startswith('451 4.3.0'), 'no table: 451, not unknown', got)
c.close()
c = client()
c.start()
tables({b'D': b'n.test', b'dn.test': b'', b'unew@n.test': b'/n\0'})
tap.ok(c.say('RCPT TO:<new@n.test>').startswith('250'),
       'a table that make replaced is seen by a living session')
tables()
c.close()

# limits
c = client('-r', '1000')
c.says('EHLO c.test', 'MAIL FROM:<>')
c.send(''.join(f'RCPT TO:<u{n}@a.test>\r\n' for n in range(1001)))
codes = [c.reply()[:9] for n in range(1001)]
tap.ok(codes[:1000] == ['250 2.1.5'] * 1000 and codes[1000] == '452 4.5.3',
       'RFC 5321 4.5.3.1.8: a thousand recipients, then 452')
tap.same(c.data('\r\n.\r\n'), '250 2.0.0 Taken', 'and they are taken')
tap.same(len(sink.parcels[-1].all('T')), 1000, 'all of them')
c.close()
c = client()
c.say('EHLO c.test')
tap.ok(c.say('NOOP ' + 'x' * 505).startswith('250'),
       'RFC 5321 4.5.3.1.4: a line of 512 bytes')
tap.ok(c.say('NOOP ' + 'x' * 506).startswith('500'), 'and none of 513')
tap.ok(c.say('NOOP ' + 'x' * 100000).startswith('500'), 'nor of 100000')
tap.ok(c.say('MAIL FROM:<s@b.test>' + ' ' * 1000 + 'SIZE=1')
       .startswith('250'), 'MAIL may be longer')
tap.ok(c.say('NOOP \0').startswith('500'), 'no NUL')
tap.ok(c.say('NOOP \x08').startswith('501'), 'no control characters')
c.send(b'NOOP\n')
tap.ok(c.reply().startswith('500'), 'RFC 5321 2.3.8: LF is no line end')
c.send(b'NOOP\rNOOP\r\n')
tap.ok(c.reply()[:3] in ('500', '501'), 'nor is CR')
c.close()
c = client('-e', '5')
got = [c.say('FOO')[:3] for n in range(5)]
tap.same((got, c.reply()[:9], c.reply()), (['500'] * 5, '421 4.7.0', ''),
         'too many errors: 421')
c.close()
c = client()
got = [c.say('NOOP')[:3] for n in range(100)]
tap.same((got, c.reply()[:9]), (['250'] * 100, '421 4.7.0'),
         'a hundred commands that bring no mail: 421')
c.close()
c = client()
c.start()
got = [c.say(f'RCPT TO:<n{n}@a.test>')[:3] for n in range(100)]
tap.same((got, c.reply()[:9]), (['550'] * 100, '421 4.7.0'),
         'a hundred unknown recipients: 421')
c.close()

# size while streaming
c = client('-n', '1000000')
c.start()
got = c.data(b'x' * 998 + b'\r\n' + (b'y' * 998 + b'\r\n') * 1000 + b'.\r\n')
tap.ok(got.startswith('552 5.3.4'), 'RFC 1870: too big while it streams', got)
n = len(sink.whole())
c.start()
tap.same(c.data('\r\n.\r\n'), '250 2.0.0 Taken', 'the next one is taken')
tap.same(len(sink.whole()), n + 1, 'and only that')
c.close()

# a client that leaves
n = len(sink.parcels)
c = client()
c.start()
c.say('DATA')
c.send(b'x' * 500000)
wait(lambda: len(sink.parcels) > n)
tap.same(c.close()[0], 0, 'a client that leaves inside DATA is no failure')
tap.ok(not sink.parcels[-1].whole, 'its parcel has no end')

# the manual says what the code does
page = open('smtp-recv/smtp-recv.8').read()
code = open('smtp-recv/smtp-recv.c').read()
for option, name in [('n', 'SIZE_DEFAULT'), ('r', 'RECIPIENTS'),
                     ('e', 'ERRORS'), ('t', 'COMMAND_S'), ('b', 'BLOCK_S'),
                     ('m', 'MESSAGE_S'), ('R', 'RECEIVED'),
                     ('H', 'HEADER')]:
    default = re.search(rf'#define {name} (.*)', code)[1].split(' /*')[0]
    default = eval(default.replace('UINT64_C', ''))
    said = re.search(rf'\.It Fl {option} Ar .*\n(?:.*\n)*?.*default (\d+)',
                     page)[1]
    tap.same(int(said), default, f'smtp-recv(8): default of -{option}')
serve = open('lib/serve.h').read()
for option, name in [('c', 'max'), ('C', 'maxip')]:
    default = re.search(rf'\.{name} = (\d+)', serve)[1]
    said = re.search(rf'\.It Fl {option} Ar .*\n(?:.*\n)*?.*default (\d+)',
                     page)[1]
    tap.same(said, default, f'smtp-recv(8): default of -{option}')

clean()
tap.finish()
