#!/usr/bin/python3
"""Two domains, real DNS: what issue by issue must hold between a.test and
b.test, seen with the eyes of real clients."""
import os
import re
import sys

sys.path.insert(0, "tests")
sys.path.insert(0, "tests/lab")
import tap
from instance import run
from lab import Lab

PASSWORDS = {"alice@a.test": "correct horse", "bob@b.test": "battery staple"}

lab = Lab()
a = lab.host("a", 1)
b = lab.host("b", 2)
client = lab.host("client", 9)
a.setup("a.test")
b.setup("b.test")
keys = a.dkim("a.test", "rsa") + a.dkim("a.test", "ed25519")
soa = ("$TTL 60\n@ SOA ns hostmaster 1 3600 900 604800 60\n"
       "@ NS ns\nns A 192.0.2.53\n")
lab.dns({
    "a.test.": soa + "@ MX 10 mail\nmail A 192.0.2.1\n"
               '@ TXT "v=spf1 mx -all"\n' + keys,
    "b.test.": soa + "@ MX 10 mail\nmail A 192.0.2.2\n"
               '@ TXT "v=spf1 mx -all"\n',
    "nomail.test.": soa + "@ MX 0 .\n",
    "2.0.192.in-addr.arpa.": soa + "1 PTR mail.a.test.\n2 PTR mail.b.test.\n",
})
a.table("aliases", "forward@a.test: bob@b.test", "dead@a.test: dead@b.test")
b.table("aliases", "info@b.test: bob@b.test", "dead@b.test: x@nomail.test")
for host, address in ((a, "alice@a.test"), (b, "bob@b.test")):
    host.account(address, PASSWORDS[address])
    host.make()
    services = host.up()
tap.ok(len(services) > 10, f"{len(services)} services on each host are up")


def imap(host, user, command, path="INBOX"):
    return host.run("curl", "-sk", "-m", "60", "--user",
                    f"{user}:{PASSWORDS[user]}",
                    f"imaps://{host.ip}/{path}", "-X", command, check=False)


def fetch(host, user, token, box="INBOX", where="SUBJECT"):
    """The message whose Subject holds the token, or ''."""
    uids = re.findall(r"\d+", "".join(
        line for line in imap(host, user, f"UID SEARCH {where} {token}", box)
        .splitlines() if line.startswith("* SEARCH")))
    if not uids:
        return ""
    return host.run("curl", "-sk", "-m", "60", "--user",
                    f"{user}:{PASSWORDS[user]}",
                    f"imaps://{host.ip}/{box};UID={uids[-1]}", check=False)


def arrives(host, user, token, seconds=90, **kw):
    return tap.until(lambda: fetch(host, user, token, **kw), seconds)


def unfold(message):
    return re.sub(r"\r?\n[ \t]+", " ", message)


def submit(token, to, *more):
    return client.run("swaks", "--server", a.ip + ":587", "-tls", "-au",
                      "alice@a.test", "-ap", PASSWORDS["alice@a.test"], "-f",
                      "alice@a.test", "-t", to, "--header",
                      f"Subject: {token}", *more, check=False)


def plain_smtp(where, token, sender, to, fr, *more):
    return where.run("swaks", "--server", fr.ip + ":25", "-f", sender, "-t",
                     to, "--header", f"Subject: {token}", *more, check=False)


def dkim_results(message):
    """Debian's python3-dkim on each signature, with the lab's DNS."""
    import dkim

    def txt(name, timeout=5):
        name = name.decode() if isinstance(name, bytes) else name
        out = client.run("drill", "TXT", name, "@" + lab.resolver)
        strings = re.findall(r"^\S+\s+\d+\s+IN\s+TXT\s+(.*)$", out, re.M)
        return b"".join(s.encode() for s in
                        re.findall(r'"([^"]*)"', strings[0])) if strings else b""
    raw = re.sub(rb"\r?\n", b"\r\n", message.encode("utf-8", "surrogateescape"))
    d = dkim.DKIM(raw)
    count = len(re.findall(rb"(?im)^dkim-signature:", raw.split(
        b"\r\n\r\n")[0]))
    return [d.verify(idx=i, dnsfunc=txt) for i in range(count)]


# alice@a.test to an alias of b.test, submitted by swaks
out = submit("token-one", "info@b.test")
tap.ok("<~  250" in out or "<** 250" in out or "queued" in out.lower()
       or "250 2." in out, "swaks submits over STARTTLS with AUTH", out)
got = arrives(b, "bob@b.test", "token-one")
tap.ok(got, "the message arrives at b.test through its alias",
       a.log("queue"), a.log("send"), b.log("smtp"), b.log("put"))
text = unfold(got)
tap.ok(re.search(r"(?im)^authentication-results: mail\.b\.test;.*spf=pass",
                 text), "SPF passes in one Authentication-Results", text)
tap.same(len(re.findall(r"(?im)^dkim-signature:", text)), 2,
         "it is signed with rsa and ed25519")
if got:
    # curl shows the message as stored: LF; the header ends at the empty line
    results = dkim_results(got)
    tap.same(results, [True, True], "python3-dkim verifies both signatures")
tap.ok(re.search(r"(?im)^received: from mail\.a\.test.*with ESMTPS", text),
       "it travelled with STARTTLS (RFC 3848: ESMTPS)", text)
tap.ok(re.search(r"(?im)^delivered-to: bob@b\.test", text),
       "Delivered-To names the account")
tap.ok(re.search(r"(?im)^return-path: <alice@a\.test>", text),
       "Return-Path is the reverse-path")

# mutt with msmtp
conf = lab.dir + "/msmtprc"
with open(conf, "w") as f:
    f.write("account default\nhost %s\nport 465\ntls on\ntls_starttls off\n"
            "tls_certcheck off\nauth plain\nuser alice@a.test\n"
            "password correct horse\nfrom alice@a.test\n" % a.ip)
os.chmod(conf, 0o600)
out = client.run("mutt", "-n", "-F", "/dev/null", "-e",
                 f"set sendmail='msmtp -C {conf}'", "-e",
                 "set from=alice@a.test", "-e", "set copy=no", "-s",
                 "token-two", "bob@b.test", input="hello from mutt\n",
                 check=False)
tap.ok(arrives(b, "bob@b.test", "token-two"),
       "mutt and msmtp send over implicit TLS", out)

# mbsync reads what arrived
box = lab.dir + "/sync"
os.makedirs(box)
with open(lab.dir + "/mbsyncrc", "w") as f:
    f.write(f"IMAPAccount b\nHost mail.b.test\nUser bob@b.test\n"
            f"Pass \"{PASSWORDS['bob@b.test']}\"\nSSLType IMAPS\n"
            "CertificateFile %s\n\nIMAPStore far\nAccount b\n\nMaildirStore near\n"
            "Path %s/\nInbox %s/INBOX\nSubFolders Verbatim\n\nChannel c\n"
            "Far :far:\nNear :near:\nPatterns *\nCreate Near\nSync Pull\nSyncState *\n"
            % (f"{b.root}/etc/tls/mail.b.test/fullchain.pem", box, box))
out = client.run("mbsync", "-c", lab.dir + "/mbsyncrc", "c", check=False)
files = [os.path.join(d, n) for d, _, names in os.walk(box) for n in names
         if os.path.basename(d) in ("new", "cur")]
tap.ok(len(files) == 2, "mbsync pulls both messages", out, files)
tap.ok(os.path.isdir(box + "/Junk") or "Junk" in imap(
    b, "bob@b.test", 'LIST "" *', ""), "the special-use folders are there", out)

# An unknown user is refused at RCPT by b.test and bounces at a.test
submit("token-three", "nobody@b.test")
bounce = arrives(a, "alice@a.test", "delivered")
tap.ok("multipart/report" in bounce and "message/delivery-status" in bounce,
       "an unknown user makes an RFC 3464 bounce", bounce, a.log("queue"))
tap.ok(re.search(r"(?im)^status: 5\.1\.1", bounce),
       "which gives the remote status 5.1.1", bounce)
tap.ok(re.search(r"(?im)^return-path: <>", bounce), "and comes from <>")

# b.test is down for a while
b.service("smtp", "-d")
run("s6-svwait", "-D", "-t", "60000", b.root + "/service/smtp", check=False)
submit("token-four", "bob@b.test")
tap.ok(tap.until(lambda: "451" in a.log("queue") or "4.4.1" in a.log("queue")
                 or "defer" in a.log("queue").lower()),
       "while b.test is down the message is deferred", a.log("queue"))
b.service("smtp", "-u")
run("s6-svwait", "-U", "-t", "60000", b.root + "/service/smtp", check=False)
a.service("queue", "-a")
tap.ok(arrives(b, "bob@b.test", "token-four"),
       "and delivered when it is back and the queue is told (SIGALRM)",
       a.log("queue"), a.log("send"))

# An SPF violation shows, and is junk where no DMARC policy says more
out = plain_smtp(client, "token-five", "ceo@a.test", "bob@b.test", b)
text = unfold(arrives(b, "bob@b.test", "token-five", box="Junk"))
tap.ok(re.search(r"(?im)^authentication-results: mail\.b\.test;.*spf=fail",
                 text), "SPF -all violated: spf=fail", out, text)

# Port 25 neither relays nor signs, nor forwards junk
out = plain_smtp(client, "token-six", "ceo@a.test", "bob@b.test", a)
tap.ok(" 550 5.7.1" in out or " 554 5.7.1" in out,
       "port 25 of a.test does not relay", out)
out = plain_smtp(client, "token-junk", "ceo@a.test", "forward@a.test", a)
tap.ok("550 5.7.1" in out, "junk is not forwarded", out)
out = plain_smtp(b, "token-seven", "bob@b.test", "forward@a.test", a,
                 "--h-From", "ceo@a.test")
got = arrives(b, "bob@b.test", "token-seven")
tap.ok(got, "mail forged as From ceo@a.test is forwarded by the alias of "
       "a.test", out, a.log("queue-received"), a.log("queue"))
tap.ok(got and not re.search(r"(?im)^dkim-signature:", got),
       "and leaves unsigned", got)
path = re.search(r"(?im)^return-path: <(.*)>", got)
path = path.group(1) if path else ""
tap.ok(re.fullmatch(r"SRS0=[a-z2-7]{8}=[a-z2-7]{2}=b\.test=bob@a\.test", path),
       "with a reverse-path in the domain of the alias (SRS)", got)
tap.ok(re.search(r"(?im)^authentication-results: mail\.b\.test;.*spf=pass "
                 r"smtp\.mailfrom=SRS0=[^;]*@a\.test", unfold(got)),
       "for which SPF passes at b.test", got)

# What cannot be delivered behind b.test comes back the whole way: SRS1 at b
# (no mail for nomail.test, RFC 7505), SRS0 at a, bob
out = plain_smtp(b, "token-eight", "bob@b.test", "dead@a.test", a)
bounce = arrives(b, "bob@b.test", "token-eight", where="TEXT")
text = unfold(bounce)
tap.ok("message/delivery-status" in text and "5.1.10" in text and
       "Subject: token-eight" in text, "a bounce from behind b.test arrives "
       "where the message came from", out, bounce, b.log("queue"),
       a.log("queue"))
tap.ok(re.search(r"(?im)^return-path: <>", text), "with the null path, so that "
       "nothing comes back of it", bounce)
tap.ok(re.search(r"from mail\.b\.test.*by mail\.a\.test", text) and
       re.search(r"from mail\.a\.test.*by mail\.b\.test", text),
       "by way of a.test, whose address it was", bounce)
forged = path.replace("bob@", "ceo@")
out = plain_smtp(b, "token-nine", "<>", forged, a)
tap.ok("550 5.7.1" in out, "a forged one is refused by a.test", out)
out = submit("token-nine", forged)
tap.ok("550 5.7.1" in out and " 451 " not in out,
       "and as a submission, which cannot read the secrets", out)
out = submit("token-ten", path)
got = arrives(b, "bob@b.test", "token-ten")
tap.ok(re.search(r"(?im)^return-path: <>", got),
       "a good one is led back from there, too", out, got)

# A clean stop
for host in (a, b):
    tap.same(host.down(), [], f"{host.name}: a clean stop leaves no process")
tap.finish()
