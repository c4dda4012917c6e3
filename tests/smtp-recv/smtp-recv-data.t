#!/usr/bin/python3
"""DATA and BDAT: framing, smuggling, streaming, and ways in that fail."""
import random
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from recv import Client, Sink, clean, tables, wait

tables()
sink = Sink()


def client(*options, s=sink):
    return Client(['smtp-recv', *options, '-o', s.path])


def last():
    return sink.parcels[-1]


# smuggling: what ends DATA elsewhere does not end it here
for name, end in [('LF.LF', b'\n.\n'), ('LF.CRLF', b'\n.\r\n'),
                  ('CRLF.LF', b'\r\n.\n'), ('CR.CR', b'\r.\r'),
                  ('CRLF.CR', b'\r\n.\r'), ('CR.CRLF', b'\r.\r\n'),
                  ('CRLF.CRCRLF', b'\r\n.\r\r\n'), ('CRLF.NULCRLF',
                                                   b'\r\n.\0\r\n'),
                  ('CRCRLF.CRLF then text', b'\r\r\n .\r\n'),
                  ('LFCR.LFCR', b'\n\r.\n\r')]:
    c = client()
    c.start()
    n = len(sink.whole())
    c.say('DATA')
    c.send(b'Subject: a' + end + b'MAIL FROM:<evil@b.test>\r\n'
           b'RCPT TO:<alice@a.test>\r\nDATA\r\nx\r\n.\r\n')
    got = c.reply()
    bare = b'\0' not in end
    tap.ok(got.startswith('550 5.6.0' if bare else '250'),
           f'RFC 5321 4.1.1.4: {name} does not end DATA', got)
    tap.same(len(sink.whole()) - n, 0 if bare else 1,
             f'{name}: {"nothing" if bare else "one message"} went on')
    tap.ok(c.say('NOOP').startswith('250'), f'{name}: one reply, not two')
    c.close()
for name, text in [('a bare CR at the end', b'x\r\r\n.\r\n'),
                   ('a bare LF first', b'\n\r\n.\r\n'),
                   ('a bare LF after 200000 bytes',
                    (b'y' * 98 + b'\r\n') * 2000 + b'\n\r\n.\r\n')]:
    c = client()
    c.start()
    tap.ok(c.data(text).startswith('550 5.6.0'), f'RFC 5321 2.3.8: {name}')
    c.start()
    tap.ok(c.data('\r\n.\r\n').startswith('250'), f'{name}: then a good one')
    c.close()
c = client()
for first in (b' ', b'\t', b' \r\nX: y', b' ; dkim=pass\r\nFrom: a@b.test'):
    c.start()
    tap.same(c.data(first + b'\r\n\r\n.\r\n'),
             '550 5.6.0 The message begins inside a field',
             f'RFC 5322 2.2.3: {first} would go on our Received field')
c.start()
tap.ok(c.data(b'X: y\r\n z\r\n\r\n w\r\n.\r\n').startswith('250'),
       'other folds and the body may begin so')
c.close()
whole = [p.message() for p in sink.whole()]
tap.ok(all(b'\n' not in m.replace(b'\r\n', b'') for m in whole),
       'no parcel with a bare LF was ever ended')

# every cut of the stream means the same
text = (b'..a\r\n.b\r\n\r\n...\r\n. \r\nx.\r\n.\tq\r\n')
want = (b'.a\r\nb\r\n\r\n..\r\n \r\nx.\r\n\tq\r\n')
c = client()
good = 0
for cut in range(len(text) + 4):
    c.start()
    c.say('DATA')
    whole = text + b'.\r\n'
    c.send(whole[:cut])
    c.send(whole[cut:])
    good += c.reply().startswith('250') and last().message() == want
tap.same(good, len(text) + 4, 'RFC 5321 4.5.2: wherever the stream is cut')
c.close()
rnd = random.Random(5)
c = client()
good = 0
for n in range(30):
    lines = [b'X: y']
    lines += [bytes(rnd.choice(b'.. aZ\xff\0') for _ in range(rnd.randrange(9)))
              for _ in range(rnd.randrange(3000))]
    c.start()
    c.say('DATA')
    c.send(b''.join((b'.' if x[:1] == b'.' else b'') + x + b'\r\n'
                    for x in lines) + b'.\r\n')
    good += (c.reply().startswith('250') and
             last().message() == b''.join(x + b'\r\n' for x in lines))
tap.same(good, 30, 'random messages come out as they went in')
c.close()

# pipelining
c = client()
c.send(b'EHLO c.test\r\nMAIL FROM:<s@b.test>\r\nRCPT TO:<alice@a.test>\r\n'
       b'RCPT TO:<nobody@a.test>\r\nDATA\r\n')
got = [c.reply()[:3] for _ in range(5)]
tap.same(got, ['250', '250', '250', '550', '354'], 'RFC 2920: a group')
c.send(b'one\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<bob@a.test>\r\nDATA\r\n')
tap.same([c.reply()[:3] for _ in range(4)], ['250', '250', '250', '354'],
         'RFC 2920 3.1: the next MAIL behind the dot')
c.send(b'two\r\n.\r\nQUIT\r\n')
tap.same([c.reply()[:3] for _ in range(2)], ['250', '221'], 'and QUIT')
tap.same([p.message() for p in sink.whole()[-2:]], [b'one\r\n', b'two\r\n'],
         'both came')
c.close()
c = client()
c.send(b'EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@a.test>\r\nDATA\r\n'
       b'QUIT\r\n')
tap.same([c.reply()[:3] for _ in range(5)],
         ['250', '250', '550', '554', '221'],
         'RFC 2920 3.1: DATA with no valid recipient')
c.close()

# BDAT
c = client()
c.start()
c.send(b'BDAT 7\r\nA: b\r\n\rBDAT 4 LAST\r\n\n.x\rBDAT 0 LAST\r\n')
got = [c.reply() for _ in range(3)]
tap.ok(got[0].startswith('250') and got[1].startswith('550 5.6.0'),
       'RFC 3030: a bare CR at the end of BDAT', got)
c.close()
c = client()
c.start()
c.send(b'BDAT 7\r\nA: b\r\n\rBDAT 7 LAST\r\n\n.x\r\n.\r')
c.send(b'BDAT 1 LAST\r\nxBDAT 0 LAST\r\n')
got = [c.reply() for _ in range(4)]
tap.ok(got[0].startswith('250') and got[1].startswith('550') and
       got[2].startswith('503') and got[3].startswith('503'),
       'RFC 3030 2: LAST ends it, the octets are always read', got)
c.start()
c.send(b'BDAT 6\r\n.\r\n..\rBDAT 1\r\n\nBDAT 0 LAST\r\n')
got = [c.reply() for _ in range(3)]
tap.ok(all(g.startswith('250') for g in got), 'BDAT 0 LAST', got)
tap.same(last().message(), b'.\r\n..\r\n', 'RFC 3030: dots mean nothing')
c.start()
c.send(b'BDAT 3 LAST\r\nabc')
c.reply()
tap.same(last().message(), b'abc\r\n', 'a last line without CRLF gets one')
c.start()
got = c.says('BDAT 0', 'DATA', 'RCPT TO:<bob@a.test>', 'RSET', 'BDAT 0 LAST')
tap.same([g[:3] for g in got], ['250', '503', '503', '250', '503'],
         'RFC 3030 2: no DATA and no RCPT behind BDAT; RSET ends it')
c.start()
n = len(sink.whole())
c.send(b'BDAT 3\r\na\nbBDAT 2 LAST\r\n\r\n')
got = [c.reply()[:9], c.reply()[:9]]
tap.same((got, len(sink.whole()) - n), (['550 5.6.0'] * 2, 0),
         'a bare LF in BDAT: all the rest is refused')
c.close()
c = client('-n', '1000')
c.start()
c.send(b'BDAT 900\r\n' + b'x' * 900 + b'BDAT 900 LAST\r\n' + b'y' * 900)
got = [c.reply()[:9], c.reply()[:9]]
tap.same(got, ['250 2.0.0', '552 5.3.4'], 'RFC 1870: the sum of the chunks')
c.start()
c.send(b'BDAT 900 LAST\r\n' + b'x' * 900)
tap.ok(c.reply().startswith('250'), 'then one that fits')
for line in ['BDAT', 'BDAT x', 'BDAT -1', 'BDAT 5 FIRST',
             'BDAT 99999999999999999999999']:
    d = client()
    d.start()
    got = d.say(line)
    tap.ok(got.startswith('421') and d.reply() == '',
           f'{line}: what follows cannot be told from commands', got)
    d.close()
c.close()

# streaming: memory does not grow
big = Sink('big', keep=False)
c = client('-n', '500000000', s=big)
c.start()
c.say('DATA')
c.send(b'\r\n')
block = (b'z' * 998 + b'\r\n') * 1000
for _ in range(60):
    c.send(block)
c.send(b'.\r\n')
tap.ok(c.reply().startswith('250'), 'sixty megabytes')
rss = [int(x.split()[1]) for x in open(f'/proc/{c.p.pid}/status')
       if x.startswith('VmHWM')][0]
san = b'asan' in open(f'/proc/{c.p.pid}/maps', 'rb').read()
tap.ok(rss < (100000 if san else 8000), 'in less than 8 MB of memory',
       f'{rss} kB')
c.close()

# ways in that fail
for name, answer in [('no report', lambda p: None),
                     ('the report of another',
                      lambda p: b'R other 250 2.0.0 Taken\n'),
                     ('two reports',
                      lambda p: b'R %s 250 2.0.0 Taken\n' % p.id * 2),
                     ('an answer nobody asked for',
                      lambda p: b'Q %s 250 Yes\nR %s 250 Yes\n'
                      % (p.id, p.id)),
                     ('a report that is none', lambda p: b'250 Ok\n'),
                     ('a long line', lambda p: b'R' * 70000),
                     ('a code that is none', lambda p: b'R %s 999 x\n' % p.id),
                     ('a provisional code', lambda p: b'R %s 354 x\n' % p.id)]:
    bad = [answer]
    s = Sink('bad ' + name, lambda p: (
        bad.pop() if bad else lambda q: b'R %s 250 2.0.0 Taken\n' % q.id)(p))
    c = client(s=s)
    c.start()
    tap.ok(c.data('x\r\n.\r\n').startswith('451 4.3.0'), f'{name}: 451')
    c.start()
    tap.same((c.data('x\r\n.\r\n'), s.connections),
             ('250 2.0.0 Taken', 1 if '354' in name or 'prov' in name else 2),
             f'{name}: the next goes another way')
    c.close()
for text, rule in [(b'550 5.7.1 No\n', 'a refusal'),
                   (b'451 4.3.0 Later\n', 'a delay')]:
    s = Sink('no' + rule[:4], lambda p: b'R %s %s' % (p.id, text))
    c = client(s=s)
    c.start()
    tap.same(c.data('x\r\n.\r\n').encode() + b'\n', text,
             f'{rule} of the sink is the reply')
    c.close()
s = Sink('early')
s.answer = lambda p: b''
c = client(s=s)
c.start()
wait(lambda: s.connections)
c.say('DATA')
c.send(block)
wait(lambda: s.parcels)
# the sink dies while the client still sends
s.break_off()
c.send(block, block, b'.\r\n')
tap.ok(c.reply().startswith('451 4.3.0'),
       'a broken pipe in DATA: the client is drained and told 451')
tap.ok(c.say('NOOP').startswith('250'), 'and the session goes on')
c.close()
c = Client(['smtp-recv', '-o', '/nonexistent/socket'])
tap.ok(c.start()[2].startswith('451 4.3.0'), 'no way in: 451 at RCPT')
c.close()

# one that broke when its facts had been judged: what is put into it later is
# more than waits in memory
s = Sink('gone')
c = client('-S', 'connect', s=s)
c.start()
s.break_off()
c.send(''.join(f'RCPT TO:<u{n}@a.test> ORCPT=rfc822;{"x" * 400}@b.test\r\n'
               for n in range(99)))
tap.same([c.reply()[:3] for _ in range(99)], ['250'] * 99, '99 recipients')
tap.ok(c.data('x\r\n.\r\n').startswith('451 4.3.0'),
       'a way in that broke before DATA: 451')
c.start()
tap.ok(c.data('x\r\n.\r\n').startswith('250'), 'and another one is opened')
c.close()

# a pipeline of its own
c = Client(['smtp-recv', 'sh', '-c',
            'parcel run sh -c "cat >/dev/null; exit 100" | parcel to "$0"',
            sink.path])
c.start()
n = len(sink.parcels)
tap.ok(c.data('x\r\n.\r\n').startswith('550'), 'a pipeline as way in')
tap.ok([v.split(b'\0')[0] for v in last().all('V')] == [b'reject'],
       'parcel run judged it, and the client is told')
c.close()
c = Client(['smtp-recv', 'sh', '-c', 'exit 0'])
c.start()
tap.ok(c.data('x\r\n.\r\n').startswith('451'), 'a pipeline that ends: 451')
c.close()

# deadlines
c = client('-t', '1')
tap.ok(c.reply().startswith('421 4.4.2'), 'a silent client: 421')
c.close()
c = client('-t', '1')
got = ''
try:
    for _ in range(200):
        c.send(b'N')
        __import__('select').select([c.s], [], [], 0.02)
    got = c.reply()
except OSError:
    got = c.reply()
tap.ok(got.startswith('421 4.4.2') or got == '',
       'a dripping client does not move its deadline', got)
c.close()
c = client('-b', '1')
c.start()
c.say('DATA')
tap.ok(c.reply().startswith('421 4.4.2'), 'silence inside DATA: 421')
c.close()
c = client('-m', '1')
c.start()
c.say('DATA')
try:
    for _ in range(300):
        c.send(b'x')
        if __import__('select').select([c.s], [], [], 0.02)[0]:
            break
except OSError:
    pass
tap.ok(c.reply().startswith('421 4.4.2'),
       'dripping inside DATA ends with the time for a message')
c.close()

# SIGTERM
c = client()
c.p.terminate()
tap.ok(c.reply().startswith('421 4.3.2') and c.close()[0] == 0,
       'SIGTERM: an idle session says 421 and leaves')
c = client()
c.start()
c.say('DATA')
c.send(b'x\r\n')
c.p.terminate()
c.send(b'y\r\n.\r\n')
tap.ok(c.reply().startswith('250') and c.reply().startswith('421 4.3.2') and
       last().message() == b'x\r\ny\r\n',
       'SIGTERM: a session inside DATA finishes first')
c.close()

clean()
tap.finish()
