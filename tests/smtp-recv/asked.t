#!/usr/bin/python3
"""RCPT for addresses that a program knows: what hangs or rests is 451, never
550, and 250 again when it works (aliases(5), table-serve(8))."""
import os
import socket
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from recv import MAIL, T, Client, Sink, clean, tables

tables({**MAIL, b'dl.test': b'', b'a@l.test': b':socket=people',
        b'dm.test': b'', b'a@m.test': b':socket=mute'})
sink = Sink()
HANG = T + '/hang'
PROG = f'''while read -r a; do
  [ ! -e {HANG} ] || sleep 600
  case $a in no@*) echo;; *) echo alice@a.test;; esac
done'''


def listen(name):
    s = socket.socket(socket.AF_UNIX)
    s.bind(f'{T}/{name}')
    s.listen(50)
    return s


def rcpt(address):
    c = Client(['smtp-recv', '-o', sink.path])
    got = c.start(address)[-1][:9]
    c.close()
    return got


log = open(T + '/log', 'w')
door = listen('people')
p = subprocess.Popen(['table-serve', '-w', '-t', '1000', '-r', '1', 'sh', '-c',
                      PROG], stdin=door, stderr=log)
door.close()
try:
    tap.ok(tap.until(lambda: rcpt('x@l.test') == '250 2.1.5', 60), 'it is known')
    tap.same(rcpt('no@l.test'), '550 5.1.1', 'RFC 3463 3.2: not known')
    open(HANG, 'w').close()
    tap.same([rcpt('x@l.test'), rcpt('no@l.test')], ['451 4.3.0'] * 2,
             'the program hangs: known or not, later')
    tap.same(rcpt('alice@a.test'), '250 2.1.5', 'others are not touched')
    os.unlink(HANG)
    tap.ok(tap.until(lambda: rcpt('x@l.test') == '250 2.1.5', 60),
           'it works again')
    open(HANG, 'w').close()
    codes = set()

    def breaks():
        codes.add(rcpt('x@l.test'))
        return 'failures in a row' in open(T + '/log').read()
    tap.ok(tap.until(breaks, 120) and codes == {'451 4.3.0'},
           'ten failures open the breaker', codes)
    tap.same(rcpt('x@l.test'), '451 4.3.0', 'an open breaker: later')
    os.unlink(HANG)
    tap.ok(tap.until(lambda: rcpt('x@l.test') == '250 2.1.5', 120),
           'and 250 when it works')
finally:
    p.terminate()
    p.wait()
tap.same(rcpt('x@l.test'), '451 4.3.0', 'nobody listens: later')
mute = listen('mute')
tap.same(rcpt('x@m.test'), '451 4.3.0', 'a socket that never answers: later')
clean()
tap.finish()
