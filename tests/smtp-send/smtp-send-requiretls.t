#!/usr/bin/python3
"""smtp-send keeps the promise of REQUIRETLS (RFC 8689): against peers with
real TLS, certificates of an authority of ours, and DNS with and without AD."""
import sys

sys.path[:0] = ['tests', 'tests/smtp-send']
from dnsserver import Server
from hosts import T, certificate, host, tls
from peer import Peer, parcel
from sender import MESSAGE, expect, send
from tap import finish, ok, same

good = certificate('mx.good.test')
implicit = certificate('implicit.test')
peers = {'good': host('127.0.0.2', good)}
port = peers['good'].port
peers['name'] = host('127.0.0.3', good, port=port)
peers['self'] = host('127.0.0.4', certificate('mx.self.test', '-signkey',
                                              T + '/mx.self.test.key'),
                     port=port)
peers['clear'] = host('127.0.0.5', None, port=port)
peers['without'] = host('127.0.0.6', certificate('mx.without.test'), (),
                        port=port)
peers['declines'] = host('127.0.0.7', good, port=port,
                         STARTTLS='454 4.7.0 not now')
peers['declines'].scripts[0]['STARTTLS'] = '454 4.7.0 not now'
peers['implicit'] = host('127.0.0.8', implicit, port=port)
zones = {'implicit.test': [('A', '127.0.0.8')],
         'two.test': [('MX', (5, 'mx.without.test')),
                      ('MX', (9, 'mx.good.test'))]}
for n, name in enumerate(('good', 'name', 'self', 'clear', 'without',
                          'declines')):
    zones[name + '.test'] = [('MX', (10, f'mx.{name}.test'))]
    zones[f'mx.{name}.test'] = [('A', f'127.0.0.{n + 2}')]
signed, plain = Server(zones, ad=True), Server(zones)


def mail(to, dns=signed, *args, params=('REQUIRETLS',), **kw):
    return send(parcel(MESSAGE, to=[to], params=params, **kw), '-p', str(port),
                '-t', tls.path, *args, env=dns.env)


def connections(name):
    peers[name].wait()
    return peers[name].connections


expect(mail('x@good.test'), 'RFC 8689 4.2.1: AD, a valid certificate and '
       'REQUIRETLS: sent', 'R x1 250')
same(connections('good')[-1].lines[-4].split(' REQ')[1:], ['UIRETLS'],
     'with REQUIRETLS in MAIL') or print('#', connections('good')[-1].lines)
for to, dns, want, rule in (
        ('x@good.test', plain, '550 5.7.30', 'MX without DNSSEC'),
        ('x@name.test', signed, '550 5.7.10', "another host's certificate"),
        ('x@self.test', signed, '550 5.7.10', 'a certificate of nobody'),
        ('x@clear.test', signed, '550 5.7.10', 'no STARTTLS'),
        ('x@declines.test', signed, '550 5.7.10', 'STARTTLS is declined'),
        ('x@without.test', signed, '550 5.7.30', 'no REQUIRETLS')):
    name = to[2:].split('.')[0]
    n = len(peers[name].connections)
    expect(mail(to, dns), f'RFC 8689 4.2.1: {rule}: not sent', f'R x1 {want}')
    ok(not any(line.startswith('MAIL') for c in connections(name)[n:]
               for line in c.lines), f'{rule}: nor tried')
expect(mail('x@two.test'), 'RFC 8689 4.2.1: the next host may do', 'R x1 250')
expect(mail('x@implicit.test', plain), '4.2.1: a domain that is its own host',
       'R x1 250')
expect(mail('x@y.test', plain, toparams=['via=mx.good.test']),
       'a relay that the admin named', 'R x1 250')
expect(mail('x@y.test', plain, toparams=[f'via=[127.0.0.2]:{port}']),
       'an address has no certificate', 'R x1 550 5.7.10')
expect(mail('x@good.test', signed, '-t', T + '/nowhere'),
       'no tls-connect: later', 'R x1 451 4.7.0')
expect(mail('x@good.test', signed, '-t', ''), 'no TLS at all', 'R x1 550 5.7.10')
expect(mail('x@without.test', sender=''),
       'RFC 8689 5: a bounce is not held back', 'R x1 250')
expect(mail('x@clear.test', params=()), 'mail without it goes as ever',
       'R x1 250')
n = len(connections('good'))
r = send(parcel(MESSAGE, to=['x@good.test'], ident='x1') +
         parcel(MESSAGE, to=['x@good.test'], params=['REQUIRETLS'],
                ident='x2') +
         parcel(MESSAGE, to=['x@good.test'], params=['REQUIRETLS'],
                ident='x3'),
         '-p', str(port), '-t', tls.path, env=signed.env)
expect(r, 'three over kept connections', 'R x1 250', 'R x2 250', 'R x3 250')
same([len(c.messages) for c in connections('good')[n:]], [1, 2],
     'none that was not verified is used for it')

# 8BITMIME
high = b'Subject: x\r\n\r\n\xc3\xa9\r\n'
seven = Peer({'caps': ['peer.test']})
for message, params, want, rule in (
        (high, ['BODY=8BITMIME'], 'R x1 554 5.6.3', '8-bit: RFC 6152 3'),
        (MESSAGE, ['BODY=8BITMIME'], 'R x1 250', 'declared, but 7-bit'),
        (high, [], 'R x1 250', 'not declared: as it is')):
    expect(send(parcel(message, params=params), '-s',
                f'127.0.0.1:{seven.port}'),
           f'a host without 8BITMIME: {rule}', want)
tls.stop()
finish()
