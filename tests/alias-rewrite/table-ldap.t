#!/usr/bin/python3
"""table-ldap against the real slapd: no address becomes a part of a filter
(RFC 4515, 3), and a directory that is stopped or hangs makes nobody unknown."""
import atexit
import base64
import os
import socket
import subprocess
import sys
import tempfile
import urllib.parse

sys.path[:0] = ['tests', 'tests/alias-rewrite']
import tap

SLAPD, PROG = '/usr/sbin/slapd', 'alias-rewrite/table-ldap'
if not tap.ok(os.path.exists(SLAPD),
              'slapd, a package of package/deps, is there'):
    tap.finish()
T = tempfile.TemporaryDirectory()
SUFFIX = 'dc=a,dc=test'
URI = 'ldapi://' + urllib.parse.quote(T.name + '/ldapi', safe='')
FILTER = '(&(objectClass=inetOrgPerson)(cn=%s))'
ODD = ('*@a.test', 'x)(cn=*@a.test', 'x*y@a.test', 'back\\slash@a.test',
       '\\2a@a.test', '"q q"@a.test', 'é@ü.test', "o'x@a.test",
       '&|!=<>~@a.test', '%s%n@a.test', '$(id)@a.test', '`id`@a.test',
       'x,dc=y@a.test', '#@a.test')
ROWS = [(a, [f'{n}@x.test']) for n, a in enumerate(ODD)] + [
    ('two@a.test', ['a@x.test', 'b@x.test']), ('none@a.test', []),
    ('utf8@a.test', ['ü@x.test']), ('colon@a.test', ['"a:: b"@x.test']),
    ('line@a.test', ['a@x.test\nb@x.test']), ('end@a.test', ['a@x.test\n']),
    ('exit@a.test', ['exit 0']), ('blank@a.test', [' sp@x.test']),
    ('wide@a.test', ['%070d@x.test' % 0]),
    ('long@a.test', ['x' * 700 + str(n) for n in range(12)]),
    ('huge@a.test', ['x' * 1000 + str(n) for n in range(80)])]


def b64(s):
    return base64.b64encode(s.encode()).decode()


LDIF = f'dn: {SUFFIX}\nobjectClass: domain\ndc: a\n\n' + ''.join(
    f'dn: uid=u{n},{SUFFIX}\nobjectClass: inetOrgPerson\nuid: u{n}\nsn: x\n'
    f'cn:: {b64(a)}\n' + ''.join(f'description:: {b64(v)}\n' for v in values) +
    '\n' for n, (a, values) in enumerate(ROWS)) + ''.join(
    f'dn: uid=m{n},{SUFFIX}\nobjectClass: inetOrgPerson\nuid: m{n}\nsn: x\n'
    f'cn: many@a.test\ndescription: m{n}@x.test\n\n' for n in range(101))
os.mkdir(T.name + '/db')
open(T.name + '/ldif', 'w').write(LDIF)
open(T.name + '/secret', 'w').write('s3cret')
open(T.name + '/wrong', 'w').write('other')
open(T.name + '/conf', 'w').write(f'''
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {T.name}/pid
database mdb
maxsize 16777216
dbnosync
suffix {SUFFIX}
rootdn cn=root,{SUFFIX}
rootpw s3cret
directory {T.name}/db
''')
subprocess.run([SLAPD, '-T', 'add', '-f', T.name + '/conf', '-l',
                T.name + '/ldif'], check=True, stderr=subprocess.DEVNULL)


def listening(path):
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(path)
    except OSError:
        return False
    finally:
        s.close()
    return True


def start():
    p = subprocess.Popen([SLAPD, '-d', '0', '-f', T.name + '/conf', '-h', URI],
                         stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(lambda: p.poll() is None and (p.terminate(), p.wait()))
    tap.until(lambda: listening(T.name + '/ldapi'), 60)
    return p


def ask(questions, *options, attribute='description', filter=FILTER,
        base=SUFFIX, uri=URI):
    r = subprocess.run([PROG, attribute, filter, '-H', uri, '-b', base,
                        *options],
                       input=''.join(q + '\n' for q in questions).encode(),
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=120)
    return r.returncode, r.stdout.decode().split('\n')[:-1], r.stderr.decode()


def answers(questions, want, why, *options, **more):
    got = ask(questions, *options, **more)
    tap.ok(got[:2] == (0, want), why, got, want)
    return got[2]


slapd = start()
answers(ODD, [f'{n}@x.test' for n in range(len(ODD))],
        f'{len(ODD)} odd addresses, each as it is')
answers(['*', 'two@a.*', 'x)(objectClass=*', 'x))(|(cn=*', 'no\\00@a.test',
         'two@a.test\\', '\\74wo@a.test', ')', '%s', '-x'], [''] * 10,
        'injections are unknown addresses')
got = ask(['two@a.test'])
tap.same((got[0], sorted(got[1][0].split(', '))), (0, ['a@x.test', 'b@x.test']),
         'several values are several targets')
answers(['none@a.test', 'no@a.test'], ['', ''],
        'no such attribute, no such entry: unknown')
answers(['utf8@a.test', 'colon@a.test', 'end@a.test', 'exit@a.test',
         'blank@a.test', 'wide@a.test'],
        ['ü@x.test', '"a:: b"@x.test', '!an answer with control characters',
         'exit 0', ' sp@x.test', '%070d@x.test' % 0],
        'values in base64 (RFC 2849), with colons, one that is never wrapped')
answers(['line@a.test', 'long@a.test', 'huge@a.test', 'utf8@a.test'],
        ['!an answer with control characters', '!too long an answer',
         '!too long an answer', 'ü@x.test'],
        'a value with a line end, long ones; the next is not touched')
answers(['many@a.test'], ['!the directory cannot be asked'],
        'more than 100 entries: later')
answers(['utf8@a.test', 'utf8@b.test'], ['ü@x.test', ''], '%u and %d',
        filter='(&(cn=%u@a.test)(cn=*@%d))')
log = answers(['utf8@a.test'], ['!the directory has no such base'],
              'a base that is not there makes nobody unknown',
              base='dc=b,dc=test')
tap.ok('No such object' in log, 'and the log tells', log)
answers(['utf8@a.test'], ['!the directory cannot be asked'],
        'a filter that is none: later', filter='(&(cn=%s)')
login = ['-D', 'cn=root,' + SUFFIX, '-y']
answers(['s3cret'], [''], 'a password in a file', *login, T.name + '/secret')
answers(['utf8@a.test'], ['!the directory cannot be asked'],
        'a wrong password: later', *login, T.name + '/wrong')
for options in (['-w', 's3cret'], ['-ws3cret'], ['-xws3cret'], ['-W'],
                ['-x', '-D', 'cn=x', '-w', 's'], ['-f', '/etc/passwd'], ['-t'],
                ['-L'], ['cn'], ['--', 'cn'], ['-b']):
    tap.same(ask(['utf8@a.test'], *options)[:2], (100, []),
             f'{" ".join(options)} is refused')
for attribute, filter in (('*', FILTER), ('-x', FILTER), ('', FILTER),
                          ('mail', '-x'), ('mail', 'cn=%s'), ('mail', '(cn=x)'),
                          ('mail', '(cn=%x)'), ('mail', '')):
    tap.same(ask(['x'], attribute=attribute, filter=filter)[:2], (100, []),
             f'{attribute} {filter} is wrong usage')

# Through table-serve, to those who look an address up
import tables  # noqa: E402  (its environment is ours from here on)
os.environ['ROHRPOST_RUN'] = T.name
tables.build('a.test\nl.test', '@l.test: |people', 'alice@a.test')
listen = socket.socket(socket.AF_UNIX)
listen.bind(T.name + '/people')
listen.listen(10)
LOG = open(T.name + '/log', 'w')
serve = subprocess.Popen(['table-serve', '-w', '-r', '1', PROG, 'description',
                          '(cn=%u@a.test)', '-H', URI, '-b', SUFFIX],
                         stdin=listen, stderr=LOG)
listen.close()
atexit.register(lambda: serve.poll() is None and (serve.terminate(),
                                                  serve.wait()))


def way(address):
    r = subprocess.run(['alias-rewrite', '-t', tables.CDB, '-q', address],
                       capture_output=True, text=True, timeout=120)
    return r.returncode, r.stdout


def goes(address, code, word):
    got = way(address)
    return got[0] == code and word in got[1]


tap.ok(tap.until(lambda: goes('two@l.test', 0, 'b@x.test'), 60),
       'alias-rewrite -q: through table-serve', way('two@l.test'))
tap.ok(goes('no@l.test', 1, ''), 'an unknown one is refused', way('no@l.test'))
slapd.terminate()
slapd.wait()
answers(['utf8@a.test'], ['!the directory cannot be asked'],
        'the server is stopped: later')
tap.ok(goes('two@l.test', 111, ''), 'also through alias-rewrite',
       way('two@l.test'))
hung = socket.socket(socket.AF_UNIX)
if os.path.exists(T.name + '/ldapi'):
    os.unlink(T.name + '/ldapi')
hung.bind(T.name + '/ldapi')
hung.listen(50)
code, got, log = ask(['utf8@a.test'])
tap.same((code, got, 'does not answer' in log), (111, [], True),
         'a server that hangs: no answer, and the end')
tap.ok(goes('two@l.test', 111, ''), 'also through alias-rewrite',
       way('two@l.test'))
hung.close()
os.unlink(T.name + '/ldapi')
start()
tap.ok(tap.until(lambda: goes('two@l.test', 0, 'a@x.test'), 60),
       'it is there again: and is found', way('two@l.test'))
tap.finish()
