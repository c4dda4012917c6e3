#!/usr/bin/python3
"""Tables that break while mail comes in, and a mailbox that fills up: whoever
was told 250 has the message or its sender a bounce, once; a table that cannot
be read is never "no such mailbox", and nobody unknown is taken."""
import glob
import os
import random
import re
import smtplib
import sys
import threading

sys.path.insert(0, "tests")
import instance
import tap

TOTAL, THREADS = int(os.environ.get("DELIVERIES", "100")), 4
server = instance.local("tables.test")
server.table("aliases", "both@tables.test: one@tables.test, two@tables.test",
             "part@tables.test: one@tables.test, full@tables.test")
server.table("accounts", "full@tables.test quota=20000")
for user in ("one", "two", "full", "sender"):
    server.account(f"{user}@tables.test", "secret")
server.make()
server.up()
CDB = server.root + "/var/tables/mail.cdb"
WHOLE, OWNER = open(CDB, "rb").read(), os.stat(CDB)
SETS = (["one"], ["two", "one"], ["both"], ["full"], ["full", "one"], ["part"],
        ["nobody", "two"], ["both", "one"], ["part", "full"], ["two", "nobody"])
lock = threading.Lock()
done = threading.Event()
taken, wrong, broken = [], [], []


def deliveries():
    """Until enough were taken, and enough fell upon a broken table."""
    for n in range(TOTAL * 200):
        if len(taken) >= TOTAL and len(broken) >= TOTAL:
            return
        yield n


todo = deliveries()


def put_table(data):
    with open(CDB + ".new", "wb") as f:
        f.write(data)
    os.chown(CDB + ".new", OWNER.st_uid, OWNER.st_gid)
    os.chmod(CDB + ".new", OWNER.st_mode & 0o777)
    os.rename(CDB + ".new", CDB)


def breaker():
    n = 0
    while not done.wait(random.random() / 5):
        n += 1
        if n % 3 == 0:
            os.unlink(CDB)
        elif n % 3 == 1:
            put_table(WHOLE[:random.randrange(len(WHOLE))])
        else:  # not even by a rename
            os.truncate(CDB, random.randrange(len(WHOLE)))
        done.wait(random.random() / 20)
        put_table(WHOLE)
    put_table(WHOLE)


def one(smtp, n):
    token, good = f"token-{n}-", []
    smtp.mail("sender@tables.test")
    for name in SETS[n % len(SETS)]:
        code, text = smtp.rcpt(f"{name}@tables.test")
        if code == 250:
            good.append(name)
        if code == 451:
            broken.append(name)
        fits = 550 if name == "nobody" else 552 if name == "full" else 250
        if code not in (fits, 250 if name == "full" else fits, 451, 452):
            wrong.append((name, code, text))
    if random.random() < 0.1:
        smtp.rset()
    elif good:
        code, text = smtp.data(f"Subject: {token}\r\n\r\n" + "x" * 3000)
        if code == 250:
            with lock:
                taken.append((token, good))
        elif code == 550:
            wrong.append((good, code, text))
    else:
        smtp.rset()


def worker():
    smtp = None
    while True:
        with lock:
            n = next(todo, None)
        if n is None:
            return
        try:
            smtp = smtp or smtplib.SMTP("127.0.0.1", server.port["SMTP"],
                                        timeout=60)
            smtp.ehlo_or_helo_if_needed()
            one(smtp, n)
        except (OSError, smtplib.SMTPException):
            smtp = None


threads = [threading.Thread(target=worker) for _ in range(THREADS)]
threads.append(threading.Thread(target=breaker))
for t in threads[::-1]:
    t.start()
for t in threads[:-1]:
    t.join()
done.set()
threads[-1].join()
tap.same(wrong, [], "a table that cannot be read: 451, nothing else")
tap.ok(len(taken) >= TOTAL and len(broken) >= TOTAL,
       f"{len(taken)} were taken, {len(broken)} fell upon a broken table")


def queued():
    return [n for _, _, names in os.walk(server.root + "/var/queue")
            for n in names if re.fullmatch("[0-9a-v]{16}", n)]


def drained():
    server.service("queue", "-a")
    return not queued()


tap.ok(tap.until(drained, 90), "the queue drains afterwards",
       server.log("queue")[-2000:])


def texts(user):
    box = f"{server.root}/var/mail/tables.test/{user}"
    for name in glob.glob(box + "/new/*"):
        with open(name, errors="replace") as f:
            yield f.read()


have = {}
for user in ("one", "two", "full"):
    for text in texts(user):
        key = user, re.search(r"token-\d+-", text)[0]
        have[key] = have.get(key, 0) + 1
for text in texts("sender"):
    for failed in re.findall(r"(?m)^Final-Recipient: rfc822; *(\w+)@", text):
        key = failed, re.search(r"token-\d+-", text)[0]
        have[key] = have.get(key, 0) + 1
MEANS = {"both": ("one", "two"), "part": ("one", "full")}
count = {(box, token): have.get((box, token), 0) for token, to in taken
         for name in to for box in MEANS.get(name, (name,))}
tap.same([k for k, n in count.items() if n == 0], [],
         "nothing that was taken is lost")
tap.same([k for k, n in count.items() if n > 1], [],
         "nothing is there twice, or there and bounced")
tap.same([k for k in have if k[0] == "nobody"], [], "nobody has no mail")
tap.same(server.down(), {}, "a clean stop leaves no process")
tap.finish()
