#!/usr/bin/python3
# Thousands of ugly messages: structure, sections and sizes beside Dovecot's.
# SEED and COUNT make other ones, or more.
import os
import subprocess
import sys
import tempfile

sys.path[:0] = ["tests", "tests/imap-serve"]
import dovecot
import structure
import tap
import ugly

SEED = int(os.environ.get("SEED", "2046"))
COUNT = int(os.environ.get("COUNT", "2000"))
ITEMS = "RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE"

if not dovecot.present():
    tap.skip_all("no dovecot-imapd")
u = ugly.Ugly(SEED)
messages = [u.message() for _ in range(COUNT)]
with tempfile.TemporaryDirectory() as dir:
    peer = dovecot.Dovecot(dir)
    for i, m in enumerate(messages, 1):
        peer.add(i, m)
    names = [f"{i} of seed {SEED}" for i in range(1, COUNT + 1)]
    if len(sys.argv) > 1:
        sys.stdout.buffer.write(messages[int(sys.argv[1]) - 1])
        sys.exit(0)

    def serve(commands):
        return subprocess.run(["imap-serve", peer.maildir], input=commands,
                              stdout=subprocess.PIPE).stdout
    commands = (f"a SELECT INBOX\r\nb FETCH 1:* ({ITEMS})\r\n"
                "c LOGOUT\r\n").encode()
    theirs = dovecot.fetches(peer.run(commands))
    ours = dovecot.fetches(serve(commands))
    seen = structure.compare(names, theirs, ours, "ugly",
                             {**structure.CLASSES, **structure.UGLY})
    if COUNT >= 2000:
        unseen = set(structure.UGLY) - set(seen)
        tap.ok(not unseen, "each class of ugliness is still needed", unseen)

    sections = "HEADER TEXT 1 1.MIME 1.HEADER 1.TEXT 2 2.MIME 2.1 1.1".split()
    items = " ".join(f"BODY.PEEK[{x}]" for x in sections + [""])
    commands = (f"a SELECT INBOX\r\nb FETCH 1:* ({items})\r\n"
                "c LOGOUT\r\n").encode()
    theirs = dovecot.fetches(peer.run(commands))
    ours = dovecot.fetches(serve(commands))
    strange = []
    for i in range(1, COUNT + 1):
        for x in sections + [""]:
            d, o = (f.get(i, {}).get(f"BODY[{x}]") for f in (theirs, ours))
            # 6.4.5: only a message that is no multipart has a part 1 that is
            # itself; to Dovecot every part has one
            if o is None and x.endswith(".1") and (
                    d == theirs[i].get(f"BODY[{x[:-2]}]")):
                continue
            if not structure.same_section(x, d, o):
                strange.append(f"{i}: BODY[{x}]: Dovecot {d!r}, we {o!r}")
    tap.ok(not strange, "the same bytes in every section", len(strange),
           *strange[:10])

    # RFC 2046 has no bounds: ours are answered, not refused
    limits = [ugly.deep(n) for n in (90, 99, 120, 5000)]
    limits += [ugly.nested(n) for n in (90, 99, 120, 5000)]
    limits += [ugly.wide(n) for n in (999, 1000, 5000)]
    for i, m in enumerate(limits, COUNT + 1):
        peer.add(i, m)
    commands = (f"a SELECT INBOX\r\nb FETCH {COUNT + 1}:* (BODY BODYSTRUCTURE "
                f"BODY.PEEK[1] BODY.PEEK[1.1.1] PREVIEW)\r\nc LOGOUT\r\n")
    ours = dovecot.fetches(serve(commands.encode()))
    tap.same(len(ours), len(limits), "5,000 levels or parts are answered")
    for (i, a), m in zip(sorted(ours.items()), limits):
        depth = str(a["BODYSTRUCTURE"]).count("[")
        tap.ok(depth < 5000, f"{i - COUNT}: and bounded", depth)
tap.finish()
