#!/usr/bin/python3
# imap-serve -w takes clients over from imap-login, which the test plays, and
# asks auth-check, which it plays too.
import array
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
from tap import finish, ok, same

home = tempfile.mkdtemp(prefix="imap-serve.")
mail = home + "/mail/b.test/alice"
value = mail.encode() + b"\0"
key = b"ualice@b.test"
with open(home + "/in", "wb") as f:
    f.write(b"+%d,%d:%s->%s\n\n" % (len(key), len(value), key, value))
subprocess.run(["cdb", "-c", home + "/mail.cdb", home + "/in"], check=True)


def auth(c):
    with c, c.makefile("rwb") as f:
        f.write(b"VERSION\t1\t1\nSPID\t1\n")
        f.flush()
        for line in f:
            a = line.decode().rstrip("\n").split("\t")
            if a[0] != "REQUEST":
                continue
            if a[2:5] == ["77", "5", "c00c1e"]:
                f.write(f"USER\t{a[1]}\talice@b.test\n".encode())
            elif a[4:5] == ["0ther"]:
                f.write(f"USER\t{a[1]}\tnobody@b.test\n".encode())
            else:
                f.write(f"NOTFOUND\t{a[1]}\n".encode())
            f.flush()
            return


def listen(name, each=None):
    s = socket.socket(socket.AF_UNIX)
    s.bind(f"{home}/{name}")
    s.listen(600)
    if each:
        def loop():
            while True:
                try:
                    c = s.accept()[0]
                except OSError:
                    return
                threading.Thread(target=each, args=(c,), daemon=True).start()
        threading.Thread(target=loop, daemon=True).start()
    return s


master = listen("auth-master", auth)
door = listen("imap")
server = subprocess.Popen(
    ["imap-serve", "-w", "-c", "1000", "-a", home + "/auth-master"],
    stdin=door, stderr=open(home + "/log", "wb"),
    env={**os.environ, "ROHRPOST_TABLES": home, "ROHRPOST_FOLDERS":
         "Sent=Gesendet"})


class Client(imap.Session):
    """Over a socket pair, handed over as imap-login does."""

    def __init__(self, cookie="c00c1e", more=b"", tag="a1"):
        self.sock, theirs = socket.socketpair()
        self.out, self.buf, self.n = self.sock.fileno(), b"", 0
        facts = "".join(f"{k}={v}\0" for k, v in dict(
            tag=tag, cmd="LOGIN", pid=77, id=5, cookie=cookie, ip="192.0.2.1",
            port=99, tls="TLSv1.2").items()).encode()
        message = b"%d:%s,%d:%s," % (len(facts), facts, len(more), more)
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(home + "/imap")
            half = len(message) // 2
            s.sendmsg([message[:half]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                          array.array("i", [theirs.fileno()]))])
            s.sendall(message[half:])
            theirs.close()
            s.settimeout(60)
            self.answer = s.recv(1)

    def send(self, data):
        self.sock.sendall(data)


c = Client(more=b"b NOOP\r\nc SEL")
same(c.answer, b"K", "a confirmed client is taken")
ok(c.line().startswith(b"a1 OK [CAPABILITY IMAP4rev1 "),
   "the tagged OK to its login, with CAPABILITY (6.2.3)")
same(c.line(), b"b OK NOOP completed", "bytes that imap-login read are served")
c.send(b"ECT INBOX\r\n")
same(c.until(b"c")[0], "OK", "also half commands")
ok(b'* LIST (\\HasNoChildren \\Sent) "." Gesendet' in c.ok('LIST "" *'),
   "the Maildir was made, with special-use names of ROHRPOST_FOLDERS")
same(os.stat(mail).st_mode & 0o777, 0o700, "mode 700")
c.append("INBOX", b"a: b\r\n\r\nx\r\n")
ok(b"* 1 EXISTS" in c.ok("SELECT INBOX"), "APPEND inside the jail")
same(c.ok("SEARCH CHARSET ISO-8859-1 BODY x"), [b"* SEARCH 1"],
     "charsets inside the jail")
same(Client(cookie="wrong").answer, b"N", "a wrong cookie is refused")
same(Client(cookie="0ther").answer, b"N", "an account that there is not")
same(Client(tag="a\r\nb").answer, b"N", "a tag that is none")
with socket.socket(socket.AF_UNIX) as s:
    s.connect(home + "/imap")
    s.sendall(b"999999:")
    same(s.recv(1), b"", "nonsense is dropped")



def children():
    return subprocess.run(["ps", "-o", "pid=", "--ppid", str(server.pid)],
                          capture_output=True, text=True).stdout.split()


def links(pid):
    d = f"/proc/{pid}/fd"
    try:
        return [os.readlink(f"{d}/{n}") for n in os.listdir(d)]
    except OSError:  # one that has just ended
        return []


d = Client()
d.line()
d.ok("SELECT INBOX")
d.send(b"i IDLE\r\n")
d.wait_line(rb"^\+")
c.append("INBOX", b"a: b\r\n\r\ny\r\n")
ok(d.wait_line(rb"2 EXISTS"), "IDLE inside the jail")
if os.geteuid() == 0:  # others may not look into a confined process
    same([links(pid).count("anon_inode:inotify") for pid in children()].count(1),
         1, "by inotify, not by polling")

# more sessions than the user may have inotify instances: polling
idle = []
for i in range(150):
    e = Client()
    e.line()
    e.ok("SELECT INBOX")
    e.send(b"i IDLE\r\n")
    idle.append(e)
for e in idle:
    e.wait_line(rb"^\+")
c.append("INBOX", b"a: b\r\n\r\nz\r\n")
ok(all(e.wait_line(rb"3 EXISTS") for e in idle),
   "150 idle sessions hear of new mail")
pids = children()
pss = 0
for pid in pids:
    try:
        pss += int(re.search(r"Pss: +(\d+)",
                             open(f"/proc/{pid}/smaps_rollup").read())[1])
    except (OSError, TypeError):
        pass
print(f"# {len(pids)} sessions, PSS {pss / max(len(pids), 1):.0f} KiB each")

master.close()
os.unlink(home + "/auth-master")
same(Client().answer, b"N", "without auth-check nobody is let in")
server.send_signal(signal.SIGTERM)
ok(c.line().startswith(b"* BYE"), "SIGTERM: BYE (3.4)")
ok(d.wait_line(rb"^\* BYE"), "also to an idle session")
same(server.wait(60), 0, "the server ends")
log = open(home + "/log").read()
ok("account=alice@b.test ip=192.0.2.1" in log, "logins are logged")
imap.remove(home)
finish()
