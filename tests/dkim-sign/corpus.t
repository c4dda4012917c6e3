#!/usr/bin/python3
"""Signatures over real messages, verified by Debian's python3-dkim and
Mail::DKIM. All domains of the messages have the same two keys. dkim-verify sees
all of them, the others every fourth, which takes them long enough; with
CORPUS=all in the environment all."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path[:0] = ["tests", "tests/e2e"]
import corpus
import dkim
import dnsserver
import tap

# LeakSanitizer needs ptrace, which a program that holds keys forbids
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
HERE = os.path.dirname(os.path.abspath(__file__))
RECEIVED = b"Received: from x (x [192.0.2.1])\r\n\tby y; date\r\n"
# Why a message may pass unsigned: these, and nothing else
REASONS = rb"passes unsigned: (no From field|several From fields|" \
    rb"a line of the header is no field|no domain in the From field) *\n"

tmp = tempfile.mkdtemp()
keys = tmp + "/keys"


def run(*argv, data=b"", **env):
    return subprocess.run(argv, input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env={**os.environ, **env})


def keygen(selector, kind):
    os.makedirs(keys + "/all.test", exist_ok=True)
    p = run("dkim-keygen", "-t", kind, f"{keys}/all.test/{selector}.key")
    with open(f"{keys}/{selector}.dns", "wb") as f:
        f.write(p.stdout)
    return b"".join(re.findall(rb'"([^"]*)"', p.stdout))


def record(kind, text=b""):
    return b"%d:%s%s," % (len(text) + 1, kind, text)


def parcel(number, message, facts=b""):
    s = record(b"I", b"%d" % number) + facts + record(b"F", b"a@b.test")
    s += record(b"T", b"0\0c@d.test") + record(b"H", RECEIVED)
    for i in range(0, len(message), 60000):
        s += record(b"M", message[i:i + 60000])
    return s + record(b".")


CLIENT = record(b"P", b"ip=192.0.2.1")


def signed(stream):
    """The signed messages as a sink writes them."""
    fields, body, at = [], [], 0
    while at < len(stream):
        colon = stream.index(b":", at)
        end = colon + 1 + int(stream[at:colon])
        kind, text = stream[colon + 1:colon + 2], stream[colon + 2:end]
        at = end + 1
        if kind == b"I":
            fields, body = [], []
        elif kind == b"H":
            fields.insert(0, text)
        elif kind == b"M":
            body.append(text)
        elif kind == b"." and len(fields) > 1:
            yield b"".join(fields + body)


def good(message, index):
    try:
        return dkim.DKIM(message).verify(
            idx=index, dnsfunc=lambda name, timeout=5:
            records[name.split(b"._domainkey.")[0]])
    except dkim.DKIMException:
        return False


try:
    # mbox's From line, where it is still there, is no header field
    found = [(name, re.sub(rb"\AFrom .*\r\n", b"", m))
             for name, m in corpus.corpus()]
    records = {b"rsa": keygen("rsa", "rsa"), b"ed": keygen("ed", "ed25519")}
    stream = b"".join(parcel(i, m) for i, (name, m) in enumerate(found))
    said = run("dkim-sign", "-k", keys, data=stream).stderr
    domains = {d.decode() for d in re.findall(rb"no key (\S+)", said)}
    for domain in domains:
        os.symlink("all.test", keys + "/" + domain)
    dns = dnsserver.Server({
        f"{s.decode()}._domainkey.{d}": [("TXT", text)]
        for d in domains for s, text in records.items()})
    step = 1 if os.environ.get("CORPUS") == "all" else 4
    for first, how in enumerate(("relaxed/relaxed", "simple/simple")):
        p = run("dkim-sign", "-k", keys, "-c", how, data=stream)
        messages = list(signed(p.stdout))
        tap.same(len(messages) + len(re.findall(REASONS, p.stderr)),
                 len(found),
                 f"{how}: each message is signed or named in the log")
        tap.ok(len(messages) > 1000, f"{len(messages)} are signed")
        files, bad = [], []
        for i, m in list(enumerate(messages))[first::step]:
            bad += [i for n in range(2) if not good(m, n)]
            files.append(f"{tmp}/{i}.eml")
            with open(files[-1], "wb") as f:
                f.write(m)
        tap.same(bad, [], "python3-dkim verifies both signatures of all")
        lines = []
        for i in range(0, len(files), 500):
            p = run("perl", HERE + "/verify.pl", keys, *files[i:i + 500])
            lines += p.stdout.decode().splitlines()
        # Debian 12's Mail::DKIM knows no ed25519-sha256: only the first, RSA
        tap.same([x for x in lines if x.split()[1:2] != ["pass"]], [],
                 "Mail::DKIM verifies the RSA signature of all")
        tap.same(len(lines), len(files), f"and has seen {len(files)}")
        p = run("dkim-verify", data=b"".join(
            parcel(i, m, CLIENT) for i, m in enumerate(messages)), **dns.env)
        # not the signatures that some had before
        results = re.findall(
            rb",\d+:A(dkim=[^,]* header\.s=(?:rsa|ed) [^,]*)", p.stdout)
        wrong = [a for a in results if not a.startswith(b"dkim=pass ")]
        # d= has two labels, RFC 6376 3.5: not so localhost
        tap.same([a for a in wrong if b"d= is no domain" not in a], [],
                 "dkim-verify verifies both signatures of all")
        tap.same(len(results), 2 * len(messages),
                 f"and has seen them all; {len(wrong)} of one label")
finally:
    shutil.rmtree(tmp)
tap.finish()
