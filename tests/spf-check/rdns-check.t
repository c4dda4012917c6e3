#!/usr/bin/python3
"""rdns-check: iprev (RFC 8601 3), and a verified name that is EHLO's."""
import sys

sys.path[:0] = ['tests', 'tests/smtp-send', 'tests/spf-check']
from checks import IP, IP6, Check, manual_has, parcel, records
from dnsserver import Server
from tap import finish, ok, same


def rev(last):
    return f'{last}.2.0.192.in-addr.arpa'


def ptr(*names):
    return [('PTR', n) for n in names]


def a(*ips):
    return [('AAAA' if ':' in ip else 'A', ip) for ip in ips]


MANY = [f'n{i}.test' for i in range(11)]
ZONES = {
    rev(1): ptr('mail.b.test'), 'mail.b.test': a(IP, IP6),
    rev(2): ptr('forged.test'), 'forged.test': a('192.0.2.66'),
    rev(3): ptr('nx.test'),
    rev(5): ['SERVFAIL'], rev(6): ptr('slow.test'), 'slow.test': ['SERVFAIL'],
    rev(7): ptr('forged.test', 'one.test', 'two.test'),
    'one.test': a('192.0.2.7'), 'two.test': a('192.0.2.8', '192.0.2.7'),
    rev(8): ptr(*MANY), 'n10.test': a('192.0.2.8'),
    rev(9): ptr(*MANY[1:]), rev(10): [('CNAME', 'c.test')],
    'c.test': ptr('cname.test'), 'cname.test': a('192.0.2.10'),
    rev(11): ptr('bad(\r\nname.test'), 'bad(\r\nname.test': a('192.0.2.11'),
    rev(12): ['TIMEOUT'],
    '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa':
        ptr('mail.b.test'),
}
ZONES['n10.test'] += a('192.0.2.9')
dns = Server(ZONES)
check = Check('rdns-check', env=dns.env)


def added(last, *args, **more):
    return check.added(*args, ip=f'192.0.2.{last}', **more)


same(added(1), ['Prdns=mail.b.test',
                'Aiprev=pass policy.iprev=192.0.2.1 (mail.b.test)'],
     'RFC 8601 2.7.3: pass; the name is handed on')
same(added(1, facts=['rdns=other.test']),
     ['Aiprev=pass policy.iprev=192.0.2.1 (mail.b.test)'],
     'parcel(5): a fact stands once: what the launcher found stays')
same(check.added(ip=IP6), ['Prdns=mail.b.test',
     'Aiprev=pass policy.iprev=2001:db8::1 (mail.b.test)'], 'IPv6')
for last, result, name, rule in (
        (2, 'fail', ' (forged.test)', 'forward and reverse do not agree'),
        (3, 'fail', ' (nx.test)', 'the name does not exist'),
        (4, 'permerror', '', 'no name'),
        (5, 'temperror', '', 'SERVFAIL for the name'),
        (6, 'temperror', ' (slow.test)', 'SERVFAIL for its address'),
        (12, 'temperror', '', 'silence for the name')):
    same(added(last), [f'Aiprev={result} policy.iprev=192.0.2.{last}{name}'],
         f'RFC 8601 2.7.3: {rule}')
same(added(7, helo='TWO.test')[0], 'Prdns=two.test',
     'of several verified names the one in EHLO')
same(added(7, helo='x.test')[0], 'Prdns=one.test', 'else the first verified')
same(added(8), [f'Aiprev=fail policy.iprev=192.0.2.8 (n0.test)'],
     'RFC 7208 4.6.4: names after the tenth are not looked at')
same(added(9)[0], 'Prdns=n10.test', 'the tenth is')
same(added(10)[0], 'Prdns=cname.test', 'RFC 2317: a CNAME in the reverse zone')
got = added(11)
ok(len(got) == 1 and '\r' not in got[0] and got[0].count('(') <= 1,
   'a name that is none of letters is shown as ASCII, and no fact', got)

# Actions
same(added(1, '-r', 'fail=reject,permerror=reject,temperror=reject'),
     added(1), 'what passes has no verdict')
same(added(2, '-r', 'fail=reject')[0],
     'Vreject|550 5.7.25 192.0.2.2 is not an address of forged.test',
     'RFC 7372 3.3: -r fail=reject')
same(added(5, '-r', 'temperror=defer')[0].split(' No')[0],
     'Vdefer|451 4.7.25', '-r temperror=defer')
same(added(4, '-r', 'permerror=junk')[0],
     'Vjunk|250 2.7.25 192.0.2.4 has no name', '-r permerror=junk')
for last in (2, 3, 4, 5):
    ok(not any(r[0] == 'V' for r in added(last)), 'by default all pass')
same(added(1, '-r', 'helo=reject', helo='mail.B.test')[1][:1], 'A',
     'EHLO with the name: no verdict')
same(added(1, '-r', 'helo=reject')[1],
     'Vreject|550 5.7.25 h.b.test is not the name of the client, that is '
     'mail.b.test', 'EHLO with another name')
same(added(2, '-r', 'helo=reject', helo='forged.test'),
     added(2), 'a name that is not verified matches nothing and is not the '
     'business of helo= (a match without it proves nothing)')
same(added(2, '-r', 'fail=reject', helo='forged.test')[0][:17],
     'Vreject|550 5.7.2', 'a PTR name in EHLO does not make it pass')

# Whom it does not ask about
del dns.log[:]
for what, more in (('loopback', {'ip': '127.0.0.1'}),
                   ('private', {'ip': '10.1.2.3'}),
                   ('private IPv6', {'ip': 'fd00::1'}),
                   ('local', {'ip': ''}), ('not an address', {'ip': 'x'}),
                   ('logged in', {'facts': ['user=u@b.test']})):
    same(check.added('-r', 'permerror=reject', **more), [],
         f'a client that is {what} is not checked')
same(dns.log, [], 'nor asked for')
out, _ = check.run(parcel(settle=True))
same(records(out)[:6], ['Ix1', 'Pid=trace', f'Pip={IP}', 'Phelo=h.b.test',
                        'Prdns=mail.b.test', '?'],
     'the fact stands before the first question')
refused = parcel(settle=True).replace(b'1:?,', b'14:Vreject\x00550 no,', 1)
same(check.run(refused), (refused, 0), 'a refused parcel passes unread')

# Query
same(check.query('-q', IP), (f'pass\t{IP} and mail.b.test name each other\n',
                             0), '-q')
same(check.query('-q', '192.0.2.7', 'two.test')[0],
     'pass\t192.0.2.7 and two.test name each other, as EHLO says\n',
     '-q with EHLO')
same(check.query('-q', IP, 'x')[0].split(', ')[1],
     'not what EHLO says\n', '-q with another EHLO')
for bad in (('-q',), ('-q', 'x'), ('-q', IP, 'h', 'x'), ('-r', 'x=reject'),
            ('-r', 'fail=x'), ('-x',), ('x',)):
    same(check.query(*bad)[1], 100, f'{" ".join(bad)}: exit 100')
ok('10 names' in open('spf-check/rdns-check.8').read() and
   '#define RDNS_NAMES 10' in open('lib/rdns.h').read() and
   manual_has('rdns-check', 'ignore (the default'), 'the manual says so')
finish()
