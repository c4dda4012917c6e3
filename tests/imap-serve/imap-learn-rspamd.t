#!/usr/bin/python3
# A real rspamd learns from what is moved into Junk and out of it.
import json
import os
import shutil
import sys

sys.path[:0] = ["tests", "tests/imap-serve", "tests/spf-check"]
from tap import finish, ok, same, skip_all, until
if not shutil.which("rspamd"):
    skip_all("no rspamd")
import imap
import instance
import rspamd

(control,) = instance.free_ports(1)
rspamd.CONF += f'''
worker "controller" {{ bind_socket = "127.0.0.1:{control}"; count = 1;
  secure_ip = ["127.0.0.1"]; }}
classifier "bayes" {{ backend = "sqlite3"; min_tokens = 1; min_learns = 1;
  tokenizer {{ name = "osb"; }}
  statfile {{ symbol = "BAYES_HAM"; spam = false; path = "%(t)s/ham.sqlite"; }}
  statfile {{ symbol = "BAYES_SPAM"; spam = true; path = "%(t)s/spam.sqlite"; }}
}}
'''
server = rspamd.Rspamd()


def learnt():
    """How often of each kind, as the server's classifier says."""
    r = rspamd.urllib.request.urlopen(f"http://127.0.0.1:{control}/stat")
    return {f["symbol"]: f["revision"] for f in json.load(r)["statfiles"]}


root = imap.maildir()
rspamc = f"rspamc -h 127.0.0.1:{control} "
s = imap.Session(root, env={"ROHRPOST_LEARN_SPAM": rspamc + "learn_spam",
                            "ROHRPOST_LEARN_HAM": rspamc + "learn_ham"})
for name in "Junk", "Other":
    s.ok("CREATE " + name)
# A server that root starts remembers over its end what it has learnt: words of
# this run
for n, words in enumerate(("win a million roubles with this one simple trick",
                           "the minutes of our meeting on wednesday")):
    s.append("INBOX", f"From: a@b.test\r\nSubject: m{n}\r\nMessage-ID: <{n}@b>"
             f"\r\n\r\n{words}, said {n} {os.urandom(8).hex()}\r\n".encode())
same(learnt(), {"BAYES_HAM": 0, "BAYES_SPAM": 0}, "nothing is learnt yet")
s.ok("SELECT INBOX")
s.ok("MOVE 1:2 Junk")
ok(until(lambda: learnt()["BAYES_SPAM"] == 2), "MOVE into Junk: two of spam",
   learnt())
s.ok("SELECT Junk")
s.ok("MOVE 2 Other")
ok(until(lambda: learnt()["BAYES_HAM"] == 1), "MOVE out of it: one of ham",
   learnt())
s.logout()
imap.remove(root)
finish()
