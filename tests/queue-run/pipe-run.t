#!/usr/bin/python3
"""pipe-run: exit codes of sysexits and qmail, input, environment, limits."""
import os
import sys

sys.path[:0] = ['tests', 'tests/queue-run']
import tap
from post import T, MESSAGE, parcel, rec, run


def remote(n, address):
    return rec('T', f'{n}\0{address}\0route=remote\0rcpt=alias@a.test')


def program(text):
    with open(f'{T}/prog', 'w') as f:
        f.write('#!/bin/sh\n' + text)
    os.chmod(f'{T}/prog', 0o755)


def pipe(*options, to=(remote(0, 'x@fax.test'),), **kw):
    return run(['pipe-run', *options, f'{T}/prog'], parcel(*to, **kw))


for code, report in ([(0, '250 2.0.0 Delivered'),
                      (67, '550 5.1.1 The program says no')] +
                     [(c, '550 5.3.0 The program says no')
                      for c in (64, 65, 68, 70, 76, 77, 78, 100, 112)] +
                     [(c, '451 4.3.0 The program says no')
                      for c in (1, 66, 69, 71, 72, 73, 74, 75, 99, 111, 127)]):
    program(f'cat >/dev/null; exit {code}\n')
    tap.same(pipe(), ([f'R p1 {report}'], 0), f'exit code {code}')
program('exit 0\n')
tap.same(pipe()[0], ['R p1 250 2.0.0 Delivered'], 'it need not read')
program('kill -9 $$\n')
tap.same(pipe()[0], ['R p1 451 4.3.0 The program failed'], 'a signal')
program('sleep 60\n')
tap.same(pipe('-t', '1')[0], ['R p1 451 4.3.0 The program failed'],
         'more time than -t')
program("printf 'No \\033[2J fax\\nmore\\n'; exit 100\n")
tap.same(pipe()[0], ['R p1 550 5.3.0 No ?[2J fax'], 'its first line is told')
program(f'cat >{T}/in.$DELIVERED_TO; env >{T}/env; [ $DELIVERED_TO != b@x.test ]'
        ' || exit 75\n')
out, _ = pipe(to=(remote(0, 'a@x.test'), remote(1, 'b@x.test')))
tap.same(out, ['T 0 250 2.0.0 Delivered', 'T 1 451 4.3.0 The program says no',
               'R p1 451 4.3.0 The program says no'], 'each recipient has a run')
with open(f'{T}/in.a@x.test', 'rb') as f:
    tap.same(f.read(), b'Return-Path: <s@b.test>\nDelivered-To: a@x.test\n' +
             MESSAGE.replace(b'\r\n', b'\n'), 'the message, LF, with its trace')
with open(f'{T}/env') as f:
    env = dict(x.rstrip('\n').split('=', 1) for x in f)
tap.same((env['SENDER'], env['RECIPIENT'], 'ROHRPOST_ME' in env),
         ('s@b.test', 'alias@a.test', False), 'its environment, and not ours')
os.unlink(f'{T}/prog')
tap.same(pipe()[0][0][:10], 'R p1 451 4', 'no program: later')
tap.same(run(['pipe-run'], b'')[1], 100, 'usage')
tap.same(run(['pipe-run', '-t', '0', 'true'], b'')[1], 100, 'no time: 100')
tap.finish()
