#!/usr/bin/python3
"""dkim-verify as a parcel filter: what it reads, adds and decides, and what it
makes of thousands of damaged messages and keys."""
import os
import random
import re
import subprocess
import sys

sys.path[:0] = ['tests', os.path.dirname(os.path.abspath(__file__))]
import dnsserver
import handmade as hm
from handmade import FIELDS, signature, signed, tags
from tap import finish, ok, same

SEED = 6376
RSA = hm.Rsa()
KEY = f'v=DKIM1; k=rsa; h=sha256; s=email; t=x; p={RSA.info}'
ZONES = {f'{s}._domainkey.example.org': [('TXT', text)] for s, text in (
    ('rsa', KEY), ('revoked', 'p='), ('test', KEY.replace('t=x', 't=y')),
    ('wrong', f'p={hm.b64(hm.spki(RSA.n + 2))}'))}
ZONES['servfail._domainkey.example.org'] = ['SERVFAIL']
dns = dnsserver.Server(ZONES)
ENV = {**os.environ, **dns.env, 'ASAN_OPTIONS': 'detect_leaks=0'}


def net(kind, *parts):
    s = kind.encode() + b'\0'.join(
        p.encode() if isinstance(p, str) else p for p in parts)
    return b'%d:%s,' % (len(s), s)


def records(s):
    out = []
    while s:
        n, rest = s.split(b':', 1)
        out.append((rest[:1].decode(), rest[1:int(n)]))
        s = rest[int(n) + 1:]
    return out


def run(data, *args):
    r = subprocess.run(['dkim-verify', *args], input=data, env=ENV,
                       capture_output=True, timeout=300)
    return r.stdout, r.returncode


START = net('I', 'x1') + net('P', 'ip=192.0.2.1') + net('P', 'id=x1')
ENVELOPE = net('F', 'a@example.org') + net('T', '0', 'b@b.test')


def parcel(*content, facts=START):
    return facts + ENVELOPE + b''.join(content) + net('.')


def chunks(m, *cuts):
    cuts = [0, *cuts, len(m)]
    return b''.join(net('M', m[a:b]) for a, b in zip(cuts, cuts[1:]))


def results(out):
    return [re.sub(' header.b=.*', '', s.decode())
            for t, s in records(out) if t == 'A']


PASS = 'dkim=pass header.d=example.org header.i=@example.org ' \
    'header.s=rsa header.a=rsa-sha256'
GOOD = signed(RSA)


def reads():
    p = parcel(net('M', GOOD))
    out, code = run(p)
    same((code, results(out)), (0, [PASS]), 'an A record')
    same([t for t, _ in records(out)], list('IPPFTMA.'), 'before the end')
    same(b''.join(net(t, s) for t, s in records(out) if t != 'A'), p,
         'everything else passes unchanged')
    both = hm.message([signature(RSA, tags(c='simple/simple', l=9), limit=9,
                                 head='simple', how='simple'),
                       signature(RSA)] + FIELDS)
    stream = b''.join(parcel(chunks(both, i)) for i in range(1, len(both)))
    out, code = run(stream, '-l')
    got = results(out)
    same((code, len(got), set(got)), (0, 2 * (len(both) - 1), {PASS}),
         'a message cut at any byte')
    out, code = run(parcel(chunks(both, *range(1, len(both)))), '-l')
    same(results(out), [PASS] * 2, 'and at every byte')
    old = hm.message([signature(RSA, tags(
        h='from:to:subject:authentication-results'), names=[
            'from', 'to', 'subject', 'authentication-results'],
        fields=FIELDS + [b'Authentication-Results: mx; none'])] + FIELDS +
        [b'Authentication-Results: mx; none'])
    out, _ = run(parcel(
        net('H', 'Received: by us\r\n'), net('H', 'From: us@b.test\r\n'),
        net('H', 'DKIM-Signature: v=1\r\n'),
        net('E', 'Authentication-Results', '1'), net('M', old),
        net('E', 'Subject', '1'), net('H', 'Subject: changed\r\n')))
    same(results(out), [PASS], 'H and E are not what came in')
    same(results(run(parcel())[0]), ['dkim=none'], 'no message')
    for what, facts in (('user', START + net('P', 'user=u@a.test')),
                        ('loopback', START.replace(b'192.0.2.1', b'127.0.0.1')),
                        ('no address', net('I', 'x1'))):
        same(results(run(parcel(net('M', GOOD), facts=facts))[0]), [],
             f'a client that is local or logged in is not checked: {what}')
    refused = START + net('V', 'reject', '550 5.7.1 no') + ENVELOPE + \
        net('M', GOOD) + net('.')
    same(run(refused), (refused, 0), 'a refused parcel passes unread')
    late = parcel(net('M', GOOD), net('V', 'defer', '451 4.7.1 later'))
    same(run(late), (late, 0), 'and one that is refused behind the message')
    part = chunks(GOOD, 100) + net('V', 'reject', '550 5.7.1 no', '0')
    same(results(run(parcel(part))[0]), [PASS], 'one refused recipient')
    odd = parcel(net('Z', 'new'), net('M', GOOD), net('z', 'new'))
    same(sum(t in 'Zz' for t, _ in records(run(odd)[0])), 2,
         'unknown records pass')
    for cut in (*range(1, len(p), 97), len(p) - 1):
        out, code = run(p[:cut])
        if code != 111 or out.endswith(net('.')):
            ok(False, f'a parcel broken at {cut}', code, out)
            break
    else:
        ok(True, 'a broken parcel: exit 111 and no end')
    mixed = [parcel(net('M', GOOD)), parcel(net('M', hm.message())),
             refused, parcel(net('M', GOOD.replace(b'bob', b'eve')))]
    got = [r.split()[0] for r in results(run(b''.join(mixed * 20))[0])]
    same(got, ['dkim=pass', 'dkim=none', 'dkim=fail'] * 20,
         'parcel after parcel: nothing is left of the one before')
    child = subprocess.Popen(['dkim-verify'], env=ENV, stdin=-1, stdout=-1,
                             stderr=subprocess.DEVNULL)
    ask = START + ENVELOPE + net('?')
    child.stdin.write(ask)
    child.stdin.flush()
    same(child.stdout.read(len(ask)), ask, 'a question is passed on at once')
    child.stdin.close()
    same(child.wait(), 111, 'and its parcel may not end there')
    child.stdout.close()


def verdicts(m, *actions, options=()):
    options = [*options] + [x for a in actions for x in ('-r', a)]
    return [s.decode() for t, s in
            records(run(parcel(net('M', m)), *options)[0]) if t == 'V']


def one(selector):
    return signature(RSA, tags(s=selector))


def author(domains, good):
    for d in domains:
        fields = [f'From: b@{d}'.encode()] + FIELDS[1:]
        m = signed(RSA, fields=fields)
        same(verdicts(m, 'policy=reject'), [], f'without -a: {d}')
        same(verdicts(m, 'policy=reject', options=['-a']), [] if good else [
            "reject\x00550 5.7.22 No valid DKIM signature of the author's domain"],
            f'RFC 7372 3.1: -a, From is {d}')


def decides():
    fail = hm.message([one('wrong')] + FIELDS)
    for r, m in (('none', hm.message()), ('fail', fail),
                 ('neutral', hm.message([b'DKIM-Signature: x'] + FIELDS)),
                 ('temperror', hm.message([one('servfail')] + FIELDS)),
                 ('permerror', hm.message([one('revoked')] + FIELDS))):
        same(verdicts(m), [], f'{r}: nothing by default')
        same(verdicts(m, f'{r}=reject'),
             [f'reject\x00550 5.7.20 No valid DKIM signature ({r})'],
             f'RFC 7372 3.1: -r {r}=reject')
        same(verdicts(m, f'{r}=junk')[0][:12], 'junk\x00250 2.7', f'{r}=junk')
    policy = signed(RSA, tags(x=1))
    same(verdicts(policy, 'policy=defer'),
         ['defer\x00451 4.7.21 No acceptable DKIM signature (policy)'],
         'RFC 7372 3.1: -r policy=defer')
    same(verdicts(GOOD, 'pass=junk'), ['junk\x00250 2.7.1 Signed mail is not '
                                       'wanted'], '-r pass=junk')
    author(('example.org', 'sub.example.org', 'EXAMPLE.ORG'), True)
    author(('other.test', 'org', 'notexample.org'), False)
    every = ['none=reject,fail=reject,policy=reject', 'neutral=reject',
             'temperror=reject,permerror=reject']
    lines = [one('wrong'), one('servfail'), one('revoked'),
             b'DKIM-Signature: x', signature(RSA, tags(x=1))]
    same(verdicts(hm.message(lines + [signature(RSA)] + FIELDS), *every), [],
         'one signature that passes is enough')
    for n, word in ((5, 'temperror'), (4, 'fail'), (3, 'policy'),
                    (2, 'permerror'), (1, 'neutral')):
        order = [lines[3], lines[2], lines[4], lines[0], lines[1]][:n]
        ok(f'({word})' in verdicts(hm.message(order + FIELDS), *every)[0],
           f'the result of the whole: {word}')
    test = one('test')
    same(verdicts(hm.message([test] + FIELDS).replace(b'bob', b'eve'),
                  'fail=reject'), [], 'RFC 6376 3.6.1: t=y has no consequence')
    same(len(verdicts(hm.message([test] + FIELDS).replace(b'bob', b'eve'),
                      'none=reject')), 1, 'it counts as no signature')
    same(verdicts(hm.message([test] + FIELDS), *every), [], 't=y may pass')


def mutate(r, s, spare):
    s = bytearray(s)
    for _ in range(r.randrange(1, 4)):
        at = r.randrange(len(s))
        kind = r.randrange(6)
        if kind == 0:
            s[at] = r.randrange(256)
        elif kind == 1:
            del s[at:at + r.randrange(1, 9)]
        elif kind == 2:
            s[at:at] = r.choice(spare)
        elif kind == 3:
            s[at:at] = s[at:at + r.randrange(1, 40)]
        elif kind == 4:
            s[at] ^= 1 << r.randrange(8)
        else:
            s[at:at] = bytes([r.randrange(256)]) * r.randrange(1, 300)
        s = s or bytearray(b'x')
    return bytes(s)


SPARE = [b';', b'=', b':', b' ', b'\r\n ', b'\r\n', b'\n', b'\r', b'; b=', b'; x=1',
         b'; l=0', b'; c=simple', b'@', b'\0', b'\xc3\xbc', b'from:', b'=3D',
         b'; t=y', b'; d=a.test', b'p=']


def damaged():
    r = random.Random(SEED)
    field = signature(RSA, tags(t=1, x=10 ** 11, q='dns/txt', l=23,
                                i='a=3Db@sub.example.org', z='x|y'))
    stream = b''
    for _ in range(3000):
        m = mutate(r, field, SPARE)
        stream += parcel(net('M', hm.message([m] + FIELDS)))
    out, code = run(stream, '-n', '3')
    words = [x.split()[0] for x in results(out)]
    seen = {w: words.count(w) for w in sorted(set(words))}
    ok(code == 0 and len(words) >= 3000 and
       set(words) <= {f'dkim={w}' for w in (
           'none', 'pass', 'fail', 'policy', 'neutral', 'permerror')},
       f'3000 damaged fields: {seen}', code, len(words))
    ok(all(b' ' <= bytes([c]) <= b'~' for t, s in records(out) if t == 'A'
           for c in s), 'results are printable ASCII')
    names, stream = [], b''
    for i in range(1000):
        text = mutate(r, KEY.encode(), SPARE)
        names.append(f'k{i}')
        dns.zones[f'k{i}._domainkey.example.org'] = [('TXT', text)]
        stream += parcel(net('M', hm.message([one(names[-1])] + FIELDS)))
    out, code = run(stream)
    words = [x.split()[0] for x in results(out)]
    seen = {w: words.count(w) for w in sorted(set(words))}
    ok(code == 0 and len(words) == 1000 and set(words) <= {
        f'dkim={w}' for w in ('pass', 'fail', 'policy', 'neutral',
                              'permerror')},
       f'1000 damaged keys: {seen}', code, len(words))


reads()
decides()
damaged()
finish()
