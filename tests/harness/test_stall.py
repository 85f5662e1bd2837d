"""The canary notices when the machine did not run us, and says for how long."""

import os
import signal
import subprocess
import sys
import time

from harness.stall import NOISE_REAL_S, STRETCH_MAX_REAL_S, Canary, Stall, _after
from harness.waiting import wait_for

STOPPED_REAL_S = 0.4

WATCHED = """
import sys, time
from harness.stall import Canary
with Canary() as canary:
    begin = time.monotonic()
    print("watching", flush=True)
    sys.stdin.readline()
    print(canary.worst_since(begin), canary.stretch(begin), canary.worst_since(time.monotonic()))
"""


def test_a_stopped_process_learns_how_long_it_was_stopped():
    """SIGSTOP for 0.4 s shows as a stall of about that length, whoever wakes first."""
    with subprocess.Popen(
        [sys.executable, "-c", WATCHED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as watched:
        assert watched.stdout.readline() == "watching\n"
        stopped_at = time.monotonic()
        os.kill(watched.pid, signal.SIGSTOP)
        wait_for(
            "0.4 s to pass",
            lambda: time.monotonic() - stopped_at,
            lambda passed: passed >= STOPPED_REAL_S,
            deadline_real_s=10,
        )
        os.kill(watched.pid, signal.SIGCONT)
        told, _ = watched.communicate("now\n")
    worst, stretch, later = map(float, told.split())
    assert worst > STOPPED_REAL_S - 0.1
    assert stretch >= worst
    assert later < worst


def test_a_canary_that_sleeps_well_reports_next_to_nothing():
    """Without a stall there is none: nothing from before the question counts."""
    with Canary() as canary:
        assert canary.worst_since(time.monotonic()) == 0.0
        assert canary.stretch(time.monotonic()) == 0.0


def test_only_the_part_of_a_stall_after_the_question_counts():
    """A deadline set in the middle of a stall moves by the second half."""
    stall = Stall(ended=100.0, late_real_s=3.0)
    assert _after(stall, 98.0) == 2.0
    assert _after(stall, 90.0) == 3.0
    assert _after(stall, 101.0) == 0.0


def test_time_lost_adds_up_to_a_limit():
    """Stalls are summed for the deadline, the longest is told for the verdict, no wait becomes endless."""
    canary = Canary()
    canary._due = time.monotonic() + 60
    canary._stalls.extend([Stall(100.0, 2.0), Stall(110.0, 5.0)])
    assert canary.stretch(90.0) == 7.0
    assert canary.worst_since(90.0) == 5.0
    assert canary.stretch(109.0) == 1.0
    canary._stalls.append(Stall(1000.0, 500.0))
    assert canary.stretch(90.0) == STRETCH_MAX_REAL_S


def test_a_stall_that_goes_on_is_seen_before_the_canary_itself_wakes():
    """The asker may be scheduled before the canary: being late now counts already, and only once."""
    canary = Canary()
    canary._due = time.monotonic() - 2.0
    assert canary.worst_since(0.0) >= 2.0
    canary._note()
    assert 2.0 <= canary.stretch(0.0) < 4.0
    assert len(canary._stalls) == 1


def test_everyday_lateness_is_not_noted():
    """A wake-up within the scheduler's noise leaves no trace."""
    canary = Canary()
    canary._due = time.monotonic() + NOISE_REAL_S
    canary._note()
    assert not canary._stalls
