#!/usr/bin/python3
"""Mail clients of Debian against a whole instance: each logs in over STARTTLS
and over TLS at once, and does what people do with it. A second sync must find
nothing to do."""
import base64
import glob
import imaplib
import os
import shutil
import smtplib
import ssl
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, "tests")
import instance
import tap

DOMAIN, PASSWORD, BINARY = "client.test", "secret", os.urandom(100000)
tmp = tempfile.mkdtemp(prefix="rp-clients-")
server = None


def start():
    top = instance.install()
    i = instance.Instance(top + "/prog", top + "/i")
    i.setup("localhost", DOMAIN)
    i.local()
    i.value("CLIENTS", "-c 400 -C 400")
    i.value("RATES", "")
    i.value("ACCOUNT_RATES",
            "messages=0/1,recipients=0/1,first=0/1")
    for user in ("u", "v", "sync", "perl", "fetch", "two"):
        i.account(f"{user}@{DOMAIN}", PASSWORD)
    i.table("aliases", f"müller@{DOMAIN}: u@{DOMAIN}",
            *(f"r{n}@{DOMAIN}: v@{DOMAIN}" for n in range(1000)))
    i.make()
    i.up()
    return i


server = start()
CERT = server.root + "/etc/tls/localhost/fullchain.pem"
context = ssl.create_default_context(cafile=CERT)
port = server.port


def run(*cmd, data="", **env):
    """Exit code and what it said; a client that is not there fails."""
    clean = {"PATH": os.environ["PATH"], "HOME": tmp, "LC_ALL": "C.UTF-8",
             "TERM": "dumb", "SSL_CERT_FILE": CERT}
    try:
        p = subprocess.run(cmd, input=data, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=120,
                           errors="replace", cwd=tmp, env=dict(clean, **env))
        return p.returncode, p.stdout
    except (OSError, subprocess.TimeoutExpired) as e:
        return -1, str(e)


def client(name, *cmd, code=0, **kw):
    got, said = run(*cmd, **kw)
    tap.ok(got == code, name, f"exit {got}, not {code}", said[-2000:])
    return said


def write(name, text):
    path = f"{tmp}/{name}"
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o600)
    return path


def login(user, starttls=False):
    if starttls:
        m = imaplib.IMAP4("localhost", port["IMAP"])
        m.starttls(context)
    else:
        m = imaplib.IMAP4_SSL("localhost", port["IMAPS"], ssl_context=context)
    m.login(f"{user}@{DOMAIN}", PASSWORD)
    return m


def subjects(user, box="INBOX"):
    with login(user) as m:
        m.select(box, True)
        return m.uid("SEARCH", "ALL")[1][0].split() and [
            x[1].decode(errors="replace").strip()[9:] for x in
            m.uid("FETCH", "1:*", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]")[1]
            if isinstance(x, tuple)]


def arrives(user, subject, name, box="INBOX"):
    tap.ok(tap.until(lambda: subject in subjects(user, box)), name,
           subjects(user, box))


def fill(user):
    """Twenty messages with all kinds of flags in four mailboxes."""
    flags = (None, "\\Seen", "(\\Flagged \\Answered)", "($Forwarded)",
             "\\Draft")
    with login(user) as m:
        for box in ("INBOX", "Archive", '"Entw&APw-rfe.a b"', "a.b.c"):
            if m.select(box)[0] != "OK":
                m.create(box)
                m.subscribe(box)
            for n in range(5):
                m.append(box, flags[n], '" 1-Jan-2020 10:00:0%d +0000"' % n,
                         b"Subject: m%d\r\nMessage-ID: <%d.%s@x>\r\n"
                         b"From: a@b.test\r\n\r\nbody \xc3\xbc\r\n.\r\n"
                         % (n, n, box.encode().strip(b'"').replace(b" ", b"")))


def submission():
    data = write("attachment", "")
    with open(data, "wb") as f:
        f.write(BINARY)
    for how, number, on in (("starttls", port["SUBMISSION"], True),
                            ("tls", port["SUBMISSIONS"], False)):
        rc = write("msmtprc", f"""account default
host localhost
port {number}
auth on
tls on
tls_starttls {"on" if on else "off"}
tls_trust_file {CERT}
user u@{DOMAIN}
passwordeval "echo {PASSWORD}"
from u@{DOMAIN}
""")
        client(f"msmtp, {how}", "msmtp", "-C", rc, "-t", data=f"Subject: msmtp "
               f"{how}\nTo: u@{DOMAIN}\nBcc: v@{DOMAIN}\n\n.\n..\n")
        arrives("u", f"msmtp {how}", "is there")
        arrives("v", f"msmtp {how}", "for Bcc too")
        client(f"msmtp, {how}: nothing at all", "msmtp", "-C", rc,
               f"u@{DOMAIN}")
        client(f"msmtp, {how}: 1,000 recipients", "msmtp", "-C", rc,
               *(f"r{n}@{DOMAIN}" for n in range(1000)), data="\nmany\n")
        scheme = "submission" if on else "smtps"
        rc = write("mailrc", f"""set v15-compat sendwait smtp-auth=plain
set mta={scheme}://u%40{DOMAIN}:{PASSWORD}@localhost:{number}
set from=u@{DOMAIN} hostname=localhost tls-verify=strict tls-ca-file={CERT}
{"set smtp-use-starttls" if on else ""}
""")
        client(f"s-nail, {how}, with an attachment", "s-nail", "-s",
               f"s-nail {how}", "-a", data, f"u@{DOMAIN}", data="körper\n",
               MAILRC=rc)
        arrives("u", f"s-nail {how}", "is there")
        scheme = "smtp" if on else "smtps"
        common = f"""set certificate_file={CERT}
set from=u@{DOMAIN} use_from=yes ssl_force_tls=yes sleep_time=0 record=
set smtp_pass={PASSWORD} charset=utf-8 send_charset=utf-8
"""
        rc = write("muttrc", common + f"set smtp_url={scheme}://"
                   f"u%40{DOMAIN}@localhost:{number}/\n")
        client(f"mutt, {how}, 8bit, SMTPUTF8", "mutt", "-F", rc, "-s",
               f"mutt {how}", "-a", data, "--", f"müller@{DOMAIN}",
               data="größer\n")
        arrives("u", f"mutt {how}", "is there")
    rc = write("muttrc", common + "set sendmail=\"env ROHRPOST_RUN="
               f"{server.root}/run {server.prog}/bin/mail-inject\"\n")
    client("mutt with mail-inject as sendmail", "mutt", "-F", rc, "-s",
           "mutt injected", "--", f"u@{DOMAIN}", data="x\n")
    arrives("u", "mutt injected", "is there")
    for how in ("-tls", "-tlsc"):
        number = port["SUBMISSION" if how == "-tls" else "SUBMISSIONS"]
        for mechanism in ("PLAIN", "LOGIN"):
            client(f"swaks {how}, AUTH {mechanism}", "swaks", "--server",
                   "localhost", "--port", str(number), how, "--tls-verify",
                   "--tls-ca-path", CERT, "--auth", mechanism, "--auth-user",
                   f"u@{DOMAIN}", "--auth-password", PASSWORD, "--from",
                   f"u@{DOMAIN}", "--to", f"v@{DOMAIN}")
    client("swaks with a wrong password", "swaks", "--server", "localhost",
           "--port", str(port["SUBMISSION"]), "-tls", "--auth", "PLAIN",
           "--auth-user", f"u@{DOMAIN}", "--auth-password", "wrong", "--to",
           f"v@{DOMAIN}", "--from", f"u@{DOMAIN}", code=28)


def attached():
    """The attachment as a mail client gets it."""
    with login("u") as m:
        m.select("INBOX")
        n = m.search("UTF-8", "SUBJECT", '"s-nail tls"')[1][0].split()[0]
        part = m.fetch(n, "(BODY[2])")[1][0][1]
    return base64.b64decode(part) == BINARY


def mbsync(how):
    top = f"{tmp}/mbsync-{how}"
    os.makedirs(top)
    kind, number = (("STARTTLS", port["IMAP"]) if how == "starttls"
                    else ("IMAPS", port["IMAPS"]))
    rc = write(f"mbsyncrc-{how}", f"""IMAPAccount a
Host localhost
Port {number}
User sync@{DOMAIN}
Pass {PASSWORD}
SSLType {kind}
CertificateFile {CERT}

IMAPStore far
Account a

MaildirStore near
Path {top}/
Inbox {top}/INBOX
SubFolders Verbatim
Flatten .

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
CopyArrivalDate yes
""")
    client(f"mbsync, {how}", "mbsync", "-c", rc, "c")

    def both():
        here = {f[len(top):] for f in glob.glob(top + "/*/[cn]*/*,U=*")}
        with login("sync") as m:
            there = {box: m.select(box, True)[1][0] and
                     m.fetch("1:*", "(UID FLAGS INTERNALDATE)")[1]
                     for box in ("INBOX", "Archive", "a.b.c")}
        return here, there

    first = both()
    client("the second time", "mbsync", "-c", rc, "c")
    tap.ok(first[0] and both() == first, "has nothing to do",
           first, both())


def offlineimap():
    top = f"{tmp}/offlineimap"
    os.makedirs(top)
    fingerprint = run("openssl", "x509", "-in", CERT, "-noout", "-sha512",
                      "-fingerprint")[1].partition("=")[2]
    rc = write("offlineimaprc", f"""[general]
accounts=a
metadata={top}/meta
ui=basic
[Account a]
localrepository=l
remoterepository=r
[Repository l]
type=Maildir
localfolders={top}/mail
[Repository r]
type=IMAP
remotehost=localhost
remoteport={port["IMAPS"]}
remoteuser=sync@{DOMAIN}
remotepass={PASSWORD}
ssl=yes
cert_fingerprint={fingerprint.strip().replace(":", "").lower()}
""")
    client("offlineimap", "offlineimap", "-o", "-c", rc)
    said = client("the second time", "offlineimap", "-o", "-c", rc)
    tap.ok("Copy message" not in said, "has nothing to do", said)
    with open(top + "/mail/Archive/new/1.x.localhost", "w") as f:
        f.write("Subject: from here\nMessage-ID: <here@x>\n\nx\n")
    client("with a message more here", "offlineimap", "-o", "-c", rc)
    arrives("sync", "from here", "it is there", "Archive")
    said = client("and again", "offlineimap", "-o", "-c", rc)
    tap.ok("Copy message" not in said, "has nothing to do", said)


def fetchers():
    for how, number, tls in (("tls", port["IMAPS"], "ssl"),
                             ("starttls", port["IMAP"], "sslproto tls1+")):
        rc = write("fetchmailrc", f"""poll localhost service {number} proto imap
user fetch@{DOMAIN} pass {PASSWORD} {tls} sslcertck sslcertfile {CERT}
mda "cat >>{tmp}/fetched-{how}" keep
""")
        client(f"fetchmail, {how}", "fetchmail", "-f", rc, "--fetchall",
               "--nosyslog", "--pidfile", tmp + "/fetchmail.pid")
        try:
            with open(f"{tmp}/fetched-{how}", errors="replace") as f:
                tap.same(f.read().count("body ü\n"), 5, "fetches all five")
        except OSError as e:
            tap.ok(False, "fetches all five", e)
    rc = write("imapfilter.lua", f"""options.timeout = 20
options.create = true
options.subscribe = true
a = IMAP {{server = "localhost", port = {port["IMAPS"]}, ssl = "auto",
  username = "fetch@{DOMAIN}", password = "{PASSWORD}"}}
a.INBOX:contain_subject("m1"):copy_messages(a["Grüße"])
a.INBOX:contain_subject("m2"):move_messages(a.Archive)
a.INBOX:contain_subject("m3"):delete_messages()
a.INBOX:contain_body("body"):add_flags({{"Mine"}})
print(#a.INBOX:has_keyword("Mine"), #a.Archive:is_flagged())
""")
    said = client("imapfilter", "imapfilter", "-t", CERT, "-c", rc)
    tap.ok("3\t2" in said, "finds, copies, moves, flags and deletes", said)
    tap.same(subjects("fetch", '"Gr&APwA3w-e"'), ["m1"],
             "in a mailbox that it made")


PERL = """use Mail::IMAPClient;
my ($port, $ca) = @ARGV;
my $i = Mail::IMAPClient->new(Server => "localhost", Port => $port,
  User => "perl\\@client.test", Password => "secret", Uid => 1,
  Ssl => [SSL_ca_file => $ca, SSL_verifycn_name => "localhost"]) or die $@;
sub must { my ($good, $what) = @_;
  $good or die "$what: ", $i->LastError || "", "\\n" }
must $i->create("n.sub"), "create";
must !$i->selectable("n"), "a level is not selectable";
must $i->select("n.sub"), "select";
must @{$i->search("1:*") || [1]} == 0, "search of nothing";
my $uid = $i->append("n.sub", "Subject: one\\r\\n\\r\\nbody\\r\\n");
must $uid, "append";
must $i->noop, "noop";
must $i->message_string($uid) =~ /body/, "message_string";
must $i->set_flag("Answered", $uid), "set_flag";
must join(" ", $i->flags($uid)) =~ /Answered/, "flags";
must $i->get_bodystructure($uid)->bodytype eq "TEXT", "bodystructure";
must $i->get_envelope($uid)->subject eq "one", "envelope";
must $i->move("INBOX", $uid), "move";
must $i->expunge, "expunge";
must $i->message_count("INBOX") == 1, "message_count";
must $i->select("INBOX"), "select INBOX";
must $i->rename("n.sub", "n.other"), "rename";
must $i->delete("n.other"), "delete";
must $i->logout, "logout";
"""


def two_at_once():
    """Two clients delete and flag in one mailbox while mail arrives; both and
    a third that comes later see the same."""
    lost = []

    def work(starttls):
        m = login("two", starttls)
        m.select("INBOX")
        try:
            for n in range(40):
                m.noop()
                uids = m.uid("SEARCH", "UNDELETED")[1][0].split()
                if uids:
                    m.uid("STORE", uids[n % len(uids)], "+FLAGS", "\\Seen")
                if len(uids) > 10:
                    m.uid("COPY", uids[0], "Archive")
                    m.uid("STORE", uids[0], "+FLAGS", "\\Deleted")
                    m.expunge()
                m.append("INBOX", None, None, b"Subject: a\r\n\r\nx\r\n")
        except (imaplib.IMAP4.error, OSError) as e:
            lost.append(repr(e))
        clients.append(m)

    clients = []
    threads = [threading.Thread(target=work, args=(t,)) for t in (0, 1)]
    for t in threads:
        t.start()
    with smtplib.SMTP("localhost", port["SMTP"]) as smtp:
        for n in range(100):
            smtp.sendmail("a@else.test", [f"two@{DOMAIN}"],
                          f"Subject: {n}\r\n\r\nx\r\n")
    for t in threads:
        t.join()
    tap.same(lost, [], "two clients at once: no command fails")
    clients.append(login("two"))
    clients[-1].select("INBOX")
    views = []
    for m in clients:
        m.noop()
        views.append((m.uid("SEARCH", "ALL")[1], m.uid("SEARCH", "SEEN")[1]))
        m.logout()
    tap.ok(views[0] == views[1] == views[2], "they see the same", views)
    with login("two") as m:
        found = [int(m.select(box)[1][0]) for box in ("INBOX", "Archive")]
    tap.ok(sum(found) >= 180, "nothing is lost", found)


try:
    submission()
    tap.ok(attached(), "an attachment comes out as it went in")
    fill("sync")
    mbsync("starttls")
    mbsync("tls")
    offlineimap()
    fill("fetch")
    fetchers()
    client("Mail::IMAPClient", "/usr/bin/perl", "-e", PERL, str(port["IMAPS"]),
           CERT)
    curl = ("curl", "-sS", "--cacert", CERT, "-u", f"u@{DOMAIN}:{PASSWORD}")
    client("curl lists over STARTTLS", *curl, "--ssl-reqd",
           f"imap://localhost:{port['IMAP']}/")
    client("curl appends over TLS", *curl, "-T", write("m", "Subject: c\n\nx"),
           f"imaps://localhost:{port['IMAPS']}/Sent")
    two_at_once()
    tap.same(server.down(), {}, "a clean stop leaves no process")
finally:
    shutil.rmtree(tmp, True)
tap.finish()
