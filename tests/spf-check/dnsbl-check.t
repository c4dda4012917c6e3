#!/usr/bin/python3
"""dnsbl-check: lists with scores, tested, and never believed blindly (RFC
5782, RFC 8904)."""
import ipaddress
import os
import subprocess
import sys
import tempfile

sys.path[:0] = ['tests', 'tests/smtp-send', 'tests/spf-check']
from checks import IP, IP6, Check, manual_has, parcel, records
from dnsserver import Server
from tap import finish, ok, same

T = tempfile.TemporaryDirectory()


def rev(ip):
    return ipaddress.ip_address(ip).reverse_pointer.rsplit('.', 2)[0]


ZONES = {}


def entry(zone, ip, *records, names=False):
    owner = ip if names else rev(ip)
    ZONES.setdefault(f'{owner}.{zone}', []).extend(
        ('A', r) if isinstance(r, str) else r for r in records)


def tested(zone, *families):
    ZONES.setdefault(zone, [('TXT', 'a list')])
    for f in families or (4, 6):
        if f == 'names':
            entry(zone, 'test', '127.0.0.2', names=True)
        else:
            entry(zone, '127.0.0.2' if f == 4 else '::ffff:7f00:2', '127.0.0.2')


BAD = '198.51.100.9'  # what is listed nearly everywhere
for z in ('bl.test', 'two.test', 'wl.test', 'many.test', 'odd.test',
          'refused.test', 'parked.test', 'over.test'):
    tested(z)
entry('bl.test', BAD, '127.0.0.2', ('TXT', 'see http://bl.test/\r\n\x01'))
entry('bl.test', IP6, '127.0.0.4')
entry('two.test', BAD, '127.0.0.3')
entry('wl.test', IP, '127.0.10.3', ('TXT', 'b.test "mail"'))
entry('wl.test', BAD, '127.0.10.1')
entry('many.test', BAD, '127.0.0.10', '127.0.0.2', '127.0.0.4')
entry('refused.test', BAD, '127.255.255.254')
entry('parked.test', BAD, '192.0.2.80')
entry('over.test', BAD, '127.0.0.255')
tested('dbl.test', 'names')
entry('dbl.test', 'bad.test', '127.0.1.2', names=True)
entry('dbl.test', 'xn--bcher-kva.test', '127.0.1.2', names=True)
entry('dbl.test', '198.51.100.9', '127.0.1.2', names=True)
# Lists that fail RFC 5782 5
entry('dead.test', BAD, '127.0.0.2')
ZONES['dead.test'] = [('TXT', 'x')]
tested('all.test')
entry('all.test', '127.0.0.1', '127.0.0.2')
entry('all.test', '::ffff:7f00:1', '127.0.0.2')
entry('all.test', BAD, '127.0.0.2')
tested('allnames.test', 'names')
entry('allnames.test', 'invalid', '127.0.0.2', names=True)
entry('allnames.test', 'bad.test', '127.0.0.2', names=True)
entry('old.test', BAD, '127.0.0.2')  # no test entries at all
tested('silent.test', 4)
ZONES[f'{rev(BAD)}.silent.test'] = ['TIMEOUT']
ZONES[f'{rev(BAD)}.failing.test'] = ['SERVFAIL']
for ip in ('127.0.0.1', '127.0.0.2'):
    ZONES[f'{rev(ip)}.failing.test'] = ['SERVFAIL']
tested('late.test', 4)
entry('late.test', BAD, '127.0.0.2')
dns = Server(ZONES)


def check(*lists, args=()):
    """lists: lines of a file."""
    path = os.path.join(T.name, 'lists')
    with open(path, 'w') as f:
        f.write('\n'.join(lists))
    return Check('dnsbl-check', '-l', path, *args, env=dns.env)


def ask(*lists, ip=BAD, args=(), **more):
    return check(*lists, args=args).added(ip=ip, **more)


def rows(*lists, ip=BAD, more=()):
    out, code = check(*lists).query('-q', ip, *more)
    return [line.split('\t') for line in out.splitlines()]


# Scores
same(ask('bl.test 4'), ['Vjunk|250 2.7.1 198.51.100.9 is listed by bl.test '
                        '(score 4)'], 'a listed client is junk from score 1')
same(ask('bl.test 0.999'), [], 'not below')
same(ask('bl.test 4', ip=IP), [], 'a client that is not listed passes')
same(ask('bl.test 0.5', 'two.test 0.5')[0][:5], 'Vjunk', 'scores add up')
same(ask('bl.test 4', 'two.test 3', args=['-r', '7'])[0],
     'Vreject|550 5.7.1 198.51.100.9 is listed by bl.test (score 7)',
     '-r 7: the heaviest list is named')
same(ask('bl.test 4', 'two.test 2.999', args=['-r', '7'])[0][:5], 'Vjunk',
     'and below it is junk')
same(ask('bl.test 4', args=['-j', '9']), [], '-j 9')
same(ask('bl.test 9999')[0][:5], 'Vjunk', 'never reject by default')
got = ask('bl.test 4', 'wl.test -3.5')
same(got, ['Adnswl=pass dns.zone=wl.test dns.sec=na policy.ip=127.0.10.1'],
     'RFC 8904 2: a whitelist takes from the score, and is a result')
same(ask('wl.test -1 txt', ip=IP),
     ['Adnswl=pass dns.zone=wl.test dns.sec=na policy.ip=127.0.10.3 '
      'policy.txt="b.test \\"mail\\""'], 'RFC 8904 3: with its TXT record')

# Responses
same(ask('bl.test 4', ' 127.0.0.2 0'), [], 'a score for a response')
same(ask('bl.test 0', ' 127.0.0.2 2 Go away')[0],
     'Vjunk|250 2.7.1 198.51.100.9 is listed by bl.test (score 2): Go away',
     'and a text')
same(ask('bl.test 4 text All of it', ' 127.0.0.9 0')[0].split(': ')[1],
     'All of it', 'what none matches has the list\'s')
same(ask('bl.test 4 txt')[0].split(': ')[1], 'see http://bl.test/???',
     'the TXT record, as printable ASCII')
same(rows('many.test 1', ' 127.0.0.4 -2', ' 127.0.0.10 1.5')[0][2:4],
     ['127.0.0.4', '-2'], 'of several answers the furthest from nothing counts')
same(ask('wl.test 0', ' 127.0.*.2-3 -5', ip=IP)[0][:11], 'Adnswl=pass',
     'ranges of octets')

# IPv6, names
same(ask('bl.test 4', ip=IP6)[0].split(' ')[2], IP6, 'RFC 5782 2.4: IPv6')
same(ask('bl.test 4 ip4', ip=IP6), [], 'ip4: not asked for IPv6')
same(ask('bl.test 4 ip6'), [], 'ip6: not asked for IPv4')
same(ask('dbl.test 2 helo', helo='BAD.test', ip=IP),
     ['Vjunk|250 2.7.1 BAD.test is listed by dbl.test (score 2)'],
     'RFC 5782 3: the name in HELO')
same(ask('dbl.test 2 helo', sender='x@bad.test', ip=IP), [], 'that alone')
same(ask('dbl.test 2 sender', sender='x@bad.test', ip=IP)[0].split(' ')[2],
     'bad.test', 'the domain of the sender')
same(ask('dbl.test 2 sender', sender='x@bücher.test', ip=IP)[0][:5], 'Vjunk',
     'as A-labels')
del dns.log[:]
for helo in ('[198.51.100.9]', '198.51.100.9', 'localhost', 'a..b', ''):
    ask('dbl.test 2 helo sender', helo=helo, sender='')
ask('dbl.test 2 sender', sender='x@[198.51.100.9]')
same(dns.log, [], 'addresses, single labels and what is no name are not asked '
     'for')

# Error answers, and lists that are broken: none of them ever counts
for name, line, more in (
        ('refused', 'refused.test 9', '127.255.255.254'),
        ('refused, whatever ranges say', 'refused.test 9\n 127.*.*.* 9',
         '127.255.255.254'),
        ('over its quota', 'over.test 9\n 127.0.0.255 error', '127.0.0.255'),
        ('parked', 'parked.test 9', '192.0.2.80'),
        ('dead', 'dead.test 9', 'test entry is missing'),
        ('listing everything', 'all.test 9', 'what cannot be listed')):
    c = check(line, args=['-r', '1'])
    same(c.added(ip=BAD), [], f'a list that is {name} blocks nothing '
         '(maddy: rejects)')
    ok(more in c.log and c.log.count('is not asked') == 1, '  one log line',
       c.log)
    two = parcel(ip=BAD) + parcel(ip=BAD, ident='x2')
    del dns.log[:]
    same((c.run(two), c.log.count('is not asked')), ((two, 0), 1),
         '  and one for two mails')
    ok(len(dns.log) <= 3, '  it is off for a while', dns.log)
    out, code = c.query('-q', BAD)
    same((out.split('\t')[2], out.splitlines()[1].split('\t')[2:4]),
         ('off', ['pass', '0']), '  -q says so')
c = check('all.test 9', args=['-i', '0'])
c.run(two)
same(c.log.count('is not asked'), 1, 'a second failed test is no second line')
same(ask('allnames.test 9 helo', helo='bad.test'), [],
     'RFC 5782 5: INVALID listed')
same(ask('old.test 9 notest')[0][:5], 'Vjunk', 'notest: believed without')
same(ask('all.test 9', ip=IP6), [], 'RFC 5782 5: ::FFFF:7F00:1 listed')
c = check('failing.test 9', 'bl.test 2', args=['-r', '9'])
same(c.added(ip=BAD), ['Vjunk|250 2.7.1 198.51.100.9 is listed by bl.test '
                       '(score 2)'],
     'a list with SERVFAIL counts nothing, the others do')
ok('failing.test is not asked for IPv4: no answer' in c.log,
   '  and is off after three questions', c.log)
c = check('silent.test 9', 'bl.test 2', args=['-r', '9'])
same(c.added(ip=BAD)[0][:5], 'Vjunk', 'nor does a silent one, after its time')
ok('silent.test:ip4=no-answer' in c.log and 'score=2' in c.log, '  logged',
   c.log)


def twice(c, first, change, second):
    """One parcel, a change of the world, another one, in one process."""
    p = subprocess.Popen([c.prog, *c.args], env=c.env, stdin=-1, stdout=-1,
                         stderr=-1)
    p.stdin.write(first)
    p.stdin.flush()
    got = p.stdout.read(len(first))
    change()
    rest, log = p.communicate(second)
    return got, rest, log.decode()


MAD = f'{rev("127.0.0.1")}.late.test'  # there: the list lists everybody


def go_mad():
    dns.zones[MAD] = [('A', '127.0.0.2')]


def recover():
    dns.zones.pop(MAD)


good, listed = parcel(ip=IP), parcel(ip=BAD, ident='x2')
c = check('late.test 9', args=['-r', '1'])
ok(b'Vreject' in c.run(good + listed)[0], 'a list that is well')
first, rest, log = twice(c, good, go_mad, listed)
same((first, rest), (good, listed),
     'a list that went mad between its tests blocks nothing')
ok('what cannot be listed' in log, '  and is switched off', log)
_, rest, log = twice(check('late.test 9', args=['-i', '0']), listed, recover,
                     listed)
ok(b'Vjunk' in rest and 'late.test is asked again' in log,
   'a list that was mended counts again at the next test', rest, log)

# Stages
e = check('bl.test 4', 'dbl.test 2 helo sender', args=['-r', '6', '-e'])
got = records(e.run(parcel(ip=BAD, helo='bad.test', settle=True))[0])
same(got[4], 'Vreject|550 5.7.1 198.51.100.9 is listed by bl.test (score 6)',
     '-e: judged at the connection, before the first question')
ok('dnsbl=reject score=6' in e.log and e.log.count('dnsbl=') == 1,
   '  logged once', e.log)
got = records(e.run(parcel(ip=BAD, sender='x@bad.test', settle=True))[0])
same((got[4][:5], got[7][:7]), ('Vjunk', 'Vreject'),
     '-e: and again when the sender is known')
ok('dnsbl=reject score=6' in e.log and e.log.count('dnsbl=') == 1,
   '  logged once', e.log)
d = check('bl.test 4', args=['-r', '4'])
got = records(d.run(parcel(ip=BAD, settle=True))[0])
same((got[4], got[6][:7]), ('?', 'Vreject'), 'by default behind F')
ok('from=<s@b.test> dnsbl=reject score=4 bl.test:ip4=127.0.0.2:4' in d.log,
   '  and the log line has the sender, the lists and the score', d.log)

# Whom it does not ask about
del dns.log[:]
for what, more in (('loopback', {'ip': '127.0.0.2'}),
                   ('private', {'ip': '10.1.2.3'}), ('local', {'ip': ''}),
                   ('logged in', {'facts': ['user=u@b.test']})):
    same(ask('bl.test 4', **more), [], f'a client that is {what} is not checked')
same(dns.log, [], 'nor asked for')
same(ask('key123.dq.test 9 ip4 notest as dq.test', 'bl.test 1'),
     ['Vjunk|250 2.7.1 198.51.100.9 is listed by bl.test (score 1)'],
     'a list that knows nobody')
dns.zones[f'{rev(BAD)}.key123.dq.test'] = [('A', '127.0.0.2')]
c = check('key123.dq.test 9 ip4 notest as dq.test')
got = c.added(ip=BAD)
ok('dq.test' in got[0] and 'key123' not in got[0] + c.log,
   'a key in a zone\'s name is shown to nobody', got, c.log)
del dns.log[:]
check(*[f'z{i}.test 1 ip4 helo sender' for i in range(64)]).added(
    ip=BAD, helo='bad.test', sender='x@other.test')
same(len({q[0] for q in dns.log}), 64 * 7, '64 lists, all at once')

# Query, self-test, usage
same(rows('bl.test 4 txt', 'wl.test -1', 'dbl.test 2 helo sender',
          more=('bad.test', 'x@good.test')),
     [['bl.test', 'ip4', '127.0.0.2', '4', 'see http://bl.test/???'],
      ['wl.test', 'ip4', '127.0.10.1', '-1', ''],
      ['dbl.test', 'helo', '127.0.1.2', '2', ''],
      ['dbl.test', 'sender', 'clear', '0', ''],
      ['sum', '', 'junk', '5', '']], '-q: a line for each list, and the sum')
same(check('bl.test 4', 'dbl.test 1 helo', 'old.test 1 notest').query('-t'),
     ('bl.test\tip4\tok\nbl.test\tip6\tok\ndbl.test\tnames\tok\n'
      'old.test\tip4\tnot tested\nold.test\tip6\tnot tested\n', 0), '-t')
same(check('bl.test 4 ip4', 'dead.test 4 ip4', 'all.test 1 ip6').query('-t'),
     ('bl.test\tip4\tok\ndead.test\tip4\tits test entry is missing\n'
      'all.test\tip6\tit lists what cannot be listed\n', 1),
     '-t: exit 1 when one is broken')
z = Check('dnsbl-check', '-z', 'bl.test=4,ip4,txt', '-z', 'wl.test=-1',
          env=dns.env)
same(z.query('-q', BAD)[0].splitlines()[2], 'sum\t\tjunk\t3\t', '-z')
c = check('bl.test 4', '', '# x', 'nonsense')
got = c.query('-q', BAD)
ok(got[1] == 102 and 'line 4: ' in c.log, 'a wrong line: exit 102', c.log)
same(Check('dnsbl-check', '-l', T.name + '/none').query('-t')[1], 102,
     'no file: exit 102')
for bad in (('-z', 'x'), ('-z', 'x='), ('-z', 'a.test=1,y'), ('-j', 'x'),
            ('-i', 'x'), ('-q',), ('-q', 'x'), ('-q', IP, 'a', 'b', 'c'),
            ('-t', 'x'), ('x',), ('-q', IP), ('-t',)):
    same(Check('dnsbl-check', env=dns.env).query(*bad)[1], 100,
         f'{" ".join(bad)}: exit 100')
same(Check('dnsbl-check', env=dns.env).added(ip=BAD), [],
     'no lists: nothing happens')
ok(manual_has('dnsbl-check', '(default 1)', '(default 600)', '5 seconds',
              '64 lists'), 'the manual says the defaults')
finish()
