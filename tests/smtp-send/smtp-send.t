#!/usr/bin/env python3
"""smtp-send against scripted servers: RFC 5321, 2920, 1870, 6531, 3207."""
import array
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.path[:0] = ['tests', 'tests/smtp-send']
from dnsserver import Server
from peer import (ANSWERS, CAPS, DROP, STALL, Peer, ehlo, net, parcel)
from tap import finish, ok, same

MESSAGE = b'Subject: x\r\n\r\n.dot\r\nhello\r\n'
QUICK = ('-T', 'connect=5,greeting=1,helo=1,mail=1,rcpt=1,data=1,block=2,dot=1')
ENV = {**os.environ, 'ROHRPOST_ME': 'me.test',
       'ASAN_OPTIONS': 'detect_leaks=0'}


class Result:
    def __init__(self, run, seconds):
        self.code, self.seconds = run.returncode, seconds
        self.reports = run.stdout.decode().splitlines()
        self.log = run.stderr.decode()

    def starts(self, *wanted):
        return len(self.reports) == len(wanted) and all(
            r.startswith(w) for r, w in zip(self.reports, wanted))


def send(data, *args, env=None):
    start = time.monotonic()
    run = subprocess.run(['smtp-send', '-h', 'me.test', '-t', '', *args],
                         input=data, capture_output=True, timeout=60,
                         env={**ENV, **(env or {})})
    return Result(run, time.monotonic() - start)


def to_peer(peer, data, *args):
    r = send(data, '-s', f'127.0.0.1:{peer.port}', *args)
    peer.wait()
    return r


def expect(r, name, *wanted):
    return ok(r.starts(*wanted), name, r.reports, r.log)


# The plain course
p = Peer()
r = to_peer(p, parcel(MESSAGE))
expect(r, 'one parcel, one report', 'R x1 250 2.0.0 127.0.0.1: queued as 1')
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
       'T 1 550 5.1.1 127.0.0.1: no such user',
       'T 2 451 4.0.0 127.0.0.1: later', 'R x1 250')
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
               f'R x1 {code} {code // 100}.7.0 127.0.0.1: first second')
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
    ok(r.seconds < 6, f'in time ({r.seconds:.1f} s)')
    for what, junk in (('lines', b'250-x\r\n' * 300000),
                       ('one line', b'250-' + b'x' * 1000000),
                       ('no reply', b'\0\xff\r\n'),
                       ('code 999', b'999 x\r\n'), ('code 123', b'123 x\r\n')):
        r = to_peer(Peer({verb: junk}), parcel(MESSAGE), *QUICK)
        expect(r, f'{verb} answered by junk: {what}', 'R x1 45')
r = send(parcel(MESSAGE), '-s', f"127.0.0.1:{Peer({'EHLO': STALL}).port}", '-T',
         'all=1')
expect(r, 'a limit for all of it', 'R x1 451 4.4.2')
ok(r.seconds < 5, 'in time')
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
    ['smtp-send', '-t', '', '-i', '1', '-s', f'127.0.0.1:{p.port}'],
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

# DNS
a, b, c = (Peer(host='127.0.0.2'), None, None)
port = a.port
b = Peer({'GREETING': '450 no'}, host='127.0.0.3', port=port)
c = Peer({'MAIL': '451 no'}, host='127.0.0.4', port=port)
dns = Server({
    'one.test': [('MX', (10, 'a.test'))],
    'order.test': [('MX', (30, 'a.test')), ('MX', (10, 'b.test')),
                   ('MX', (20, 'c.test')), ('MX', (5, 'dead.test')),
                   ('MX', (1, 'gone.test'))],
    'a.test': [('A', '127.0.0.2')], 'b.test': [('A', '127.0.0.3')],
    'c.test': [('A', '127.0.0.4')], 'dead.test': [('A', '127.0.0.9')],
    'null.test': [('MX', (0, '.'))], 'fail.test': ['SERVFAIL'],
    'implicit.test': [('A', '127.0.0.2')],
    'alias.test': [('CNAME', 'one.test')],
    'noaddress.test': [('MX', (10, 'gone.test'))],
    'tempaddress.test': [('MX', (10, 'fail.test'))],
    'six.test': [('AAAA', '::1')],
    'both.test': [('AAAA', '::1'), ('A', '127.0.0.2')],
    'xn--bcher-kva.test': [('MX', (10, 'a.test'))],
    'even.test': [('MX', (10, 'a.test')), ('MX', (10, 'implicit.test'))]})


def by_dns(address, *args, **kw):
    return send(parcel(MESSAGE, to=[address], **kw), '-p', str(port), *args,
                env=dns.env)


for name, address, want in (
        ('one MX', 'x@one.test', '250 2.0.0 a.test'),
        ('RFC 5321 5.1: the implicit MX', 'x@implicit.test', '250'),
        ('a CNAME to MX', 'x@alias.test', '250 2.0.0 a.test'),
        ('RFC 7505: null MX', 'x@null.test', '556 5.1.10'),
        ('no such domain', 'x@nx.test', '550 5.1.2'),
        ('SERVFAIL is temporary', 'x@fail.test', '451 4.4.3'),
        ('MX without address', 'x@noaddress.test', '550 5.4.4'),
        ('MX whose address is not known now', 'x@tempaddress.test',
         '451 4.4.3'),
        ('not a domain for DNS', 'x@' + 'a' * 64 + '.test', '55'),
        ('RFC 5321 4.1.3: an address literal', 'x@[127.0.0.2]', '250'),
        ('an IDN', 'x@bücher.test', '250 2.0.0 a.test')):
    expect(by_dns(address), name, f'R x1 {want}')
expect(by_dns('x@order.test'), 'RFC 5321 5.1: by preference; connect, '
       'greeting and MAIL failures lead to the next host', 'R x1 250 2.0.0 a.t')
same((len(b.connections), len(c.connections)), (1, 1), 'each was tried')
expect(by_dns('x@y.test', toparams=['via=implicit.test']),
       'via names a host, not a domain', 'R x1 250 2.0.0 implicit.test')
expect(by_dns('x@y.test', toparams=[f'via=[127.0.0.2]:{port}']),
       'via with an address and a port', 'R x1 250 2.0.0 127.0.0.2')
try:
    six = Peer(host='::1', port=port)
    expect(by_dns('x@six.test'), 'IPv6', 'R x1 250 2.0.0 six.test')
    expect(by_dns('x@[IPv6:::1]'), 'an IPv6 literal', 'R x1 250 2.0.0 ::1')
    n = len(six.connections)
    expect(by_dns('x@both.test', '-4'), '-4', 'R x1 250')
    same(len(six.connections), n, '-4 uses no IPv6')
except OSError as e:
    ok(True, f'IPv6 # SKIP {e}')
seen = {by_dns('x@even.test').reports[0].split()[4] for _ in range(25)}
same(len(seen), 2, 'RFC 5321 5.1: hosts of one preference take turns')
r = send(parcel(MESSAGE, to=['x@one.test', 'y@implicit.test']), '-p',
         str(port), env=dns.env)
expect(r, 'a parcel has one destination', 'T 0 250', 'T 1 554 5.3.5',
       'R x1 250')


# TLS by a service that is asked over a socket
class Tls:
    """Answers as tls-connect would, without cryptography."""

    def __init__(self, good):
        self.dir = tempfile.TemporaryDirectory()
        self.path = self.dir.name + '/tls-out'
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(5)
        self.asked, self.good = [], good
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            s = self.listener.accept()[0]
            data, anc, _, _ = s.recvmsg(1000, socket.CMSG_LEN(4))
            fds = array.array('i', anc[0][2])
            self.asked.append(data)
            peer = socket.socket(fileno=fds[0])
            peer.setblocking(True)
            if not self.good:
                s.sendall(b'0:,')
                s.close()
                peer.close()
                continue
            info = b'SSL_PROTOCOL=TLSv1.2\0SSL_CIPHER=X\0'
            s.sendall(b'%d:%s,' % (len(info), info))
            for x, y in (s, peer), (peer, s):
                threading.Thread(target=self.copy, args=(x, y),
                                 daemon=True).start()

    def copy(self, x, y):
        try:
            while data := x.recv(65536):
                y.sendall(data)
            y.shutdown(socket.SHUT_WR)
        except OSError:
            pass


tls_caps = {'caps': CAPS + ['STARTTLS'], 'STARTTLS': '220 go on'}
tls, p = Tls(True), Peer(tls_caps)
r = to_peer(p, parcel(MESSAGE), '-t', tls.path)
same(p.connections[0].lines[:3], ['EHLO me.test', 'STARTTLS', 'EHLO me.test'],
     'RFC 3207 4.2: EHLO again after STARTTLS')
expect(r, 'delivered over TLS', 'R x1 250')
ok('tls=TLSv1.2' in r.log, 'and logged so', r.log)
ok(b'host=127.0.0.1\0' in tls.asked[0], 'the service is told the host')
tls, p = Tls(False), Peer(tls_caps)
r = to_peer(p, parcel(MESSAGE), '-t', tls.path)
expect(r, 'RFC 7435: a failed handshake is followed by the clear', 'R x1 250')
same(len(p.connections), 2, 'on a new connection')
p = Peer({**tls_caps, 'STARTTLS': '454 4.7.0 no'})
expect(to_peer(p, parcel(MESSAGE), '-t', tls.path),
       'a refused STARTTLS: on in the clear', 'R x1 250')
p = Peer({**tls_caps, 'STARTTLS': b'220 go\r\n250 injected\r\n'},
         {'caps': ['p']})
r = to_peer(p, parcel(MESSAGE), '-t', tls.path)
same((len(p.connections), len(tls.asked)), (2, 1),
     'RFC 3207 6: a reply behind the 220 spoils the connection')



# The same with the real service, and smtp-send as a service itself
def certificate(where):
    subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
         'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
         '/CN=peer.test', '-keyout', where + '/key', '-out', where + '/cert'],
        check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(where + '/cert', where + '/key')
    return context


def listen(path, *command):
    ready, tell = os.pipe()
    child = subprocess.Popen(
        ['unix-listen', path, *command, '-w', '-d', str(tell)],
        pass_fds=[tell], env={**ENV, 'ROHRPOST_RUN': os.path.dirname(path)},
        stderr=open(path + '.log', 'w'))
    os.close(tell)
    os.read(ready, 1)
    return child


def begin_tls(peer, line):
    peer.sock.sendall(b'220 go on\r\n')
    peer.sock = context.wrap_socket(peer.sock, server_side=True)
    peer.file = peer.sock.makefile('rb')
    return None if peer.sock.version() else DROP


with tempfile.TemporaryDirectory() as d:
    context = certificate(d)
    p = Peer({'caps': CAPS + ['STARTTLS'], 'STARTTLS': begin_tls})
    tls = listen(d + '/tls-out', 'tls-connect')
    me = listen(d + '/send', 'smtp-send', '-s', f'127.0.0.1:{p.port}')
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(d + '/send')
        f = s.makefile('rb')
        for i in range(3):
            s.sendall(parcel(big if i == 1 else MESSAGE, ident=f'x{i}'))
            ok(f.readline().startswith(b'R x%d 250' % i), f'TLS, message {i}')
        f.close()
    p.wait()
    same(len(p.connections), 1, 'over one connection')
    ok(p.connections[0].messages == [MESSAGE, big, MESSAGE], 'all are whole')
    for child in me, tls:
        child.terminate()
        same(child.wait(20), 0, 'SIGTERM: exit 0')
    log = open(d + '/send.log').read()
    same(log.count('tls=TLSv1.2'), 3, 'real TLS (RFC 3207)') or print('#', log)

# SIGTERM
told = threading.Event()


def terminate(peer, line):
    child.terminate()
    told.wait(10)
    return '250 ok'


p = Peer({'DOT': terminate})
child = subprocess.Popen(
    ['smtp-send', '-t', '', '-s', f'127.0.0.1:{p.port}'], stdin=-1, stdout=-1,
    stderr=subprocess.DEVNULL, env=ENV)
child.stdin.write(parcel(MESSAGE))
child.stdin.flush()
threading.Timer(0.3, told.set).start()  # the signal is not answered at once
ok(child.stdout.readline().startswith(b'R x1 250'),
   'SIGTERM: the parcel under way is finished and reported')
same(child.wait(10), 0, 'then exit 0')
child.stdin.close()
child.stdout.close()

# Usage
for args in ['-Z'], ['x'], ['-T', 'no=1'], ['-T', 'mail'], ['-p', 'x']:
    same(send(b'', *args).code, 100, f'{args}: exit 100')
same(send(b'').code, 0, 'no parcels: exit 0')
same(send(b'junk').code, 111, 'no parcel: exit 111')
finish()
