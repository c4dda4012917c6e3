#!/usr/bin/python3
"""table-sql against the real sqlite3 and PostgreSQL: no address becomes SQL."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

sys.path[:0] = ['tests']
import tap

if not shutil.which('sqlite3'):
    tap.skip_all('sqlite3 is not installed')
T = tempfile.TemporaryDirectory()
os.chmod(T.name, 0o755)
QUERY = 'SELECT target FROM people WHERE address = $1 ORDER BY target;'
ODD = ("o'x@a.test", '"q q"@a.test', 'back\\slash@a.test', "x';--@a.test",
       "'; DROP TABLE people;--", '\\', '\\q', '.quit', "\\'", '$1', ':address',
       'é@ü.test', '%s%n', ' blank ', "E'\\x27", '`id`', '$(id)', '1"2')
ROWS = [(a, f'{n}@x.test') for n, a in enumerate(ODD)] + [
    ('two@a.test', 'a@x.test'), ('two@a.test', 'b@x.test'),
    ('null@a.test', None), ('line@a.test', 'a@x.test\nend\nb@x.test'),
    ('end@a.test', 'end'), ('quote@a.test', "\"a'b\"@x.test"),
    ('utf8@a.test', 'ü@x.test'), ('long@a.test', 'x' * 9000)]


def literal(s):
    return 'NULL' if s is None else "'" + s.replace("'", "''") + "'"


SQL = ('CREATE TABLE people (address text, target text);\n' + ''.join(
    f'INSERT INTO people VALUES ({literal(a)}, {literal(t)});\n'
    for a, t in ROWS))


def ask(kind, base, questions, query=QUERY):
    r = subprocess.run(['alias-rewrite/table-sql', kind, base, query],
                       input=''.join(q + '\n' for q in questions).encode(),
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=60)
    return r.returncode, r.stdout.decode().split('\n')[:-1], r.stderr


def check(kind, base):
    code, got, log = ask(kind, base, ODD)
    tap.same((code, got), (0, [f'{n}@x.test' for n in range(len(ODD))]),
             f'{kind}: {len(ODD)} odd addresses, each as it is')
    code, got, log = ask(kind, base, ["x' OR '1'='1", "'||(SELECT 1)||'"])
    tap.same((code, got), (0, ['', '']), 'injections are unknown addresses')
    code, got, log = ask(kind, base, ['two@a.test', 'null@a.test', 'no@a.test',
                                      'end@a.test', 'quote@a.test',
                                      'utf8@a.test'])
    tap.same((code, got), (0, ['a@x.test, b@x.test', '', '', 'end',
                               "\"a'b\"@x.test", 'ü@x.test']),
             'rows become targets; NULL and no row are unknown')
    code, got, log = ask(kind, base, ['line@a.test', 'long@a.test',
                                      'two@a.test'])
    tap.same((code, got), (0, ['!an answer with control characters',
                               '!too long an answer', 'a@x.test, b@x.test']),
             'a row with a line end, a long one; the next is not touched')
    code, got, log = ask(kind, base, ['two@a.test'], 'SELECT nothing FROM no')
    tap.ok(len(got) == 1 and got[0][:1] == '!' and log,
           'a query that is wrong: later, and the log tells', code, got, log)
    code, got, log = ask(kind, base, ['two@a.test'])
    tap.same(got, ['a@x.test, b@x.test'], 'the table is still there')


base = T.name + '/db'
subprocess.run(['sqlite3', base], input=SQL.encode(), check=True)
check('sqlite', base)
code, got, log = ask('sqlite', T.name + '/none', ['two@a.test'])
tap.ok(got and got[0][:1] == '!', 'no database: later', code, got, log)
r = subprocess.run(['alias-rewrite/table-sql', 'postgres',
                    'host=x password=secret', QUERY], input=b'',
                   capture_output=True)
tap.same(r.returncode, 100, 'a password in arguments is refused')

bins = sorted(glob.glob('/usr/lib/postgresql/*/bin/initdb'))
if not tap.ok(bins, 'PostgreSQL, a package of package/deps, is there'):
    tap.finish()
BIN = os.path.dirname(bins[-1])
drop = []
if os.getuid() == 0:
    drop = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    os.mkdir(T.name + '/pg')
    os.chown(T.name + '/pg', 65534, 65534)
else:
    os.mkdir(T.name + '/pg')
PG = T.name + '/pg'
ENV = {**os.environ, 'LC_ALL': 'C.UTF-8', 'HOME': PG}
subprocess.run([*drop, BIN + '/initdb', '-D', PG + '/data', '-U', 'tester',
                '-A', 'trust', '-E', 'UTF8', '--no-sync'], check=True, env=ENV,
               stdout=subprocess.DEVNULL, cwd=PG)
subprocess.run([*drop, BIN + '/pg_ctl', '-D', PG + '/data', '-w', '-l',
                PG + '/log', '-o', f"-k {PG} -c listen_addresses='' -F",
                'start'], check=True, env=ENV, stdout=subprocess.DEVNULL,
               cwd=PG)
try:
    info = f'host={PG} user=tester dbname=postgres'
    subprocess.run(['psql', '-X', '-q', '-d', info], input=SQL.encode(),
                   check=True, env=ENV)
    check('postgres', info)
finally:
    subprocess.run([*drop, BIN + '/pg_ctl', '-D', PG + '/data', '-m',
                    'immediate', 'stop'], env=ENV, stdout=subprocess.DEVNULL,
                   cwd=PG)
code, got, log = ask('postgres', info, ['two@a.test'])
tap.ok(got and got[0][:1] == '!' or code == 111, 'no server: later', code, got)
tap.finish()
