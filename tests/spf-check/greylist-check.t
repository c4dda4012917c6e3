#!/usr/bin/python3
"""greylist-check: who is new comes again; a database that several instances
share, that is bounded, and that never blocks mail."""
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

sys.path[:0] = ['tests', 'tests/smtp-send', 'tests/spf-check']
from checks import Check, manual_has, parcel, records
from peer import net
from tap import finish, ok, same, until

# in memory: each answer is written to the disk
T = tempfile.TemporaryDirectory(
    dir='/dev/shm' if os.access('/dev/shm', os.W_OK) else None)
NOW = 1700000000


def database(name):
    path = os.path.join(T.name, name)
    os.makedirs(path, exist_ok=True)
    return path


def grey(name, *args):
    return Check('greylist-check', '-D', database(name), *args)


def mail(at=0, **what):
    return parcel(facts=[f'time={NOW + at}'], **what)


def verdicts(c, data, *args):
    out, code = c.run(data, *args)
    return [r for r in records(out) if r[0] == 'V'] or \
        ([] if code == 0 else [code])


def wait(n, number=0):
    text = f'Vdefer|451 4.7.1 Greylisted: try again in {n} seconds'
    return [text if number is None else f'{text}|{number}']


g = grey('life')
same(verdicts(g, mail()), wait(300), 'who is new is deferred, that recipient')
ok('to=<b@b.test> greylist=wait seconds=300' in g.log, '  and logged', g.log)
same(verdicts(g, mail(200)), wait(100), 'who comes too early waits for the rest')
same(verdicts(g, mail(300)), [], 'who comes later passes')
ok('greylist=pass' in g.log, '  and is logged', g.log)
same(verdicts(g, mail(301)), [], 'and again')
same(verdicts(g, mail(301, ip='192.0.2.77')), [], 'also from its network')
same(verdicts(g, mail(301, sender='S@B.test', to=['B@b.test'])), [],
     'and in other case')
for what, more in (('network', {'ip': '192.0.3.1'}),
                   ('sender', {'sender': 'x@b.test'}),
                   ('null sender', {'sender': ''}),
                   ('recipient', {'to': ['x@b.test']})):
    same(verdicts(g, mail(301, **more)), wait(300), f'another {what} is new')
same((verdicts(g, mail(302, ip='2001:db8::1')),
      verdicts(g, mail(602, ip='2001:db8:0:0:1::9'))), (wait(300), []),
     'IPv6 by /64')
two = mail(700, to=['b@b.test', 'y@b.test'], settle=True)
same(verdicts(g, two), wait(300, 1), 'of two recipients the new one waits')
same(verdicts(g, mail(700, to=['b@b.test', 'z@b.test'])),
     wait(300, 1) + wait(300, None),
     'without a question (smtp-recv -S rcpt) one that waits holds all, for the '
     'client hears one answer')
same(verdicts(g, mail(700, to=['p@b.test', 'q@b.test'])),
     wait(300, 0) + wait(300, 1), 'all new: each waits')
alias = mail(800, to=['m@b.test']).replace(
    net('T', '0', 'm@b.test'), net('T', '0', 't1@b.test', 'rcpt=list@b.test') +
    net('T', '0', 't2@b.test', 'rcpt=list@b.test'))
same(verdicts(g, alias), wait(300), 'the targets of an alias have one fate')
rows = g.query('-q')[0]
ok('\tlist@b.test\t' in rows and '\tt1@b.test\t' not in rows,
   'by the address that RCPT had', rows)
ok(f'passed\t192.0.2.0/24\ts@b.test\tb@b.test\t2023-11-14T22:13:20Z\t' in rows
   and 'network\t192.0.2.0/24\t\t\t' in rows, '-q: plain columns', rows)
for what, more in (('loopback', {'ip': '127.0.0.1'}),
                   ('private', {'ip': '10.1.2.3'}), ('local', {'ip': ''})):
    same(verdicts(g, mail(sender='new@b.test', **more)), [],
         f'a client that is {what} does not wait')
same(verdicts(g, parcel(sender='new@b.test', facts=['user=u@b.test'])), [],
     'nor one that is logged in')
refused = mail(sender='r@b.test').replace(
    net('F', 'r@b.test'), net('V', 'reject', '550 no') + net('F', 'r@b.test'))
same(g.run(refused), (refused, 0), 'a refused parcel passes unread')
ok('r@b.test' not in g.query('-q')[0], 'and leaves no trace')
early = verdicts(g, parcel(sender='clock@b.test'))
same(early, wait(300), 'without P time= the clock counts')
same(verdicts(g, mail(999999, sender='o@b.test'), '-d', '7'), wait(7), '-d 7')

# Networks that have proved themselves
n = grey('network', '-n', '2')
for s in ('a', 'b'):
    verdicts(n, mail(sender=f'{s}@b.test'))
    same(verdicts(n, mail(300, sender=f'{s}@b.test')), [], 'passes')
same(verdicts(n, mail(301, sender='c@b.test')), [],
     '-n 2: after two triplets the network is known')
ok('greylist=known' in n.log, '  and logged so', n.log)
same(verdicts(n, mail(301, sender='c@b.test'), '-n', '0'), wait(300),
     '-n 0: never')

# Failures let mail through
d = grey('damage')
verdicts(d, mail())
for what, damage in (('no database', b'x' * 40000), ('cut short', None),
                     ('empty pages', b'\0')):
    path = os.path.join(database('damage'), 'data.mdb')
    size = os.path.getsize(path)
    with open(path, 'r+b') as f:
        if damage is None:
            f.truncate(5000)
        elif len(damage) > 1:
            f.write(damage)
        else:
            f.seek(8192)
            f.write(os.urandom(size - 8192))
    one, other = mail(sender='n@b.test'), mail(sender='n@b.test', ident='x2')
    got = verdicts(d, one + other)
    ok('is damaged: renamed' in d.log and 'mail passes' in d.log and
       len([g for g in got if g in wait(300)]) <= 1 and 111 not in got,
       f'a file that is {what}: mail passes, and it is put aside', got, d.log)
    ok(verdicts(d, mail(10, sender='n@b.test')) in (wait(300), wait(290)),
       '  a new one is used', d.log)
same(sorted(os.listdir(database('damage'))),
     ['data.mdb', 'data.mdb.damaged', 'lock.mdb', 'lock.mdb.damaged'],
     'only one damaged file is kept')
nowhere = Check('greylist-check', '-D', T.name + '/none')
many = b''.join(mail(ident=f'x{i}') for i in range(5))
same((nowhere.run(many), nowhere.log.count('mail passes')), ((many, 0), 1),
     'no directory: all mail passes, with one log line')
full = subprocess.run(
    ['greylist-check', '-D', database('full')], input=mail(),
    capture_output=True, env=nowhere.env, preexec_fn=lambda: (
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))))
same((full.stdout, full.returncode), (mail(), 0), 'no room: mail passes')
ok(b'mail passes' in full.stderr, '  with a log line', full.stderr)


def children(pid):
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
        return [int(c) for c in f.read().split()]


for what, sig in (('killed', signal.SIGKILL), ('stopped', signal.SIGSTOP)):
    p = subprocess.Popen(['greylist-check', '-D', database(what)], stdin=-1,
                         stdout=-1, stderr=-1, env=nowhere.env)
    first, second = mail(), mail(sender='k@b.test', ident='x2')
    p.stdin.write(first)
    p.stdin.flush()
    head = p.stdout.read(len(first) + len(wait(300)[0]) + 4)
    keeper = children(p.pid)
    for k in keeper:
        os.kill(k, sig)
    out, log = p.communicate(second + mail(sender='l@b.test', ident='x3'),
                             timeout=60)
    same((len(keeper), head.count(b'Vdefer'), out.count(b'Vdefer'),
          p.returncode, log.count(b'mail passes')), (1, 1, 0, 0, 1),
         f'a keeper that is {what}: mail passes, for a while, with one line')
    ok(not os.path.exists(f'/proc/{keeper[0]}'), '  and no process stays')
    same(verdicts(grey(what), mail(10)), wait(290), '  nothing is lost')

# Several instances at once
procs = []
for i in range(4):
    data = b''.join(mail(j, sender=f'{i}-{j}@b.test', ident=f'x{j}')
                    for j in range(100))
    p = subprocess.Popen(['greylist-check', '-D', database('shared')],
                         stdin=-1, stdout=-1, stderr=-1, env=nowhere.env)
    procs.append((p, data))
for p, data in procs:
    p.stdin.write(data[:len(data) // 2])
    p.stdin.flush()
outs = [p.communicate(data[len(data) // 2:]) for p, data in procs]
same([o.count(b'Vdefer') for o, _ in outs], [100] * 4, 'four instances at once')
ok(not any(b'mail passes' in e for _, e in outs), '  without a failure', outs)
same(len(grey('shared').query('-q')[0].splitlines()), 400,
     '  and nothing of theirs is lost')
same(verdicts(grey('shared'), mail(500, sender='3-99@b.test')), [],
     '  the next one knows it')

# Who leaves the pipe open? The keeper must not.
p = subprocess.Popen(['greylist-check', '-D', database('pipe')], stdin=-1,
                     stdout=-1, stderr=subprocess.DEVNULL, env=nowhere.env)
p.stdin.write(mail())
p.stdin.flush()
head = p.stdout.read(10)
keeper = children(p.pid)[0]
os.kill(p.pid, signal.SIGKILL)
p.wait()
p.stdout.read()
ok(True, 'a filter that dies leaves no pipe open')
ok(until(lambda: not os.path.exists(f'/proc/{keeper}')), '  and no process')
p.stdin.close()
p.stdout.close()

# Bounds: field.md's 20,011 clients
big = ['greylist-check', '-D', database('big'), '-m', '2000']
p = subprocess.Popen(big, stdin=-1, stdout=-1, env=nowhere.env,
                     stderr=subprocess.DEVNULL)


def rss(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        return int(re.search(r'VmHWM:\s+(\d+)', f.read())[1])


good = mail(0, ip='203.0.113.1', sender='good@b.test')
start, deferred, sizes, usage = time.monotonic(), 0, [], []
p.stdin.write(good)
p.stdin.write(mail(300, ip='203.0.113.1', sender='good@b.test', ident='x2'))
p.stdin.flush()
head = len(good) * 2 + len(wait(300)[0]) + 4
p.stdout.read(head)
for n in range(20011):
    data = mail(400 + n // 20, ip=f'{11 + n // 65536}.{n // 256 % 256}.'
                f'{n % 256}.1')
    p.stdin.write(data)
    p.stdin.flush()
    deferred += b'Vdefer' in p.stdout.read(len(data) + len(wait(300)[0]) + 4)
    if n in (5000, 20010):
        usage.append(rss(p.pid) + sum(rss(c) for c in children(p.pid)))
        sizes.append(os.path.getsize(database('big') + '/data.mdb'))
same(deferred, 20011, '20,011 clients wait')
print(f'# {time.monotonic() - start:.1f} s, {usage[1]} KiB of memory, '
      f'{sizes[1]} bytes of database')
ok(sizes[1] <= sizes[0] * 1.1 and sizes[1] < 2000 * 1024 + (16 << 20),
   'the database stops growing', sizes)
ok(usage[1] <= usage[0] * 1.1 + 512, 'so does the memory', usage)
last = mail(400 + 20010 // 20 + 300, ip='11.78.42.1', ident='x9')
out = p.communicate(last + mail(2000, ip='203.0.113.1', sender='good@b.test'))
same(out[0].count(b'Vdefer'), 0,
     'the last client passes, and who has passed before all of them')
rows = Check(*big).query('-q')[0].splitlines()
ok(len(rows) <= 2000, 'no more entries than -m', len(rows))
same(Check(*big).query('-x'), (f'{len(rows)}\n', 0), '-x: all that is over')
same(Check(*big).query('-q'), ('', 0), 'is gone')

for bad in (('-d', 'x'), ('-d', '-1'), ('-m', '1'), ('-n', '99999999999'),
            ('-w', '300'), ('x',), ('-z',)):
    same(g.query(*bad)[1], 100, f'{" ".join(bad)}: exit 100')
same(Check('greylist-check', '-D', T.name + '/none').query('-q')[1], 111,
     '-q of nothing: exit 111')
with open('spf-check/greylist-check.c', encoding='ascii') as f:
    source = f.read()
want = dict(re.findall(r'\.(\w+) = (\d+(?: \* 86400)?)', source))
ok(manual_has('greylist-check', f'(default {want["delay"]})',
              f'(default {want["entries"]})',
              f'(default {want["successes"]})',
              f'(default {eval(want["window"])}',
              f'(default {eval(want["lifetime"])}'),
   'the manual says the defaults', want)
finish()
