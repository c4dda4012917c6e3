#!/usr/bin/python3
"""MTA-STS (RFC 8461): sts-fetch and a real HTTPS server with a certificate of
an authority of ours, and smtp-send that asks it."""
import os
import ssl
import socket
import subprocess
import sys
import threading

sys.path[:0] = ['tests', 'tests/smtp-send']
from dnsserver import Server
from hosts import T, certificate, host, lab, tls
from peer import parcel
from sender import ENV, MESSAGE, send
from tap import finish, ok, same


class Web:
    """What is at /.well-known/mta-sts.txt of each host: (status, type, body)
    or raw bytes."""

    def __init__(self, contexts):
        self.pages, self.asked = {}, []
        self.names = contexts
        first = next(iter(contexts.values()))
        first.sni_callback = self.choose
        self.context = first
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def choose(self, sock, name, context):
        if name in self.names:
            sock.context = self.names[name]

    def run(self):
        while True:
            s = self.listener.accept()[0]
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        try:
            with self.context.wrap_socket(s, server_side=True) as s:
                head = b''
                while b'\r\n\r\n' not in head:
                    head += s.recv(4096)
                line, *fields = head.decode().split('\r\n')
                name = [f for f in fields if f.lower().startswith('host:')]
                name = name[0].split(':')[1].strip()
                self.asked.append((name, line))
                page = self.pages.get(name, (404, 'text/plain', b''))
                if isinstance(page, tuple):
                    status, kind, body = page
                    page = (f'HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\n'
                            f'Content-Length: {len(body)}\r\n'
                            'Connection: close\r\n\r\n').encode() + body
                s.sendall(page)
                s.unwrap()
        except OSError:
            pass


def policy(mode, *mx, age=86400, end='\r\n'):
    return end.join(['version: STSv1', f'mode: {mode}',
                     *(f'mx: {x}' for x in mx), f'max_age: {age}', '']).encode()


def page(*args, **kw):
    return 200, 'text/plain; charset=utf-8', policy(*args, **kw)


names = ('good', 'wild', 'test', 'none', 'wrong', 'other', 'moved', 'html',
         'bad', 'big', 'two', 'gone', 'change')
contexts = {f'mta-sts.{n}.test': certificate(f'mta-sts.{n}.test')
            for n in names if n != 'wrong'}
web = Web(contexts)
zones = {}
for n in names:
    zones[f'_mta-sts.{n}.test'] = [('TXT', 'v=STSv1; id=1;')]
    zones[f'mta-sts.{n}.test'] = [('A', '127.0.0.1')]
zones['_mta-sts.two.test'].append(('TXT', 'v=STSv1; id=2;'))
zones['_mta-sts.servfail.test'] = ['SERVFAIL']
dns = Server(zones)
zones = dns.zones  # what is added is served at once
cache = T + '/sts'
os.mkdir(cache)
ARGS = ['-A', T + '/root.pem', '-p', str(web.port), '-s', cache]


def fetch(domain, *more):
    p = subprocess.run(['sts-fetch', *ARGS, *more, domain], timeout=100,
                       capture_output=True, env={**ENV, **dns.env})
    return p.returncode, p.stdout.decode('latin-1')


def case(what, domain, code, first, *more):
    got = fetch(domain, *more)
    return ok(got[0] == code and got[1].startswith(first), what, got)


def aged(domain, seconds, checked=None):
    """As if it had been fetched, and checked, so long ago."""
    path = f'{cache}/{domain}'
    with open(path) as f:
        head, text = f.read().split('\n', 1)
    name, when = head.split(' fetched=')
    with open(path, 'w', newline='') as f:
        f.write(f'{name} fetched={int(when) - seconds}\n{text}')
    t = os.stat(path).st_mtime - (seconds if checked is None else checked)
    os.utime(path, (t, t))


web.pages['mta-sts.good.test'] = page('enforce', 'mx.good.test', '*.x.test')
code, out = fetch('good.test')
same((code, out.split('\n', 1)[0]), (0, 'policy id=1, just fetched'),
     'RFC 8461 3.3: a policy is fetched')
same(out.split('\n', 1)[1].encode(), policy('enforce', 'mx.good.test',
                                            '*.x.test'), 'and shown')
n = len(web.asked)
case('kept: asked for at most once an hour', 'good.test', 0, 'policy id=1, fet')
case('whatever the case of the domain', 'GOOD.test', 0, 'policy id=1, fet')
same(len(web.asked), n, 'without a fetch')
queries = len(dns.log)
aged('good.test', 4000)
case('3.3: later the id alone is asked for', 'good.test', 0, 'policy id=1, fet')
same((len(web.asked), len(dns.log)), (n, queries + 1), 'by DNS')
aged('good.test', 4000)
zones['_mta-sts.good.test'][0] = ('TXT', 'v=STSv1; id=2')
case('a new id: fetched again', 'good.test', 0, 'policy id=2, just fetched')
aged('good.test', 50000)
case('half of its time: fetched again', 'good.test', 0, 'policy id=2, just')
aged('good.test', 50000)
web.pages['mta-sts.good.test'] = 500, 'text/plain', b''
case('5.1: a policy that lasts is kept when the fetch fails', 'good.test', 0,
     'policy id=2, kept; the fetch: HTTP status 500')
ok(os.path.exists(cache + '/failed/good.test'), 'and that is noted')
n = len(web.asked)
case('3.3: and not fetched again at once', 'good.test', 0, 'policy')
same(len(web.asked), n, 'for five minutes')
del zones['_mta-sts.good.test']
case('nor forgotten when the record is gone', 'good.test', 0, 'policy')
aged('good.test', 40000)
case('until it has lasted', 'good.test', 1, 'none no record')
case('no record', 'nowhere.test', 1, 'none no record')
case('no answer', 'servfail.test', 1, 'none no answer')
case('3.1: two records are none', 'two.test', 1, 'none no record')
case('3.3: a certificate of another name', 'wrong.test', 1,
     'none the fetch: SSL')
web.pages['mta-sts.moved.test'] = (
    b'HTTP/1.1 301 x\r\nLocation: https://mta-sts.test.test/\r\n'
    b'Content-Length: 0\r\n\r\n')
case('3.3: redirects are not followed', 'moved.test', 1, 'none the fetch: HTTP status 301')
web.pages['mta-sts.html.test'] = 200, 'text/html', policy('none')
case('3.2: text/plain alone', 'html.test', 1, 'none the fetch: not text/plain')
web.pages['mta-sts.bad.test'] = 200, 'text/plain', b'version: STSv2\n'
case('3.2: not a policy', 'bad.test', 1, 'none the fetch: not a policy')
web.pages['mta-sts.big.test'] = (200, 'text/plain', policy('none')
                                 + b'x: y\n' * 20000)
case('more than 64 KiB', 'big.test', 1, 'none the fetch: ')
web.pages['mta-sts.big.test'] = (
    b'HTTP/1.1 200 x\r\nContent-Type: text/plain\r\n\r\n' + policy('none') +
    b'x: y\n' * 20000)
os.unlink(cache + '/failed/big.test')
case('whose length nobody said', 'big.test', 1, 'none the fetch: ')
p = subprocess.run(['sts-fetch', '-A', '', '-p', str(web.port), '-s', cache,
                    'gone.test'], capture_output=True,
                   env={**ENV, **dns.env})
ok(p.stdout.startswith(b'none the fetch: SSL'), 'an authority that nobody knows', p.stdout)
for domain in '../x', '.x.test', 'a..b':
    p = subprocess.run(['sts-fetch', *ARGS, domain], capture_output=True)
    ok(p.returncode in (100, 111), f'not a domain: {domain}', p.stderr)
for args in [[], ['x', 'y'], ['-w', 'x'], ['-p', 'x', 'y']]:
    p = subprocess.run(['sts-fetch', *args], capture_output=True)
    same(p.returncode, 100, f'usage: {args}')

# smtp-send asks the service
os.environ.update(dns.env)
service = lab.Service('sts-fetch', *ARGS, name='sts-socket')
port = 0
peers = {}
for k, n in enumerate(('good', 'test', 'change', 'wild')):
    cert = certificate(f'mx.{n}.test', *(
        ('-signkey', f'{T}/mx.{n}.test.key') if n == 'test' else ()))
    peers[n] = host(f'127.0.0.{k + 2}', cert, port=port)
    port = peers[n].port
    zones[n + '.test'] = [('MX', (10, f'mx.{n}.test'))]
    zones[f'mx.{n}.test'] = [('A', f'127.0.0.{k + 2}')]
peers['clear'] = host('127.0.0.9', None, port=port)
zones['wrong.test'] = [('MX', (10, 'mx.test.test'))]
zones['none.test'] = [('MX', (10, 'clear.test'))]
zones['other.test'] = [('MX', (5, 'clear.test')), ('MX', (10, 'mx.good.test'))]
zones['clear.test'] = [('A', '127.0.0.9')]
zones['_mta-sts.good.test'] = [('TXT', 'v=STSv1; id=3')]
os.unlink(cache + '/failed/good.test')
for n, p in (('good', page('enforce', 'mx.good.test')),
             ('wild', page('enforce', '*.wild.test', end='\n')),
             ('test', page('testing', 'x.test')),
             ('none', page('none')),
             ('change', page('enforce', 'old.change.test')),
             ('other', page('enforce', '*.good.test', 'clear.test'))):
    web.pages[f'mta-sts.{n}.test'] = p


def mail(what, to, want, log, *args, dns=dns, **kw):
    r = send(parcel(MESSAGE, to=[to], **kw), '-p', str(port), '-t', tls.path,
             '-S', service.path, *args, env=dns.env)
    return ok(r.starts('R x1 ' + want) and all(x in r.log for x in log.split()),
              what, r.reports, r.log)


mail('enforce: a host of the policy, a valid certificate', 'x@good.test', '250',
     'policy=sts verify=ok')
mail('4.1: a wildcard', 'x@wild.test', '250', 'policy=sts verify=ok')
mail('testing: nothing changes', 'x@test.test', '250',
     'policy=sts-testing verify=self-signed')
mail('none', 'x@none.test', '250', 'policy=none')
mail('a host without TLS, then one with', 'x@other.test',
     '250 2.0.0 mx.good.test', 'policy=sts')
mail('4: another host: later', 'x@change.test', '451 4.7.5', '')
aged('change.test', 400, 0)
mail('5: and still', 'x@change.test', '451 4.7.5', '')
web.pages['mta-sts.change.test'] = page('enforce', 'mx.change.test')
aged('change.test', 400, 0)
mail('5: a policy that has changed is fetched before that', 'x@change.test',
     '250', 'policy=sts verify=ok')
mail('sts=no', 'x@other.test', '250 2.0.0 clear.test', 'policy=none', '-L',
     'sts=no')
mail('mx=mtasts: vouched for', 'x@good.test', '250', 'policy=sts', '-L',
     'mx=mtasts')
mail('or not', 'x@none.test', '451 4.7.5', '', '-L', 'mx=mtasts')
mail('RFC 8689 4.2.1: an MTA-STS policy proves a name', 'x@good.test', '250',
     'policy=sts', params=['REQUIRETLS'])
mail('no policy: it does not', 'x@none.test', '550 5.7.30', '',
     params=['REQUIRETLS'])
both = Server({**zones, f'_{port}._tcp.mx.wild.test':
               [('TLSA', bytes([3, 1, 1]) + b'\0' * 32)]}, ad=True)
mail('RFC 8461 2: a policy does not override DANE', 'x@wild.test', '451 4.7.5',
     'policy=dane verify=dane-mismatch', dns=both)
mail('no service: later', 'x@good.test', '451 4.3.0', '', '-S',
     T + '/nowhere')
for what, line in (('no domain', b'\n'), ('a path', b'../x\n'),
                   ('too long', b'x' * 1000 + b'\n'), ('silence', b'')):
    with service.connect() as s:
        s.sendall(line)
        s.shutdown(socket.SHUT_WR)
        try:
            got = s.recv(10)
        except ConnectionResetError:
            got = b''
        same(got, b'', f'the service is asked for {what}')
same(service.stop(), 0, 'SIGTERM')
tls.stop()
finish()
