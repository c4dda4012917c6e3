"""TAP for tests in Python: ok(), same(), then finish()."""
import sys
import threading
import time

pause = threading.Event()

count = failed = 0


def ok(good, name, *notes):
    global count, failed
    count += 1
    failed += not good
    print(f"{'' if good else 'not '}ok {count} - {name}", flush=True)
    if not good:  # on stderr, where prove lets it through
        print(f"# failed: {name}", file=sys.stderr)
        for note in notes:
            for line in str(note).splitlines():
                print(f"# {line}", file=sys.stderr)
    return bool(good)


def same(got, want, name):
    return ok(got == want, name, f"got  {got!r}", f"want {want!r}")


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def until(condition, seconds=60):
    """Asks again and again for at most so long; the last answer."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer or time.monotonic() > end:
            return answer
        pause.wait(0.05)


def finish():
    print(f"1..{count}", flush=True)
    sys.exit(failed != 0)
