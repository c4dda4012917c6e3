#!/usr/bin/python3
"""maildir-put: quotas (accounts(5)), refused at RCPT, in maildirsize."""
import os
import re
import shutil
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/queue-run']
import tap
from post import T, MESSAGE, Sink, inbox, local, make_tables, parcel, rec, run, \
    service

PUT = ['maildir-put']
QUEUE = ['maildir-put', '-q', f'{T}/run/q']
SIZE = f'{T}/mail/a.test/alice/maildirsize'
make_tables('alice@a.test quota=2K messages=4\n'
            'bob@a.test messages=1\ncarol@a.test quota=1M\n')
rest = b'x' * 70 + b'\r\n'


def message(n):
    return MESSAGE + rest * (n // len(rest))


def size():
    with open(SIZE) as f:
        return f.read()


# At delivery
out, _ = run(PUT, parcel(local(0, 'alice')))
tap.same(out, ['R p1 250 2.0.0 Delivered'], 'what fits is stored')
n = len(inbox('alice')[0])
tap.same(size(), f'2048S,4C\n0 0\n{n} 1\n', 'Maildir++: and noted')
out, _ = run(PUT, parcel(local(0, 'alice'), message=message(2048)))
tap.same((out, len(inbox('alice'))), (['R p1 552 5.2.2 Mailbox full'], 1),
         'RFC 3463 X.2.2: over quota')
out, _ = run(PUT + ['-t'], parcel(local(0, 'alice'), message=message(2048)))
tap.same(out, ['R p1 452 4.2.2 Mailbox full'], '-t: it may be emptied')
out, _ = run(PUT, parcel(local(0, 'alice'), after=[rec('V', 'junk')],
                         message=message(1000)))
tap.same((out[0][:8], len(inbox('alice', '.Junk'))), ('R p1 250', 1),
         'another mailbox of the account')
out, _ = run(PUT, parcel(local(0, 'alice'), message=message(1000)))
tap.same(out[0][:8], 'R p1 552', 'counts, too')
for f in os.listdir(f'{T}/mail/a.test/alice/.Junk/new'):
    os.unlink(f'{T}/mail/a.test/alice/.Junk/new/{f}')
out, _ = run(PUT, parcel(local(0, 'alice'), message=message(1000)))
tap.same(out[0][:8], 'R p1 250', 'room that others made is found at once')
run(PUT, parcel(local(0, 'bob')))
out, _ = run(PUT, parcel(local(0, 'bob'), local(1, 'carol')))
tap.same(out, ['T 0 552 5.2.2 Mailbox full', 'T 1 250 2.0.0 Delivered',
               'R p1 250 2.0.0 Delivered'], 'each recipient has its own fate')
tagged = f'{T}/mail/a.test/bob/new/1.QabcR0.h,S=1,W=1'
open(tagged, 'w').close()
p = (rec('I', 'p1') + rec('P', 'queue=abc') + rec('P', 'attempt=2?') +
     rec('F', 's@b.test') + local(0, 'bob') + rec('M', MESSAGE) + rec('.'))
out, _ = run(PUT, p)
tap.same(out, ['R p1 250 2.0.0 Delivered'],
         'what is there already is no reason for a bounce')
os.unlink(tagged)

# A warning
with open(f'{T}/warn', 'w') as f:
    f.write(f'#!/bin/sh\necho "$ACCOUNT $PERCENT" >> {T}/warned\n')
os.chmod(f'{T}/warn', 0o755)
os.environ['ROHRPOST_QUOTA_WARN'] = f'50,90 {T}/warn'
run(PUT, parcel(local(0, 'carol'), message=message(400 << 10)))
run(PUT, parcel(local(0, 'carol'), message=message(200 << 10)))
tap.until(lambda: os.path.exists(f'{T}/warned'))
run(PUT, parcel(local(0, 'carol')))
with open(f'{T}/warned') as f:
    tap.same(f.read(), 'carol@a.test 50\n',
             'ROHRPOST_QUOTA_WARN: once, when the threshold is passed')
del os.environ['ROHRPOST_QUOTA_WARN']

# At RCPT, when it is asked
def asked(*to, ident='p1', sender='s@b.test', end=b''):
    out, _ = run(QUEUE, b''.join([rec('I', ident), rec('F', sender), *to]) + end)
    return out


q = Sink('q')
tap.same(asked(local(0, 'bob'), rec('?')),
         ['Q p1 552 5.2.2 Mailbox full'],
         'design: a full mailbox is refused at RCPT')
tap.same(run([*QUEUE, '-t'], rec('I', 'p1') + rec('F', 's@b.test') +
             local(0, 'bob') + rec('?'))[0], ['Q p1 452 4.2.2 Mailbox full'],
         '-t: for now')
tap.same(asked(local(0, 'alice'), rec('?')), ['Q p1 250 2.0.0 Go on'],
         'one with room is not')
tap.same(asked(local(0, 'alice'), rec('?'), sender='s@b.test\0SIZE=3000'),
         ['Q p1 552 5.2.2 Mailbox full'], 'RFC 1870 6.3: SIZE counts')
service('queue', 'queue-put', '-w', '-c', 'received')
QUEUE[2] = f'{T}/run/queue'
tap.same(asked(local(0, 'carol'), rec('?'), local(1, 'bob'), rec('?'),
               local(2, 'alice'), rec('?'), local(3, 'bob'), rec('?'),
               local(4, 'carol'), rec('?')),
         ['Q p1 250 2.0.0 Go on', 'Q p1 552 5.2.2 Mailbox full',
          'Q p1 250 2.0.0 Go on', 'Q p1 552 5.2.2 Mailbox full',
          'Q p1 250 2.0.0 Go on'], 'also of those that the queue will deliver')
tap.same(asked(local(0, 'carol'), local(0, 'bob'), rec('?')),
         ['Q p1 250 2.0.0 Go on'], 'an alias is not refused for one target')
out = asked(local(0, 'carol'), rec('?'), local(1, 'bob'), rec('?'),
            end=rec('M', MESSAGE) + rec('.'))
tap.ok(len(out) == 3 and out[2][:8] == 'R p1 250',
       'who was refused is not delivered to', out)

# imap-serve notes what it brings, but not what it moves
lines = size().count('\n')
out, _ = run(['imap-serve', f'{T}/mail/a.test/alice'],
             b'a APPEND Sent {12+}\r\nA: b\r\n\r\nxx\r\n\r\nb SELECT INBOX\r\n'
             b'c COPY 1 Trash\r\nd MOVE 1 Archive\r\ne LOGOUT\r\n')
new = size().splitlines()[lines:]
tap.ok(len(new) == 2 and new[0].endswith(' 1') and new[1].endswith(' 1') and
       all(any(x.startswith(f'{t} OK') for x in out) for t in 'abcd'),
       'APPEND and COPY are noted, MOVE is not', new, out)

# Together with Dovecot
with open(SIZE, 'a') as f:
    f.write('900000 1\n')
os.utime(SIZE, (1, 1))
out, _ = run(PUT, parcel(local(0, 'alice')))
tap.ok(re.fullmatch(r'2048S,4C\n\d+ \d\n', size()),
       'a wrong maildirsize is counted anew before it says no', size(), out)
conf = f'{T}/dovecot.conf'
uid, gid = os.geteuid(), os.getegid()
if not uid:  # Dovecot serves no root
    uid = gid = 65534
    os.chmod(T, 0o755)
    subprocess.run(['chown', '-R', f'{uid}:{gid}', f'{T}/mail'], check=True)
with open(conf, 'w') as f:
    f.write(f'''mail_location = maildir:{T}/mail/a.test/carol
mail_plugins = quota
base_dir = {T}/dovecot
log_path = /dev/null
ssl = no
default_internal_user = {os.environ.get("USER", "root")}
default_login_user = {os.environ.get("USER", "root")}
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 0
first_valid_gid = 0
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={T}
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage=1M
}}
''')
p = shutil.which('doveadm') and subprocess.run(
    ['doveadm', '-c', conf, '-f', 'tab', 'quota', 'get'],
    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
    env={**os.environ, 'HOME': T, 'USER': 'carol'})
carol = f'{T}/mail/a.test/carol/maildirsize'
before = open(carol).read()
if p and 'MESSAGE' in p.stdout:
    used = dict((x.split('\t')[1], x.split('\t')[2])
                for x in p.stdout.splitlines()[1:])
    tap.same((used['MESSAGE'], open(carol).read()),
             (str(len(inbox('carol'))), before),
             'Dovecot believes our maildirsize')
else:
    tap.ok(True, 'Dovecot believes our maildirsize # SKIP no doveadm quota: '
           + (p.stdout if p else '').replace('\n', ' ')[:100])
tap.finish()
