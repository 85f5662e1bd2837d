"""Programs for the tests of the launcher: entries that it forks, by name "node_programs:FUNCTION"."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path


def idle(argv):
    """Say so and wait for a signal."""
    print("idle", *argv)
    _wait_for_the_end()


def answer(argv):
    """End with the given status."""
    return int(argv[0])


def leave(argv):
    """End as `sys.exit("sentence")` does."""
    sys.exit(argv[0])


def crash(argv):
    """Write a line and raise."""
    print("about to listen on", *argv)
    raise RuntimeError("port taken")


def polite(argv):
    """End with status 0 on SIGTERM.

    Blocked and waited for: CPython runs a handler whose signal came just before a wait only after that wait.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    print("serving")
    signal.sigwait({signal.SIGTERM})
    print("drained")


def threaded(argv):
    """Run four threads."""
    for _ in range(3):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    print("threads", threading.active_count())
    _wait_for_the_end()


def busy(argv):
    """Call deep and return, in three threads."""
    for _ in range(3):
        threading.Thread(target=_climb, daemon=True).start()
    print("busy")
    _wait_for_the_end()


def _climb():
    def at(depth):
        return json.dumps({"depth": depth}) if depth == 0 else at(depth - 1)

    while True:
        at(40)


def parent(argv):
    """Start a child of its own, say its pid, and wait."""
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    print("child", child.pid)
    _wait_for_the_end()


def report(argv):
    """Write what this process was given, as JSON."""
    numbers = (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP)
    print(
        json.dumps(
            {
                "argv": sys.argv,
                "descriptors": sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir())[:-1],
                "default_signals": all(signal.getsignal(number) == signal.SIG_DFL for number in numbers),
                "interrupt": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
                "stdin": sys.stdin.read(),
                "parent": os.getppid(),
                "threads": threading.active_count(),
                "colour": os.environ.get("COLOUR"),
            }
        )
    )


def _wait_for_the_end():
    """Not `signal.pause`: that returns after a signal that was handled, and may miss one that came before."""
    while not threading.Event().wait(0.05):
        pass
