#!/usr/bin/python3
"""lib/serve by smtp-recv and imap-login: who may come in, how often, and the
PROXY protocol."""
import atexit
import os
import socket
import struct
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from recv import T, Client, From, Sink, clean, env, listen_tcp, tables, wait

tables()
sink = Sink()
SIG = b'\r\n\r\n\0\r\nQUIT\n'


running = []


def server(*args, prog='smtp-recv', **where):
    more = ['-o', sink.path] if prog == 'smtp-recv' else []
    running.append(listen_tcp(prog, *args, *more, **where))
    return running[-1]


def end(p):
    p.terminate()
    p.wait(timeout=60)


@atexit.register
def end_all():
    for q, _ in running:
        q.kill()


def log():
    with open(T + '/log') as f:
        return f.read()


def v1(ip, port=4321):
    v = 'TCP6' if ':' in ip else 'TCP4'
    to = '::1' if ':' in ip else '192.0.2.9'
    return f'PROXY {v} {ip} {to} {port} 25\r\n'.encode()


# Rates
p, port = server('-F', 'ip=3/3600,wait=0')
got = [From(port, '127.1.2.3').greeting[:3] for _ in range(4)]
tap.same(got, ['220'] * 3 + ['421'], 'ip=3/3600: the fourth is refused')
c = From(port, '127.1.2.3')
tap.ok(c.greeting.startswith('421 4.7.0') and c.reply() == '',
       'RFC 5321 3.8, 3463: 421 4.7.0, then closed', c.greeting)
tap.same(From(port, '127.1.2.4').greeting[:3], '220', 'another address may')
end(p)
tap.ok('refused ip=127.1.2.3: too fast' in log(), 'the log says who')

p, port = server('-F', 'net=3/3600,wait=0', '-C', '9')
got = [From(port, f'127.1.2.{n}').greeting[:3] for n in range(1, 5)]
tap.same(got, ['220'] * 3 + ['421'], 'net=3/3600: of a /24')
tap.same(From(port, '127.1.3.1').greeting[:3], '220', 'another /24 may')
end(p)
p, port = server('-F', 'net=2/3600,net4=16,wait=0')
got = [From(port, f'127.1.{n}.1').greeting[:3] for n in range(1, 4)]
tap.same(got, ['220'] * 2 + ['421'], 'net4=16: of a /16')
end(p)
p, port = server('-F', 'all=3/3600,wait=0')
got = [From(port, f'127.{n}.2.3').greeting[:3] for n in range(1, 5)]
tap.same(got, ['220'] * 3 + ['421'], 'all=3/3600: of all')
end(p)
p, port = server('-F', 'ip=1/1,wait=60', '-C', '9')
a = [From(port, greet=False) for _ in range(3)]
tap.ok(all(c.reply().startswith('220') for c in a),
       'those that are too fast wait, and are served')
end(p)
p, port = server('-F', 'ip=1/3600,wait=60')
From(port, '127.9.9.9')
c = From(port, '127.9.9.9')
tap.same(c.greeting[:3], '421', 'but not if it takes longer than wait=')
end(p)
p, port = server('-F', 'all=1/30,wait=60')
first = From(port)
c = From(port, greet=False)
c.s.shutdown(socket.SHUT_RDWR)
tap.ok(wait(lambda: subprocess.run(
    ['pgrep', '-P', str(p.pid)], capture_output=True).stdout.count(b'\n') == 1),
    'one that goes away while it waits leaves its seat')
end(p)

# At once
p, port = server('-N', '3', '-C', '2')
a = [From(port, f'127.1.2.{n}') for n in (1, 1, 1, 2, 3)]
tap.same([c.greeting[:3] for c in a], ['220', '220', '421', '220', '421'],
         '-C 2 of an address, -N 3 of a network')
tap.same(From(port, '127.1.3.1').greeting[:3], '220', 'another network may')
a[0].close()
tap.ok(wait(lambda: From(port, '127.1.2.9').greeting[:3] == '220'),
       'a seat that was left is free')
end(p)
if socket.has_ipv6:
    p, port = server('-C', '1', address='::1')
    s = [socket.create_connection(('::1', port)) for _ in range(2)]
    tap.same([x.recv(3) for x in s], [b'220', b'421'], 'IPv6 is counted, too')
    end(p)

# TLS at once has no words for those outside
r, w = os.pipe()
tls = socket.socket(socket.AF_UNIX)
tls.bind(T + '/tls')
tls.listen(9)
p, port = server('-i', '-T', T + '/tls', '-F', 'ip=1/3600,wait=0')
From(port, greet=False)
c = From(port, greet=False)
tap.same(c.f.read(), b'', 'TLS at once: closed without a word')
tls.close()
end(p)

# 20,011 addresses would kill maddy's limiter; 1,000 real ones here, and the
# table alone with ten times as many in tests/lib/buckets.c.
p, port = server('-F', 'ip=1/3600,net=9999/1,wait=0', '-c', '50')


def rss():
    with open(f'/proc/{p.pid}/statm') as f:
        return int(f.read().split()[1]) * os.sysconf('SC_PAGESIZE') // 1024


def flood(first, many):
    answers = set()
    for n in range(first, first + many):
        c = From(port, f'127.77.{n >> 8}.{n & 255}', greet=False)
        answers.add(c.s.recv(4))
        c.f.close()
        c.s.close()
    return answers


flood(1, 200)
before = rss() if os.getuid() == 0 else 0
answers = flood(300, 1000)
after = rss() if os.getuid() == 0 else 0
print(f'# parent: {before} KiB before the flood, {after} KiB after')
tap.ok(after - before <= 2048, 'the parent does not grow by its table (1 MiB)'
       ' and some', before, after)
tap.ok(answers <= {b'220 ', b'421 '}, 'a flood gets words', answers)
tap.same(From(port, '127.99.1.1').greeting[:3], '220', 'others come in')
tap.same(From(port, '127.99.1.1').greeting[:3], '421', 'and are counted')
end(p)


# PROXY
def facts():
    return sink.parcels[-1].facts()


def through(port, first):
    c = From(port, first=first)
    c.start()
    r = c.data('x\r\n.\r\n')
    c.close()
    return r


p, port = server('-P', '127.0.0.1,10.0.0.0/8', '-C', '2')
tap.ok(through(port, v1('192.0.2.1')).startswith('250'), 'PROXY v1')
f = facts()
tap.same([f.get(x) for x in ('ip', 'port', 'localip', 'localport')],
         ['192.0.2.1', '4321', '192.0.2.9', '25'], 'facts by its header')
tap.ok(through(port, v1('2001:db8::7')).startswith('250') and
       facts()['ip'] == '2001:db8::7', 'IPv6')
tap.ok(through(port, v1('::ffff:192.0.2.3')).startswith('250') and
       facts()['ip'] == '192.0.2.3', 'a mapped address is IPv4')
addresses = socket.inet_aton('192.0.2.8') + socket.inet_aton('192.0.2.9') + \
    struct.pack('!HH', 77, 25)
tap.ok(through(port, SIG + b'\x21\x11' + struct.pack('!H', 12 + 6) +
               addresses + b'\x05\0\3abc').startswith('250') and
       facts()['ip'] == '192.0.2.8', 'PROXY v2 with a TLV')
for what, h in (('v1 UNKNOWN', b'PROXY UNKNOWN\r\n'),
                ('v2 LOCAL', SIG + b'\x20\0\0\0'),
                ('v2 of a unix socket',
                 SIG + b'\x21\x31' + struct.pack('!H', 216) + b'/a' * 108)):
    tap.ok(through(port, h).startswith('250') and
           facts()['ip'] == '127.0.0.1', what + ': the proxy itself')
c = From(port, first=v1('192.0.2.1') + b'EHLO c.test\r\n')
tap.ok(c.greeting.startswith('220') and c.reply().startswith('250'),
       'what comes behind it is the client\'s')
c.close()
for what, h in (('no header', b'EHLO c.test\r\n'), ('half of one', b'PROXY '),
                ('v2 of UDP', SIG + b'\x21\x12\0\x0c' + addresses)):
    c = From(port, first=h, greet=False)
    c.s.shutdown(socket.SHUT_WR)
    tap.same(c.reply(), '', what + ': closed without a word')
c = From(port, '127.0.0.2', first=v1('192.0.2.1'), greet=False)
tap.ok(c.reply() == '', 'not from one of the proxies: closed')
a = [From(port, first=v1('192.0.2.1')) for _ in range(3)]
tap.same([c.greeting[:3] for c in a], ['220', '220', '421'],
         '-C counts the real address')
tap.same(From(port, first=v1('192.0.2.2')).greeting[:3], '220',
         'and not the proxy')
a[0].close()
tap.ok(wait(lambda: From(port, first=v1('192.0.2.1')).greeting[:3] == '220'),
       'its seat, too, is free again')
end(p)
tap.ok('refused ip=127.0.0.2: not one of the proxies' in log() and
       'unable to read the PROXY header of 127.0.0.1' in log(), 'logged')
p, port = server('-P', '127.0.0.1', '-F', 'ip=2/3600,wait=0')
a = [From(port, first=v1('192.0.2.1')) for _ in range(3)]
tap.same([c.greeting[:9] for c in a][1:],
         ['220 mx.a.', '421 4.7.0'], 'rates count the real address')
tap.same(From(port, first=v1('192.0.2.2')).greeting[:3], '220', 'each its own')
end(p)
c = Client(['smtp-recv', '-P', '127.0.0.1', '-o', sink.path], greet=False)
tap.ok(c.reply() == '' and c.close()[0] == 1,
       'nowait mode: a client that is no proxy is refused')
p, port = server('-P', '127.0.0.1', prog='imap-login')
c = From(port, first=v1('192.0.2.1'))
tap.ok(c.greeting.startswith('* OK'), 'imap-login behind a proxy')
c = From(port, first=b'a1 NOOP x\r\n', greet=False)
tap.same(c.reply(), '', 'and only there')
end(p)
p, port = server('-F', 'ip=1/3600,wait=0', prog='imap-login')
a = [From(port) for _ in range(2)]
tap.same([c.greeting[:5] for c in a], ['* OK ', '* BYE'], 'imap-login -F')
end(p)

for args in (['-F', 'ip=1'], ['-F', 'x=1/1'], ['-F', ''], ['-F', 'wait=61'],
             ['-F', 'net4=33'], ['-F', 'ip6=0'], ['-N', '0'],
             ['-P', '1.2.3'], ['-P', '']):
    r = subprocess.run(['smtp-recv', *args, '-o', 'x'], env=env(),
                       stdin=subprocess.DEVNULL, capture_output=True)
    tap.same(r.returncode, 100, f'{" ".join(args)}: wrong usage')
clean()
tap.finish()
