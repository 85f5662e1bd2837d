"""Waiting: for a named condition, with a deadline, and never in silence."""

import itertools
import subprocess
import sys
import time

import pytest

from harness.waiting import WaitTimeout, wait_for


def test_a_condition_that_holds_is_returned_at_once():
    """The first look is enough: what was observed comes back, without a pause."""
    looks = itertools.count(1)
    assert wait_for("a number", lambda: next(looks), lambda number: number == 1, deadline_real_s=0) == 1
    assert next(looks) == 2


def test_the_observation_that_was_accepted_is_the_one_returned():
    """Nothing is observed again between accepting and returning."""
    looks = itertools.count()
    assert wait_for("five", lambda: next(looks), lambda number: number >= 5, deadline_real_s=5) == 5


def test_a_time_out_names_the_condition_the_time_and_the_last_look():
    """One line tells what was waited for, how long, and what was there instead."""
    with pytest.raises(
        WaitTimeout, match=r"^waited 0\.0\d+ s for all nodes UP; last seen: 2 of 3$"
    ) as caught:
        wait_for("all nodes UP", lambda: 2, lambda up: up == 3, 0.01, describe=lambda up: f"{up} of 3")
    assert caught.value.name == "all nodes UP"
    assert caught.value.last_seen == "2 of 3"
    assert caught.value.waited_real_s >= 0.01


def test_an_interrupt_ends_the_wait_at_once():
    """Who waits for a dead process learns it from the first round, not from the deadline."""

    def died():
        raise ProcessLookupError("s1 died")

    with pytest.raises(ProcessLookupError, match="s1 died"):
        wait_for("a line", lambda: None, lambda line: line is not None, 60, interrupt=died)


def test_what_came_true_just_before_the_interrupt_counts():
    """A process that writes its last line and dies has written it."""
    written: list[str] = []

    def writes_and_dies():
        written.append("bye")
        raise ProcessLookupError("s1 died")

    assert wait_for("bye", lambda: list(written), bool, 60, interrupt=writes_and_dies) == ["bye"]


def test_tolerated_exceptions_mean_not_yet_and_are_shown_at_the_deadline():
    """A refused connection is no reason to give up, but it is what the time-out reports."""

    def refused():
        raise ConnectionRefusedError("port 4711")

    with pytest.raises(WaitTimeout, match="last seen: ConnectionRefusedError: port 4711"):
        wait_for("s1 to answer", refused, bool, 0.01, tolerate=(ConnectionError,))


def test_an_exception_that_is_not_tolerated_is_let_through():
    """A defect in the observer is not waited away."""
    with pytest.raises(ZeroDivisionError):
        wait_for("nonsense", lambda: 1 / 0, bool, 60, tolerate=(ConnectionError,))


def test_an_exception_is_forgotten_when_a_later_look_succeeds():
    """The time-out shows the last look, not an older failure."""
    outcomes = iter([ConnectionRefusedError("early")])

    def look():
        for error in outcomes:
            raise error
        return "silent"

    with pytest.raises(WaitTimeout, match="last seen: 'silent'"):
        wait_for("an answer", look, lambda seen: seen == "loud", 0.01, tolerate=(ConnectionError,))


def test_the_deadline_moves_by_the_time_that_the_machine_lost():
    """Stalled seconds do not count: the wait goes on until the condition has had its time."""
    looks = itertools.count()
    begins: list[float] = []

    def lost(since: float) -> float:
        begins.append(since)
        return 60.0

    before = time.monotonic()
    assert wait_for("three more looks", lambda: next(looks), lambda n: n > 3, 0.0, stretch=lost) == 4
    assert before <= begins[0] <= time.monotonic()
    assert len(set(begins)) == 1, "always asked for the same beginning"


UNHEARD = """
import signal, sys, threading
from harness.waiting import wait_for_signal

def told(number, frame):
    raise SystemExit(signal.Signals(number).name)

def strike_beside():
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

signal.signal(signal.SIGTERM, told)
threading.Timer(0.2, strike_beside).start()
wait_for_signal()
"""


def test_a_signal_that_does_not_interrupt_the_wait_ends_it_all_the_same():
    """Noted in another thread, as one that came just before the wait: `signal.pause()` would sleep on."""
    done = subprocess.run(
        [sys.executable, "-c", UNHEARD], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (1, "SIGTERM\n")
