#!/usr/bin/python3
"""ENVELOPE, BODY and BODYSTRUCTURE of real messages, beside Dovecot's.

The differences that stay are the classes of structure.py, each with the sentence
that says who is right. Anything else is a failure.
"""
import glob
import os
import subprocess
import sys
import tempfile

sys.path[:0] = ["tests", "tests/imap-serve"]
import dovecot
import tap
from structure import CLASSES, compare, same_section

O = os.environ.get("O", "build")
TOOL = f"{O}/tests/imap-serve/mime"
CORPUS = os.environ.get("CORPUS", f"{O}/corpus")
ITEMS = "RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE"


SECTIONS = "HEADER TEXT 1 1.MIME 2 2.MIME 2.HEADER 2.TEXT 3".split() + [""]


def compare_sections(files, theirs, ours):
    strange = 0
    for i, f in enumerate(files, 1):
        for s in SECTIONS:
            d = theirs[i].get(f"BODY[{s}]") or b""
            o = ours.get(i, {}).get(f"BODY[{s}]") or b""
            if same_section(s, d, o):
                continue
            with open(f, "rb") as m:
                if b"boundary*=" in m.read():
                    continue
            strange += 1
            print(f"# {f}: BODY[{s}]: Dovecot {d[:200]!r}, we {o[:200]!r}")
    tap.same(strange, 0, "the same bytes in every section")


# Not asked: blanks and brackets, which Dovecot normalizes; messages without a
# Date, which it counts as sent in 1970; headers of attached messages in BODY.
QUERIES = [q.encode("latin-1") for q in (
    "TEXT perl", "BODY perl", 'TEXT "the virus"', "SUBJECT re", "FROM yahoo",
    "TO example", "CC list", "HEADER Received localhost", 'HEADER X-Mailer ""',
    "SENTON 2-Sep-2002", 'BODY "<b>"', 'TEXT "content-type"',
    "TEXT iso-8859-1", 'BODY "=20"', "CHARSET UTF-8 BODY {2+}\r\n\xc3\xa9",
    "CHARSET ISO-8859-1 TEXT {1+}\r\n\xfc", 'TEXT "ing the"',
    "LARGER 20000", 'TEXT "base64"', 'HEADER Message-ID ".com>"')]


def compare_imap(peer, files, commands, theirs):
    cmd = [f"{O}/bin/imap-serve", peer.maildir]

    def serve(commands):
        return dovecot.fetches(subprocess.run(
            cmd, input=commands, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL).stdout)
    compare(files, theirs, serve(commands),
            "imap-serve on the Maildir that Dovecot had opened")
    items = " ".join(f"BODY.PEEK[{s}]" for s in SECTIONS)
    commands = (f"a SELECT INBOX\r\nb FETCH 1:* ({items})\r\n"
                "c LOGOUT\r\n").encode()
    compare_sections(files, dovecot.fetches(peer.run(commands)),
                     serve(commands))
    ours = subprocess.Popen(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)
    for q, d, o in zip(QUERIES, dovecot.searches(peer.start(), QUERIES),
                       dovecot.searches(ours, QUERIES)):
        tap.ok(d and d == o, f"SEARCH {q!r} finds the same {len(d)}",
               f"Dovecot alone {sorted(d - (o or set()))}",
               f"we alone {sorted((o or set()) - d)}")


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def main():
    if not dovecot.present():
        skip("no dovecot-imapd")
    r = subprocess.run(["tests/corpus/collect", CORPUS])
    if r.returncode:
        skip("no corpus")
    files = sorted(glob.glob(f"{CORPUS}/*.eml"))
    with tempfile.TemporaryDirectory() as dir:
        peer = dovecot.Dovecot(dir)
        for i, f in enumerate(files, 1):
            with open(f, "rb") as m:
                peer.add(i, m.read())
        commands = (f"a SELECT INBOX\r\nb FETCH 1:* ({ITEMS})\r\n"
                    "c LOGOUT\r\n").encode()
        theirs = dovecot.fetches(peer.run(commands))
        tap.same(len(theirs), len(files), "Dovecot answers for each message")
        printed = subprocess.run([TOOL] + files, stdout=subprocess.PIPE)
        tap.same(printed.returncode, 0, "the MIME reader takes all of them")
        ours = dovecot.fetches(printed.stdout)
        seen = compare(files, theirs, ours, "the MIME reader")
        # where a package could not be had, its differences are not seen
        unseen = set(CLASSES) - set(seen) if len(files) > 3000 else None
        tap.ok(len(CLASSES) <= 20 and not unseen,
               "each class of the table is still needed", unseen)
        if os.path.exists(f"{O}/bin/imap-serve"):
            compare_imap(peer, files, commands, theirs)
    tap.finish()


main()
