"""Debian's Dovecot as a peer: a private one, without services, on a Maildir."""
import os
import pwd
import re
import shutil
import subprocess

IMAP = "/usr/lib/dovecot/imap"


def present():
    return shutil.which("doveadm") and os.path.exists(IMAP)


class Dovecot:
    """imap in PREAUTH mode; dir is an empty directory of the caller's."""

    def __init__(self, dir):
        self.dir = dir
        # Dovecot refuses mail access to root
        self.uid = os.getuid() or 65534
        self.gid = os.getgid() if os.getuid() else 65534
        self.user = pwd.getpwuid(self.uid).pw_name
        self.maildir = os.path.join(dir, "Maildir")
        for d in ("run", "Maildir/cur", "Maildir/new", "Maildir/tmp"):
            os.makedirs(os.path.join(dir, d))
        self.conf = os.path.join(dir, "dovecot.conf")
        with open(self.conf, "w") as f:
            f.write(f"""base_dir = {dir}/run
state_dir = {dir}/run
log_path = {dir}/log
mail_location = maildir:{self.maildir}
ssl = no
protocols = imap
default_internal_user = {self.user}
default_login_user = {self.user}
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {self.uid}
mail_gid = {self.gid}
""")

    def add(self, number, message):
        with open(f"{self.maildir}/cur/{number:08d}.x:2,S", "wb") as f:
            f.write(message)

    def give(self):
        """The files to the user that Dovecot runs as."""
        if os.getuid():
            return
        os.chmod(self.dir, 0o755)
        for top, dirs, files in os.walk(self.dir):
            for name in dirs + files:
                os.chown(os.path.join(top, name), self.uid, self.gid)

    def start(self):
        """Its process; commands go to stdin, answers come on stdout."""
        self.give()

        def drop():
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(self.gid)
                os.setuid(self.uid)
        return subprocess.Popen(
            ["doveadm", "-c", self.conf, "exec", "imap"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, preexec_fn=drop, cwd="/",
            env={"PATH": os.environ["PATH"], "HOME": self.dir,
                 "USER": self.user})

    def run(self, commands):
        """All answers. At the end of its input it leaves in the middle of an
        answer: so the commands end with LOGOUT, and stdin stays open."""
        with self.start() as p:
            p.stdin.write(commands)
            p.stdin.flush()
            return p.stdout.read()


def searches(process, queries):
    """The set of messages for each query; one at a time, for Dovecot answers
    SEARCHes out of order."""
    with process as p:
        found = []
        for q in [b"SELECT INBOX"] + [b"SEARCH " + q for q in queries]:
            p.stdin.write(b"t " + q + b"\r\n")
            p.stdin.flush()
            numbers = None
            for line in p.stdout:
                if line.startswith(b"* SEARCH"):
                    numbers = {int(n) for n in line.split()[2:]}
                elif line.startswith(b"t "):
                    break
            found.append(numbers)
        p.stdin.write(b"t LOGOUT\r\n")
        p.stdin.close()
        p.stdout.read()
        return found[1:]


def fetches(data):
    """FETCH answers as {number: {item: value}}: lists, bytes, str atoms."""
    start = re.compile(rb"\* (\d+) FETCH ")
    answers, pos = {}, 0
    while True:
        m = start.match(data, pos)
        if m:
            v, pos = parse(data, m.end())
            answers[int(m[1])] = dict(zip(v[::2], v[1::2]))
        pos = data.find(b"\n", pos) + 1
        if not pos:
            return answers


ATOM = re.compile(rb"[^ ()\r\n]+")


def parse(d, p):
    """One parenthesized list at d[p:]: value and what is behind it."""
    stack, now = [], None
    while True:
        c = d[p:p + 1]
        if c == b"(":
            stack.append(now)
            now, p = [], p + 1
        elif c == b")":
            v, now, p = now, stack.pop(), p + 1
            if now is None:
                return v, p
            now.append(v)
        elif c in b" \r\n":
            if not c:
                raise ValueError("answer ends inside a list")
            p += 1
        elif c == b'"':
            p, s = p + 1, bytearray()
            while d[p] != 34:
                if d[p] == 92:
                    p += 1
                s.append(d[p])
                p += 1
            now.append(bytes(s))
            p += 1
        elif c == b"{":
            q = d.index(b"}", p)
            n = int(d[p + 1:q])
            now.append(d[q + 3:q + 3 + n])
            p = q + 3 + n
        else:
            a = ATOM.match(d, p)
            now.append(None if a[0] == b"NIL" else a[0].decode("latin-1"))
            p = a.end()
