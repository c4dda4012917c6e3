#!/usr/bin/python3
"""sender-check: RFC 6409 6.1. Whose address is it, by -q; then the filter, for
accounts and for mail from elsewhere; what table-build makes of senders(5)."""
import os
import re
import subprocess
import sys
import tempfile

sys.path[:0] = ['tests', 'tests/smtp-send']
from peer import net
from tap import finish, ok, same

T = tempfile.TemporaryDirectory()
CDB = os.path.join(T.name, 'mail.cdb')
TABLES = {
    'domains': 'a.test\nb.test delimiter=-\nbücher.test\n',
    'users': ''.join(f'{u}:$6$x\n' for u in (
        'alice@a.test', 'bob@a.test', 'carol@b.test', 'dave@a.test',
        'dave+x@a.test', 'robot@a.test', '"two words"@a.test')),
    'aliases': '''info@a.test: alice@a.test
al: alice@a.test
chain@a.test: info@a.test
both@a.test: alice@a.test, bob@a.test
copy@a.test: alice@a.test, far@x.test
far@a.test: far@x.test
bob@a.test: bob@a.test, far@x.test
alice+only@a.test: bob@a.test
@bücher.test: carol@b.test
''',
    'senders': '''# roles
alice@a.test: role@a.test, @x.test
BOB@A.test: role@a.test,
  boss@y.test
robot@a.test: *
carol@b.test: @xn--bcher-kva.test, Jürgen@bücher.test
''',
}


def write(name, text):
    path = os.path.join(T.name, name)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    return path


def compile_(**more):
    t = {**TABLES, **more}
    p = {k: write(k, v) for k, v in t.items()}
    return subprocess.run(['table-build', 'mail', '-m', '/m', '-d', p['domains'],
                           '-a', p['aliases'], '-s', p['senders'], p['users']],
                          capture_output=True)


made = compile_()
subprocess.run(['cdb', '-c', CDB], input=made.stdout, check=True)
ok('+13,19:salice@a.test->role@a.test\0@x.test\n'.encode() in made.stdout,
   'mail.cdb(5): s, the account; entries with NULs between them')
ok(b':sbob@a.test->role@a.test\0boss@y.test\n' in made.stdout,
   'an entry goes on behind a blank, names are folded')
for text, why in (('alice@a.test\n', 'not ACCOUNT: ADDRESS'),
                  ('a b: x@a.test\n', 'not an account'),
                  ('a@a.test, b: x@a.test\n', 'not an account'),
                  ('alice@a.test: , \n', 'no address'),
                  ('alice@a.test: bob\n', 'not an address, @domain or *: bob'),
                  ('alice@a.test: @\n', 'not an address, @domain or *: @'),
                  ('alice@a.test: a@b..test\n', 'not an address'),
                  ('alice@a.test: **\n', 'not an address, @domain or *: **'),
                  ('a@a.test: *\nA@a.test: *\n', 'is already in')):
    r = compile_(senders=text)
    ok(r.returncode == 1 and not r.stdout and why in r.stderr.decode(),
       f'a bad line: {why}', r)


def query(account, address):
    r = subprocess.run(['sender-check', '-t', CDB, '-q', account, address],
                       capture_output=True, text=True)
    return r.returncode, *r.stdout.rstrip('\n').partition('\t')[::2]


OWN, SAYS, ALONE = ("it is the account's own", 'the table says so',
                    'it leads to the account alone')
OTHERS, NONE, FOREIGN = ('it leads to others', 'there is no such address',
                         'it is in no domain of ours')
for account, address, want, rule in (
        ('alice@a.test', 'alice@a.test', OWN, 'its name'),
        ('alice@a.test', 'Alice@A.TEST', OWN, 'in any case'),
        ('ALICE@a.test', 'alice@a.test', OWN, 'of the account, too'),
        ('alice@a.test', 'alice+tag@a.test', OWN, 'RFC 5233: with a tag'),
        ('alice@a.test', 'alice-tag@a.test', None, 'not the domain\'s one'),
        ('carol@b.test', 'carol-tag@b.test', OWN, 'domains(5): delimiter'),
        ('carol@b.test', 'carol+tag@b.test', None, 'delimiter'),
        ('alice@a.test', 'alice+only@a.test', OWN,
         'though an alias takes its mail'),
        ('bob@a.test', 'alice+only@a.test', None, 'which goes to others, too'),
        ('"two words"@a.test', '"Two words"@a.test', OWN, 'quoted'),
        ('dave@a.test', 'dave+x@a.test', None, 'a tag that is an account'),
        ('dave+x@a.test', 'dave+x@a.test', OWN, 'is that account\'s'),
        ('dave+x@a.test', 'dave@a.test', None, 'and no more'),
        ('alice@a.test', 'bob@a.test', None, 'another account'),
        ('alice@a.test', 'alice@b.test', None, 'another domain'),
        ('alice@a.test', 'alice@sub.a.test', None, 'a subdomain'),
        ('alice@a.test', 'xalice@a.test', None, 'a tail of the name'),
        ('alice@a.test', 'info@a.test', ALONE, 'its alias'),
        ('alice@a.test', 'info+x@a.test', ALONE, 'with a tag'),
        ('alice@a.test', 'chain@a.test', ALONE, 'by another alias'),
        ('alice@a.test', 'al@b.test', ALONE, 'an alias in all domains'),
        ('bob@a.test', 'info@a.test', None, 'another\'s alias'),
        ('alice@a.test', 'both@a.test', None, 'a list'),
        ('alice@a.test', 'copy@a.test', None, 'one that leads elsewhere, too'),
        ('alice@a.test', 'far@a.test', None, 'or only'),
        ('bob@a.test', 'bob@a.test', OWN, 'its name, with a copy elsewhere'),
        ('carol@b.test', 'any@bücher.test', SAYS, 'U-labels'),
        ('carol@b.test', 'any@xn--bcher-kva.test', SAYS, 'A-labels'),
        ('alice@a.test', 'any@bücher.test', None, 'a catch-all'),
        ('alice@a.test', 'role@a.test', SAYS, 'a role'),
        ('bob@a.test', 'role@a.test', SAYS, 'a role of several'),
        ('bob@a.test', 'role+x@a.test', SAYS, 'with a tag'),
        ('carol@b.test', 'role@a.test', None, 'not of others'),
        ('alice@a.test', 'who@x.test', SAYS, '@domain'),
        ('alice@a.test', 'who@sub.x.test', None, 'not below it'),
        ('alice@a.test', 'who@xx.test', None, 'nor one that ends so'),
        ('bob@a.test', 'boss@y.test', SAYS, 'an address elsewhere'),
        ('bob@a.test', 'boss@x.test', None, 'not any'),
        ('robot@a.test', 'who@ever.test', SAYS, '*'),
        ('robot@a.test', 'alice@a.test', SAYS, '* is all'),
        ('alice@a.test', 'alice', None, 'no domain'),
        ('alice@a.test', '', None, 'nothing'),
        ('alice@a.test', '*', None, 'a star is no address'),
        ('alice@a.test', '@x.test', None, 'nor is a domain'),
        ('nobody@a.test', 'alice@a.test', None, 'an account that is not there'),
        ('', '', None, 'no account'),
        ('external', 'external', None, 'an account without a domain')):
    got = query(account, address)
    if want is None:
        ok(got[:2] == (1, 'no') and got[2], f'no: {rule}', got, address)
    else:
        same(got, (0, 'yes', want), f'yes: {rule}')
for address, why in (('both@a.test', OTHERS), ('nx@a.test', NONE),
                     ('x@z.test', FOREIGN), ('@', 'it is not an address')):
    same(query('alice@a.test', address)[2], why, f'no: {why}')
subprocess.run(['cdb', '-c', CDB],
               input=compile_(senders='external: e@z.test\n').stdout)
same(query('external', 'e@z.test'), (0, 'yes', SAYS),
     'an account of another store may have a name without a domain')
subprocess.run(['cdb', '-c', CDB], input=made.stdout, check=True)
ENV = {**os.environ, 'ROHRPOST_TABLES': T.name}


def run(data, *args, env=ENV):
    r = subprocess.run(['sender-check', *args], input=data, env=env,
                       capture_output=True, timeout=60)
    return r.stdout, r.returncode


def head(user='alice@a.test', ip='192.0.2.1'):
    return net('I', 'x1') + (net('P', f'ip={ip}') if ip else b'') + \
        (net('P', f'user={user}') if user else b'')


def verdicts(sender, header, *args, user='alice@a.test', ip='192.0.2.1',
             cut=10 ** 9, env=ENV):
    """'where: record' of what is put into a parcel, or what went wrong."""
    if isinstance(header, str):
        header = header.encode()
    m = header + b'\r\nbody\r\n'
    data = [head(user, ip) + net('F', sender), net('T', '0', 'z@z.test')] + \
        [net('M', m[i:i + cut]) for i in range(0, len(m), cut)] + [net('.')]
    out, code = run(b''.join(data), *args, env=env)
    if code:
        return code
    got = []
    for part in data:
        at = out.find(part)
        for v in re.findall(rb'\d+:V(\w+)\0([^,]*),', out[:at]):
            got.append(f'{v[0].decode()} {v[1].decode()}')
        out = out[at + len(part):]
    return ' / '.join(got)


FROM = 'From: alice@a.test\r\n'
same(verdicts('alice@a.test', FROM), '', 'its own envelope and header')
same(verdicts('alice+x@a.test', 'From: "A" <info@a.test>\r\nSender: Role '
              '<role@a.test>\r\n'), '', 'tag, alias, role')
same(verdicts('bob@a.test', FROM),
     "reject 553 5.7.1 MAIL FROM <bob@a.test> is no address of alice@a.test: "
     'it leads to others', 'RFC 6409 6.1: the envelope')
same(verdicts('alice@a.test', 'From: eve@z.test\r\n'),
     'reject 550 5.7.1 From <eve@z.test> is no address of alice@a.test: ' +
     FOREIGN, 'RFC 6409 8.1: From')
same(verdicts('alice@a.test', FROM + 'Sender: bob@a.test\r\n'),
     'reject 550 5.7.1 Sender <bob@a.test> is no address of alice@a.test: ' +
     OTHERS, 'Sender')
same(verdicts('alice@a.test', 'From: bob@a.test\r\nSender: alice@a.test\r\n'),
     'reject 550 5.7.1 From <bob@a.test> is no address of alice@a.test: ' +
     OTHERS, 'Sender alone is not enough')
same(verdicts('alice@a.test', 'From: alice@a.test, info@a.test\r\nSender: '
              'alice@a.test\r\n'), '', 'several authors, all its own')
ok('From <bob@a.test>' in verdicts(
    'alice@a.test', 'From: alice@a.test, bob@a.test\r\nSender: alice@a.test'
    '\r\n'), 'one of several is not')
ok('From <eve@z.test>' in verdicts(
    'alice@a.test', 'From: eve@z.test\r\nResent-From: alice@a.test\r\n'),
   'RFC 5322 3.6.6: Resent-From allows nothing')
BAD = 'reject 550 5.6.0 '
for header, why in (
        ('Subject: x\r\n', 'There is no From field'),
        (FROM + FROM, 'several From fields'),
        (FROM + 'no field\r\n' + FROM, 'several From fields'),
        ('From: alice\r\n', 'an address that is not whole in the From field'),
        ('From: \r\n', 'no address in the From field'),
        ('From: G: alice@a.test;\r\n', 'a group in the From field'),
        ('From: <alice@a.test> <eve@z.test>\r\n',
         'text beside its address in the From field'),
        ('From: alice@a.test, info@a.test\r\n',
         'Several authors and no Sender field'),
        (FROM + 'Sender: alice\r\n',
         'an address that is not whole in the Sender field'),
        (FROM + 'Sender: alice@a.test\r\nSender: bob@a.test\r\n',
         'several Sender fields'),
        (FROM + 'Sender: alice@a.test, info@a.test\r\n',
         'Several addresses in the Sender field'),
        (FROM + 'X: ' + 'y' * 300000 + '\r\n', 'The header is too large')):
    same(verdicts('alice@a.test', header, cut=60000), BAD + why,
         f'RFC 5322 3.6.2: {why}')
same(verdicts('alice@a.test', 'Subject: x\r\n', '-r', 'malformed=ignore'), '',
     '-r malformed=ignore')
same(verdicts('', FROM), '', 'RFC 8098 3: the null path is allowed')
ok('From <eve@z.test>' in verdicts('', 'From: eve@z.test\r\n'),
   'but with a header of its own')
same(verdicts('', FROM, '-r', 'null=reject'),
     'reject 553 5.7.1 There is no reverse-path', '-r null=reject')
ok(verdicts('bob@a.test', FROM, '-r', 'envelope=junk').startswith(
    'junk 250 2.7.1 MAIL FROM'), '-r envelope=junk')
ok(verdicts('bob@a.test', FROM, '-r', 'envelope=defer').startswith(
    'defer 451 4.7.1 MAIL FROM'), '-r envelope=defer')
same(verdicts('bob@a.test', FROM, '-r', 'envelope=ignore'), '',
     '-r envelope=ignore')
same(verdicts('alice@a.test', 'From: eve@z.test\r\n', '-r', 'header=ignore'),
     '', '-r header=ignore')
ok(verdicts('bob@a.test', FROM, user='robot@a.test') == '', '* may')
ok('reject 553' in verdicts('alice@a.test', FROM, user='bob@a.test', ip=''),
   'an account is checked wherever it comes from')
for cut in (1, 5):
    ok('From <eve@z.test>' in verdicts('alice@a.test', 'From: eve@z.test\r\n',
                                       cut=cut), f'in pieces of {cut}')
same(verdicts('jürgen@bücher.test', 'From: Jürgen@bücher.test\r\n',
              user='carol@b.test'), '', 'RFC 6531: UTF-8')
ok('in no domain of ours' in verdicts('ü@ü.test', FROM) and
   verdicts('ü@ü.test', FROM).isascii(), 'replies are ASCII')

# From elsewhere
OUT = {'user': ''}
for sender, header in (('alice@a.test', FROM), ('x@z.test', FROM),
                       ('x@z.test', 'Subject: x\r\n')):
    same(verdicts(sender, header, **OUT), '', 'from elsewhere: ignored')
LOGIN = 'is an address of ours: log in to send from it'
same(verdicts('x@A.test', FROM, '-o', 'envelope=reject', **OUT),
     f'reject 550 5.7.1 MAIL FROM <x@A.test> {LOGIN}', '-o envelope=reject')
same(verdicts('x@z.test', FROM, '-o', 'header=junk', **OUT),
     f'junk 250 2.7.1 From <alice@a.test> {LOGIN}', '-o header=junk')
same(verdicts('x@z.test', 'From: x@z.test, y@bücher.test\r\n', '-o',
              'header=reject', **OUT),
     f'reject 550 5.7.1 From <y@xn--bcher-kva.test> {LOGIN}',
     '-o header=reject, one of several')
for header in ('From: x@z.test\r\n', 'From: x@sub.a.test\r\n', 'X: y\r\n',
               'From: alice\r\n'):
    same(verdicts('x@z.test', header, '-o', 'header=reject,envelope=reject',
                  **OUT), '', f'-o: nothing of ours in {header.strip()}')
same(verdicts('', FROM, '-o', 'envelope=reject', **OUT), '',
     '-o: the null path is nobody\'s')
same(verdicts('alice@a.test', FROM, '-o', 'header=reject,envelope=reject'),
     '', '-o is not for accounts')
same(verdicts('alice@a.test', FROM, '-o', 'header=reject,envelope=reject',
              user='', ip='127.0.0.1'), '', 'nor for local clients')

# The table and the stream
GONE = {**ENV, 'ROHRPOST_TABLES': T.name + '/none'}
same(verdicts('alice@a.test', FROM, env=GONE),
     'defer 451 4.3.0 Tables are not available', 'no table: 451')
same(verdicts('x@z.test', FROM, env=GONE, **OUT), '',
     'no table where none is needed')
same(verdicts('x@z.test', FROM, '-o', 'header=junk', env=GONE, **OUT),
     'defer 451 4.3.0 Tables are not available', 'where it is needed')
part = head() + net('F', 'bob@a.test')
child = subprocess.Popen(['sender-check'], env=ENV, stdin=-1, stdout=-1,
                         stderr=subprocess.DEVNULL)
child.stdin.write(part + net('?'))
child.stdin.flush()
got = child.stdout.read(len(part) + 20)
ok(got.startswith(part) and b'V' in got[len(part):],
   'the verdict about the envelope comes before the answer to ?')
child.stdin.close()
child.stdout.close()
child.wait()
good = head() + net('F', 'alice@a.test') + net('M', FROM + '\r\n') + net('.')
bad = head() + net('F', 'alice@a.test') + net('M', 'From: e@z.test\r\n\r\n') + \
    net('.')
out, code = run(good + bad + good)
same((code, out.count(b':Vreject'), out.replace(good, b'').count(b':I')),
     (0, 1, 1), 'parcel after parcel, each for itself')
refused = net('I', 'x1') + net('P', 'user=alice@a.test') + \
    net('V', 'reject', '550 5.7.1 no') + net('F', 'eve@z.test') + \
    net('M', 'X: y\r\n\r\n') + net('.')
same(run(refused), (refused, 0), 'a refused parcel passes unread')
for end in range(1, len(good), 7):
    out, code = run(good[:end])
    if code != 111 or net('.') in out:
        ok(False, f'a parcel broken at {end}', code, out)
        break
else:
    ok(True, 'a broken parcel: exit 111 and no end')
for args in (['-r', 'x=junk'], ['-o', 'null=junk'], ['-r', 'header'], ['x'],
             ['-q'], ['-q', 'a'], ['-q', 'a', 'b', 'c'], ['-x']):
    same(run(b'', *args)[1], 100, f'{args}: exit 100')
same(run(b'', '-q', 'a@a.test', 'b', env=GONE)[1], 111, '-q, no table: 111')

manual = open('alias-rewrite/sender-check.8').read()
for event in ('envelope', 'header', 'malformed'):
    ok(re.search(rf'\.It Cm {event}\n(?:(?!\.It)[^\n]*\n)*?Default:\n'
                 r'\.Cm reject ', manual), f'the manual: {event} rejects')
finish()
