#!/usr/bin/python3
"""rspamd-check and servers that are slow, lie, break off, or answer by rules of
HTTP that a real rspamd does not use (RFC 9110, 9112); https."""
import json
import os
import ssl
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/spf-check', 'tests/smtp-send',
                'tests/tls-serve']
import lab
from content import ENV, MESSAGE, T, Scripted, parcel, receive, run
from dnsserver import Server
from tap import finish, ok, same

JSON = b'{"action":"reject","score":20,"required_score":15}'
REJECT = [b'reject\x00550 5.7.1 Message refused for its content']
NOT_CHECKED = [b'defer\x00451 4.7.1 Content could not be checked']


def request(c):
    """Reads one whole request: (head, body)."""
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        head += receive(c, 1)
    length = [int(line.split(b':')[1]) for line in head.split(b'\r\n')
              if line.lower().startswith(b'content-length:')]
    return head, receive(c, length[0])


class Rspamd(Scripted):
    """answers: one after another, then the last again and again. Bytes, or a
    function (socket) that has answered."""

    def __init__(self, *answers, keep=False, path=None):
        self.answers, self.keep, self.requests = list(answers), keep, []
        super().__init__(self.play, path)
        self.url = f'http://127.0.0.1:{self.port}' if not path \
            else 'unix:' + path

    def play(self, c):
        while True:
            self.requests.append(request(c))
            a = self.answers[0]
            if len(self.answers) > 1:
                self.answers.pop(0)
            if callable(a):
                a(c)
            else:
                c.sendall(a)
            if not self.keep:
                return


def ask(*answers, args=(), sent=None, **kw):
    s = Rspamd(*answers, **kw)
    r = run('rspamd-check', '-u', s.url, *args, sent=sent)
    s.close()
    r.server = s
    return r


def answer(body=JSON, head=b'', status=b'200 OK', version=b'1.1'):
    return b'HTTP/%s %s\r\n%sContent-Length: %d\r\n\r\n%s' % (
        version, status, head, len(body), body)


# Framings of an answer: RFC 9112
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
for rule, a in {
    '6.2: Content-Length': answer(),
    '2.3: HTTP/1.0': answer(version=b'1.0'),
    '6.3: until the end': b'HTTP/1.0 200 OK\r\n\r\n' + JSON,
    '4: no reason': answer(status=b'200'),
    '5.1: blanks around a value': answer(head=b'X: \t y \t\r\n'),
    '5: names in any case': b'HTTP/1.1 200 OK\r\ncONTENT-lENGTH: %d\r\n\r\n'
                            % len(JSON) + JSON,
    '6.3: the same length twice':
        answer(head=b'Content-Length: %d\r\n' % len(JSON)),
    '7.1: chunked': CHUNKED + b'10\r\n' + JSON[:16] + b'\r\n%x\r\n'
                    % (len(JSON) - 16) + JSON[16:] + b'\r\n0\r\n\r\n',
    '7.1.1, 7.1.2: extensions and trailers':
        CHUNKED + b'%X;a=b\r\n' % len(JSON) + JSON
        + b'\r\n000;c\r\nX-Sum: 1\r\n\r\n',
    '6.3, RFC 9110 15.2: interim answers':
        b'HTTP/1.1 100 Continue\r\n\r\n' * 3 + answer(),
    '2.2: LF alone ends a line': answer().replace(b'\r\n', b'\n'),
}.items():
    r = ask(a)
    same((r.of('V'), r.code), (REJECT, 0), f'RFC 9112 {rule}') or print('#', r)


def drip(c):
    for i in range(len(answer())):
        c.sendall(answer()[i:i + 1])


same(ask(drip).of('V'), REJECT, 'byte by byte')
r = ask(answer())
head, body = r.server.requests[0]
ok(head.startswith(b'POST /checkv2 HTTP/1.1\r\nHost: 127.0.0.1\r\n'),
   'RFC 9112 3.2: Host', head)
ok(b'\r\nRcpt: r@a.test\r\n' in head and b'\r\nFrom: s@b.test\r\n' in head,
   'its fields')
ok(body.endswith(MESSAGE) and body.startswith(b'Received: '), 'the message')
s = Rspamd(answer())
r = run('rspamd-check', '-u', s.url + '/a/b/')
ok(s.requests[0][0].startswith(b'POST /a/b/checkv2 '), 'the path of the URL')
r = ask(answer(), sent=parcel(to=[f'r{i}@a.test' for i in range(1500)]))
same(r.server.requests[0][0].count(b'\r\nRcpt: '), 1000, 'at most 1000 Rcpt')
with open(f'{T}/password', 'w') as f:
    f.write('s3cret\nmore\n')
r = ask(answer(), args=['-k', f'{T}/password'])
ok(b'\r\nPassword: s3cret\r\n' in r.server.requests[0][0] and
   b's3cret' not in r.log, '-k: the first line of a file')
same(ask(answer(), path=f'{T}/s').of('V'), REJECT, 'a unix socket')

# RFC 9112 9.3: connections
r = ask(answer(), keep=True, sent=parcel() * 5)
same((len(r.of('V')), r.server.connections), (5, 1), '9.3: one for all')
r = ask(answer(head=b'Connection: close\r\n'), keep=True, sent=parcel() * 3)
same((len(r.of('V')), r.server.connections), (3, 3), '9.6: Connection: close')
r = ask(answer(version=b'1.0'), keep=True, sent=parcel() * 3)
same((len(r.of('V')), r.server.connections), (3, 3), '9.3: not with 1.0')
r = ask(answer(version=b'1.0', head=b'Connection: Keep-Alive\r\n'), keep=True,
        sent=parcel() * 3)
same((len(r.of('V')), r.server.connections), (3, 1), '9.3: unless it says so')
r = ask(answer(), sent=parcel() * 4)
same(r.of('V'), REJECT * 4, '9.3.1: an old connection that has ended')
r = ask(answer() + b'HTTP/1.1 200 OK\r\n', keep=True, sent=parcel() * 2)
same((len(r.of('V')), r.server.connections), (2, 2),
     '9.3: what nobody asked for is no answer to the next request')


# Errors: what is no answer
def stall(c):
    c.sendall(answer()[:40])
    c.recv(1)


def flood(c):
    while True:
        c.sendall(b'X: y\r\n' * 1000)


def endless(c):
    c.sendall(b'HTTP/1.1 200 OK\r\nX: ')
    while True:
        c.sendall(b'y' * 10000)


def body_flood(c):
    c.sendall(b'HTTP/1.0 200 OK\r\n\r\n')
    while True:
        c.sendall(b'y' * 10000)


def head_flood(c):
    c.sendall(b'HTTP/1.1 200 OK\r\n')
    flood(c)


def interim(c):
    while True:
        c.sendall(b'HTTP/1.1 100 Continue\r\n\r\n')


def chunk_flood(c):
    c.sendall(CHUNKED)
    while True:
        c.sendall(b'400\r\n' + b'x' * 1024 + b'\r\n')


BAD = {
    'not HTTP': b'220 mail.test ESMTP\r\n', 'HTTP/2': answer(version=b'2.0'),
    'a status of two digits': answer(status=b'20 OK'),
    'a status of no class': answer(status=b'999 OK'),
    'no JSON': answer(b'reject'), 'a JSON list': answer(b'["reject"]'),
    'broken JSON': answer(JSON[:-1]), 'JSON and more': answer(JSON + b'{}'),
    'an action that is no string': answer(b'{"action":1}'),
    'no action': answer(b'{"error":"out of \\u0007 order"}'),
    'deep JSON': answer(b'[' * 100000),
    'invalid UTF-8': answer(b'{"action":"\xff"}'), 'nothing': answer(b''),
    'status 500': answer(status=b'500 Oh no'),
    'status 403': answer(b'{"error":"bad password"}', status=b'403 No'),
    'a redirect': answer(head=b'Location: http://x/\r\n', status=b'302 Go'),
    '4 GB': b'HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n' + JSON,
    'more than 64 bit': b'HTTP/1.1 200 OK\r\nContent-Length: '
                        b'18446744073709551666\r\n\r\n' + JSON,
    'a negative length': b'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
    'a length and more': b'HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n\r\n',
    'two lengths (RFC 9112 6.3)':
        answer(head=b'Content-Length: 3\r\n'),
    'length and chunks (RFC 9112 6.1)':
        answer(head=b'Transfer-Encoding: chunked\r\n'),
    'another coding': answer(head=b'Transfer-Encoding: gzip\r\n'),
    'chunks twice': CHUNKED[:-2] + CHUNKED[17:] + b'0\r\n\r\n',
    'a blank before the colon (RFC 9112 5.1)': answer(head=b'X : y\r\n'),
    'a folded field (RFC 9112 5.2)': answer(head=b'X: y\r\n z\r\n'),
    'no field': answer(head=b'what\r\n'), 'no name': answer(head=b': x\r\n'),
    'a NUL': answer(head=b'X: \0\r\n'), 'a line of 9000':
        answer(head=b'X: ' + b'y' * 9000 + b'\r\n'),
    '300 fields': answer(head=b'X: y\r\n' * 300),
    'a chunk of no size': CHUNKED + b'x\r\n', 'a huge chunk':
        CHUNKED + b'ffffffffffffffff\r\n', 'a chunk of 4 GB':
        CHUNKED + b'100000000\r\n', 'a chunk without end':
        CHUNKED + b'1\r\nxy\r\n', 'a trailer that is none':
        CHUNKED + b'0\r\nwhat\r\n\r\n',
    'endless fields': head_flood, 'an endless line': endless,
    'an endless body': body_flood, 'interim answers for ever': interim,
    'chunks for ever': chunk_flood, 'bytes for ever': flood,
}
for name, a in BAD.items():
    r = ask(a, args=['-r', 'bad-answer=defer,unreachable=ignore'])
    same((r.of('V'), r.code, r.lost), (NOT_CHECKED, 0, []),
         f'a bad answer: {name}') or print('#', r)
r = ask(b'what\r\n')
same((r.new, r.code), ([], 0), 'bad answers are ignored by default')
ok(b'bad-answer: ' in r.log, '  with the reason', r.log)

# Errors: no answer
for name, a in {
    'nothing': b'', 'a part of the status': b'HTTP/1.1 2',
    'a part of the head': answer()[:30], 'a part of the body': answer()[:-1],
    'a part of a chunk': CHUNKED + b'9\r\nx', 'a chunk less its end':
        CHUNKED + b'1\r\nx', 'no last chunk': CHUNKED + b'1\r\nx\r\n',
    'the rest never': stall,
}.items():
    r = ask(a, args=['-t', '1', '-r', 'unreachable=defer,bad-answer=ignore'])
    same((r.of('V'), r.code, r.lost), (NOT_CHECKED, 0, []),
         f'the server ends or stalls: {name}') or print('#', r)


class Silent(Scripted):
    """Takes connections and reads nothing."""

    def __init__(self):
        super().__init__(lambda c: held.append(c.dup()))


held = []
s = Silent()
r = run('rspamd-check', '-t', '1', '-u', f'http://127.0.0.1:{s.port}',
        '-r', 'unreachable=defer', sent=parcel('x: y\r\n\r\n' + 'z' * 10000000))
same(r.of('V'), NOT_CHECKED, 'a server that does not read: the write ends, too')
s.close()
for url in (f'http://127.0.0.1:{s.port}', f'unix:{T}/nothing',
            'http://no.such.name.test'):
    r = run('rspamd-check', '-u', url, '-r', 'unreachable=defer')
    same(r.of('V'), NOT_CHECKED, f'{url.split(":")[0]}: not there')
    ok(b'unable to connect' in r.log, '  and why', r.log)
r = run('rspamd-check', '-u', url)
same((r.new, r.code), ([], 0), 'ignored by default')


def early(c):
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        head += receive(c, 1)
    c.sendall(answer(status=b'413 Too big', head=b'Connection: close\r\n'))


s = Scripted(early)
r = run('rspamd-check', '-u', f'http://127.0.0.1:{s.port}', '-r',
        'bad-answer=defer,unreachable=defer',
        sent=parcel('x: y\r\n\r\n' + 'z' * 10000000))
same(r.of('V'), NOT_CHECKED, 'a server that says no early')
r = run('rspamd-check', '-u', 'http://127.0.0.1:1', '-r', 'unreachable=defer',
        '-d', '/nowhere', sent=parcel('x: y\r\n\r\n' + 'z' * 1000000))
same((r.of('V'), r.lost), (NOT_CHECKED, []), '-d: no place for the message')
r = ask(answer(), args=['-r', 'unreachable=defer'],
        sent=parcel(before=[('H', 'x y\r\n\r\n')]))
same((r.of('V'), r.lost), (NOT_CHECKED, []),
     'a message that cannot be shown: passed on all the same')


# Changes that would break the header
def changes(**kw):
    body = json.dumps({'action': 'no action', 'milter': kw}).encode()
    return ask(answer(body))


for name, fields, want in (
    ('a line end', {'X': 'a\r\n\r\nbody'}, [b'X: a\r\n\tbody\r\n']),
    ('a bare CR', {'X': 'a\rb'}, [b'X: a?b\r\n']),
    ('blanks only', {'X': 'a\n \n\t\n'}, [b'X: a\r\n']),
    ('a fold', {'X': 'a\n  b\r\n\tc'}, [b'X: a\r\n  b\r\n\tc\r\n']),
    ('not ASCII', {'X': 'ü\x07'}, [b'X: ???\r\n']),
    ('a name with a colon', {'X: y\r\nZ': 'a'}, []),
    ('a name with a blank', {'X Y': 'a'}, []), ('no name', {'': 'a'}, []),
    ('a long name', {'X' * 77: 'a'}, []), ('a long value', {'X': 'a' * 8193}, []),
    ('a value that folds make long', {'X': 'a\n' * 8100}, []),
    ('no string', {'X': 1, 'Y': None, 'Z': [1, {'order': 1}]}, []),
    ('an empty value', {'X': ''}, [b'X: \r\n']),
):
    r = changes(add_headers=fields)
    same((r.of('H'), r.code), (want, 0), f'add_headers: {name}') or print('#', r)
r = changes(add_headers={'X': 'a ' * 3000})
h = b''.join(r.of('H'))
ok(max(map(len, h.split(b'\r\n'))) < 998 and not any(
    line.strip() == b'' for line in h[:-2].split(b'\r\n')),
   'RFC 5322 2.1.1: long lines are folded')
r = changes(add_headers={f'X-{i}': 'a' for i in range(1000)})
same(len(r.of('H')), 500, 'at most 500 changes')
r = changes(remove_headers={'Subject': 1.5, 'From': 'x', 'X': 1, 'To': -1,
                            'Received': 1, '': 0, 'X' * 100: 0})
same(r.new, [], 'remove_headers: what is not there, wrong or ours stays')
r = changes(remove_headers={'Subject': [1, 1, 0], 'From': -1})
same(sorted(r.of('E')), [b'From\x001', b'Subject\x001'], '  a list, and no field twice')
r = ask(answer(b'{"action":"no action","milter":"x","dkim-signature":[1,"a","b"]}'))
same(r.of('H'), [b'DKIM-Signature: a\r\n', b'DKIM-Signature: b\r\n'],
     'several signatures')
for action, want in (('discard', REJECT[0][:7]), ('quarantine', b'junk\x00'),
                     ('my own', b'')):
    r = ask(answer(json.dumps({'action': action}).encode()))
    same(b''.join(r.of('V'))[:len(want) or 1], want, f'action: {action}')
r = ask(answer(b'{"action":"my own"}'), args=['-r', 'other=junk'])
same(r.of('V')[0][:5], b'junk\x00', '-r other')
fields = ''.join(f'X-Spam: {i}\r\n' for i in range(20000))
r = ask(answer(b'{"action":"no action","milter":{"remove_headers":{"x-spam":0}}}'),
        sent=parcel(fields + '\r\n', before=[('E', f'X-Spam\0{i}')
                                             for i in range(1, 20000, 2)]))
same(sorted(int(e.split(b'\0')[1]) for e in r.of('E')),
     list(range(2, 20001, 2)), '20000 fields of one name')

# https: by tls-connect
d = lab.self_signed('t', 'rspamd.test', 'P-256')
lab.table('trust.cdb', 'tls-build', '-t', d + '/fullchain.pem')
tls = lab.Service('tls-connect', '-f', f'{lab.T}/trust.cdb', name='tls-out')
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(d + '/fullchain.pem', d + '/privkey.pem')


def secure(c):
    with context.wrap_socket(c, server_side=True) as t:
        seen.append(request(t)[0])
        t.sendall(answer())
        t.recv(1)


seen = []
s = Scripted(secure)
names = Server({n + '.test': [('A', '127.0.0.1')] for n in ('rspamd', 'other')})
env = {**ENV, **names.env, 'ROHRPOST_RUN': lab.T}
r = run('rspamd-check', '-u', f'https://rspamd.test:{s.port}', env=env,
        sent=parcel() * 2)
same((r.of('V'), len(seen)), (REJECT * 2, 2), 'https, two messages')
r = run('rspamd-check', '-u', f'https://other.test:{s.port}', env=env)
ok(not r.of('V') and b'unable to connect' in r.log and len(seen) == 2,
   'RFC 9110 4.3.4: a certificate of another host', r)
r = run('rspamd-check', '-u', f'https://rspamd.test:{s.port}', '-T',
        '/nowhere')
ok(not r.of('V') and b'unable to connect' in r.log, 'no tls-connect', r)
finish()
