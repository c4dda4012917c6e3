"""A DNS server for tests, on loopback, port 0: Server({'a.test': [('A',
'1.2.3.4'), ('MX', (10, 'mx.a.test')), ('TXT', ['one', 'two'])]}). Instead of
records a name may have 'TIMEOUT' or 'SERVFAIL', also for one type:
('TIMEOUT', 'MX'). With ad answers are signed (AD), but for those with a name
that ends in one of unsigned. UDP and TCP; a long answer is truncated for UDP."""
import socket
import struct
import threading

TYPES = {'A': 1, 'NS': 2, 'CNAME': 5, 'SOA': 6, 'PTR': 12, 'MX': 15,
         'TXT': 16, 'AAAA': 28, 'TLSA': 52, 'SPF': 99}


def name(text):
    out = b''
    for label in text.rstrip('.').split('.') if text.rstrip('.') else []:
        label = label.encode('utf-8', 'surrogateescape')
        out += bytes([len(label)]) + label
    return out + b'\0'


def rdata(kind, value):
    if kind == 'A':
        return socket.inet_aton(value)
    if kind == 'AAAA':
        return socket.inet_pton(socket.AF_INET6, value)
    if kind in ('CNAME', 'PTR', 'NS'):
        return name(value)
    if kind == 'MX':
        return struct.pack('>H', value[0]) + name(value[1])
    if kind == 'TXT':
        parts = [value] if isinstance(value, (str, bytes)) else value
        out = b''
        for part in parts:
            if isinstance(part, str):
                part = part.encode('utf-8', 'surrogateescape')
            for i in range(0, len(part) or 1, 255):
                piece = part[i:i + 255]
                out += bytes([len(piece)]) + piece
        return out
    return value


class Server:
    def __init__(self, zones, host='127.0.0.1', follow=True, ad=False,
                 unsigned=()):
        self.zones = {k.lower().rstrip('.'): v for k, v in zones.items()}
        self.follow, self.ad, self.unsigned = follow, ad, unsigned
        self.log = []  # (name, type, 'udp' or 'tcp', query bytes)
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self.tcp = socket.socket(family, socket.SOCK_STREAM)
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        for _ in range(50):
            self.tcp.bind((host, 0))
            self.port = self.tcp.getsockname()[1]
            try:
                self.udp.bind((host, self.port))
                break
            except OSError:
                self.tcp.close()
                self.tcp = socket.socket(family, socket.SOCK_STREAM)
        self.tcp.listen(20)
        self.host = host
        self.env = {'DNSCACHEIP': host, 'DNSCACHEPORT': str(self.port)}
        for loop in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=loop, daemon=True).start()

    def serve_udp(self):
        while True:
            query, peer = self.udp.recvfrom(4096)
            answer = self.answer(query, 'udp')
            if answer:
                self.udp.sendto(answer, peer)

    def serve_tcp(self):
        while True:
            s = self.tcp.accept()[0]
            threading.Thread(target=self.one_tcp, args=(s,),
                             daemon=True).start()

    def one_tcp(self, s):
        with s, s.makefile('rb') as f:
            while len(size := f.read(2)) == 2:
                query = f.read(struct.unpack('>H', size)[0])
                answer = self.answer(query, 'tcp')
                if answer:
                    s.sendall(struct.pack('>H', len(answer)) + answer)

    def parse(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]])
            at += 1 + query[at]
        kind = struct.unpack('>H', query[at + 1:at + 3])[0]
        asked = b'.'.join(labels).decode('utf-8', 'surrogateescape')
        return asked, kind, query[12:at + 5]

    def records(self, asked, kind):
        """rcode or None (silence), and [(owner, type, rdata)]."""
        found, owner = [], asked
        for _ in range(20):
            zone = self.zones.get(owner.lower().rstrip('.'))
            if zone is None:
                below = '.' + owner.lower()
                empty = any(k.endswith(below) for k in self.zones)
                return (0 if empty else 3), found
            for r in zone:
                if isinstance(r, tuple) and r[0] == 'CNAME' and kind != 5:
                    found.append((owner, 5, name(r[1])))
                    owner = r[1]
                    break
            else:
                break
            if not self.follow:
                return 0, found
        hits = [(owner, kind, rdata(r[0], r[1])) for r in zone
                if isinstance(r, tuple) and TYPES.get(r[0]) == kind]
        for r in zone:
            bad = r if isinstance(r, str) else \
                r[0] if r[0] in ('TIMEOUT', 'SERVFAIL') and \
                TYPES[r[1]] == kind else None
            if bad and not hits:
                return (None if bad == 'TIMEOUT' else 2), []
        return 0, found + hits

    def answer(self, query, via):
        asked, kind, question = self.parse(query)
        self.log.append((asked, kind, via, query))
        rcode, found = self.records(asked, kind)
        if rcode is None:
            return None
        body = question
        for owner, rtype, data in found:
            body += name(owner) + struct.pack('>HHIH', rtype, 1, 60,
                                              len(data)) + data
        soa = not found or found[-1][1] != kind
        if soa and self.follow:
            data = name('ns.test') + name('root.test') + b'\0' * 20
            body += b'\0' + struct.pack('>HHIH', 6, 1, 60, len(data)) + data
        else:
            soa = False
        signed = self.ad and not any(
            owner.lower().endswith(tuple(self.unsigned))
            for owner in [asked] + [f[0] for f in found])
        flags = 0x8180 | rcode | (0x20 if signed else 0)
        edns = query[10:12] != b'\0\0'
        if via == 'udp' and len(body) + 12 > (1232 if edns else 512):
            return query[:2] + struct.pack('>HHHHH', flags | 0x200, 1, 0, 0,
                                           0) + question
        return query[:2] + struct.pack('>HHHHH', flags, 1, len(found), soa,
                                       0) + body
