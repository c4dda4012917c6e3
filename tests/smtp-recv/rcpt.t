#!/usr/bin/python3
"""RCPT: what the tables and the sink can say of an address, one rule a case."""
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from recv import MAIL, T, TABLES, Client, Sink, clean, tables


def targets(n, base):
    return b'\0'.join(b'u%d@%s.test' % (i, base) for i in range(n))


tables({**MAIL, b'akept@a.test': b':keep-sender\0carol@b.test',
        b'aloop@a.test': b'loop2@a.test', b'aloop2@a.test': b'loop@a.test',
        b'amany@a.test': targets(1001, b'far'),
        **{b'al%d@a.test' % n: targets(1000, b'far%d' % n) for n in range(51)},
        b'ahalf@a.test': b'alice@a.test\0nobody@a.test',
        'uj\u00fcrg@a.test'.encode(): b'/nowhere/j\0'})
sink = Sink()


def client(*options):
    c = Client(['smtp-recv', '-o', sink.path, '-e', '1000', '-y', '0', *options])
    c.say('EHLO c.test')
    return c


def codes(c, *rcpts, sender='MAIL FROM:<s@b.test>'):
    """The codes of RCPTs in a new transaction"""
    c.says('RSET', sender)
    return [c.say(f'RCPT TO:<{r}>'.encode()
                  if isinstance(r, bytes) else f'RCPT TO:<{r}>')[:9].rstrip()
            for r in rcpts]


def finish(c):
    """The T records of the transaction, as lists of parts"""
    c.data('Subject: x\r\n\r\nx\r\n.\r\n')
    return [t.split(b'\0') for t in sink.parcels[-1].all('T')]


c = client()
for rcpt, want, name in (
        ('loop@a.test', '550 5.4.6', 'RFC 5321 6.3: aliases in a circle'),
        ('many@a.test', '550 5.5.3', 'an alias of 1001 targets'),
        ('l0@a.test', '250 2.1.5', 'one of 1000'),
        ('half@a.test', '250 2.1.5', 'one target of two is unknown'),
        ('nobody@a.test', '550 5.1.1', 'RFC 3463 3.2: an unknown one'),
        ('x@b.test', '550 5.7.1', 'RFC 5321 3.6: no relaying'),
        ('PostMaster', '250 2.1.5', 'RFC 5321 4.5.1: postmaster, any case'),
        ('abcdefghij', '501 5.1.3', 'as long as that, but without a domain'),
        ('j\u00fcrg@a.test', '553 5.6.7', 'RFC 6531 3.5: not without SMTPUTF8'),
        ('alice@b\u00fc.test', '553 5.6.7', 'nor the domain'),
        (b'\xff@a.test', '501 5.1.3', 'RFC 6531 3.3: no UTF-8'),
        ('a' * 300 + '@a.test', '501 5.1.3', 'RFC 5321 4.5.3.1.1: too long')):
    tap.same(codes(c, rcpt), [want], name)

tap.same(codes(c, 'j\u00fcrg@a.test',
               sender='MAIL FROM:<s@b.test> SMTPUTF8'), ['250 2.1.5'],
         'RFC 6531 3.4: with SMTPUTF8')
tap.same(finish(c)[0][1], 'j\u00fcrg@a.test'.encode(), 'as it was')

# What is refused leaves nothing behind
codes(c, 'loop@a.test', 'alice@a.test', 'nobody@a.test', 'bob@a.test',
      'alice@a.test')
tap.same([(t[0], t[1]) for t in finish(c)],
         [(b'0', b'alice@a.test'), (b'1', b'bob@a.test')],
         'parcel(5): numbers count the accepted; who is there twice gets one')
codes(c, 'half@a.test')
tap.same([t[1] for t in finish(c)], [b'alice@a.test'],
         'aliases(5): a target that is unknown is left out')
codes(c, 'kept@a.test')
tap.ok(b'from=s@b.test' in finish(c)[0],
       'aliases(5), keep-sender: the reverse-path stays')
codes(c, 'kept@a.test', sender='MAIL FROM:<>')
tap.ok(b'from=' in finish(c)[0], 'the null one, too')

# Two RCPT of one mailbox, and what each asks for (RFC 3461 4.1, 4.2)
for second, want, name in (
        ('', 2, 'NEVER, then nothing said: failures are to be told'),
        ('NOTIFY=NEVER', 1, 'NEVER twice: there is nothing to tell'),
        ('NOTIFY=SUCCESS', 2, 'NEVER, then SUCCESS: that is to be told'),
        ('NOTIFY=NEVER ORCPT=rfc822;x', 2, 'another original recipient')):
    c.says('RSET', 'MAIL FROM:<s@b.test>', 'RCPT TO:<alice@a.test> NOTIFY=NEVER',
           f'RCPT TO:<alice@a.test> {second}'.rstrip())
    ts = finish(c)
    tap.ok(len(ts) == want and [t[0] for t in ts] == [b'0', b'1'][:want] and
           all(t[1] == b'alice@a.test' for t in ts), f'two T? {name}', ts)
c.says('RSET', 'MAIL FROM:<s@b.test>',
       'RCPT TO:<PostMaster> NOTIFY=SUCCESS',
       'RCPT TO:<alice@a.test> NOTIFY=SUCCESS',
       'RCPT TO:<Alice@a.test> NOTIFY=SUCCESS')
tap.same([t[-2:] for t in finish(c)],
         [[b'rcpt=PostMaster', b'notify=SUCCESS'],
          [b'rcpt=alice@a.test', b'notify=SUCCESS'],
          [b'rcpt=Alice@a.test', b'notify=SUCCESS']],
         'two addresses of one mailbox: of each is told')
codes(c, 'PostMaster', 'alice@a.test', 'Alice@a.test')
tap.same(len(finish(c)), 1, 'where nobody asks, it is one')

# 50 000 T records are a parcel's most (parcel(5))
tap.same(codes(c, *(f'l{n}@a.test' for n in range(51))),
         ['250 2.1.5'] * 50 + ['452 4.5.3'],
         'RFC 5321 4.5.3.1.10: the target beyond 50 000 makes a 452')
tap.same(len(finish(c)), 50000, 'and the others get it')

# Rewritten senders
srs = 'SRS0=AAAA=AA=b.test=s@a.test'
tap.same(codes(c, srs), ['550 5.1.1'], 'without secrets no address is special')
subprocess.run(['cdb', '-c', TABLES + '/srs.cdb', '-'],
               input=b'+1,20:s->abcdefghijklmnopqrst\n\n', check=True)
tap.same(codes(c, srs, 'alice@a.test'), ['550 5.7.1', '250 2.1.5'],
         'aliases(5): a bounce to a forged sender is refused')
with open(TABLES + '/srs.cdb', 'wb') as f:
    f.write(b'x' * 100)
tap.same(codes(c, srs), ['451 4.3.0'], 'a table that is damaged: 451, not 550')
log = str(c.close()[1])
tap.ok('1 targets of <half@a.test> are unknown' in log,
       'an unknown target is logged')

# The sink is asked (-S)
c = client('-S', 'rcpt')
tap.same(codes(c, 'alice@a.test', 'ALICE@a.test'), ['250 2.1.5'] * 2,
         'the same one twice')
finish(c)
tap.same(len(sink.parcels[-1].all('?')), 1, 'is asked about once')
sink.settle = lambda p: b'354 what?'
tap.same(codes(c, 'alice@a.test'), ['451 what?'],
         'RFC 5321 4.2.1: no 3xx is an answer to RCPT')
sink.settle = lambda p: b'452 4.2.2 Full' if len(p.all('T')) > 1 else b'250 ok'
tap.same(codes(c, 'alice@a.test', 'bob@a.test'), ['250 2.1.5', '452 4.2.2'],
         'one is refused by the sink')
sink.settle = lambda p: None
tap.same(codes(c, 'alice@a.test'), ['451 4.3.0'], 'a sink that breaks off')
c.close()
for stage in 'connect', 'sender':
    sink.settle = lambda p: b'250 ok'
    c = client('-S', stage)
    c.start()
    sink.settle = lambda p: None
    tap.same((codes(c, 'alice@a.test'), c.say('DATA')[:3]),
             (['451 4.3.0'], '554'), f'-S {stage}: the same')
    sink.settle = lambda p: b'250 ok'
    tap.same(codes(c, 'alice@a.test'), ['250 2.1.5'],
             f'-S {stage}: and the next one is as good as any')
    c.close()
clean()
tap.finish()
