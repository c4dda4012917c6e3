#!/usr/bin/python3
"""Large and many: a message of 200 MiB where SIZE allows it, 1,000 recipients,
1,000 idle connections, and the memory that they take."""
import os
import re
import smtplib
import socket
import sys

sys.path.insert(0, "tests")
import instance
import tap

MIB = 1 << 20
server = instance.local("big.test")
server.value("CLIENTS", "-c 1200 -C 1200")
server.value("MESSAGE_SIZE", 220 * MIB)
server.account("u@big.test", "secret")
# of each mailbox one message gets one copy: so there are a thousand
server.table("users", *(f"r{i}@big.test:!" for i in range(1000)))
server.make()
server.up()


def connect():
    return smtplib.SMTP("127.0.0.1", server.port["SMTP"], timeout=300)


def peak():
    """The largest VmHWM of the suite's processes, in MiB."""
    most = 0
    for pid in server.pids():
        try:
            with open(f"/proc/{pid}/status") as f:
                m = re.search(r"VmHWM:\s+(\d+)", f.read())
            most = max(most, int(m.group(1)) // 1024 if m else 0)
        except OSError:
            pass
    return most


def newest(user="u"):
    box = f"{server.root}/var/mail/big.test/{user}/new"
    return [os.path.join(box, n) for n in os.listdir(box)] \
        if os.path.isdir(box) else []


line = b"0123456789" * 7 + b"\r\n"
lines = 200 * MIB // len(line)
smtp = connect()
smtp.ehlo("c.test")
tap.same(smtp.esmtp_features.get("size"), str(220 * MIB), "SIZE as told")
smtp.mail("s@elsewhere.test", [f"SIZE={200 * MIB}"])
smtp.rcpt("u@big.test")
smtp.docmd("DATA")
smtp.sock.sendall(b"Subject: big\r\n\r\n")
for _ in range(lines // 1000):
    smtp.sock.sendall(line * 1000)
during = peak()
smtp.sock.sendall(b".\r\n")
tap.same(smtp.getreply()[0], 250, "a message of 200 MiB is accepted",)
tap.ok(during < 32, f"no program grew with it: {during} MiB at most")
files = newest()
tap.same(len(files), 1, "it is stored once")
size = os.path.getsize(files[0])
want = lines // 1000 * 1000 * (len(line) - 1)
tap.ok(want < size < want + 4096, f"with all its bytes ({size})")
os.unlink(files[0])
code = smtp.mail("s@elsewhere.test", [f"SIZE={230 * MIB}"])[0]
tap.same(code, 552, "SIZE beyond the limit is refused at MAIL (RFC 1870 6.1)")

smtp.rset()
smtp.mail("s@elsewhere.test")
codes = {smtp.rcpt(f"r{i}@big.test")[0] for i in range(1000)}
tap.same(codes, {250}, "1,000 recipients in one transaction are accepted")
tap.same(smtp.data("Subject: many\r\n\r\nx\r\n")[0], 250, "and the message")
smtp.quit()
tap.ok(tap.until(lambda: all(len(newest(f"r{i}")) == 1 for i in range(1000)),
                 120), "1,000 copies are delivered", server.log("put")[-500:])

idle = []
before = len(server.pids())
for _ in range(1000):
    s = socket.create_connection(("127.0.0.1", server.port["SMTP"]), 30)
    idle.append(s)
banners = sum(s.recv(200).startswith(b"220") for s in idle)
tap.same(banners, 1000, "1,000 idle connections are greeted")
pss = 0
pids = [p for p, c in server.pids().items() if "smtp-recv" in c]
for pid in pids:
    try:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            pss += int(re.search(r"Pss:\s+(\d+)", f.read()).group(1))
    except OSError:
        pass
tap.ok(pss / 1000 < 200, f"at {pss / 1000:.0f} kB (PSS) each")
late = connect()
tap.same(late.ehlo("c.test")[0], 250, "and one more client is served")
late.quit()
for s in idle:
    s.close()
tap.ok(tap.until(lambda: len(server.pids()) <= before + 1, 30),
       "they are gone when they leave")
tap.same(server.down(), {}, "a clean stop leaves no process")
tap.finish()
