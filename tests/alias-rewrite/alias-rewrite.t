#!/usr/bin/python3
"""alias-rewrite: how addresses are looked up, and what it makes of parcels."""
import os
import subprocess
import sys

sys.path.insert(0, 'tests')
sys.path.insert(0, 'tests/alias-rewrite')
import tap
from tables import (CDB, T, build, data, goes, parcel, query, records, refused,
                    rewrites, run, users)

# the order of look-ups
build('a.test\nb.test\n', '''
exact@a.test: carol@a.test
carol+list@a.test: dave@a.test
info: carol@a.test
info@b.test: dave@a.test
@b.test: carol@a.test
carol@b.test: far@x.test
''', '', users('carol@a.test', 'dave@a.test', 'erin@b.test', 'tag+ged@a.test'))
goes('carol@a.test', 'carol@a.test', why='an account')
goes('CAROL@A.Test', 'carol@a.test', why='in any case')
goes('carol+x@a.test', 'carol@a.test', why='user+tag goes to the account')
goes('carol+x+y@a.test', 'carol@a.test', why='the tag begins at the first +')
goes('carol+@a.test', 'carol@a.test', why='an empty tag')
goes('"carol"@a.test', 'carol@a.test', why='quotes that are not needed')
goes('exact@a.test', 'carol@a.test', why='1: the address')
goes('exact+x@a.test', 'carol@a.test', why='2: the address without its tag')
goes('carol+list@a.test', 'dave@a.test', why='the address before its stem')
goes('tag+ged@a.test', 'tag+ged@a.test', why='an account with a + in its name')
goes('info@a.test', 'carol@a.test', why='3: the bare local part')
goes('info+x@a.test', 'carol@a.test', why='the bare local part without its tag')
goes('info@b.test', 'dave@a.test', why='the address before the bare local part')
goes('erin@b.test', 'erin@b.test', why='a real account before a catch-all')
goes('erin+x@b.test', 'erin@b.test', why='and with a tag, too')
goes('any@b.test', 'carol@a.test', why='4: the catch-all')
goes('carol@b.test', 'far@x.test', why='a remote target')
goes('x@elsewhere.test', 'x@elsewhere.test', why='not ours: as it is')
refused('nobody@a.test', 'unknown')
refused('+x@a.test', 'a tag alone')
refused('carol', 'only postmaster needs no domain')
refused('a b', 'not an address')
refused('', 'nothing')

# postmaster
build('a.test\nb.test\n', 'postmaster@a.test: carol@a.test\n', '',
      users('carol@a.test'))
goes('postmaster', 'carol@a.test', why='RFC 5321 4.5.1: postmaster alone')
goes('PostMaster', 'carol@a.test', why='in any case')
goes('postmaster@b.test', 'carol@a.test',
     why="RFC 5321 4.5.1: each domain's postmaster")
refused('root@b.test', 'but only postmaster')

# one to many, chains, loops
build('a.test\nb.test\n', '''
all@a.test: carol@a.test, one@x.test,
  dave@a.test, carol@a.test, nobody@a.test
two@a.test: all@a.test, one@x.test, two@x.test
carol@a.test: carol@a.test, dave@a.test
dave: dave, far@x.test
l1@a.test: l2@a.test
l2@a.test: l1@a.test
l3@a.test: l1@a.test, dave@a.test
self@a.test: self@a.test
none@a.test: nobody@a.test, nobody2@a.test
x@a.test: y@a.test
y@a.test: x@a.test, far@x.test
tagged@a.test: tagged+work@a.test
@b.test: carol
case@a.test: Mixed.Case@X.Test
''', '', users('carol@a.test', 'dave@a.test', 'tagged@a.test'))
goes('carol@a.test', 'carol@a.test', 'dave@a.test', 'far@x.test',
     why='an alias that includes itself goes to the real account')
goes('dave@a.test', 'dave@a.test', 'far@x.test', why='a bare one, too')
goes('tagged@a.test', 'tagged@a.test', why='by its tagged form, too')
goes('all@a.test', 'carol@a.test', 'dave@a.test', 'far@x.test', 'one@x.test',
     why='one to many, each once, the unknown one left out')
goes('two@a.test', 'carol@a.test', 'dave@a.test', 'far@x.test', 'one@x.test',
     'two@x.test', why='chains')
goes('y@a.test', 'far@x.test', why='a loop beside a good target is left out')
goes('l3@a.test', 'dave@a.test', 'far@x.test', why='also one further on')
goes('q@b.test', 'carol@a.test', 'dave@a.test', 'far@x.test',
     why='a bare target that is not in its domain is in the first')
goes('case@a.test', 'Mixed.Case@x.test',
     why='RFC 5321 2.4: a remote local part keeps its case')
refused('l1@a.test', '5.4.6: a loop', 'loop')
refused('self@a.test', 'a loop of one', 'loop')
refused('none@a.test', 'refused if every target is unknown')

# bounds
chain = ''.join(f'c{i}@a.test: c{i + 1}@a.test\n' for i in range(40))
wide = 'w@a.test: ' + ', '.join(f'w{i}@x.test' for i in range(1001)) + '\n'
full = 'f@a.test: ' + ', '.join(f'w{i}@x.test' for i in range(1000)) + '\n'
deep = ''.join(f'd{i}@a.test: ' +
               ', '.join(f'd{j}@a.test' for j in range(300)) + '\n'
               for i in range(300))
web = ''.join(f'e{i}@a.test: ' +
              ', '.join(f'e{j}@a.test' for j in range(i * 7, i * 7 + 7)) + '\n'
              for i in range(1000))
build('a.test\n', chain + wide + full + deep + web, '', users('c40@a.test'))
goes('c25@a.test', 'c40@a.test', why='a chain of 15')
refused('c0@a.test', 'a chain that is too long', 'loop')
refused('w@a.test', 'too many targets', 'too many')
tap.same(len(query('f@a.test')[1]), 1000, 'a thousand targets')
refused('d0@a.test', 'everything to everything ends soon', 'loop')
refused('e1@a.test', 'a web of aliases ends soon', '')

# domains
build('a.test delimiter=-_\nb.test delimiter=\nbücher.test\n[192.0.2.1]\n'
      '[IPv6:2001:db8::1]\n', '''
büro@bücher.test: carol@a.test
"a b"@a.test: carol@a.test
ext@a.test: jörg@bücher.example
''', '', users('carol@a.test', 'carol@b.test', 'x@[192.0.2.1]',
               'x@[IPv6:2001:db8:0::1]'))
goes('carol-x@a.test', 'carol@a.test', why='a delimiter of the domain')
goes('carol_x@a.test', 'carol@a.test', why='each of its characters')
refused('carol+x@a.test', 'then + is none')
goes('carol@b.test', 'carol@b.test', why='no delimiter')
refused('carol+x@b.test', 'no tags')
goes('BÜRO@BÜCHER.test', 'carol@a.test', why='RFC 6531 3.3: UTF-8')
goes('büro@xn--bcher-kva.test', 'carol@a.test', why='RFC 5891: A-labels')
goes('bu\u0308ro@bu\u0308cher.test', 'carol@a.test', why='decomposed')
goes('"A b"@a.test', 'carol@a.test', why='a quoted local part')
goes('"a b-c"@a.test', 'carol@a.test', why='with a tag')
goes('ext@a.test', 'jörg@xn--bcher-kva.example',
     why='a remote domain becomes A-labels')
goes('x@[192.0.2.1]', 'x@[192.0.2.1]', why='RFC 5321 4.1.3: a literal')
goes('x@[ipv6:2001:DB8::1]', 'x@[ipv6:2001:db8::1]', why='one of IPv6')
goes('x@[192.0.2.2]', 'x@[192.0.2.2]', why='one that is not ours')

# no table
r = subprocess.run(['alias-rewrite', '-t', T.name + '/none', '-q', 'a@b'],
                   capture_output=True)
tap.same(r.returncode, 111, 'a missing table is a temporary error')
r = subprocess.run(['alias-rewrite', 'x'], capture_output=True)
tap.same(r.returncode, 100, 'wrong usage')


# parcels
build('a.test\n', '''
two@a.test: carol@a.test, far@x.test
loop@a.test: loop@a.test
''', '', users('carol@a.test'))
rewrites([('T', '0', 'Carol+x@a.test', 'notify=NEVER')],
         [('T', '0', 'carol@a.test', 'route=local', 'mailbox=carol@a.test',
           'rcpt=Carol+x@a.test', 'notify=NEVER')],
         'a local T gets its mailbox; the rest passes')
rewrites([('T', '3', 'two@a.test', 'orcpt=rfc822;two@a.test')],
         [('T', '3', 'carol@a.test', 'route=local', 'mailbox=carol@a.test',
           'rcpt=two@a.test', 'orcpt=rfc822;two@a.test'),
          ('T', '3', 'far@x.test', 'route=remote', 'rcpt=two@a.test',
           'orcpt=rfc822;two@a.test')], 'one T for each target, same NUMBER')
rewrites([('T', '0', 'y@z.test')],
         [('T', '0', 'y@z.test', 'route=remote', 'rcpt=y@z.test')],
         'a domain that is not ours')
rewrites([('T', '0', 'two@a.test', 'route=remote'),
          ('T', '1', 'carol@a.test', 'rcpt=old@a.test')],
         [('T', '0', 'two@a.test', 'route=remote'),
          ('T', '1', 'carol@a.test', 'route=local', 'mailbox=carol@a.test',
           'rcpt=old@a.test')],
         'a routed T stays as it is, so does an rcpt')
rewrites([('T', '0', 'no@a.test'), ('T', '1', 'loop@a.test')],
         [('T', '0', 'no@a.test'),
          ('V', 'reject', '550 5.1.1 No such address here', '0'),
          ('T', '1', 'loop@a.test'),
          ('V', 'reject', '550 5.4.6 Aliases loop', '1')],
         'RFC 3463: 5.1.1 and 5.4.6, each of its recipient')
rewrites([('T', '0', 'carol@a.test')],
         [('V', 'defer', '451 4.3.0 Tables are not available'),
          ('T', '0', 'carol@a.test')],
         'no table: deferred', T.name + '/none')
rewrites([('V', 'reject', '550 5.7.1 no'), ('T', '0', 'carol@a.test')],
         [('V', 'reject', '550 5.7.1 no'), ('T', '0', 'carol@a.test')],
         'a refused parcel passes unread')
rewrites([('V', 'junk', '550 5.7.1 no'), ('T', '0', 'y@z.test')],
         [('V', 'junk', '550 5.7.1 no'),
          ('T', '0', 'y@z.test', 'route=remote', 'rcpt=y@z.test')],
         'a junk one does not')
rewrites([('?', ''), ('T', '0', 'y@z.test'), ('?', '')],
         [('?',), ('T', '0', 'y@z.test', 'route=remote', 'rcpt=y@z.test'),
          ('?',)], '? passes')

two = data(parcel()) * 2
r = run(two)
tap.ok(r.returncode == 0 and r.stdout == two, 'several parcels on a stream')
r = run(b'')
tap.same((r.returncode, r.stdout), (0, b''), 'nothing at all')
for what, bad in (('an end inside a parcel', two[:-4]),
                  ('a record without a parcel', b'2:Mx,'),
                  ('no netstring', b'x'), ('T without an address',
                                           data([('I', 'i'), ('F', ''),
                                                 ('T', '0')]))):
    r = run(bad)
    tap.ok(r.returncode == 111 and r.stderr, f'{what}: exit 111')
r = run(data(parcel())[:-4])
tap.ok(records(r.stdout)[-1:] != [('.', '')], 'and no end is made up')

# answers: who sent a ? or an end waits
p = subprocess.Popen(['alias-rewrite', '-t', CDB], stdin=subprocess.PIPE,
                     stdout=subprocess.PIPE)
begin = data([('I', 'i'), ('F', ''), ('?', '')])
p.stdin.write(begin)
p.stdin.flush()
tap.same(os.read(p.stdout.fileno(), 100), begin, '? is flushed')
rest = data([('M', 'x'), ('.', '')])
p.stdin.write(rest)
p.stdin.flush()
tap.same(os.read(p.stdout.fileno(), 100), rest, 'so is the end')

# a table is replaced between parcels
build('z.test\n', '', '', users('y@z.test'))
p.stdin.write(data([('I', 'i'), ('F', ''), ('T', '0', 'y@z.test'), ('.', '')]))
p.stdin.close()
out = p.stdout.read()
tap.ok(b'mailbox=y@z.test' in out, 'the next parcel sees a new table', out)
tap.same(p.wait(), 0, 'the end between parcels is exit 0')
many = data([('I', 'i'), ('F', '')] +
            [('T', str(i), 'y@q.test') for i in range(50001)])
tap.same(run(many).returncode, 111, 'more than 50000 recipients are refused')
tap.finish()
