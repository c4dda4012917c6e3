#!/usr/bin/python3
"""Slow clients and a pool: who has sent less than 64 KiB holds no instance, and
who holds one and says nothing gives it up to those who wait."""
import os
import re
import subprocess
import sys
import threading

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from recv import T, Client, Sink, clean, env, tables, wait

tables()
sink = Sink()


def start(name, *options):
    path = f'{T}/{name}'
    p = subprocess.Popen(
        ['unix-listen', path, 'parcel-pool', '-w', '-n', '1', '-x', '2',
         *options, 'parcel', 'to', sink.path], env=env(),
        stderr=subprocess.DEVNULL)
    wait(lambda: os.path.exists(path))
    return p, path


def end(*clients):
    for c in clients:
        c.p.kill()
        c.p.communicate()


pool, path = start('pool')
for size in (100, 60000):
    slow = []
    for _ in range(6):
        c = Client(['smtp-recv', '-o', path])
        c.start()
        c.say('DATA')
        c.send(('y' * 70 + '\r\n') * (size // 72))
        slow.append(c)
    c = Client(['smtp-recv', '-o', path])
    c.start()
    tap.ok(c.data('x\r\n.\r\n').startswith('250'),
           f'six clients stop after {size} bytes, a pool of two: others are '
           'served')
    end(c, *slow)
pool.terminate()
pool.wait(timeout=60)

# Those who have sent more
LONG = ('z' * 70 + '\r\n') * 5000
pool, path = start('short', '-s', '1')


def begun(sender, size=100000):
    """The client's parcel has come to the sink so far."""
    return wait(lambda: [p for p in sink.parcels
                         if p.all('F')[:1] == [sender.encode()] and
                         len(p.message()) >= size])


def holder(sender, *options):
    c = Client(['smtp-recv', '-o', path, *options])
    c.start(sender=sender)
    if not options:
        c.say('DATA')
        c.send(LONG)
        begun(sender)
    return c


first, second = holder('1@b.test'), holder('2@b.test')
c = Client(['smtp-recv', '-o', path])
c.start()
tap.ok(c.data(LONG + '.\r\n').startswith('250'),
       'two clients stop after 360 KB, a pool of two: a third is served')
first.send('.\r\n')
tap.ok(first.reply().startswith('451 4.3.0'),
       'the one that stopped first is told 451')
second.send('.\r\n')
tap.ok(second.reply().startswith('250'), 'the other goes on')
tap.ok(first.start()[2].startswith('250') and
       first.data('x\r\n.\r\n').startswith('250'), 'who was told may try again')
end(first, second, c)

# An instance that works is not the client's fault
go = threading.Event()
answer = sink.answer
sink.answer = lambda p: ((p.all('F')[0] != b'busy@b.test' or go.wait(60)) and
                         answer(p))
busy = Client(['smtp-recv', '-o', path])
busy.start(sender='busy@b.test')
busy.say('DATA')
busy.send(LONG, '.\r\n')
wait(lambda: any(p.all('F') == [b'busy@b.test'] and p.ended
                 for p in sink.parcels))
slow = holder('3@b.test')
c = Client(['smtp-recv', '-o', path])
c.start()
tap.ok(c.data(LONG + '.\r\n').startswith('250'),
       'a pool of one that works and one that waits: a third is served')
go.set()
tap.ok(busy.reply().startswith('250'), 'the one that worked is left alone')
slow.send('.\r\n')
tap.ok(slow.reply().startswith('451'), 'though it was silent for longer')
end(busy, slow, c)

# Stages: who has been asked about holds an instance from RCPT on
early = [holder(f'{n}@s.test', '-S', 'rcpt') for n in range(2)]
c = Client(['smtp-recv', '-o', path, '-S', 'rcpt'])
tap.ok(c.start()[2].startswith('250') and
       c.data('x\r\n.\r\n').startswith('250'),
       '-S, two clients stop behind RCPT, a pool of two: a third is served')
tap.ok(early[0].data('x\r\n.\r\n').startswith('451 4.3.0'),
       'the one that stopped first is told 451')
tap.ok(early[1].data('x\r\n.\r\n').startswith('250'), 'the other goes on')
end(c, *early)
pool.terminate()
pool.wait(timeout=60)

seconds = re.search(r'define STALL (\d+)',
                    open('smtp-recv/parcel-pool.c').read())[1]
tap.ok(f'default {seconds}.\nSince' in open('smtp-recv/parcel-pool.8').read(),
       'parcel-pool(8): default of -s')
for bad in '0', '301', 'x':
    tap.same(subprocess.run(['parcel-pool', '-w', '-s', bad, 'true'],
                            stderr=subprocess.DEVNULL).returncode, 100,
             f'-s {bad}: exit 100')
clean()
tap.finish()
