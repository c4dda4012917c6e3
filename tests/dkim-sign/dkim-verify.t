#!/usr/bin/python3
"""dkim-verify, rule by rule: a message, a change, the result."""
import os
import re
import subprocess
import sys
import time

sys.path[:0] = ['tests', os.path.dirname(os.path.abspath(__file__))]
import dnsserver
import handmade as hm
from handmade import BODY, FIELDS, signature, signed, tags
from tap import finish, ok, same

RSA, SHORT, SMALL, LONG = (hm.Rsa(n) for n in (2048, 1023, 512, 4096))
NOW = int(time.time())


def key(text, split=None):
    return [('TXT', [text[:split], text[split:]] if split else text)]


P = f'p={RSA.info}'
ZONES = {f'{s}._domainkey.example.org': v for s, v in {
    'rsa': key('v=DKIM1; ' + P, 100),
    'bare': key(f'p={hm.b64(hm.bare(RSA.n))}'),
    'short': key(f'p={SHORT.info}'), 'small': key(f'p={SMALL.info}'),
    'long': key(f'p={LONG.info}'),
    'longer': key(f'p={hm.b64(hm.spki((1 << 4103) + 1))}'),
    'even': key(f'p={hm.b64(hm.spki(RSA.n + 1))}'),
    'bigexp': key(f'p={hm.b64(hm.spki(RSA.n, (1 << 32) + 1))}'),
    'oneexp': key(f'p={hm.b64(hm.spki(RSA.n, 1))}'),
    'other': key(f'p={LONG.info}'),
    'nov': key(P), 'vlate': key(f'{P}; v=DKIM1'), 'v2': key(f'v=DKIM2; {P}'),
    'vspace': key(f' v = DKIM1 ;\tk = rsa ; {P} ; '),
    'vcase': key(f'v=dkim1; {P}'),
    'unknown': key(f'v=DKIM1; zz=what ever; g=; n=note; {P}; x_=x'),
    'badunknown': key(f'v=DKIM1; z!=x; {P}'),
    'twice': key(f'v=DKIM1; {P}; {P}'), 'empty': key(''),
    'revoked': key('v=DKIM1; p='), 'revokedws': key('p= ;'),
    'nop': key('v=DKIM1; k=rsa'), 'junk': key('v=DKIM1; p=!!!'),
    'noder': key('p=AAAA'), 'pws': key('p=' + ' '.join(RSA.info)),
    'nopad': key('p=' + hm.b64(hm.bare(RSA.n)).rstrip('=')),
    'badpad': key(P + '===='), 'trail': key('p=' + hm.b64(
        hm.spki(RSA.n) + b'x')),
    'krsa': key('k=rsa; ' + P), 'ked': key('k=ed25519; ' + P),
    'kother': key('k=dsa; ' + P), 'kcase': key('k=RSA; ' + P),
    'hsha1': key('h=sha1; ' + P), 'hboth': key('h=sha1 : sha256:x; ' + P),
    'hempty': key('h=; ' + P),
    'sstar': key('s=*; ' + P), 'semail': key('s=x : email; ' + P),
    'sother': key('s=tlsrpt; ' + P),
    'test': key('t=y; ' + P), 'testrev': key('t=y; p='),
    'ts': key('t=s; ' + P), 'tsy': key('t=s : y; ' + P),
    'tother': key('t=q; ' + P),
    'spf': key('v=spf1 -all'),
    'several': key('v=spf1 -all') + key(f'p={LONG.info}') + key(P),
    'sevbad': key('p=') + key(f'p={LONG.info}') + key('x'),
    'many': key(f'p={LONG.info}') * 20,
    'cname': [('CNAME', 'keys.other.test')],
    'loop': [('CNAME', 'loop._domainkey.example.org')],
    'time': ['TIMEOUT'], 'servfail': ['SERVFAIL'],
    'nodata': [('A', '192.0.2.1')],
    'under_score': key(P), 'a.b': key(P), 'xn--bcher-kva': key(P),
    'k' * 63: key(P)}.items()}
ZONES['keys.other.test'] = key(P)
ZONES['rsa._domainkey.xn--bcher-kva.test'] = key(P)
ZONES['rsa._domainkey.test'] = key(P)
dns = dnsserver.Server(ZONES)
ENV = {**os.environ, **dns.env, 'ASAN_OPTIONS': 'detect_leaks=0'}


def query(m, *options):
    r = subprocess.run(['dkim-verify', '-q', *options], input=m, env=ENV,
                       capture_output=True, timeout=60)
    if r.returncode or r.stderr:
        return [f'{r}']
    return r.stdout.decode().splitlines()


def check(m, want, rule, *options):
    """want: a result and, unless it is a pass, a part of its reason."""
    lines = query(m, *options)
    word, _, why = want.partition(' ')
    reason = (re.findall('reason="(.*?)"', lines[0]) or [''])[0]
    ok(len(lines) == 1 and lines[0].split()[0] == f'dkim={word}' and
       why in reason and bool(why) == bool(reason), f'{rule}: {want}', *lines)


def case(rule, want, options=(), add=(), cut=None, **how):
    """A signed message; add: fields put above it later."""
    k = how.pop('key', RSA)
    m = b''.join(f + b'\r\n' for f in add) + signed(k, **how)
    check(m if cut is None else m[:cut], want, rule, *options)


def canonical():
    for head in ('simple', 'relaxed'):
        for how in ('simple', 'relaxed'):
            t = tags(c=f'{head}/{how}')
            case(f'RFC 6376 3.4 {head}/{how}', 'pass', text=t, head=head,
                 how=how)
            for name, body in (('no body', b''), ('a blank one', b'\r\n\r\n'),
                               ('one with blanks', b' \t\r\n \r\n'),
                               ('no last line end', b'x \t y')):
                case(f'RFC 6376 3.4.3, 3.4.4 {how} {name}', 'pass', text=t,
                     head=head, how=how, body=body)
    case('RFC 6376 3.5 c= absent is simple/simple', 'pass',
         text=tags(c=None), head='simple', how='simple')
    case('RFC 6376 3.5 c=relaxed is relaxed/simple', 'pass',
         text=tags(c='relaxed'), how='simple')
    case('RFC 6376 3.5 c=simple', 'pass', text=tags(c='simple'),
         head='simple', how='simple')
    for c in ('nofws', 'relaxed/nofws', 'relaxed/', '/relaxed', '', 'Relaxed',
              'relaxed/simple/simple', 'relaxed / simple'):
        case(f'RFC 6376 3.5 c={c}', 'neutral c= is unknown', text=tags(c=c))
    m = signed(RSA)
    check(m.replace(b'\r\n', b'\n'), 'pass', 'RFC 6376 5.3 LF line ends')
    simple = signed(RSA, tags(c='simple/simple'), head='simple', how='simple')
    check(simple.replace(b'\r\n', b'\n'), 'pass', 'the same, simple')
    check(simple.replace(b'X-Other', b'x-other'), 'pass',
          'what is not signed may change')
    for old, new in ((b'Subject: one', b'Subject:  one'),
                     (b'To:', b'to:'), (b'\r\n two', b' two')):
        check(m.replace(old, new), 'pass', f'RFC 6376 3.4.2 {new}')
        check(simple.replace(old, new), 'fail the signature does not match',
              f'RFC 6376 3.4.1 {new}')
    check(m.replace(b'\t world ', b' world'), 'pass', 'RFC 6376 3.4.4 blanks')
    check(simple.replace(b'\t world ', b' world'),
          'fail the body hash does not match', 'RFC 6376 3.4.3 blanks')
    check(m.replace(b'bob@', b'eve@'), 'fail the signature does not match',
          'RFC 6376 6.1.3 step 4')
    check(m.replace(b'second', b'Second'), 'fail the body hash does not match',
          'RFC 6376 6.1.3 step 3')


def field_syntax():
    neutral = 'neutral it is no list of tags'
    for rule, text in {
        '3.2 a tag twice': tags() + '; d=example.org',
        '3.2 an unknown tag twice': tags(zz='1') + '; zz=1',
        '3.2 no name': tags() + '; =x', '3.2 no =': tags() + '; x',
        '3.2 an empty tag': tags() + ';;', '3.2 a digit first': tags(**{'1': ''}),
        '3.2 a blank in a name': tags(**{'z z': ''}),
        '3.2 - in a name': tags(**{'z-z': ''}),
        '3.2 a control character': tags(zz='a\x01b'),
        '3.2 a lone CR': tags(zz='a\rb'),
        'more than 64 tags': tags(**{f'z{i}': '' for i in range(57)}),
        '3.2 nothing': ' ', 'RFC 8616 3 what is no UTF-8': tags(zz='\udcff'),
    }.items():
        m = b'DKIM-Signature: ' + text.encode('utf-8', 'surrogateescape')
        check(m + b'\r\n' + hm.message(), neutral, f'RFC 6376 {rule}')
    for rule, how in {
        '3.2 an unknown tag': {'text': tags(zz='what; a_9=', A='')},
        '3.2 64 tags': {'text': tags(**{f'z{i}': '' for i in range(56)})},
        '3.2 the last ;': {'text': tags() + ';'},
        '3.2 the last ; and a blank': {'text': tags() + ' ; \r\n '},
        '3.2 FWS': {'text': tags().replace('; ', ' \r\n\t;\r\n  ').replace(
            '=rsa', ' \r\n\t= \r\n rsa')},
        '2.8 FWS of two lines': {'text': tags(zz='\r\n \r\n x')},
        '3.2 no blanks': {'text': tags().replace('; ', ';')},
        '3.2 b= in front': {'text': 'b={b};' + tags(b=None)},
        '3.7 b= with blanks around': {'text': 'b= \r\n {b} \r\n ;' + tags(b=None)},
        '3.7 bh= behind b=': {'text': tags(bh=None) + ';bh={bh}'},
        '3.7 b= last, blanks': {'text': tags() + ' \r\n\t'},
        '3.5 h= folded': {'text': tags(h='from\r\n : to : \r\n\tsubject')},
        '3.5 bh= folded': {'text': tags(bh='\r\n {bh}')},
        '3.5 z= is not read': {'text': tags(z='From:a=40b|To:x')},
        'RFC 5322 4.5 blanks before the colon': {'name': 'DKIM-Signature : '},
        'RFC 5322 1.2.2 case': {'name': 'dkim-SIGNATURE:'},
        'RFC 8616 3 UTF-8 in a value': {'text': tags(zz='ü')},
    }.items():
        case(f'RFC 6376 {rule}', 'pass', **how)
        if 'text' in how:
            case('the same, simple', 'pass', head='simple', how='simple',
                 text=how['text'].replace('relaxed/relaxed', 'simple'))
    for name in 'v', 'a', 'b', 'bh', 'd', 'h', 's':
        check(b'DKIM-Signature: ' + tags(**{name: None}).encode() + b'\r\n' +
              hm.message(), 'neutral a required tag is missing',
              f'RFC 6376 6.1.1 without {name}=')
    for change, why in (
        ({'v': '2'}, 'v= is not 1'), ({'v': '1.0'}, 'v= is not 1'),
        ({'v': ''}, 'v= is not 1'), ({'a': 'dsa-sha256'}, 'a= is unknown'),
        ({'a': 'rsa-sha512'}, 'a= is unknown'), ({'a': ''}, 'a= is unknown'),
        ({'d': 'org'}, 'd= is no domain'), ({'d': ''}, 'd= is no domain'),
        ({'d': 'a..org'}, 'd= is no domain'), ({'d': 'a.org.'}, 'd= is no'),
        ({'d': '-a.org'}, 'd= is no'), ({'d': 'a b.org'}, 'd= is no'),
        ({'d': 'a' * 64 + '.org'}, 'd= is no domain'),
        ({'d': '[192.0.2.1]'}, 'd= is no domain'),
        ({'d': 'a.' * 130 + 'org'}, 'd= is no domain'),
        ({'d': 'a/b.org'}, 'd= is no'), ({'d': '\u2603\u0301..org'}, 'd= is'),
        ({'s': ''}, 's= is no selector'), ({'s': '.x'}, 's= is no selector'),
        ({'h': ''}, 'h= is no list'), ({'h': 'from:'}, 'h= is no list'),
        ({'h': 'from::to'}, 'h= is no'), ({'h': 'from:t o'}, 'h= is no list'),
        ({'h': 'from:ü'}, 'h= is no'), ({'h': 'from' + ':x' * 400}, 'h= is too'),
        ({'bh': ''}, 'bh= is no hash'), ({'bh': 'AAAA'}, 'bh= is no hash'),
        ({'bh': '{bh}AAAA'}, 'bh= is no hash'), ({'bh': '!'}, 'bh= is no'),
        ({'b': ''}, 'b= is no signature'), ({'b': '#'}, 'b= is no signature'),
        ({'b': 'A' * 700}, 'b= is no signature'),
        ({'t': ''}, 'is no number'), ({'t': '-1'}, 'is no number'),
        ({'t': '1' * 13}, 'is no number'), ({'x': '1x'}, 'is no number'),
        ({'l': '1' * 77}, 'is no number'), ({'l': '+1'}, 'is no number'),
        ({'t': '5', 'x': '5'}, 'x= is not later'),
        ({'t': '5', 'x': '4'}, 'x= is not later'),
        ({'q': 'dns'}, 'q= is unknown'), ({'q': ''}, 'q= is unknown'),
        ({'q': 'http/x:y'}, 'q= is unknown'),
    ):
        (name, value), = list(change.items())[-1:]
        case(f'RFC 6376 3.5 {name}={value[:20]}', f'neutral {why}',
             text=tags(**change))
    case('RFC 6376 3.5 q=dns/txt', 'pass', text=tags(q='dns/txt'))
    case('RFC 6376 3.5 q= of several', 'pass', text=tags(q='x/y : dns/txt'))
    case('RFC 8301 3.1 rsa-sha1', 'policy rsa-sha1 is not valid',
         text=tags(a='rsa-sha1'), algorithm='sha1')


def identities():
    sub = 'permerror i= is not in the domain of d='
    for i, want in (
        ('@example.org', 'pass'), ('ann@example.org', 'pass'),
        ('@sub.example.org', 'pass'), ('x@A.Sub.EXAMPLE.org', 'pass'),
        ('a=3Db@example.org', 'pass'), ('"a@b"@example.org', 'pass'),
        ('a=\r\n 3Db@example.org', 'neutral i= is no address'),
        ('x\r\n y@example.org', 'pass'),
        ('@other.test', sub), ('@notexample.org', sub), ('@org', sub),
        ('x@example.org.evil.test', sub), ('example.org', 'neutral i= is no'),
        ('', 'neutral i= is no'), ('x@', 'neutral i= is no'),
        ('a=b@example.org', 'neutral i= is no'),
        ('a b=@example.org', 'neutral i= is no'),
        ('=FFx@example.org', 'neutral i= is no'),
        ('a..b@example.org', 'neutral i= is no'),
        ('y' * 255 + '@example.org', 'neutral i= is no'),
        ('y' * 800 + '@example.org', 'neutral i= is no'),
        ('y' * 254 + '@example.org', 'pass')):
        case(f'RFC 6376 3.5 i={i[:25]!r}', want, text=tags(i=i))
    case('RFC 6376 6.1.1 From is not in h=', 'permerror From is not signed',
         text=tags(h='to:subject'), names=['to', 'subject'])
    for rule, domain, shown in (
        ('A-label', 'xn--bcher-kva.test', 'xn--bcher-kva.test'),
        ('U-label', 'bücher.test', 'xn--bcher-kva.test'),
        ('U-label in upper case', 'BÜCHER.test', 'xn--bcher-kva.test')):
        m = signed(RSA, tags(d=domain, i=f'grün@sub.{domain}'))
        same(query(m)[0].split()[:3],
             ['dkim=pass', f'header.d={shown}',
              f'header.i="gr??n@sub.{shown}"'], f'RFC 8616 4 d= {rule}')
    case('RFC 8616 4 i= in U-labels, d= in A-labels', 'pass', text=tags(
        d='xn--bcher-kva.test', i='@bücher.test'))
    case('RFC 8616 4 s= in U-labels', 'pass', text=tags(s='bücher'))
    case('RFC 6376 3.1 a selector of labels', 'pass', text=tags(s='a.b'))
    case('s= with _', 'pass', text=tags(s='under_score'))
    case('RFC 6376 3.2 d= and s= in upper case', 'pass',
         text=tags(d='EXAMPLE.Org', s='RSA'))
    case('a name that DNS cannot hold', 'permerror there is no key',
         text=tags(d='.'.join(['k' * 60] * 4)))


def fields():
    twice = [b'Subject: below'] + FIELDS
    case('RFC 6376 5.4.2 from the bottom up', 'pass', fields=twice)
    case('RFC 6376 5.4.2 two, both signed', 'pass', fields=twice,
         text=tags(h='from:subject:to:subject'),
         names=['from', 'subject', 'to', 'subject'])
    case('RFC 6376 5.4 an absent field', 'pass',
         text=tags(h='from:to:subject:cc:subject'))
    over = {'text': tags(h='from:to:subject:cc:subject')}
    case('RFC 6376 5.4 a field named but added later',
         'fail the signature does not match', add=[b'Cc: x@x.test'], **over)
    case('RFC 6376 8.15 a second Subject where h= has two',
         'fail the signature does not match', add=[b'Subject: evil'], **over)
    case('RFC 6376 8.15 a second Subject where h= has one', 'pass',
         add=[b'Subject: evil'])
    case('-f subject: a second Subject', 'policy must be signed',
         ['-f', 'subject'], add=[b'Subject: evil'])
    case('RFC 6376 8.15 a second From', 'policy must be signed',
         add=[b'From: evil@example.org'])
    case('RFC 6376 3.5 h= in upper case', 'pass', text=tags(h='FROM:tO:Subject'))
    case('-f x-other is not signed', 'policy must be signed',
         ['-f', 'from,x-other'])
    case('-f to,subject are signed', 'pass', ['-f', 'To,SUBJECT'])
    case('-f cc: there is none', 'pass', ['-f', 'cc'])
    case('RFC 6376 3.7 h= has dkim-signature: not the field itself', 'pass',
         text=tags(h='from:to:subject:dkim-signature'))
    below = [signature(RSA)] + FIELDS
    lines = query(signed(RSA, tags(h='from:dkim-signature'), fields=below,
                         names=['from', 'dkim-signature']))
    same([x.split()[0] for x in lines], ['dkim=pass'] * 2,
         'RFC 6376 5.4 a signature over another')
    check(b'rubbish\r\n' + signed(RSA), 'neutral is no field',
          'RFC 6376 3.8 a line that is no field')
    same(query(b'rubbish\r\n' + hm.message()), ['dkim=none'],
         'RFC 8601 2.7.1 the same, not signed')
    check(b'X: y\r\n' * 50000 + signed(RSA), 'neutral too long',
          'a header of more than 256 KiB')
    check(b'X: y\r\n' * 2000 + signed(RSA), 'neutral too long',
          'a header of more than 2000 fields')
    same(query(b'X: y\r\n' * 2000 + hm.message()), ['dkim=none'],
         'the same, not signed')
    check(b'X: y\r\n' * 1990 + signed(RSA), 'pass', 'and one of less')
    same(query(hm.message()), ['dkim=none'], 'RFC 8601 2.7.1 none')
    head = signed(RSA, body=b'')
    check(head[:-2], 'pass', 'a message that ends with its header')
    check(head[:-4], 'pass', 'and without a line end')


def times():
    for rule, want, options, t in (
        ('3.5 t= now', 'pass', [], {'t': NOW}),
        ('3.5 t= in 200 s', 'pass', [], {'t': NOW + 200}),
        ('3.5 t= in 400 s', 'policy in the future', [], {'t': NOW + 400}),
        ('-t', 'pass', ['-t', '500'], {'t': NOW + 400}),
        ('3.5 x= in 100 s', 'pass', [], {'x': NOW + 100}),
        ('3.5 x= 200 s ago', 'pass', [], {'x': NOW - 200}),
        ('3.5 x= 400 s ago', 'policy expired', [], {'x': NOW - 400}),
        ('-t 0', 'policy expired', ['-t', '0'], {'x': NOW - 5}),
        ('3.5 x=0', 'policy expired', [], {'x': 0}),
        ('3.5 x= of 12 digits', 'pass', [], {'t': NOW, 'x': '9' * 12})):
        case(f'RFC 6376 {rule}', want, options, text=tags(**t))


def limits():
    size = len(hm.canon_body('relaxed', BODY))
    for n, want in ((size, 'pass'), (size - 1, 'policy goes on behind l='),
                    (0, 'policy goes on behind l='),
                    (size + 1, 'fail l= is more'), ('9' * 76, 'fail l= is')):
        how = {'text': tags(l=n), 'limit': int(n) if int(n) < 99 else None}
        case(f'RFC 6376 8.2 l={str(n)[:5]} of {size}', want, **how)
        if want.startswith('policy'):
            case(f'RFC 6376 3.5 the same with -l', 'pass', ['-l'], **how)
    for n in range(size + 1):
        m = signed(RSA, tags(l=n), limit=n)
        if query(m + b'more\r\n', '-l')[0].split()[0] != 'dkim=pass':
            ok(False, f'-l, l={n}')
            break
    else:
        ok(True, 'RFC 6376 3.7 -l: l= of any size, and an appended line')
    m = signed(RSA, tags(l=5), limit=5)
    check(m.replace(b'Hello', b'Hallo'), 'fail the body hash', 'l=, changed')


def keys():
    no, syntax = 'permerror there is no key', 'permerror the record is no DKIM'
    rsa = 'permerror the key is no RSA key'
    for s, want, rule in (
        ('bare', 'pass', '3.6.1 RSAPublicKey'), ('nov', 'pass', '3.6.1 no v='),
        ('vlate', syntax, '3.6.1 v= is first'), ('v2', syntax, '3.6.1 v=2'),
        ('vspace', 'pass', '3.6.1 blanks'), ('vcase', syntax, '3.6.1 case'),
        ('unknown', 'pass', '3.6.1 unknown tags, n=, g='),
        ('badunknown', syntax, '3.2 a tag name'),
        ('twice', syntax, '3.2 a tag twice'), ('empty', syntax, '3.6.1 empty'),
        ('revoked', 'permerror the key is revoked', '3.6.1 an empty p='),
        ('revokedws', 'permerror the key is revoked', '3.6.1 a blank p='),
        ('nop', 'permerror has no p=', '3.6.1 p= is required'),
        ('junk', 'permerror is no base64', '3.6.1 p= is base64'),
        ('badpad', 'permerror is no base64', '2.10 padding'),
        ('noder', rsa, '3.6.1 DER'), ('trail', rsa, '3.6.1 DER and more'),
        ('even', rsa, 'an even modulus'), ('oneexp', rsa, 'an exponent of 1'),
        ('bigexp', rsa, 'an exponent of 33 bits'),
        ('pws', 'pass', '3.6.1 FWS in p='), ('nopad', 'pass', '2.10 no ='),
        ('krsa', 'pass', '3.6.1 k=rsa'),
        ('ked', 'permerror of another type', '6.1.2 step 8'),
        ('kother', 'permerror of another type', '3.6.1 an unknown k='),
        ('kcase', 'permerror of another type', '3.2 case of k='),
        ('hsha1', 'permerror not for sha256', '6.1.2 step 6'),
        ('hboth', 'pass', '3.6.1 h= of several'),
        ('hempty', 'permerror not for sha256', '3.6.1 an empty h='),
        ('sstar', 'pass', '3.6.1 s=*'), ('semail', 'pass', '3.6.1 s=email'),
        ('sother', 'permerror not for mail', '3.6.1 s= of others'),
        ('tother', 'pass', '3.6.1 an unknown flag'),
        ('spf', syntax, '6.1.2 a record of something else'),
        ('several', 'pass', '6.1.2 step 4: several records'),
        ('sevbad', 'fail the signature does not', '6.1.2 step 4: none fits'),
        ('many', 'fail the signature does not match', 'many records'),
        ('cname', 'pass', '3.6.2 by CNAME'),
        ('loop', 'temperror cannot be looked up', 'a CNAME loop'),
        ('nodata', no, '6.1.2 step 3'), ('none', no, '6.1.2 step 3: NXDOMAIN'),
        ('servfail', 'temperror cannot be looked up', '6.1.2 step 2'),
        ('other', 'fail the signature does not match', '6.1.3 another key'),
        ('k' * 63, 'pass', '3.1 a selector of 63 bytes')):
        case(f'RFC 6376 {rule}', want, text=tags(s=s))
    case('RFC 6376 3.6.1 t=s, i= is d=', 'pass', text=tags(s='ts'))
    for s in 'ts', 'tsy':
        case('RFC 6376 3.6.1 t=s, i= below d=', 'permerror for d= itself',
             text=tags(s=s, i='@sub.example.org'))
    case('RFC 8301 3.2 1023 bits', 'policy less than 1024', key=SHORT,
         text=tags(s='short'))
    case('RFC 8301 3.2 512 bits', 'policy less than 1024', key=SMALL,
         text=tags(s='small'))
    case('RFC 8301 3.2 4096 bits', 'pass', key=LONG, text=tags(s='long'))
    case('RFC 8301 3.2 4104 bits', 'neutral more than 4096', key=LONG,
         text=tags(s='longer'))
    m = signed(RSA, tags(s='test'))
    line = query(m)[0]
    ok(line.startswith('dkim=pass header.d=') and line.endswith('(test mode)'),
       'RFC 6376 3.6.1 t=y', line)
    line = query(m.replace(b'bob', b'eve'))[0]
    ok(line.startswith('dkim=fail') and line.endswith('(test mode)'),
       'RFC 6376 3.6.1 t=y, broken', line)


def several():
    m = hm.message([signature(RSA, tags(s=s)) for s in (
        'rsa', 'time', 'revoked', 'nov')] + FIELDS)
    dns.log.clear()
    words = [x.split()[0] for x in query(m)]
    same(words, ['dkim=pass', 'dkim=temperror', 'dkim=permerror', 'dkim=pass'],
         'RFC 6376 4.2 each signature has a result')
    tries = [n for n, _, _, _ in dns.log if n.startswith('time.')]
    ok(2 <= len(tries) <= 4, 'RFC 6376 6.1.2 silence: tries are bounded', tries)
    ask = [n for n, _, _, _ in dns.log][:4]
    same(len(set(ask)), 4, 'all keys are asked for at once')
    m = hm.message([signature(RSA)] * 10 + FIELDS)
    lines = query(m)
    same((len(lines), lines[8]),
         (9, 'dkim=policy reason="2 more signatures are not looked at"'),
         'RFC 6376 8.4 at most 8 signatures')
    same(len(query(m, '-n', '10')), 10, '-n 10')
    same(len(query(m, '-n', '1')), 2, '-n 1')
    hashes = [signature(RSA, tags(c=f'{h}/{b}', l=n), head=h, how=b, limit=n)
              for h in ('simple', 'relaxed') for b in ('simple', 'relaxed')
              for n in (0, 1, 7)]
    lines = query(hm.message(hashes + FIELDS), '-l', '-n', '32')
    same([x.split()[0] for x in lines], ['dkim=pass'] * 12,
         'signatures of all canonical forms and limits in one pass')


def shown():
    line = query(signed(RSA, tags(i='ann@sub.example.org')))[0]
    b = re.search(rb'; b=(.{8})', signed(
        RSA, tags(i='ann@sub.example.org'))).group(1).decode()
    same(line, 'dkim=pass header.d=example.org '
         'header.i=ann@sub.example.org header.s=rsa header.a=rsa-sha256 '
         f'header.b={b}', 'RFC 8601 2.7.1, RFC 6008 4: the properties')
    line = query(signed(RSA, tags(d='a"b.org', a='x\\"y', i='x')))[0]
    ok('header.d' not in line and 'header.a="x\\\\\\"y"' in line,
       'RFC 8601 2.2 what is quoted, and what is left out', line)
    line = query(signed(RSA, tags(i='"' + 'a\\"' * 84 + '"@example.org')))[0]
    i = line.split(' header.i=')[1].split(' header.s=')[0]
    ok(390 < len(i) <= 400 and i[0] == i[-1] == '"',
       'a property has at most 400 bytes', line)
    for bad in (['-n', '0'], ['-n', '33'], ['-n', 'x'], ['-t', '86401'],
                ['-f', ''], ['-f', 'from,'], ['-f', 'a b'], ['-r', 'fail'],
                ['-r', 'softfail=junk'], ['-z'], ['x'],
                ['-f', ','.join('x' * 33)]):
        r = subprocess.run(['dkim-verify', *bad], input=b'', env=ENV,
                           capture_output=True)
        same(r.returncode, 100, 'usage: ' + ' '.join(bad)[:20])
    r = subprocess.run(['dkim-verify', '-q'], input=b'', capture_output=True)
    same(r.returncode, 1, 'no message: exit 1')


def manual():
    with open('dkim-sign/dkim-verify.8') as f:
        text = f.read()
    with open('dkim-sign/verifier.h') as f:
        code = dict(re.findall(r'#define VERIFIER_(\w+) +"?(\w+)', f.read()))
    same([re.search(p, text, re.S).group(1) for p in (
        r'It Fl n.*?default (\d+)', r'It Fl t.*?default (\d+)',
        r'It Fl n.*?up to (\d+)', r'It Fl f.*?default: Cm (\w+)')],
        [code['SIGNATURES'], code['SKEW'], code['MOST'],
         code['FIELDS']],
        'the manual has the defaults')


canonical()
field_syntax()
identities()
fields()
times()
limits()
keys()
several()
shown()
manual()
finish()
