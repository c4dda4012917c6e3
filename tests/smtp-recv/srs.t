#!/usr/bin/python3
"""Bounces to rewritten senders (SRS) at the door: the addresses are made here,
not by us, and each T says what becomes of them."""
import os
import shutil
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from recv import MAIL, T, TABLES, Auth, Client, Sink, clean, tables
from srs import srs0, srs1

OLD, NEW = 'an older secret of 24 bytes', 'a newer secret of 24 bytes'
SECRETS = TABLES + '/srs.cdb'
tables({**MAIL, b'dz.test': b'', b'afwd@a.test': b'far@c.test'})
subprocess.run(['cdb', '-c', SECRETS, '-'], check=True, input=''.join(
    f'+1,{len(s)}:s->{s}\n' for s in (NEW, OLD)).encode() + b'\n')
sink = Sink()


def bounce(rcpt, sender=''):
    """What RCPT is told, and the target's T without number and rcpt="""
    said = c.says('RSET', f'MAIL FROM:<{sender}>', f'RCPT TO:<{rcpt}>')[-1][:9]
    if said[0] == '2':
        c.data('Subject: x\r\n\r\nx\r\n.\r\n')
    t = sink.parcels[-1].all('T') if said[0] == '2' else [b'']
    return said, [x for x in t[0].decode().split('\0')[1:]
                  if not x.startswith('rcpt=')]


def refused(*rcpts, code='550 5.7.1'):
    return all(bounce(r) == (code, []) for r in rcpts)


c = Client(['smtp-recv', '-o', sink.path, '-e', '1000', '-y', '0'])
c.say('EHLO c.test')
back = ('250 2.1.5', ['s@b.test', 'route=remote', 'from='])
good = srs0(NEW, 's@b.test', 'a.test')
tap.same(bounce(good), back, 'a bounce goes to who sent it, from <>')
tap.same(bounce(srs0(OLD, 's@b.test', 'a.test')), back,
         'made with an older secret, too')
tap.same(bounce(srs0(NEW, 's@b.test', 'z.test')), back,
         'in another domain of ours')
tap.same(bounce(good, 'robot@d.test'), back,
         'whoever sends it: what goes on is from <>, so that it never comes back')
tap.same([bounce(x(srs0(NEW, 'S@b.test', 'a.test')))[1][0].lower()
          for x in (str.lower, str.upper, str.swapcase)], ['s@b.test'] * 3,
         'RFC 5321 2.4: local parts keep their case, but relays change it')
tap.same(bounce(f'"{good[:-7]}"@a.test'), back, 'RFC 5321 4.1.2: quoted')

head, rest = good[:14], good[14:]
tap.ok(refused(head + rest.replace('=s@', '=t@'), head + rest.replace(
    'b.test', 'c.test'), 'SRS0=aaaaaaaa=' + rest, 'SRS0=' + rest, 'SRS0=@a.test'
    .replace('@', 'x@'), 'SRS1' + good[4:], good.replace('=', '+', 1)
    .replace('SRS0', 'SRS1'), srs0('a secret of somebody else', 's@b.test',
                                   'a.test')),
       'another sender, domain, hash, kind or secret: forged')
tap.ok(refused(*(f'{head}{rest[:i]}{rest[i + 1:]}' for i in range(len(rest) - 7))),
       'nor with any byte left out')
tap.same([bounce(srs0(NEW, 's@b.test', 'a.test', n))[0] for n in (
    -2, -1, 20, 21, 22, 500)], ['550 5.7.1', *['250 2.1.5'] * 3,
                                *['550 5.7.1'] * 2],
         'good for 21 days, and of tomorrow by a clock that is wrong')
tap.ok(refused(srs0(NEW, 's@b.test', 'c.test')), 'of another domain: relaying')

# What others had rewritten
far = srs1(NEW, 'far.test', '=hhhh=tt=b.test=s', 'a.test')
tap.same(bounce(far)[1][0], 'SRS0=hhhh=tt=b.test=s@far.test',
         'SRS1 goes back to who rewrote it first')
tap.same(bounce(far.lower())[1][0], 'SRS0=hhhh=tt=b.test=s@far.test',
         'in lower case, too')
tap.ok(refused(far.replace('far.test', 'fax.test'),
               'SRS1=hhhh=a.test==' + good[5:]), 'forged')
twice = srs1(NEW, 'a.test', '=' + good[5:-7], 'z.test')
tap.same(bounce(twice), back, 'which was us: we rewrote it twice')
old = srs0(NEW, 's@b.test', 'a.test', 30)
tap.ok(refused(srs1(NEW, 'a.test', '=' + old[5:-7], 'a.test')),
       'the inner one may be too old')
tap.same(bounce(srs1(NEW, 'a.test', '=x', 'a.test'))[0], '550 5.7.1', 'or none')
loop = srs0(NEW, good, 'a.test')
tap.same(bounce(loop), ('550 5.1.1', []),
         'SRS0 of an SRS0 of ours, which we never make, is not followed')

# Senders of ours
tap.same(bounce(srs0(NEW, 'alice@a.test', 'a.test')),
         ('250 2.1.5', ['alice@a.test', 'route=local', 'mailbox=alice@a.test']),
         'a sender here gets it in the mailbox')
tap.same(bounce(srs0(NEW, 'fwd@a.test', 'a.test')),
         ('250 2.1.5', ['far@c.test', 'route=remote', 'from=']),
         'through an alias, from <>')
tap.same(bounce(srs0(NEW, 'nobody@a.test', 'a.test'))[0], '550 5.1.1',
         'one that is not there any more')

# Secrets that are not for this program to read
os.chmod(T, 0o755)
os.chmod(TABLES, 0o755)
os.chmod(SECRETS, 0)
drop = (['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups',
         '--bounding-set', '-all'] if os.geteuid() == 0 else [])
c.close()
os.chmod(sink.path, 0o777)
program = shutil.copy(shutil.which('smtp-recv'), T + '/smtp-recv')
c = Client([*drop, program, '-o', sink.path, '-y', '0'])
c.say('EHLO c.test')
tap.ok(refused(good, code='451 4.3.0'), 'port 25 cannot answer without them')
tap.same(bounce('alice@a.test')[0], '250 2.1.5', 'for others it can')
log = c.close()[1]
tap.ok(f'unable to look up <{good}>' in log, 'the log says so', log)
auth = Auth()
os.chmod(auth.path, 0o777)
c = Client([*drop, program, '-s', '-p', '-A', auth.path, '-o', sink.path,
            '-y', '0'])
c.says('EHLO c.test', 'AUTH PLAIN AGFsaWNlAHB3', 'MAIL FROM:<alice@a.test>')
tap.same([c.say(f'RCPT TO:<{x}')[:9] for x in
          (good + '> NOTIFY=DELAY', 'bob@a.test>', 'nobody@a.test>')],
         ['250 2.1.5', '250 2.1.5', '550 5.1.1'],
         'a submission leaves the answer to the queue')
c.data('From: alice@a.test\r\n\r\nx\r\n.\r\n')
tap.same(sink.parcels[-1].all('T')[0].decode().split('\0'),
         ['0', good, 'rcpt=' + good, 'notify=DELAY'], 'with a T without route')
c.close()
os.chmod(SECRETS, 0o600)
clean()
tap.finish()
