#!/usr/bin/python3
"""Programs behind sockets as tables: aliases(5), Programs."""
import os
import socket
import sys
import threading

sys.path[:0] = ['tests', 'tests/alias-rewrite']
import tap
from tables import CDB, T, build, goes, query, refused, rewrites, users

os.environ['ROHRPOST_RUN'] = T.name
asked = []
answers = {
    b'one@a.test': b'alice@a.test', b'two@a.test': b'nobody@a.test, far@x.test',
    b'self@a.test': b'self@a.test', b'none@a.test': b'', b'tag@a.test':
    b'alice', b'fail@a.test': b'!the database is down',
    b'evil@a.test': b'|people, :socket=people, :keep-sender, a b, far@x.test',
    b'circle@a.test': b'circle2@a.test', b'circle2@a.test': b'circle@a.test',
    b'control@a.test': b'far@x.test\0', b'long@a.test': b'x' * 9000,
    b'full@a.test': b'far@x.test,' * 700, b'quoted@a.test': b'"a,b"@x.test',
    b'domain@a.test': b'@x.test'}


def serve(s):
    while True:
        c, _ = s.accept()
        query = c.recv(1000)
        asked.append(query)
        if query[:-1] != b'silent@a.test':
            if query[:5] == b'grow@' or query[:1] == b'x':
                c.sendall(b'x' + query)
            else:
                c.sendall(answers.get(query[:-1], b'') + b'\n')
        c.close()


door = socket.socket(socket.AF_UNIX)
door.bind(T.name + '/people')
door.listen(100)
threading.Thread(target=serve, args=(door,), daemon=True).start()
build('a.test\nb.test\n', '''
@a.test: |people
mixed@b.test: alice@a.test, |none, |people
good@b.test: |people, alice@a.test
''', '', users('alice@a.test'))
goes('one@a.test', 'alice@a.test', why='the answer is followed')
goes('two@a.test', 'far@x.test',
     why='maddy issue 704: one good and one bad target: the good one')
goes('tag+x@a.test', 'alice@a.test', why='without its tag, if with it unknown')
tap.same(asked[-2:], [b'tag+x@a.test\n', b'tag@a.test\n'], 'in that order')
n = len(asked)
goes('alice@a.test', 'alice@a.test', why='an account')
tap.same(len(asked), n, 'is there before a program is asked')
goes('quoted@a.test', '"a,b"@x.test', why='a comma in quotes')
goes('domain@a.test', 'domain@x.test', why='@domain')
goes('full@a.test', 'far@x.test', why='a long answer, each target once')
goes('evil@a.test', 'far@x.test', why='an answer names no programs or options')
goes('good@b.test', 'alice@a.test', why='unknown there, but another is good')
refused('none@a.test', 'an empty line is unknown')
refused('self@a.test', 'a loop', 'loop')
refused('circle@a.test', 'a longer one', 'loop')
refused('grow@a.test', 'one without an end', 'loop')
for address, why in (('fail', '! is a temporary failure'),
                     ('control', 'so is a control character'),
                     ('long', 'so is what is too long'),
                     ('silent', 'so is no answer')):
    tap.same(query(f'{address}@a.test'), (111, []), why)
tap.same(query('mixed@b.test'), (111, []),
         'a good target and a program that is not there: later, not half')
rewrites([('T', '0', 'fail@a.test')],
         [('T', '0', 'fail@a.test'),
          ('V', 'defer', '451 4.3.0 Tables are not available', '0')],
         '451, also from inside the jail')
rewrites([('T', '0', 'two@a.test')],
         [('T', '0', 'far@x.test', 'route=remote', 'rcpt=two@a.test')],
         'and the answer gets in there')
tap.finish()
