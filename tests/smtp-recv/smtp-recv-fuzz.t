#!/usr/bin/python3
"""Damaged dialogues: whatever comes, the session ends in order, every reply
line is one, and no parcel with a bare CR or LF is ended."""
import os
import random
import re
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from recv import Auth, Sink, clean, env, tables

tables()
sink, auth = Sink(), Auth()
rnd = random.Random(int(os.environ.get('SEED', '1')))
GOOD = (b'EHLO c.test\r\nMAIL FROM:<s@b.test> SIZE=100 BODY=8BITMIME RET=HDRS '
        b'ENVID=a+2Bb\r\nRCPT TO:<alice@a.test> NOTIFY=SUCCESS,DELAY '
        b'ORCPT=rfc822;a+2B@b.test\r\nRCPT TO:<"bob"@a.test> NOTIFY=NEVER '
        b'ORCPT=utf-8;\\x{E9}@b.test\r\nDATA\r\n'
        b'Subject: x\r\nFrom: "A" <s@b.test>, G: c@d.test;\r\nBcc: x@y.test\r\n'
        b'Date: 1 Jan 2026 00:00 GMT\r\nSender: s@b.test\r\nAuthentication-Results: mx.a.test; none\r\n\r\n..x\r\n'
        b'.\r\nMAIL FROM:<> SMTPUTF8\r\nRCPT TO:<@x.test:list@a.test>\r\n'
        b'BDAT 9\r\nA: b\r\n\r\nxBDAT 3 LAST\r\ny\r\nNOOP\r\nVRFY x\r\nRSET\r\n'
        b'AUTH PLAIN AGFsaWNlAHB3\r\nHELP\r\nQUIT\r\n')
PARTS = [b'\r', b'\n', b'\0', b'.', b'\r\n.\r\n', b'<', b'>', b'"', b'\\', b' ',
         b'=', b'\xff', b'\xc3\xa9', b'BDAT 99999999999 LAST\r\n', b':', b'@',
         b'A' * 3000, b'MAIL FROM:<>\r\n', b'DATA\r\n', b'BDAT 4\r\n', b'1']


def damage(s):
    s = bytearray(s)
    for _ in range(rnd.randrange(1, 6)):
        i = rnd.randrange(len(s))
        how = rnd.randrange(4)
        if how == 0:
            s[i:i] = rnd.choice(PARTS)
        elif how == 1:
            del s[i:i + rnd.randrange(1, 30)]
        elif how == 2:
            s[i] = rnd.randrange(256)
        else:
            j = rnd.randrange(len(s))
            s[i:i] = s[j:j + rnd.randrange(60)]
    return bytes(s)


bad = []
for n in range(800):
    text = damage(GOOD)
    options = rnd.choice([[], ['-l'], ['-s'], ['-s', '-p', '-A', '/nowhere'],
                          ['-S', 'connect,sender,rcpt'], ['-L', '60'],
                          ['-p', '-s', '-A', auth.path]])
    r = subprocess.run(['smtp-recv', *options, '-n', '5000', '-o', sink.path],
                       input=text, capture_output=True, env=env(), timeout=60)
    if r.returncode or not all(re.fullmatch(rb'[2345]\d\d[- ].*', line)
                               for line in r.stdout.split(b'\r\n')[:-1]):
        bad.append((text, r))
tap.ok(not bad, '800 damaged sessions', *bad[:2])
tap.ok(len(sink.whole()) > 50, 'some of them still brought mail')
tap.ok(not any(re.search(rb'(?<!\r)\n|\r(?!\n)', p.message())
               for p in sink.whole()), 'none with a bare CR or LF')
clean()
tap.finish()
