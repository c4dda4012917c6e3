#!/usr/bin/python3
"""ENVELOPE, BODY and BODYSTRUCTURE of real messages, beside Dovecot's.

The differences that stay are the classes below, each with the sentence that
says who is right. Anything else is a failure.
"""
import collections
import glob
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, "tests")
import dovecot
import tap

O = os.environ.get("O", "build")
TOOL = f"{O}/tests/imap-serve/mime"
CORPUS = os.environ.get("CORPUS", f"{O}/corpus")
ITEMS = "RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE"


def blanks(s):
    return b" ".join(s.split()) if isinstance(s, bytes) else s


TSPECIALS = [bytes([c]) for c in b'()<>@,;:\\"/[]?=']


# name: (RFC's sentence, whether (what, Dovecot's, ours) is of that class)
CLASSES = {
    "blanks inside a value": (
        "RFC 5322 2.2.3: Unfolding is accomplished by simply removing any CRLF"
        " that is immediately followed by WSP. [Dovecot makes each run of"
        " blanks one.]",
        lambda w, d, o: w in ("subject", "name") and blanks(d) == blanks(o)),
    "blanks behind a value": (
        "RFC 5322 3.6.4: in-reply-to = \"In-Reply-To:\" 1*msg-id CRLF; msg-id"
        " = [CFWS] \"<\" id-left \"@\" id-right \">\" [CFWS]. [Dovecot shows the"
        " trailing CFWS as part of the value.]",
        lambda w, d, o: w in ("in-reply-to", "message-id", "date", "id")
        and isinstance(d, bytes) and d.strip() == o),
    "unreadable Content-Type": (
        "RFC 2045 5.2: It is also recommend that this default be assumed when"
        " a syntactically invalid Content-Type header field is encountered."
        " [Dovecot: an empty type or subtype.]",
        lambda w, d, o: w == "type" and b"" in d
        and o == (b"text", b"plain")),
    "sections joined, some of them not extended": (
        "RFC 2231 7: attribute-char := <any (US-ASCII) CHAR except SPACE,"
        " CTLs, \"*\", \"'\", \"%\", or tspecials> [Dovecot puts them unencoded"
        " into the extended value.]",
        lambda w, d, o: w == "params" and unquoted(d) == unquoted(o)),
    "a default beside charset*": (
        "RFC 2231 4: Asterisks (\"*\") are reused to provide the indicator that"
        " language and character set information is present. [charset* is the"
        " charset; Dovecot adds the default us-ascii to it.]",
        lambda w, d, o: w == "params" and o and b"charset*" in o[::2]
        and sorted(pairs(d)) == sorted(pairs(o)
                                       + [(b"charset", b"us-ascii")])),
    "case of a charset": (
        "RFC 2046 4.1.2: Unlike some other parameter values, the values of the"
        " charset parameter are NOT case sensitive. [Dovecot's cache writes"
        " its usual one in lower case.]",
        lambda w, d, o: w == "params" and d and o
        and [x.lower() for x in d] == [x.lower() for x in o]
        == [b"charset", b"us-ascii"]),
    "the line end between two boundaries": (
        "RFC 2046 5.1.1: the initial CRLF is considered to be attached to the"
        " boundary delimiter line rather than part of the preceding part."
        " [Also behind an inner close-delimiter.]",
        lambda w, d, o: w == "octets" and int(d) == int(o) + 2
        or w == "lines" and int(d) == int(o) + 1),
    "junk behind a type": (
        "RFC 2045 5.1: content := \"Content-Type\" \":\" type \"/\" subtype"
        " *(\";\" parameter) [We read type and subtype, Dovecot nothing.]",
        lambda w, d, o: w == "type" and d == (b"", b"")
        and b"" not in o and o != (b"text", b"plain")),
    "values that should have been quoted": (
        "RFC 2045 5.1: tspecials … Must be in quoted-string, to use within"
        " parameter values [We read to the next blank or semicolon, and an"
        " open quote to the end; Dovecot to the first tspecial.]",
        lambda w, d, o: w == "params" and d and o
        and d[::2] == o[::2] and any(
            a != b and any(t in b for t in TSPECIALS)
            for a, b in zip(d[1::2], o[1::2]))),
    "addresses with errors": (
        "RFC 3501 7.4.2: The fields of an address structure are … mailbox"
        " name, and host name. [We show what is there, Dovecot SYNTAX_ERROR"
        " and nothing behind it.]",
        lambda w, d, o: w in ENVELOPE and b"SYNTAX_ERROR" in str(d).encode()),
    "boundary*": (
        "RFC 2231 1: (2) a mechanism which permits the parameter values to be"
        " in character sets other than US-ASCII … for all MIME parameters."
        " [boundary* is a boundary; Dovecot finds no parts.]",
        lambda w, d, o: w == "parts" and b"boundary*" in str(o).encode()),
}


def pairs(v):
    return [(v[i].lower(), v[i + 1]) for i in range(0, len(v), 2)]


def unquoted(v):
    from urllib.parse import unquote_to_bytes
    return sorted((n, unquote_to_bytes(x) if n.endswith(b"*") else x)
                  for n, x in pairs(v or []))


ENVELOPE = ("date subject from sender reply-to to cc bcc in-reply-to "
            "message-id").split()


def diff_envelope(d, o):
    for what, a, b in zip(ENVELOPE, d, o):
        if a == b:
            continue
        if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            for x, y in zip(a, b):
                if x[1:] != y[1:]:
                    yield what, x, y
                elif x != y:
                    yield "name", x[0], y[0]
        else:
            yield what, a, b


def single(v):
    """A body-type-1part's fields by name."""
    kind = (v[0].lower(), v[1].lower())
    f = {"type": kind, "params": v[2], "id": v[3], "description": v[4],
         "encoding": v[5].lower(), "octets": v[6]}
    rest = v[7:]
    if kind == (b"message", b"rfc822") and isinstance(rest[0], list):
        f["envelope"], f["body"], f["lines"] = rest[:3]
        rest = rest[3:]
    elif rest and isinstance(rest[0], str):
        f["lines"], rest = rest[0], rest[1:]
    f["extension"] = rest
    return f


def split(v):
    """A multipart: its parts, subtype, parameters, the rest."""
    n = next(i for i, x in enumerate(v) if isinstance(x, bytes))
    return v[:n], v[n].lower(), (v[n + 1:n + 2] or [None])[0], v[n + 2:]


def diff_multipart(d, o):
    (parts, *rest), (mine, *other) = split(d), split(o)
    found = [x for a, b in zip(parts, mine) for x in diff_body(a, b)]
    if len(parts) != len(mine) or found and b"boundary*" in str(d).encode():
        yield "parts", d, o
        return
    yield from found
    for what, a, b in zip(("subtype", "params", "extension"), rest, other):
        if a != b:
            yield what, a, b


def diff_body(d, o):
    if isinstance(d[0], list) != isinstance(o[0], list):
        yield "parts", d, o
    elif isinstance(d[0], list):
        yield from diff_multipart(d, o)
    else:
        yield from diff_single(single(d), single(o))


def diff_single(d, o):
    if d["type"] != o["type"]:
        yield "type", d["type"], o["type"]
        return  # the default's fields differ with it
    for k in sorted(set(d) | set(o)):
        a, b = d.get(k), o.get(k)
        if a == b:
            continue
        if k == "envelope":
            yield from diff_envelope(a, b)
        elif k == "body":
            yield from diff_body(a, b)
        else:
            yield k, a, b


def basic(v):
    if isinstance(v[0], list):
        parts, subtype, _, _ = split(v)
        return [basic(p) for p in parts] + [v[len(parts)]]
    if len(v) > 9 and isinstance(v[7], list):
        return v[:8] + [basic(v[8]), v[9]]
    return v[:7 + (len(v) > 7 and isinstance(v[7], str))]


def differences(d, o):
    if d["RFC822.SIZE"] != o["RFC822.SIZE"]:
        yield "size", d["RFC822.SIZE"], o["RFC822.SIZE"]
    yield from diff_envelope(d["ENVELOPE"], o["ENVELOPE"])
    yield from diff_body(d["BODYSTRUCTURE"], o["BODYSTRUCTURE"])
    # BODY is BODYSTRUCTURE without its extension data
    if basic(o["BODYSTRUCTURE"]) != o["BODY"]:
        yield "body", basic(o["BODYSTRUCTURE"]), o["BODY"]


def compare(files, theirs, ours, name):
    seen, strange = collections.Counter(), []
    for i, f in enumerate(files, 1):
        if i not in theirs or i not in ours:
            strange.append(f"{f}: no answer")
            continue
        for what, d, o in differences(theirs[i], ours[i]):
            for c, (_, fits) in CLASSES.items():
                if fits(what, d, o):
                    seen[c] += 1
                    break
            else:
                strange.append(f"{f}: {what}: Dovecot {d!r}, we {o!r}")
    tap.ok(not strange, f"{name}: {len(files)} messages, differences of "
           f"{len(seen)} known classes only", *strange[:20])
    for c, n in seen.most_common():
        print(f"# {n} {c}")
    return seen


SECTIONS = "HEADER TEXT 1 1.MIME 2 2.MIME 2.HEADER 2.TEXT 3".split() + [""]


def compare_sections(files, theirs, ours):
    strange = 0
    for i, f in enumerate(files, 1):
        for s in SECTIONS:
            d = theirs[i].get(f"BODY[{s}]") or b""
            o = ours.get(i, {}).get(f"BODY[{s}]") or b""
            # RFC 3501 6.4.5: the blank line is included in all header fetches;
            # RFC 2046 5.1.1: see "the line end between two boundaries"
            if (d == o or s.endswith(("MIME", "HEADER")) and d + b"\r\n" == o
                    or d == o + b"\r\n"):
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
