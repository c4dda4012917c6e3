#!/usr/bin/python3
"""smtp-send and OpenSMTPD, Exim: every byte arrives, every recipient gets it
once. They run from where package/deps-unpack has put them, in a mount namespace
in which their users exist."""
import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path[:0] = ['tests', 'tests/smtp-send']
import tap
PEERS = os.path.abspath(os.environ.get('O', 'build') + '/unpacked')
NEEDED = [f'{PEERS}/{n}/usr/sbin/{p}' for n, p in (
    ('opensmtpd', 'smtpd'), ('exim4-daemon-light', 'exim4'))]
if os.geteuid() or not all(os.path.exists(n) for n in NEEDED):
    tap.skip_all('not root, or package/deps-unpack has not been run')
if subprocess.run(['unshare', '-m', 'mount', '-t', 'tmpfs', 'x', '/mnt'],
                  stderr=subprocess.DEVNULL).returncode:
    tap.skip_all('no mount namespaces here')
from bodies import MESSAGES, stored
from peer import parcel
from sender import expect, send

NAMES = ('Debian-exim', 'opensmtpd', 'opensmtpq', 'boxer')
UID = 64104
# it delivers as the user of its own, whom -C leaves no other
EXIM = '''exim_path = {peers}/exim4-daemon-light/usr/sbin/exim4
primary_hostname = mail.bench.test
spool_directory = {root}/spool
log_file_path = {root}/spool/%slog
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
host_lookup =
rfc1413_query_timeout = 0s
smtputf8_advertise_hosts = *
tls_advertise_hosts =
recipients_max = 50
smtp_accept_queue_per_connection = 0
acl_smtp_rcpt = accept
acl_smtp_data = accept
keep_environment =
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = {root}/box/new
  user = Debian-exim
  group = Debian-exim
  message_prefix =
  message_suffix =
  create_directory
'''
OPENSMTPD = '''listen on 127.0.0.1 port {port} hostname mail.bench.test
table all {{ "@bench.test" = "boxer" }}
action "box" maildir "{root}/box" virtual <all>
match from any for domain "bench.test" action "box"
'''
INSIDE = '''mount --bind {root}/passwd /etc/passwd
mount --bind {root}/group /etc/group
for d in /var/lib /var/spool /run /usr/libexec; do mount -t tmpfs x $d; done
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
chmod 711 /var/spool/smtpd
cp -r {peers}/opensmtpd/usr/libexec/opensmtpd /usr/libexec/
exec {peers}/'''


def start(conf, command):
    """(process, directory, port)"""
    root = tempfile.mkdtemp()
    os.chmod(root, 0o755)
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    words = {'root': root, 'port': port, 'peers': PEERS}
    with open(root + '/conf', 'w') as f:
        f.write(conf.format(**words))
    for name, line in (('passwd', '{0}:x:{1}:{1}::{2}:/bin/sh\n'),
                       ('group', '{0}:x:{1}:\n')):
        shutil.copy('/etc/' + name, root)
        with open(f'{root}/{name}', 'a') as f:
            for i, who in enumerate(NAMES):
                f.write(line.format(who, UID - 3 + i, root + '/box'))
    for name, uid in (('spool', UID - 3), ('box', UID)):
        os.mkdir(f'{root}/{name}')
        os.chown(f'{root}/{name}', uid, uid)
    os.chmod(root + '/box', 0o777)
    p = subprocess.Popen(['unshare', '-m', 'sh', '-ec',
                          (INSIDE + command).format(**words)],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def there():
        with socket.socket() as s:
            return p.poll() is not None or not s.connect_ex(('127.0.0.1', port))
    atexit.register(p.kill)
    tap.until(there)
    return p, root, port


def files(root):
    for folder, _, names in os.walk(root + '/box'):
        for name in names if folder.endswith('new') else ():
            if name.startswith('temp.'):  # Exim writes it
                continue
            with open(f'{folder}/{name}', 'rb') as f:
                head, _, body = f.read().partition(b'\n\n')
            yield head.split(b'Subject: ')[-1].split(b'\n')[0].decode(), body


def check(who, conf, command, way):
    p, root, port = start(conf, command)
    kinds = {f'm{i}': kind for i, kind in enumerate(MESSAGES)}

    def one(name, body, to):
        return parcel(f'Subject: {name}\r\n\r\n'.encode() + body, to=to,
                      ident=name, sender='me@bench.test',
                      params=('BODY=8BITMIME',))
    r = send(b''.join(one(n, MESSAGES[k], ['x@bench.test'])
                      for n, k in kinds.items()), '-v', '-s',
             f'127.0.0.1:{port}')
    expect(r, f'{who} takes all', *(f'R {n} 250 2.0.0' for n in kinds))
    tap.ok(f'C: {way}' in r.log, f'{who}: by {way}')
    many = [f'u{i}@bench.test' for i in range(120)]
    r = send(one('many', b'x\r\n', many), '-s', f'127.0.0.1:{port}')
    tap.ok(r.reports and all(' 250 ' in x for x in r.reports),
           f'{who}: 120 recipients', r.reports)
    tap.until(lambda: len(list(files(root))) >= len(kinds) + 120)
    got = list(files(root))
    for name, kind in kinds.items():
        tap.ok([b for n, b in got if n == name] == [stored(MESSAGES[kind])],
               f'{who}: {kind}, whole, once')
    tap.same(sum(n == 'many' for n, _ in got), 120, f'{who}: each gets it once')
    p.terminate()
    p.wait()
    shutil.rmtree(root, True)


check('OpenSMTPD', OPENSMTPD, 'opensmtpd/usr/sbin/smtpd -d -f {root}/conf', 'DATA')
check('Exim', EXIM, 'exim4-daemon-light/usr/sbin/exim4 -C {root}/conf -bdf',
      'BDAT')
tap.finish()
