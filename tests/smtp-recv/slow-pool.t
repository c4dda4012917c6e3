#!/usr/bin/python3
"""Slow clients and a pool: who has sent less than 64 KiB holds no instance."""
import os
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/smtp-recv']
import tap
from recv import T, Client, Sink, clean, env, tables, wait

tables()
sink = Sink()
path = T + '/pool'
pool = subprocess.Popen(
    ['unix-listen', path, 'parcel-pool', '-w', '-n', '1', '-x', '2', 'parcel',
     'to', sink.path], env=env(), stderr=subprocess.DEVNULL)
wait(lambda: os.path.exists(path))
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
    for s in [c, *slow]:
        s.p.kill()
        s.p.communicate()
pool.terminate()
pool.wait(timeout=30)
clean()
tap.finish()
