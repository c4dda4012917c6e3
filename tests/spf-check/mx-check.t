#!/usr/bin/python3
"""mx-check: a sender's domain takes mail (RFC 5321 5.1, RFC 7505)."""
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path[:0] = ['tests', 'tests/smtp-send', 'tests/spf-check']
from checks import Check, manual_has
from dnsserver import Server
from tap import finish, ok, same


def mx(*names):
    return [('MX', (i, n)) for i, n in enumerate(names)]


ZONES = {
    'b.test': mx('h1.test'), 'h1.test': [('A', '192.0.2.1')],
    'six.test': mx('h6.test'), 'h6.test': [('AAAA', '2001:db8::1')],
    'onlya.test': [('A', '192.0.2.1')],
    'only6.test': [('AAAA', '2001:db8::1')],
    'null.test': [('MX', (0, '.'))],
    'nulls.test': [('MX', (0, '.')), ('MX', (10, 'h1.test'))],
    'txt.test': [('TXT', 'x')],
    'dead.test': mx('nx.test'), 'txthost.test': mx('txt.test'),
    'second.test': mx('nx.test', 'h1.test'),
    'loop.test': mx('l.test'), 'l.test': [('A', '127.0.0.1')],
    'loop6.test': mx('l6.test'), 'l6.test': [('AAAA', '::1')],
    'zero.test': mx('z.test'), 'z.test': [('A', '0.0.0.0')],
    'private.test': mx('p.test'),
    'p.test': [('A', '10.0.0.1'), ('AAAA', 'fd00::1')],
    'mapped.test': mx('m.test'), 'm.test': [('AAAA', '::ffff:127.0.0.1')],
    'loopa.test': [('A', '127.0.0.1')],
    'number.test': mx('192.0.2.1'),
    'fail.test': ['SERVFAIL'], 'hostfail.test': mx('fail.test'),
    'halffail.test': mx('fail.test', 'h1.test'),
    'time.test': ['TIMEOUT'],
    'a4time.test': [('TIMEOUT', 'AAAA'), ('A', '192.0.2.1')],
    'many.test': mx(*[f'n{i}.test' for i in range(10)], 'h1.test'),
    'ten.test': mx(*[f'n{i}.test' for i in range(9)], 'h1.test'),
    'cname.test': [('CNAME', 'b.test')],
    'mxcname.test': mx('c.test'), 'c.test': [('CNAME', 'h1.test')],
    'xn--bcher-kva.test': mx('h1.test'),
}
dns = Server(ZONES)
check = Check('mx-check', env=dns.env)
CASES = [
    ('b', 'pass', '5.1: an MX'), ('six', 'pass', '5.1: one of IPv6 alone'),
    ('onlya', 'pass', '5.1: no MX, an A record (implicit MX)'),
    ('only6', 'pass', '5.2: no MX, an AAAA record'),
    ('null', 'nullmx', 'RFC 7505 3: null MX'),
    ('nulls', 'pass', 'RFC 7505 3: "." beside others is none'),
    ('txt', 'none', 'neither MX nor address'),
    ('nx', 'none', 'no such domain'), ('dead', 'none', 'no such host'),
    ('txthost', 'none', 'a host without address'),
    ('second', 'pass', 'the second host'),
    ('loop', 'none', 'a host at loopback'),
    ('loop6', 'none', 'the same of IPv6'), ('zero', 'none', '0.0.0.0'),
    ('mapped', 'none', 'loopback, mapped into IPv6'),
    ('private', 'none', 'a private network, from outside'),
    ('loopa', 'none', 'an implicit MX at loopback'),
    ('number', 'none', '2.3.5: an address is not a name'),
    ('fail', 'temperror', 'SERVFAIL'), ('hostfail', 'temperror', 'and a host'),
    ('halffail', 'pass', 'one good host is enough'),
    ('time', 'temperror', 'silence'),
    ('a4time', 'pass', 'one good family is enough'),
    ('many', 'none', 'the eleventh host is not looked at'),
    ('ten', 'pass', 'the tenth is'), ('cname', 'pass', '5.1: by a CNAME'),
    ('mxcname', 'pass', 'a host that is a CNAME (5.1 says no, all do it)'),
    ('bücher', 'pass', 'RFC 6531: U-labels'),
    ('x' * 64, 'none', 'a label of 64'), ('a..b', 'none', 'an empty label'),
]
with ThreadPoolExecutor(8) as pool:  # some wait for a time-out
    answers = list(pool.map(
        lambda c: check.query('-q', f'someone@{c[0]}.test'), CASES))
for (name, want, rule), (got, code) in zip(CASES, answers):
    same((got.partition('\t')[0], code), (want, 0), f'RFC 5321 {rule}') or \
        print('#', got)
    ok(got.strip('\n').partition('\t')[2].isascii(), '  a reason')
for literal, want in (('[192.0.2.1]', 'pass'), ('[IPv6:2001:db8::1]', 'pass'),
                      ('[127.0.0.1]', 'none'), ('[IPv6:::1]', 'none'),
                      ('[x]', 'none'), ('[', 'none'), ('[]', 'none'),
                      ('[IPv6:', 'none')):
    same(check.query('-q', f'x@{literal}')[0].partition('\t')[0], want,
         f'RFC 5321 4.1.3: {literal}')
same(check.query('-q', 'b.test')[0], 'pass\th1.test takes mail\n',
     '-q with a domain')

# The filter
same(check.added(), [], 'what can be answered passes')
ok('mx=pass: h1.test takes mail' in check.log, 'and is logged', check.log)
same(check.added(sender='x@onlya.test'), [],
     'a domain with an A record alone passes (maddy: 501)')
same(check.added(sender=''), [], 'RFC 5321 4.5.5: the null reverse-path passes')
same(check.added(sender='x@null.test'),
     ['Vreject|550 5.7.27 Sender could not be answered: null.test takes no '
      'mail (null MX)'], 'RFC 7505 4.2: nullmx=reject by default')
same(check.added(sender='x@fail.test'),
     ['Vdefer|451 4.4.3 Sender could not be answered: No answer from DNS for '
      'fail.test MX'], 'temperror=defer by default')
same(check.added(sender='x@nx.test'),
     ['Vjunk|250 2.1.8 Sender could not be answered: nx.test does not exist'],
     'none=junk by default')
same(check.added('-r', 'none=reject', sender='x@nx.test')[0][:17],
     'Vreject|550 5.1.8', 'RFC 3463 3.2: -r none=reject')
same(check.added('-r', 'nullmx=ignore,temperror=ignore',
                 sender='x@null.test'), [], '-r nullmx=ignore')
same(check.added('-r', 'none=reject', sender='x@private.test',
                 ip='10.1.2.3'), [],
     'for a client in a private network private addresses are some')
same(check.added('-r', 'none=reject', sender='x@loop.test',
                 ip='10.1.2.3')[0][:8], 'Vreject|', 'but loopback is not')
del dns.log[:]
for what, more in (('loopback', {'ip': '127.0.0.1'}), ('local', {'ip': ''}),
                   ('logged in', {'facts': ['user=u@b.test']})):
    same(check.added(sender='x@null.test', **more), [],
         f'a client that is {what} is not checked')
same(dns.log, [], 'nor asked for')
long = 'x@' + '.'.join(['y' * 60] * 5) + '.test'
got = check.added(sender=long)
ok(len(got) == 1 and len(got[0]) < 420, 'a long domain makes no long reply',
   got)
for bad in (('-q',), ('-q', ''), ('-q', 'x@'), ('-q', 'a', 'b'), ('x',),
            ('-r', 'fail=reject'), ('-r', 'none')):
    same(check.query(*bad)[1], 100, f'{" ".join(bad)}: exit 100')
ok(manual_has('mx-check', 'none=junk', 'nullmx=reject', 'temperror=defer'),
   'the manual says the defaults')
finish()
