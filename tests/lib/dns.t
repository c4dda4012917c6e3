#!/usr/bin/python3
"""lib/dns as spf-check uses it: what goes over the wire, and resolvers of
several kinds."""
import os
import socket
import subprocess
import sys

sys.path.insert(0, 'tests')
from dnsserver import Server
from tap import finish, ok, same

LONG = 'v=spf1 ' + 'ip4:192.0.2.9 ' * 200 + '+all'
ZONES = {
    'a.test': [('TXT', 'v=spf1 +all')],
    'middle.test': [('TXT', ('v=spf1 ' + 'ip4:192.0.2.9 ' * 60 + '+all'))],
    'long.test': [('TXT', LONG)],
    'c1.test': [('CNAME', 'c2.test')], 'c2.test': [('CNAME', 'a.test')],
    'loop.test': [('CNAME', 'loop.test')],
    'mx.test': [('TXT', 'v=spf1 mx -all')] +
               [('MX', (i, f'h{i}.test')) for i in range(10)],
    'h7.test': [('A', '192.0.2.1')], 'slow.test': ['TIMEOUT'],
}


def ask(name, env):
    r = subprocess.run(['spf-check', '-q', '192.0.2.1', 'h.test', f'x@{name}'],
                       env={**os.environ, 'ASAN_OPTIONS': 'detect_leaks=0',
                            **env}, capture_output=True, text=True, timeout=60)
    return r.stdout.split('\t')[0]


s = Server(ZONES)
same(ask('a.test', s.env), 'pass', 'a question by UDP')
name, kind, via, query = s.log[0]
same((name, kind, via), ('a.test', 16, 'udp'), 'as it should be')
same(query[2:4], b'\x01\x20', 'RD, and AD (RFC 6840 5.7)')
same(query[-11:], b'\0\0\x29\x04\xd0\0\0\0\0\0\0',
     'EDNS with 1232 bytes (RFC 6891 6.1)')
ask('a.test', s.env)
ok(s.log[0][3][:2] != s.log[1][3][:2] or
   (ask('a.test', s.env), s.log[1][3][:2] != s.log[2][3][:2])[1],
   'ids are random (RFC 5452 9.2)')
del s.log[:]
same(ask('middle.test', s.env), 'pass', 'more than 512 bytes')
same([x[2] for x in s.log], ['udp'], 'by UDP')
del s.log[:]
same(ask('long.test', s.env), 'pass', 'more than 1232 bytes')
same([x[2] for x in s.log], ['udp', 'tcp'], 'by TCP (RFC 7766 5)')
same(ask('c1.test', s.env), 'pass', 'a chain of CNAMEs in one answer')
same(ask('loop.test', s.env), 'temperror', 'a loop of CNAMEs')
same(ask('mx.test', s.env), 'pass', 'questions in parallel')
same(ask('slow.test', s.env), 'temperror', 'silence')
tries = len([x for x in s.log if x[0] == 'slow.test'])
ok(2 < tries <= 4, f'ends after {tries} repetitions')

alone = Server(ZONES, follow=False)
same(ask('c1.test', alone.env), 'pass', 'CNAMEs that the server leaves to us')
same(ask('loop.test', alone.env), 'temperror', 'a loop of them')

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead:
    dead.bind(('127.0.0.3', 0))
    port = str(dead.getsockname()[1])
    try:
        two = {**s.env, 'DNSCACHEIP': f'127.0.0.5 {s.host}'}
        same(ask('a.test', two), 'pass', 'the second of two resolvers')
    except subprocess.TimeoutExpired:
        ok(False, 'the second of two resolvers')
    same(ask('a.test', {'DNSCACHEIP': '127.0.0.3', 'DNSCACHEPORT': port}),
         'temperror', 'a resolver that is dead')
same(ask('a.test', {'DNSCACHEIP': 'nonsense'}), 'temperror',
     'a DNSCACHEIP that is no address')
try:
    six = Server(ZONES, host='::1')
    same(ask('a.test', six.env), 'pass', 'a resolver by IPv6')
except OSError as e:
    ok(True, f'a resolver by IPv6 # SKIP {e}')
finish()
