"""What two servers say of the structure of the same message, and the classes
of differences between Dovecot's answers and ours that stay."""
import collections
import sys

sys.path.insert(0, "tests")
import tap


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
        lambda w, d, o: w in ("in-reply-to", "message-id", "date", "id",
                              "md5", "description", "location")
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

# what real messages do not show
UGLY = {
    "junk behind an encoding": (
        "RFC 2045 6.1: encoding := \"Content-Transfer-Encoding\" \":\""
        " mechanism [We take the first word, Dovecot the default.]",
        lambda w, d, o: w == "encoding" and d == b"7bit" and o),
    "no disposition": (
        "RFC 2183 2: disposition := \"Content-Disposition\" \":\""
        " disposition-type *(\";\" disposition-parm) [Without a type there is"
        " none; Dovecot shows an empty one.]",
        lambda w, d, o: w == "disposition" and d and d[0] == b""
        and o is None),
    "no language": (
        "RFC 3282 2: Language-List = Language-Tag [CFWS] *(\",\" [CFWS]"
        " Language-Tag [CFWS]) [Of what is none, we show each word, Dovecot"
        " the first.]",
        lambda w, d, o: w == "language" and o and (not d or d == o[:1])),
    "a parameter without a name": (
        "RFC 2045 5.1: parameter := attribute \"=\" value; attribute := token"
        " [Dovecot shows one with an empty name.]",
        lambda w, d, o: w == "params" and d and d[0] == b""
        and (d[2:] or None) == o),
    "sections beside the whole": (
        "RFC 2231 3: name*0 and name*1 are sections of one value [of which"
        " there is another, name*. Dovecot calls that one name*0*.]",
        lambda w, d, o: w == "params" and d and b"name*0*" in d
        and [x for x in d if x != b"name*0*"]
        == [x for x in o if x != b"name*"]),
    "fields of a part without a type": (
        "RFC 2045 3: The following additional header fields … are Content-ID,"
        " Content-Description [and need no Content-Type. Dovecot shows none"
        " of them without one.]",
        lambda w, d, o: w in ("id", "md5", "description", "location",
                              "disposition") and d is None and o),
    "doubled fields": (
        "RFC 2045 3: The grammar … of these header fields [has each once. Of"
        " two we show the last, Dovecot the first one.]",
        lambda w, d, o: w in ("id", "md5", "description", "location",
                              "disposition", "encoding", "language")
        and d and o),
    "a boundary that ends the file": (
        "RFC 2046 5.1.1: delimiter := CRLF \"--\" boundary [begins a part,"
        " which is empty then. Dovecot wants a line end behind it.]",
        lambda w, d, o: w == "parts" and isinstance(o[0], list)
        and isinstance(d[0], list)
        and len(split(o)[0]) == len(split(d)[0]) + 1
        and split(o)[0][-1][6:7] == ["0"]),
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
    f.update(zip(("md5", "disposition", "language", "location"), rest))
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
    names = "subtype", "params", "disposition", "language", "location"
    for what, a, b in zip(names, [*rest[:2], *rest[2]],
                          [*other[:2], *other[2]]):
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


def compare(files, theirs, ours, name, classes=CLASSES):
    seen, strange = collections.Counter(), []
    for i, f in enumerate(files, 1):
        if i not in theirs or i not in ours:
            strange.append(f"{f}: no answer")
            continue
        for what, d, o in differences(theirs[i], ours[i]):
            for c, (_, fits) in classes.items():
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


def same_section(section, d, o):
    """RFC 3501 6.4.5: the blank line is included in all header fetches;
    RFC 2046 5.1.1: see "the line end between two boundaries"."""
    d, o = d or b"", o or b""
    return (d == o or section.endswith(("MIME", "HEADER")) and d + b"\r\n" == o
            or d == o + b"\r\n")
