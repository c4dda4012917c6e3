#!/usr/bin/python3
"""Real messages from one domain to another: submitted, signed, queued, sent
with STARTTLS, received, stored, read. What goes into DATA comes out of IMAP
BODY[] below the trace fields and signatures of both sides."""
import os
import sys

sys.path[:0] = ["tests", "tests/e2e"]
import corpus
import instance
import tap


def make(domain):
    """An instance whose queries reach no resolver"""
    server = instance.local(domain)
    server.account("u@" + domain, "secret")
    return server


messages = corpus.corpus()
there = make("there.test")
there.make()
there.up()
here = make("here.test")
here.dkim("here.test", "ed25519")


def edit(service, old, new):
    path = f"{here.root}/service/{service}/run"
    with open(path) as f:
        script = f.read()
    with open(path, "w") as f:
        f.write(script.replace(old, new))


edit("send", "smtp-send ", f"smtp-send -s 127.0.0.1:{there.port['SMTP']} ")
# what others wrote, spam among it
edit("submissions", "smtp-recv ", "smtp-recv -M ")
edit("queue-submitted", "sender-check |", "")
here.make()
here.up()

smtp = corpus.Smtp(here.port["SUBMISSIONS"], (b"u@here.test", b"secret"),
                   b"u@here.test")
accepted = corpus.send(messages, smtp, b"u@there.test")
tap.same(len(accepted), len(messages), "all are accepted for submission")
box = there.root + "/var/mail/there.test/u/new"


def arrived():
    return len(os.listdir(box)) if os.path.isdir(box) else 0


tap.ok(tap.until(lambda: arrived() >= len(accepted), 300),
       "all arrive", f"{arrived()} of {len(accepted)}")
bodies = corpus.fetch(there.port["IMAPS"], "u@there.test")
wrong = corpus.missing(accepted, bodies, 2)
tap.ok(not wrong, "every message comes out as it went in", wrong[:20])
for server in here, there:
    tap.same(server.down(), {}, "a clean stop")
tap.finish()
