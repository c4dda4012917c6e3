"""The servers that are compared: each takes mail for user@bench.test on a port
of 127.0.0.1 and stores it in a Maildir."""
import os
import pwd
import shutil
import socket
import subprocess
import time

from tree import Tree

DOMAIN = "bench.test"
RECIPIENT = "user@" + DOMAIN


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def await_port(port, host="127.0.0.1"):
    for _ in range(1000):
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise SystemExit(f"package/bench: fatal: nothing listens on port {port}")


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def owner(user, spare):
    """Numbers for a user, who need not exist on this machine."""
    if os.geteuid():
        return os.geteuid(), os.getegid()
    try:
        p = pwd.getpwnam(user)
        return p.pw_uid, p.pw_gid
    except KeyError:
        return spare, spare


class Server:
    host = "127.0.0.1"  # where it listens
    client = None       # whence the clients come, if not from there

    def __init__(self, root):
        self.root = root
        os.mkdir(root, 0o755)
        self.port = free_port()

    def delivered(self):
        try:
            return os.listdir(self.maildir + "/new")
        except FileNotFoundError:
            return []

    def clear(self):
        for name in self.delivered():
            os.unlink(f"{self.maildir}/new/{name}")


class Rohrpost(Server):
    """tcp-listen smtp-recv and unix-listen maildir-put, resident, nothing else:
    what plain local mail needs."""
    name = "rohrpost"
    programs = ("tcp-listen", "unix-listen", "smtp-recv", "maildir-put",
                "table-build")
    way = "put"  # the socket to which smtp-recv brings mail
    more_env = {}

    def services(self, drop, peer):
        """Others between smtp-recv and maildir-put."""
        return []

    def __init__(self, root, programs):
        super().__init__(root)
        mail = owner("rp-mail", 64001)
        recv = owner("rp-recv", 64002)
        self.maildir = f"{root}/mail/{DOMAIN}/user"
        for d in ("bin", "run", "tables", "mail"):
            os.mkdir(f"{root}/{d}", 0o755)
        for prog in self.programs:
            shutil.copy(f"{programs}/{prog}", f"{root}/bin")
        os.chown(root + "/mail", *mail)
        self.tables(root)
        env = dict(os.environ, PATH=root + "/bin:/usr/bin:/bin",
                   ROHRPOST_ME="mail.bench.test", ROHRPOST_RUN=root + "/run",
                   ROHRPOST_TABLES=root + "/tables", **self.more_env)

        def drop(ids):
            return [] if os.geteuid() else ["-u", "%d:%d" % ids]

        peer = [] if os.geteuid() else ["-o", str(recv[0]), "-m", "600"]
        many = ["-c", "2000"]
        self.tree = Tree(
            root + "/log",
            (["unix-listen", *drop(mail), *peer, root + "/run/put",
              "maildir-put", "-w", *many], env),
            *((argv, env) for argv in self.services(drop(recv), peer)),
            (["tcp-listen", *drop(recv), self.host, str(self.port),
              "smtp-recv", "-w", *many, "-C", "2000", "-o",
              f"{root}/run/{self.way}"], env))

    def tables(self, root):
        write(root + "/users", RECIPIENT + ":$6$s$x\n")
        write(root + "/domains", DOMAIN + "\n")
        text = subprocess.run(
            [root + "/bin/table-build", "mail", "-m", root + "/mail", "-d",
             root + "/domains", root + "/users"], stdout=subprocess.PIPE,
            check=True).stdout
        subprocess.run(["cdb", "-c", root + "/tables/mail.cdb", "-"],
                       input=text, check=True)
        os.chmod(root + "/tables/mail.cdb", 0o644)


class Postfix(Server):
    """smtpd, cleanup, qmgr, virtual, with its defaults; no DNS, no chroot."""
    name = "Postfix"
    MAIN = """compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log/maillog
maillog_file_prefixes = {root}
inet_interfaces = {host}
inet_protocols = ipv4
myhostname = mail.bench.test
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = bench.test
virtual_mailbox_maps = static:user/
virtual_mailbox_base = {root}/mail
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_peername_lookup = no
disable_dns_lookups = yes
default_process_limit = 600
import_environment = MAIL_CONFIG={root}/etc
"""
    MASTER = """{host}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

    def services(self):
        """What runs beside it, each (argv, environment)."""
        return []

    def __init__(self, root):
        super().__init__(root)
        uid, gid = owner("rp-mail", 64001)
        daemon = pwd.getpwnam("postfix")
        for d in ("etc", "queue", "data", "mail", "log"):
            os.mkdir(f"{root}/{d}", 0o755)
        os.chown(root + "/data", daemon.pw_uid, daemon.pw_gid)
        os.chown(root + "/mail", uid, gid)
        self.maildir = root + "/mail/user"
        write(root + "/etc/main.cf",
              self.MAIN.format(root=root, uid=uid, gid=gid, host=self.host))
        write(root + "/etc/master.cf",
              self.MASTER.format(port=self.port, host=self.host))
        self.tree = Tree(root + "/log/start", (
            ["/usr/sbin/postfix", "-c", root + "/etc", "start-fg"],
            dict(os.environ)), *self.services())
