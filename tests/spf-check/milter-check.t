#!/usr/bin/python3
"""milter-check with real milters: opendkim signs and verifies, opendmarc reads
the results of ours, rspamd's proxy refuses; in one pipeline with rspamd-check,
whose servers are killed. None of them asks a resolver."""
import atexit
import os
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/spf-check', 'tests/smtp-send']
import dkim

import content
from content import ENV, T, parcel, records, run
from rspamd import Rspamd
from tap import finish, ok, same, until

OPENDKIM = '''
Socket local:%(t)s/opendkim.sock
Mode sv
Domain b.test
Selector s
KeyFile %(t)s/key
Canonicalization %(canon)s
InternalHosts %(t)s/hosts
TestPublicKeys %(t)s/keys
Nameservers 127.0.0.254
RequireSafeKeys no
Syslog no
AlwaysAddARHeader yes
AuthservID me.test
On-BadSignature reject
'''
OPENDMARC = '''
Socket unix:%(t)s/opendmarc.sock
AuthservID me.test
TrustedAuthservIDs me.test
RejectFailures true
TestDNSData %(t)s/dns
PublicSuffixList %(t)s/suffixes
Syslog false
RequiredHeaders false
'''
MESSAGE = 'From: S <s@b.test>\r\nSubject: hello\r\n  folded\r\nTo: r@a.test\r\n' \
    'Date: Tue, 24 Nov 2026 11:35:26 +0000\r\nMessage-ID: <a@b.test>\r\n\r\n' \
    'body\r\n\r\nof  two parts \r\n\r\n'


def write(name, text):
    with open(f'{T}/{name}', 'w') as f:
        f.write(text)


def milter(name, *argv):
    """Started, when its socket is there."""
    path = f'{T}/{name}.sock'
    if os.path.exists(path):
        os.unlink(path)
    p = content.daemon(*argv, log=name)
    atexit.register(p.kill)  # libmilter takes its time to end
    assert until(lambda: os.path.exists(path)) or content.show(name), name
    return p


def opendkim(canon='relaxed/simple'):
    write('opendkim.conf', OPENDKIM % {'t': T, 'canon': canon})
    return milter('opendkim', 'opendkim', '-f', '-x', f'{T}/opendkim.conf')


subprocess.run(['openssl', 'genrsa', '-out', f'{T}/key', '2048'], check=True,
               capture_output=True)
os.chmod(f'{T}/key', 0o600)
public = subprocess.run(['openssl', 'rsa', '-in', f'{T}/key', '-pubout'],
                        check=True, capture_output=True, text=True).stdout
public = 'v=DKIM1; k=rsa; p=' + ''.join(public.splitlines()[1:-1])
write('keys', 's._domainkey.b.test ' + public)
write('hosts', '127.0.0.1\n')
DKIM = f'unix:{T}/opendkim.sock'


def stored(r):
    """The message as a sink would write it (parcel(5))."""
    own = [s for k, s in r.all if k == 'M']
    return b''.join(reversed([s for k, s in r.all if k == 'H'])) + b''.join(own)


# opendkim signs for those who are local or logged in
LOCAL = ['id=trace1', 'ip=127.0.0.1', 'helo=x', 'by=me.test']
for canon in ('relaxed/simple', 'simple/simple', 'relaxed/relaxed'):
    server = opendkim(canon)
    for who, facts in (('local', LOCAL),
                       ('logged in', content.FACTS + ['user=s@b.test'])):
        r = run('milter-check', DKIM, sent=parcel(MESSAGE, facts=facts))
        signed = stored(r)
        same(len(r.of('H')), 1, f'opendkim, {canon}: signs who is {who}')
        ok(dkim.verify(signed, dnsfunc=lambda *a, **kw: public.encode()),
           'RFC 6376: the signature that is stored is good', signed)
    if canon == 'relaxed/simple':
        good = signed
    server.kill()
    server.wait()

# and verifies for others
signer = opendkim()
for name, message, want in (
    ('good', good, b'dkim=pass'), ('unsigned', MESSAGE.encode(), b'dkim=none'),
):
    r = run('milter-check', DKIM, sent=parcel(message))
    h = b''.join(r.of('H'))
    ok(h.startswith(b'Authentication-Results: me.test;') and want in h,
       f'opendkim: {want.decode()} for what is {name}', r)
    same((r.of('V'), r.lost), ([], []), '  and passed')
r = run('milter-check', DKIM, sent=parcel(good.replace(b'hello', b'hullo')))
ok(len(r.of('V')) == 1 and r.of('V')[0].startswith(b'reject\x005'),
   'opendkim rejects what was changed', r)
r = run('milter-check', '-r', 'reject=junk', DKIM,
        sent=parcel(good.replace(b'hello', b'hullo')))
same(r.of('V')[0][:5], b'junk\x00', '  as junk, by -r')
forged = 'Authentication-Results: me.test; dkim=pass\r\n' + MESSAGE
r = run('milter-check', DKIM, sent=parcel(forged))
same(r.of('E'), [b'Authentication-Results\x001'],
     'opendkim removes a forged result: E')
p = subprocess.run(['milter-check', '-q', DKIM, '127.0.0.1', 's@b.test',
                    'r@a.test'], input=MESSAGE, env=ENV,
                   capture_output=True, text=True, timeout=60)
steps = [line.split('\t')[0] for line in p.stdout.splitlines()]
same(([s for s in steps if s != 'header'], p.returncode),
     (['negotiate', 'connect', 'mail', 'rcpt', 'eoh', 'body', 'add', 'eom'], 0),
     '-q with opendkim')
big = parcel(MESSAGE + 'x' * 70 + '\r\n' + ('y' * 70 + '\r\n') * 50000,
             facts=LOCAL)
r = run('milter-check', DKIM, sent=big)
ok(dkim.verify(stored(r), dnsfunc=lambda *a, **kw: public.encode()),
   'a message of 3.6 MB is signed, too')
r = run('milter-check', DKIM, sent=parcel(MESSAGE, facts=LOCAL) * 5)
same((len(r.of('H')), r.lost), (5, []), 'message after message')

# opendmarc reads the results of our filters
write('opendmarc.conf', OPENDMARC % {'t': T})
write('dns', '_dmarc.b.test v=DMARC1; p=reject\n')
write('suffixes', 'test\n')
milter('opendmarc', 'opendmarc', '-f', '-c', f'{T}/opendmarc.conf')
DMARC = f'unix:{T}/opendmarc.sock'
# (version 1.4.2 takes no pass for a mailfrom with a local part, RFC 8601 2.7.2)
for result, want in (('spf=pass smtp.mailfrom=b.test', b''),
                     ('dkim=pass header.d=b.test', b''),
                     ('spf=fail smtp.mailfrom=s@b.test', b'reject\x00550 5.7.1 ')):
    r = run('milter-check', DMARC, sent=parcel(MESSAGE, before=[('A', result)]))
    same(b''.join(r.of('V'))[:len(want) or 1], want, f'opendmarc: {result}')
ok(b'rejected by DMARC policy for b.test' in r.of('V')[0],
   '  in its own words', r)

# rspamd's proxy
server = Rspamd()
PROXY = f'unix:{server.dir}/proxy'
r = run('milter-check', PROXY)
ok(r.of('V') and b'was not offered' in r.log,
   'rspamd wants to change the envelope: refused', r)
r = run('milter-check', '-a', PROXY)
same((r.of('V'), r.code), ([], 0), '-a: it is asked')
for action, want in (('reject', b'reject\x00554 5.7.1 told so'),
                     ('soft reject', b'defer\x00451 4.7.1 told so')):
    r = run('milter-check', '-a', PROXY,
            sent=parcel(f'X-Want: {action}\r\n\r\nx\r\n'))
    same(r.of('V'), [want], f'rspamd: {action}')
r = run('milter-check', '-a', PROXY, sent=parcel(
    'X-Milter: 1\r\nX-All: 1\r\nX-Last: 1\r\nX-Last: 2\r\nX-All: 2\r\n\r\nx\r\n'))
same((sorted(r.of('E')), len(r.of('H'))),
     ([b'X-All\x001', b'X-All\x002', b'X-Last\x002'], 4),
     'rspamd changes the header')
r = run('milter-check', '-a', PROXY, sent=parcel('X-Score: 9\r\nSubject: a\r\n\r\n'))
same((r.of('E'), r.of('H')), ([b'Subject\x001'], [b'Subject: [SPAM] a\r\n']),
     'rspamd rewrites the subject')

# Both in a pipeline; the servers are killed in the middle of a message
pipe = f'rspamd-check -u {server.url} -r unreachable=defer | ' \
    f'milter-check {DKIM}'
r = run('sh', '-c', pipe, sent=parcel(MESSAGE, facts=LOCAL) * 3)
same((len(r.of('H')), r.lost, r.of('V')), (3, [], []), 'a pipeline of both')
p = subprocess.Popen(['sh', '-c', pipe], env=ENV, stdin=-1, stdout=-1, stderr=-1)
slow = parcel('X-Sleep: 60\r\n' + MESSAGE, facts=LOCAL)
before = os.path.getsize(f'{T}/rspamd.log')
p.stdin.write(slow)
p.stdin.flush()


def busy():
    with open(f'{T}/rspamd.log', errors='replace') as f:
        f.seek(before)
        return 'loaded message' in f.read()


ok(until(busy), 'rspamd is at work')
server.kill()
out, log = p.communicate(timeout=60)
same([s for k, s in records(out) if k == 'V'],
     [b'defer\x00451 4.7.1 Content could not be checked'],
     'kill -9 of rspamd: deferred, as -r says')
same((p.returncode, records(out)[-1]), (0, ('.', b'')), '  the pipeline goes on')
p = subprocess.Popen(['milter-check', DKIM], env=ENV, stdin=-1, stdout=-1,
                     stderr=-1)
whole = parcel(MESSAGE, facts=LOCAL, ask='T')
cut = whole.index(b'1:?,') + 4
p.stdin.write(whole[:cut])
p.stdin.flush()
same(p.stdout.read(cut), whole[:cut], 'opendkim has heard the envelope')
signer.kill()
signer.wait()
out, log = p.communicate(whole[cut:] + parcel(MESSAGE), timeout=60)
same([s for k, s in records(out) if k == 'V'],
     [b'defer\x00451 4.7.1 Content could not be checked'] * 2,
     'kill -9 of opendkim: deferred, and so is the next')
same(p.returncode, 0, '  the filter goes on')
opendkim()
r = run('milter-check', DKIM, sent=parcel(MESSAGE, facts=LOCAL))
same(len(r.of('H')), 1, 'and when it is back')
same(content.dns.log, [], 'nobody asked a resolver')
finish()
