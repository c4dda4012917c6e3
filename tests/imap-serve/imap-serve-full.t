#!/usr/bin/python3
"""A full disk: who wants to make room must be able to read and to expunge;
nothing is lost, and new mail shows when there is room."""
import os
import subprocess
import sys
import tempfile

sys.path[:0] = ["tests", "tests/imap-serve"]
import imap
import tap

if "IN_NAMESPACE" not in os.environ:
    enter = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    if subprocess.run(enter + ["true"], stderr=subprocess.DEVNULL).returncode:
        tap.skip_all("no mount namespace of our own here")
    os.environ["IN_NAMESPACE"] = "1"
    os.execvp("unshare", enter + [sys.executable, sys.argv[0]])

disk = tempfile.mkdtemp()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk],
               check=True)
root = imap.maildir(disk + "/box")
for n in range(3):
    imap.deliver(root, b"Subject: old\n\n" + b"x" * 8000 + b"\n")
s = imap.Session(root)
s.ok("SELECT INBOX")
s.logout()
imap.deliver(root, b"Subject: fresh\n\nhere\n")

ballast = open(disk + "/ballast", "wb", buffering=0)
try:
    while True:
        ballast.write(b"y" * 512)
except OSError:
    pass

s = imap.Session(root)
status, text, lines = s.command("SELECT INBOX")
tap.same(status, "OK", "SELECT of a mailbox with new mail on a full disk")
tap.ok(b"* 3 EXISTS" in lines, "what has a UID is there", lines)
status, text, lines = s.command("FETCH 1 BODY.PEEK[HEADER]")
tap.ok(status == "OK" and b"Subject: old" in b"".join(lines), "and readable")
tap.same(s.command("APPEND INBOX {8000+}\r\n" + "z" * 8000)[0], "NO",
         "APPEND says NO")
tap.same(s.command("STORE 1:2 +FLAGS.SILENT (\\Deleted)")[0], "OK",
         "messages can be marked")
tap.same(s.command("EXPUNGE")[0], "OK", "and expunged")
os.unlink(disk + "/ballast")
ballast.close()
s.ok("NOOP")
status, text, lines = s.command("UID SEARCH SUBJECT fresh")
tap.same(lines, [b"* SEARCH 4"], "with room again, the new mail has its UID")
s.logout()
subprocess.run(["umount", disk], check=True)
os.rmdir(disk)
tap.finish()
