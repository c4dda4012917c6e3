#!/usr/bin/python3
"""milter-check with a scripted milter: what it hears, every answer, every
misbehaviour. The rules are libmilter's and Sendmail's (mfdef.h); parcel(5)."""
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/spf-check', 'tests/smtp-send']
import content
from content import ENV, MESSAGE, RECEIVED, T, net, parcel, records, run
from milter import (ACCEPT, ALL, CONTINUE, DISCARD, DROP, KEPT, PROGRESS, REJECT,
                    SKIP, STALL, TEMPFAIL, Milter, add, change, insert,
                    negotiate, reply)
from tap import finish, ok, same

CANNOT = [b'defer\x00451 4.7.1 Content could not be checked']


def ask(script=None, *args, sent=None, path=None, **kw):
    m = Milter(script, path, **kw)
    r = run('milter-check', *args, m.address, sent=sent)
    m.close()
    r.m = m
    return r


# What it hears
r = ask(sent=parcel(sender='s@b.test\0BODY=8BITMIME\0SMTPUTF8', to=(
    '0\0r@a.test\0route=local\0notify=NEVER\0orcpt=rfc822;r@a.test',
    '1\0x@y.test\0rcpt=list@a.test', '1\0z@y.test\0rcpt=list@a.test'),
    facts=content.FACTS + ['user=u@b.test', 'localip=192.0.2.9']))
m = r.m
same((r.new, r.lost, r.code), ([], [], 0), 'continue: passed on as it was')
same([k for k, d in m.sessions[0] if k != 'D'], list('OCHMRRTLLNBEAQ'),
     'the steps in their order')
same(m.heard('O'), [b'\0\0\0\6\0\0\0\x31\0\x1f\xf7\xff'],
     'SMFIC_OPTNEG: version 6; what is kept, what may be left out')
same(m.heard('C'), [b'host.b.test\x004\x0f\xb9192.0.2.1\0'], 'SMFIC_CONNECT')
same(m.heard('H'), [b'mail.b.test\0'], 'SMFIC_HELO')
same(m.heard('M'), [b'<s@b.test>\0BODY=8BITMIME\0SMTPUTF8\0'],
     'SMFIC_MAIL: with its parameters')
same(m.heard('R'), [b'<r@a.test>\0NOTIFY=NEVER\0ORCPT=rfc822;r@a.test\0',
                    b'<list@a.test>\0'],
     'SMFIC_RCPT: as RCPT had it, once for an alias')
same(m.heard('L'), [b'From\0<s@b.test>\0', b'Subject\0hello\0'],
     'SMFIC_HEADER: not our Received')
same(m.heard('B'), [b'body\r\n'], 'SMFIC_BODY')
c = m.macros('C')
same([c.get(k) for k in ('j', '{client_addr}', '{client_name}', '{client_port}',
                         '{daemon_name}', '{daemon_addr}', '_')],
     ['me.test', '192.0.2.1', 'host.b.test', '4025', 'rohrpost', '192.0.2.9',
      'host.b.test [192.0.2.1]'], 'macros of connect')
same(m.macros('H'), {'{tls_version}': 'TLSv1.2', '{cipher}': 'ECDHE-RSA-AES128'},
     'macros of helo')
c = m.macros('M')
same([c.get(k) for k in ('i', '{auth_authen}', '{mail_addr}', '{mail_host}')],
     ['trace1', 'u@b.test', 's@b.test', 'b.test'], 'macros of mail')
ok(c.get('{auth_type}'), 'auth_type of who is authenticated')
same(m.macros('R')['{rcpt_addr}'], 'list@a.test', 'macros of rcpt')
for k in 'TNE':
    same(m.macros(k), {'i': 'trace1'}, f'macros of {k}')
r = ask(sent=parcel(before=[('A', 'spf=pass')], facts=['by=a.longer.name.test']))
same(r.m.heard('B'), [b'body\r\n'],
     'SMFIC_BODY: where the results are in the name of another host')
r = ask(sent=parcel(facts=['helo=x'], sender=''))
same(r.m.heard('C'), [b'localhost\x004\0\x00127.0.0.1\0'],
     'no client: localhost')
ok('{auth_type}' not in r.m.macros('M') and r.m.heard('M') == [b'<>\0'],
   'nobody is authenticated; the null path')
r = ask(sent=parcel(facts=['ip=2001:db8::1', 'helo=x']))
same(r.m.heard('C'), [b'[2001:db8::1]\x006\0\x002001:db8::1\0'],
     'IPv6; a client without name')
ok(r.m.macros('C')['{client_name}'] == 'unknown', '  as Postfix says it')
folded = 'Subject: a\r\n  b\r\n\tc\r\nX:no blank\r\nY:   three\r\n\r\n'
r = ask(sent=parcel(folded))
same(r.m.heard('L'), [b'Subject\0a\n  b\n\tc\0', b'X\0no blank\0',
                      b'Y\0  three\0'], 'folds have LF; a blank is taken off')
r = ask(sent=parcel(folded), steps=0x100000)
same(r.m.heard('L'), [b'Subject\0 a\n  b\n\tc\0', b'X\0no blank\0',
                      b'Y\0   three\0'], 'SMFIP_HDR_LEADSPC: it stays')
r = ask(sent=parcel(before=[('A', 'spf=pass smtp.mailfrom=x'),
                            ('H', 'X-Ours: 1\r\n'),
                            ('E', 'Subject\x001')]))
same(r.m.heard('L'), [b'Authentication-Results\0me.test;\n\tspf=pass '
                      b'smtp.mailfrom=x\0', b'X-Ours\x001\0',
                      b'From\0<s@b.test>\0'],
     'it sees the message as it will be stored')
r = ask(sent=parcel('x: y\r\n\r\n' + 'z' * 200000))
same([len(b) for b in r.m.heard('B')], [65535, 65535, 65535, 3395],
     'SMFIC_BODY: at most 65535 bytes')
r = ask(sent=parcel('x: ' + 'y' * 66000 + '\r\n\r\n'))
same(len(r.m.heard('L')[0]), 65535, 'SMFIC_HEADER: no more either')
r = ask(sent=parcel('x: y\r\n'))
same((r.m.heard('L'), r.m.heard('B')), ([b'x\0y\0'], []), 'no body')
r = ask(sent=parcel('\r\nonly body\r\n'))
same((r.m.heard('L'), r.m.heard('B')), ([], [b'only body\r\n']), 'no header')
for bit, letter in ((1, 'C'), (2, 'H'), (4, 'M'), (8, 'R'), (0x10, 'B'),
                    (0x20, 'L'), (0x40, 'N'), (0x200, 'T')):
    r = ask(steps=bit)
    same((r.m.heard(letter), r.code, len(r.m.heard('E'))), ([], 0, 1),
         f'SMFIP: {letter} is left out')
    ok(not any(d[:1] == letter.encode() for d in r.m.heard('D')) or
       letter in 'LB', '  and its macros')
r = ask(steps=0xdf080)
same((r.new, r.code, len(r.m.heard('E'))), ([], 0, 1),
     'SMFIP_NR: no answer is waited for')
r = ask(steps=0xdf080, sent=parcel('x: y\r\n\r\n' + 'z' * 500000))
same(sum(map(len, r.m.heard('B'))), 500000, '  for a body either')
r = ask({'B': SKIP}, sent=parcel('x: y\r\n\r\n' + 'z' * 500000))
same((len(r.m.heard('B')), len(r.m.heard('E'))), (1, 1), 'SMFIR_SKIP')

# Versions
r = ask(version=2)
same([k for k, d in r.m.sessions[0] if k != 'D'], list('OCHMRLLNBEAQ'),
     'version 2 has no SMFIC_DATA')
r = ask({}, '-2', version=2)
same(r.m.heard('O'), [b'\0\0\0\2\0\0\0\x31\0\0\0\x7f'], '-2')
old = {'O': lambda d: DROP if d[3] > 2 else negotiate(2)}
r = ask(old)
same((r.new, len(r.m.sessions), len(r.m.heard('E'))), ([], 2, 1),
     'one that hangs up on version 6 is offered version 2')
r = ask({'O': DROP})
same((r.of('V'), len(r.m.sessions)), (CANNOT, 2), '  and no more')
for name, kw in {'version 7': {'version': 7}, 'version 1': {'version': 1},
                 'an action that is not offered': {'actions': 0x40},
                 'a step that is not offered': {'steps': 0x800}}.items():
    r = ask(**kw)
    same((r.of('V'), r.code), (CANNOT, 0), f'negotiation: {name}')
ok(b'was not offered' in r.log, '  the log says so', r.log)
r = ask({}, '-a', actions=ALL)
same((r.new, r.m.heard('O')[0][7]), ([], ALL), '-a: offered')

# Answers at each step
STEPS = {'C': ('connect', -1), 'H': ('helo', -1), 'M': ('mail', -1),
         'T': ('data', -1), 'L': ('header', -1), 'N': ('eoh', -1),
         'B': ('body', -1), 'E': ('eom', -1)}
for k, (step, number) in STEPS.items():
    for name, a, want in (
        ('reject', REJECT, b'reject\x00550 5.7.1 Refused by a mail filter'),
        ('tempfail', TEMPFAIL, b'defer\x00451 4.7.1 Try again later'),
        ('shutdown', b'4', b'defer\x00451 4.7.1 Try again later'),
        ('reply', reply('554 5.6.7 own words'), b'reject\x00554 5.6.7 own words'),
        ('discard', DISCARD, b'reject\x00550 5.7.1 Discarded by a mail filter'),
    ):
        r = ask({k: a})
        same((r.of('V'), r.lost, r.code), ([want], [], 0), f'{step}: {name}')
    last = [x for x, d in r.m.sessions[0] if x not in 'DAQ'][-1]
    same(last, k, f'{step}: nothing is told afterwards')
    r = ask({k: ACCEPT})
    same((r.new, [x for x, d in r.m.sessions[0] if x not in 'DAQ'][-1]), ([], k),
         f'{step}: accept')
    r = ask({k: [PROGRESS, PROGRESS, CONTINUE]})
    same((r.new, len(r.m.heard('E'))), ([], 1), f'{step}: progress')

three = ('r0@a.test', 'r1@a.test', 'r2@a.test')


def only(answer):
    return {'R': lambda d: answer if b'r1@' in d else CONTINUE}


for name, a, want in (
    ('reject', REJECT, b'reject\x00550 5.7.1 Refused by a mail filter\x001'),
    ('tempfail', TEMPFAIL, b'defer\x00451 4.7.1 Try again later\x001'),
    ('reply', reply('452 4.2.2 full'), b'defer\x00452 4.2.2 full\x001'),
):
    r = ask(only(a), sent=parcel(to=three))
    same((r.of('V'), len(r.m.heard('R')), len(r.m.heard('E'))), ([want], 3, 1),
         f'rcpt: {name} is for one recipient')
r = ask(only(DISCARD), sent=parcel(to=three))
same((len(r.of('V')), len(r.m.heard('R')), r.m.heard('E')), (1, 2, []),
     'rcpt: discard is for all')
r = ask(only(ACCEPT), sent=parcel(to=three))
same((r.new, len(r.m.heard('R')), r.m.heard('E')), ([], 2, []),
     'rcpt: accept is for all')
r = ask({'R': REJECT}, sent=parcel(to=three))
same((len(r.of('V')), r.m.heard('T'), r.lost), (3, [], []),
     'rcpt: nobody is left: it does not hear the message')

# At once, so that a question can be answered
for ask_at, k, count in (('P', 'C', 1), ('F', 'M', 1), ('T', 'R', 2)):
    m = Milter({k: REJECT})
    sent = parcel(to=three[:2], ask=ask_at)
    r = run('milter-check', m.address, sent=sent)
    kinds = [x for x, s in r.all]
    ok('V' in kinds[:kinds.index('?')], f'{k}: the verdict stands before ?', r)
    same(len(r.of('V')), count, '  ')
    m.close()

# Replies are checked
for text, want in {
    '550 no': b'reject\x00550 5.7.1 no', '451': b'defer\x00451 4.7.1 Refused',
    '550 5.1.1': b'reject\x00550 5.1.1 Refused',
    '421 4.3.2 bye': b'defer\x00451 4.3.2 bye',
    '550 4.1.1 wrong class': b'reject\x00550 5.7.1 4.1.1 wrong class',
    '550-5.1.1 one\r\n550 5.1.1 two': b'reject\x00550 5.1.1 one two',
    '550 a\x07b\xc3\xbc': b'reject\x00550 5.7.1 a?b????',
    '550 5.7.1 ' + 'x' * 3000: b'reject\x00550 5.7.1 ' + b'x' * 400,
    '550 5.1234.1 x': b'reject\x00550 5.7.1 5.1234.1 x',
}.items():
    r = ask({'M': reply(text)})
    same(r.of('V'), [want], f'SMFIR_REPLYCODE: {text[:20]!r}')
for text in ('250 2.0.0 ok', '650 x', '55', '', '5x0 a', '550x', '-1',
             '550-a\r\n450 b', '550-a\r\nb'):
    r = ask({'M': reply(text)})
    same(r.of('V'), CANNOT, f'SMFIR_REPLYCODE: {text!r} is none')

# What to do is the admin's
for word, a, args in (
    ('reject', REJECT, ()), ('tempfail', TEMPFAIL, ()),
    ('reject', reply('550 x'), ()), ('tempfail', reply('450 x'), ()),
    ('discard', DISCARD, ()), ('quarantine', [b'qx\0', CONTINUE], ()),
    ('change', [b'+<x@y>\0', CONTINUE], ('-a',)), ('bad-answer', b'?', ()),
    ('unreachable', DROP, ()), ('time-out', STALL, ('-T', '1')),
):
    for action, want in (('ignore', []), ('junk', [b'junk']),
                         ('defer', [b'defer']), ('reject', [b'reject'])):
        r = ask({'E': a}, '-r', f'{word}={action}', *args)
        same(([v.split(b'\0')[0] for v in r.of('V')], r.lost), (want, []),
             f'-r {word}={action}')

# Changes of the header
TWICE = 'From: <s@b.test>\r\nX: 1\r\nx: 2\r\nSubject: a\r\nX: 3\r\n\r\nb\r\n'


def made(*changes, sent=None, before=()):
    r = ask({'E': [*changes, ACCEPT]}, sent=sent or parcel(TWICE, before=before))
    return r.of('E'), r.of('H'), r


for name, changes, omit, fields in (
    ('add', [add('A', '1')], [], [b'A: 1\r\n']),
    ('adds keep their order', [add('A', '1'), add('B', '2')], [],
     [b'B: 2\r\n', b'A: 1\r\n']),
    ('inserts go on top of them', [insert(0, 'I', '1'), add('A', '1'),
                                   insert(0, 'J', '2')], [],
     [b'A: 1\r\n', b'I: 1\r\n', b'J: 2\r\n']),
    ('a fold', [add('A', 'x\n\ty\r\n z')], [], [b'A: x\r\n\ty\r\n z\r\n']),
    ('a line end', [add('A', 'x\nB: y\n\nbody')], [],
     [b'A: x\r\n\tB: y\r\n\tbody\r\n']),
    ('a bare CR', [add('A', 'x\ry')], [], [b'A: x?y\r\n']),
    ('no name', [add('', 'x'), add('A B', 'x'), add('A:', 'x')], [], []),
    ('a long value', [add('A', 'x' * 9000)], [], []),
    ('change the first', [change(1, 'X', 'new')], [b'X\x001'], [b'X: new\r\n']),
    ('change the second', [change(2, 'X', 'new')], [b'x\x002'], [b'X: new\r\n']),
    ('0 is the first', [change(0, 'X', '')], [b'X\x001'], []),
    ('delete', [change(3, 'x', '')], [b'X\x003'], []),
    ('numbers stay', [change(1, 'X', ''), change(2, 'X', '')],
     [b'X\x001', b'X\x002'], []),
    ('the second time', [change(1, 'X', ''), change(1, 'X', 'y')], [b'X\x001'],
     []),
    ('change what is not there', [change(4, 'X', 'new')], [], [b'X: new\r\n']),
    ('delete what is not there', [change(4, 'X', '')], [], []),
    ('our Received', [change(1, 'Received', '')], [], []),
):
    e, h, r = made(*changes)
    same((e, h), (omit, fields), f'change: {name}') or print('#', r)
e, h, r = made(change(1, 'X', 'a'), change(3, 'X', 'b'),
               before=[('E', 'X\x001'), ('H', 'X: ours\r\n')])
same((e, h), ([b'X\x003'], [b'X: b\r\n']),
     'what is left out is not counted, what a filter has put cannot be changed')
ok(b'not the message' in r.log, '  and that is logged', r.log)
e, h, r = made(b'qbad\x07 words\0')
same(r.of('V'), [b'junk\x00250 2.7.1 bad? words'], 'SMFIR_QUARANTINE: junk')
e, h, r = made(b'q\0', add('A', '1'))
same((r.of('V'), h), ([b'junk\x00250 2.7.1 Quarantined'], [b'A: 1\r\n']),
     'without reason; changes are made')
for name, c in (('addrcpt', b'+<x@y>\0'), ('addrcpt_par', b'2<x@y>\0\0'),
                ('delrcpt', b'-<x@y>\0'), ('chgfrom', b'e<x@y>\0'),
                ('replbody', b'bnew body')):
    e, h, r = made(c, add('A', '1'))
    same((r.of('V'), h),
         ([b'defer\x00451 4.7.1 A mail filter wants a change that cannot be '
           b'made'], []), f'{name} is not done, and not passed over')
    ok(b'refused' in r.log, '  the log says so')
r = ask({'E': [add('A', '1'), REJECT]})
same((r.of('H'), len(r.of('V'))), ([], 1), 'nothing is changed that is refused')

# Misbehaviour: -r says what to do, the parcel is passed on
for name, a in {
    'an unknown answer': b'z', 'a change too early': add('A', '1'),
    'no length': b'raw\0\0\0\0', 'a huge length': b'raw\xff\xff\xff\xffx',
    'an answer of 100000': b'c' * 100000, 'conn fail': b'f',
    'an empty reply': b'y',
}.items():
    r = ask({'M': a}, '-r', 'bad-answer=defer,unreachable=ignore,time-out=ignore')
    same((r.of('V'), r.lost, r.code), (CANNOT, [], 0), f'misbehaviour: {name}')
for name, a in {
    'short': b'h', 'no value': b'hA\0', 'no end': b'hA\0x', 'no number': b'm\0',
    'a number alone': b'm\0\0\0\1', 'an unknown change': b'?x\0',
    'for ever': [add('A', 'x')] * 2000,
}.items():
    r = ask({'E': a}, '-r', 'bad-answer=defer,unreachable=ignore,time-out=ignore')
    same((r.of('V'), r.of('H')), (CANNOT, []), f'a change that is none: {name}')
for name, a in {'a wrong answer': b'c', 'too short': b'O\0\0\0\6',
                'nothing': b'raw'}.items():
    r = ask({'O': a}, '-t', '1', '-r', 'unreachable=ignore')
    same(r.of('V'), CANNOT, f'negotiation: {name}')
for k, (step, number) in {**STEPS, 'R': ('rcpt', 0)}.items():
    r = ask({k: STALL}, '-t', '1', '-T', '1', '-r',
            'time-out=defer,bad-answer=ignore,unreachable=ignore')
    same((r.of('V'), r.lost), (CANNOT, []), f'{step}: no answer in time')
    r = ask({k: DROP}, '-r', 'unreachable=defer,bad-answer=ignore')
    same((r.of('V'), r.lost), (CANNOT, []), f'{step}: it hangs up')
r = ask({'E': lambda d: [PROGRESS] * 5}, '-T', '1')
same(r.of('V'), CANNOT, 'progress without end')


class Silent(content.Scripted):
    def __init__(self):
        super().__init__(lambda c: held.append(c.dup()))


held = []
s = Silent()
r = run('milter-check', '-t', '1', f'inet:{s.port}@127.0.0.1')
same(r.of('V'), CANNOT, 'one that says nothing')
s.close()
for address in (f'inet:{s.port}', f'unix:{T}/nothing', 'inet:1@no.such.test'):
    r = run('milter-check', address)
    same((r.of('V'), r.code), (CANNOT, 0), f'{address}: not there: deferred')
    ok(b'milter=unreachable' in r.log, '  and logged', r.log)
    r = run('milter-check', '-r', 'unreachable=ignore', address)
    same((r.new, r.lost, r.code), ([], [], 0), '-r unreachable=ignore')
r = ask({}, '-d', '/nowhere', sent=parcel('x: y\r\n\r\n' + 'z' * 1000000))
same((r.of('V'), r.lost), (CANNOT, []), '-d: no place for the message')

# Whose mail, and parcel after parcel
for name, facts in (('local', ['ip=127.0.0.1']), ('without address', []),
                    ('authenticated', content.FACTS + ['user=u@b.test'])):
    r = ask({'M': REJECT}, sent=parcel(facts=facts))
    same(len(r.of('V')), 1, f'a client that is {name}: asked about')
    r = ask({'M': REJECT}, '-l', sent=parcel(facts=facts))
    same((r.new, r.m.sessions), ([], []), '-l: left alone')
r = ask({'M': lambda d: REJECT if b'bad' in d else CONTINUE},
        sent=parcel() + parcel(sender='bad@b.test') + parcel())
same((len(r.of('V')), len(r.m.sessions), r.lost), (1, 3, []),
     'parcel after parcel, each a session')
refused = net('I', 'x1') + net('V', 'reject\x00550 5.7.1 no') \
    + parcel()[len(net('I', 'x1')):]
r = ask({}, sent=refused)
same((r.new, r.m.sessions), ([], []), 'what was refused before: not asked about')
late = parcel()[:-len(net('.'))] + net('V', 'reject\x00550 5.7.1 no') + net('.')
r = ask({}, sent=late + parcel())
same((r.new, r.m.heard('E', 0), len(r.m.heard('E', 1))), ([], [], 1),
     'refused in the middle: the session is aborted')
same(r.m.heard('A', 0), [b''], '  by SMFIC_ABORT')
r = ask({}, '-n', 'MSA', path=f'{T}/socket')
same(r.m.macros('C')['{daemon_name}'], 'MSA', '-n; a unix socket')
one = parcel()
for cut in range(1, len(one), 37):
    r = ask({}, sent=one[:cut])
    if r.code != 111 or ('.', b'') in r.all:
        ok(False, f'a parcel broken at {cut}', r)
        break
else:
    ok(True, 'a broken parcel: exit 111 and no end')


# Query
def query(script, *args, envelope=()):
    m = Milter(script)
    p = subprocess.run(['milter-check', '-q', *args, m.address, *envelope],
                       input=b'Subject: x\n\nbody\n', capture_output=True,
                       env=ENV, timeout=60)
    m.close()
    return p.stdout.decode().splitlines(), p.returncode, m


out, code, m = query({'E': [add('A', '1'), b'qwhy\0', ACCEPT]})
same(out, ['negotiate\tversion 6 actions 0x31 steps 0x0', 'connect\tcontinue',
           'helo\tcontinue', 'mail\tcontinue', 'rcpt\tcontinue',
           'data\tcontinue', 'header\tcontinue', 'eoh\tcontinue',
           'body\tcontinue', 'add\tA: 1', 'quarantine\treason: why',
           'eom\taccept'], '-q: every step')
same((code, m.heard('B'), m.heard('M')), (0, [b'body\r\n'], [b'<>\0']),
     '  line ends are made CR LF')
out, code, m = query({'R': reply('550 5.1.1 no')},
                     envelope=('192.0.2.5', 's@b.test', 'r@a.test', 'q@a.test'))
same((out[-1], code, m.heard('M'), m.heard('R')),
     ('rcpt\t550 5.1.1 no', 0, [b'<s@b.test>\0'], [b'<r@a.test>\0']),
     '-q: with an envelope')
same(m.macros('C')['{client_addr}'], '192.0.2.5', '  and a client')
same(query({'C': STALL}, '-t', '1')[1], 99, '-q: no answer in time: exit 99')
same(query({'C': DROP})[1], 111, '-q: it hangs up: exit 111')

# Usage
for bad in ([], ['x'], ['unix:x'], ['inet:x'], ['inet:25@'], ['inet:123456'],
            ['inet:25', 'x'], ['-t', '0', 'inet:1'], ['-T', 'x', 'inet:1'],
            ['-r', 'x=reject', 'inet:1'], ['-t', '100000', 'inet:1'],
            ['unix:/' + 'x' * 300]):
    same(run('milter-check', *bad, sent=b'').code, 100,
         f'{" ".join(bad)[:30]}: exit 100')
finish()
