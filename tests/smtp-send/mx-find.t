#!/usr/bin/python3
"""mx-find shows what smtp-send does, and Postfix's posttls-finger agrees: nsd
with signed, unsigned and broken zones behind a validating unbound, in a
network namespace of the test's own (RFC 7672)."""
import hashlib
import os
import re
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/smtp-send']
import tap

if os.environ.get('MX_FIND_INSIDE') != '1':
    flags = '-nm' if os.geteuid() == 0 else '-Urnm'
    probe = subprocess.run(['unshare', flags, 'true'], capture_output=True)
    if probe.returncode:
        tap.skip_all('needs a network namespace: ' + probe.stderr.decode())
    os.execvpe('unshare', ['unshare', flags, sys.executable, *sys.argv],
               {**os.environ, 'MX_FIND_INSIDE': '1'})

from hosts import T, certificate, host, lab, tls
from peer import parcel
from sender import ENV, MESSAGE, send
from tap import finish, ok, same, until


def run(*cmd, **kw):
    return subprocess.run(cmd, check=True, capture_output=True, text=True, **kw)


run('ip', 'link', 'set', 'lo', 'up')
with open(T + '/resolv.conf', 'w') as f:
    f.write('nameserver 127.0.0.1\noptions edns0 trust-ad\n')
run('mount', '--bind', T + '/resolv.conf',
    os.path.realpath('/etc/resolv.conf'))

HOSTS = {'good': '127.0.1.1', 'wrong': '127.0.1.2', 'bogus': '127.0.1.3',
         'missing': '127.0.1.4', 'unusable': '127.0.1.5', 'ta': '127.0.1.6',
         'clear': '127.0.1.7'}
contexts = {n: certificate(f'mx-{n}.signed.test') for n in HOSTS}


def digest(name):
    key = lab.openssl('x509', '-in', name + '.pem', '-noout', '-pubkey').stdout
    return hashlib.sha256(lab.openssl('pkey', '-pubin', '-outform', 'DER',
                                      input=key).stdout).hexdigest()


with open(T + '/root.pem') as f:
    root = f.read()
with open(f'{T}/chain.pem', 'w') as f:
    f.write(open(f'{T}/mx-ta.signed.test.pem').read() + root)
contexts['ta'].load_cert_chain(T + '/chain.pem', f'{T}/mx-ta.signed.test.key')
tlsa = {'good': '3 1 1 ' + digest('mx-good.signed.test'),
        'wrong': '3 1 1 ' + '00' * 32,
        'bogus': '3 1 1 ' + digest('mx-bogus.signed.test'),
        'unusable': '1 1 1 ' + '00' * 32,
        'ta': '2 1 1 ' + digest('root'),
        'clear': '3 1 1 ' + '00' * 32}
SOA = '$TTL 60\n@ SOA ns h 1 3600 900 604800 60\n@ NS ns\nns A 127.0.0.1\n'
zones = {'signed.test.': SOA, 'plain.test.': SOA}
for n, ip in HOSTS.items():
    zones['signed.test.'] += f'{n} MX 10 mx-{n}\nmx-{n} A {ip}\n'
    if n in tlsa:
        zones['signed.test.'] += f'_25._tcp.mx-{n} TLSA {tlsa[n]}\n'
zones['signed.test.'] += ('alias MX 10 www\nwww CNAME mx-good\n'
                          'two MX 5 mx-wrong\ntwo MX 9 mx-good\n'
                          'out MX 10 mx.plain.test.\nmx-direct A 127.0.1.1\n')
zones['plain.test.'] += ('@ MX 10 mx-wrong.signed.test.\nmx A 127.0.1.1\n'
                         f'_25._tcp.mx TLSA {tlsa["wrong"]}\n')
for zone, text in zones.items():
    with open(T + '/' + zone + 'zone', 'w') as f:
        f.write(text)
keys = [run('ldns-keygen', '-a', 'ECDSAP256SHA256', *k, 'signed.test.',
            cwd=T).stdout.strip() for k in (['-k'], [])]
run('ldns-signzone', '-n', '-o', 'signed.test.', '-f', 'signed.test.signed',
    'signed.test.zone', *keys, cwd=T)
path = T + '/signed.test.signed'
with open(path) as f:
    text = f.read()
# a signature of one record is broken
text = re.sub(r'(_25\._tcp\.mx-bogus\.signed\.test\.\s+\d+\s+IN\s+RRSIG\s+TLSA .*)'
              r'(.)(.{9}==?)$', lambda m: m[1] + ('B' if m[2] == 'A' else 'A')
              + m[3], text, flags=re.M)
with open(path, 'w') as f:
    f.write(text)
with open(T + '/nsd.conf', 'w') as f:
    f.write(f'server:\n username: ""\n chroot: ""\n zonesdir: "{T}"\n'
            f' ip-address: 127.0.0.1@5300\n pidfile: "{T}/nsd.pid"\n'
            f' xfrdfile: "{T}/xfrd"\n zonelistfile: "{T}/zones"\n'
            f' database: ""\n server-count: 1\n xfrdir: "{T}"\n'
            'remote-control:\n control-enable: no\n'
            'zone:\n name: signed.test.\n zonefile: signed.test.signed\n'
            'zone:\n name: plain.test.\n zonefile: plain.test.zone\n')
stub = ''.join(f'stub-zone:\n name: "{z}"\n stub-addr: 127.0.0.1@5300\n'
               for z in zones)
with open(T + '/unbound.conf', 'w') as f:
    f.write(f'server:\n username: ""\n chroot: ""\n directory: "{T}"\n'
            f' pidfile: "{T}/unbound.pid"\n interface: 127.0.0.1\n'
            ' use-syslog: no\n do-daemonize: no\n do-not-query-localhost: no\n'
            ' module-config: "validator iterator"\n'
            f' trust-anchor-file: "{T}/{keys[0]}.key"\n'
            ' local-zone: "test." static\n local-zone: "signed.test." '
            'transparent\n local-zone: "plain.test." transparent\n'
            ' domain-insecure: "plain.test."\n'
            'remote-control:\n control-enable: no\n' + stub)
daemons = [subprocess.Popen(cmd, stdout=subprocess.DEVNULL, stderr=open(
    f'{T}/{cmd[0]}.log', 'w')) for cmd in (
        ('nsd', '-d', '-c', T + '/nsd.conf'),
        ('unbound', '-d', '-c', T + '/unbound.conf'))]
ok(until(lambda: 'NOERROR' in subprocess.run(
    ['drill', 'MX', 'good.signed.test', '@127.0.0.1'], capture_output=True,
    text=True).stdout), 'nsd and unbound answer')
peers = {n: host(ip, None if n == 'clear' else contexts[n], port=25)
         for n, ip in HOSTS.items()}
os.makedirs(T + '/postfix')
with open(T + '/postfix/main.cf', 'w') as f:
    f.write('smtp_dns_support_level = dnssec\nmyhostname = me.test\n'
            'compatibility_level = 3.6\n')

INSIDE = {**ENV, 'DNSCACHEIP': ''}  # resolv.conf, whatever our caller asks


def find(domain):
    p = subprocess.run(['mx-find', '-S', '', '-f', '', domain],
                       capture_output=True, text=True, env=INSIDE)
    return p.returncode, p.stdout


def finger(domain):
    return subprocess.run(
        ['posttls-finger', '-c', '-l', 'dane', '-L', 'summary', domain],
        stdout=-1, stderr=-2, text=True, timeout=60,
        env={**os.environ, 'MAIL_CONFIG': T + '/postfix'}).stdout


def agree(domain, shown, postfix, sent, log):
    code, out = find(domain)
    ok(shown in out, f'mx-find {domain}: {shown}', out)
    got = finger(domain)
    ok(re.search(postfix, got), f'posttls-finger agrees: {postfix}', got)
    r = send(parcel(MESSAGE, to=['x@' + domain]), '-t', tls.path, '-L',
             'tls=encrypted', env=INSIDE)
    ok(r.starts('R x1 ' + sent) and log in r.log, f'smtp-send: {sent} {log}',
       r.reports, r.log)
    return code


VERIFIED, NOT = 'Verified TLS connection', 'no matching DANE TLSA'
NONE = 'verification failed .* untrusted issuer'  # by PKIX alone
agree('good.signed.test', 'policy=dane tls=authenticated: 1 TLSA', VERIFIED,
      '250', 'verify=dane')
agree('ta.signed.test', 'policy=dane tls=authenticated: 1 TLSA', VERIFIED,
      '250', 'verify=dane')
agree('wrong.signed.test', 'policy=dane tls=authenticated: 1 TLSA', NOT,
      '451 4.7.5', 'verify=dane-mismatch')
code = agree('bogus.signed.test', 'not tried: 451 4.4.3', 'TLSA lookup error',
             '451 4.4.3', 'tls=-')
same(code, 111, 'mail would wait: exit 111')
agree('missing.signed.test', 'no DANE: it has no TLSA records', NONE,
      '250', 'policy=none')
agree('unusable.signed.test', 'policy=dane-unusable tls=encrypted',
      'unsupported TLSA certificate usage', '250', 'policy=dane-unusable')
agree('alias.signed.test', '1 TLSA records of mx-good.signed.test', VERIFIED,
      '250', 'verify=dane')
agree('out.signed.test', 'no DANE: its addresses are not signed', NONE,
      '250', 'policy=none')
agree('plain.test', 'no DANE: the MX records are not signed',
      'MX RRset insecure', '250', 'policy=none')
agree('mx-direct.signed.test', 'no DANE: it has no TLSA records', NONE, '250',
      'policy=none')
agree('clear.signed.test', 'policy=dane',
      r'\A(?!.*TLS connection established)', '451 4.7.10', 'policy=dane')
code, out = find('two.signed.test')
same([line.split()[1] for line in out.splitlines() if line[:5] == 'host '],
     ['mx-wrong.signed.test', 'mx-good.signed.test'], 'hosts in their order')
same(code, 0, 'exit 0')
code, out = find('nowhere.signed.test')
ok(code == 1 and out.startswith('550 5.1.2'), 'no such domain: exit 1', out)
for args in [], ['a', 'b'], ['-L', 'x', 'a'], ['a..b']:
    p = subprocess.run(['mx-find', *args], capture_output=True)
    same(p.returncode, 100, f'usage: {args}')
for d in daemons:
    d.terminate()
    d.wait(20)
tls.stop()
finish()
