#!/usr/bin/python3
"""Clients of others against smtp-recv: swaks in its modes, Postfix's smtp-source
as a flood, Postfix's smtp(8) as it relays, with TLS and DSN."""
import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv', 'tests/tls-serve']
import lab
import tap
from recv import T, Sink, clean, listen_tcp, tables, wait

tables()
sink = Sink()
lab.self_signed('mx.a.test', 'mx.a.test', 'P-256')
lab.table('tls.cdb', 'tls-build', 'tls')
service = lab.Service('tls-serve', '-f', lab.T + '/tls.cdb')
server, port = listen_tcp('smtp-recv', '-T', service.path, '-c', '100', '-C',
                          '100', '-o', sink.path)
staged, staged_port = listen_tcp('smtp-recv', '-S', 'connect,sender,rcpt',
                                 '-c', '100', '-C', '100', '-o', sink.path)
lmtp, lmtp_port = listen_tcp('smtp-recv', '-l', '-c', '100', '-C', '100', '-o',
                             sink.path)


def came(n, before):
    wait(lambda: len(sink.whole()) >= before + n)
    return len(sink.whole()) - before


early = ('--quit-after',), ('--drop-after',)


def swaks(*args, code=0, where=None, rule=''):
    before = len(sink.whole())
    r = subprocess.run(['swaks', '--server', '127.0.0.1', '--port',
                        str(where or port), '--helo', 'c.test', '--from',
                        's@b.test', '--to', 'alice@a.test', *args],
                       capture_output=True, errors='replace', timeout=60)
    n = len(sink.whole()) - before
    return tap.ok((r.returncode == 0) == (code == 0) and
                  n == (code == 0 and args[:1] not in early),
                  f'swaks {" ".join(args)[:50]} {rule}', r.stdout[-500:],
                  r.returncode, n)


with open(T + '/high', 'wb') as f:
    f.write(b'Subject: x\r\n\r\n\xc3\xa9\xff\r\n..\r\n.x\r\n')
swaks()
swaks('--pipeline')
swaks('--protocol', 'SMTP', rule='(HELO)')
swaks('--protocol', 'LMTP', where=lmtp_port)
swaks('--protocol', 'LMTP', '--pipeline', where=lmtp_port)
swaks('--pipeline', where=staged_port, rule='with stages')
swaks('-tls')
swaks('-tls', '--pipeline')
swaks('-tls', '--protocol', 'ESMTPS')
swaks('--data', '@' + T + '/high', rule='(8-bit, dots)')
tap.ok(sink.whole()[-1].message().startswith(b'Subject: x\r\n\r\n\xc3\xa9\xff'),
       'as it was sent')
swaks('--to', ','.join(f'u{n}@a.test' for n in range(50)), '--pipeline')
swaks('--to', 'nobody@a.test', code=1)
swaks('--to', 'x@far.test', code=1)
for verb in ('CONNECT', 'HELO', 'MAIL', 'RCPT', 'DATA'):
    for where in (port, staged_port):
        if verb != 'DATA':
            swaks('--quit-after', verb, where=where)
        swaks('--drop-after', verb, where=where)
swaks(rule='after all that')

# OpenSMTPD's own client, by package/deps-unpack
OPENSMTPD = os.environ.get('O', 'build').replace('build-san', 'build') + \
    '/unpacked/opensmtpd/usr/bin/smtp'


def opensmtpd(url, *to, code=0):
    before = len(sink.whole())
    r = subprocess.run([OPENSMTPD, '-C', '-F', 's@b.test', '-H', 'c.test', '-s',
                        url, *(to or ['alice@a.test'])], capture_output=True,
                       input=b'Subject: o\n\n.dot\n\xc3\xa9\n', timeout=60)
    n = came(not code, before)
    said = b': %d ' % (code or 250) in r.stderr  # it exits 0 in any case
    return tap.ok(said and n == (code == 0),
                  f'OpenSMTPD: {url.split(":")[0]} {" ".join(to)}', r.stderr,
                  r.stdout, n)


if not os.path.exists(OPENSMTPD):
    tap.ok(True, 'OpenSMTPD was not to be had # SKIP')
else:
    opensmtpd(f'smtp://127.0.0.1:{port}')
    tap.ok(b'\r\n\r\n.dot\r\n\xc3\xa9\r\n' in sink.whole()[-1].message(),
           'OpenSMTPD: dots and 8 bits')
    opensmtpd(f'smtp+tls://127.0.0.1:{port}')
    opensmtpd(f'smtp+notls://127.0.0.1:{port}')
    opensmtpd(f'smtp://127.0.0.1:{staged_port}')
    opensmtpd(f'lmtp://127.0.0.1:{lmtp_port}')
    opensmtpd(f'smtp://127.0.0.1:{port}', 'nobody@a.test', code=550)
    opensmtpd(f'smtp://127.0.0.1:{port}', 'x@far.test', code=550)

if not shutil.which('smtp-source'):
    tap.ok(True, 'Postfix is not here # SKIP')
else:
    for args, where, n in (
            (['-s', '20', '-m', '500', '-l', '4000'], port, 500),
            (['-s', '20', '-m', '200'], staged_port, 200),
            (['-d', '-s', '5', '-m', '100', '-l', '60000'], port, 100),
            (['-L', '-s', '10', '-m', '200'], lmtp_port, 200)):
        before = len(sink.whole())
        r = subprocess.run(['smtp-source', *args, '-f', 's@b.test', '-t',
                            'alice@a.test', f'127.0.0.1:{where}'],
                           capture_output=True, timeout=120)
        tap.same((r.returncode, came(n, before)), (0, n),
                 f'smtp-source {" ".join(args)}: all came, none twice')

MAIN = """compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log/maillog
maillog_file_prefixes = {root}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = out.b.test
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
disable_dns_lookups = yes
relayhost = [127.0.0.1]:{out}
smtp_tls_security_level = encrypt
smtp_tls_loglevel = 1
import_environment = MAIL_CONFIG={root}/etc
"""
MASTER = """127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def postfix(root):
    """(process, port) of a Postfix that relays all mail to us."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        its = s.getsockname()[1]
    daemon = pwd.getpwnam('postfix')
    for d in ('', '/etc', '/queue', '/data', '/log'):
        os.mkdir(root + d, 0o755)
    os.chown(root + '/data', daemon.pw_uid, daemon.pw_gid)
    os.chmod(T, 0o755)
    for name, text in (('main.cf', MAIN.format(root=root, out=port)),
                       ('master.cf', MASTER.format(port=its))):
        with open(f'{root}/etc/{name}', 'w') as f:
            f.write(text)
    p = subprocess.Popen(['/usr/sbin/postfix', '-c', root + '/etc',
                          'start-fg'], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)

    def there():
        try:
            socket.create_connection(('127.0.0.1', its), 5).close()
            return True
        except OSError:
            return False
    wait(there)
    return p, its


if os.geteuid() or not os.path.exists('/usr/sbin/postfix'):
    tap.ok(True, 'Postfix needs root # SKIP')
else:
    root = T + '/postfix'
    p, its = postfix(root)
    before = len(sink.whole())
    with smtplib.SMTP('127.0.0.1', its, timeout=60) as c:
        c.ehlo('x.test')
        c.mail('s@b.test', ['RET=HDRS', 'ENVID=QQ+2B1', 'BODY=8BITMIME'])
        c.rcpt('alice@a.test', ['NOTIFY=SUCCESS,FAILURE',
                                'ORCPT=rfc822;al+2Bice@a.test'])
        c.rcpt('nobody@a.test', ['NOTIFY=NEVER'])
        c.data(b'Subject: by Postfix\r\n\r\n.dots\r\n..\r\n\xc3\xa9\r\n')
        for n in range(30):
            c.sendmail('s@b.test', ['bob@a.test', 'alice@a.test'],
                       f'Subject: {n}\r\n\r\nx\r\n')
    tap.same(came(31, before), 31, "Postfix's smtp(8) relays 31 messages")
    got = [m for m in sink.whole()[before:] if b'by Postfix' in m.message()]
    log = open(root + '/log/maillog').read()
    tap.ok(len(got) == 1 and got[0].message().endswith(
        b'\r\n\r\n.dots\r\n..\r\n\xc3\xa9\r\n'), 'whole', log[-2000:])
    tap.same(got and got[0].all('F')[0].split(b'\0')[-3:],
             [b'BODY=8BITMIME', b'RET=HDRS', b'ENVID=QQ+2B1'],
             'RFC 3461: with RET and ENVID')
    tap.same(got and got[0].all('T')[0].split(b'\0')[-2:],
             [b'notify=SUCCESS,FAILURE', b'orcpt=rfc822;al+2Bice@a.test'],
             'NOTIFY and ORCPT')
    tap.same(got and got[0].facts()['proto'], 'ESMTPS', 'over TLS')
    tap.ok('status=bounced (host 127.0.0.1' in log and '5.1.1' in log,
           'and the unknown recipient is refused')
    master = int(open(root + '/queue/pid/master.pid').read())
    os.kill(master, signal.SIGTERM)  # postfix start-fg waits for it
    p.wait(60)
for p in (server, staged, lmtp):
    p.terminate()
    p.wait()
service.stop()
clean()
tap.finish()
