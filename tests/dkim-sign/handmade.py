"""DKIM signatures made by hand, right and wrong, with nothing of ours: RSA and
RFC 6376's canonical forms in a few lines."""
import base64
import hashlib
import re
import subprocess

FIELDS = [b'From: Ann <ann@example.org>', b'To: bob@b.test',
          b'Subject: one\r\n two', b'X-Other: z']
BODY = b'Hello\t world \r\n\r\nsecond\r\n\r\n\r\n'
TAGS = {'v': '1', 'a': 'rsa-sha256', 'c': 'relaxed/relaxed',
        'd': 'example.org', 's': 'rsa', 'h': 'from:to:subject', 'bh': '{bh}',
        'b': '{b}'}
INFO = {'sha256': '3031300d060960864801650304020105000420',
        'sha1': '3021300906052b0e03021a05000414'}


def der(tag, data):
    n = len(data)
    size = bytes([n]) if n < 128 else \
        (lambda s: bytes([128 | len(s)]) + s)(n.to_bytes(
            (n.bit_length() + 7) // 8, 'big'))
    return bytes([tag]) + size + data


def integer(n):
    return der(2, n.to_bytes(n.bit_length() // 8 + 1, 'big'))


def take(s):
    """The first element of s: its content, and what follows."""
    n, at = s[1], 2
    if n & 128:
        at += n & 127
        n = int.from_bytes(s[2:at], 'big')
    return s[at:at + n], s[at + n:]


def bare(n, e=65537):
    return der(0x30, integer(n) + integer(e))


def spki(n, e=65537):
    oid = bytes.fromhex('06092a864886f70d0101010500')
    return der(0x30, der(0x30, oid) + der(3, b'\0' + bare(n, e)))


def b64(s):
    return base64.b64encode(s).decode()


# RFC 8463 A.1
PEM = """-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi
Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM
KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm
6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe
zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy
6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc
uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy
WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd
WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a
licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst
o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe
uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL
-----END RSA PRIVATE KEY-----
"""


class Rsa:
    def __init__(self, bits=None):
        """A new key, or that of RFC 8463."""
        pem = PEM if bits is None else subprocess.run(
            ['openssl', 'genrsa', '-traditional', str(bits)],
            capture_output=True, text=True, check=True).stdout
        s = take(base64.b64decode(''.join(pem.splitlines()[1:-1])))[0]
        self.n, self.e, self.d = (
            int.from_bytes(v, 'big') for v in self.numbers(s)[1:4])
        self.size = (self.n.bit_length() + 7) // 8
        self.info = b64(spki(self.n, self.e))

    def numbers(self, s):
        out = []
        while s:
            v, s = take(s)
            out.append(v)
        return out

    def sign(self, hashed, algorithm='sha256'):
        t = bytes.fromhex(INFO[algorithm]) + hashed
        pad = b'\xff' * (self.size - len(t) - 3)
        m = int.from_bytes(b'\0\1' + pad + b'\0' + t, 'big')
        return pow(m, self.d, self.n).to_bytes(self.size, 'big')


def canon_field(how, field):
    if how == 'simple':
        return field
    name, value = field.split(b':', 1)
    value = re.sub(rb'[ \t]+', b' ', value.replace(b'\r\n', b''))
    return name.strip(b' \t').lower() + b':' + value.strip(b' ')


def canon_body(how, body):
    if how == 'relaxed':
        body = re.sub(rb'[ \t]+(?=\r\n)', b'', body)
        body = re.sub(rb'[ \t]+', b' ', body)
    body = re.sub(rb'(\r\n)*\Z', b'', body)
    return body + b'\r\n' if body or how == 'simple' else body


def tags(**changes):
    """The tags with some changed, added, or (None) left out."""
    t = {**TAGS, **changes}
    return '; '.join(f'{k}={v}' for k, v in t.items() if v is not None)


def pick(fields, names):
    """5.4.2: bottom up, each once."""
    left = {}
    for f in fields:
        left.setdefault(f.split(b':')[0].strip().lower().decode(), []).append(f)
    return [left[n].pop() for n in names if left.get(n)]


def signature(key, text=None, fields=FIELDS, body=BODY, head='relaxed',
              how='relaxed', names=('from', 'to', 'subject'), limit=None,
              algorithm='sha256', name='DKIM-Signature: ', fold=True):
    """The field, without its line end."""
    h = getattr(hashlib, algorithm)
    text = name + (text or tags()).replace(
        '{bh}', b64(h(canon_body(how, body)[:limit]).digest()))
    own = re.sub(r'=\s*\{b\}\s*(?=;|$)', '=', text)
    data = [canon_field(head, f) for f in pick(fields, names)]
    data.append(canon_field(head, own.encode()))
    b = b64(key.sign(h(b'\r\n'.join(data)).digest(), algorithm))
    if fold:
        b = '\r\n\t'.join(b[i:i + 60] for i in range(0, len(b), 60))
    return text.replace('{b}', b).encode()


def message(fields=FIELDS, body=BODY):
    return b''.join(f + b'\r\n' for f in fields) + b'\r\n' + body


def signed(key, text=None, fields=FIELDS, body=BODY, **how):
    return message([signature(key, text, fields, body, **how)] + fields, body)
