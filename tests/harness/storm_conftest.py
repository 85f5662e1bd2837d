"""The conftest.py of the run that the kill storm strikes: counts its calls, tells when the moment has come.

A moment is "the Nth call of a function of harness or fixtures in this phase", by the main thread of a process
that runs tests: the same place on a fast machine and on a slow one. It is told through a named pipe; the
process then stops until the storm lets it go on. Every launcher writes what it spawns into a list that
outlives the run's own folder.
"""

import json
import os
import sys
from collections import Counter
from itertools import count
from pathlib import Path

import pytest

import fixtures
from harness.processes import Launcher

VICTIM, PHASE, NUMBER = os.environ["CUTHEAL_STORM_MOMENT"].split(":")
HERE = Path(__file__).parent
PACKAGES = Path(fixtures.__file__).parent.parent
WATCHED = tuple(f"{PACKAGES / package}{os.sep}" for package in ("harness", "fixtures"))


class Moments:
    """The phase that this process is in, and how many calls it has made in each."""

    def __init__(self):
        self.phase = "boot"
        self.counts = Counter()
        self._is_told = NUMBER == "never"

    def watch(self):
        sys.settrace(self._note)

    def tell(self):
        """Say, once, that this is the moment, and wait for the leave to go on."""
        if self._is_told:
            return
        self._is_told = True
        with (HERE / "moment").open("w") as moment:
            moment.write(f"{os.getpid()}\n")
        with (HERE / "leave").open("rb", buffering=0) as leave:
            leave.read(1)

    def _note(self, frame, _event, _argument):
        """Called for each call of any function; gives back nothing, so that lines are not traced."""
        if frame.f_code.co_filename.startswith(WATCHED):
            self.counts[self.phase] += 1
            if self.phase == PHASE and str(self.counts[PHASE]) == NUMBER:
                self.tell()


MOMENTS = Moments()


@pytest.fixture
def moments():
    """Set its `phase` when another one begins."""
    return MOMENTS


def is_controller(config):
    """Whether this process only starts others that run the tests."""
    return bool(config.getoption("numprocesses", None)) and not hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    """Watch a controller from the start of its workers on, if it is the victim: it has moments of its own."""
    if is_controller(session.config) and VICTIM == "controller":
        MOMENTS.watch()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    """Watch who runs the tests."""
    if not is_controller(session.config):
        MOMENTS.watch()


def pytest_runtest_setup():
    MOMENTS.phase = "boot"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown():
    MOMENTS.phase = "teardown"


def pytest_sessionfinish():
    MOMENTS.phase = "teardown"


def pytest_unconfigure(config):
    """Tell at the latest now: this run had fewer calls in that phase than the one that was counted.

    A worker that is done first does not: another one may yet come to the moment.
    """
    if sys.gettrace() is not None:
        sys.settrace(None)
        (HERE / f"counts-{os.getpid()}.json").write_text(json.dumps(MOMENTS.counts))
        if VICTIM == "controller" and not hasattr(config, "workerinput"):
            MOMENTS.tell()


START, STARTED = Launcher.start, count()


def start_listed(*arguments, **options):
    """Start a launcher whose list of processes stays where the storm can read it."""
    spawned_path = HERE / f"spawned-{os.getpid()}-{next(STARTED):03}.txt"
    return START(*arguments, spawned_path=spawned_path, **options)


Launcher.start = start_listed
