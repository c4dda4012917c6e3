#!/usr/bin/python3
"""spf-check: RFC 7208, every mechanism, modifier, macro and limit; the filter.
A case is (IP, HELO, SENDER, result, explanation or None, rule)."""
import os
import subprocess
import sys
import time

sys.path[:0] = ['tests', 'tests/smtp-send']
from dnsserver import Server
from peer import net
from tap import finish, ok, same

IP, IP6 = '192.0.2.1', '2001:db8::cb01'
A = ('A', IP)


def txt(s):
    return ('TXT', s)


# owner, or owner and its policy, of zones in which one case each lives
POLICIES = {
    # 3, 4.5: selection
    'two': ['v=spf1 -all', 'v=spf1 +all'], 'other': ['v=spf10 -all', 'x'],
    'upper': ['V=SPF1 -ALL'], 'joined': [['v=sp', 'f1 -a', 'll']],
    'empty': ['v=spf1'], 'spaces': ['v=spf1   -all  '],
    'late': ['google-site=1', 'v=spf1 -all'],
    # 4.6: syntax is checked before anything matches
    'bad': ['v=spf1 +all moo'], 'tab': ['v=spf1 ip4:192.0.2.1\t-all'],
    'utf8': ['v=spf1 +all a:bü.test'], 'modifier': ['v=spf1 x.y-z_1=a +all'],
    'nomod': ['v=spf1 1x=a +all'], 'colon': ['v=spf1 redirect:a.test'],
    # 5.1 to 5.7
    'neutral': ['v=spf1 ?all'], 'soft': ['v=spf1 ~all'],
    'allarg': ['v=spf1 all:x'], 'nothing': ['v=spf1 ip4:192.0.2.2'],
    'ip4': ['v=spf1 ip4:192.0.2.1 -all'],
    'net4': ['v=spf1 ip4:192.0.3.0/23 ip4:192.0.2.0/31 -all'],
    'ip4bad': ['v=spf1 ip4:192.0.2 -all'],
    'ip433': ['v=spf1 ip4:192.0.2.1/33'], 'ip401': ['v=spf1 ip4:1.2.3.4/01'],
    'ip4dual': ['v=spf1 ip4:192.0.2.1//32'],
    'ip6': ['v=spf1 ip6:2001:db8::/33 -all'],
    'ip6bad': ['v=spf1 ip6:2001::db8::1'], 'ip6129': ['v=spf1 ip6:::1/129'],
    'a': ['v=spf1 a -all'], 'a24': ['v=spf1 a:hosts.test/24//64 -all'],
    'a0': ['v=spf1 a:nx.test/0 -all'], 'adual': ['v=spf1 a/24/64'],
    'anum': ['v=spf1 a:192.0.2.1'], 'aempty': ['v=spf1 a:'],
    'atop': ['v=spf1 a:test'], 'along': ['v=spf1 a:' + 'x' * 64 + '.test -all'],
    'atime': ['v=spf1 a:time.test -all'], 'adots': ['v=spf1 a:x..test -all'],
    'aslash': ['v=spf1 a:odd/name.test -all'],
    'mx': ['v=spf1 mx:mx.test -all'], 'mxnull': ['v=spf1 mx:nomail.test ?all'],
    'mxnone': ['v=spf1 mx:hosts.test -all'],
    'mx11': ['v=spf1 mx:mx11.test -all'], 'mx10': ['v=spf1 mx:mx10.test -all'],
    'mxtime': ['v=spf1 mx:mxtime.test -all'],
    'ptr': ['v=spf1 ptr:ptr.test -all'], 'ptr0': ['v=spf1 ptr/24 -all'],
    'ptrother': ['v=spf1 ptr:forged.test -all'],
    'ptrsuffix': ['v=spf1 ptr:tr.test -all'],
    'exists': ['v=spf1 exists:%{i}.white.test -all'],
    'existsno': ['v=spf1 exists'],
    'include': ['v=spf1 include:ip4.test -all'],
    'includefail': ['v=spf1 include:upper.test ?all'],
    'paren': ['v=spf1 -all exp=paren.why.test'],
    'includenone': ['v=spf1 include:other.test -all'],
    'includenx': ['v=spf1 include:nx.test -all'],
    'includebad': ['v=spf1 include:bad.test -all'],
    'includetime': ['v=spf1 include:time.test -all'],
    # 6
    'redirect': ['v=spf1 redirect=soft.test'],
    'redirectlast': ['v=spf1 redirect=soft.test ip4:192.0.2.1'],
    'redirectnone': ['v=spf1 redirect=nx.test'],
    'redirecttwo': ['v=spf1 redirect=a.test redirect=a.test'],
    'redirectall': ['v=spf1 redirect=soft.test ?all'],
    'exp': ['v=spf1 -all exp=why.%{d2}'],
    'exptwo': ['v=spf1 exp=why.exp.test exp=why.exp.test'],
    'expmany': ['v=spf1 -all exp=twotxt.test'],
    'expbad': ['v=spf1 -all exp=badwhy.test'],
    'exptime': ['v=spf1 -all exp=time.test'],
    'expascii': ['v=spf1 -all exp=utf8why.test'],
    'expinclude': ['v=spf1 include:exp.test -all'],
    'expredirect': ['v=spf1 redirect=exp.test exp=other.test'],
    # 4.6.4
    'loop': ['v=spf1 include:loop.test'], 'rloop': ['v=spf1 redirect=rloop.test'],
    'ten': ['v=spf1' + ' a:b1.test' * 10 + ' +all'],
    'eleven': ['v=spf1' + ' a:b1.test' * 11 + ' +all'],
    'twovoid': ['v=spf1 a:n1.test a:n2.test +all'],
    'threevoid': ['v=spf1 a:n1.test a:n2.test mx:n3.test +all'],
    # 7
    'letters': ['v=spf1 -all exp=why.letters.test'],
    'transform': ['v=spf1 -all exp=why.transform.test'],
    'badletter': ['v=spf1 exists:%{a}.test'],
    'expletter': ['v=spf1 exists:%{c}.test'],
    'zero': ['v=spf1 exists:%{d0}.test'], 'percent': ['v=spf1 exists:%x.test'],
    'unclosed': ['v=spf1 exists:%{d'],
    'special': ['v=spf1 a:x%%%_%-.test -all'],
    'truncate': ['v=spf1 exists:' + '%{d}.' * 30 + 'end.test -all'],
    'huge': ['v=spf1 exists:' + '%{d}' * 2000 + '.test -all'],
    'p': ['v=spf1 -all exp=why.p.test'],
}
ZONES = {f'{k}.test': [txt(s) for s in v] for k, v in POLICIES.items()}
ZONES['a.test'].append(A)
for owner, records in {
    'hosts.test': [('A', '192.0.2.200'), ('AAAA', '2001:db8::1')],
    'x' * 63 + '.test': [txt('v=spf1 -all')],
    'time.test': ['TIMEOUT'], 'fail.test': ['SERVFAIL'],
    'odd/name.test': [A], 'b1.test': [('A', '192.0.2.99')],
    'mx.test': [('MX', (1, 'h1.test')), ('MX', (2, 'h2.test'))],
    'h1.test': [('A', '192.0.2.98')], 'h2.test': [A, ('AAAA', IP6)],
    'nomail.test': [('MX', (0, '.'))],
    'mx10.test': [('MX', (i, 'h1.test')) for i in range(9)] +
                 [('MX', (9, 'h2.test'))],
    'mx11.test': [('MX', (i, 'h2.test')) for i in range(11)],
    'mxtime.test': [('MX', (1, 'time.test')), ('MX', (2, 'h2.test'))],
    '1.2.0.192.in-addr.arpa': [('PTR', 'forged.test'),
                               ('PTR', 'Mail.PTR.test')],
    '1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa':
        [('PTR', 'mail.ptr.test')],
    'mail.ptr.test': [A, ('AAAA', IP6)], 'forged.test': [('A', '192.0.2.66')],
    '192.0.2.1.white.test': [('A', '127.0.0.2')],
    'why.exp.test': [txt('Not from %{i}, says %{d}')],
    'twotxt.test': [txt('a'), txt('b')], 'badwhy.test': [txt('%{z}')],
    'utf8why.test': [txt('ü')], 'paren.why.test': [txt(r'Not (yet) \ x')],
    'why.letters.test': [txt('%{s}|%{l}|%{o}|%{d}|%{i}|%{v}|%{h}|%{c}|%{r}')],
    'why.transform.test': [txt('%{dr}|%{d1}|%{d2r}|%{lr-}|%{l1-}|%{l1r-}|%{L}|'
                           '%{l2r-+}|100%%%_%-')],
    'why.p.test': [txt('%{p}')],
    'x% %20.test': [A],
    '.'.join(['test'] + ['truncate.test'] * 17 + ['end.test']): [('A', '127.0.0.2')],
    'cname.test': [('CNAME', 'ip4.test')],
    'xn--bcher-kva.test': [txt('v=spf1 -all')],
}.items():
    ZONES.setdefault(owner, []).extend(records)
DEFAULT = object()  # an explanation of our own
CASES = [
    ('two', 'permerror', None, '4.5: one record only'),
    ('other', 'none', None, '4.5: no record'),
    ('upper', 'fail', DEFAULT, '4.5, 4.6.1: case does not matter'),
    ('joined', 'fail', None, '3.3: strings are joined'),
    ('empty', 'neutral', None, '4.7: the default'),
    ('spaces', 'fail', None, '4.6.1: several blanks'),
    ('late', 'fail', None, '4.5: other TXT records'),
    ('bad', 'permerror', None, '4.6: syntax first'),
    ('tab', 'permerror', None, '4.6.1: blanks are blanks'),
    ('utf8', 'permerror', None, '3.1: ASCII'),
    ('modifier', 'pass', None, '6: unknown modifiers'),
    ('nomod', 'permerror', None, '4.6.1: a modifier begins with a letter'),
    ('colon', 'permerror', None, '6.1: redirect is a modifier'),
    ('neutral', 'neutral', None, '4.6.2: ?'),
    ('soft', 'softfail', None, '4.6.2: ~'),
    ('allarg', 'permerror', None, '5.1: all is alone'),
    ('nothing', 'neutral', None, '4.7: no match'),
    ('ip4', 'pass', None, '5.6'), ('net4', 'pass', None, '5.6: networks'),
    ('ip4bad', 'permerror', None, '5.6: four numbers'),
    ('ip433', 'permerror', None, '5.6: /33'),
    ('ip401', 'permerror', None, '5.6: /01'),
    ('ip4dual', 'permerror', None, '5.6: no dual length'),
    ('ip6', 'fail', None, '5: IPv4 matches no ip6'),
    ('ip6bad', 'permerror', None, '5.6: two ::'),
    ('ip6129', 'permerror', None, '5.6: /129'),
    ('a', 'pass', None, '5.3'), ('a24', 'pass', None, '5.3: networks'),
    ('a0', 'fail', None, '5.3: no address, no match'),
    ('adual', 'permerror', None, '5.3: dual length has two slashes'),
    ('anum', 'permerror', None, '7.1: a top label is not a number'),
    ('aempty', 'permerror', None, '5.3: an empty name'),
    ('atop', 'permerror', None, '7.1: more than a top label'),
    ('along', 'fail', None, '4.8: names that DNS cannot hold'),
    ('adots', 'fail', None, '4.8: empty labels'),
    ('aslash', 'pass', None, '7.1: a slash in a name'),
    ('atime', 'temperror', None, '5: DNS time-out'),
    ('mx', 'pass', None, '5.4'), ('mxnull', 'neutral', None, '5.4: null MX'),
    ('mxnone', 'fail', None, '5.4: no implicit MX'),
    ('mx11', 'permerror', None, '4.6.4: 11 MX'),
    ('mx10', 'pass', None, '4.6.4: 10 MX'),
    ('ptr', 'pass', None, '5.5'), ('ptr0', 'permerror', None, '5.5: no length'),
    ('ptrother', 'fail', None, '5.5: names are validated'),
    ('ptrsuffix', 'fail', None, '5.5: whole labels'),
    ('exists', 'pass', None, '5.7'), ('existsno', 'permerror', None, '5.7'),
    ('include', 'pass', None, '5.2: pass'),
    ('includefail', 'neutral', None, '5.2: fail is no match'),
    ('includenone', 'permerror', None, '5.2: none'),
    ('includenx', 'permerror', None, '5.2: no such domain'),
    ('includebad', 'permerror', None, '5.2: permerror'),
    ('redirect', 'softfail', None, '6.1'),
    ('redirectlast', 'pass', None, '6.1: after the mechanisms'),
    ('redirectnone', 'permerror', None, '6.1: none'),
    ('redirecttwo', 'permerror', None, '6: once'),
    ('redirectall', 'neutral', None, '6.1: all comes first'),
    ('exp', 'fail', 'Not from 192.0.2.1, says exp.test', '6.2'),
    ('exptwo', 'permerror', None, '6: exp once'),
    ('expmany', 'fail', DEFAULT, '6.2: several TXT'),
    ('expbad', 'fail', DEFAULT, '6.2: wrong macros'),
    ('expascii', 'fail', DEFAULT, '6.2: ASCII'),
    ('expinclude', 'fail', DEFAULT, '6.2: not from an include'),
    ('expredirect', 'fail', 'Not from 192.0.2.1, says exp.test',
     '6.2: of the record that decides'),
    ('loop', 'permerror', None, '4.6.4: include loop'),
    ('rloop', 'permerror', None, '4.6.4: redirect loop'),
    ('ten', 'pass', None, '4.6.4: 10 look-ups'),
    ('eleven', 'permerror', None, '4.6.4: 11 look-ups'),
    ('twovoid', 'pass', None, '4.6.4: 2 void look-ups'),
    ('threevoid', 'permerror', None, '4.6.4: 3 void look-ups'),
    ('letters', 'fail', 'x-y+z@letters.test|x-y+z|letters.test|letters.test|'
     '192.0.2.1|in-addr|helo.test|192.0.2.1|me.test', '7.2: letters'),
    ('transform', 'fail', 'test.transform|test|test.transform|y+z.x|y+z|x|'
     'x-y%2Bz|y.x|100% %20', '7.3: transformers'),
    ('badletter', 'permerror', None, '7.2: unknown letter'),
    ('expletter', 'permerror', None, '7.2: c r t in exp only'),
    ('zero', 'permerror', None, '7.3: zero parts'),
    ('percent', 'permerror', None, '7.1: a lone %'),
    ('unclosed', 'permerror', None, '7.1: an open {'),
    ('special', 'pass', None, '7.1: %% %_ %-'),
    ('truncate', 'pass', None, '7.3: cut from the left to 253'),
    ('huge', 'permerror', None, 'expansion is bounded'),
    ('p', 'fail', 'Mail.PTR.test', '7.3: validated name'),
    ('nx', 'none', None, '4.3: no such domain'),
    ('fail', 'temperror', None, '4.4: SERVFAIL'),
    ('cname', 'pass', None, 'by CNAME'),
    ('bücher', 'fail', None, '4.3: an IDN'),
    ('x' * 63, 'fail', None, '4.3: a label of 63'),
    ('x' * 64, 'none', None, '4.3: a label of 64'),
]
MORE = [
    (IP6, 'h.test', 'x@ip6.test', 'pass', '5.6: ip6'),
    (IP6, 'h.test', 'x@a24.test', 'pass', '5.3: IPv6 length'),
    (IP6, 'h.test', 'x@mx.test', 'pass', '5.4: IPv6'),
    (IP6, 'h.test', 'x@ptr.test', 'pass', '5.5: IPv6'),
    (IP6, 'h.test', 'x@ip4.test', 'fail', '5: IPv6 matches no ip4'),
    ('::ffff:192.0.2.1', 'h.test', 'x@ip4.test', 'pass', '5: mapped is IPv4'),
    (IP, 'soft.test', '', 'softfail', '2.4: HELO for <>'),
    (IP, 'soft.test', '<>', 'softfail', '2.4: HELO for <>, written so'),
    (IP, 'single', '', 'none', '4.3: one label'),
    (IP, '[192.0.2.1]', '', 'none', '4.3: an address literal'),
    (IP, '', '', 'none', '4.3: no name'),
    (IP, 'h.test', 'x@[192.0.2.1]', 'none', '4.3: an address literal'),
    (IP, 'h.test', 'x@a..test', 'none', '4.3: an empty label'),
    (IP, 'h.test', 'soft.test', 'softfail', '4.3: no local part'),
    (IP, 'h.test', '@soft.test', 'softfail', '4.3: an empty local part'),
    (IP, 'h.test', '"a@b"@soft.test', 'softfail', 'an @ in quotes'),
]


dns = Server(ZONES)
ENV = {**os.environ, **dns.env, 'ROHRPOST_ME': 'me.test',
       'ASAN_OPTIONS': 'detect_leaks=0'}


def query(*args):
    r = subprocess.run(['spf-check', '-q', *args], env=ENV,
                       capture_output=True, text=True, timeout=60)
    return tuple(r.stdout.rstrip('\n').partition('\t')[::2]), r


for name, want, text, rule in CASES:
    if name == 'atime':
        continue
    got, r = query(IP, 'helo.test', f'x-y+z@{name}.test')
    same(got[0], want, f'RFC 7208 {rule}: {name[:20]}') or print('#', got, r)
    if text is DEFAULT:
        ok(got[1].startswith('192.0.2.1 is not permitted'), '  own text', got)
    elif text:
        same(got[1], text, '  explanation')
    elif want.endswith('error'):
        ok(got[1], '  a reason is given')
for ip, helo, sender, want, rule in MORE:
    got, r = query(ip, helo, sender)
    same(got[0], want, f'RFC 7208 {rule}') or print('#', got, r)

# Time: the checks run at once, for each waits
dns.log.clear()
slow = {name: subprocess.Popen(['spf-check', '-q', IP, 'h.test', f'x@{name}.test'],
                               env=ENV, stdout=-1, text=True)
        for name in ('time', 'atime', 'mxtime', 'includetime', 'exptime')}
got = {name: p.communicate()[0].split('\t')[0] for name, p in slow.items()}
same(got, {'time': 'temperror', 'atime': 'temperror', 'mxtime': 'pass',
           'includetime': 'temperror', 'exptime': 'fail'},
     'RFC 7208 4.6.4, 5: time-outs')
tries = [x for x in dns.log if x[0] == 'time.test']
ok(8 <= len(tries) <= 16, 'each of four has asked in vain two to four times',
   len(tries))

# Usage
same(query('1.2.3', 'h', 's')[1].returncode, 100, 'not an IP: exit 100')
same(query(IP, 'h')[1].returncode, 100, 'too few arguments: exit 100')


# The filter
def run(data, *args):
    r = subprocess.run(['spf-check', *args], input=data, env=ENV,
                       capture_output=True, timeout=60)
    return r.stdout, r.returncode


def facts(*extra, ip=IP, helo='soft.test'):
    return net('I', 'x1') + net('P', f'ip={ip}') + net('P', f'helo={helo}') \
        + b''.join(net('P', e) for e in extra)


REST = net('T', '0', 'b@b.test') + net('M', 'Subject: x\r\n\r\n') + net('.')


def added(sender, *args, head=None, rest=REST):
    """What the filter puts into a parcel: (behind F, before M)."""
    head = facts() if head is None else head
    data = head + net('F', sender) + rest
    out, code = run(data, *args)
    if code or not out.startswith(head + net('F', sender)):
        return code, out
    out = out[len(head + net('F', sender)):]
    t = net('T', '0', 'b@b.test')
    verdict, _, tail = out.partition(t)
    return verdict, tail[:-len(net('M', 'Subject: x\r\n\r\n') + net('.'))]


same(added('x@ip4.test'), (b'', net('A', 'spf=pass smtp.mailfrom=x@ip4.test')),
     'RFC 8601 2.7.2: smtp.mailfrom')
same(added(''), (b'', net('A', 'spf=softfail smtp.helo=soft.test')),
     'RFC 8601 2.7.2: smtp.helo')
same(added('"a b"@exp.test'),
     (b'', net('A', 'spf=fail smtp.mailfrom="\\"a b\\"@exp.test"')),
     'RFC 8601 2.2: what is no address is quoted')
same(added('x@bücher.test')[1].split()[1],
     b'smtp.mailfrom=x@xn--bcher-kva.test,',
     'RFC 8616 4: A-labels')
same(added('x@exp.test', '-r', 'fail=reject')[0],
     net('V', 'reject', '550 5.7.23 SPF fail, the domain explains: '
         'Not from 192.0.2.1, says exp.test'), 'RFC 7208 8.4: -r fail=reject')
ok(b':Vjunk\x00250 2.7.23 SPF softfail' in
   added('x@soft.test', '-r', 'fail=reject,softfail=junk')[0],
   '-r softfail=junk')
ok(added('x@fail.test', '-r', 'temperror=defer')[0].find(b'451 4.7.24') > 0,
   'RFC 7372 3.2: -r temperror=defer')


def field(sender, **more):
    """The Received-SPF field of an H behind A, its parts unfolded."""
    got = added(sender, '-R', **more)[1]
    at = got.find(b'HReceived-SPF: ')
    text = got[at + 1:got.rindex(b',')]
    ok(0 < got.find(b':A') < at and text.endswith(b'\r\n') and
       text.count(b'\n') == text.count(b'\r\n\t') + 1,
       '-R: one field, folded, beside A', got)
    return text.decode('ascii').strip().split('\r\n\t')


same(field('x@ip4.test'),
     ['Received-SPF: pass', '(me.test: 192.0.2.1 is permitted by the policy of '
      'ip4.test)', 'client-ip=192.0.2.1;', 'envelope-from="x@ip4.test";',
      'helo=soft.test;', 'identity=mailfrom;', 'receiver=me.test'],
     'RFC 7208 9.1: a pass')
same(field('')[3:6], ['envelope-from="";', 'helo=soft.test;',
                      'identity=helo;'], 'RFC 7208 9.1: the null path')
same(field('"a\\b"@odd.test')[3], r'envelope-from="\"a\\b\"@odd.test";',
     'RFC 7208 9.1: quoted')
same(field('x@paren.test')[:2],
     ['Received-SPF: fail', r'(me.test: Not \(yet\) \\ x)'],
     'RFC 7208 9.1: a comment is closed by us alone')
ok(field('x@bad.test')[6].startswith('problem="Wrong in the policy of') and
   field('x@fail.test')[6] == 'problem="No answer from DNS for fail.test";',
   'RFC 7208 9.1: problem')
same(field('x@ip6.test', head=facts(ip=IP6, helo='[x y]'))[2::2],
     ['client-ip="2001:db8::cb01";', 'helo="[x y]";', 'receiver=me.test'],
     'RFC 7208 9.1: what is no dot-atom is quoted')
ok(b':HReceived-SPF' not in added('x@ip4.test')[1], 'not without -R')

for what, head in (('authenticated', facts('user=u@a.test')),
                   ('loopback', facts(ip='127.0.0.1')),
                   ('loopback6', facts(ip='::1')),
                   ('without address', net('I', 'x1'))):
    same(added('x@exp.test', '-r', 'fail=reject', head=head), (b'', b''),
         f'a client that is {what} is not checked')
refused = facts() + net('V', 'reject', '550 5.7.1 no') + net('F', 'x@exp.test')\
    + REST
same(run(refused), (refused, 0), 'a refused parcel passes unread')
unknown = facts() + net('Z', 'new') + net('F', '') + net('z', 'new') + net('.')
out, code = run(unknown)
ok(code == 0 and net('Z', 'new') in out and net('z', 'new') in out,
   'unknown records pass')
one = facts() + net('F', 'x@ip4.test') + REST
out, code = run(one + one)
same((out.count(net('A', 'spf=pass smtp.mailfrom=x@ip4.test')), code), (2, 0),
     'parcel after parcel')
for cut in range(1, len(one), 7):
    out, code = run(one[:cut])
    if code != 111 or net('.') in out:
        ok(False, f'a parcel broken at {cut}', code, out)
        break
else:
    ok(True, 'a broken parcel: exit 111 and no end')
child = subprocess.Popen(['spf-check'], env=ENV, stdin=-1, stdout=-1,
                         stderr=subprocess.DEVNULL)
part = facts() + net('F', 'x@ip4.test') + net('T', '0', 'b@b.test') + net('?')
child.stdin.write(part)
child.stdin.flush()
same(child.stdout.read(len(part)), part, 'a question is passed on at once')
child.stdin.close()
same(child.wait(), 111, 'and its parcel may not end there')
child.stdout.close()
for bad in ('x=reject', 'fail', 'fail=x', 'fail=reject,'):
    same(run(b'', '-r', bad)[1], 100, f'-r {bad}: exit 100')
finish()
