#!/usr/bin/python3
"""SRS end to end: queue-put rewrites senders of what is forwarded, and a look-up
leads bounces back."""
import os
import re
import shutil
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/alias-rewrite']
import tap
from forward import (CDB, T, goes, parcel, queue, rec, routed, secrets, sender,
                     tables)

tables('''
list@a.test: alice@a.test, far@c.test, nobody@a.test
kept@a.test keep-sender: far@c.test
''')
out, ts = queue(rec('T', '0\0list@a.test'))
tap.same(sender(ts), [None, None], 'without secrets the sender stays')
secrets('# secrets', 'the first secret of them')
out, ts = queue(rec('T', '0\0list@a.test'))
tap.ok(len(ts) == 2 and sender(ts)[0] is None and
       re.fullmatch(r'SRS0=[a-z2-7]{8}=[a-z2-7]{2}=b\.test=s@a\.test',
                    sender(ts)[1] or ''),
       'one good local, one remote, one bad target: the remote one gets an SRS0 '
       'address in the domain of the alias', out, ts)
srs = sender(ts)[1]
out, ts = queue(routed('far@c.test', 'from=evil@d.test'))
tap.same(sender(ts), [srs],
         'a routed T too; what a received one says of itself is not believed')
out, ts = queue(routed('far@c.test', rcpt='kept@a.test'))
tap.same(sender(ts), [None], 'keep-sender')
out, ts = queue(rec('T', '0\0list@a.test'), 'bob@a.test')
tap.same(sender(ts), [None, None], 'a sender of ours stays')
out, ts = queue(rec('T', '0\0list@a.test'), '')
tap.same(sender(ts), [None, None], 'so does the null path')
out, ts = queue(routed('far@c.test', 'from=s@b.test'), klass='submitted')
tap.same(sender(ts), ['s@b.test'], 'smtp-recv of a submission is believed')
out, ts = queue(rec('T', '0\0x@c.test\0route=remote'), klass='submitted')
tap.same(sender(ts), [None], 'what is not forwarded stays')
out, ts = queue(rec('T', '0\0list@a.test'), 'SRS0=x=y=z.test=u@b.test')
tap.ok((sender(ts)[1] or '').startswith('SRS1='), 'SRS0 of another: SRS1', ts)

tap.same(goes(srs), (0, ['remote s@b.test (sender <>)']), 'a bounce goes back')
tap.same(goes(srs.lower()), (0, ['remote s@b.test (sender <>)']),
         'in lower case, too')
out, ts = queue(routed('s@b.test', rcpt=srs), '')
tap.same(sender(ts), [''], 'queue-put lets it out, with the null path')
out, ts = queue(rec('T', f'0\0{srs}'), 'robot@d.test')
tap.same(sender(ts), [''], 'whoever sent it')
forged = srs.replace('=s@', '=t@')
tap.same(goes(forged), (1, []), 'a forged one goes nowhere')
out, ts = queue(rec('T', f'0\0{forged}'), '')
tap.ok('550 5.7.1' in str(out) and not ts, '550 5.7.1', out)
out, ts = queue(rec('T', f'0\0{srs}'), 'bob@a.test', 'submitted')
tap.same(sender(ts), [''], 'a submission leaves the answer to queue-put')
out, ts = queue(rec('T', f'0\0{forged}'), 'bob@a.test', 'submitted')
tap.ok('550 5.7.1' in str(out) and not ts, 'which may be no', out)
secrets('a second secret of them', 'the first secret of them')
tap.same(goes(srs)[0], 0, 'a secret on top of the old one: still good')
out, ts = queue(rec('T', '0\0list@a.test'))
tap.ok(sender(ts)[1] != srs and goes(sender(ts)[1])[0] == 0,
       'the new one makes', ts)
secrets('a second secret of them')
tap.same(goes(srs), (1, []), 'the old one is gone')
os.unlink(f'{T}/tables/srs.cdb')
tap.same(goes(srs), (1, []), 'without secrets: an address like others')
with open(f'{T}/tables/srs.cdb', 'w') as f:
    f.write('broken')
tap.same(goes(srs)[0], 111, 'broken secrets are no forgery')
out, ts = queue(rec('T', '0\0list@a.test'))
tap.ok(not ts and '451' in str(out), 'nor do they let mail out unchanged', out)
os.chmod(f'{T}/tables/srs.cdb', 0)
os.chmod(T, 0o755)
alias = [shutil.copy(shutil.which('alias-rewrite'), T)]
if os.geteuid() == 0:
    alias[:0] = ['setpriv', '--reuid', '65534', '--clear-groups',
                 '--bounding-set', '-all']
out = subprocess.run(alias, input=parcel(rec('T', f'0\0{srs}\0notify=NEVER')),
                     capture_output=True, check=True).stdout
tap.same(re.findall(rb'\d+:([TV]\d+\0[^,]*),', out),
         [b'T0\0%s\0notify=NEVER' % srs.encode()],
         'secrets that are not for alias-rewrite: the T passes as it is')
r = subprocess.run([*alias, '-q', srs], capture_output=True, text=True)
tap.ok(r.returncode == 111 and 'not for us to read' in r.stdout,
       'alias-rewrite -q says so', r)
os.chmod(f'{T}/tables/srs.cdb', 0o600)
with open(f'{T}/srs', 'w') as f:
    f.write('a good secret of many\npostsrsd:short\n')
r = subprocess.run(['table-build', 'srs', f'{T}/srs'], capture_output=True,
                   text=True)
tap.ok(r.returncode == 1 and not r.stdout and
       r.stderr.endswith('srs:2: too short a secret\n'), 'table-build srs', r)
tap.finish()
