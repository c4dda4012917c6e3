#!/usr/bin/python3
"""The same service directories under s6-svscan and under runsvdir: all
services come up, mail goes in and out, and a clean stop leaves none."""
import os
import signal
import smtplib
import ssl
import sys

sys.path.insert(0, "tests")
import imaplib

import instance
import tap

trust = ssl._create_unverified_context()


def mail_works(server, name):
    port = server.port
    with smtplib.SMTP_SSL("127.0.0.1", port["SUBMISSIONS"], context=trust,
                          timeout=60) as smtp:
        smtp.login("u@s.test", "secret")
        smtp.sendmail("u@s.test", ["u@s.test"],
                      f"From: u@s.test\r\nSubject: {name}\r\n\r\nx\r\n")
    with imaplib.IMAP4_SSL("127.0.0.1", port["IMAPS"],
                           ssl_context=trust) as imap:
        imap.login("u@s.test", "secret")
        imap.select()

        def there():
            imap.noop()
            return imap.search(None, "SUBJECT", name)[1][0]
        tap.ok(tap.until(there), f"{name}: what submission took, IMAP shows",
               server.log("queue"))


def bound(server):
    """runit knows no readiness: the sockets tell."""
    for port in server.port.values():
        try:
            instance.socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            return False
    return len(os.listdir(server.root + "/run")) >= sockets


server = instance.local("s.test")
server.account("u@s.test", "secret")
server.make()
names = server.up()
tap.ok(len(names) > 10, f"s6: all {len(names)} services said they are ready")
mail_works(server, "s6")
sockets = len(os.listdir(server.root + "/run"))
tap.same(os.stat(server.root + "/log").st_mode & 0o7, 0,
         "strangers do not read who writes to whom")
tap.same(server.down(), {}, "s6: a clean stop leaves no process")

runit = instance.local("s.test")
runit.account("u@s.test", "secret")
runit.make()
runit.supervise("runsvdir")
tap.ok(tap.until(lambda: bound(runit), 90), "runit: all services are up",
       runit.log("smtp"))
mail_works(runit, "runit")
runit.supervisor.send_signal(signal.SIGHUP)
runit.supervisor.wait(90)
tap.ok(tap.until(lambda: not runit.pids(), 70),
       "runit: a clean stop leaves no process", runit.pids())
tap.finish()
