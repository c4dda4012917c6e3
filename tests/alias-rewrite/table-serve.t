#!/usr/bin/python3
"""table-serve: several clients, one program, and every way in which it may
fail: table-serve(8)."""
import atexit
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

sys.path[:0] = ['tests']
import tap

T = tempfile.TemporaryDirectory()
PATH = T.name + '/people'
LOG = T.name + '/log'
# Answers are what the question says, and who answered.
PROG = r'''
import os, sys, time
if os.path.exists(%(t)r + '/broken'): sys.exit(1)
me = os.getpid()
def say(b): os.write(1, b)
for q in sys.stdin.buffer:
    q = q.rstrip(b'\n')
    open(%(t)r + '/asked', 'ab').write(q + b'\n')
    word = q.split(b'@')[0]
    if word == b'die': sys.exit(0)
    elif word == b'hang': time.sleep(600)
    elif word == b'late':
        open(%(t)r + '/late', 'w').close()
        while not os.path.exists(%(t)r + '/go'): time.sleep(.01)
        say(b'late answer\n')
    elif word == b'wait':
        while not os.path.exists(%(t)r + '/go'): time.sleep(.01)
        say(b'waited@x.test\n')
    elif word == b'twice': say(b'a\nb\n')
    elif word == b'part': say(b'half an answer'); sys.exit(0)
    elif word == b'control': say(b'a\tb\n')
    elif word == b'long': say(b'x' * 8192 + b'\n')
    elif word == b'most': say(b'x' * 8191 + b'\n')
    elif word == b'flood':
        while True: say(b'x' * 65536)
    elif word == b'temp': say(b'!no database\n')
    elif word == b'none': say(b'\n')
    elif word == b'group':
        if not os.fork(): time.sleep(600)
        time.sleep(600)
    elif word == b'then':
        say(b'first\n')
        while not os.path.exists(%(t)r + '/go'): time.sleep(.01)
        say(b'unasked\n')
    else: say(b'%%s %%d\n' %% (q, me))
''' % {'t': T.name}
open(T.name + '/prog.py', 'w').write(PROG)
MANUAL = open('alias-rewrite/table-serve.8').read()
procs = []


@atexit.register
def end():
    for left in procs:
        if left.poll() is None:
            left.terminate()


def serve(*options):
    listen = socket.socket(socket.AF_UNIX)
    if os.path.exists(PATH):
        os.unlink(PATH)
    listen.bind(PATH)
    listen.listen(100)
    p = subprocess.Popen(['table-serve', '-w', *options, sys.executable,
                          T.name + '/prog.py'], stdin=listen,
                         stderr=open(LOG, 'w'))
    listen.close()
    procs.append(p)
    return p


def stop(p):
    p.send_signal(signal.SIGTERM)
    return p.wait(60)


def ask(question, wait=True):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(PATH)
    s.sendall(question if isinstance(question, bytes) else
              f'{question}\n'.encode())
    return answer(s) if wait else s


def answer(s):
    got = b''
    while not got.endswith(b'\n'):
        try:
            more = s.recv(10000)
        except ConnectionResetError:
            more = b''
        if not more:
            break
        got += more
    return got.decode()


def settled(question):
    """The first answer after the delay of a restart"""
    found = []

    def good():
        found[:] = [ask(question)]
        return found[0][:1] != '!'
    tap.until(good, 60)
    return found[0]


def log():
    return open(LOG).read()


def touch(name):
    open(f'{T.name}/{name}', 'w').close()


def failing(word, said, why):
    got = ask(f'{word}@a.test')
    tap.ok(got == '!the table has failed\n' and said in log(), why, got, log())
    after = settled('next@a.test')
    tap.ok(re.fullmatch(r'next@a\.test \d+\n', after),
           f'{word}: and the next answer is its own', after)


p = serve('-t', '20000')
first = settled('one@a.test')
tap.ok(re.fullmatch(r'one@a\.test \d+\n', first), 'a question, an answer', first)
tap.same(settled('two@a.test').split()[1], first.split()[1],
         'by the same process')
s = ask('three@a.test', False)
one = answer(s)
s.sendall(b'four@a.test\n')
tap.ok(one.startswith('three@') and answer(s).startswith('four@'),
       'a client may ask again')
s.close()
tap.same(ask('none@a.test'), '\n', 'unknown is an empty line')
tap.same(ask('temp@a.test'), '!no database\n', 'the program cannot say')
tap.same(len(ask('most@a.test')), 8192, '8191 bytes are an answer')
clients = [ask(f'c{n}@a.test', False) for n in range(50)]
got = [answer(c).split()[0] for c in clients]
tap.same(got, [f'c{n}@a.test' for n in range(50)], '50 clients at once')
for c in clients:
    c.close()

for question, why in ((b'a\tb@a.test\n', 'a control character'),
                      (b'a\0b@a.test\n', 'NUL'),
                      (b'a@a.test\nb@a.test\n', 'two questions at once'),
                      (b'\n', 'no address'),
                      (b'x' * 400 + b'\n', 'more than an address can have')):
    tap.same(ask(question), '!no address\n', why + ' is refused')
tap.ok('a\tb' not in open(T.name + '/asked').read(), 'and never asked')
gone = ask('wait@a.test', False)
tap.until(lambda: 'wait@' in open(T.name + '/asked').read())
gone.close()
other = ask('other@a.test', False)
touch('go')
tap.ok(answer(other).startswith('other@a.test '),
       'a client that goes away leaves its answer to nobody')
os.unlink(T.name + '/go')
tap.same(ask('then@a.test'), 'first\n', 'an answer')
touch('go')
tap.until(lambda: 'spoke unasked' in log())
tap.ok(settled('next@a.test').startswith('next@a.test '),
       'a line unasked is no answer to what comes next', log())
os.unlink(T.name + '/go')
failing('die', 'ended without an answer', 'the program ends')
failing('part', 'ended without an answer', 'in mid-answer')
failing('twice', 'said too much', 'two answers')
failing('long', 'said too much', '8192 bytes')
failing('flood', 'said too much', 'output without an end')
failing('control', 'control characters', 'control characters')
s = ask('wait@a.test', False)
tap.until(lambda: open(T.name + '/asked').read().count('wait@') == 2)
p.send_signal(signal.SIGTERM)
touch('go')
tap.same((answer(s), p.wait(60)), ('waited@x.test\n', 0),
         'SIGTERM: who has asked gets an answer')
os.unlink(T.name + '/go')

p = serve('-t', '2000')
settled('up@a.test')
failing('hang', 'did not answer in time', 'silence')
tap.same(ask('late@a.test'), '!the table has failed\n', 'an answer too late')
touch('go')
tap.ok(settled('next@a.test').startswith('next@a.test '),
       'is not the answer to the next question')
failing('group', 'did not answer in time', 'one with children')
stop(p)
r = subprocess.run(['ps', '-eo', 'args'], capture_output=True, text=True).stdout
tap.ok(T.name + '/prog.py' not in r, 'nobody is left', r)

p = serve('-t', '20000', '-r', '1', '-n', '3')
settled('up@a.test')
for n in range(10):
    tap.until(lambda: ask('die@a.test') == '!the table has failed\n')
tap.ok(tap.until(lambda: 'failures in a row' in log()), 'ten failures', log())
tap.same(ask('rest@a.test'), '!the table has failed too often\n',
         'the breaker: an answer at once')
tap.ok('rest@' not in open(T.name + '/asked').read(), 'and nothing is asked')
tap.ok(settled('back@a.test').startswith('back@'), 'until one is answered')
tap.ok(ask('more@a.test').startswith('more@'), 'then all are asked')
stop(p)

# two places, one program
p = serve('-t', '20000', '-c', '2')
settled('up@a.test')
s, r = ask(b'in@a.', False), ask('first@a.test', False)
tap.ok(answer(r).startswith('first@a.test '), 'a question that is not whole '
       'keeps nobody waiting')
third = ask('third@a.test', False)
s.sendall(b'test\n')
tap.ok(answer(s).startswith('in@a.test '), 'it may come in pieces')
s.close()
tap.ok(answer(third).startswith('third@a.test '),
       'a third client waits until a place is free')
third.close()
r.close()
stop(p)

# who has asked first is served first
p = serve('-t', '20000')
settled('up@a.test')
low, high = ask('low@a.test', False), ask('high@a.test', False)
answer(low), answer(high)
waits = open(T.name + '/asked').read().count('wait@')
busy = ask('wait@a.test', False)
tap.until(lambda: open(T.name + '/asked').read().count('wait@') > waits)
high.sendall(b'sooner@a.test\n')
done = ask('x\t@a.test', False)
answer(done)
low.sendall(b'later@a.test\n')
answer(ask('x\t@a.test', False))
touch('go')
answer(busy), answer(low), answer(high)
asked = open(T.name + '/asked').read()
tap.ok(asked.index('sooner@') < asked.index('later@'), 'in turn', asked)
os.unlink(T.name + '/go')
stop(p)

# nobody answers, and more clients than it has copies wait
p = serve('-t', '1500')
settled('up@a.test')
got = [ask('hang@a.test', False) for n in range(2)]
tap.same([answer(x)[:11] for x in got], ['!the table '] * 2,
         'who waits too long is told that nobody knows')
stop(p)

touch('broken')
p = serve('-t', '300')
tap.same(ask('x@a.test')[:11], '!the table ',
         'a program that does not start: later')
stop(p)
r = subprocess.run(['table-serve', '-w', 'true'], stdin=subprocess.DEVNULL,
                   capture_output=True)
tap.same(r.returncode, 100, 'descriptor 0 must listen')
if os.getuid() == 0:
    os.unlink(T.name + '/broken')
    p = serve('-U', '65534')
    tap.same(ask('x@a.test'), '', '-U: not for others')
    stop(p)
tap.ok('default 4500' in MANUAL and 'default 30' in MANUAL,
       'the manual tells defaults')
code = open('alias-rewrite/table-serve.c').read()
tap.ok('ASK_MS - 500' in code and 'REST_S 30' in code, 'which the code has')
tap.finish()
