#!/usr/bin/python3
"""smtp-recv with those who are early, wrong, slow or too many; TLS first, and
the dialogue in the log."""
import base64
import os
import socket
import subprocess
import sys
import threading

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from recv import MAIL as TABLE
from recv import (T, Auth, Client, Sink, Tls, clean, env, listen,
                  listen_tcp, tables, wait)

tables()
sink, auth, tls = Sink(), Auth(), Tls()
SMTP = ['smtp-recv', '-o', sink.path]
LOGIN = [*SMTP, '-s', '-p', '-A', auth.path]


def b64(s):
    return base64.b64encode(s.encode()).decode()


PLAIN = b64('\0alice\0pw')

# Early talkers
c = Client([*SMTP, '-g', '60'], greet=False)
c.send('EHLO c.test\r\n')
tap.ok(c.reply().startswith('554 5.5.0') and c.reply() == '',
       'RFC 5321 3.1, 4.3.1: who does not wait for the greeting gets 554')
tap.ok('spoke first' in c.close()[1], 'and a line in the log')
c = Client([*SMTP, '-g', '1'])
tap.ok(c.greeting.startswith('220') and c.say('NOOP').startswith('250'),
       'who waits is served')
c.close()
c = Client([*SMTP], greet=False)
c.send('NOOP\r\n')
tap.same([c.reply()[:3], c.reply()[:3]], ['220', '250'],
         'without -g nobody has to wait')
c.close()

# Tarpit: replies come in order, and none is missing
c = Client([*SMTP, '-y', '1', '-e', '14'])
got = c.says(*['XYZ'] * 14)
tap.ok([x[:3] for x in got] == ['500'] * 14 and
       c.reply().startswith('421 4.7.0'), 'errors wait for their replies', got)
c = Client([*SMTP, '-e', '40'])
c.says(*['XYZ'] * 14)
c.send('XYZ\r\n')
c.s.close()
c.f.close()
tap.ok(c.p.wait(timeout=60) == 0, 'one that goes away meanwhile is not kept')
c.p.stderr.close()
with open('smtp-recv/smtp-recv.8') as f:
    manual = f.read()
with open('smtp-recv/smtp-recv.c') as f:
    source = f.read()
tap.ok('one more, at most for so long; default 5,' in manual and
       '#define TARPIT_S 5\n' in source, '-y: the manual\'s default')

# TLS first
c = Client([*SMTP, '-q', '-T', tls.path])
got = [x[:9] for x in c.says('EHLO c.test', 'MAIL FROM:<s@b.test>', 'NOOP',
                             'HELO c.test', 'AUTH PLAIN', 'RSET', 'XYZ',
                             'STARTTLS')]
tap.same([x[:3] for x in got],
         ['250', '530', '250', '530', '530', '530', '500', '220'],
         'RFC 3207 4: 530 to all but EHLO, NOOP, STARTTLS and QUIT')
tap.same(got[1], '530 5.7.0', 'and its code')
tap.same([x[:3] for x in c.start()], ['250'] * 3, 'behind STARTTLS all is as '
         'ever')
c.close()
c = Client([*SMTP, '-q', '-T', tls.path])
tap.same(c.say('QUIT')[:3], '221', 'QUIT is no command that needs it')
c.close()
r = subprocess.run([*SMTP, '-q'], env=env(), stdin=subprocess.DEVNULL,
                   capture_output=True)
tap.same(r.returncode, 100, '-q without any TLS: wrong usage')

# The dialogue in the log
SECRET = 'hunter2' * 3
c = Client([*LOGIN, '-v', '-y', '0'])
secrets = [b64(f'\0alice\0{SECRET}'), b64(SECRET), SECRET]
c.says('EHLO c.test', f'AUTH PLAIN {secrets[0]}', 'AUTH LOGIN', b64('bob'),
       secrets[1], f'AUTH {secrets[1]}', f'auth   {SECRET} x', SECRET,
       secrets[0], f'AUTHPLAIN {SECRET}', f' AUTH PLAIN {SECRET}')
c.send(f'AUTH PLAIN\r\n{secrets[0]}\r\n')
c.reply(), c.reply(), c.reply()
code, log = c.close()
tap.ok(not any(x in log for x in secrets) and SECRET[:8] not in log,
       'no secret is shown, wherever it was said', log)
tap.ok('C: EHLO c.test' in log and 'S: 535' in log and
       'C: AUTH PLAIN (' in log and 'C: (response, 28 bytes)' in log and
       'C: (no command, ' in log and 'S: 220 mx.a.test' in log,
       'the rest is', log)
c = Client([*LOGIN, '-v'])
c.says('EHLO c.test', f'AUTH PLAIN {PLAIN}', 'MAIL FROM:<alice@a.test>',
       'RCPT TO:<bob@a.test>')
c.data('From: alice@a.test\r\n\r\nprivate\r\n.\r\n')
c.says('MAIL FROM:<alice@a.test>', 'RCPT TO:<bob@a.test>')
c.send('BDAT 33 LAST\r\nFrom: alice@a.test\r\n\r\nprivate too')
c.reply()
code, log = c.close()
tap.ok('private' not in log and 'C: (message, 31 bytes)' in log and
       'C: (chunk, 33 bytes)' in log and 'C: MAIL FROM:<alice@a.test>' in log,
       'messages are counted only', log)
c = Client(LOGIN)
c.says('EHLO c.test', f'AUTH PLAIN {PLAIN}')
tap.ok('C: ' not in c.close()[1], 'nothing without -v')


# Slow clients: a byte now and then buys no time beyond the deadline
def drips(c, *lines, what=b'x'):
    """The lines, then a byte whenever it may, until the end: what the client
    is told. On a slow machine the end may come before the last line."""
    try:
        said = ''.join(c.says(*lines)).encode()
    except OSError:
        said = b''
    c.s.settimeout(0.1)
    for _ in range(600):
        try:
            c.s.sendall(what)
            got = c.s.recv(1000)
            if not got:
                break
            said += got
            if b'421 ' in said and said.endswith(b'\r\n'):
                break
        except TimeoutError:
            pass
        except OSError:
            break
    else:
        return None
    c.s.close()
    return said


def slow(name, args, *lines, drip=b'x'):
    c = Client([*args, '-t', '1', '-b', '1', '-m', '2', '-y', '0'])
    said = drips(c, *lines, what=drip)
    tap.ok(said and b'421 4.4.2' in said,
           f'drips in {name}: ended at its deadline', said)
    c.p.kill()
    c.p.communicate()


MAIL = ['EHLO c.test', 'MAIL FROM:<s@b.test>', 'RCPT TO:<bob@a.test>']
slow('a command line', SMTP)
slow('DATA', SMTP, *MAIL, 'DATA')
c = Client([*SMTP, '-t', '1', '-b', '1', '-m', '2'])
c.says(*MAIL)
c.send('BDAT 99999\r\n')
said = drips(c)
tap.ok(said and b'421 4.4.2' in said,
       'drips in BDAT: ended at its deadline', said)
c.p.kill()
c.p.communicate()
slow('AUTH', LOGIN, 'EHLO c.test', 'AUTH LOGIN')
slow('commands behind STARTTLS', [*SMTP, '-T', tls.path], 'EHLO c.test',
     'STARTTLS', 'NOOP')
tap.ok(not any(p.whole for p in sink.parcels if b'xxx' in p.message()),
       'and none of it is mail')


# How much mail
def send(c, *rcpts, sender='alice@a.test'):
    got = [c.say(f'MAIL FROM:<{sender}>')]
    if got[0].startswith('250'):
        got += [c.say(f'RCPT TO:<{r}>') for r in rcpts]
    c.say('RSET')
    return [x[:9] for x in got]


def login(*args):
    c = Client([*LOGIN, *args])
    c.says('EHLO c.test', f'AUTH PLAIN {PLAIN}')
    return c


FILE = T + '/quota'
c = login('-k', FILE, '-B', 'messages=3/86400')
got = [send(c, 'x@y.test') for _ in range(4)]
tap.same([x[0] for x in got], ['250 2.1.0'] * 3 + ['450 4.7.1'],
         'RFC 3463: 450 4.7.1 after so many messages')
c.close()
c = login('-k', FILE, '-B', 'messages=3/86400')
tap.same(send(c, 'x@y.test'), ['450 4.7.1'],
         'another process, as after a restart, knows')
c.close()
c = login('-B', 'recipients=3/86400')
tap.same(send(c, *['x@y.test'] * 4),
         ['250 2.1.0'] + ['250 2.1.5'] * 3 + ['452 4.5.3'],
         'recipients of an account')
c.close()
c = login('-k', T + '/first', '-B', 'first=2/86400')
tap.same(send(c, 'a@y.test', 'A@y.test', 'b@Y.test', 'c@y.test', 'a@y.test'),
         ['250 2.1.0'] + ['250 2.1.5'] * 3 + ['450 4.7.1', '250 2.1.5'],
         'new recipients of an account; known ones cost nothing')
c.close()
tables({**TABLE, b'ualice@a.test': b'/nowhere/alice\0quota=9\0'
        b'send-messages=2/86400\0send-recipients=0/1\0send-first=3/86400\0'})
c = login('-B', 'messages=1/86400,recipients=1/86400,first=1/86400')
tap.same(send(c, 'a@y.test', 'b@y.test', 'a@y.test', 'c@y.test', 'd@y.test'),
         ['250 2.1.0'] + ['250 2.1.5'] * 4 + ['450 4.7.1'],
         'accounts(5): recipients and new ones of this account')
tap.same([send(c, 'a@y.test')[0] for _ in range(2)],
         ['250 2.1.0', '450 4.7.1'], 'and its messages')
c.close()
tables()
c = login('-B', 'messages=1/86400')
tap.same([send(c, 'a@y.test')[0] for _ in range(2)],
         ['250 2.1.0', '450 4.7.1'], 'without: those of all')
c.close()
c = Client([*SMTP, '-B', 'from=2/86400'])
c.say('EHLO c.test')
got = [send(c, 'bob@a.test', sender=f'{n}@B.test')[0] for n in range(3)]
tap.same(got, ['250 2.1.0'] * 2 + ['451 4.7.1'], 'mail from a domain')
tap.same(send(c, 'bob@a.test', sender='s@c.test')[0], '250 2.1.0',
         'another domain')
tap.same(send(c, 'bob@a.test', sender='')[0], '250 2.1.0', 'and the empty one')
c.close()
c = Client([*SMTP, '-B', 'to=2/86400'])
c.say('EHLO c.test')
tap.same(send(c, 'bob@a.test', 'alice@a.test', 'bob@a.test', 'no@a.test'),
         ['250 2.1.0'] + ['250 2.1.5'] * 2 + ['451 4.7.1', '550 5.1.1'],
         'mail to a domain; what is refused anyway is not counted')
c.close()
c = Client([*SMTP, '-B', 'from=1/1'])
c.say('EHLO c.test')
got = [send(c, 'bob@a.test', sender='s@b.test')[0] for n in range(3)]
tap.same(got, ['250 2.1.0'] * 3, 'one that is a little too fast waits')
c.close()
p, port = listen_tcp(*LOGIN[:1], *LOGIN[1:], '-B', 'messages=10/86400')
good = []


def talk():
    k = Client(port=port)
    k.says('EHLO c.test', f'AUTH PLAIN {PLAIN}')
    good.extend(send(k, 'x@y.test')[0] == '250 2.1.0' for _ in range(4))
    k.close()


t = [threading.Thread(target=talk) for _ in range(5)]
[x.start() for x in t]
[x.join() for x in t]
tap.same(sum(good), 10, 'processes share an account\'s allowance to the last')
p.terminate()
p.wait(timeout=60)
text = manual[manual.index('.It Cm messages'):]
with open('smtp-recv/rates.h') as f:
    head = f.read().replace('\n', ' ')
for word, name in (('messages', 'MESSAGES'), ('recipients', 'RECIPIENTS'),
                   ('first', 'FIRST')):
    part = text[text.index('.It Cm ' + word):]
    n = part[part.index('default ') + 8:].split(';')[0].split(',')[0]
    tap.ok(f'RATES_{name} {n.split("/")[0]} ' in head and
           n.endswith('/86400'), f'{word}: the manual\'s default', n)
for args in (['-B', 'x=1/1'], ['-B', 'first=1'], ['-B', ''], ['-g', '61'],
             ['-y', 'x']):
    r = subprocess.run([*SMTP, *args], env=env(), stdin=subprocess.DEVNULL,
                       capture_output=True)
    tap.same(r.returncode, 100, f'{" ".join(args)}: wrong usage')
with open(T + '/other', 'w') as f:
    f.write('mine')
r = subprocess.run([*SMTP, '-k', T + '/other'], env=env(),
                   stdin=subprocess.DEVNULL, capture_output=True)
tap.same(r.returncode, 111, '-k of a file that is something else')
clean()
tap.finish()
