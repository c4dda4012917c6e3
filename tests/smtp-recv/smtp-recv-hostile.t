#!/usr/bin/python3
"""Hostile clients: every short variant of CR, LF and dot around the end of
data against an oracle, commands behind STARTTLS, abuse of BDAT, bytes that no
command has, lines of any length."""
import itertools
import re
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv', 'tests/tls-serve']
import lab
import tap
from recv import Client, Sink, clean, listen, tables

tables()
sink = Sink()
MARK = 'EXPN mark'  # its 502 comes from nothing else


servers = []


def server(*options):
    """One whose log goes to a file: a pipe would be full."""
    servers.append(listen('smtp-recv', '-y', '0', '-e', '1000000000',
                          *options, '-o', sink.path))
    return servers[-1][1]


def client(path):
    return Client(path=path)


def until_mark(c):
    got = []
    while (r := c.reply()) and not r.startswith('502'):
        got.append(r)
    return got


# What DATA means, RFC 5321 4.1.1.4 and 4.5.2, written another way
def oracle(stream):
    """(message or None if a CR or LF stands alone, what follows the dot)"""
    end = 0 if stream.startswith(b'.\r\n') else stream.index(b'\r\n.\r\n') + 2
    text, rest = stream[:end], stream[end + 3:]
    lines = text.split(b'\r\n')
    if any(b'\r' in x or b'\n' in x for x in lines):
        return None, rest
    return b'\r\n'.join(x[1:] if x[:1] == b'.' else x for x in lines), rest


def check(c, before, pieces, want, rest):
    """Sends DATA in these pieces: whether all went as the oracle says."""
    n = len(sink.parcels)
    c.send(b'MAIL FROM:<s@b.test>\r\nRCPT TO:<alice@a.test>\r\nDATA\r\n')
    if [c.reply()[:3] for _ in range(3)] != ['250', '250', '354']:
        return False
    for p in pieces:
        c.send(p)
    c.send(MARK, '\r\n')
    first, *more = until_mark(c)
    whole = [p for p in sink.parcels[n:] if p.whole]
    if not all(x[0] == '5' for x in more) or (not rest and more):
        return False
    if want is None:
        return first.startswith('550 5.6.0') and not whole
    return first.startswith('250') and [p.message() for p in whole] == [want]


def variants(most):
    for n in range(most + 1):
        for s in itertools.product(b'\r\n.x', repeat=n):
            yield bytes(s)


plain = server()
c, bad, n = client(plain), [], 0
c.say('EHLO c.test')
for s in variants(5):
    for head in (b'A: b\r\n\r\nx', b''):
        stream = head + s + b'y\r\n.\r\n'
        want, rest = oracle(stream)
        n += 1
        if not check(c, head, [stream], want, rest):
            bad.append(stream)
            c = client(plain)
            c.say('EHLO c.test')
tap.ok(not bad, f'RFC 5321 4.1.1.4: what ends DATA, {n} variants', bad[:5])
bad, n = [], 0
for s in variants(3):
    stream = b'x' + s + b'\r\n.\r\n'
    want, rest = oracle(stream)
    for cut in range(1, len(stream)):
        n += 1
        if not check(c, b'', [stream[:cut], stream[cut:]], want, rest):
            bad.append((stream, cut))
            c = client(plain)
            c.say('EHLO c.test')
tap.ok(not bad, f'the same at every cut, {n} of them', bad[:5])
c.close()

c, bad, n = client(plain), [], 0
c.say('EHLO c.test')
for s in variants(4):
    stream = b'A: b\r\n\r\n' + s
    lone = re.sub(rb'\r\n', b'', stream)
    for cut in range(7, len(stream) + 1):
        n += 1
        was = len(sink.parcels)
        c.send(b'MAIL FROM:<s@b.test>\r\nRCPT TO:<alice@a.test>\r\nBDAT %d\r\n'
               % cut + stream[:cut] + b'BDAT %d LAST\r\n' % (len(stream) - cut)
               + stream[cut:] + MARK.encode() + b'\r\n')
        got = until_mark(c)
        whole = [p.message() for p in sink.parcels[was:] if p.whole]
        end = b'' if stream.endswith(b'\r\n') else b'\r\n'
        if b'\r' in lone or b'\n' in lone:
            good = got[-1].startswith('550 5.6.0') and not whole
        else:
            good = got[-1].startswith('250') and whole == [stream + end]
        if not good or len(got) != 4:
            bad.append((stream, cut, got))
            c = client(plain)
            c.say('EHLO c.test')
tap.ok(not bad, f'RFC 3030: the same in two chunks, {n} of them', bad[:5])
c.close()

# NUL and 8-bit are bytes like others in a message
c = client(plain)
for text in (b'\0', b'\0.\r\n', b'.\0\r\n', b'\r\n.\0\r\n', bytes(range(128, 256)),
             b'\xff.\r\n'):
    c.start()
    want, rest = oracle(b'\r\n' + text + b'\r\n.\r\n')
    c.say('DATA')
    c.send(b'\r\n' + text + b'\r\n.\r\n')
    tap.ok(c.reply().startswith('250') and sink.parcels[-1].message() == want,
           f'bytes {text[:6]!r} pass')
c.close()

# BDAT
for line, code, rule in [
        ('BDAT 18446744073709551616', '421', '2^64'),
        ('BDAT 18446744073709551615 LAST', '421', '2^64 - 1'),
        ('BDAT 18446744073709551621', '421', '5 modulo 2^64'),
        ('BDAT 1099511627777', '421', 'more than a terabyte'),
        ('BDAT -5', '421', 'less than nothing'),
        ('BDAT +5', '421', 'a sign'), ('BDAT 0x5', '421', 'another base'),
        ('BDAT 5,', '421', 'a comma'), ('BDAT LAST 0', '421', 'LAST first'),
        ('BDAT LAST', '421', 'no size'), ('BDAT 5 LAST LAST', '421', 'twice'),
        ('BDAT 5LAST', '421', 'no blank'), ('BDAT 0 LAST', '250', 'nothing')]:
    c = client(plain)
    c.start()
    got = c.say(line)
    tap.ok(got.startswith(code) and (code != '421' or c.reply() == ''),
           f'RFC 3030 2: {line}: {rule}', got)
    c.close()
c = client(plain)
c.say('EHLO c.test')
for before, code in (([], '503'), (['MAIL FROM:<>'], '554'),
                     (['RCPT TO:<nobody@a.test>'], '554')):
    c.says(*before)
    c.send(b'BDAT 21 LAST\r\nRSET\r\nMAIL FROM:<x>\r\n' + MARK.encode() +
           b'\r\n')
    got = until_mark(c)
    tap.ok(len(got) == 1 and got[0].startswith(code),
           f'RFC 3030 2: a chunk that nobody wants is not commands: {code}',
           got)
c.say('RSET')
n = len(sink.whole())
c.send(b'MAIL FROM:<>\r\nRCPT TO:<alice@a.test>\r\nBDAT 3\r\nabcDATA\r\n'
       b'MAIL FROM:<evil@b.test>\r\nRCPT TO:<bob@a.test>\r\nBDAT 5 LAST\r\n'
       b'def\r\nDATA\r\nBDAT 1 LAST\r\nx' + MARK.encode() + b'\r\n')
tap.same([x[:3] for x in until_mark(c)],
         ['250', '250', '250', '503', '503', '503', '250', '503', '503'],
         'RFC 3030 4.2: DATA, MAIL and RCPT between chunks')
tap.same([(p.message(), p.all('F')) for p in sink.whole()[n:]],
         [(b'abcdef\r\n', [b''])], 'change nothing')
c.start()
c.send(b'DATA\r\nx\r\n.\r\nBDAT 4 LAST\r\nQUIT' + MARK.encode() + b'\r\n')
tap.same([x[:3] for x in until_mark(c)], ['354', '250', '503'],
         'BDAT behind DATA')
c.close()
c = client(server('-n', '1000'))
c.start()
c.send(b'BDAT 999999 LAST\r\n' + b'RSET\r\n' * 166666 + b'xyz')
tap.ok(c.reply().startswith('552 5.3.4') and c.say('NOOP')[:3] == '250',
       'RFC 1870: a chunk that is too big is read, and not as commands')
c.close()

# commands
c = client(plain)
c.say('EHLO c.test')
for line, codes, rule in [
        (b'NO\xd3P', '500', '8-bit in a verb'),
        (b'NOOP \xd3\xff', '250', '8-bit in a word that means nothing'),
        (b'MAIL FROM:<\xff@b.test> SMTPUTF8', '501', 'RFC 6531: no UTF-8'),
        (b'MAIL FROM:<a\xc3\xa9@b.test>', '553', 'RFC 6531: no SMTPUTF8'),
        (b'MAIL FROM:<a@b\xff.test> SMTPUTF8', '501', 'no UTF-8 in a domain'),
        (b'MAIL FROM:<a\rb@b.test>', '501', 'CR in an address'),
        (b'MAIL FROM:<a\0@b.test>', '500', 'NUL'),
        (b'MAIL FROM:<a@b.test>\x7f', '501', 'DEL'),
        (b'MAIL FROM:<"a\r\nRCPT TO:<alice@a.test>', '501', 'quote over CRLF'),
        (b'\r', '500', 'CR alone'), (b'', '500', 'an empty line'),
        (b' NOOP', '500', 'a blank first'), (b'\tNOOP', '500', 'a tab'),
        (b'NOOP\tx', '500', 'a tab behind'),
        (b'EHLO ' + b'x' * 300, '501', 'RFC 5321 4.5.3.1.2: a long name'),
        (b'x' * 511, '500', 'a long verb'),
        (b'MAIL FROM:<' + b'x' * 255 + b'@b.test>', '501', 'a local part'),
        (b'MAIL FROM:<x@' + b'y' * 2000 + b'>', '501', 'a domain'),
        (b'MAIL FROM:<x@b.test> ' + b'A' * 2100, '500', 'parameters'),
        (b'MAIL FROM:<x@b.test> =1', '501', 'one without a name'),
        (b'MAIL FROM:<x@b.test> SIZE', '501', 'one without its value'),
        (b'MAIL FROM:<x@b.test> -A=1', '501', 'RFC 5321 4.1.2: its name'),
        (b'MAIL FROM:<x@b.test>SIZE=1', '501', 'one without a blank'),
        (b'MAIL FROM:<x@b.test> SMTPUTF8=1', '555', 'a value too many'),
        (b'VRFY ' + b'v' * 100000, '500', 'a hundred thousand bytes'),
        (b'z' * 3000000, '500', 'three millions')]:
    c.send(line, b'\r\n', MARK, '\r\n')
    got = [x[:3] for x in until_mark(c)]
    tap.ok(got[:1] == [codes] and not (b'\r\n' not in line and got[1:]),
           f'{line[:24]!r}: {rule}', got)
    c.say('RSET')
c.close()

# STARTTLS with a real tls-serve: whatever comes with it is not a command
lab.self_signed('mx.a.test', 'mx.a.test', 'P-256')
lab.table('tls.cdb', 'tls-build', 'tls')
service = lab.Service('tls-serve', '-f', lab.T + '/tls.cdb')
secure = server('-T', service.path)
n = len(sink.parcels)
inject = (b'STARTTLS\r\nMAIL FROM:<evil@b.test>\r\nRCPT TO:<alice@a.test>\r\n'
          b'DATA\r\nx\r\n.\r\nQUIT\r\n')
bad = []
for cut in range(1, len(inject), 4):
    c = client(secure)
    c.say('EHLO c.test')
    c.send(inject[:cut])
    try:
        c.send(inject[cut:])
    except OSError:
        pass
    got = []
    while r := c.reply():
        got.append(r[:3])
    if got[:1] not in (['421'], ['220']) or any(x == '250' or x == '354'
                                               for x in got):
        bad.append((cut, got))
    c.close()
tap.ok(not bad, 'CVE-2011-0411: commands behind STARTTLS at every fourth cut',
       bad[:3])
tap.same(len(sink.parcels), n, 'nothing of them came through')
service.stop()
for p, _ in servers:
    p.terminate()
    p.wait()
clean()
tap.finish()
