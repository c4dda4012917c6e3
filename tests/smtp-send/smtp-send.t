#!/usr/bin/python3
"""smtp-send against scripted servers: RFC 5321, 2920, 1870, 6531."""
import re
import subprocess
import sys
import threading

sys.path[:0] = ['tests', 'tests/smtp-send']
from peer import ANSWERS, DROP, STALL, Peer, net, parcel
from sender import ENV, MESSAGE, QUICK, expect, send, to_peer
from tap import finish, ok, same

# The plain course
p = Peer()
r = to_peer(p, parcel(MESSAGE))
expect(r, 'one parcel, one report', 'R x1 250 2.0.0 127.0.0.1 said: queued as 1')
same(p.connections[0].lines,
     ['EHLO me.test', 'MAIL FROM:<a@a.test> SIZE=27', 'RCPT TO:<b@b.test>',
      'DATA', 'QUIT'], 'RFC 5321 3.3: the commands')
same(p.connections[0].messages, [MESSAGE], 'RFC 5321 4.5.2: dots come through')
same(r.log.count(' sent '), 1, 'one log line')

r = to_peer(p, parcel(MESSAGE) + parcel(MESSAGE, ident='x2'))
same(len(p.connections), 2, 'parcels of one destination share a connection')
expect(r, 'two reports', 'R x1 250', 'R x2 250')

p = Peer()
r = to_peer(p, parcel(b'a\nb\rc\r\n.\n.\r\r\nlast'))
same(p.connections[0].messages, [b'a\r\nb\r\nc\r\n.\r\n.\r\n\r\nlast\r\n'],
     'RFC 5321 2.3.8: a bare CR or LF becomes a line end')

p = Peer({'EHLO': '502 no'})
r = to_peer(p, parcel(MESSAGE))
same(p.connections[0].lines[:3],
     ['EHLO me.test', 'HELO me.test', 'MAIL FROM:<a@a.test>'],
     'RFC 5321 3.2: HELO after a refused EHLO, no parameters')
expect(r, 'delivered by HELO', 'R x1 250')


# Pipelining
def unpipelined(peer, line):
    peer.sock.setblocking(False)
    try:
        early.append(peer.sock.recv(1))
    except BlockingIOError:
        pass
    peer.sock.setblocking(True)
    return ANSWERS[line.split(' ')[0].upper()]


early = []
p = Peer({'caps': ['peer.test'], 'MAIL': unpipelined, 'RCPT': unpipelined})
r = to_peer(p, parcel(MESSAGE, to=['b@b.test', 'c@b.test']))
same(early, [], 'RFC 2920: nothing ahead of replies without PIPELINING')
many = [f'u{i}@b.test' for i in range(1000)]
p = Peer()
r = to_peer(p, parcel(MESSAGE, to=many))
same(len([x for x in p.connections[0].lines if x.startswith('RCPT')]), 1000,
     '1000 recipients, pipelined in windows')
expect(r, 'one report for all of them', 'R x1 250')

# Recipients that differ
p = Peer({'RCPT': ['250 ok', '550 5.1.1 no such user', '451 later']})
r = to_peer(p, parcel(MESSAGE, to=['a@b.test', 'b@b.test', 'c@b.test']))
expect(r, 'recipients that differ are reported each', 'T 0 250',
       'T 1 550 5.1.1 127.0.0.1 said: no such user',
       'T 2 451 4.0.0 127.0.0.1 said: later', 'R x1 250')
for answer in '354 go on', '503 5.5.1 no recipients':
    p = Peer({'RCPT': '550 5.1.1 no', 'DATA': answer})
    r = to_peer(p, parcel(MESSAGE) + parcel(MESSAGE, ident='x2'))
    expect(r, f'all refused, DATA answered {answer[:3]}', 'R x1 550 5.1.1',
           'R x2 550 5.1.1')
    same([m for m in p.connections[0].messages if m], [],
         'no message is sent to nobody (RFC 2920 3.1)')
    ok('RSET' in p.connections[0].lines, 'RSET before the next transaction')
p = Peer({'RCPT': '552 too many recipients'})
expect(to_peer(p, parcel(MESSAGE)),
       'RFC 5321 4.5.3.1.10: 552 to RCPT is 452', 'R x1 452 4.5.3')

# Refusals at every step
for verb in 'MAIL', 'RCPT', 'DATA', 'DOT':
    for code in 550, 450:
        p = Peer({verb: f'{code}-{code // 100}.7.0 first\r\n'
                        f'{code} {code // 100}.7.0 second'})
        expect(to_peer(p, parcel(MESSAGE)), f'{code} to {verb}',
               f'R x1 {code} {code // 100}.7.0 127.0.0.1 said: first second')
for verb in 'GREETING', 'EHLO':
    p = Peer({verb: '450 busy'})
    expect(to_peer(p, parcel(MESSAGE)), f'450 to {verb}', 'R x1 450 4.0.0')
for verb in 'GREETING', 'MAIL', 'RCPT', 'DATA', 'DOT':
    p = Peer({verb: '421 4.3.2 closing'})
    expect(to_peer(p, parcel(MESSAGE)), f'421 to {verb}', 'R x1 421 4.3.2')

# Peers that drop, stall, flood or talk nonsense
for verb in 'GREETING', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'DOT':
    expect(to_peer(Peer({verb: DROP}), parcel(MESSAGE)),
           f'connection lost at {verb}', 'R x1 451 4.4.2')
    r = send(parcel(MESSAGE), '-s', f'127.0.0.1:{Peer({verb: STALL}).port}',
             *QUICK)
    expect(r, f'RFC 5321 4.5.3.2: time-out at {verb}', 'R x1 451 4.4.2')
    for what, junk in (('lines', b'250-x\r\n' * 300000),
                       ('one line', b'250-' + b'x' * 1000000),
                       ('no reply', b'\0\xff\r\n'),
                       ('code 999', b'999 x\r\n'), ('code 123', b'123 x\r\n')):
        r = to_peer(Peer({verb: junk}), parcel(MESSAGE), *QUICK)
        expect(r, f'{verb} answered by junk: {what}', 'R x1 45')
r = send(parcel(MESSAGE), '-s', f"127.0.0.1:{Peer({'EHLO': STALL}).port}", '-T',
         'all=1')
expect(r, 'a limit for all of it', 'R x1 451 4.4.2')
p = Peer({'DATA': '250 ok'})
expect(to_peer(p, parcel(MESSAGE)), 'a 250 to DATA is not success',
       'R x1 451')


def early_reply(peer, line):
    peer.sock.sendall(b'354 go on\r\n')
    peer.file.read(100)
    return '552 5.3.4 too big'


p = Peer({'DATA': early_reply})
big = b'Subject: big\r\n\r\n' + (b'x' * 70 + b'\r\n') * 200000
r = send(parcel(big), '-s', f'127.0.0.1:{p.port}')
expect(r, 'a reply in the middle of the message is heard', 'R x1 552 5.3.4')

# Connections that are kept
p = Peer({'DOT': lambda c, _: (c.sock.sendall(b'250 ok\r\n'), DROP)[1]}, {})
r = to_peer(p, parcel(MESSAGE) + parcel(MESSAGE, ident='x2'))
expect(r, 'one that died between parcels is reopened, at no cost',
       'R x1 250', 'R x2 250')
same(len(p.connections), 2, 'by a second connection')
p = Peer({'MAIL': ['250 ok', '421 4.3.2 enough']}, {})
r = to_peer(p, parcel(MESSAGE) + parcel(MESSAGE, ident='x2'))
expect(r, 'a 421 to a kept connection costs nothing', 'R x1 250', 'R x2 250')

p = Peer()
child = subprocess.Popen(
    ['smtp-send', '-L', 'tls=none', '-t', '', '-i', '1', '-s', f'127.0.0.1:{p.port}'],
    stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, env=ENV)
child.stdin.write(parcel(MESSAGE))
child.stdin.flush()
ok(child.stdout.readline().startswith(b'R x1 250'), 'first parcel')
p.wait()
same(p.connections[0].lines[-1], 'QUIT', 'an idle connection is given up')
child.stdin.write(parcel(MESSAGE, ident='x2'))
child.stdin.close()
ok(child.stdout.readline().startswith(b'R x2 250'), 'and opened again')
same(child.wait(), 0, 'end of input: exit 0')
child.stdout.close()

# What the message needs
p = Peer({'caps': ['peer.test', 'SIZE 10']})
expect(to_peer(p, parcel(MESSAGE)), 'RFC 1870 6.3: too big for the peer',
       'R x1 552 5.3.4')
p = Peer()
to_peer(p, parcel(MESSAGE, params=['BODY=8BITMIME', 'RET=HDRS', 'ENVID=e1'],
                  toparams=['notify=NEVER', 'orcpt=rfc822;o@o.test']))
same(p.connections[0].lines[1:3],
     ['MAIL FROM:<a@a.test> SIZE=27 BODY=8BITMIME RET=HDRS ENVID=e1',
      'RCPT TO:<b@b.test> NOTIFY=NEVER ORCPT=rfc822;o@o.test'],
     'RFC 6152, 3461: parameters where the peer knows them')
p = Peer({'caps': ['peer.test', 'PIPELINING']})
r = to_peer(p, parcel(MESSAGE, params=['SMTPUTF8', 'BODY=8BITMIME']))
same(p.connections[0].lines[1], 'MAIL FROM:<a@a.test>', 'and not elsewhere')
expect(r, 'RFC 6531 3.4: SMTPUTF8 that is not needed is no obstacle',
       'R x1 250')
for name, data in (
        ('recipient', parcel(MESSAGE, to=['bü@b.test'], params=['SMTPUTF8'])),
        ('sender', parcel(MESSAGE, sender='ü@a.test', params=['SMTPUTF8'])),
        ('header', parcel('Subject: ü\r\n\r\nx\r\n'.encode(),
                          params=['SMTPUTF8']))):
    p = Peer({'caps': ['peer.test']})
    expect(to_peer(p, data), f'RFC 6531 3.5: 5.6.7 for the {name}',
           'R x1 550 5.6.7')
    p = Peer()
    expect(to_peer(p, data), f'with SMTPUTF8 the {name} goes', 'R x1 250')
    ok('SMTPUTF8' in p.connections[0].lines[1], 'and MAIL says so')
p = Peer({'caps': ['peer.test']})
to_peer(p, parcel(MESSAGE, to=['b@bücher.test']))
same(p.connections[0].lines[2], 'RCPT TO:<b@xn--bcher-kva.test>',
     'RFC 5891: an IDN behind an ASCII local part goes as A-labels')
p = Peer()
r = to_peer(p, parcel(MESSAGE, to=['b@b.test>\r\nRSET', 'c@b.test'],
                      params=['RET=FULL\r\nRSET']))
expect(r, 'an address cannot bring commands', 'T 0 553 5.1.3', 'T 1 250',
       'R x1 250')
ok(not any('RSET' in x for x in p.connections[0].lines), 'nor a parameter')

p = Peer()
to_peer(p, parcel(MESSAGE, toparams=['from=srs@a.test']))
same(p.connections[0].lines[1], 'MAIL FROM:<srs@a.test> SIZE=27',
     'a recipient may have a reverse-path of its own')

# Composition
p = Peer()
r = to_peer(p, parcel(b'A: 1\r\nB: 2\r\n\r\nx\r\n', before=net('H', 'R: 1\r\n'),
                      after=net('H', 'R: 2\r\n') + net('E', 'b', '1')
                      + net('A', 'spf=pass')))
same(p.connections[0].messages,
     [b'Authentication-Results: me.test;\r\n\tspf=pass\r\n'
      b'R: 2\r\nR: 1\r\nA: 1\r\n\r\nx\r\n'], 'H, E and A are carried out')
p = Peer()
r = to_peer(p, parcel(big, after=net('H', 'Late: 1\r\n')))
ok(p.connections[0].messages == [b'Late: 1\r\n' + big],
   'a long message by hand waits for its H', r.reports, r.log)
for name, cut in (('short', parcel(MESSAGE)[:-4]),
                  ('queued and long',
                   parcel(big)[:-4].replace(b'10:Pid=trace1', b'8:Pqueue=7'))):
    p = Peer()
    r = to_peer(p, cut)
    ok(r.code == 111 and not r.reports and not
       (p.connections and p.connections[0].messages),
       f'a broken parcel, {name}: no dot, no report, exit 111', r.reports, r.log)
p = Peer()
r = to_peer(p, parcel(big).replace(b'10:Pid=trace1', b'8:Pqueue=7'))
ok(p.connections[0].messages == [big], 'a long queued message streams')
expect(r, 'and is reported', 'R x1 250')

# Verdicts
for verdict, want in (((b'reject', b'550 5.7.23 SPF fail'), '550 5.7.23 SPF'),
                      ((b'defer', b'451 4.7.1 later'), '451 4.7.1 later'),
                      ((b'junk', b''), '550 5.7.1')):
    p = Peer()
    r = to_peer(p, parcel(MESSAGE, after=net('V', *verdict)))
    expect(r, f'verdict {verdict[0].decode()}', f'R x1 {want}')
    same(len(p.connections), 0, 'nobody is troubled')
p = Peer()
r = to_peer(p, parcel(MESSAGE, to=['a@b.test', 'b@b.test'],
                      after=net('V', 'reject', '550 5.7.1 not you', '1')))
expect(r, 'a verdict for one recipient', 'T 0 250', 'T 1 550 5.7.1 not you',
       'R x1 250')
r = send(net('I', 'x') + net('F', 'a@a.test') + net('?') + net('T', '0', 'b@b')
         + net('?') + net('V', 'reject', '550 5.0.0 x') + net('.'))
expect(r, 'questions are answered', 'Q x 250', 'Q x 250', 'R x 550')
r = send(net('I', 'x') + net('F', 'a@a.test') + net('M', 'x') + net('.'))
expect(r, 'no recipients', 'R x 554')

# SIGTERM
told = threading.Event()


def terminate(peer, line):
    child.terminate()
    told.wait(60)
    return '250 ok'


p = Peer({'DOT': terminate})
child = subprocess.Popen(
    ['smtp-send', '-L', 'tls=none', '-t', '', '-s', f'127.0.0.1:{p.port}'], stdin=-1, stdout=-1,
    stderr=subprocess.DEVNULL, env=ENV)
child.stdin.write(parcel(MESSAGE))
child.stdin.flush()
threading.Timer(0.3, told.set).start()  # the signal is not answered at once
ok(child.stdout.readline().startswith(b'R x1 250'),
   'SIGTERM: the parcel under way is finished and reported')
same(child.wait(60), 0, 'then exit 0')
child.stdin.close()
child.stdout.close()

# Delivered-To (RFC 5321 6.3): of the alias by which a recipient came here
p = Peer()
r = to_peer(p, parcel(MESSAGE, toparams=['rcpt=list@a.test']) +
            parcel(MESSAGE, ident='x2', toparams=['rcpt=B@b.test']) +
            parcel(MESSAGE, ident='x3'))
same(p.connections[0].messages,
     [b'Delivered-To: list@a.test\r\n' + MESSAGE, MESSAGE, MESSAGE],
     'an alias is named, and nothing else')
same(p.connections[0].lines[1],
     f'MAIL FROM:<a@a.test> SIZE={len(MESSAGE) + 27}',
     'RFC 1870: and counts in SIZE')
again = b'Delivered-To: LIST@a.test\r\n' + MESSAGE
p = Peer()
r = to_peer(p, parcel(again, toparams=['rcpt=list@a.test']))
expect(r, 'RFC 5321 6.3: an alias that passed the message on before is a loop',
       'R x1 554 5.4.6 Mail loop: list@a.test')
same(p.connections, [], 'and nobody is bothered')
both = net('T', '1', 'c@b.test', 'route=remote', 'rcpt=other@a.test')
r = to_peer(p, parcel(again, toparams=['rcpt=list@a.test'], before=both))
expect(r, 'each recipient has its own loop', 'T 0 554 5.4.6', 'T 1 250',
       'R x1 250')
same(p.connections[0].messages,
     [b'Delivered-To: other@a.test\r\n' + again], 'the newest above')
r = to_peer(Peer(), parcel(MESSAGE, toparams=['rcpt=list@a.test'], before=both))
expect(r, 'a parcel is of one alias', 'T 0 250', 'T 1 451 4.3.5', 'R x1 250')
p = Peer({'caps': ['peer.test']})
r = to_peer(p, parcel(MESSAGE, toparams=['rcpt=l\u00fc@a.test']))
same(p.connections[0].messages, [MESSAGE],
     'RFC 6531 3.4: no Delivered-To that would need SMTPUTF8')
r = to_peer(p, parcel(MESSAGE, toparams=['rcpt=l@b\u00fccher.test']))
same(p.connections[1].messages,
     [b'Delivered-To: l@xn--bcher-kva.test\r\n' + MESSAGE],
     'RFC 5891: an international domain in A-labels')

# The manual says what the code does
page = open('smtp-send/smtp-send.8').read()
for name, seconds in re.findall(r'\.(\w+) = (\d+)',
                                open('smtp-send/session.h').read()):
    ok(re.search(rf'\.Cm {name}\n\({seconds}\W', page),
       f'smtp-send(8): default of -T {name}')
idle = re.search(r'IDLE_S (\d+)', open('smtp-send/smtp-send.c').read())[1]
ok(f'idle connection up after this time (default {idle})' in page,
   'smtp-send(8): default of -i')
bounds = re.findall(r'#define (SPF_\w+) (\d+)',
                    open('spf-check/spf.h').read())
same([int(v) for k, v in bounds if k != 'SPF_TEXT'],
     [10, 2, 10, 20000, 10000], 'spf-check(8): the limits it names')

# Usage
for args in ['-Z'], ['x'], ['-T', 'no=1'], ['-T', 'mail'], ['-p', 'x']:
    same(send(b'', *args).code, 100, f'{args}: exit 100')
same(send(b'').code, 0, 'no parcels: exit 0')
same(send(b'junk').code, 111, 'no parcel: exit 111')
finish()
