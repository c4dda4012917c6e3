"""A server and everything that it starts, as one thing to be measured and
ended: a keeper process stands above it and inherits whoever is orphaned."""
import ctypes
import os
import signal
import subprocess
import time

PR_SET_CHILD_SUBREAPER = 36
TICK = os.sysconf("SC_CLK_TCK")


def stat(pid):
    """(parent, seconds of CPU of its dead children), or None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            v = f.read().rpartition(")")[2].split()
    except OSError:
        return None
    return int(v[1]), (int(v[13]) + int(v[14])) / TICK


def own_seconds(pid):
    """Of the process itself, to the nanosecond where the kernel tells."""
    try:
        with open(f"/proc/{pid}/schedstat") as f:
            return int(f.read().split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        pass
    try:
        with open(f"/proc/{pid}/stat") as f:
            v = f.read().rpartition(")")[2].split()
        return (int(v[11]) + int(v[12])) / TICK
    except OSError:
        return 0.0


def keep(log, commands):
    """In the keeper: starts them all, reaps, ends with the last on TERM."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    children = [subprocess.Popen(argv, env=env, start_new_session=True,
                                 stdout=out, stderr=out)
                for argv, env in commands]

    def stop(*_):
        for p in children:
            if p.returncode is None:
                os.kill(p.pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            os._exit(0)
        for p in children:
            if p.pid == pid:
                p.returncode = status


class Tree:
    """commands: (argv, environment) each; log: the file for what they say."""

    def __init__(self, log, *commands):
        self.keeper = os.fork()
        if not self.keeper:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            try:
                keep(log, commands)
            finally:
                os._exit(111)

    def pids(self):
        """Of all below the keeper."""
        parent = {}
        for name in os.listdir("/proc"):
            s = name.isdigit() and stat(int(name))
            if s:
                parent[int(name)] = s[0]
        found = []
        for pid in parent:
            up = pid
            while up in parent and up != self.keeper:
                up = parent[up]
            if up == self.keeper and pid != self.keeper:
                found.append(pid)
        return found

    def cpu(self):
        """Seconds that the tree has used, the dead included."""
        total = stat(self.keeper)[1]
        for pid in self.pids():
            s = stat(pid)
            if s:
                total += own_seconds(pid) + s[1]
        return total

    def pss(self):
        """KiB of memory, shared pages counted by their share; None if that
        of a process is not for us to see."""
        total = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/smaps_rollup") as f:
                    total += sum(int(x.split()[1]) for x in f
                                 if x.startswith("Pss:"))
            except PermissionError:
                return None
            except OSError:
                pass
        return total

    def stop(self):
        """TERM for the commands; KILL, by pid, for what is left after 10 s."""
        os.kill(self.keeper, signal.SIGTERM)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if os.waitpid(self.keeper, os.WNOHANG)[0]:
                return
            time.sleep(0.02)
        while not os.waitpid(self.keeper, os.WNOHANG)[0]:
            for pid in self.pids():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)
