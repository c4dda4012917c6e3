#!/usr/bin/python3
"""deliver-run: what a delivery program is told and may say, each of its ways to
fail, and maildir-put, who asks it (accounts(5), program=)."""
import glob
import os
import re
import signal
import sys

sys.path[:0] = ['tests', 'tests/queue-run']
import tap
from post import (T, MESSAGE, Sink, empty_mail, inbox, local, make_tables,
                  parcel, queued, rec, run, service, spawn, stop, wait)

RUN = ['deliver-run']
ASK = ['maildir-put', '-p', f'{T}/run/deliver']
os.chmod(T, 0o755)


def script(text):
    """What alice's program does from now on."""
    with open(f'{T}/sort.new', 'w') as f:
        f.write('#!/bin/sh\n' + text + '\n')
    os.chmod(f'{T}/sort.new', 0o755)
    os.rename(f'{T}/sort.new', f'{T}/sort')


def says(text, *more, argv=RUN, data=None):
    """What is reported for a program that prints this."""
    script(text)
    out, _ = run([*argv, *more], data or parcel(local(0, 'alice')))
    return out[-1].removeprefix('R p1 ') if out else run.log


def answer(mailbox='INBOX', flags=''):
    return f'250 2.0.0 flags={flags} mailbox={mailbox}'


def flagged(folder=''):
    return sorted(re.search(':2,(.*)', f)[1] for f in
                  glob.glob(f'{T}/mail/a.test/alice/{folder}/cur/*'))


make_tables(f'alice@a.test quota=1M program={T}/sort  one   two\n'
            f'carol@a.test program={T}/nowhere\n')

# What it says
tap.same(says("echo Lists"), answer('Lists'), 'the first line is the mailbox')
tap.same(says(r"printf 'Lists.a b\r\n\\Seen\r\n\\flagged\r\n'"),
         answer('Lists.a b', 'FS'), 'then flags, a line each, CR LF or LF')
tap.same(says(r"printf '\n\\Answered\n\\Draft\n\\Deleted'"),
         answer(flags='DRT'), 'an empty line is INBOX')
for what in "true", "echo inbox", "echo", "exec 1>&-":
    tap.same(says(what), answer(), f'INBOX: {what}')
tap.same(says(r"printf 'Lists\nwork\n\\Recent\n\\Seen\n'"), answer('Lists', 'S'),
         'no system flag: ignored')
tap.ok('set 2 flags that are not kept' in run.log, 'and logged', run.log)
for bad in ('..', '.', '.x', 'x.', 'a..b', '../x', 'a/b', '/etc', r'a\tb',
            r'\0', r'B\303\274cher', '&', 'B&APw', r'x\033[m', 'x' * 255,
            'x' * 60000):
    tap.same(says(f"printf '{bad}\\n\\\\\\\\Seen\\n'"), answer(),
             f'no mailbox name (RFC 3501 5.1): {bad[:20]}')
    if 'named no mailbox' not in run.log:
        tap.ok(False, f'{bad[:20]} is logged', run.log[:500])
tap.same(says("echo 'B&APw-cher'"), answer('B&APw-cher'), 'modified UTF-7')
tap.same(says(f"echo {'x' * 254}"), answer('x' * 254), 'as long as may be')

# What it is told
data = b'A: b\r\nsubject:  long\r\n\tand \xc3\xa4 folded\r\nSubject: 2\r\n\r\nx\r\n'
told = (rec('I', 'p1') + b''.join(rec('P', f) for f in (
    'id=trace', 'ip=192.0.2.1', 'helo=h.test', 'rdns=r.test', 'user=u@a.test',
    'queue=q1', 'attempt=2', 'by=mx.a.test', 'tls=TLSv1.2')) +
    rec('F', 's@b.test\0SIZE=3') + local(0, 'alice', 'rcpt=list@a.test') +
    rec('M', data) + rec('.'))
says(f'env >{T}/env; pwd >{T}/pwd; cat >{T}/in; printf "%s:" "$@" >{T}/args',
     data=told)
with open(f'{T}/env') as f:
    env = dict(x.rstrip('\n').split('=', 1) for x in f)
for own in 'PWD', 'SHLVL', '_', 'OLDPWD':  # the shell's
    env.pop(own, None)
tap.same(env, {'PATH': '/usr/local/bin:/usr/bin:/bin', 'ID': 'trace',
               'CLIENT_IP': '192.0.2.1', 'CLIENT_NAME': 'r.test',
               'HELO': 'h.test', 'AUTH_USER': 'u@a.test', 'QUEUE': 'q1',
               'SENDER': 's@b.test', 'ACCOUNT': 'alice@a.test',
               'RECIPIENT': 'list@a.test', 'DELIVERED_TO': 'alice@a.test',
               'SUBJECT': 'long and ?? folded'},
         'the facts and nothing of ours in its environment')
with open(f'{T}/in', 'rb') as f:
    tap.same(f.read(), b'Return-Path: <s@b.test>\nDelivered-To: alice@a.test\n'
             + data.replace(b'\r\n', b'\n'), 'the message as it will be stored')
with open(f'{T}/args') as f:
    tap.same(f.read(), 'one:two:', 'arguments are words, for there is no shell')
with open(f'{T}/pwd') as f:
    tap.same(f.read(), '/\n', 'it runs in /')
says(f'ls /proc/self/fd | wc -l >{T}/fds')
with open(f'{T}/fds') as f:
    tap.ok(int(f.read()) <= 4, 'no other descriptors')

# How it fails
big = parcel(local(0, 'alice'), message=MESSAGE + b'x' * 70 + b'\r\n' * 300000)
for what, text in (('exits 1', 'echo Lists; exit 1'),
                   ('exits 111', 'echo Lists; exit 111'),
                   ('kills itself', 'echo Lists; kill -9 $$'),
                   ('writes too much', 'yes Lists'),
                   ('does not end', 'echo Lists; exec sleep 1000'),
                   ('leaves its output open', 'echo Lists; sleep 1000 &')):
    tap.same(says(text, '-t', '1'), answer(), f'INBOX if it {what}')
    if 'warning' not in run.log or 'INBOX' not in run.log:
        tap.ok(False, f'{what}: is logged', run.log)
tap.same(says('exec sleep 1000', '-t', '1', data=big), answer(),
         'INBOX if it does not read')
tap.same(says('echo Lists', data=big), answer('Lists'), 'it need not read all')
tap.same(run(RUN, parcel(local(0, 'carol')))[0], [f'R p1 {answer()}'],
         'INBOX if it is not there')
says(f'sleep 1000 >&- & echo $! >{T}/child; echo Lists')
with open(f'{T}/child') as f:
    child = int(f.read())


def ended(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().rpartition(')')[2].split()[0] == 'Z'
    except OSError:
        return True


tap.ok(wait(lambda: ended(child)), 'what it left running ends with it')
script(f'touch {T}/ran; echo Lists')
tap.same((run(RUN, parcel(local(0, 'bob')))[0],
          run(RUN, parcel(local(0, 'alice'), after=[rec('V', 'junk')]))[0],
          os.path.exists(f'{T}/ran')),
         ([f'R p1 {answer()}'],) * 2 + (False,),
         'no program is run for others and for junk')
tap.same(run(RUN, parcel(local(0, 'bob'), local(1, 'alice')))[0],
         [f'T 0 {answer()}', f'T 1 {answer("Lists")}', f'R p1 {answer()}'],
         'several recipients have a report each')
tap.same(run(RUN, parcel(rec('T', '0\0x@c.test\0route=remote')))[0],
         ['R p1 550 5.3.5 Not a local recipient'], 'a mailbox is here')
for bad in '0', '241', '', 'x', '-1':
    tap.same(run([*RUN, '-t', bad], b'')[1], 100, f'-t {bad}: usage')

# maildir-put asks it
deliver = service('deliver', 'deliver-run', '-w', '-t', '60')
tap.same(says(r"printf 'Lists.x\n\\Seen\n\\Flagged\n'", argv=ASK),
         '250 2.0.0 Delivered', 'maildir-put asks')
tap.same((len(inbox('alice', '.Lists.x', 'cur')), flagged('.Lists.x')),
         (1, ['FS']), 'the mailbox is made, flags are in the name')
name = os.listdir(f'{T}/mail/a.test/alice/.Lists.x/cur')[0]
size = int(re.search(r',S=(\d+),W=\d+:2,FS$', name)[1])
tap.same(len(inbox('alice', '.Lists.x', 'cur')[0]), size, 'and the size')
with open(f'{T}/mail/a.test/alice/maildirsize') as f:
    tap.ok(f.read().endswith(f'\n{size} 1\n'), 'and it counts (quota)')
out, _ = run(['imap-serve', f'{T}/mail/a.test/alice'],
             b'a SELECT Lists.x\r\nb FETCH 1 FLAGS\r\nc LOGOUT\r\n')
tap.ok(any(r'FETCH (FLAGS (\Flagged \Seen' in x for x in out),
       'IMAP shows it', out)
says('echo Lists.x', argv=ASK)
tap.same(len(inbox('alice', '.Lists.x')), 1, 'without flags it is new')
says('echo ../../b', argv=ASK)
says('exit 1', argv=ASK)
tap.same(len(inbox('alice')), 2, 'a bad name, a failure: INBOX')
says('echo Lists.x', argv=ASK, data=parcel(local(0, 'alice'),
                                           after=[rec('V', 'junk')]))
tap.same((len(inbox('alice', '.Junk')), len(inbox('alice', '.Lists.x'))), (1, 1),
         'junk is junk')
os.symlink('/tmp', f'{T}/mail/a.test/alice/.Evil')
tap.same((says('echo Evil', argv=ASK), len(inbox('alice'))),
         ('250 2.0.0 Delivered', 3), 'what can be no mailbox: INBOX')
tap.same((says('echo Lists.x', argv=['maildir-put']), len(inbox('alice'))),
         ('250 2.0.0 Delivered', 4), 'without -p it goes to INBOX')
tap.ok('cannot be run' in run.log, 'and that is logged', run.log)
q = Sink('q')
out, _ = run(['maildir-put', '-q', q.path], parcel(local(0, 'alice')))
tap.same((out, len(q.parcels)), (['R p1 250 2.0.0 Accepted'], 1),
         'design, one commit point: with -q it is the queue\'s')

# The queue's attempts
def attempt(n, ident='abc'):
    return (rec('I', 'p1') + rec('P', f'queue={ident}') +
            rec('P', f'attempt={n}') + rec('F', 's@b.test') +
            local(0, 'alice') + rec('M', MESSAGE) + rec('.'))


empty_mail()
stop(deliver)
for n in '1', '2?', '3':
    tap.same(run(ASK, attempt(n))[0],
             ['R p1 451 4.3.0 Delivery program not available'],
             f'deliver-run is away at attempt {n}: later')
tap.same((inbox('alice'), run(ASK, attempt('4'))[0], len(inbox('alice'))),
         ([], ['R p1 250 2.0.0 Delivered'], 1), 'then INBOX, and no bounce')
empty_mail()
deliver = service('deliver', 'deliver-run', '-w', '-t', '60')
says(r"printf 'Here\n\\Seen\n'", argv=ASK, data=attempt('1'))
tap.same((says('echo There', argv=ASK, data=attempt('2?')),
          len(inbox('alice', '.Here', 'cur')), len(inbox('alice', '.There'))),
         ('250 2.0.0 Delivered', 1, 0),
         'a repetition finds it in whatever mailbox it is')

# kill -9, with a queue that tries again
empty_mail()
put = service('put-queued', *ASK, '-w')
service('queue', 'queue-put', '-w', '-c', 'received')
runner = spawn('queue-run', '-i', '1', '-r', '1')
wait(lambda: os.path.exists(f'{T}/queue/trigger'))



def children(pid):
    with open(f'/proc/{pid}/task/{pid}/children') as f:
        return list(map(int, f.read().split()))


def in_mail():
    return sum(len(inbox('alice', f)) for f in ('', '.Lists'))


for victim in 'program', 'session':
    mark = f'{T}/begun-{victim}'
    script(f'echo $$ >>{mark}; [ -e {T}/go-{victim} ] || exec sleep 1000;'
           'echo Lists')
    before = in_mail()
    run(['maildir-put', '-q', f'{T}/run/queue'], parcel(local(0, 'alice')))
    tap.ok(wait(lambda: os.path.exists(mark) and os.path.getsize(mark)),
           'the program runs')
    with open(mark) as f:
        pid = int(f.readline())
    with open(f'/proc/{pid}/stat') as f:
        parent = int(f.read().rpartition(')')[2].split()[1])
    open(f'{T}/go-{victim}', 'w').close()
    os.kill(pid if victim == 'program' else parent, signal.SIGKILL)
    if victim == 'session':
        tap.ok(wait(lambda: ended(pid)), 'the program ends with its session')
    tap.ok(wait(lambda: not queued()), f'kill -9 of the {victim}: delivered')
    tap.same(in_mail() - before, 1, 'exactly once')
tap.same((len(inbox('alice')), len(inbox('alice', '.Lists'))), (1, 1),
         'a killed program is a failure, a killed session is not')

# ... of maildir-put, while the program runs, and of queue-run
mark = f'{T}/begun-put'
script(f'echo $$ >>{mark}; [ -e {T}/go-put ] || exec sleep 1000; echo Lists')
before = in_mail()
run(['maildir-put', '-q', f'{T}/run/queue'], parcel(local(0, 'alice')))
wait(lambda: os.path.exists(mark) and os.path.getsize(mark))
for c in children(put.pid):
    os.kill(c, signal.SIGKILL)
open(f'{T}/go-put', 'w').close()
tap.ok(wait(lambda: not queued()), 'kill -9 of maildir-put: delivered')
tap.same(in_mail() - before, 1, 'exactly once')
mark = f'{T}/begun-run'
script(f'echo $$ >>{mark}; while ! [ -e {T}/go-run ]; do sleep 0.05; done;'
       'echo Lists')
before = in_mail()
run(['maildir-put', '-q', f'{T}/run/queue'], parcel(local(0, 'alice')))
wait(lambda: os.path.exists(mark) and os.path.getsize(mark))
stop(runner, signal.SIGKILL)
open(f'{T}/go-run', 'w').close()
tap.ok(wait(lambda: in_mail() > before), 'maildir-put needs no queue-run')
spawn('queue-run', '-i', '1', '-r', '1')
tap.ok(wait(lambda: not queued()), 'kill -9 of queue-run: done')
tap.same(in_mail() - before, 1, 'exactly once')
tap.finish()
