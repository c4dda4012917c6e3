#!/usr/bin/python3
"""The checks of a client, a sender and a recipient in one pipeline behind
smtp-recv -S, with maildir-put: what the client hears before DATA."""
import glob
import os
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv']
from dnsserver import Server
from recv import MAIL, T, Client, clean, listen, tables
from tap import finish, ok, same

BAD, GOOD, BARE = '198.51.100.9', '192.0.2.1', '192.0.2.9'
dns = Server({
    '2.0.0.127.bl.test': [('A', '127.0.0.2')],
    '9.100.51.198.bl.test': [('A', '127.0.0.2')], 'bl.test': [('TXT', 'x')],
    '1.2.0.192.in-addr.arpa': [('PTR', 'mail.b.test')],
    '9.100.51.198.in-addr.arpa': [('PTR', 'bad.test')],
    'mail.b.test': [('A', GOOD)], 'bad.test': [('A', BAD)],
    'b.test': [('MX', (1, 'mail.b.test'))], 'null.test': [('MX', (0, '.'))],
    'fail.test': ['SERVFAIL'], 'odd.test': [('A', '127.0.0.1')]})
pairs = dict(MAIL)
for who in ('alice', 'bob'):
    pairs[f'u{who}@a.test'.encode()] = f'{T}/mail/{who}\0'.encode()
tables(pairs)
os.mkdir(T + '/greylist')
pool, path = listen(
    'parcel-pool', '-n', '2', 'sh', '-c',
    'rdns-check -r permerror=defer | '
    'dnsbl-check -e -r 4 -z bl.test=4,ip4 | mx-check | '
    f'greylist-check -D {T}/greylist -d 0 | maildir-put', **dns.env)
waiting, slow = listen(
    'parcel-pool', '-n', '2', 'sh', '-c',
    f'greylist-check -D {T}/greylist -d 1000 -w 2000 | maildir-put', **dns.env)


def client(ip, stages='connect,sender,rcpt', to=path):
    c = Client(['smtp-recv', '-E', '-S', stages, '-o', to], PROTO='TCP',
               TCPREMOTEIP=ip)
    c.say('EHLO c.test')
    return c


def mails(who):
    return [open(f, encoding='utf-8').read() for f in
            glob.glob(f'{T}/mail/{who}/new/*') +
            glob.glob(f'{T}/mail/{who}/.Junk/new/*')]


try:
    c = client(BAD)
    same(c.say('MAIL FROM:<s@b.test>'), '550 5.7.1 198.51.100.9 is listed by '
         'bl.test (score 4)', 'dnsbl-check: refused at MAIL')
    c.close()
    c = client(BARE)
    same(c.say('MAIL FROM:<s@b.test>'), '451 4.7.25 192.0.2.9 has no name',
         'rdns-check: deferred at MAIL')
    c.close()
    c = client(GOOD)
    for sender, want in (('s@null.test', '550 5.7.27'),
                         ('s@fail.test', '451 4.4.3 '),
                         ('s@b.test', '250 2.1.0 ')):
        same(c.say(f'MAIL FROM:<{sender}>')[:10], want, f'mx-check: {sender}')
        c.say('RSET')
    c.says('MAIL FROM:<s@b.test>', 'RCPT TO:<alice@a.test>')
    same(c.data('Subject: x\r\n\r\nx\r\n.\r\n')[:3], '250', 'mail passes')
    got = mails('alice')
    c.says('MAIL FROM:<s@b.test>', 'RCPT TO:<alice@a.test>', 'RSET')
    ok(len(got) == 1 and 'iprev=pass policy.iprev=192.0.2.1 (mail.b.test)' in
       got[0], 'with the result of rdns-check', got)
    c.says('MAIL FROM:<s@odd.test>', 'RCPT TO:<alice@a.test>')
    same(c.data('Subject: junk\r\n\r\nx\r\n.\r\n')[:3], '250', 'odd.test: taken')
    ok(len(glob.glob(f'{T}/mail/alice/.Junk/new/*')) == 1, 'as junk')
    c.close()
    c = client(GOOD, 'rcpt', slow)
    c.say('MAIL FROM:<new@b.test>')
    same(c.says('RCPT TO:<alice@a.test>', 'RCPT TO:<bob@a.test>'),
         ['451 4.7.1 Greylisted: try again in 1000 seconds'] * 2,
         'greylist-check: each new recipient waits')
    c.say('RSET')
    c.say('MAIL FROM:<s@b.test>')
    same([x[:9] for x in c.says('RCPT TO:<alice@a.test>',
                                'RCPT TO:<bob@a.test>')],
         ['250 2.1.5', '451 4.7.1'], 'who has passed does not')
    same(c.data('Subject: two\r\n\r\nx\r\n.\r\n')[:3], '250', 'and gets it')
    same((sum('two' in m for m in mails('alice')), mails('bob')), (1, []),
         'alone')
    c.close()
    c = Client(['smtp-recv', '-o', slow], PROTO='TCP', TCPREMOTEIP=GOOD)
    c.says('EHLO c.test', 'MAIL FROM:<s@b.test>', 'RCPT TO:<alice@a.test>',
           'RCPT TO:<bob@a.test>')
    same(c.data('Subject: three\r\n\r\nx\r\n.\r\n')[:9], '451 4.7.1',
         'without -S one that waits holds both: nobody is lost')
    same(sum('three' in m for m in mails('alice')), 0, 'nor gets it twice')
    c.close()
finally:
    for p in (pool, waiting):
        p.terminate()
        p.wait()
    clean()
finish()
