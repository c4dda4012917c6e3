"""Runs smtp-send on parcels; what its tests share."""
import os
import subprocess

from tap import ok

MESSAGE = b'Subject: x\r\n\r\n.dot\r\nhello\r\n'
QUICK = ('-T', 'connect=5,greeting=1,helo=1,mail=1,rcpt=1,data=1,block=2,dot=1')
ENV = {**os.environ, 'ROHRPOST_ME': 'me.test',
       'ASAN_OPTIONS': 'detect_leaks=0'}


class Result:
    def __init__(self, run):
        self.code = run.returncode
        self.reports = run.stdout.decode().splitlines()
        self.log = run.stderr.decode()

    def starts(self, *wanted):
        return len(self.reports) == len(wanted) and all(
            r.startswith(w) for r, w in zip(self.reports, wanted))


def send(data, *args, env=None):
    run = subprocess.run(['smtp-send', '-h', 'me.test', '-t', '', '-S', '',
                          '-f', '', '-L', 'tls=none', *args],
                         input=data, capture_output=True, timeout=120,
                         env={**ENV, **(env or {})})
    return Result(run)


def to_peer(peer, data, *args):
    r = send(data, '-s', f'127.0.0.1:{peer.port}', *args)
    peer.wait()
    return r


def expect(r, name, *wanted):
    return ok(r.starts(*wanted), name, r.reports, r.log)
