#!/usr/bin/python3
"""STARTTLS, AUTH, submission, LMTP."""
import base64
import os
import socket
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from recv import Auth, Client, Sink, Tls, clean, env, tables

tables()
sink, auth, tls = Sink(), Auth(), Tls()


def client(*options, s=sink, **more):
    return Client(['smtp-recv', *options, '-o', s.path], **more)


def b64(s):
    return base64.b64encode(s.encode()).decode()


PLAIN = b64('\0alice\0pw')
WRONG = b64('\0alice\0no')

# STARTTLS
c = client('-T', tls.path, '-A', auth.path)
got = c.say('EHLO c.test')
tap.ok('STARTTLS' in got and 'AUTH' not in got,
       'RFC 3207: STARTTLS is offered, AUTH only behind it', got)
tap.ok('REQUIRETLS' not in got and
       c.say('MAIL FROM:<s@b.test> REQUIRETLS').startswith('555'),
       'RFC 8689 2: no REQUIRETLS in clear')
tap.ok(c.say(f'AUTH PLAIN {PLAIN}').startswith('538 5.7.11'),
       'RFC 4954 6: 538 without TLS')
c.say('MAIL FROM:<s@b.test>')
tap.ok(c.say('STARTTLS now').startswith('501'), 'RFC 3207 4: no parameters')
tap.ok(c.say('STARTTLS').startswith('220'), 'STARTTLS')
tap.ok(c.say('RCPT TO:<alice@a.test>').startswith('503'),
       'RFC 3207 4.2: the transaction is forgotten')
tap.ok(c.say('MAIL FROM:<>').startswith('503'), 'and so is EHLO')
got = c.say('EHLO c.test')
tap.ok('STARTTLS' not in got and '250-AUTH PLAIN LOGIN' in got,
       'RFC 3207 4.2: not offered twice; AUTH is now', got)
tap.ok(c.say('STARTTLS').startswith('503'), 'STARTTLS inside TLS')
tap.ok('250-REQUIRETLS' in got, 'RFC 8689 2: REQUIRETLS is offered inside TLS')
tap.same([x[:3] for x in c.says('MAIL FROM:<s@b.test> REQUIRETLS=1',
                                'MAIL FROM:<s@b.test> REQUIRETLS REQUIRETLS',
                                'MAIL FROM:<s@b.test> requiretls',
                                'RCPT TO:<alice@a.test>')],
         ['555', '501', '250', '250'], 'RFC 8689 2: it has no value')
c.data('\r\n.\r\n')
p = sink.parcels[-1]
tap.same(p.all('F'), [b's@b.test\0RET=HDRS\0REQUIRETLS'],
         'RFC 8689 4.1: the message is tagged; 5: as if RET=HDRS')
f = p.facts()
tap.same((f['proto'], f['tls'], f['cipher']),
         ('ESMTPS', 'TLSv1.2', 'TLS_NONE'), 'RFC 3848: ESMTPS')
tap.ok(b'with ESMTPS\r\n\t(TLSv1.2 TLS_NONE)' in p.all('H')[0],
       'Received names version and cipher', p.all('H'))
c.close()
c = client('-T', tls.path)
c.say('EHLO c.test')
c.send('STARTTLS\r\nMAIL FROM:<evil@b.test>\r\n')
got = c.reply(), c.reply()
tap.ok(got[0].startswith('421') and got[1] == '',
       'CVE-2011-0411: commands behind STARTTLS drop the connection', got)
c.close()
tls.good = False
c = client('-T', tls.path)
c.say('EHLO c.test')
c.say('STARTTLS')
tap.same(c.reply(), '', 'a failed handshake ends the session')
tap.ok('handshake' in c.close()[1], 'and is in the log')
tls.good = True
c = client('-T', '/nonexistent')
c.say('EHLO c.test')
c.say('STARTTLS')
tap.same(c.reply(), '', 'no tls-serve ends the session')
c.close()
c = client()
c.say('EHLO c.test')
tap.ok(c.say('STARTTLS').startswith('502'), 'no STARTTLS where none is set')
c.close()
c = client('-T', tls.path, '-i')
tap.ok(c.greeting.startswith('220') and 'STARTTLS' not in
       c.say('EHLO c.test'), 'RFC 8314 3: implicit TLS')
c.start()
c.data('\r\n.\r\n')
tap.same(sink.parcels[-1].facts()['proto'], 'ESMTPS', 'is TLS as well')
c.close()

c = client('-T', tls.path, '-s', '-A', auth.path, SSL_PROTOCOL='TLSv1.3')
got = c.say('EHLO c.test')
tap.ok('STARTTLS' not in got and 'AUTH' in got,
       'SSL_PROTOCOL: TLS that a launcher has begun', got)
c.close()

# UCSPI-TLS, with this test as the tool
control, theirs = socket.socketpair()
(r, to_server), (from_server, w) = os.pipe(), os.pipe()
mine, net = socket.socketpair()
p = subprocess.Popen(
    ['smtp-recv', 'sh', '-c', 'ls /proc/self/fd | wc -l >&2; exec parcel to "$0"',
     sink.path], stdin=net, stdout=net, stderr=subprocess.PIPE,
    pass_fds=[theirs.fileno(), r, w],
    env=env(SSLCTLFD=str(theirs.fileno()), SSLREADFD=str(r),
            SSLWRITEFD=str(w)))
for x in (theirs, net):
    x.close()
os.close(r)
os.close(w)
f = mine.makefile('rb')
f.readline()
mine.sendall(b'EHLO c.test\r\n')
got = b''
while b'250 ' not in got:
    got += f.readline()
tap.ok(b'250-STARTTLS' in got, 'UCSPI-TLS: STARTTLS is offered', got)
mine.sendall(b'STARTTLS\r\n')
tap.ok(f.readline().startswith(b'220'), 'and begun')
tap.same(control.recv(10), b'Y', 'by Y')
control.sendall(b'SSL_PROTOCOL=TLSv1.2\0SSL_CIPHER=X\0\0')
control.close()
f = os.fdopen(from_server, 'rb')
for line in (b'EHLO c.test', b'MAIL FROM:<>', b'RCPT TO:<alice@a.test>',
             b'DATA', b'.'):
    os.write(to_server, line + b'\r\n')
    while (got := f.readline())[3:4] == b'-':
        pass
tap.ok(got.startswith(b'250') and sink.parcels[-1].facts()['proto'] ==
       'ESMTPS', 'UCSPI-TLS: a message', got)
os.close(to_server)
log = p.communicate(timeout=60)[1].decode()
tap.ok(log.split('\n')[0].strip() == '4',
       'the pipeline has no descriptor of ours', log)

# AUTH
c = client('-s', '-T', tls.path, '-i', '-A', auth.path)
c.say('EHLO c.test')
tap.ok(c.say('MAIL FROM:<alice@a.test>').startswith('530 5.7.0'),
       'RFC 6409 4.3: submission needs AUTH')
for line, code, rule in [('AUTH', '501', 'no mechanism'),
                         ('AUTH CRAM-MD5', '504 5.5.4', 'unknown mechanism'),
                         ('AUTH PLAIN !!!', '501 5.5.2', 'not base64'),
                         ('AUTH PLAIN abc', '501 5.5.2', 'base64 cut short'),
                         ('AUTH PLAIN ' + 'a' * 12280, '500 5.5.2',
                          'a line over 12288 octets'),
                         (f'AUTH PLAIN {b64(chr(0) + "temp" + chr(0))}',
                          '454 4.7.0', 'temporary failure')]:
    got = c.say(line)
    tap.ok(got.startswith(code), f'RFC 4954 4: {rule}', got)
tap.same(c.says('AUTH PLAIN', '*')[1][:9], '501 5.7.0', 'RFC 4954 4: cancel')
tap.same([x[:9] for x in c.says('AUTH LOGIN', b64('alice'), '*')],
         ['334 VXNlc', '334 UGFzc', '501 5.7.0'], 'cancel in LOGIN')
tap.ok(c.says('AUTH PLAIN', 'x' * 12287)[1].startswith('500'),
       'a response over 12288 octets')
tap.ok(c.say('AUTH PLAIN ' + b64('\0alice\0' + 'x' * 8000))
       .startswith('535 5.7.8'), 'a long password is wrong, not an error')
tap.ok(c.say(f'auth plain {PLAIN}').startswith('235 2.7.0'),
       'PLAIN with initial response, in any case')
tap.ok(c.say(f'AUTH PLAIN {PLAIN}').startswith('503'), 'not twice')
r = auth.requests[-1]
tap.ok('service=smtp' in r and 'secured' in r, 'service and secured', r)
tap.same([x[:3] for x in c.says('MAIL FROM:<alice@a.test> AUTH=<>',
                                'RCPT TO:<x@far.test>', 'RCPT TO:<bob@a.test>',
                                'RCPT TO:<nobody@a.test>')],
         ['250', '250', '250', '550'], 'submission relays to any domain')
tap.ok(c.say('AUTH LOGIN').startswith('503'), 'RFC 4954 4: not inside MAIL')
tap.ok(c.data('From: alice@a.test\r\n\r\n.\r\n').startswith('250'),
       'and takes it')
p = sink.parcels[-1]
tap.same((p.facts()['proto'], p.facts()['user']),
         ('ESMTPSA', 'alice@a.test'), 'RFC 3848: ESMTPSA; P user')
tap.same(p.all('T')[0].split(b'\0'), [b'0', b'x@far.test', b'route=remote',
                                      b'rcpt=x@far.test'], 'T: remote')
tap.ok(any(h.startswith(b'Message-ID: <') for h in p.all('H')) and
       any(h.startswith(b'Date: ') for h in p.all('H')),
       'RFC 6409 8: Date and Message-ID are added', p.all('H'))
c.says('MAIL FROM:<alice@a.test>', 'RCPT TO:<bob@a.test>')
c.data('date: 1 Jan 2026 00:00 GMT\r\nMESSAGE-ID : <y>\r\nfrom: a@a.test\r\n'
       '\r\n.\r\n')
tap.same(len(sink.parcels[-1].all('H')), 1, 'and not if they are there')
tap.ok(sink.parcels[-1].all('H')[0].startswith(
    b'Received: by mx.a.test with ESMTPSA\r\n'),
    'Received says nothing of the client', sink.parcels[-1].all('H'))
c.close()


def submit(c, header, end='\r\nx\r\n.\r\n'):
    c.says('MAIL FROM:<alice@a.test>', 'RCPT TO:<bob@a.test>')
    return c.data(header + end)


c = client('-s', '-p', '-A', auth.path, '-e', '1000')
c.says('EHLO c.test', f'AUTH PLAIN {PLAIN}')
FROM = 'From: Alice <alice@a.test>\r\n'
for header, want, rule in [
        ('', '550 5.6.0 From is missing', '8: no From'),
        ('From:\r\n', '550 5.6.0 From is malformed', '8: an empty one'),
        ('From: nobody:;\r\n', '550 5.6.0 From names nobody', 'a group'),
        ('From: Alice\r\n', '550 5.6.0 From is malformed', '8: no address'),
        (FROM * 2, '550 5.6.0 A field', 'RFC 5322 3.6: two From'),
        ('From: a@a.test, b@a.test\r\n', '550 5.6.0 Several',
         'RFC 5322 3.6.2: two authors and no Sender'),
        ('From: a@a.test, b@a.test\r\nSender: c@a.test\r\n', '250',
         'RFC 5322 3.6.2: and one'),
        (FROM + 'Sender: a@a.test, b@a.test\r\n', '550 5.6.0 Sender',
         'RFC 5322 3.6.2: two senders'),
        (FROM + 'Date: yesterday\r\n', '550 5.6.0 Date', '8.1: bad Date'),
        (FROM + 'To: a b@c.test\r\n', '550 5.6.0 To', '8: bad To'),
        (FROM + 'To:\r\n', '550 5.6.0 To', 'RFC 5322 3.6.3: an empty To'),
        (FROM + 'To: undisclosed-recipients:;\r\n', '250', 'an empty group'),
        (FROM + 'Cc: <a@b\r\n', '550 5.6.0 Cc', '8: bad Cc'),
        (FROM + 'Reply-To: <>\r\n', '550 5.6.0 Reply-To', '8: bad Reply-To'),
        (FROM + 'Bcc: a b\r\n', '550 5.6.0 Bcc', '8: bad Bcc'),
        (FROM + 'Bcc:\r\n', '250', 'RFC 5322 3.6.3: Bcc may be empty'),
        (FROM + 'Subject: a\r\nsubject: b\r\n', '550 5.6.0 A field',
         'RFC 5322 3.6: two subjects'),
        (FROM + 'what is this\r\n', '550 5.6.0 A line', 'no field'),
        ('From: J\u00fcrgen <a@a.test>\r\n', '250', 'RFC 6532: UTF-8')]:
    got = submit(c, header)
    tap.ok(got.startswith(want), f'RFC 6409 {rule}', got)
got = submit(c, FROM[:-2], '\r\n.\r\n')
tap.ok(got.startswith('250'), 'a header without a body', got)
got = submit(c, 'Subject: x\r\n', '.\r\n')
tap.ok(got.startswith('550 5.6.0 From'), 'one without From', got)
submit(c, 'Bcc: eve@a.test\r\n' + FROM + 'BCC: x@a.test,\r\n y@a.test\r\n'
       'Resent-Bcc: z@a.test\r\nTo: b@a.test\r\n')
tap.same(sink.parcels[-1].all('E'), [b'Bcc\x001', b'Bcc\x002',
                                     b'Resent-Bcc\x001'],
         'RFC 5322 3.6.3, RFC 6409 8: Bcc is left out, wherever it stands')
c.close()
c = client('-s', '-T', tls.path, '-i', '-A', auth.path, '-M', '-I')
c.says('EHLO c.test', f'AUTH PLAIN {PLAIN}')
tap.ok(submit(c, 'To: a b\r\nBcc: c\r\n').startswith('250'),
       '-M: what is malformed is taken')
tap.same((sink.parcels[-1].all('E'),
          sink.parcels[-1].all('H')[0].startswith(b'Received: from c.test')),
         ([b'Bcc\x001'], True), 'without its Bcc; -I: the client is named')
c.close()
for steps, rule in [(['AUTH PLAIN', PLAIN], 'PLAIN without initial response'),
                    (['AUTH LOGIN', b64('alice'), b64('pw')], 'LOGIN'),
                    ([f'AUTH LOGIN {b64("alice")}', b64('pw')],
                     'LOGIN with initial response')]:
    c = client('-p', '-A', auth.path)
    c.say('EHLO c.test')
    got = c.says(*steps)
    tap.ok(all(x[:3] == '334' for x in got[:-1]) and got[-1][:3] == '235',
           f'AUTH {rule}, in clear with -p', got)
    c.close()
c = client('-s', '-p', '-A', auth.path)
c.say('EHLO c.test')
got = c.says(*[f'AUTH PLAIN {WRONG}'] * 3)
tap.same([x[:9] for x in got] + [c.reply()],
         ['535 5.7.8', '535 5.7.8', '421 4.7.0', ''], 'three failures: 421')
c.close()
c = client('-s', '-p', '-A', auth.path)
c.say('EHLO c.test')
got = c.says(f'AUTH PLAIN {WRONG}', f'AUTH PLAIN {b64(chr(0) + "eve" + chr(0))}')
tap.ok(got[0] == got[1] and got[0].startswith('535 5.7.8'),
       'RFC 4954 9: a wrong password and an unknown user look the same', got)
c.close()
c = client('-s', '-p', '-A', '/nonexistent')
c.say('EHLO c.test')
tap.ok(c.say(f'AUTH PLAIN {PLAIN}').startswith('454 4.7.0'), 'no auth-check')
c.close()
c = client()
c.say('EHLO c.test')
tap.ok(c.say(f'AUTH PLAIN {PLAIN}').startswith('502'), 'no AUTH where none is')
tap.ok(c.say('MAIL FROM:<> AUTH=<>').startswith('555'), 'and no AUTH=')
c.close()

# LMTP
c = client('-l')
tap.same(c.greeting, '220 mx.a.test LMTP', 'RFC 2033 4: greeting')
tap.ok(c.say('EHLO c.test').startswith('500') and
       c.say('HELO c.test').startswith('500'), 'RFC 2033 4.1: no EHLO, no HELO')
tap.ok('PIPELINING' in c.say('LHLO c.test'), 'LHLO')


def answer(p):
    return (b'T 1 550 5.2.2 Full\nT 2 250 2.1.5 First target\n'
            b'T 2 451 4.2.0 Second target\nT 9 550 None such\n'
            b'R %s 250 2.0.0 Taken\n' % p.id)


sink.answer = answer
c.says('MAIL FROM:<>', 'RCPT TO:<alice@a.test>', 'RCPT TO:<nobody@a.test>',
       'RCPT TO:<bob@a.test>', 'RCPT TO:<list@a.test>',
       'RCPT TO:<u1@a.test>')
c.say('DATA')
c.send('x\r\n.\r\n')
tap.same([c.reply() for _ in range(4)],
         ['250 2.0.0 Taken', '550 5.2.2 Full', '451 4.2.0 Second target',
          '250 2.0.0 Taken'], 'RFC 2033 4.2: a reply for each recipient')
tap.same(sink.parcels[-1].facts()['proto'], 'LMTP', 'RFC 3848: LMTP')
c.says('MAIL FROM:<>', 'RCPT TO:<alice@a.test>', 'RCPT TO:<bob@a.test>')
c.send('BDAT 4\r\na\n\r\nBDAT 0 LAST\r\n')
tap.same([c.reply()[:3] for _ in range(3)], ['550'] * 3,
         'RFC 2033 4.3: BDAT one reply, BDAT LAST one for each')
tap.ok(c.say('NOOP').startswith('250'), 'and no more')
c.close()

clean()
tap.finish()
