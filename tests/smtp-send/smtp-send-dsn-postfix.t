#!/usr/bin/python3
"""smtp-send and a real Postfix, which announces DSN: it is given what the
sender asked for, and tells him itself (RFC 3461 5.2.2 a)."""
import atexit
import email
import os
import shutil
import sys
import tempfile

sys.path[:0] = ['tests', 'tests/smtp-send', 'package/bench.d']
if os.geteuid() or not os.path.exists('/usr/sbin/postfix'):
    print('1..0 # SKIP Postfix is not there, or we are not root')
    sys.exit(0)
import servers
import tap
from peer import parcel
from sender import MESSAGE, expect, send

root = tempfile.mkdtemp()
os.chmod(root, 0o755)
atexit.register(shutil.rmtree, root, True)
postfix = servers.Postfix(root + '/postfix')
atexit.register(postfix.tree.stop)
servers.await_port(postfix.port)


def mail():
    for n in postfix.delivered():
        with open(f'{postfix.maildir}/new/{n}', 'rb') as f:
            yield email.message_from_bytes(f.read())


def reports():
    return [m for m in mail() if m.get_content_type() == 'multipart/report']


to = [f'{n}@bench.test' for n in 'xy']
r = send(parcel(MESSAGE, to=to[:1], sender='me@bench.test',
                params=('RET=HDRS', 'ENVID=abc+2B1'),
                toparams=('notify=SUCCESS', 'orcpt=rfc822;o+2Bx@a.test')),
         '-s', f'127.0.0.1:{postfix.port}')
expect(r, 'Postfix takes it: no 2.1.9, it is not for us to tell',
       'R x1 250 2.0.0')
tap.ok(tap.until(reports, 60), 'Postfix tells the sender')
first, x = reports()[0].get_payload()[1].get_payload()
tap.same((first['Original-Envelope-Id'], x['Original-Recipient'],
          x['Final-Recipient'], x['Action']),
         ('abc+1', 'rfc822;o+x@a.test', 'rfc822; x@bench.test', 'delivered'),
         'RFC 3461: by the ENVID and ORCPT that we handed on')
r = send(parcel(MESSAGE, to=to[1:], sender='me@bench.test',
                toparams=('notify=NEVER',)),
         '-s', f'127.0.0.1:{postfix.port}')
expect(r, 'without SUCCESS', 'R x1 250 2.0.0')
tap.ok(tap.until(lambda: len(list(mail())) == 3, 60) and len(reports()) == 1,
       'it is delivered, and no more is told')
tap.finish()
