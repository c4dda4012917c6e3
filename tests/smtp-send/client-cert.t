#!/usr/bin/python3
"""smtps: and tls= in routes(5): Postfix on a port with TLS from the first byte
(RFC 8314 3.3), which wants a client certificate and has one of an authority of
its own."""
import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path[:0] = ['tests', 'tests/smtp-send', 'package/bench.d']
import tap
if os.geteuid() or not os.path.exists('/usr/sbin/postfix'):
    tap.skip_all('Postfix is not there, or we are not root')
import hosts
import servers
from dnsserver import Server
from hosts import T, lab
from peer import Peer, net, parcel
from sender import MESSAGE, expect, send
from tap import ok, same

root = tempfile.mkdtemp()
os.chmod(root, 0o755)
atexit.register(shutil.rmtree, root, True)


def authority(name):
    with open(T + '/conf', 'w') as f:
        f.write('[ca]\nbasicConstraints = critical, CA:TRUE\n')
    lab.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
                'ec_paramgen_curve:P-256', '-nodes', '-subj', f'/CN={name}',
                '-addext', 'basicConstraints=critical,CA:TRUE', '-days', '30',
                '-keyout', name + '.key', '-out', name + '.pem')


def leaf(by, name, folder, key):
    d = f'{T}/{folder}'
    os.makedirs(d, exist_ok=True)
    lab.openssl('req', '-new', *key, '-nodes', '-subj', f'/CN={name}',
                '-keyout', f'{d}/privkey.pem', '-out', f'{d}/csr')
    with open(T + '/conf', 'w') as f:
        f.write(f'subjectAltName = DNS:{name}\n')
    lab.openssl('x509', '-req', '-in', f'{d}/csr', '-CA', by + '.pem', '-CAkey',
                by + '.key', '-CAcreateserial', '-days', '30', '-extfile',
                'conf', '-out', f'{d}/fullchain.pem')
    os.unlink(f'{d}/csr')
    return f'{d}/fullchain.pem', f'{d}/privkey.pem'


EC = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256')
EC384 = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384')
RSA = ('-newkey', 'rsa:2048')
for ca in 'own-ca', 'other-ca':
    authority(ca)
server = leaf('own-ca', 'relay.test', 'server', RSA)
for name, key in ('rsa', RSA), ('ec', EC), ('ec384', EC384):
    leaf('own-ca', f'{name}.us.test', f'tls-out/{name}', key)
    shutil.copy(T + '/own-ca.pem', f'{T}/tls-out/{name}/ca.pem')
leaf('other-ca', 'stranger.test', 'tls-out/stranger', EC)  # not known to it
shutil.copy(T + '/own-ca.pem', T + '/tls-out/stranger/ca.pem')
leaf('own-ca', 'bare.us.test', 'tls-out/bare', EC)  # without ca.pem
os.makedirs(T + '/tls-out/ca')  # without a certificate
shutil.copy(T + '/own-ca.pem', T + '/tls-out/ca/ca.pem')
leaf('own-ca', 'wrong.us.test', 'tls-out/wrong', EC)
shutil.copy(T + '/other-ca.pem', T + '/tls-out/wrong/ca.pem')

# The table
lab.table('tls-out.cdb', 'tls-build', '-o', 'tls-out')
os.makedirs(T + '/bad/x')
for file, text in (('ca.pem', ''), ('ca.pem', 'nothing\n'),
                   ('fullchain.pem', open(T + '/own-ca.pem').read())):
    with open(f'{T}/bad/x/{file}', 'w') as f:
        f.write(text)
    r = subprocess.run(['tls-build', '-o', T + '/bad'], capture_output=True)
    ok(r.returncode in (102, 111) and not r.stdout.endswith(b'\n\n'),
       f'tls-build -o: {file} without what is needed', r)
    os.unlink(f'{T}/bad/x/{file}')
r = subprocess.run(['tls-build', '-ot', T + '/bad'], capture_output=True)
same(r.returncode, 100, 'tls-build: -o or -t')
service = lab.Service('tls-connect', '-f', T + '/trust.cdb', '-k',
                      T + '/tls-out.cdb', '-T', '20', name='out')


class Postfix(servers.Postfix):
    MAIN = servers.Postfix.MAIN + f"""
smtpd_tls_cert_file = {server[0]}
smtpd_tls_key_file = {server[1]}
smtpd_tls_CAfile = {T}/own-ca.pem
smtpd_tls_received_header = yes
smtpd_tls_security_level = encrypt
smtpd_tls_ask_ccert = yes
smtpd_tls_req_ccert = yes
"""
    MASTER = (servers.Postfix.MASTER + 'tlsmgr unix - - n 1000? 1 tlsmgr\n'
              '127.0.0.1:{smtps} inet n - n - - smtpd\n'
              '  -o smtpd_tls_wrappermode=yes\n').replace(
                  '{smtps}', str(servers.free_port()))


postfix = Postfix(root + '/postfix')
atexit.register(postfix.tree.stop)
servers.await_port(postfix.port)
SMTPS = int(Postfix.MASTER.split('127.0.0.1:')[-1].split(' ')[0])
servers.await_port(SMTPS)
dns = Server({'relay.test': [('A', '127.0.0.1')],
              'other.test': [('A', '127.0.0.1')]})


def mail(way, ident='x1', **kw):
    return send(parcel(b'From: me@bench.test\r\n' + MESSAGE, ident=ident,
                       to=['x@bench.test'], sender='me@bench.test',
                       toparams=[f'via={way}'], **kw),
                '-t', service.path, '-L', 'tls=none', '-v', env=dns.env)


def arrived():
    out = []
    for n in postfix.delivered():
        with open(f'{postfix.maildir}/new/{n}') as f:
            out.append(f.read())
    return out


def wait(what):
    deadline = time.monotonic() + 60
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)


for scheme, port in ('smtp', postfix.port), ('smtps', SMTPS):
    for name in 'rsa', 'ec', 'ec384':
        before = len(arrived())
        r = mail(f'{scheme}:relay.test:{port},tls={name}')
        expect(r, f'{scheme}: a client certificate, {name}', 'R x1 250 2.0.0')
        ok('verify=ok' in r.log, 'and the server by its own authority', r.log)
        wait(lambda: len(arrived()) > before)
        ok(any(f'Client CN "{name}.us.test"' in t and 'verified OK' in t
               for t in arrived()), 'Postfix knows who it was', arrived())
        same('C: STARTTLS' in r.log, scheme == 'smtp', 'TLS at once, or asked '
             'for')

way = f'smtps:relay.test:{SMTPS}'


def fails(what, r, *words):
    ok(r.starts('R x1 451') and all(w in r.reports[0] for w in words), what,
       r.reports, r.log)


n = len(arrived())
fails('a server that is not of ca.pem', mail(way + ',tls=wrong'), '4.7.5',
      'unknown-ca', 'its tls= in routes(5)')
fails('nor of trust.cdb, without ca.pem', mail(way + ',tls=bare'), '4.7.5',
      'unknown-ca')
fails('another name in its certificate',
      mail(f'smtps:other.test:{SMTPS},tls=ec'), '4.7.5', 'wrong-name')
fails('TLS-Required: No is not about our certificates',
      mail(way + ',tls=wrong', before=net('M', 'TLS-Required: No\r\n')), '4.7.5')
fails('nor is it less at an address of ours',
      mail(f'smtps:[127.0.0.1]:{SMTPS},tls=ec'), '4.7.5')
for name in 'ca', 'stranger':
    r = mail(f'{way},tls={name}')
    ok(r.starts('R x1 4') or r.starts('R x1 5'),
       f'Postfix refuses who shows no certificate it knows: {name}', r.reports)
fails('a name that is not there', mail(way + ',tls=none'), '4.7.0')
service.log.seek(0)
ok('none in ' in service.log.read(), 'which tls-connect tells of')
same(len(arrived()), n, 'and nothing has arrived')

# Without a client certificate, at scripted peers
p = Peer({})
fails('smtps: never in the clear', mail(f'smtps:[127.0.0.1]:{p.port}'))
p.wait()
ok(not any(line.startswith(('EHLO', 'MAIL')) for c in p.connections
           for line in c.lines), 'nothing is said there')
r = send(parcel(MESSAGE, toparams=[f'via=smtps:[127.0.0.1]:{p.port}']))
ok(r.starts('R x1 451 4.7.10'), 'nor without tls-connect', r.reports)
r = send(parcel(MESSAGE, toparams=['via=smtp:h.test,nonsense']), env=dns.env)
ok(r.starts('R x1 554 5.3.5'), 'an unknown word is no way', r.reports)

r = subprocess.run(['tls-connect', '-k', T + '/tls-out.cdb', '-v', '-p', '-n',
                    'relay.test', '-o', 'own=ec', '127.0.0.1', str(SMTPS)],
                   input=b'QUIT\r\n', capture_output=True, timeout=60)
ok(r.returncode == 0 and b'\n221 ' in r.stdout, 'by hand', r)
tap.finish()
