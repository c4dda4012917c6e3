#!/usr/bin/python3
"""kill -9 of random programs of the suite during deliveries: nothing that was
acknowledged is lost, and nobody gets twice what was sent once. DELIVERIES=n
sets how many (default 2000)."""
import os
import random
import re
import signal
import smtplib
import sys
import threading

sys.path.insert(0, "tests")
import instance
import tap

TOTAL = int(os.environ.get("DELIVERIES", "2000"))
THREADS = 8
server = instance.local("kill.test")
server.table("aliases", "both@kill.test: one@kill.test, two@kill.test")
for user in ("one", "two"):
    server.account(f"{user}@kill.test", "secret")
server.make()
server.up()

lock = threading.Lock()
kills = {}
acknowledged, unknown = [], []
RECIPIENTS = ("one@kill.test", "two@kill.test", "both@kill.test")


def deliveries():
    """TOTAL, and more where a fast machine has hardly killed in that time"""
    for n in range(TOTAL * 10):
        if n >= TOTAL and sum(kills.values()) > 40:
            return
        yield n


todo = deliveries()


def connect():
    """A session, or None; a listener that was killed comes back in a second,
    in which refused connections would use up all the deliveries."""
    try:
        smtp = smtplib.SMTP("127.0.0.1", server.port["SMTP"], timeout=60)
        smtp.ehlo("client.test")
        return smtp
    except (OSError, smtplib.SMTPException):
        return None


def worker():
    smtp = None
    while True:
        with lock:
            n = next(todo, None)
        if n is None:
            break
        smtp = smtp or tap.until(connect, 60)
        if not smtp:
            break
        token, to = f"token-{n}-", RECIPIENTS[n % 3]
        body = f"Subject: {token}\r\n\r\n" + "x" * 70 + "\r\n"
        try:
            smtp.sendmail("s@elsewhere.test", [to], body)
            with lock:
                acknowledged.append((token, to))
        except (OSError, smtplib.SMTPException) as e:
            with lock:
                unknown.append((token, to))
            if not isinstance(e, smtplib.SMTPResponseException) or \
                    e.smtp_code == 421:
                smtp = None
    if smtp:
        try:
            smtp.quit()
        except (OSError, smtplib.SMTPException):
            pass


done = threading.Event()


def killer():
    spare = ("s6-", "sh -c", "svscan")
    while not done.wait(0.03):
        victims = [(p, c) for p, c in server.pids().items()
                   if c and not any(c.startswith(s) for s in spare)]
        if not victims:
            continue
        pid, command = random.choice(victims)
        try:
            os.kill(pid, signal.SIGKILL)
            name = os.path.basename(command.split()[0])
            kills[name] = kills.get(name, 0) + 1
        except OSError:
            pass


threads = [threading.Thread(target=worker) for _ in range(THREADS)]
murderer = threading.Thread(target=killer)
murderer.start()
for t in threads:
    t.start()
for t in threads:
    t.join()
done.set()
murderer.join()
print("# killed:", ", ".join(f"{n} {k}" for k, n in sorted(kills.items())))
tap.ok(sum(kills.values()) > 20, "enough programs were killed to mean much")
tap.ok(len(acknowledged) > TOTAL / 10,
       f"{len(acknowledged)} of "
       f"{len(acknowledged) + len(unknown)} deliveries were acknowledged")

queue = server.root + "/var/queue"


def queued():
    return [os.path.join(d, n) for d, _, names in os.walk(queue)
            for n in names if re.fullmatch("[0-9a-v]{16}", n)]


def drained():
    server.service("queue", "-a")
    return not queued()


tap.ok(tap.until(drained, 90), "the queue drains afterwards",
       "\n".join(queued()[:20]), server.log("queue")[-2000:])

found = {"one": {}, "two": {}}
for user, tokens in found.items():
    box = f"{server.root}/var/mail/kill.test/{user}"
    for sub in ("new", "cur"):
        for name in os.listdir(f"{box}/{sub}"):
            with open(f"{box}/{sub}/{name}", errors="replace") as f:
                for line in f:
                    if line.startswith("Subject: token-"):
                        t = line[9:].strip()
                        tokens[t] = tokens.get(t, 0) + 1
                        break


def boxes(to):
    return ("one", "two") if to.startswith("both") else (to.split("@")[0],)


lost = [(t, to) for t, to in acknowledged
        if any(not found[box].get(t) for box in boxes(to))]
tap.same(lost, [], "nothing acknowledged is lost")
twice = [(t, to) for t, to in acknowledged
         if any(found[box].get(t, 0) > 1 for box in boxes(to))]
tap.same(twice, [], "nothing acknowledged is there twice")
unread = [(t, to) for t, to in unknown
          if any(found[box].get(t) for box in boxes(to))]
print(f"# {len(unread)} of {len(unknown)} whose 250 the client never read "
      "are there")
tap.same(server.down(), {}, "a clean stop leaves no process")
tap.finish()
