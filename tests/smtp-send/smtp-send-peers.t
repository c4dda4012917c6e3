#!/usr/bin/python3
"""smtp-send and real servers: every byte of a message arrives, by DATA and by
BDAT, with and without TLS, and every recipient gets it once."""
import atexit
import os
import re
import shutil
import sys
import tempfile

sys.path[:0] = ['tests', 'tests/smtp-send', 'package/bench.d']
import tap
if os.geteuid() or not os.path.exists('/usr/sbin/postfix'):
    tap.skip_all('Postfix is not there, or we are not root')
import hosts
import servers
from bodies import MESSAGES, stored
from peer import parcel
from sender import expect, send

root = tempfile.mkdtemp()
os.chmod(root, 0o755)
atexit.register(shutil.rmtree, root, True)
hosts.certificate('mail.bench.test')
with open(hosts.T + '/ehlo', 'w') as f:  # what it does not offer to whom
    f.write('127.0.0.7 chunking\n127.0.0.8 chunking, pipelining\n'
            '127.0.0.9 smtputf8, 8bitmime, dsn\n')
with open(hosts.T + '/access', 'w') as f:
    f.write('no@bench.test 550 5.1.1 no\nlater@bench.test 450 4.2.1 later\n')


class Postfix(servers.Postfix):
    MAIN = servers.Postfix.MAIN + f"""
smtpd_recipient_limit = 50
smtputf8_enable = yes
message_size_limit = 2000000
in_flow_delay = 0
smtpd_recipient_restrictions = check_recipient_access
  texthash:{hosts.T}/access, reject_unauth_destination
virtual_mailbox_limit = 0
smtpd_tls_security_level = may
smtpd_tls_cert_file = {hosts.T}/mail.bench.test.pem
smtpd_tls_key_file = {hosts.T}/mail.bench.test.key
smtpd_tls_received_header = yes
local_header_rewrite_clients =
smtpd_discard_ehlo_keyword_address_maps = cidr:{hosts.T}/ehlo
"""
    MASTER = servers.Postfix.MASTER + 'tlsmgr unix - - n 1000? 1 tlsmgr\n'


postfix = Postfix(root + '/postfix')
atexit.register(postfix.tree.stop)
servers.await_port(postfix.port)
WAYS = {'BDAT': (), 'DATA': ('-b', '127.0.0.7'),
        'DATA alone': ('-b', '127.0.0.8')}
TLS = ('-t', hosts.tls.path, '-L', 'tls=encrypted')


def mail(*args):
    return ('-s', f'127.0.0.1:{postfix.port}', *args)


def arrived(name):
    """(X-Original-To, message less what Postfix puts above) of that Subject"""
    out = []
    for n in postfix.delivered():
        with open(f'{postfix.maildir}/new/{n}', 'rb') as f:
            text = f.read()
        above, sep, rest = text.partition(b'Subject: ' + name.encode() + b'\n')
        if sep:
            to = re.search(rb'^X-Original-To: (.*)$', above, re.M)
            out.append((to[1].decode(), sep + rest, above.decode()))
    return out


n = 0
for secure in (), TLS:
    for way, args in WAYS.items():
        names, parcels = {}, []
        for kind, body in MESSAGES.items():
            n += 1
            name = f'm{n}'
            names[name] = kind
            parcels.append(parcel(
                f'Subject: {name}\r\n\r\n'.encode() + body,
                to=['x@bench.test'], ident=name, sender='me@bench.test',
                params=('BODY=8BITMIME',)))
        r = send(b''.join(parcels), *mail(*args, *secure, '-v'))
        how = f'{way}{" in TLS" if secure else ""}'
        expect(r, f'{how}: all are taken', *(f'R {i} 250 2.0.0' for i in names))
        tap.same((r.log.count('C: BDAT') > 0, 'C: DATA' in r.log,
                  r.log.count('C: EHLO')),
                 (way == 'BDAT', way != 'BDAT', 2 if secure else 1),
                 f'{how}: that way, over one connection')
        tap.ok(tap.until(lambda: all(arrived(i) for i in names)),
               f'{how}: all arrive')
        for name, kind in names.items():
            got = [m for _, m, _ in arrived(name)]
            tap.ok(got == [f'Subject: {name}\n\n'.encode() +
                           stored(MESSAGES[kind])],
                   f'{how}: {kind}, whole, once', len(got),
                   got and got[0][:200])
            tap.same('TLSv1.2' in arrived(name)[0][2], bool(secure),
                     f'{how}: {kind}: what Postfix says of TLS')
tap.ok('tls=TLSv1.2/' in r.log, 'and what the log says of it', r.log)

# RFC 5321 4.5.3.1.10: more recipients than it takes at once
for way, args in WAYS.items():
    name = 'many by ' + way
    many = [f'u{i}@bench.test' for i in range(120)]
    r = send(parcel(f'Subject: {name}\r\n\r\nx\r\n'.encode(), to=many,
                    sender='me@bench.test'), *mail(*args, '-v'))
    tap.ok(r.reports[-1].startswith('R x1 250') and
           all(' 250 ' in x for x in r.reports), f'{name}: 120 recipients',
           r.reports)
    tap.ok(tap.until(lambda: len(arrived(name)) >= 120), f'{name}: all arrive')
    tap.same(sorted(to for to, _, _ in arrived(name)), sorted(many),
             f'{name}: each gets it once')

# RFC 6531, 6533
utf8 = parcel('Subject: utf8\r\nX: ü\r\n\r\nx\r\n'.encode(),
              to=['bü@bench.test'], sender='ü@bench.test',
              params=('SMTPUTF8', 'BODY=8BITMIME'))
expect(send(utf8, *mail()), 'SMTPUTF8', 'R x1 250 2.0.0')
tap.ok(tap.until(lambda: arrived('utf8')), 'arrives')
tap.same(arrived('utf8')[0][:2],
         ('bü@bench.test', 'Subject: utf8\nX: ü\n\nx\n'.encode()), 'as it was')
tap.ok('(SMTPUTF8' in arrived('utf8')[0][2] or
       'UTF8SMTP' in arrived('utf8')[0][2], 'RFC 6531 4.3: by SMTPUTF8',
       arrived('utf8')[0][2])
expect(send(utf8, *mail('-b', '127.0.0.9')), 'a Postfix without SMTPUTF8',
       'R x1 550 5.6.7')
expect(send(parcel(b'Subject: x\r\n\r\n\xfc\r\n', to=['x@bench.test'],
                   sender='me@bench.test', params=('BODY=8BITMIME',)),
            *mail('-b', '127.0.0.9')), 'one without 8BITMIME', 'R x1 554 5.6.3')

# RFC 5321 3.3: what it refuses, it refuses to one
r = send(parcel(b'Subject: half\r\n\r\nx\r\n', sender='me@bench.test', to=[
    f'{who}@bench.test' for who in ('yes', 'no', 'later')]), *mail())
expect(r, 'some recipients', 'T 0 250 2.0.0', 'T 1 550 5.1.1', 'T 2 450 4.2.1',
       'R x1 250')
tap.ok(tap.until(lambda: arrived('half')), 'arrives')
tap.same([to for to, _, _ in arrived('half')], ['yes@bench.test'],
         'with those that were taken')
r = send(parcel(b'Subject: big\r\n\r\n' + b'x\r\n' * 700000,
                to=['x@bench.test'], sender='me@bench.test'), *mail('-v'))
expect(r, 'RFC 1870: too big', 'R x1 552 5.3.4')
tap.ok('C: MAIL' not in r.log, 'Postfix is not asked', r.log)
hosts.tls.stop()
tap.finish()
