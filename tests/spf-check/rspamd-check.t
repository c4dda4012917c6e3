#!/usr/bin/python3
"""rspamd-check with a real rspamd: every action, what it is told, what it has
changed; parcel(5)."""
import json
import os
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/spf-check', 'tests/smtp-send']
import content
from content import ENV, MESSAGE, RECEIVED, T, net, parcel, run
from rspamd import Rspamd
from tap import finish, ok, same, until

server = Rspamd()


def check(fields, *args, body='body\r\n', url=None, **kw):
    m = f'From: <s@b.test>\r\nSubject: hello\r\n{fields}\r\n{body}'
    return run('rspamd-check', '-u', url or server.url, *args,
               sent=parcel(m, **kw))


# Actions
for action, want in {
    'no action': None, 'greylist': 'defer\x00451 4.7.1 told so',
    'soft reject': 'defer\x00451 4.7.1 told so',
    'add header': 'junk\x00250 2.7.1 told so',
    'rewrite subject': 'junk\x00250 2.7.1 told so',
    'reject': 'reject\x00550 5.7.1 told so',
}.items():
    r = check(f'X-Want: {action}\r\n')
    same(r.of('V'), [want.encode()] if want else [], f'{action}: the default')
    same((r.code, r.lost), (0, []), '  the parcel is passed on whole')
    word = action.replace(' ', '-')
    r = check(f'X-Want: {action}\r\n', '-r', f'{word}=junk')
    same(r.of('V')[0][:5], b'junk\0', f'-r {word}=junk')
    r = check(f'X-Want: {action}\r\n', '-r',
              f'no-action=reject,{word}=ignore')
    same(r.of('V'), [], f'-r {word}=ignore')
gtube = 'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'
r = check('', body=gtube + '\r\n')
ok(r.of('V')[0].startswith(b'reject\x00550 5.7.1 '), 'GTUBE is rejected', r)
for score, want in ((3, []), (5, [b'defer']), (7, [b'junk']), (9, [b'junk']),
                    (15, [b'reject'])):
    r = check(f'X-Score: {score}\r\n')
    same([v.split(b'\0')[0] for v in r.of('V')], want, f'a score of {score}')
r = check('X-Want: soft reject\r\nX-Words: a =?utf-8?q?=C3=BC?=\r\n b\r\n')
ok(all(32 <= c < 127 for c in r.of('V')[0].replace(b'\0', b'')),
   'its words are shown as printable ASCII', r)

# The subject
r = check('X-Score: 9\r\n')
same((r.of('E'), r.of('H')), ([b'Subject\x001'], [b'Subject: [SPAM] hello\r\n']),
     'rewrite subject: the subject is written anew')
r = check('X-Score: 9\r\n', '-r', 'rewrite-subject=reject')
same((r.of('E'), r.of('H')), ([], []), 'not where it is refused')

# What it is told
message = 'X-Saw: 1\r\n'
r = check(message, '-P', '-m', 'tag1', '-i', 'set1', '-a', 'X-Own=mine',
          to=('r@a.test', '1\0x@y.test\0rcpt=list@a.test', '1\0z@y.test'),
          before=[('A', 'spf=pass smtp.mailfrom=s@b.test')],
          facts=content.FACTS + ['user=u@b.test'])
saw = json.loads(r.of('H')[-1].split(b' ', 1)[1])
for name, want in {
    'from': 's@b.test', 'rcpt': 'r@a.test list@a.test', 'ip': '192.0.2.1',
    'helo': 'mail.b.test', 'host': 'host.b.test', 'user': 'u@b.test',
    'queue': 'trace1', 'log': 'trace1', 'mta': 'me.test', 'tag': 'tag1',
    'version': 'TLSv1.2', 'cipher': 'ECDHE-RSA-AES128', 'pass': 'all',
    'to': '', 'settings': 'set1', 'own': 'mine',
}.items():
    same(saw[name], want, f'it is told: {name}')
shown = f'Authentication-Results: me.test;\r\n\tspf=pass ' \
    f'smtp.mailfrom=s@b.test\r\n{RECEIVED}From: <s@b.test>\r\n' \
    f'Subject: hello\r\n{message}\r\nbody\r\n'
same((saw['size'], saw['results']), (str(len(shown)), 1),
     'it sees the message as it will be stored')
ok(int(saw['received']) >= 1, '  with our Received')
r = check(message, sender='')
saw = json.loads(r.of('H')[-1].split(b' ', 1)[1])
same((saw['from'], saw['to']), ('', 'r@a.test'),
     'the null path; Deliver-To where there is one recipient')
forged = 'Authentication-Results: me.test; spf=pass\r\n'
r = check(forged + message, before=[('E', 'Authentication-Results\x001')])
saw = json.loads(r.of('H')[-1].split(b' ', 1)[1])
same(saw['results'], 0, 'RFC 8601 5: it does not see a forged result')
evil = 'x\r\nUser: admin'
r = check(message, facts=['ip=192.0.2.1', 'helo=' + evil])
saw = json.loads(r.of('H')[-1].split(b' ', 1)[1])
same(saw['user'], '', 'RFC 9110 5.5: no field is smuggled in by a fact')
r = check(message, sender=evil, to=('0\0' + evil,))
saw = json.loads(r.of('H')[-1].split(b' ', 1)[1])
same(saw['user'], '', '  nor by an address')

# What it has changed
r = check('X-Milter: 1\r\nX-All: 1\r\nX-Last: 1\r\nX-Second: 1\r\n'
          'x-last: 2\r\nX-All: 2\r\nX-Second: 2\r\nX-All: 3\r\n',
          before=[('E', 'X-Second\x001'), ('E', 'X-All\x002'),
                  ('H', 'X-All: of ours\r\n')])
same(sorted(r.of('E')), [b'X-All\x001', b'X-All\x003', b'x-last\x002'],
     'remove_headers: counted as shown, from the end, all; ours stay')
r = check('X-Milter: 1\r\nX-Second: 1\r\nX-Second: 2\r\nX-Second: 3\r\n',
          before=[('E', 'X-Second\x001')])
same(r.of('E'), [b'X-Second\x003'], 'what is left out already is counted')
fields = [h.decode() for h in r.of('H')]
same(sorted(fields), ['X-A: one\r\n', 'X-B: two\r\n', 'X-C: four\r\n',
                      'X-C: three\r\n'], 'add_headers: both forms')
ok(fields.index('X-B: two\r\n') > fields.index('X-A: one\r\n') and
   fields.index('X-C: four\r\n') > fields.index('X-C: three\r\n'),
   'what counts from the top stands above what goes to the end', fields)
r = check('X-Milter: 1\r\nX-Want: reject\r\n')
same((r.of('H'), r.of('E')), ([], []), 'nothing is changed in what is refused')
r = check('X-Sign: 1\r\n')
h = b''.join(r.of('H'))
ok(h.startswith(b'DKIM-Signature: v=1; a=rsa-sha256;') and b'\n\r\n' not in h
   and h.count(b'\r\n\t') and h.endswith(b'\r\n'), 'dkim-signature', r)
r = check('X-Spam-Flag: Yes\r\nX-Spam-Score: 1\r\nX-Score: 1.5\r\n', '-x')
same((sorted(r.of('E')), r.of('H')),
     ([b'X-Spam-Flag\x001', b'X-Spam-Score\x001'],
      [b'X-Spam-Score: 1.50 / 15.00\r\n']), '-x: forged marks go')
r = check('X-Score: 7\r\n', '-x')
same(r.of('H'), [b'X-Spam-Flag: Yes\r\n', b'X-Spam-Score: 7.00 / 15.00\r\n'],
     '-x: junk is marked')

# Who and what is asked about
local = ['ip=127.0.0.1']
for name, facts in (('local', local), ('without address', []),
                    ('authenticated', content.FACTS + ['user=u@b.test'])):
    r = check('X-Want: reject\r\n', facts=facts)
    same(len(r.of('V')), 1, f'a client that is {name} is asked about')
    r = check('X-Want: reject\r\n', '-l', facts=facts)
    same(r.new, [], '-l: not asked about')
same(len(check('X-Want: reject\r\n', '-l').of('V')), 1, '-l: strangers are')
r = check('X-Want: reject\r\n', '-s', '1000', body='x' * 1000)
same((r.new, r.code), ([], 0), '-s: what is too big is not asked about')
ok(b'too big' in r.log, '  and that is logged')
r = check('X-Want: reject\r\n', '-s', '2000', body='x' * 1000)
same(len(r.of('V')), 1, '-s: what is not, is')
big = ('y' * 76 + '\r\n') * 20000
r = check('X-Want: reject\r\n', body=big)
same(len(r.of('V')), 1, '1.5 MB, by a file')
same(sorted(os.listdir(T)), ['rspamd', 'rspamd.log'], 'which has no name')
refused = net('I', 'x1') + net('V', 'reject\x00550 5.7.1 no') \
    + parcel('X-Want: reject\r\n\r\n')[len(net('I', 'x1')):]
same(run('rspamd-check', '-u', server.url, sent=refused).new, [],
     'what was refused before is not asked about')

# Ways to it
r = check('X-Want: reject\r\n', url=f'unix:{server.socket}')
same(len(r.of('V')), 1, 'over a unix socket')
r = check('X-Want: reject\r\n', url=f'http://localhost:{server.port}/')
same(len(r.of('V')), 1, 'http://localhost/')
r = run('rspamd-check', '-u', server.url,
        sent=parcel() + parcel('X-Want: reject\r\n\r\n') + parcel())
same((len(r.of('V')), r.lost, r.code), (1, [], 0), 'parcel after parcel')


# Query
def query(message, *args):
    p = subprocess.run(['rspamd-check', '-u', server.url, '-q', *args],
                       input=message, capture_output=True, env=ENV, timeout=60)
    first, _, symbols = p.stdout.decode().partition('\n')
    return first, 'SCORE\t7.00' in symbols.splitlines(), p.returncode


same(query(b'Subject: x\nX-Score: 7\n\nbody\n'),
     ('add header\t7.00\t15.00', True, 0), '-q: action and symbols')
same(query(b'Subject: x\r\n\r\nbody\r\n'), ('no action\t0.00\t15.00', False, 0),
     '-q: CRLF')
same(query(b'x', '-u', 'http://127.0.0.1:1')[2], 111, '-q: unreachable: 111')

# The server dies in the middle of a message
p = subprocess.Popen(['rspamd-check', '-u', server.url], env=ENV, stdin=-1,
                     stdout=-1, stderr=-1)
sent = parcel('X-Sleep: 60\r\n\r\n')
p.stdin.write(sent)
p.stdin.flush()


def asked():
    with open(f'{T}/rspamd.log', errors='replace') as f:
        return 'queue-id: <trace1>' in f.read().rpartition('loaded message')[2]


before = os.path.getsize(f'{T}/rspamd.log')
until(lambda: os.path.getsize(f'{T}/rspamd.log') > before and asked())
server.kill()
out, log = p.communicate(timeout=60)
same((out, p.returncode), (sent, 0), 'kill -9 of the server: passed as it was')
ok(b'unreachable' in log, '  with the reason', log)
r = check('X-Want: reject\r\n', '-r', 'unreachable=defer')
same(r.of('V'), [b'defer\x00451 4.7.1 Content could not be checked'],
     '-r unreachable=defer')
server.start()
same(len(check('X-Want: reject\r\n').of('V')), 1, 'and when it is back')
same(content.dns.log, [], 'nobody asked a resolver')

# Usage
for bad in (['-r', 'x=reject'], ['-u', 'ftp://x'], ['-u', 'http://'],
            ['-u', 'unix:x'], ['-u', 'http://x:y'], ['-u', 'http://[::1'],
            ['-t', '0'], ['-t', 'x'], ['-s', 'x'], ['-a', 'x'],
            ['-a', 'a:b=c'], ['-a', '=c'], ['x']):
    same(run('rspamd-check', *bad, sent=b'').code, 100, f'{bad}: exit 100')
same(run('rspamd-check', '-k', '/nowhere', sent=b'').code, 102,
     '-k without file: exit 102')
finish()
