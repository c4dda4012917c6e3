"""Real messages inside Debian packages, as SMTP would carry them."""
import glob
import os
import re

PLACES = [
    "/usr/lib/python3.*/test/test_email/data/*",
    "/usr/lib/python3.*/test/test_email/data/*.txt",
    "/usr/share/gocode/src/github.com/gatherstars-com/jwz/test/testdata/*/*",
    "/usr/share/doc/libmime-explode-perl/examples/testmsgs/*",
    "/usr/share/doc/spamassassin/examples/sample-*",
    "/usr/share/doc/spamc/sample-*",
    "/usr/lib/python3/dist-packages/dkim/tests/data/*.message",
    "/usr/lib/python3/dist-packages/mailman/*/tests/data/*",
    "/usr/lib/python3/dist-packages/mailman/*/*/tests/data/*",
]


def crlf(raw):
    raw = re.sub(rb"\AFrom .*\n(>From .*\n)*", b"", raw)  # mbox
    return re.sub(rb"\r\n|\r|\n", b"\r\n", raw)


def messages(root=""):
    """(file, bytes with CRLF) of every file there that has a From field."""
    for place in PLACES + os.environ.get("CORPUS", "").split():
        for f in sorted(glob.glob(root + place)):
            if not os.path.isfile(f):
                continue
            with open(f, "rb") as h:
                raw = crlf(h.read())
            if not raw.endswith(b"\r\n"):
                raw += b"\r\n"
            if re.search(rb"^From:", raw.split(b"\r\n\r\n")[0], re.M | re.I):
                yield f, raw
