#!/usr/bin/python3
"""dmarc-check beside python3-authheaders, which knows organizations by the list
of public suffixes (RFC 7489): where the organization has a record, both must
say the same. 400 cases from a fixed seed."""
import os
import random
import subprocess
import sys

sys.path[:0] = ['tests', 'tests/smtp-send']
from dnsserver import Server
from tap import finish, same, skip_all

try:
    import authheaders
    from authres import (DKIMAuthenticationResult, SPFAuthenticationResult)
except ImportError:
    skip_all('python3-authheaders is not installed')

lookup = authheaders.dmarc_lookup
with open(lookup.get_suffix_list_file_name(), encoding='utf-8') as f:
    # once: it reads the list anew for each domain
    authheaders.get_org_domain = lookup.get_org_domain = \
        lookup.PublicSuffixList(f).get_public_suffix
ORGS = 'example.com', 'example.co.uk', 'other.com', 'plain.net', 'myown.org.uk'
# the peer reads no hyphen in a reverse-path
PREFIXES = '', 'www.', 'mail.', 'a.b.', 'xy.mail.'
rng = random.Random(9989)


def record(below):
    tags = [f'p={rng.choice(["none", "quarantine", "reject"])}']
    if below and rng.random() < 0.5:
        tags.append(f'sp={rng.choice(["none", "quarantine", "reject"])}')
    for tag in ('adkim', 'aspf'):
        if rng.random() < 0.6:
            tags.append(f'{tag}={rng.choice("rs")}')
    rng.shuffle(tags)
    return rng.choice(['v=DMARC1; ', 'v=DMARC1;']) + '; '.join(tags)


dns = Server({})
ENV = {**os.environ, **dns.env, 'ASAN_OPTIONS': 'detect_leaks=0'}


def ours(author, ids):
    r = subprocess.run(['dmarc-check', '-q', author,
                        *(f'{k}={v}' for k, v in ids.items())], env=ENV,
                       capture_output=True, text=True, timeout=60)
    return tuple(r.stdout.split('\t')[:2])


def theirs(author, ids, records):
    spf = SPFAuthenticationResult(result='pass', smtp_mailfrom='x@' +
                                  ids['spf']) if 'spf' in ids else None
    dkim = DKIMAuthenticationResult(result='pass', header_d=ids['dkim']) \
        if 'dkim' in ids else None
    result, _, _, policy = authheaders.dmarc_per_from(author, spf, dkim,
                                                      dnsfunc=records.get)
    return result, policy


seen, wrong = {}, []
for _ in range(400):
    org = rng.choice(ORGS)
    author = rng.choice(PREFIXES) + org
    own = author != org and rng.random() < 0.3
    records = {}
    if org != 'plain.net':
        records['_dmarc.' + org] = record(author != org and not own)
        if own:
            records['_dmarc.' + author] = record(False)
    dns.zones = {k: [('TXT', v)] for k, v in records.items()}
    dns.zones[author] = [('A', '192.0.2.1')]
    ids = {k: rng.choice(PREFIXES) + rng.choice((org, org, rng.choice(ORGS)))
           for k in ('spf', 'dkim') if rng.random() < 0.6}
    got, want = ours(author, ids), theirs(author, ids, records)
    seen[want] = seen.get(want, 0) + 1
    if got != want:
        wrong.append(f'{author} {ids} {records}: {got}, the peer {want}')
same(wrong, [], 'results and policies are the same')
same(sorted(seen), sorted([('none', '')] + [
    (r, p) for r in ('pass', 'fail')
    for p in ('none', 'quarantine', 'reject')]), 'of all kinds')
finish()
