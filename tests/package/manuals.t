#!/usr/bin/python3
"""What manuals promise, programs have: every option stands in the program's
option string, its usage line, and its manual's synopsis and list, with or
without an argument; every program has a manual; every reference leads
somewhere."""
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, "tests")
from tap import finish, ok, same

# of other projects
FOREIGN = set("""cdb.1 cdb.5 curl.1 dovecot.1 fcntl.2 fdatasync.2 flock.2 fsync.2 inotify.7 link.2
ldap.conf.5 ldapsearch.1 make.1 mutt.1 psql.1 regex.7 runsvdir.8 sh.1 sort.1 sqlite3.1 ssh.1 syncfs.2 sysexits.3""".split())
# that mail-inject takes because sendmail does
UNSAID = {"mail-inject": set("Bbor")}
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"]
TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|(\w+)')


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def macros(text):
    found = re.findall(r'^#define (\w+)[ \t]+((?:.*\\\n)*.*)$', text, re.M)
    return {name: body.replace("\\\n", " ") for name, body in found}


def string(expression, known):
    """Literals and names of literals, one behind another."""
    out = ""
    for text, name in TOKEN.findall(expression):
        out += string(known[name], known) if name else text
    return out


def options(text):
    """"ab:": {"a": False, "b": True}"""
    return {m[0]: len(m) > 1 for m in re.findall(r"\w:?", text)}


COMMON = {}
for header in glob.glob("*/*.h"):
    COMMON.update(macros(read(header)))


class Program:
    def __init__(self, line):
        self.path = line[0]
        self.name = os.path.basename(line[0])
        self.options, self.usage = {}, set()
        folder = os.path.dirname(self.path)
        for source in [self.path + ".c"] + [o[:-2] + ".c" for o in line[2:]
                                            if o.startswith(folder + "/")]:
            self.add(read(source))
        pages = [f"{self.path}.{n}" for n in (1, 8)]
        self.manual = next((p for p in pages if os.path.exists(p)), None)

    def add(self, text):
        known = {**COMMON, **macros(text)}
        call = r"subgetopt_r\([^,]*,[^,]*,(.*?),\s*&"
        for e in re.findall(call, text, re.S):
            self.options.update(options(string(e, known)))
        if "subgetopt_r" in text:
            usage = string(known["USAGE"], known)
            for word in re.findall(r"(?<!\S)-(\w+)", usage):
                self.usage |= set(word)


def flags(line):
    """Options in a line of mdoc: {letter: whether an argument follows}"""
    found = {}
    line = line.replace(" Ns ", " ").replace("| Fl ", "| ")
    each = r"\bFl (\w+(?: [|,] \w\b)*) ?(\w*)"
    for several, behind in re.findall(each, line):
        for letter in re.sub(r"\W", "", several):
            found[letter] = behind in ("Ar", "Cm", "Sy")
    return found


def section(manual, name):
    m = re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", manual, re.M | re.S)
    return m.group(1) if m else ""


def described(manual):
    """What the synopsis has, what heads an item of a list, and what is named
    elsewhere."""
    synopsis, items, text = {}, {}, set()
    for line in section(manual, "SYNOPSIS").splitlines():
        synopsis.update(flags(line))
    for line in manual[manual.index("\n.Sh DESCRIPTION"):].splitlines():
        if line.startswith(".It Fl "):
            items.update(flags(line))
        else:
            text |= set(flags(line))
    return synopsis, items, text


def program(p):
    ok(p.manual, f"{p.name} has a manual")
    if not p.manual:
        return
    text = read(p.manual)
    synopsis, items, named = described(text)
    unsaid = UNSAID.get(p.name, set())
    said = {o: arg for o, arg in p.options.items() if o not in unsaid}
    same(synopsis, said, f"{p.name}: the synopsis has its options")
    same(p.usage, set(said), f"{p.name}: the usage line has them")
    same(sorted(set(p.options) - set(items) - named), [],
         f"{p.name}: all are described")
    same(sorted(set(items) - set(p.options)), [],
         f"{p.name}: nothing else is described")
    there = re.findall(r"^\.Sh (.*)$", text, re.M)
    same([s for s in there if s in SECTIONS], SECTIONS,
         f"{p.name}: its manual has its sections")
    ok(f"\n.Nm {p.name}\n" in text, f"{p.name}: its manual names it")


def references(page, ours):
    names = {f"{n}.{s}" for n, s in
             re.findall(r"\bXr ([^ \n]+) ([1-9])", read(page))}
    same(sorted(names - ours - FOREIGN), [],
         f"{page}: what it refers to is there")
    ok(os.path.basename(page) not in
       {f"{n}.{s}" for n, s in
        re.findall(r"\bXr ([^ \n]+) ([1-9])",
                   section(read(page), "SEE ALSO"))},
       f"{page}: it does not send its reader to itself")


rows = [line.split("#")[0].split() for line in read("package/commands")
        .splitlines()]
programs = [Program(row) for row in rows if row]
pages = sorted(glob.glob("*/*.[1-9]"))
ok(len(programs) > 20 and len(pages) >= len(programs), "there are programs")
for each in programs:
    program(each)
for page in pages:
    references(page, {os.path.basename(p) for p in pages})
if shutil.which("mandoc"):
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning"] + pages,
                          stdout=subprocess.PIPE, text=True)
    same(lint.stdout, "", "mandoc has no complaint")
finish()
