#!/usr/bin/python3
"""smtp-send keeps DANE's promise (RFC 7672) and policies(5), against peers with
real TLS and DNS with and without AD."""
import hashlib
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/smtp-send']
import policies
from dnsserver import Server
from hosts import T, certificate, fingerprint, host, lab, tls
from peer import parcel
from sender import MESSAGE, expect, send
from tap import finish, ok, same


def spki(name):
    key = lab.openssl('x509', '-in', name + '.pem', '-noout',
                      '-pubkey').stdout
    return lab.openssl('pkey', '-pubin', '-outform', 'DER', input=key).stdout


def tlsa(usage, selector, matching, data):
    return ('TLSA', bytes([usage, selector, matching]) + data)


names = ('mx.good.test', 'mx.bad.test', 'mx.own.test')
contexts = {n: certificate(n) for n in names}
own = certificate('nobody.test', '-signkey', T + '/nobody.test.key')
good = tlsa(3, 1, 1, hashlib.sha256(spki('mx.good.test')).digest())
wrong = tlsa(3, 1, 1, b'\0' * 32)
nobody = tlsa(3, 1, 1, hashlib.sha256(spki('nobody.test')).digest())
peers = {'good': host('127.0.0.2', contexts['mx.good.test'])}
port = peers['good'].port
peers['bad'] = host('127.0.0.3', contexts['mx.bad.test'], port=port)
peers['own'] = host('127.0.0.4', own, port=port)
peers['clear'] = host('127.0.0.5', None, port=port)
A = {'good': ('A', '127.0.0.2'), 'bad': ('A', '127.0.0.3'),
     'own': ('A', '127.0.0.4'), 'clear': ('A', '127.0.0.5')}
zones, at = {}, f'_{port}._tcp.'


def domain(name, address, *records, host=None):
    host = host or f'mx.{name}.test'
    zones[name + '.test'] = [('MX', (10, host))]
    if address:
        zones[host] = [A[address]]
    if records:
        zones[at + host] = list(records)


domain('good', 'good', good)
domain('bad', 'bad', wrong)
domain('self', 'own', nobody)
domain('cleartlsa', 'clear', good)
domain('clear', 'clear')
domain('without', 'own')
domain('servfail', 'good', 'SERVFAIL')
domain('unusable', 'own', tlsa(1, 1, 1, b'\0' * 32), tlsa(3, 2, 1, b'\0' * 32),
       tlsa(3, 1, 1, b'\0' * 31), tlsa(3, 1, 3, b'\0' * 32))
domain('unusableclear', 'clear', tlsa(0, 0, 1, b'\0' * 32))
domain('mixed', 'bad', tlsa(1, 1, 1, b'\0' * 32), wrong)
zones['two.test'] = [('MX', (5, 'mx.bad.test')), ('MX', (9, 'mx.good.test'))]
zones['later.test'] = [('MX', (5, 'mx.servfail.test')),
                       ('MX', (9, 'mx.good.test'))]
zones['implicit.test'] = [A['bad']]
zones[at + 'implicit.test'] = [wrong]
# RFC 7672 2.2.2: CNAMEs
zones['alias.test'] = [('MX', (10, 'www.alias.test'))]
zones['www.alias.test'] = [('CNAME', 'mx.good.test')]
zones['first.test'] = [('MX', (10, 'www.first.test'))]
zones['www.first.test'] = [('CNAME', 'plain.test')]
zones['plain.test'] = [A['good']]
zones[at + 'www.first.test'] = [good]
zones['half.test'] = [('MX', (10, 'www.half.test'))]
zones['www.half.test'] = [('CNAME', 'x.unsigned')]
zones['x.unsigned'] = [A['bad']]
zones[at + 'www.half.test'] = [wrong]
zones['none.test'] = [('MX', (10, 'www.unsigned'))]
zones['www.unsigned'] = [('CNAME', 'mx.good.test')]
zones[at + 'www.unsigned'] = [wrong]
zones['records.test'] = [('MX', (10, 'mx.records.test'))]
zones['mx.records.test'] = [A['own']]
zones[at + 'mx.records.test'] = [wrong]
signed = Server(zones, ad=True, unsigned=('.unsigned', at + 'mx.records.test'))
plain = Server(zones)


def mail(to, *args, dns=signed, **kw):
    kw.setdefault('message', MESSAGE)
    return send(parcel(to=[to], **kw), '-p', str(port), '-t', tls.path,
                '-L', 'tls=encrypted', *args, env=dns.env)


def case(what, to, want, log, *args, **kw):
    r = mail(to, *args, **kw)
    good = r.starts('R x1 ' + want)
    return ok(good and all(x in r.log for x in log.split()), what, r.reports,
              r.log)


case('DANE-EE matches', 'x@good.test', '250', 'policy=dane verify=dane')
case('RFC 7672 2.2.1: without signed MX there is no DANE', 'x@bad.test', '250',
     'policy=none verify=ok', dns=plain)
n = len(peers['bad'].connections)
case('a mismatch is temporary', 'x@bad.test', '451 4.7.5',
     'policy=dane verify=dane-mismatch')
peers['bad'].wait()
ok(not any(line.startswith('MAIL') for c in peers['bad'].connections[n:]
           for line in c.lines), 'and nothing was sent')
r = mail('x@bad.test')
ok('"bad.test: dane=no"' in r.reports[0], 'the words that an admin needs',
   r.reports)
case('a mismatch: the next host', 'x@two.test', '250 2.0.0 mx.good.test',
     'policy=dane verify=dane')
case('nobody has to know its authority', 'x@self.test', '250',
     'policy=dane verify=dane')
case('RFC 7672 2.2: records, but no STARTTLS: nothing in the clear',
     'x@cleartlsa.test', '451 4.7.10', 'policy=dane')
case('2.1.2: no answer for TLSA: not this host', 'x@servfail.test',
     '451 4.4.3', 'policy=none')
case('but the next', 'x@later.test', '250 2.0.0 mx.good.test', 'policy=dane')
case('2.2: records that are of no use: encrypted, whatever the certificate',
     'x@unusable.test', '250', 'policy=dane-unusable verify=wrong-name',
     '-L', 'tls=none')
case('but not in the clear', 'x@unusableclear.test', '451 4.7.10',
     'policy=dane-unusable', '-L', 'tls=none')
case('one of use beside them counts', 'x@mixed.test', '451 4.7.5',
     'verify=dane-mismatch')
case('a domain without MX', 'x@implicit.test', '451 4.7.5', 'policy=dane')
case('a host that via names', 'x@y.test', '451 4.7.5', 'policy=dane',
     toparams=['via=mx.bad.test'])
case('via an address: no DANE', 'x@y.test', '250', 'policy=none',
     toparams=[f'via=[127.0.0.3]:{port}'])
case('2.2.2: an alias: the records of its target', 'x@alias.test', '250',
     'policy=dane verify=dane')
case('2.2.2: else its own', 'x@first.test', '250', 'policy=dane verify=dane')
case('2.2.2: a signed alias into an unsigned zone', 'x@half.test',
     '451 4.7.5', 'verify=dane-mismatch')
case('an unsigned alias: none', 'x@none.test', '250', 'policy=none')
case('records that are not signed do not count', 'x@records.test', '250',
     'policy=none')

# Our own policy
case('encrypted: any certificate', 'x@without.test', '250',
     'policy=none verify=wrong-name')
case('but not in the clear', 'x@clear.test', '451 4.7.10', 'tls=-')
r = mail('x@clear.test')
ok('"clear.test: tls=none"' in r.reports[0], 'the words that an admin needs',
   r.reports)
case('tls=none: in the clear', 'x@clear.test', '250', 'policy=none tls=-',
     '-L', 'tls=none')
case('tls=authenticated: a valid certificate', 'x@good.test', '250',
     'policy=local verify=ok', '-L', 'tls=authenticated', dns=plain)
case('or DANE', 'x@self.test', '250', 'policy=dane', '-L',
     'tls=authenticated')
case('another will not do', 'x@without.test', '451 4.7.5',
     'verify=wrong-name', '-L', 'tls=authenticated')
case('mx=dnssec: signed', 'x@good.test', '250', '', '-L', 'mx=dnssec')
case('or not', 'x@good.test', '451 4.7.5', '', '-L', 'mx=dnssec', dns=plain)
case('no service for TLS: later', 'x@good.test', '451 4.7.0', '', '-t',
     T + '/nowhere')

table = policies.build(T + '/policies', f'''
good.test: name=mx.bad.test
bad.test: name=other.test name=mx.bad.test   # either
without.test: pin=sha256:{fingerprint('nobody.test')}
self.test: pin=sha256:{'0' * 64}
clear.test: tls=none, mx=none
.servfail.test: tls=none
servfail.test: dane=no
implicit.test: dane=no
BÜCHER.test: tls=none
*: mx=dnssec
''')
for what, to, want, log in (
        ('name=: of another', 'x@good.test', '451 4.7.5',
         'policy=local verify=wrong-name'),
        ('name=: one of two, and TLSA records do not count', 'x@bad.test',
         '250', 'policy=local verify=ok'),
        ('pin=: matches', 'x@without.test', '250', 'policy=local verify=pin'),
        ('pin=: does not', 'x@self.test', '451 4.7.5', 'verify=pin-mismatch'),
        ('tls=none for one', 'x@clear.test', '250', 'policy=none'),
        ('dane=no for one', 'x@servfail.test', '250', 'policy=none'),
        ('and for another', 'x@implicit.test', '250', 'policy=none'),
        ('* for all others', 'x@cleartlsa.test', '451 4.7.10', '')):
    case('policies(5): ' + what, to, want, log, '-f', table)
case('* for all others: mx=', 'x@cleartlsa.test', '451 4.7.5', '', '-f', table,
     dns=plain)
with open(table, 'r+b') as f:
    f.truncate(100)
case('a broken table is no table: later', 'x@good.test', '451 4.3.0', '', '-f',
     table)

# What senders ask for (RFC 8689)
optional = b'TLS-Required: No\r\n' + MESSAGE
case('RFC 8689 5: TLS-Required: No: no DANE', 'x@bad.test', '250',
     'policy=none', message=optional)
case('nor our policy', 'x@clear.test', '250', 'tls=-', message=optional)
case('any case, folded', 'x@clear.test', '250', 'tls=-',
     message=b'tls-REQUIRED:\r\n no \r\n' + MESSAGE)
case('another value is nothing', 'x@clear.test', '451', '',
     message=b'TLS-Required: Yes\r\n' + MESSAGE)
case('in the body it is nothing', 'x@clear.test', '451', '',
     message=MESSAGE + optional)
case('ignored if we say so', 'x@bad.test', '451 4.7.5', '', '-L',
     'tls-required=ignore', message=optional)
case('RFC 8689 4.1: REQUIRETLS wins', 'x@clear.test', '550 5.7.10', '',
     message=optional, params=['REQUIRETLS'])
case('4.2.1: DANE proves a certificate', 'x@self.test', '250', 'policy=dane',
     params=['REQUIRETLS'])
case('what DANE refuses may be mended yet', 'x@bad.test', '451 4.7.5', '',
     params=['REQUIRETLS'])
n = len(peers['bad'].connections)
r = send(parcel(optional, to=['x@bad.test']) +
         parcel(MESSAGE, to=['x@bad.test'], ident='x2'), '-p', str(port), '-t',
         tls.path, env=signed.env)
expect(r, 'a connection without policy is not kept for others', 'R x1 250',
       'R x2 451 4.7.5')
r = send(parcel(MESSAGE, to=['x@good.test']) +
         parcel(optional, to=['x@good.test'], ident='x2'), '-p', str(port),
         '-t', tls.path, env=signed.env)
expect(r, 'one with policy is', 'R x1 250', 'R x2 250')
same(len(peers['good'].connections[-1].messages), 2, 'for both')
for bad in 'tls', 'tls=some', 'mx=sts', 'pin=sha256:00', 'name=', 'x=y':
    p = subprocess.run(['smtp-send', '-L', bad], stdin=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    same(p.returncode, 100, f'usage: -L {bad}')
tls.stop()
finish()
