#!/usr/bin/python3
"""dmarc-check: RFC 9989. Discovery, alignment and their query counts by -q;
then the filter, alone and behind spf-check."""
import os
import re
import subprocess
import sys
import tempfile

sys.path[:0] = ['tests', 'tests/smtp-send']
from dnsserver import Server
from peer import net
from tap import finish, ok, same

IP = '192.0.2.1'
REJECT, QUARANTINE, NONE = ('v=DMARC1; p=' + p for p in
                            ('reject', 'quarantine', 'none'))
HOST = [('A', IP)]
LONG = 'a.b.c.d.e.f.g.h.i.j.mail.example.test'
DEEP = '.'.join(['x' * 60] * 4)  # 243 bytes, _dmarc. fits
FULL = 'x' * 9 + '.' + DEEP      # 253, it does not

POLICIES = {
    'rej.test': REJECT, 'qua.test': QUARANTINE, 'mon.test': NONE,
    'host.mon.test': None,
    # 4.7: sp, np, t
    'sp.test': 'v=DMARC1; p=none; sp=quarantine', 'www.sp.test': None,
    'np.test': 'v=DMARC1; p=none; sp=quarantine; np=reject',
    'www.np.test': None, 'a.ent.np.test': None,
    'nopnp.test': 'v=DMARC1; p=reject; np=none', 'www.nopnp.test': None,
    't1.test': REJECT + '; t=y', 't2.test': QUARANTINE + '; t=y',
    't3.test': NONE + '; t=y', 't4.test': 'v=DMARC1; np=reject; t=y; p=none',
    # 4.10.1: what is no policy
    'bad.test': 'v=DMARC1; p=x', 'badrua.test':
    'v=DMARC1; p=x; rua=mailto:a@b.test', 'old.test': 'v=DMARC1; p=reject; '
    'pct=0; rf=afrf; ri=1', 'empty.test': 'v=DMARC1',
    'late.test': 'p=reject; v=DMARC1',
    # 4.10: several records, others beside it, strings
    'two.test': [REJECT, NONE], 'sub.two.test': None,
    'up.rej.test': [REJECT, NONE], 'other.test': ['v=spf1 -all', REJECT],
    'joined.test': [['v=DMA', 'RC1; p=re', 'ject']],
    # 4.10.2: organizations
    'psd': 'v=DMARC1; p=reject; sp=quarantine; np=none; psd=y',
    'org.psd': None, 'www.org.psd': None, 'www.two.psd': None,
    'mid.org.psd': NONE, 'a.mid.org.psd': None, 'own.psd': NONE,
    'a.own.psd': None, 'b.own.psd': None,
    'big.test': REJECT, 'part.big.test': QUARANTINE + '; psd=n',
    'a.part.big.test': None, 'b.part.big.test': None, 'c.big.test': None,
    'sub.big.test': NONE, 'x.sub.big.test': None,
    # 4.7: alignment modes
    'strict.test': REJECT + '; adkim=s; aspf=s', 'sdkim.test': REJECT +
    '; adkim=s', 'sspf.test': REJECT + '; aspf=s',
    'xn--bcher-kva.test': REJECT,
    DEEP: None,
}


def zone():
    z = {}
    for name, records in POLICIES.items():
        if records is None:
            z[name] = HOST
            continue
        if isinstance(records, str):
            records = [records]
        z['_dmarc.' + name] = [('TXT', r) for r in records]
    z['_dmarc.fail.test'] = ['SERVFAIL']
    z['_dmarc.sub.fail.test'] = [('TXT', REJECT)]
    z['_dmarc.mon.fail.test'] = [('TXT', NONE)]
    z['_dmarc.time.test'] = ['SERVFAIL']
    z['_dmarc.lost.rej.test'] = ['SERVFAIL']
    z['gone.np.test'] = ['SERVFAIL']
    z['_dmarc.gone.np.test'] = [('CNAME', 'nowhere.example')]
    z['gone.nopnp.test'] = ['SERVFAIL']
    z['_dmarc.gone.nopnp.test'] = [('CNAME', 'nowhere.example')]
    z['_dmarc.alias.test'] = [('CNAME', '_dmarc.rej.test')]
    for i in range(30):
        z[f'd{i}.big.test'] = HOST
    for d in ('rej', 'mon', 'none', 'qua'):
        z[d + '.test'] = HOST + [('TXT', f'v=spf1 ip4:{IP} -all')]
        z[f'no.{d}.test'] = HOST + [('TXT', 'v=spf1 -all')]
    z['bücher.test'] = z['xn--bcher-kva.test'] = \
        HOST + [('TXT', f'v=spf1 ip4:{IP} -all')]
    return z


dns = Server(zone())
ENV = {**os.environ, **dns.env, 'ROHRPOST_ME': 'me.test',
       'ASAN_OPTIONS': 'detect_leaks=0'}


def query(*args):
    """(result, policy, where, why), and the names that were asked for."""
    before = len(dns.log)
    r = subprocess.run(['dmarc-check', '-q', *args], env=ENV, text=True,
                       capture_output=True, timeout=60)
    asked = [(n, t) for n, t, *_ in dns.log[before:]]
    return r.stdout.rstrip('\n').split('\t'), asked, r.returncode


def dmarc(names):
    return [n[7:] for n, t in names if n.startswith('_dmarc.')]


NO = ('none', '', '')
CASES = [
    # author domain and identifiers, what comes out, rule
    ('rej.test', 'fail reject rej.test', '4.10.1: the author domain'),
    ('qua.test', 'fail quarantine qua.test', '4.7: p=quarantine'),
    ('mon.test', 'fail none mon.test', '4.7: p=none'),
    ('alias.test', 'fail reject alias.test', 'RFC 1034 3.6.2: by CNAME'),
    ('REJ.test', 'fail reject rej.test', '4.4: case does not matter'),
    ('www.rej.test', 'fail reject rej.test', '4.10.1: its organization'),
    ('a.b.c.rej.test', 'fail reject rej.test', '4.10.1: far below it'),
    ('none.test', NO, '4.10.1: no record'),
    ('sp.test', 'fail none sp.test', '4.7: sp is not for the domain itself'),
    ('www.sp.test', 'fail quarantine sp.test', '4.7: sp, it exists'),
    ('nx.sp.test', 'fail quarantine sp.test', '4.7: sp where there is no np'),
    ('np.test', 'fail none np.test', '4.7: np is not for the domain itself'),
    ('www.np.test', 'fail quarantine np.test', '4.7: np, but it exists'),
    ('nx.np.test', 'fail reject np.test', '3.2.13: NXDOMAIN'),
    ('ent.np.test', 'fail quarantine np.test',
     'RFC 8020 2: an empty name exists'),
    ('b.www.np.test', 'fail reject np.test', '3.2.13: below one that exists'),
    ('nx.nopnp.test', 'fail none nopnp.test', '4.7: np before p'),
    ('www.nopnp.test', 'fail reject nopnp.test', '4.7: p for subdomains'),
    ('t1.test', 'fail quarantine t1.test', '4.7: t=y, reject'),
    ('t2.test', 'fail none t2.test', '4.7: t=y, quarantine'),
    ('t3.test', 'fail none t3.test', '4.7: t=y, none'),
    ('nx.t4.test', 'fail quarantine t4.test', '4.7: t=y is for np, too'),
    ('bad.test', NO, '4.10.1: a bad p, no rua: no DMARC'),
    ('badrua.test', 'fail none badrua.test', '4.10.1: a bad p with rua'),
    ('empty.test', 'fail none empty.test', '4.7: no p'),
    ('late.test', NO, '4.7: v must be the first'),
    ('old.test', 'fail reject old.test', '9.3: pct is history'),
    ('two.test', NO, '4.10: several records are none'),
    ('sub.two.test', NO, '4.10: several records, above it'),
    ('up.rej.test', 'fail reject rej.test', '4.10: and the walk goes on'),
    ('other.test', 'fail reject other.test', '4.10: other records beside it'),
    ('joined.test', 'fail reject joined.test', '4.5: strings are joined'),
    # public suffixes
    ('psd', 'fail reject psd', '4.10.1: a public suffix as author: p'),
    ('org.psd', 'fail quarantine psd', '4.10.1: the public suffix: sp'),
    ('www.org.psd', 'fail quarantine psd', '4.10.1: the public suffix, below'),
    ('nx.psd', 'fail none psd', '4.10.1: the public suffix: np'),
    ('own.psd', 'fail none own.psd', '4.10.1: the organization before it'),
    ('a.own.psd', 'fail none own.psd', '4.10.1: the organization before it'),
    ('mid.org.psd', 'fail none mid.org.psd', '4.10.1: the author before all'),
    ('a.mid.org.psd', 'fail quarantine psd',
     '4.10.1: what is neither author nor organization does not count'),
    ('x.sub.big.test', 'fail reject big.test', '4.10.2: the fewest labels'),
    ('a.part.big.test', 'fail quarantine part.big.test', '4.10.2: psd=n'),
    # alignment
    ('rej.test spf=rej.test', 'pass reject rej.test', '4.4: identical, SPF'),
    ('rej.test dkim=rej.test', 'pass reject rej.test', '4.4: identical, DKIM'),
    ('rej.test dkim=REJ.test', 'pass reject rej.test', '4.4: without case'),
    ('rej.test spf=mail.rej.test', 'pass reject rej.test', '4.4: below'),
    ('www.rej.test dkim=rej.test', 'pass reject rej.test', '4.4: above'),
    ('www.rej.test dkim=a.b.rej.test', 'pass reject rej.test', '4.4: beside'),
    ('rej.test spf=qua.test', 'fail reject rej.test', '4.4: another'),
    ('rej.test spf=xrej.test', 'fail reject rej.test', '4.4: a tail of it'),
    ('rej.test spf=test', 'fail reject rej.test', '4.4: all above it'),
    ('rej.test spf=qua.test dkim=x.test dkim=rej.test', 'pass reject rej.test',
     '4.4.1: one of many'),
    ('strict.test spf=a.strict.test dkim=a.strict.test',
     'fail reject strict.test', '4.4: strict'),
    ('strict.test spf=strict.test', 'pass reject strict.test', '4.4: strict'),
    ('sdkim.test dkim=a.sdkim.test', 'fail reject sdkim.test', '4.7: adkim'),
    ('sdkim.test spf=a.sdkim.test', 'pass reject sdkim.test', '4.7: adkim'),
    ('sspf.test spf=a.sspf.test', 'fail reject sspf.test', '4.7: aspf'),
    ('sspf.test dkim=a.sspf.test', 'pass reject sspf.test', '4.7: aspf'),
    ('www.strict.test dkim=strict.test', 'fail reject strict.test',
     '4.4: strict, by the record above'),
    ('org.psd dkim=two.psd', 'fail quarantine psd',
     '4.10.2: one label below psd=y'),
    ('www.org.psd dkim=org.psd', 'pass quarantine psd',
     '4.10.2: one label below psd=y'),
    ('www.two.psd dkim=psd', 'fail quarantine psd',
     '4.10.2: a public suffix is no organization'),
    ('psd dkim=org.psd', 'fail reject psd', '4.10.2: nor the other way'),
    ('a.own.psd dkim=b.own.psd', 'pass none own.psd', '4.10.2: as one'),
    ('a.part.big.test dkim=b.part.big.test', 'pass quarantine part.big.test',
     '4.10.2: psd=n, inside'),
    ('a.part.big.test dkim=c.big.test', 'fail quarantine part.big.test',
     '4.10.2: psd=n, to the outside'),
    ('c.big.test dkim=a.part.big.test', 'fail reject big.test',
     '4.10.2: psd=n, from the outside'),
    ('sub.big.test dkim=big.test', 'pass none sub.big.test',
     '4.10.1: the author\'s record need not be its organization\'s'),
    ('none.test spf=none.test', NO, '5.3.2: nothing to pass'),
    # DNS that fails
    ('time.test', 'temperror', '5.3.6: no answer for the author'),
    ('www.fail.test', 'temperror', '5.3.6: no answer above it'),
    ('sub.fail.test', 'fail reject sub.fail.test', '5.3.6: not needed'),
    ('sub.fail.test spf=sub.fail.test', 'pass reject sub.fail.test',
     '4.10.2: identical, nobody is asked'),
    ('sub.fail.test spf=a.sub.fail.test', 'temperror reject sub.fail.test',
     '5.3.6: no answer for the organization'),
    ('sub.fail.test spf=a.rej.test', 'fail reject sub.fail.test',
     '5.3.6: which cannot be above both'),
    ('rej.test dkim=lost.rej.test', 'temperror reject rej.test',
     '5.3.6: no answer for the identifier'),
    ('rej.test dkim=lost.rej.test spf=rej.test', 'pass reject rej.test',
     '5.3.6: another passes'),
    ('gone.np.test', 'temperror quarantine np.test',
     '3.2.13: no answer whether it exists'),
    ('gone.np.test spf=np.test', 'pass quarantine np.test', 'it passes'),
    # names
    ('bücher.test dkim=xn--bcher-kva.test', 'pass reject xn--bcher-kva.test',
     '5.3.1: A-labels'),
    ('www.bücher.test dkim=a.bücher.test', 'pass reject xn--bcher-kva.test',
     '5.3.1: A-labels, below'),
    (DEEP, NO, 'a long name'),
    (FULL, NO, 'a name that _dmarc. makes too long has no record'),
]
for args, want, rule in CASES:
    if isinstance(want, str):
        want = tuple((want.split() + ['', ''])[:3])
    got, asked, code = query(*args.split())
    same((tuple(got[:3]), code), (want, 0), f'RFC 9989 {rule}') or \
        print('#', args[:70], got)
    if len(got) == 4 and not got[3]:
        ok(False, 'a reason is given', args)

# How many queries, and which
same(dmarc(query(LONG)[1]),
     [LONG, 'g.h.i.j.mail.example.test', 'h.i.j.mail.example.test',
      'i.j.mail.example.test', 'j.mail.example.test', 'mail.example.test',
      'example.test', 'test'], 'RFC 9989 4.10: the eight names of its example')
for n in range(1, 20):
    name = '.'.join('abcdefghijklmnopqrst'[:n - 1]) + '.test'
    asked = dmarc(query(name.lstrip('.'))[1])
    if len(asked) != min(n, 8) or len(set(asked)) != len(asked):
        ok(False, f'{n} labels', asked)
        break
else:
    ok(True, 'RFC 9989 4.10: 1 to 19 labels are so many queries, at most 8')
for args, want, rule in (
        ('rej.test', ['rej.test'], 'with a record, the rest is not asked'),
        ('rej.test dkim=rej.test', ['rej.test'],
         'nor for the same domain (4.10.2)'),
        ('strict.test dkim=a.strict.test', ['strict.test'],
         'nor in strict mode (4.10.2)'),
        ('part.big.test dkim=b.big.test', ['part.big.test'],
         'psd=n ends the walk (4.10 step 2)'),
        ('psd dkim=org.psd', ['psd', 'org.psd'],
         'psd=y at the start ends it, too'),
        ('rej.test dkim=a.qua.test', ['rej.test', 'test'],
         'what is not below the organization is not walked for'),
        ('rej.test dkim=a.rej.test', ['rej.test', 'test', 'a.rej.test'],
         'a name is asked for once'),
        ('a.rej.test dkim=b.rej.test spf=a.rej.test',
         ['a.rej.test', 'rej.test', 'test'], 'the same domain first')):
    same(dmarc(query(*args.split())[1]), want, f'queries: {rule}')
same([n for n, t in query('nx.np.test')[1] if not n.startswith('_')],
     ['nx.np.test'], 'queries: whether it exists, once')
same([n for n, t in query('nx.sp.test')[1] if not n.startswith('_')], [],
     'queries: not without np')
got, asked, code = query('big.test', *(f'dkim=d{i}.sub.part.big.test'
                                       for i in range(30)))
ok(got[0] == 'fail' and len(dmarc(asked)) <= 16,
   'walks are bounded: 10 for identifiers', got, asked)

for args in ([], ['a..b'], ['[192.0.2.1]'], ['a.test', 'x=y'],
             ['a.test', 'spf=']):
    same(query(*args)[2], 100, f'-q {args}: exit 100')


# The filter
def run(data, *args, command=None):
    r = subprocess.run(command or ['dmarc-check', *args], input=data, env=ENV,
                       capture_output=True, timeout=60)
    return r.stdout, r.returncode


def a(*texts):
    return b''.join(net('A', t) for t in texts)


def facts(*extra, ip=IP, helo='h.test'):
    return net('I', 'x1') + net('P', f'ip={ip}') + net('P', f'helo={helo}') \
        + b''.join(net('P', e) for e in extra)


def parcel(header, before=b'', after=b'', sender='x@none.test', head=None,
           cut=0, checked=True):
    """header is whole, or a From; before and after M stand A records, and
    what the checks say that have nothing to say."""
    if checked and b'spf=' not in before + after:
        before += a('spf=none smtp.mailfrom=' + sender)
    if checked and b'dkim=' not in before + after:
        after += a('dkim=none')
    if isinstance(header, str):
        header = header.encode()
    if b'\n' not in header:
        header = b'Subject: x\r\nFrom: ' + header + b'\r\n'
    m = header + b'\r\nbody\r\n'
    parts = [m[i:i + cut] for i in range(0, len(m), cut)] if cut else [m]
    return (facts() if head is None else head) + net('F', sender) + \
        net('T', '0', 'b@b.test') + before + \
        b''.join(net('M', p) for p in parts) + after


def added(*args, opts=(), **more):
    """What stands behind all that was there, before the end."""
    data = parcel(*args, **more)
    out, code = run(data + net('.'), *opts)
    if code or not out.startswith(data) or not out.endswith(net('.')):
        return code, out
    return out[len(data):-len(net('.'))].decode()


def result(text):
    return net('A', text).decode()


def verdict(word, text):
    return net('V', word, text).decode()


DKIM, SPF = 'dkim=pass header.d=', 'spf=pass smtp.mailfrom='
WHY = 'neither SPF nor DKIM vouches for {0}; the policy of {0} is {1}'
FROM = 'header.from={0} policy.dmarc={1}'


def failed(d, p='reject', word='reject', reply='550 5.7.1', dis=None):
    dis = dis or p
    return result(f'dmarc=fail (p={p} dis={dis}) ' + FROM.format(d, p)) + \
        (verdict(word, f'{reply} DMARC: ' + WHY.format(d, p)) if word else '')


def passed(d, p='reject'):
    return result(f'dmarc=pass (p={p} dis=none) ' + FROM.format(d, p))


same(added('a@rej.test'), failed('rej.test'),
     'RFC 9989 7.2: reject, and the reply says DMARC')
same(added('a@qua.test'), failed('qua.test', 'quarantine', 'junk',
                                 '250 2.7.1'), 'quarantine: junk')
same(added('a@mon.test'), failed('mon.test', 'none', None),
     'RFC 9989 5.4: none changes nothing')
same(added('a@none.test'), result('dmarc=none header.from=none.test'),
     'RFC 9989 9.2: no policy')
same(added('a@t1.test'),
     result('dmarc=fail (p=reject dis=quarantine) header.from=t1.test '
            'policy.dmarc=quarantine') +
     verdict('junk', '250 2.7.1 DMARC: neither SPF nor DKIM vouches for '
             't1.test; the policy of t1.test is quarantine'),
     'RFC 9989 9.1: policy.dmarc is what t=y leaves')
for d, before, after, rule in (
        ('rej.test', a(DKIM + 'rej.test'), b'', 'an A before M'),
        ('rej.test', b'', a(DKIM + 'rej.test'), 'an A behind M'),
        ('rej.test', b'', a(DKIM + '"rej.test"'), 'a quoted pvalue'),
        ('rej.test', b'', a('dkim=pass (1024 bit; x) reason="a" header.d=' +
                            'www.rej.test header.s=s'), 'comment and reason'),
        ('rej.test', b'', a(DKIM + 'x.test', 'dkim=fail header.d=rej.test',
                            DKIM + 'rej.test'), 'several signatures'),
        ('rej.test', a(SPF + 'x@rej.test'), b'', 'SPF by MAIL FROM'),
        ('rej.test', a(SPF + 'rej.test'), b'', 'SPF with a domain alone'),
        ('rej.test', a(SPF + '"\\"a@none.test b\\"@rej.test"'), b'',
         'SPF with a quoted local part'),
        ('xn--bcher-kva.test', b'', a(DKIM + 'xn--bcher-kva.test'), 'IDN')):
    same(added(f'a@{d}', before, after), passed(d), f'passes: {rule}')
for text, rule in (('spf=pass smtp.helo=rej.test', '4.4.2: HELO'),
                   ('spf=fail smtp.mailfrom=x@rej.test', 'SPF fails'),
                   ('spf=softfail smtp.mailfrom=x@rej.test', 'SPF softfails'),
                   ('dkim=fail header.d=rej.test', 'DKIM fails'),
                   ('dkim=pass header.i=@rej.test', 'no header.d'),
                   ('dkim=policy header.d=rej.test', 'a policy of ours'),
                   ('dkim=pass (header.d=rej.test)', 'in a comment'),
                   ('dkim=pass header.d="rej.test', 'broken'),
                   ('dkim-adsp=pass header.d=rej.test', 'another method'),
                   ('iprev=pass policy.iprev=rej.test', 'another method'),
                   (SPF + '"rej.test" x', 'broken at its end'),
                   (SPF + '[192.0.2.1]', 'an address literal'),
                   (SPF + 'x@rej.test@none.test', 'the last @ counts')):
    same(added('a@rej.test', a(text, 'dkim=none', SPF + 'none.test')),
         failed('rej.test'), f'fails: {rule}')
for said, which in ((a('spf=fail smtp.mailfrom=x@none.test'), 'DKIM'),
                    (a('dkim=none'), 'SPF'), (b'', 'SPF')):
    same(added('a@rej.test', said, checked=False),
         result('dmarc=none header.from=rej.test'),
         f'nothing fails where {which} was not checked')
same(added('a@rej.test', a(DKIM + 'rej.test'), checked=False),
     passed('rej.test'), 'but it may pass')
same(added('a@rej.test', a('spf=pass smtp.helo=rej.test'), sender=''),
     passed('rej.test'), 'RFC 9989 3.2.4: HELO for the null reverse-path')

# Whose domain
PERM = 'dmarc=permerror reason='
for header, why in (
        ('', 'no address in the From field'),
        ('alice', 'an address that is not whole in the From field'),
        ('a@rej.test, b@none.test',
         'addresses of several domains in the From field'),
        ('<a@rej.test> <b@none.test>',
         'text beside its address in the From field'),
        ('G: a@rej.test;', 'a group in the From field'),
        ('undisclosed:;', 'a group in the From field'),
        ('a@[192.0.2.1]', 'an address literal in the From field'),
        ('a@rej..test', 'a domain that cannot be in the From field'),
        ('Subject: x\r\n', 'no From field'),
        ('From: a@none.test\r\nFrom: b@none.test\r\n', 'several From fields'),
        ('From: a@none.test\r\nX: y\r\nFROM : b@rej.test\r\n',
         'several From fields'),
        ('From: a@none.test\r\nno field\r\nFrom: b@rej.test\r\n',
         'several From fields'),
        ('From: a@none.test\r\n' + ('X: ' + 'y' * 900 + '\r\n') * 300,
         'the header is too large')):
    same(added(header, a(DKIM + 'none.test'), cut=60000),
         result(f'{PERM}"{why}"') +
         verdict('reject', f'550 5.7.1 DMARC: {why}'),
         f'RFC 9989 11.5: refused: {why}')
same(added('', opts=('-r', 'permerror=ignore')),
     result(f'{PERM}"no address in the From field"'), '-r permerror=ignore')
same(added('a@rej.test, b@rej.test, "c" <d@REJ.test>', a(DKIM + 'rej.test')),
     passed('rej.test'), 'RFC 9989 5.3.1: several addresses of one domain')
same(added('"rej.test" <a@none.test> (a@rej.test)'),
     result('dmarc=none header.from=none.test'), 'names and comments')
same(added('a@bücher.test'.encode()), failed('xn--bcher-kva.test'),
     'RFC 9989 5.3.1: a U-label')
for cut in (1, 7, 21):
    same(added('a@rej.test', cut=cut), failed('rej.test'),
         f'a header in pieces of {cut}')
data = facts() + net('F', '') + net('T', '0', 'b@b.test') + \
    a('spf=none smtp.helo=h', 'dkim=none') + net('M', 'From: a@rej.test')
out, code = run(data + net('.'))
ok(code == 0 and failed('rej.test').encode() in out,
   'a header that does not end')
out, code = run(facts() + net('F', '') + net('T', '0', 'b@b.test') + net('.'))
ok(code == 0 and b'550 5.7.1 DMARC: no From field' in out, 'no message at all')
same(added(b'From: a@rej.test\r\n', before=net('H', 'From: a@none.test\r\n') +
           net('E', 'From', '1')), failed('rej.test'),
     'the message counts as it came in')

# Errors of DNS
TEMP = 'no answer from DNS for the policy of '
same(added('a@time.test'),
     result(f'dmarc=temperror reason="{TEMP}time.test" header.from=time.test')
     + verdict('defer', f'451 4.7.1 DMARC: {TEMP}time.test'),
     'RFC 9989 7.2: deferred')
same(added('a@time.test', a(DKIM + 'time.test')),
     result(f'dmarc=temperror reason="{TEMP}time.test" header.from=time.test'),
     'not if it would pass, whatever the policy is')
same(added('a@time.test', opts=('-r', 'temperror=ignore')),
     result(f'dmarc=temperror reason="{TEMP}time.test" header.from=time.test'),
     '-r temperror=ignore')
ABOUT = 'no answer from DNS about '
same(added('a@rej.test', a('dkim=temperror header.d=www.rej.test')),
     result('dmarc=temperror (p=reject dis=defer) reason="' + ABOUT +
            'DKIM of www.rej.test" ' + FROM.format('rej.test', 'reject')) +
     verdict('defer', f'451 4.7.1 DMARC: {ABOUT}DKIM of www.rej.test'),
     'RFC 9989 5.3.6: DKIM that might pass')
ok('defer' in added('a@rej.test', a('spf=temperror smtp.mailfrom=x@rej.test')),
   'SPF that might pass')
same(added('a@rej.test', a('dkim=temperror header.d=none.test')),
     failed('rej.test'), 'not what could not be aligned')
same(added('a@rej.test', a('dkim=temperror header.d=rej.test',
                           SPF + 'rej.test')), passed('rej.test'),
     'not where another passes')
same(added('a@mon.test', a('dkim=temperror header.d=mon.test')),
     result('dmarc=temperror (p=none dis=none) reason="' + ABOUT +
            'DKIM of mon.test" ' + FROM.format('mon.test', 'none')),
     'not where the policy is none')
same(added('a@gone.nopnp.test'),
     result('dmarc=temperror (p=none dis=defer) reason="no answer from DNS '
            'whether gone.nopnp.test exists" header.from=gone.nopnp.test '
            'policy.dmarc=none') +
     verdict('defer', '451 4.7.1 DMARC: no answer from DNS whether '
             'gone.nopnp.test exists'), 'RFC 9989 4.7: np or not, who knows')

# Actions
same(added('a@rej.test', opts=('-r', 'reject=junk')),
     failed('rej.test', word='junk', reply='250 2.7.1', dis='quarantine'),
     'RFC 9989 7.4: -r reject=junk')
same(added('a@qua.test', opts=('-r', 'quarantine=ignore,reject=junk')),
     failed('qua.test', 'quarantine', None, dis='none'),
     '-r quarantine=ignore')
same(added('a@rej.test', opts=('-r', 'reject=defer'))[-80:],
     failed('rej.test', word='defer', reply='451 4.7.1')[-80:],
     '-r reject=defer')

# SPF's own action
BAD = a('spf=fail smtp.mailfrom=x@none.test')


def spf(word, text):
    return verdict(word, text + ', and there is no DMARC policy')


JUNK = spf('junk', '250 2.7.23 SPF fail')
same(added('a@none.test', BAD),
     result('dmarc=none header.from=none.test') + JUNK,
     'without a policy SPF fail is junk')
same(added('a@mon.test', BAD), failed('mon.test', 'none', None) + JUNK,
     'RFC 9989 5.4: with p=none as without')
same(added('a@mon.test', BAD + a(DKIM + 'mon.test')), passed('mon.test',
                                                             'none'),
     'not where DMARC passes')
same(added('a@t2.test', BAD),
     result('dmarc=fail (p=quarantine dis=none) header.from=t2.test '
            'policy.dmarc=none'), 'not where a policy is being tested')
same(added('a@qua.test', BAD),
     failed('qua.test', 'quarantine', 'junk', '250 2.7.1'),
     'where there is a policy SPF has no action of its own')
same(added('a@qua.test', BAD, opts=('-s', 'fail=reject')),
     failed('qua.test', 'quarantine', 'junk', '250 2.7.1'), 'nor by -s')
same(added('a@none.test', BAD, opts=('-s', 'fail=reject')),
     result('dmarc=none header.from=none.test') +
     spf('reject', '550 5.7.23 SPF fail'), '-s fail=reject')
same(added('a@none.test', BAD, opts=('-s', 'fail=ignore')),
     result('dmarc=none header.from=none.test'), '-s fail=ignore')
same(added('a@none.test', a('spf=softfail smtp.mailfrom=x@none.test')),
     result('dmarc=none header.from=none.test'), 'softfail: ignored')
ok('550 5.7.24 SPF permerror' in added(
    'a@none.test', a('spf=permerror smtp.mailfrom=x@none.test'),
    opts=('-s', 'permerror=reject,softfail=junk')), '-s permerror=reject')
ok('SPF' not in added('a@time.test', BAD, opts=('-r', 'temperror=ignore')),
   'not where the policy is not known')
ok(JUNK in added('', BAD, opts=('-r', 'permerror=ignore')),
   'but where there can be none')

# The stream
for what, head in (('authenticated', facts('user=u@a.test')),
                   ('loopback', facts(ip='127.0.0.1')),
                   ('without address', net('I', 'x1'))):
    same(added('a@rej.test', head=head), '',
         f'a client that is {what} is not checked')
refused = facts() + net('V', 'reject', '550 5.7.1 no') + net('F', 'x@a.test') \
    + net('T', '0', 'b@b.test') + net('M', 'From: a@rej.test\r\n\r\n') + \
    net('.')
same(run(refused), (refused, 0), 'a refused parcel passes unread')
one = parcel('a@rej.test', a(DKIM + 'rej.test')) + net('.')
two = parcel('a@rej.test') + net('.')
out, code = run(one + two + one)
same(re.findall(rb':Admarc=(\w+)', out), [b'pass', b'fail', b'pass'],
     'parcel after parcel, each for itself')
for end in range(1, len(one), 7):
    out, code = run(one[:end])
    if code != 111 or net('.') in out:
        ok(False, f'a parcel broken at {end}', code, out)
        break
else:
    ok(True, 'a broken parcel: exit 111 and no end')
before = len(dns.log)
child = subprocess.Popen(['dmarc-check'], env=ENV, stdin=-1, stdout=-1,
                         stderr=subprocess.DEVNULL)
part = parcel('a@rej.test')
child.stdin.write(part)
child.stdin.flush()
same(child.stdout.read(len(part)), part, 'the message is passed on at once')
ok('_dmarc.rej.test' in [n for n, *_ in dns.log[before:]],
   'and the record asked for with the header, not at the end')
child.stdin.close()
child.wait()
child.stdout.close()

# A pipeline
PIPE = ['sh', '-c', 'spf-check | dkim-verify | dmarc-check']


def pipeline(sender, author, ip=IP):
    return run(parcel(f'a@{author}', sender=sender, head=facts(ip=ip),
                      checked=False) +
               net('.'), command=PIPE)[0].decode()


ok(passed('rej.test') in pipeline('x@rej.test', 'rej.test'),
   'a pipeline: passes')
ok(failed('rej.test') in pipeline('x@none.test', 'rej.test'),
   'a pipeline: not aligned')
ok(failed('rej.test') in pipeline('x@rej.test', 'rej.test', '192.0.2.9'),
   'a pipeline: not permitted')
ok(passed('rej.test') in pipeline('"x y"@rej.test', 'rej.test'),
   'a pipeline: a quoted local part')
ok(passed('xn--bcher-kva.test') in pipeline('x@bücher.test', 'bücher.test'),
   'a pipeline: an IDN')
ok(JUNK in pipeline('x@no.none.test', 'none.test'),
   'a pipeline: SPF alone')

# And with a signature
keys = tempfile.TemporaryDirectory()
record = subprocess.run(['dkim-keygen', '-t', 'ed25519',
                         keys.name + '/rej.test/s.key'],
                        capture_output=True, text=True).stdout
dns.zones['s._domainkey.rej.test'] = [
    ('TXT', re.findall(r'"([^"]*)"', record))]
mail = subprocess.run(['dkim-sign', '-m', '-k', keys.name],
                      input=b'From: a@rej.test\r\nSubject: x\r\n\r\nbody\r\n',
                      capture_output=True).stdout


def whole(message):
    return run(facts(ip='192.0.2.9') + net('F', 'list@none.test') +
               net('T', '0', 'b@b.test') + net('M', message) + net('.'),
               command=PIPE)[0].decode()


ok(passed('rej.test') in (got := whole(mail)) and 'spf=fail' in got,
   'a pipeline: forwarded, but signed', got)
got = whole(mail.replace(b'body', b'forged'))
ok(failed('rej.test') in got and 'dkim=fail' in got,
   'a pipeline: forwarded and changed', got)
dns.zones['s._domainkey.rej.test'] = ['SERVFAIL']
ok(f'451 4.7.1 DMARC: {ABOUT}DKIM of rej.test' in (got := whole(mail)),
   'a pipeline: no answer for the key', got)

for bad in (['-r', 'x=reject'], ['-r', 'reject'], ['-s', 'reject=junk'],
            ['-s', 'fail=x'], ['x'], ['-x']):
    same(run(b'', *bad)[1], 100, f'{bad}: exit 100')

manual = open('spf-check/dmarc-check.8').read()
for event, action in (('reject', 'reject'), ('quarantine', 'junk'),
                      ('temperror', 'defer'), ('permerror', 'reject')):
    ok(f'.It Cm {event}\n' in manual and re.search(
        rf'\.It Cm {event}\n(?:(?!\.It)[^\n]*\n)*?Default:\n\.Cm {action} ',
        manual), f'the manual tells the default of {event}')
finish()
