#!/usr/bin/python3
"""smtp-send logs in at relays (RFC 4954) with what relays(5) has: at our own
smtp-recv with auth-check, and at scripted peers."""
import base64
import os
import socket
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/smtp-send', 'tests/smtp-recv']
import recv
from dnsserver import Server
from hosts import T, certificate, host, lab, tls
from peer import CAPS, DROP, Peer, net, parcel
from sender import MESSAGE, send
from tap import finish, ok, same

USER, PASSWORD = 'rélay@isp.test', 'top#s3cret: "x'
LONG = 'w' * 255
LETTER = b'From: a@a.test\r\n' + MESSAGE
TABLES = {'ROHRPOST_TABLES': T}


def b64(text):
    return base64.b64encode(text.encode()).decode()


def relays(text, mode=0o600):
    with open(T + '/relays', 'w') as f:
        f.write(text)
    os.chmod(T + '/relays', mode)
    return subprocess.run(['table-build', 'relays', T + '/relays'],
                          capture_output=True, text=True)


# The table
for bad in ('isp', 'isp:', 'isp: u', 'isp: u:', 'isp: :S3CRET', ': u:S3CRET',
            'a b: u:S3CRET', 'a@b: u:S3CRET', f'isp: u:S3CRET{LONG}',
            'isp: u:S3CRET\nisp: u:S3CRET'):
    r = relays(bad + '\n')
    ok(r.returncode == 1 and 'S3CRET' not in r.stderr and not r.stdout,
       f'relays(5): refused, and not shown: {bad[:20]!r}', r)
r = relays('isp: u:S3CRET\n', 0o640)
ok(r.returncode == 1 and 'chmod 600' in r.stderr, 'nor if others may read it', r)
r = relays(f'# ours\nisp: {USER}:{PASSWORD}\nwrong: {USER}:nono\n'
           f'long: {LONG}:{LONG}\n')
same(r.returncode, 0, 'a table')
lab.table('relays.cdb', 'table-build', 'relays', T + '/relays')
same(subprocess.run(['cdb', '-q', T + '/relays.cdb', 'isp'],
                    capture_output=True).stdout,
     f'{USER}\0{PASSWORD}'.encode(), 'user and password, with colons and #')

PLAIN = b64(f'\0{USER}\0{PASSWORD}')
SECRETS = (PASSWORD, PLAIN, b64(USER), b64(PASSWORD), 's3cret')


def mail(*to, args=(), dns=None, **kw):
    """Recipients are vias."""
    data = b''.join(parcel(LETTER, ident=f'x{i}', toparams=[f'via={v}'], **kw)
                    for i, v in enumerate(to))
    r = send(data, '-v', '-t', tls.path, *args,
             env={**TABLES, **(dns.env if dns else {})})
    ok(not any(s in r.log or s in ''.join(r.reports) for s in SECRETS),
       'no secret is logged or reported', r.reports, r.log)
    return r


def said(peer, verb='AUTH'):
    peer.wait()
    return [line for c in peer.connections for line in c.lines
            if line.startswith(verb)]


def offer(words, **script):
    return Peer({'caps': CAPS + ['AUTH ' + words], **script})


def at(peer, name='isp'):
    return f'smtp:[127.0.0.1]:{peer.port},auth={name}'


# Mechanisms, at an address of this machine
p = offer('CRAM-MD5 PLAIN LOGIN', AUTH='235 2.7.0 in')
r = mail(at(p), at(p))
ok(r.starts('R x0 250', 'R x1 250'), 'PLAIN', r.reports, r.log)
same((said(p), len(p.connections)), ([f'AUTH PLAIN {PLAIN}'], 1),
     'RFC 4954 4, 4616 2: an initial response, once a connection')
ok('C: AUTH PLAIN\n' in r.log, '-v shows the mechanism', r.log)

p = offer('PLAIN', AUTH='235 2.7.0 in')
p2 = offer('PLAIN', AUTH='235 2.7.0 in')
r = mail(at(p), f'smtp:[127.0.0.1]:{p.port}', at(p, 'wrong'))
ok(r.starts('R x0 250', 'R x1 250', 'R x2 250'), 'three ways', r.reports, r.log)
same((len(said(p)), len(p.connections)), (2, 3),
     'a connection is for one login, or none')

LOGIN = {'AUTH': '334 VXNlcm5hbWU6', b64(USER).upper(): '334 UGFzc3dvcmQ6',
         b64(PASSWORD).upper(): '235 2.7.0 in'}
p = offer('GSSAPI LOGIN', **LOGIN)
r = mail(at(p))
ok(r.starts('R x0 250'), 'LOGIN', r.reports, r.log)
p.wait()
same(p.connections[0].lines[1:4], ['AUTH LOGIN', b64(USER), b64(PASSWORD)],
     'where only that is offered')

big = b64(f'\0{LONG}\0{LONG}')
p = offer('PLAIN', AUTH='334 ', **{big.upper(): '235 in'})
r = mail(at(p, 'long'))
ok(r.starts('R x0 250') and LONG not in r.log and big not in r.log,
   'a long one', r.reports, r.log)
p.wait()
same(p.connections[0].lines[1:3], ['AUTH PLAIN', big],
     'RFC 4954 4: not in a command of more than 512 bytes')


# What goes wrong is temporary
def fails(what, r, *words):
    ok(r.starts('R x0 451') and all(w in r.reports[0] for w in words), what,
       r.reports, r.log)


for reply, words in (
        ('535 5.7.8 bad', ('4.7.8', 'password of isp in relays(5)')),
        ('454 4.7.0 later', ('4.7.0', 'isp of relays(5)', '454')),
        ('534 5.7.9 weak', ('4.7.0', '534')), ('334 more', ('4.7.0', '334')),
        ('421 4.3.2 down', ('4.7.0', '421'))):
    p = offer('PLAIN', AUTH=reply)
    fails(f'RFC 4954 6: {reply}', mail(at(p)), *words)
    same((said(p, 'MAIL'), len(p.connections)), ([], 1), 'and no mail is sent')
for step, verb in enumerate(LOGIN):
    for reply, words in (('535 5.7.8 bad', ['4.7.8']), (DROP, ())):
        p = offer('LOGIN', **{**LOGIN, verb: reply})
        fails(f'AUTH LOGIN, step {step}: {words}',
              mail(at(p)), *words)
        same(said(p, 'MAIL'), [], 'and no mail is sent')
for first, last in ((DROP, ''), ('504 5.5.4 no', ''), ('334 ', DROP),
                    ('334 ', '535 5.7.8 bad')):
    p = offer('PLAIN', AUTH=first, **{big.upper(): last})
    fails('a long PLAIN that goes wrong', mail(at(p, 'long')))
    same((said(p, big[:9]), said(p, 'MAIL')),
         ([big] if first == '334 ' else [], []),
         'the password is sent only when asked for, and no mail')
p = Peer()
fails('no AUTH', mail(at(p)), '4.7.4', 'offers no AUTH')
same(said(p), [], 'and it is not tried')
fails('no mechanism of ours', mail(at(offer('CRAM-MD5'))), '4.7.4')
p = offer('PLAIN', AUTH='235 in')
fails('no entry', mail(at(p, 'other')), '4.3.5', 'relays(5) has no other')
same(p.connections, [], 'and no connection')
os.rename(T + '/relays.cdb', T + '/away')
fails('no table', mail(at(p)), '4.3.5')
for secrets in ('user', LONG + 'w\0pw', 'user\0' + LONG + 'w'):
    subprocess.run(['cdb', '-c', T + '/relays.cdb'], check=True, text=True,
                   input=f'+3,{len(secrets)}:isp->{secrets}\n\n')
    fails('a damaged table', mail(at(p)), '4.3.5', 'cannot be read')
os.rename(T + '/away', T + '/relays.cdb')

# Only to whom we know: a name, even of this machine, is not enough
good = host('127.0.0.2', certificate('relay.test'), inside=['AUTH PLAIN'],
            AUTH='235 2.7.0 in')
bad = host('127.0.0.3', certificate('other.test'), inside=['AUTH PLAIN'],
           AUTH='235 2.7.0 in')
clear = Peer({'caps': CAPS + ['AUTH PLAIN'], 'AUTH': '235 in'},
             host='127.0.0.4')
dns = Server({'relay.test': [('A', '127.0.0.2')], 'bad.test':
              [('A', '127.0.0.3')], 'clear.test': [('A', '127.0.0.4')]})


def named(name, peer):
    return f'smtp:{name}:{peer.port},auth=isp'


r = mail(named('relay.test', good), dns=dns)
ok(r.starts('R x0 250') and 'verify=ok' in r.log, 'a valid certificate',
   r.reports, r.log)
same(len(said(good)), 1, 'the login is in TLS')
fails('another certificate', mail(named('bad.test', bad), dns=dns), '4.7.5',
      'its login in routes(5)')
same(said(bad), [], 'no password to a stranger')
fails('no TLS', mail(named('clear.test', clear), dns=dns), '4.7.10',
      'its login in routes(5)')
same(said(clear), [], 'no password in the clear, whatever -L allows')
fails('TLS-Required: No is about mail, not about passwords',
      mail(named('clear.test', clear), dns=dns,
           before=net('M', 'TLS-Required: No\r\n')), '4.7.10')
same(said(clear), [], 'so none')
r = mail('smtp:clear.test:%d' % clear.port, dns=dns)
ok(r.starts('R x0 250'), 'without a login it may', r.reports, r.log)
r = mail(named('bad.test', bad), dns=dns, args=['-L', 'name=other.test'])
ok(r.starts('R x0 250'), 'the name that policies(5) demands', r.reports, r.log)

# Our own submission service
for kind, file in (('fullchain', 'pem'), ('privkey', 'key')):
    os.makedirs(T + '/tls/relay.test', exist_ok=True)
    with open(f'{T}/relay.test.{file}') as f, \
         open(f'{T}/tls/relay.test/{kind}.pem', 'w') as to:
        to.write(f.read())
lab.table('tls.cdb', 'tls-build', 'tls')
hashed = subprocess.run(['openssl', 'passwd', '-6', '-stdin'],
                        input=PASSWORD, capture_output=True,
                        text=True).stdout.strip()
with open(T + '/users', 'w') as f:
    f.write(f'{USER}:{hashed}\n')
lab.table('users.cdb', 'table-build', 'users', T + '/users')
serve = lab.Service('tls-serve', '-f', T + '/tls.cdb', name='tls-serve')
auth = lab.Service('auth-check', '-f', T + '/users.cdb', '-D', '0', name='auth')
recv.tables()
sink = recv.Sink()
listener = socket.socket()
listener.bind(('127.0.0.5', 0))
listener.listen(5)
port = listener.getsockname()[1]
server = subprocess.Popen(
    ['smtp-recv', '-s', '-w', '-T', serve.path, '-A', auth.path, '-o',
     sink.path], stdin=listener, stderr=subprocess.DEVNULL,
    env={**os.environ, 'ROHRPOST_ME': 'relay.test', 'ROHRPOST_TABLES': recv.TABLES})
dns = Server({'relay.test': [('A', '127.0.0.5')]})
way = f'smtp:relay.test:{port},auth='
r = mail(way + 'isp', dns=dns, args=['-L', 'tls=encrypted'])
ok(r.starts('R x0 250'), 'smtp-recv -s takes it', r.reports, r.log)
same([p.facts().get('user') for p in sink.parcels], [USER],
     'from who has logged in')
r = mail(way + 'wrong', dns=dns)
fails('but not with a wrong password', r, '4.7.8', 'wrong in relays(5)')
ok('nono' not in r.log and b64(f'\0{USER}\0nono') not in r.log,
   'which is not shown either', r.log)
same(len(sink.parcels), 1, 'and no more mail')
server.terminate()
server.wait(60)
recv.clean()
finish()
