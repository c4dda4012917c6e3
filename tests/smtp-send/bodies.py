"""Bodies that must come through every peer as they are."""
import hashlib

MESSAGES = {
    'dots': b'.\r\n..\r\n.x\r\n\r\n.\r\n',
    'no line end': b'last',
    'nothing': b'',
    'every byte': bytes(range(1, 10)) + bytes(range(11, 13)) +
    bytes(range(14, 256)) + b'\r\n',
    'lines of 998': (b'x' * 998 + b'\r\n') * 50,
    'utf-8': 'Grüße\r\n'.encode() * 1000,
    '1 MiB': b''.join(b'.' * (i % 4) + hashlib.sha256(b'%d' % i).hexdigest()
                      .encode() + b'\r\n' for i in range(16000)),
    'dots at the edges of what is read':
    b''.join(b'x' * n + b'\r\n.' * 3 + b'\r\n' for n in range(900))}


def stored(body):
    """As a Unix file has it"""
    body = body.replace(b'\r\n', b'\n')
    return body + (b'\n' if body and not body.endswith(b'\n') else b'')
