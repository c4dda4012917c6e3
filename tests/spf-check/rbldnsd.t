#!/usr/bin/python3
"""dnsbl-check and rbldnsd, the server that most lists run on."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path[:0] = ['tests', 'tests/smtp-send', 'tests/spf-check']
from checks import Check
from tap import finish, ok, same, skip_all, until

RBLDNSD = shutil.which('rbldnsd', path=os.environ['PATH'] + ':/usr/sbin')
if not RBLDNSD:
    skip_all('rbldnsd is not there')
T = tempfile.TemporaryDirectory()
os.chmod(T.name, 0o755)
ZONES = {
    'bl.test:ip4set:v4': ':127.0.0.2:see http://bl.test/?$\n127.0.0.2\n'
                         '198.51.100.9\n203.0.113.0/24 :127.0.0.10:a network\n',
    'bl.test:ip6trie:v6': ':127.0.0.4:six $\n::ffff:7f00:2\n2001:db8::/64\n',
    'dbl.test:dnset:names': ':127.0.1.2:a name $\ntest\n.bad.test\n',
    'untested.test:ip4set:lazy': '198.51.100.9\n',
}
for spec, text in ZONES.items():
    with open(os.path.join(T.name, spec.rsplit(':', 1)[1]), 'w') as f:
        f.write(text)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(('127.0.0.1', 0))
    port = s.getsockname()[1]
server = subprocess.Popen(
    [RBLDNSD, '-n', '-q', '-w', T.name, '-b', f'127.0.0.1/{port}',
     *(['-u', 'nobody'] if os.getuid() == 0 else []), *ZONES],
    stdout=subprocess.DEVNULL)
env = {'DNSCACHEIP': '127.0.0.1', 'DNSCACHEPORT': str(port)}


def check(*lists):
    return Check('dnsbl-check', *[x for l in lists for x in ('-z', l)],
                 env=env)


try:
    good = check('bl.test=4,txt', 'dbl.test=2,helo,sender,txt')
    ok(until(lambda: good.query('-t')[1] == 0),
       'RFC 5782 5: its test entries', good.query('-t'))
    same(good.query('-q', '198.51.100.9', 'mail.bad.test', 'x@good.test'), (
        'bl.test\tip4\t127.0.0.2\t4\tsee http://bl.test/?198.51.100.9\n'
        'dbl.test\thelo\t127.0.1.2\t2\ta name bad.test\n'
        'dbl.test\tsender\tclear\t0\t\n'
        'sum\t\tjunk\t6\t\n', 0), 'IPv4 and a name')
    same(good.query('-q', '2001:db8::17')[0].splitlines()[0],
         'bl.test\tip6\t127.0.0.4\t4\tsix 2001:db8::17', 'IPv6')
    same(good.query('-q', '203.0.113.77')[0].splitlines()[0],
         'bl.test\tip4\t127.0.0.10\t4\ta network', 'a network')
    same(good.query('-q', '192.0.2.1')[0].splitlines()[0],
         'bl.test\tip4\tclear\t0\t', 'who is not listed')
    same(good.added(ip='198.51.100.9'),
         ['Vjunk|250 2.7.1 198.51.100.9 is listed by bl.test (score 4): '
          'see http://bl.test/?198.51.100.9'], 'as a filter')
    same(check('untested.test=4,ip4').query('-t'),
         ('untested.test\tip4\tits test entry is missing\n', 1),
         'a list without test entries')
    same(check('other.test=4,ip4').query('-t')[1], 1,
         'a zone that is refused is no list')
    same(check('other.test=4,ip4').added(ip='198.51.100.9'), [],
         'and blocks nothing')
finally:
    server.terminate()
    server.wait()
finish()
