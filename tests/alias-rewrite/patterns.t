#!/usr/bin/python3
"""Patterns, domain aliases, senders, and how a look-up explains itself."""
import sys

sys.path.insert(0, 'tests')
sys.path.insert(0, 'tests/alias-rewrite')
import tap
from tables import build, complaint, explain, goes, refused, rewrites, users

# patterns: POSIX ERE, in file order, whole match, any case
people = users('alice@a.test', 'bob@a.test', 'alice@b.test')
build('a.test delimiter=\nb.test\n', r'''
/(.+)\+(.+)@(.+)/: \1@\3
/first.*@a\.test/: alice@a.test
/first-?(.)@a\.test/: bob@a.test
/(sales|info)-([a-z]+)@(a|b)\.test/: \2@$3.test, far+$1@x.test
/whole/: bob@a.test
/(q)?(x)@a\.test/: u\1@y.test
/bare-(.*)@.*/: \1
/[\/:]x@a\.test/: alice@a.test
/path\/y@a\.test/: bob@a.test
/money@a\.test/: a$$1@y.test
/quoted-(.*)@a\.test/: "\\\1 b"@y.test
/"(.*)"@a\.test/: \1
@a.test: caught@x.test
''', '', people)
goes('alice+tag@a.test', 'alice@a.test', why="maddy's subaddress rule")
goes('alice+a+b@a.test', 'alice@a.test', why='as often as it matches')
goes('ALICE+tag@A.test', 'alice@a.test', why='case does not matter')
goes('first1@a.test', 'alice@a.test', why='the first that matches decides')
goes('sales-alice@b.test', 'alice@b.test', 'far+sales@x.test',
     why='several targets with \\N and $N')
goes('info-nobody@b.test', 'far+info@x.test',
     why='maddy issue 704: one good and one bad target: the good one')
goes('xwholex@a.test', 'caught@x.test',
     why='a pattern must match the whole address')
goes('x@a.test', 'u@y.test', why='a group that took no part is empty')
goes('bare-bob@a.test', 'bob@a.test', why='a target without a domain')
goes('/x@a.test', 'alice@a.test', why='a / in brackets')
goes('path/y@a.test', 'bob@a.test', why='\\/ is a /')
goes('money@a.test', 'a$1@y.test', why='$$ is a $')
goes('quoted-1@a.test', r'"\\1', why='\\\\ stays a quoted pair')
goes('alice@a.test', 'alice@a.test', why='an account before patterns')
goes('any@a.test', 'caught@x.test', why='patterns before the catch-all')
refused('":socket=x"@a.test', 'what is filled in names no socket')
goes('"far@x.test"@a.test', 'far@x.test', why='but may be an address')
refused('"a,b"@a.test', 'a comma that is filled in separates nothing')
build('a.test\nb.test\n', r'''
/x.*/@a.test: alice
/.*/@a.test keep-sender: far@x.test
/x1@.*/: bob@a.test
/(.*)grow@b\.test/: \1xgrow@b.test
/self@b\.test/: self@b.test
/alice\+?@b\.test/: alice@b.test, far@x.test
''', '', people)
goes('x1@a.test', 'alice@a.test',
     why="a domain's own patterns come first, and see the local part")
goes('y@a.test', 'far@x.test', why='in file order')
goes('x1@b.test', 'bob@a.test', why='those of all domains')
refused('grow@b.test', 'a pattern that grows is a loop', 'loop')
refused('self@b.test', 'so is one that changes nothing', 'loop')
refused('n@b.test', 'no pattern matches')
long = 'x' * 240
build('a.test\n', r'/(.*)@a\.test/: \1\1\1@b.test' '\n')
refused(long + '@a.test', 'what becomes too long is no address')

# what a table may not say
def bad(line, why, text, name='aliases', number=2):
    tap.same(complaint(name, f'# x\n{text}\n'), (1, '', f'{name}:{line}: {why}'),
             f'table-build: {why}')


bad(2, 'a pattern without targets: /x/', '/x/')
bad(2, 'no target', '/x/:')
bad(2, 'a pattern without an end: /x: y', '/x: y')
bad(2, 'an empty pattern: //', '//: y')
bad(2, 'Unmatched ( or \\(: /(x/', '/(x/: y')
bad(2, 'Unmatched ) or \\): /x)|(y/', '/x)|(y/: y')
bad(2, 'Invalid preceding regular expression: /*x/', '/*x/: y')
bad(2, 'no such group in the pattern: \\2@a.test', r'/(x)/: \2@a.test')
bad(2, 'no such group in the pattern: $1', '/x/: $1')
bad(2, 'a pattern may not refer back: /(x)\\1/', r'/(x)\1/: y')
bad(2, 'too many repetitions in a pattern: /((x{1,11}){1,10})/',
    '/((x{1,11}){1,10})/: y')
bad(2, 'too many repetitions in a pattern: /x{101}/', '/x{101}/: y')
bad(2, 'too long a pattern: /' + 'x' * 256 + '/', '/' + 'x' * 256 + '/: y')
bad(2, 'not an address: \\1 b', r'/(x)/: \1 b')
bad(2, 'not @DOMAIN behind a pattern: x', '/x/x: y')
bad(2, 'not one of our domains: @c.test', '/x/@c.test: y')
bad(2, 'unknown option: keep', '/x/@a.test keep: y')
bad(102, 'too many patterns', '\n'.join('/x/: y' for i in range(101)))
bad(2, 'not the name of a socket: |a b', 'x: |a b')
bad(2, 'not the name of a socket: |..', 'x: |..')
bad(2, 'not a domain: @a..b', '@a.test: @a..b')
bad(2, 'not an address: x@', 'x@ keep-sender: y')
bad(2, 'unknown option: forever', 'x forever: y')
rest = complaint('aliases', '\n'.join('/[0-9]{1,3}(x{2}|y{3,})/: y'
                                      for i in range(100)))
tap.same(rest[0], 0, 'a hundred patterns are good')

# domain aliases
build('old.test delimiter=-\nnew.test\ncircle.test\n', '''
@old.test: @new.test, copy@x.test
@circle.test: @circle.test
one@old.test: @x.test
all@new.test: @new.test, alice
/pattern-.*@new\\.test/: @x.test
''', '', users('alice@new.test', 'alice-x@new.test', 'dora@old.test'))
goes('alice@old.test', 'alice@new.test', 'copy@x.test',
     why='@old: @new keeps the local part')
goes('alice+x@old.test', 'alice@new.test', 'copy@x.test',
     why='with its tag, which is read as the new domain reads tags')
goes('dora@old.test', 'dora@old.test', why='what old has itself comes first')
goes('nobody@old.test', 'copy@x.test', why='one good, one bad: the good one')
goes('one@old.test', 'one@x.test', why='also behind one address')
goes('pattern-1@new.test', 'pattern-1@x.test', why='also behind a pattern')
refused('x@circle.test', 'a circle of domains', 'loop')
goes('all@new.test', 'alice@new.test', why='a loop beside a good one')
build('a.test\nb.test\n', '@a.test: @b.test\n@b.test: @a.test\n', '',
      users('x@b.test'))
goes('x@a.test', 'x@b.test', why='domains that are aliases of each other')
refused('y@a.test', 'and nobody there', 'loop')

# several delimiters, of one domain
build('a.test delimiter=+-=\nb.test delimiter=.\n', 'x+y@a.test: bob@a.test\n',
      '', people)
for address, why in (('alice+t@a.test', 'the first'),
                     ('alice-t@a.test', 'the second'),
                     ('alice=t+u-v@a.test', 'the third, whichever comes first'),
                     ('alice.t@b.test', 'another for another domain')):
    goes(address, 'alice@' + address[-6:], why=f'delimiter: {why}')
refused('x-z@a.test', 'an alias with a tag is no stem')
refused('alice+t@b.test', 'what is a delimiter elsewhere')

# keep-sender
build('a.test\n', '''
kept@a.test keep-sender: far@x.test, alice@a.test
plain@a.test: far@x.test, kept2@a.test
kept2@a.test keep-sender: far2@x.test
back@a.test: kept2, far3@x.test
''', '', people.replace('alice@b.test:$6$x\n', ''))
rewrites([('T', '0', 'kept@a.test')],
         [('T', '0', 'far@x.test', 'route=remote', 'from=s@x.test',
           'rcpt=kept@a.test'),
          ('T', '0', 'alice@a.test', 'route=local', 'mailbox=alice@a.test',
           'rcpt=kept@a.test')],
         'keep-sender: remote targets say from=, local ones do not')
rewrites([('T', '0', 'back@a.test')],
         [('T', '0', 'far2@x.test', 'route=remote', 'from=s@x.test',
           'rcpt=back@a.test'),
          ('T', '0', 'far3@x.test', 'route=remote', 'rcpt=back@a.test')],
         'it holds for what is behind that alias alone')

# senders
build('a.test\n', '', '', people.replace('alice@b.test:$6$x\n', ''), r'''
alice@a.test: Alice.A@a.test
@intern.test: @A.test
/root@([a-z]+)\.x\.test/: admin+\1@a.test
chain@a.test: alice@a.test
/long(.*)@x\.test/: \1\1\1@a.test
''')
to = [('T', '0', 'alice@a.test', 'route=remote')]
for sender, becomes, why in (
        ('ALICE@a.test', 'Alice.A@a.test', 'an address, in any case'),
        ('Bob.B@intern.test', 'Bob.B@a.test', 'a domain: the local part stays'),
        ('root@host.x.test', 'admin+host@a.test', 'a pattern'),
        ('chain@a.test', 'alice@a.test', 'once, not in a chain'),
        ('', '', 'the null path stays'),
        ('long' + 'x' * 200 + '@x.test',) * 2 + ('no address: it stays',),
        ('bob@a.test', 'bob@a.test', 'another stays')):
    rewrites(to, to, f'sender: {why}', sender=sender, becomes=becomes)
tap.same(complaint('sender-rewrites', 'a@x.test: b@y.test, c@y.test'),
         (1, '', 'sender-rewrites:1: a sender becomes one address: a@x.test'),
         'senders: one target')
for text, why in (('a@x.test: |sock', 'not an address: :socket=sock'),
                  ('a@x.test: b', 'not an address: b'), ('a: b@c', 'not an address: a'),
                  ('/a/@x.test: b@c',
                   'nothing stands behind a pattern of senders: @x.test'),
                  ('a@x.test b: b@c', 'unknown')):
    code, out, said = complaint('sender-rewrites', text)
    tap.ok(code == 1 and not out and said.startswith('sender-rewrites:1: ') and
           why in said, f'senders: {text}', said)

# -q explains
build('a.test\nold.test\n', r'''
sales@a.test keep-sender: alice+x, bob@x.test, nobody@a.test
@old.test: @a.test
/s([0-9])@a\.test/: sales@a.test, s\1@a.test
''', '', users('alice@a.test'))
tap.same(explain('s1@old.test'), (0, [
    '  s1@old.test: catch-all @old.test: @a.test',
    r'    s1@a.test: pattern /s([0-9])@a\.test/: sales@a.test, s1@a.test',
    '      sales@a.test: alias sales@a.test: :keep-sender, alice+x, '
    'bob@x.test, nobody@a.test',
    '        alice+x@a.test: without tag, account alice@a.test',
    '        bob@x.test: elsewhere',
    '        nobody@a.test: no entry',
    '      s1@a.test: a loop',
    'local alice@a.test', 'remote bob@x.test (keep-sender)']),
    '-q: every step, then the targets')
tap.same(explain('x@y.test'), (0, ['  x@y.test: elsewhere', 'remote x@y.test']),
         '-q: an address elsewhere')
tap.same(explain('x@a.test'), (1, ['  x@a.test: no entry']),
         '-q: an address that nobody knows is exit 1')
tap.finish()
