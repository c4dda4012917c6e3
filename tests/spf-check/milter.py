"""A scripted milter: for each command what it says, and what it has heard."""
import struct

from content import Scripted, receive

CONTINUE, ACCEPT, REJECT, TEMPFAIL, DISCARD = b'c', b'a', b'r', b't', b'd'
SKIP, PROGRESS = b's', b'p'
KEPT, ALL = 0x31, 0xff


def packet(s):
    return struct.pack('>I', len(s)) + s


def reply(text):
    return b'y' + text.encode() + b'\0'


def add(name, value):
    return b'h' + name.encode() + b'\0' + value.encode() + b'\0'


def insert(at, name, value):
    return b'i' + struct.pack('>I', at) + add(name, value)[1:]


def change(nth, name, value):
    return b'm' + struct.pack('>I', nth) + add(name, value)[1:]


def negotiate(version=6, actions=KEPT, steps=0):
    return b'O' + struct.pack('>III', version, actions, steps)


# Which answers are left out by which flag
SILENT = {b'C': 0x1000, b'H': 0x2000, b'M': 0x4000, b'R': 0x8000, b'T': 0x10000,
          b'L': 0x80, b'N': 0x40000, b'B': 0x80000, b'D': 1 << 32}
STALL, DROP = object(), object()


class Milter(Scripted):
    """script: command letter to an answer, a list of answers (packets; sent all
    at once), or a function (data) that returns one of these."""

    def __init__(self, script=None, path=None, **kw):
        self.script, self.sessions = script or {}, []
        self.offer = negotiate(**kw)
        self.steps = kw.get('steps', 0)
        super().__init__(self.play, path)
        self.address = 'unix:' + path if path else f'inet:{self.port}@127.0.0.1'

    def play(self, c):
        heard = []
        self.sessions.append(heard)
        while True:
            (n,) = struct.unpack('>I', receive(c, 4))
            data = receive(c, n)
            command, data = data[:1], data[1:]
            heard.append((command.decode(), data))
            if command == b'Q':
                return
            if self.steps & SILENT.get(command, 0) or command in b'DA':
                continue
            answer = self.script.get(command.decode(), CONTINUE)
            if command == b'O' and 'O' not in self.script:
                answer = self.offer
            if callable(answer):
                answer = answer(data)
            if answer is DROP:
                return
            if answer is STALL:
                c.recv(1)
                return
            if isinstance(answer, list):
                c.sendall(b''.join(packet(a) for a in answer))
            elif answer.startswith(b'raw'):
                c.sendall(answer[3:])
            else:
                c.sendall(packet(answer))

    def heard(self, command, session=-1):
        return [d for k, d in self.sessions[session] if k == command]

    def macros(self, command, session=-1):
        out = {}
        for d in self.heard('D', session):
            if d[:1] == command.encode():
                parts = d[1:].split(b'\0')
                out.update(zip(parts[::2], parts[1::2]))
        return {k.decode(): v.decode() for k, v in out.items() if k}
