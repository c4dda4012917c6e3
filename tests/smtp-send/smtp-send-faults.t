#!/usr/bin/python3
"""smtp-send against a host that goes wrong (RFC 5321 3.8, 4.2, 4.5.3.2): every
step of the dialogue times every fault. Each cell is one smtp-send with three
parcels of two recipients: to a domain of that host alone, to one that has a
good host behind it, or to the first again, and to another domain."""
import concurrent.futures
import os
import re
import select
import socket
import subprocess
import sys
import threading

sys.path[:0] = ['tests', 'tests/smtp-send']
import hosts
from dnsserver import Server
from peer import ANSWERS, CAPS, DROP, STALL, Peer, ehlo, parcel
from sender import ENV
from tap import finish, ok

PATIENCE = 60
LIMIT = 3
LINE = b'x' * 996 + b'\r\n'
with open('/proc/sys/net/ipv4/tcp_wmem') as f:
    BODY = {'message': LINE * (int(f.read().split()[2]) // 998 + 1000),
            'BDAT': LINE * 300}  # more than is buffered, more than a chunk
tls = hosts.certificate('mx.test')
OK = '250 2.0.0 ok'


def closes(peer, good):
    peer.sock.sendall(b'421 4.3.2 closing\r\n')
    return DROP


def drip(peer, good):
    for c in good + 'x' * 400:
        peer.sock.sendall(c.encode())
        threading.Event().wait(0.1)
    return DROP


# What the host says instead of a good reply. A flood has no end.
FAULTS = {
    'stall': lambda peer, good: STALL,
    'drip': drip,
    'drop': lambda peer, good: DROP,
    '421': closes,
    '4xx': lambda peer, good: '450 4.2.0 later',
    '5xx': lambda peer, good: '550 5.7.1 never',
    'rubbish': lambda peer, good: 'what a fine day',
    'NUL': lambda peer, good: '\0' + good,
    'control': lambda peer, good: good + ' \0\1\x1b[2J\x7f\x9b',
    'line without end':
    lambda peer, good: good[:3].encode() + b'-' + b'x' * (10 << 20),
    '10,000 lines': lambda peer, good: good[:3].encode().join(
        [b''] + [b'-x\r\n'] * 10000),
    'early': None}
HARMLESS = {'control'}

# The verb, the how-manieth of it, what is good, the limit that ends a stall
STEPS = {
    'connect': (None, 0, '', 'connect'),
    'greeting': ('GREETING', 0, ANSWERS['GREETING'], 'greeting'),
    'EHLO': ('EHLO', 0, ehlo(CAPS), 'helo'),
    'STARTTLS': ('STARTTLS', 0, '220 2.0.0 go on', 'helo'),
    'handshake': (None, 0, '220 2.0.0 go on', 'tls'),
    'EHLO in TLS': ('EHLO', 1, ehlo(CAPS), 'helo'),
    'MAIL': ('MAIL', 0, OK, 'mail'),
    'first RCPT': ('RCPT', 0, OK, 'rcpt'),
    'second RCPT': ('RCPT', 1, OK, 'rcpt'),
    'DATA': ('DATA', 0, '354 go on', 'data'),
    'message': (None, 0, OK, 'block'),
    'dot': ('DOT', 0, OK, 'dot'),
    'BDAT': ('BDAT', 0, OK, 'block'),
    'BDAT LAST': ('DOT', 0, OK, 'dot'),
    'RSET': ('RSET', 0, OK, 'mail'),
    'QUIT': ('QUIT', 0, '221 2.0.0 bye', 'mail'),
    'idle': (None, 0, OK, 'mail')}
IN_TLS = ('STARTTLS', 'handshake', 'EHLO in TLS')
AGAIN = ('RSET', 'idle')
# The reply in front of which there is nothing to wait for
BEFORE = {'EHLO': 'GREETING', 'STARTTLS': 'EHLO', 'MAIL': 'EHLO',
          'first RCPT': 'MAIL', 'second RCPT': 'RCPT', 'DATA': 'RCPT',
          'dot': 'DATA', 'BDAT': 'RCPT', 'BDAT LAST': 'RCPT', 'QUIT': 'DOT'}
taken = []


def take(peer, reply):
    """Notes a message that the host takes, with a whole reply."""
    if isinstance(reply, str) and reply.startswith('250'):
        taken.append(peer.messages[-1].split(b'\r\n')[0].decode())
    return reply


def at(verb, number, good, other):
    """The other reply to one of these commands"""
    def answer(peer, line):
        if peer.counts[verb] != number:
            return good
        return other(peer, good) if callable(other) else other
    return answer


def begin_tls(reply='220 2.0.0 go on', fault=None):
    def begin(peer, line):
        said = reply(peer, '220 2.0.0 go on') if callable(reply) else reply
        if not isinstance(said, str) or said[:3] != '220':
            return said
        peer.sock.sendall(said.encode('latin-1') + b'\r\n')
        if fault:
            said = fault(peer, '250 2.0.0 ok')
            if isinstance(said, str):
                said = said.encode() + b'\r\n'
            return said
        peer.sock = tls.wrap_socket(peer.sock, server_side=True)
        peer.file = peer.sock.makefile('rb')
        return None
    return begin


def unread(peer):
    """Reads nothing until the other side has gone"""
    p = select.poll()
    p.register(peer.sock, select.POLLRDHUP)
    p.poll(PATIENCE * 1000)
    return DROP


def amid(fault):
    def data(peer, line):
        peer.sock.sendall(b'354 go on\r\n')
        peer.file.read(50000)
        said = fault(peer, OK)
        if said is STALL:
            return unread(peer)
        if said is DROP:
            return DROP
        peer.sock.sendall(said if isinstance(said, bytes)
                          else said.encode() + b'\r\n')
        return unread(peer)  # a reset would destroy what was said
    return data


def idle(fault):
    """Said with the reply to the dot, so that it is there in any case"""
    def dot(peer, line):
        take(peer, OK)
        said = fault(peer, OK)
        if said in (DROP, STALL):
            peer.sock.sendall(OK.encode() + b'\r\n')
            return said
        return OK.encode() + b'\r\n' + (said if isinstance(said, bytes)
                                        else said.encode() + b'\r\n')
    return dot


IDLE = {'421': lambda *x: '421 4.3.2 closing', 'drip': lambda *x: b'2',
        'early': lambda *x: OK}


def narrow(peer, line):
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    return ANSWERS['GREETING']


def scripts(step, fault):
    """Of the first connection and of the others"""
    verb, number, good, _ = STEPS[step]
    caps = CAPS + (['STARTTLS'] if step in IN_TLS else []) + (
        ['CHUNKING'] if step.startswith('BDAT') else [])
    s = {'EHLO': ehlo(caps), 'STARTTLS': begin_tls(),
         'DOT': lambda peer, line: take(peer, OK)}
    first = dict(s)
    say = FAULTS[fault]
    if step == 'message':
        first['GREETING'] = narrow
    if step == 'BDAT' and fault not in HARMLESS:
        first['DOT'] = '503 5.5.1 no chunk is missed'  # RFC 3030 2
    if step == 'RSET':
        first['RCPT'] = ['550 5.1.1 no', '550 5.1.1 no', OK]
    if step == 'idle':
        first['DOT'] = idle(IDLE.get(fault, say))
    elif step == 'handshake':
        first['STARTTLS'] = begin_tls(fault=say) if say else \
            (lambda peer, line: b'220 go on\r\n250 2.0.0 ok\r\n')
    elif step == 'message':
        first['DATA'] = amid(say or (lambda *x: OK))
    elif fault == 'early':
        if step == 'RSET':
            first['RCPT'] = ['550 5.1.1 no', f'550 5.1.1 no\r\n{OK}', OK]
        else:
            before = BEFORE[step]
            n = 1 if step in ('DATA', 'BDAT', 'BDAT LAST') else 0
            was = {'GREETING': ANSWERS['GREETING'], 'EHLO': ehlo(caps),
                   'DATA': '354 go on'}.get(before, OK)
            both = at(before, n, was, f'{was}\r\n{good}')
            first[before] = (lambda peer, line: take(peer, both(peer, line))
                             ) if before == 'DOT' else both
        if step in ('dot', 'BDAT LAST'):
            first['DOT'] = '450 4.2.0 not taken'
    elif verb == 'STARTTLS':
        first['STARTTLS'] = begin_tls(say)
    elif verb == 'DOT':
        first['DOT'] = lambda peer, line: take(peer, say(peer, good))
    elif verb == 'EHLO':
        first['EHLO'] = at('EHLO', number, ehlo(caps), say)
    elif verb:
        first[verb] = at(verb, number, good, say)
    return (first, s) if step in AGAIN else (first,)


def wanted(step, fault):
    """Regular expressions for the codes of both recipients of the first and
    the second parcel"""
    good, later, no = '250 250', '4.. 4..', '550 550'
    if step == 'RSET':
        return no, good
    if fault in HARMLESS and step not in ('handshake', 'message') or \
            step in ('QUIT', 'idle'):
        return good, good
    if step in ('message', 'dot', 'BDAT', 'BDAT LAST'):
        return (no, no) if fault == '5xx' else (later, later)
    if step.endswith('RCPT') and fault in ('4xx', '5xx'):
        code = {'4xx': '450', '5xx': '550'}[fault]
        code = f'{code} 250' if step == 'first RCPT' else f'250 {code}'
        return code, code
    if step in ('MAIL', 'DATA') and fault == '5xx':
        return no, no
    if step == 'DATA' and fault == '4xx':
        return later, later
    if step == 'DATA' and fault == 'early':
        return later, '... ...'
    if fault == '5xx' and step == 'EHLO':
        return good, good  # by HELO, RFC 5321 3.2
    if fault == '5xx' and step in ('greeting', 'EHLO in TLS'):
        return no, good
    return later, good


def run(args, env, parcels):
    """(reports, log, peak of memory in KiB, exit code)"""
    child = subprocess.Popen(['smtp-send', '-h', 'me.test', '-f', '', '-S', '',
                              '-i', '60', *args], stdin=-1, stdout=-1,
                             stderr=-1, env={**ENV, **env})
    watchdog = threading.Timer(PATIENCE, child.kill)
    watchdog.start()
    log, reports, peak = [], [], 0
    reader = threading.Thread(target=lambda: log.append(child.stderr.read()))
    reader.start()
    try:
        child.stdin.write(b''.join(parcels))
        child.stdin.flush()
        while len([r for r in reports if r[0] == 'R']) < len(parcels):
            line = child.stdout.readline().decode()
            if not line:
                break
            reports.append(line)
        with open(f'/proc/{child.pid}/status') as f:
            peak = int(re.search(r'VmHWM:\s*(\d+)', f.read())[1])
        child.stdin.close()
    except OSError as e:
        log.append(str(e).encode())
    code = child.wait()
    reader.join()
    watchdog.cancel()
    child.stdout.close()
    child.stderr.close()
    return reports, b''.join(log), peak, code


def codes(reports, ident):
    each = {}
    for kind, name, code, *_ in (r.split(' ') for r in reports):
        if kind == 'T':  # of the R that follows
            each[name] = code
        elif name == ident:
            return ' '.join(each.get(n, code) for n in '01')
        else:
            each = {}
    return 'no report'


cells = [(s, f) for f in FAULTS for s in STEPS
         if (s != 'connect' or f in ('drop', 'stall')) and
         (f != 'early' or s in BEFORE or
          s in ('handshake', 'message', 'RSET', 'idle'))]
friend = {'EHLO': ehlo(CAPS + ['STARTTLS']), 'STARTTLS': begin_tls(),
          'DOT': lambda peer, line: take(peer, OK)}
good = Peer(friend, host='127.2.255.1')
zones = {'good.test': [('A', '127.2.255.1')]}
for i in range(len(cells)):
    zones[f'b{i}.test'] = [('A', f'127.2.{i // 200}.{i % 200 + 1}')]
    zones[f'one{i}.test'] = [('MX', (10, f'b{i}.test'))]
    zones[f'two{i}.test'] = [('MX', (10, f'b{i}.test')),
                             ('MX', (20, 'good.test'))]
dns = Server(zones)


def listen(i, step, fault):
    host = zones[f'b{i}.test'][0][1]
    if step != 'connect':
        return Peer(*scripts(step, fault), host=host, port=good.port)
    full = [socket.create_server((host, good.port), backlog=0)]
    if fault == 'drop':
        full.pop().close()
    for _ in range(4 if full else 0):  # as many as wait to be accepted
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((host, good.port))
        full.append(s)
    return full


def cell(i):
    step, fault = cells[i]
    there = listen(i, step, fault)
    to = [f'one{i}.test', f'{"one" if step in AGAIN else "two"}{i}.test',
          'good.test']
    parcels = [parcel(f'Subject: {i}-{n}\r\n\r\n'.encode() +
                      BODY.get(step, b'.x\r\n') * (n < 2),
                      to=[f'u{k}@{d}' for k in range(2)], ident=f'x{n}')
               for n, d in enumerate(to)]
    args = ['-p', str(good.port)]
    args += ['-t', hosts.tls.path, '-L', 'tls=encrypted'] \
        if step in IN_TLS else ['-t', '', '-L', 'tls=none']
    if fault in ('stall', 'drip'):
        args += ['-T', f'{STEPS[step][3]}={LIMIT}' + (
            f',dot={LIMIT}' if step == 'message' else '')]
    return there, run(args, dns.env, parcels)


def judge(i, reports, log, peak, code, usual):
    """What is wrong, in words"""
    step, fault = cells[i]
    for n, want in enumerate((*wanted(step, fault), '250 250')):
        got = codes(reports, f'x{n}')
        times = taken.count(f'Subject: {i}-{n}')
        if not re.fullmatch(want, got):
            yield f'x{n}: {got}, not {want}'
        if '250' in got and times != 1:
            yield f'x{n}: 250, taken {times} times'
        if '250' not in got and times and fault != 'early':
            yield f'x{n}: {got}, taken {times} times'
    if code:
        yield f'exit code {code}'
    if peak > usual + 8192:
        yield f'{peak} KiB of memory, not {usual}'
    if re.search(r'[^\n\x20-\x7e]', ''.join(reports) + log.decode('latin-1')
                 .replace('\t', '')):
        yield 'not printable'


usual = run(['-t', '', '-L', 'tls=none', '-p', str(good.port)], dns.env,
            [parcel(b'Subject: usual\r\n\r\n' + BODY['BDAT'],
                    to=['u@good.test'])])
ok(usual[2] > 0 and not usual[3], 'a host in order', usual)
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    for i, (there, result) in enumerate(pool.map(cell, range(len(cells)))):
        wrong = list(judge(i, *result, usual[2]))
        ok(not wrong, ': '.join(cells[i]), *wrong, *result[0],
           result[1].decode('latin-1'))
hosts.tls.stop()
finish()
