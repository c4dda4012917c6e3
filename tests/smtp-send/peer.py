"""A scripted SMTP server: each connection plays one script, a dict from verb
(GREETING, EHLO, MAIL, RCPT, DATA, DOT, …) to its reply, a list of replies
(one for each time), DROP (close), STALL (say nothing more) or a function
(peer, line) that returns one of these. What has no entry gets the reply of a
friendly server."""
import socket
import threading

DROP, STALL = object(), object()
CAPS = ['peer.test', 'PIPELINING', 'SIZE 100000000', '8BITMIME', 'SMTPUTF8',
        'DSN']
ANSWERS = {'GREETING': '220 peer.test ESMTP', 'HELO': '250 peer.test',
           'MAIL': '250 2.1.0 ok', 'RCPT': '250 2.1.5 ok',
           'DATA': '354 go on', 'DOT': '250 2.0.0 queued as 1',
           'RSET': '250 2.0.0 ok', 'BDAT': '250 2.0.0 chunk', 'QUIT': '221 2.0.0 bye',
           'STARTTLS': '454 4.7.0 not now'}


def ehlo(caps):
    return '\r\n'.join(f'250{"-" if i + 1 < len(caps) else " "}{c}'
                       for i, c in enumerate(caps))


class Connection:
    def __init__(self, sock, script):
        self.sock, self.file = sock, sock.makefile('rb')
        self.script, self.counts = script, {}
        self.lines, self.messages, self.ended = [], [], ''
        self.chunks, self.sizes = bytearray(), []

    def reply(self, verb, line):
        n = self.counts[verb] = self.counts.get(verb, -1) + 1
        r = self.script.get(verb, ANSWERS.get(verb, '502 5.5.1 what?'))
        if verb == 'EHLO' and verb not in self.script:
            r = ehlo(self.script.get('caps', CAPS))
        if isinstance(r, list):
            r = r[min(n, len(r) - 1)]
        if callable(r):
            r = r(self, line)
        if r is STALL:
            self.file.read()
        if r is STALL or r is DROP:
            return False
        if r:  # None: the function has answered
            self.sock.sendall(r if isinstance(r, bytes)
                              else r.encode() + b'\r\n')
        return r or ' '

    def data(self):
        body = bytearray()
        while (line := self.file.readline()) != b'.\r\n':
            if not line:
                return False
            body += line[1:] if line.startswith(b'.') else line
        self.messages.append(bytes(body))
        return self.reply('DOT', '')

    def chunk(self, words):
        """BDAT n [LAST]: false if the connection is to end"""
        data = self.file.read(int(words[1]))
        self.sizes.append(len(data))
        if len(data) < int(words[1]):
            return False
        self.chunks += data
        if words[2:] != ['LAST']:
            return self.reply('BDAT', '')
        self.messages.append(bytes(self.chunks))
        self.chunks.clear()
        return self.reply('DOT', '')

    def run(self):
        try:
            if self.reply('GREETING', ''):
                while line := self.file.readline():
                    line = line.decode('utf-8', 'replace').rstrip('\r\n')
                    self.lines.append(line)
                    verb = line.split(' ')[0].upper()
                    if verb == 'BDAT':
                        if not self.chunk(line.split(' ')):
                            break
                        continue
                    r = self.reply(verb, line)
                    if not r or verb == 'QUIT':
                        break
                    if verb == 'DATA' and r[:1] in ('3', b'3') and not self.data():
                        break
        except OSError as e:
            self.ended = str(e)
        try:
            self.file.close()
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class Peer:
    """scripts: one for each connection in turn, the last for all others."""

    def __init__(self, *scripts, host='127.0.0.1', port=0):
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self.scripts = scripts or ({},)
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(50)
        self.port = self.listener.getsockname()[1]
        self.connections, self.threads = [], []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            sock = self.listener.accept()[0]
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            n = min(len(self.connections), len(self.scripts) - 1)
            c = Connection(sock, self.scripts[n])
            self.connections.append(c)
            t = threading.Thread(target=c.run, daemon=True)
            self.threads.append(t)
            t.start()

    def wait(self):
        for t in self.threads:
            t.join(60)


def net(kind, *parts):
    payload = kind.encode() + b'\0'.join(
        p if isinstance(p, bytes) else p.encode() for p in parts)
    return b'%d:%s,' % (len(payload), payload)


def parcel(message, to=('b@b.test',), sender='a@a.test', params=(), ident='x1',
           before=b'', after=b'', toparams=()):
    out = net('I', ident) + net('P', 'id=trace1') + net('F', sender, *params)
    for i, t in enumerate(to):
        out += net('T', str(i), t, 'route=remote', *toparams)
    out += before
    for i in range(0, len(message), 65536):
        out += net('M', message[i:i + 65536])
    return out + after + net('.')
