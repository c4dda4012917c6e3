"""Forwarding with rewritten senders: what queue-put makes of a sender, and
where a look-up leads it back."""
import os
import re
import subprocess
import sys

sys.path[:0] = ['tests/queue-run']
from post import T, parcel, queued, rec, run

CDB = f'{T}/tables/mail.cdb'


def secrets(*lines):
    with open(f'{T}/srs', 'w') as f:
        f.write('\n'.join(lines) + '\n')
    made = subprocess.run(['table-build', 'srs', f'{T}/srs'], check=True,
                          capture_output=True).stdout
    subprocess.run(['cdb', '-c', f'{T}/tables/srs.cdb'], input=made, check=True)


def tables(aliases):
    for name, text in (('domains', 'a.test\n'), ('aliases', aliases)):
        with open(f'{T}/{name}', 'w') as f:
            f.write(text)
    made = subprocess.run(['table-build', 'mail', '-m', f'{T}/mail', '-d',
                           f'{T}/domains', '-a', f'{T}/aliases', f'{T}/users'],
                          check=True, capture_output=True).stdout
    subprocess.run(['cdb', '-c', CDB], input=made, check=True)


def queue(to, sender='s@b.test', klass='received'):
    """The report, and the T records that were queued"""
    for name in queued():
        os.unlink(name)
    out, _ = run(['queue-put', '-c', klass, f'{T}/queue'],
                 parcel(to, sender=sender))
    files = queued()
    text = open(files[0], 'rb').read() if files else b''
    return out, re.findall(rb'\d+:(T\d+\0[^,]*),', text)


def routed(address, *more, rcpt='list@a.test'):
    return rec('T', '\0'.join(('0', address, 'route=remote', f'rcpt={rcpt}',
                               *more)))


def goes(address):
    r = subprocess.run(['alias-rewrite', '-t', CDB, '-q', address],
                       capture_output=True, text=True)
    return r.returncode, [x for x in r.stdout.splitlines() if x[0] != ' ']


def sender(ts):
    found = [re.search(rb'\0from=([^\0]*)', t) for t in ts]
    return [f.group(1).decode() if f else None for f in found]
