#!/usr/bin/python3
"""lib/serve by smtp-recv: limits, readiness, SIGTERM, descriptors, and the
launchers of others in nowait mode."""
import os
import re
import shutil
import socket
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from recv import (Client, Sink, T, children, clean, env, listen, listen_tcp,
                  tables, wait)

tables()
sink = Sink()


p, port = listen_tcp('smtp-recv', '-c', '6', '-C', '3', '-o', sink.path)
a = [Client(port=port) for _ in range(3)]
tap.ok(all(c.greeting.startswith('220') for c in a), 'wait mode serves many')
c = Client(port=port)
tap.ok(c.greeting.startswith('421 4.3.2') and c.reply() == '',
       'more than -C of one address: 421')
c.close()
a[0].start()
a[0].data('\r\n.\r\n')
tap.same(sink.parcels[-1].facts()['ip'], '127.0.0.1', 'facts by the socket')
root = os.getuid() == 0  # others may not look into a confined process
if root:
    fds = os.listdir(f'/proc/{children(p)[-1]}/fd')
    tap.ok(len(set(fds) - {'0', '1', '2', '3'}) <= 1,
           'no descriptor but its own line leaks into a child', fds)
a.pop().close()
wait(lambda: len(children(p)) == 2)
c = Client(port=port)
tap.ok(c.greeting.startswith('220'), 'a place that was left is free again')
a.append(c)
a[1].start()
a[1].say('DATA')
p.terminate()
tap.same(a[0].reply()[:9], '421 4.3.2', 'SIGTERM is passed on')
a[1].send('x\r\n.\r\n')
tap.ok(a[1].reply().startswith('250'), 'a message under way is finished')
tap.same(p.wait(timeout=60), 0, 'and then the parent ends')

p, port = listen_tcp('smtp-recv', '-c', '2', '-C', '9', '-o', sink.path)
a = [Client(port=port) for _ in range(2)]
c = Client(port=port)
tap.ok(c.greeting.startswith('421'), 'more than -c in all: 421')
p.terminate()
p.wait(timeout=60)


def exhausted():
    with open(T + '/traced', 'w') as f:
        f.write('#!/bin/sh\nexec strace -D -f -e trace=accept4,ppoll -o '
                f'{T}/trace smtp-recv "$@"\n')
    os.chmod(T + '/traced', 0o700)
    p, port = listen_tcp(T + '/traced', '-o', sink.path)
    pid = str(p.pid)
    subprocess.run(['prlimit', '--nofile=3:', '--pid', pid], check=True)
    s = socket.create_connection(('127.0.0.1', port))

    def refused():
        with open(T + '/trace') as f:
            return (text := f.read()).count('EMFILE') > 2 and text
    text = wait(refused) or ''
    tap.ok(p.poll() is None and text and not re.search(
        r'EMFILE.*\n(.*accept4|.*ppoll\(.* = [^0]|.*tv_sec=0, tv_nsec=0)',
        text), 'EMFILE: not dead, and between two tries it sleeps', text)
    subprocess.run(['prlimit', '--nofile=64:', '--pid', pid], check=True)
    s.settimeout(60)
    tap.ok(s.recv(100).startswith(b'220'), 'and it goes on')
    s.close()
    p.terminate()
    p.wait(timeout=60)


if root:
    exhausted()
p, path = listen('smtp-recv', '-l', '-U', str(os.getuid()), '-o', sink.path)
c = Client(path=path)
tap.ok(c.greeting.startswith('220'), 'a unix socket: this uid may')
c.close()
p.terminate()
p.wait(timeout=60)
p, path = listen('smtp-recv', '-l', '-U', '54321,54322', '-o', sink.path)
c = Client(path=path)
tap.same(c.greeting, '', 'and another may not')
p.terminate()
p.wait(timeout=60)
for args, what in [(['-c', '0'], '-c 0'), (['-U', 'no-such-user'], '-U'),
                   (['-U', ''], '-U of nobody'),
                   (['-d', 'x'], '-d x'), (['-w'], '-w on no socket')]:
    r = subprocess.run(['smtp-recv', *args, '-o', 'x'], env=env(),
                       stdin=subprocess.DEVNULL, capture_output=True)
    tap.same(r.returncode, 100, f'{what}: wrong usage')


# nowait mode under launchers of others
def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def launched(name, argv, **where):
    if not shutil.which(argv[0]):
        tap.ok(True, f'{name} # SKIP not installed')
        return
    p = subprocess.Popen(argv, env=env(), stderr=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL)
    c = None

    def up():
        nonlocal c
        try:
            c = Client(**where)
            return True
        except OSError:
            return False
    n = len(sink.parcels)
    wait(up)
    got = c.start()
    tap.ok([x[:3] for x in got] == ['250'] * 3 and
           c.data('x\r\n.\r\n').startswith('250') and
           c.say('QUIT').startswith('221') and c.reply() == '',
           f'{name}: a message in nowait mode', got)
    f = sink.parcels[n].facts()
    tap.same(f.get('ip'), '127.0.0.1' if 'port' in where else None,
             f'{name}: the client\'s address')
    tap.same('localport' in f, 'port' in where, f'{name}: our port')
    p.terminate()
    p.wait(timeout=60)


port = free_port()
launched('tcpserver', ['tcpserver', '-RHl0', '0', str(port), 'smtp-recv',
                       '-o', sink.path], port=port)
port = free_port()
launched('tcpsvd', ['tcpsvd', '-l0', '127.0.0.1', str(port), 'smtp-recv',
                    '-o', sink.path], port=port)
launched('s6-ipcserver', ['s6-ipcserver', T + '/ipc', 'smtp-recv', '-o',
                          sink.path], path=T + '/ipc')
clean()
tap.finish()
