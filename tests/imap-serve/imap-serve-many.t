#!/usr/bin/python3
# Many sessions on one mailbox, with deliveries and renames by others at the
# same time, and sessions that are killed: all agree, and nothing is lost.
import os
import random
import re
import subprocess
import sys
import time

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same

ROUNDS = int(os.environ.get("ROUNDS", "40"))
SESSIONS = 5
seed = int(os.environ.get("SEED", str(os.getpid())))
random.seed(seed)
root = imap.maildir()


class Client(imap.Session):
    """Keeps what a client knows: UIDs by sequence number, and checks."""

    def __init__(self, *a, **k):
        super().__init__(*a, **k)
        self.wrong = []
        self.select()

    def select(self):
        self.uids = []
        self.exists = 0
        self.told = set()
        st, said, lines = self.command("SELECT INBOX")
        for line in lines:
            m = re.fullmatch(rb"\* (\d+) EXISTS", line)
            if m:
                self.exists = int(m[1])
        self.uids = [None] * self.exists
        self.learn()

    def take(self, lines, expunge=True):
        for line in lines:
            m = re.match(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)(.*)", line, re.S)
            if not m:
                continue
            n = int(m[1])
            if m[2] == b"EXPUNGE":
                if not expunge:
                    self.wrong.append("EXPUNGE where it must not be")
                if n > self.exists:
                    self.wrong.append(f"EXPUNGE {n} of {self.exists}")
                    continue
                del self.uids[n - 1]
                self.exists -= 1
            elif m[2] == b"EXISTS":
                if n < self.exists:
                    self.wrong.append(f"EXISTS {n} after {self.exists}")
                self.uids += [None] * (n - self.exists)
                self.exists = n
            else:
                uid = re.search(rb"UID (\d+)", m[3])
                if n > self.exists:
                    self.wrong.append(f"FETCH {n} of {self.exists}")
                elif uid:
                    uid = int(uid[1])
                    if self.uids[n - 1] not in (None, uid):
                        self.wrong.append(
                            f"message {n} was UID {self.uids[n - 1]}, is {uid}")
                    self.uids[n - 1] = uid

    def do(self, text, expunge=True):
        st, said, lines = self.command(text)
        self.take(lines, expunge)
        return st, said

    def learn(self):
        self.do("UID FETCH 1:* UID")
        known = [u for u in self.uids if u]
        if known != sorted(set(known)):
            self.wrong.append(f"UIDs not ascending: {known}")

    def step(self):
        r = random.random()
        n = random.randint(1, self.exists) if self.exists else 0
        if r < 0.25 and n:
            self.do("STORE %d %sFLAGS (%s)" % (
                n, random.choice("+-"),
                random.choice(["\\Seen", "\\Flagged", "kw1", "kw2",
                               "\\Answered"])), False)
        elif r < 0.35 and n:
            self.do(f"FETCH {n} (UID BODY.PEEK[] FLAGS)", False)
        elif r < 0.45:
            self.do("SEARCH FLAGGED", False)
        elif r < 0.55 and n:
            self.do(f"STORE {n} +FLAGS.SILENT \\Deleted", False)
        elif r < 0.65:
            self.do("EXPUNGE")
        elif r < 0.72 and n:
            self.do(f"COPY {n} INBOX")
        elif r < 0.79:
            st, said, lines = self.append("INBOX", b"Subject: a\r\n\r\nbody\r\n",
                                          random.choice(["", "\\Seen", "kw1"]))
            self.take(lines)
        elif r < 0.84 and n:
            self.do(f"MOVE {n} Other")
        else:
            self.do("NOOP")
        self.learn()


imap.Session(root).ok("CREATE Other")
for i in range(20):
    imap.deliver(root)
mover = subprocess.Popen(["python3", "-c", f"""
import os, random, time, sys
sys.path[:0] = ["tests/imap-serve"]
import imap
while os.getppid() == {os.getpid()}:
    time.sleep(random.random() / 20)
    imap.deliver({root!r})
    names = os.listdir({root!r} + "/cur")
    for n in random.sample(names, min(2, len(names))):
        base, _, flags = n.partition(":2,")
        flags = "".join(sorted(set(flags) ^ set("F")))
        try:
            os.rename(f"{root}/cur/" + n, f"{root}/cur/{{base}}:2,{{flags}}")
        except FileNotFoundError:
            pass
"""])
clients = [Client(root) for _ in range(SESSIONS)]
killed = 0
for i in range(ROUNDS):
    # commands of all at the same time: sent first, read afterwards
    for c in clients:
        c.step()
    if random.random() < 0.15:
        victim = random.randrange(SESSIONS)
        c = clients[victim]
        c.send(random.choice([b"k STORE 1:* +FLAGS kw9\r\n", b"k EXPUNGE\r\n",
                              b"k COPY 1:* Other\r\n", b"k SELECT INBOX\r\n",
                              b"k APPEND INBOX {100000+}\r\nabc"]))
        time.sleep(random.random() / 50)
        c.kill()
        killed += 1
        ok(not c.wrong, "a killed session had been told the truth", seed,
           *c.wrong)
        clients[victim] = Client(root)
mover.kill()
mover.wait()
for c in clients:
    c.do("CHECK")
    c.learn()
for i, c in enumerate(clients):
    ok(not c.wrong, f"session {i} was told the truth", f"SEED={seed}", *c.wrong)
same([c.uids == clients[0].uids for c in clients], [True] * SESSIONS,
     f"all {SESSIONS} sessions agree on {clients[0].exists} messages")
files = os.listdir(root + "/cur") + os.listdir(root + "/new")
same(clients[0].exists, len(files), "with the directory")
lines = open(root + "/dovecot-uidlist").read().splitlines()
same([int(l.split()[0]) for l in lines[1:]],
     sorted({int(l.split()[0]) for l in lines[1:]}), "UIDs ascend in the file")
fresh = Client(root)
same(fresh.uids, clients[0].uids, "a new session sees the same UIDs")
same(fresh.append("INBOX", b"a: b\r\n\r\n")[0], "OK",
     "a killed session's lock is broken")
ok(not os.path.exists(root + "/dovecot-uidlist.lock"), "no lock is left")
print(f"# {killed} sessions killed")

# kill -9 in the middle of APPEND and COPY: what was acknowledged is there
acked = []
for i in range(30):
    c = imap.Session(root)
    c.ok("SELECT INBOX")
    tags = []
    for n in range(20):
        m = b"Subject: %d-%d\r\n\r\nx\r\n" % (i, n)
        c.send(b"a%d APPEND Other {%d+}\r\n%s\r\n" % (n, len(m), m))
    end = time.monotonic() + random.random() / 10
    try:
        while True:
            left = end - time.monotonic()
            line = c.line(max(left, 0))
            got = re.match(rb"a(\d+) OK \[APPENDUID \d+ (\d+)\]", line)
            if got:
                acked.append((int(got[2]), b"%d-%d" % (i, int(got[1]))))
    except imap.Dead:
        pass
    c.kill()
c = imap.Session(root)
c.ok("SELECT Other")
have = {}
for line in c.ok("UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]"):
    m = re.search(rb"UID (\d+).*Subject: (\d+-\d+)", line, re.S)
    if m:
        have[int(m[1])] = m[2]
lost = [a for a in acked if have.get(a[0]) != a[1]]
same(lost, [], f"{len(acked)} acknowledged APPENDs are there with their UIDs")
imap.remove(root)
finish()
