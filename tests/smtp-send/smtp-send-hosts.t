#!/usr/bin/python3
"""Where smtp-send goes: MX and addresses, TLS, and itself as a service."""
import array
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

sys.path[:0] = ['tests', 'tests/smtp-send']
from dnsserver import Server
from peer import CAPS, DROP, Peer, parcel
from sender import ENV, MESSAGE, expect, send, to_peer
from tap import finish, ok, same

big = b'Subject: big\r\n\r\n' + (b'x' * 70 + b'\r\n') * 200000

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
        same(child.wait(60), 0, 'SIGTERM: exit 0')
    log = open(d + '/send.log').read()
    same(log.count('tls=TLSv1.2'), 3, 'real TLS (RFC 3207)') or print('#', log)
finish()
