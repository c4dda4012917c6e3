#!/usr/bin/python3
"""LMTP (RFC 2033): Dovecot's over a unix socket and TCP, a scripted one;
smtp: and mx: in via."""
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

sys.path[:0] = ['tests', 'tests/smtp-send', 'tests/queue-run']
import tap
from sender import expect, send

MESSAGE = b'Subject: x\r\n\r\n.dot\r\nhello\r\n'
T = tempfile.mkdtemp()
os.chmod(T, 0o755)


def rec(kind, body=''):
    body = body.encode() if isinstance(body, str) else body
    return b'%d:%s%s,' % (len(body) + 1, kind.encode(), body)


def parcel(via, *to, ident='p1', params=''):
    return b''.join([rec('I', ident), rec('F', 's@b.test' + params)] + [
        rec('T', '\0'.join([str(i), a, 'route=remote', f'via={via}',
                            'notify=SUCCESS']))
        for i, a in enumerate(to)] + [rec('M', MESSAGE), rec('.')])


class Script:
    """A server that says one thing after the other; each line that comes is
    answered, and what stands behind None follows the dot."""

    def __init__(self, *answers, path=None, after=(), loop=1):
        self.s = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.s.bind(path or ('127.0.0.1', 0))
        self.s.listen()
        self.port = None if path else self.s.getsockname()[1]
        self.lines = []
        self.t = threading.Thread(target=self.run, daemon=True,
                                  args=(answers, after, loop))
        self.t.start()

    def run(self, answers, after, loop):
        c, _ = self.s.accept()
        f = c.makefile('rb')
        c.sendall(b'220 hi\r\n')
        for _ in range(loop):
            for a in answers:
                self.lines.append(f.readline().decode().strip())
                c.sendall(a.encode())
            while f.readline() not in (b'.\r\n', b''):
                pass
            for a in after:
                c.sendall(a.encode())
        if not after or after[-1]:
            f.readline()
        c.close()
        self.s.close()


HELLO = '250-h\r\n250-DSN\r\n250-CHUNKING\r\n250 PIPELINING\r\n'
OK = '250 2.1.0 Ok\r\n'
p = f'{T}/one'
s = Script(HELLO, OK, OK, '550 5.1.1 No\r\n', OK, OK,
           '354 go\r\n', path=p,
           after=['250 2.0.0 A\r\n452 4.2.2 Full\r\n', '550 5.2.3 Big\r\n'])
r = send(parcel(f'lmtp:{p}', 'a@x.test', 'n@x.test', 'b@x.test', 'c@x.test'))
s.t.join(20)
expect(r, 'RFC 2033 4.2: a reply for each recipient that was taken, in order',
       f'T 0 250 2.1.9 {p} said: A', f'T 1 550 5.1.1 {p} said: No',
       f'T 2 452 4.2.2 {p} said: Full', f'T 3 550 5.2.3 {p} said: Big', 'R p1 250')
tap.same(s.lines[0], 'LHLO me.test', 'RFC 2033 4.1: LHLO')
tap.ok('NOTIFY' not in ''.join(s.lines), 'no DSN parameters', s.lines)
s = Script(HELLO, OK, OK, OK, '354 go\r\n', path=f'{T}/two',
           after=['250 2.0.0 A\r\n', ''])
r = send(parcel(f'lmtp:{T}/two', 'a@x.test', 'b@x.test'))
expect(r, 'a connection that is lost defers whom it did not answer for',
       'T 0 250 2', 'T 1 451 4.4.2', 'R p1 250')
s = Script('500 5.5.1 What\r\n', path=f'{T}/three')
r = send(parcel(f'lmtp:{T}/three', 'a@x.test'))
tap.ok(r.reports[0].startswith('R p1 500 5.5.1'), 'no HELO to one that refuses '
       'LHLO', r.reports)
expect(send(parcel(f'lmtp:{T}/none', 'a@x.test')), 'no socket: deferred',
       'R p1 451 4.4.1')
s = Script('250 h\r\n', OK, OK, '354 go\r\n', after=['250 2.0.0 A\r\n'])
expect(send(parcel(f'smtp:127.0.0.1:{s.port}', 'a@x.test')),
       'smtp: is SMTP', 'R p1 250 2.1.9 127.0.0.1')
tap.same(s.lines[0], 'EHLO me.test', 'with EHLO')
r = send(parcel('mx:[127.0.0.1]', 'a@x.test'), '-p', '1')
tap.ok('R p1 451 4.4.1' in r.reports[0] and '127.0.0.1' in r.reports[0],
       'mx: is a domain', r.reports)
expect(send(parcel(f'lmtp:{T}/none', 'a@x.test', params='\0REQUIRETLS')),
       'RFC 8689: a socket has no REQUIRETLS', 'R p1 550 5.7.30')

# Dovecot
if not os.path.exists('/usr/lib/dovecot/lmtp'):
    tap.finish()
me = pwd.getpwuid(os.getuid() or 65534)
with socket.socket() as x:
    x.bind(('127.0.0.1', 0))
    port = x.getsockname()[1]
for d in ('run', 'mail'):
    os.mkdir(f'{T}/{d}')
os.chown(f'{T}/mail', me.pw_uid, me.pw_gid)
with open(f'{T}/conf', 'w') as f:
    f.write(f"""base_dir = {T}/run
state_dir = {T}/run
log_path = {T}/log
ssl = no
protocols = lmtp
mail_location = maildir:{T}/mail/%n
default_internal_user = {me.pw_name}
default_internal_group = {__import__('grp').getgrgid(me.pw_gid).gr_name}
default_login_user = {me.pw_name}
first_valid_uid = 1
mail_uid = {me.pw_uid}
mail_gid = {me.pw_gid}
lda_mailbox_autocreate = yes
service lmtp {{
  user = {me.pw_name}
  unix_listener {T}/lmtp {{
    mode = 0666
  }}
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = passwd-file
  args = {T}/users
}}
""")
with open(f'{T}/users', 'w') as f:
    for n in ('alice', 'bob'):
        f.write(f'{n}@x.test::{me.pw_uid}:{me.pw_gid}::{T}/mail/{n}\n')
dovecot = subprocess.Popen(['dovecot', '-F', '-c', f'{T}/conf'],
                           stdout=subprocess.DEVNULL)


def mail(name):
    d = f'{T}/mail/{name}/new'
    return [open(f'{d}/{x}', 'rb').read() for x in sorted(os.listdir(d))] \
        if os.path.isdir(d) else []


def log():
    try:
        return open(f'{T}/log').read()
    except OSError as e:
        return str(e)


try:
    tap.ok(tap.until(lambda: os.path.exists(f'{T}/lmtp')), "Dovecot's LMTP",
           log())
    r = send(parcel(f'lmtp:{T}/lmtp', 'alice@x.test', 'no@x.test',
                    'bob@x.test') +
             parcel(f'lmtp:{T}/lmtp', 'alice@x.test', ident='p2'))
    expect(r, 'over its unix socket, two messages', 'T 0 250 2', 'T 1 550 5.1.1',
           'T 2 250 2', 'R p1 250 2', 'R p2 250 2')
    tap.ok('connect=0ms' in r.log, 'over one connection', r.log)
    tap.same((len(mail('alice')), len(mail('bob'))), (2, 1),
             'each mailbox has its own')
    tap.ok(mail('bob') and mail('bob')[0].endswith(b'\n\n.dot\nhello\n'),
           'whole', mail('bob'))
    expect(send(parcel(f'lmtp:127.0.0.1:{port}', 'bob@x.test')), 'over TCP',
           'R p1 250 2')
    tap.same(len(mail('bob')), 2, 'it is there')
finally:
    dovecot.terminate()
    dovecot.wait(20)
    shutil.rmtree(T, True)
tap.finish()
