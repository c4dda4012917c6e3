#!/usr/bin/python3
"""smtp-send hands NOTIFY, ORCPT, RET and ENVID on (RFC 3461 5.2.1, 5.2.2)."""
import sys

sys.path[:0] = ['tests', 'tests/smtp-send']
from peer import CAPS, Peer, net, parcel
from sender import MESSAGE, expect, to_peer
from tap import finish, same

WANTS = dict(params=('RET=HDRS', 'ENVID=e+2B1'),
             toparams=('notify=SUCCESS,DELAY', 'orcpt=rfc822;x+2Bb@b.test'))

p = Peer()
r = to_peer(p, parcel(MESSAGE, **WANTS))
same(p.connections[0].lines[1:3],
     ['MAIL FROM:<a@a.test> SIZE=27 RET=HDRS ENVID=e+2B1',
      'RCPT TO:<b@b.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2Bb@b.test'],
     'RFC 3461 5.2.1: a peer with DSN gets all')
expect(r, '5.2.2 a: it will tell, we need not', 'R x1 250 2.0.0')

bare = {'caps': [c for c in CAPS if c != 'DSN']}
p = Peer(bare)
r = to_peer(p, parcel(MESSAGE, **WANTS))
same(p.connections[0].lines[1:3],
     ['MAIL FROM:<a@a.test> SIZE=27', 'RCPT TO:<b@b.test>'],
     'RFC 3461 5.2.2: a peer without gets nothing of it')
expect(r, '5.2.2 b, RFC 3886: 2.1.9, it was relayed',
       'R x1 250 2.1.9 127.0.0.1 said: queued as 1')

for notify in 'NEVER', 'FAILURE,DELAY':
    p = Peer(bare)
    r = to_peer(p, parcel(MESSAGE, toparams=(f'notify={notify}',)))
    expect(r, f'NOTIFY={notify}: nothing to tell', 'R x1 250 2.0.0')
p = Peer({**bare, 'RCPT': ['250 ok', '550 5.1.1 no', '250 ok'],
          'DOT': '250 taken'})
to = [net('T', str(i), f'{a}@b.test', 'route=remote', *n) for i, (a, n) in
      enumerate([('a', ['notify=success']), ('b', ['notify=SUCCESS']),
                 ('c', [])])]
r = to_peer(p, parcel(MESSAGE, to=(), before=b''.join(to)))
expect(r, 'each recipient has its own', 'T 0 250 2.1.9 127.0.0.1 said: taken',
       'T 1 550 5.1.1', 'T 2 250 2.0.0 127.0.0.1 said: taken', 'R x1 250')
p = Peer({**bare, 'DOT': '554 5.6.0 no'})
r = to_peer(p, parcel(MESSAGE, **WANTS))
expect(r, 'a refusal stays one', 'R x1 554 5.6.0 127.0.0.1 said: no')
finish()
