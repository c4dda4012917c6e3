#!/usr/bin/python3
"""smtp-send: many recipients, BDAT, loops, sources, and what is shown."""
import re
import socket
import sys
import time

sys.path[:0] = ['tests', 'tests/smtp-send']
from dnsserver import Server
from peer import CAPS, DROP, Peer, net, parcel
from sender import MESSAGE, QUICK, expect, send, to_peer
from tap import finish, ok, same

big = b'Subject: big\r\n\r\n' + b'.' + (b'x' * 70 + b'\r\n') * 10000


def recipients(peer):
    """How many the peer was told in each transaction"""
    counts = []
    for c in peer.connections:
        for line in c.lines:
            if line.startswith('MAIL'):
                counts.append(0)
            if line.startswith('RCPT'):
                counts[-1] += 1
    return counts


def messages(peer):
    return [m for c in peer.connections for m in c.messages]


# Too many recipients
many = [f'u{i}@b.test' for i in range(25)]
p = Peer({'caps': CAPS + ['LIMITS MAILMAX=50 RCPTMAX=10 X=1']})
r = to_peer(p, parcel(MESSAGE, to=many))
expect(r, 'RFC 9422 4.2: RCPTMAX', 'R x1 250')
same((recipients(p), len(p.connections), messages(p)),
     ([10, 10, 5], 1, [MESSAGE] * 3), 'three transactions, one connection')
p = Peer({'caps': CAPS + ['LIMITS RCPTMAX=0 MAILMAX=x RCPTMAX=-1']})
expect(to_peer(p, parcel(MESSAGE, to=many)), 'nonsense is no limit', 'R x1 250')
same(recipients(p), [25], 'all at once')


def after_ten(reply):
    def answer(peer, line):
        n = peer.counts.get('n', 0)
        if peer.lines[-2].startswith('MAIL'):
            n = 0
        peer.counts['n'] = n + 1
        return reply if n >= 10 else '250 2.1.5 ok'
    return answer


for reply in ('452 too many recipients', '452 4.5.3 too many',
              '552 too many', '552 5.5.3 too many'):
    for caps in (CAPS, CAPS[:1]):
        p = Peer({'RCPT': after_ten(reply), 'caps': caps})
        r = to_peer(p, parcel(MESSAGE, to=many))
        expect(r, f'RFC 5321 4.5.3.1.10: {reply}', 'R x1 250')
        same((recipients(p), messages(p)), ([25, 15, 5], [MESSAGE] * 3),
             'each got it once')
p = Peer({'RCPT': after_ten('452 4.5.3 too many')})
queued = net('P', 'queue=abc')
streamed = parcel(big, to=many).replace(net('P', 'id=trace1'),
                                        net('P', 'id=trace1') + queued)
r = to_peer(p, streamed)
expect(r, 'a message that would stream is kept then', 'R x1 250')
same(messages(p), [big] * 3, 'and sent three times, whole')
p = Peer({'RCPT': after_ten('452 4.3.1 no space')})
r = to_peer(p, parcel(MESSAGE, to=many))
same((recipients(p), [x.split(' ')[2] for x in r.reports[:-1]].count('452')),
     ([25], 15), 'another 452 is for the queue')
p = Peer({'RCPT': '452 4.5.3 too many'})
expect(to_peer(p, parcel(MESSAGE, to=many)),
       'a host that takes nobody is not asked again', 'R x1 452 4.5.3')
same(recipients(p), [25], 'one transaction')
p = Peer({'RCPT': after_ten('452 4.5.3 x'), 'DOT': ['250 ok', DROP]},
         {'GREETING': '421 no'})
r = to_peer(p, parcel(MESSAGE, to=many))
codes = [x.split(' ')[2] for x in r.reports[:-1]]
same((codes.count('250'), codes.count('451'), codes.count('421')), (10, 10, 5),
     'what fails later fails for those alone')

# Messages over one connection
p = Peer()
three = b''.join(parcel(MESSAGE, ident=f'x{i}') for i in range(3))
expect(to_peer(p, three, '-m', '2'), '-m', 'R x0 250', 'R x1 250', 'R x2 250')
same([len(c.messages) for c in p.connections], [2, 1], 'two, then one')
p = Peer({'caps': CAPS + ['LIMITS MAILMAX=1']})
to_peer(p, three)
same([len(c.messages) for c in p.connections], [1, 1, 1],
     'RFC 9422 4.1: MAILMAX')

# BDAT
CHUNKING = {'caps': CAPS + ['CHUNKING']}
p = Peer(CHUNKING)
r = to_peer(p, parcel(MESSAGE) + parcel(big, ident='x2') +
            parcel(b'a\nb\rc\r\n.\n.', ident='x3'))
expect(r, 'RFC 3030: by BDAT', 'R x1 250', 'R x2 250', 'R x3 250')
same(messages(p), [MESSAGE, big, b'a\r\nb\r\nc\r\n.\r\n.\r\n'],
     'dots are not doubled, line ends are CRLF')
ok('DATA' not in p.connections[0].lines, 'no DATA')
c = p.connections[0]
same(c.lines[3], f'BDAT {len(MESSAGE)} LAST', 'one chunk for a small one')
ok(max(c.sizes) < 70000 and len(c.sizes) > 10, 'chunks of a bounded size')
p = Peer({'caps': ['peer.test', 'CHUNKING']})
r = to_peer(p, parcel(big))
expect(r, 'without PIPELINING', 'R x1 250')
same(messages(p), [big], 'whole')
p = Peer({**CHUNKING, 'RCPT': '550 5.1.1 no'})
r = to_peer(p, parcel(MESSAGE) + parcel(MESSAGE, ident='x2'))
expect(r, 'no recipient, no BDAT', 'R x1 550 5.1.1', 'R x2 550 5.1.1')
ok(not any('BDAT' in x for x in p.connections[0].lines) and
   'RSET' in p.connections[0].lines, 'and RSET before the next')
p = Peer({**CHUNKING, 'BDAT': ['250 ok', '552 5.3.4 too big'],
          'DOT': '503 5.5.1 no'})
expect(to_peer(p, parcel(big)), 'a chunk that is refused', 'R x1 552 5.3.4')
p = Peer({**CHUNKING, 'BDAT': DROP})
expect(to_peer(p, parcel(big)), 'the peer goes away between chunks',
       'R x1 451 4.4.2')
p = Peer({**CHUNKING, 'DOT': '554 5.6.0 no'})
expect(to_peer(p, parcel(MESSAGE)), 'the last one is refused', 'R x1 554 5.6.0')
p = Peer(CHUNKING)
r = to_peer(p, parcel(big)[:-3])
same((r.code, messages(p)), (111, []),
     'a parcel that breaks off has no last chunk')

# Loops, families and sources
v4 = Peer(host='127.0.0.2')
port = v4.port
six = None
try:
    six = Peer(host='::1', port=port)
except OSError:
    pass
us = Peer({'EHLO': '250 me.test'}, host='127.0.0.4', port=port)
dns = Server({
    'behind.test': [('MX', (10, 'ME.test')), ('MX', (20, 'a.test'))],
    'before.test': [('MX', (10, 'a.test')), ('MX', (20, 'me.test')),
                    ('MX', (30, 'b.test'))],
    'equal.test': [('MX', (10, 'a.test')), ('MX', (10, 'me.test'))],
    'me.test': [('A', '127.0.0.2')], 'us.test': [('A', '127.0.0.4')],
    'a.test': [('A', '127.0.0.2')], 'b.test': [('A', '127.0.0.3')],
    'both.test': [('A', '127.0.0.2'), ('AAAA', '::1')],
    'dark.test': [('A', '127.0.0.2'), ('AAAA', '100::1')],
})


def mail(domain, *args, sender='a@a.test'):
    return send(parcel(MESSAGE, to=[f'b@{domain}'], sender=sender), '-p',
                str(port), *QUICK, *args, env=dns.env)


for d in ('behind', 'equal', 'me'):
    r = mail(d + '.test')
    expect(r, f'RFC 5321 5.1: we are a host of it ({d})', 'R x1 554 5.4.6')
before = len(v4.connections)
expect(mail('before.test'), 'one is preferred to us', 'R x1 250')
same(len(v4.connections), before + 1, 'it alone')
expect(mail('us.test'), 'a host that has our name', 'R x1 554 5.4.6')
r = send(parcel(MESSAGE, toparams=['via=127.0.0.4']), '-p', str(port),
         env=dns.env)
expect(r, 'but not where an admin has said via', 'R x1 250')

if six:
    expect(mail('both.test'), 'both families', 'R x1 250')
    same(len(six.connections), 1, 'RFC 8305: IPv6 first')
    expect(mail('both.test', '-4'), '-4', 'R x1 250')
    same(len(six.connections), 1, 'no IPv6')
else:
    for _ in range(4):
        ok(True, 'no IPv6 here # SKIP')
expect(mail('dark.test'), 'an IPv6 address that leads nowhere', 'R x1 250')

seen = []
v4.scripts = ({'GREETING': lambda c, _: seen.append(c.sock.getpeername()[0])
               or '220 peer.test'},)
names = lambda: v4.connections[-1].lines[0]
mail('a.test', '-b', '127.0.0.9', '-b', 'x.test=127.0.0.8', '-h', 'y.test',
     '-h', 'x.test=z.test')
same((seen, names()), (['127.0.0.9'], 'EHLO me.test'), '-b, and the first -h')
mail('a.test', '-b', '127.0.0.9', '-b', 'x.test=127.0.0.8', '-h',
     'x.test=z.test', sender='a@X.test')
same((seen[1:], names()), (['127.0.0.8'], 'EHLO z.test'),
     'of a sender domain its own')
r = send(parcel(MESSAGE, to=['b@a.test'], sender='a@x.test') +
         parcel(MESSAGE, to=['b@a.test'], ident='x2'), '-p', str(port),
         '-b', 'x.test=127.0.0.8', env=dns.env)
same(seen[2:], ['127.0.0.8', '127.0.0.1'],
     'another source is another connection')
for bad in (['-b', 'x'], ['-b', 'x.test='], ['-b', '=127.0.0.1'], ['-h', ''],
            ['-b', '127.0.0.1.1'], ['-m', 'x']):
    same(send(b'', *bad).code, 100, f'wrong: {bad}')

# What is told
p = Peer({'RCPT': '250 ok \x1b[2J\x07'})
r = to_peer(p, parcel(MESSAGE).replace(
    net('P', 'id=trace1'), net('P', f'time={int(time.time()) - 100}')), '-v')
ok('x1: C: MAIL FROM:<a@a.test>' in r.log and 'x1: S: 354 go on' in r.log and
   'x1: S: 250 ok ?[2J?' in r.log and 'hello' not in r.log,
   '-v: the dialogue without the message', r.log)
ok(re.search(r'queue=10\ds connect=\d+ms send=\d+ms: 250', r.log),
   'how long it waited, connected and sent', r.log)
ok('C: ' not in to_peer(Peer(), parcel(MESSAGE)).log, 'without -v nothing')
finish()
