"""Peers with real TLS, certificates of an authority of ours and tls-connect:
what the tests of policies share."""
import hashlib
import ssl
import sys

sys.path[:0] = ['tests', 'tests/tls-serve']
import lab
from peer import CAPS, DROP, Peer

T = lab.T
with open(T + '/conf', 'w') as f:
    f.write('[ca]\nbasicConstraints = critical, CA:TRUE\n')
lab.openssl('req', '-new', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=root', '-keyout',
            'root.key', '-out', 'root.csr')
lab.openssl('x509', '-req', '-in', 'root.csr', '-signkey', 'root.key', '-days',
            '30', '-extfile', 'conf', '-extensions', 'ca', '-out', 'root.pem')


def certificate(name, *more):
    with open(T + '/conf', 'w') as f:
        f.write(f'[leaf]\nsubjectAltName = DNS:{name}\n')
    lab.openssl('req', '-new', '-newkey', 'ec', '-pkeyopt',
                'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=x',
                '-keyout', name + '.key', '-out', name + '.csr')
    sign = more or ('-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial')
    lab.openssl('x509', '-req', '-in', name + '.csr', *sign, '-days', '30',
                '-extfile', 'conf', '-extensions', 'leaf', '-out',
                name + '.pem')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f'{T}/{name}.pem', f'{T}/{name}.key')
    return context


def fingerprint(name):
    return hashlib.sha256(lab.openssl('x509', '-in', name + '.pem', '-outform',
                                      'DER').stdout).hexdigest()


def begin_tls(context):
    def begin(peer, line):
        peer.sock.sendall(b'220 go on\r\n')
        peer.script = {**peer.script, 'caps': peer.script['inside']}
        try:
            peer.sock = context.wrap_socket(peer.sock, server_side=True)
        except ssl.SSLError:
            return DROP
        peer.file = peer.sock.makefile('rb')
        return None if peer.sock.version() else DROP
    return begin


def host(ip, context, inside=('REQUIRETLS',), port=0, **more):
    caps = CAPS + (['STARTTLS'] if context else [])
    return Peer({'caps': caps, 'inside': CAPS + list(inside),
                 'STARTTLS': context and begin_tls(context), **more},
                host=ip, port=port)


lab.table('trust.cdb', 'tls-build', '-t', 'root.pem')
tls = lab.Service('tls-connect', '-f', T + '/trust.cdb', '-T', '5')
