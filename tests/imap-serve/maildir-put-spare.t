#!/usr/bin/python3
"""maildir-put's children serve one connection after another (lib/serve)."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, "tests")
import tap

if os.getuid():
    tap.skip_all("needs root: a confined child hides its descriptors")
tmp = tempfile.mkdtemp()
env = dict(os.environ, ROHRPOST_TABLES=tmp, ROHRPOST_RUN=tmp,
           ROHRPOST_ME="me.test")


def table(*users):
    with open(tmp + "/users", "w") as f:
        f.writelines(f"{u}@a.test:$6$s$x\n" for u in users)
    with open(tmp + "/domains", "w") as f:
        f.write("a.test\n")
    text = subprocess.run(["table-build", "mail", "-m", tmp + "/mail", "-d",
                           tmp + "/domains", tmp + "/users"], check=True,
                          stdout=subprocess.PIPE).stdout
    subprocess.run(["cdb", "-c", "-t", tmp + "/t", tmp + "/mail.cdb", "-"],
                   input=text, check=True)


def until(what):
    end = time.monotonic() + 60
    while not what() and time.monotonic() < end:
        time.sleep(0.01)
    return what()


def start(*options):
    p = subprocess.Popen(["unix-listen", tmp + "/put", "maildir-put", "-w",
                          *options], env=env, stderr=subprocess.DEVNULL)
    until(lambda: os.path.exists(tmp + "/put"))
    return p


def children(p):
    with open(f"/proc/{p.pid}/task/{p.pid}/children") as f:
        return f.read().split()


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    for _ in range(6000):
        try:
            s.connect(tmp + "/put")
            return s
        except (ConnectionRefusedError, FileNotFoundError):
            time.sleep(0.01)
    raise SystemExit("Bail out! no socket")


def record(text):
    return b"%d:%s," % (len(text), text)


def parcel(user, end=b"."):
    to = f"0\0{user}@a.test\0route=local\0mailbox={user}@a.test"
    return (record(b"Ix") + record(b"Fs@b.test") +
            record(b"T" + to.encode()) + record(b"MSubject: x\r\n\r\nx\r\n") +
            record(end))


def report(s):
    return s.recv(1000).decode()


def idle_child(p):
    """Waits for a new client, so its descriptors are few again"""
    return until(lambda: children(p) and all(
        not os.path.exists(f"/proc/{c}/fd/0") for c in children(p)))


def one(user):
    s = connect()
    s.sendall(parcel(user))
    got = report(s)
    s.close()
    return got


table("one")
p = start()
try:
    tap.same(one("one")[:9], "R x 250 2", "a parcel is stored")
    first = children(p)
    fds = idle_child(p) and os.listdir(f"/proc/{first[0]}/fd")
    for _ in range(20):
        assert one("one").startswith("R x 250")
        idle_child(p)
    tap.same(children(p), first, "the same child serves 20 more connections")
    tap.same(sorted(os.listdir(f"/proc/{first[0]}/fd")), sorted(fds or []),
             "and keeps no descriptor of them")
    tap.same(one("two")[:7], "R x 550", "an unknown mailbox")
    idle_child(p)
    table("one", "two")
    tap.same(one("two")[:9], "R x 250 2", "a changed table is seen by it")
    idle_child(p)
    a, b = connect(), connect()
    a.sendall(parcel("one")[:-4])
    b.sendall(parcel("one"))
    tap.same(report(b)[:7], "R x 250", "beside a client that is slow")
    tap.same(len(children(p)), 2, "there is a second child")
    a.close()
    tap.ok(until(lambda: len(children(p)) == 1),
           "a child whose parcel broke off serves nobody else")
    b.close()
    idle_child(p)
    os.kill(int(children(p)[0]), signal.SIGKILL)
    until(lambda: not children(p))
    tap.same(one("one")[:7], "R x 250", "an idle child that was killed")
finally:
    p.terminate()
    tap.same(p.wait(), 0, "SIGTERM ends all")

p = start("-c", "2")
try:
    clients = [connect() for _ in range(6)]
    for s in clients:
        s.sendall(parcel("one"))
    for s in clients[:2]:
        report(s)
        s.close()
    tap.same([report(s)[:7] for s in clients[2:4]], ["R x 250"] * 2,
             "a full house: who waits outside is served by whoever is free")
    for s in clients[2:4]:
        s.close()
    tap.same([report(s)[:7] for s in clients[4:]], ["R x 250"] * 2,
             "and so are the last")
    tap.ok(len(children(p)) <= 2, "never more than -c")
    for s in clients[4:]:
        s.close()
finally:
    p.terminate()
    p.wait()
    shutil.rmtree(tmp)
tap.finish()
