"""Repetition: what counts as failed, what as inconclusive, and what is kept of it."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from fixtures.owned import OWNED
from tests.soak import repeat
from tests.soak.repeat import Repetition, is_good
from tests.soak.verdicts import STALL_MAX_REAL_S, Judged, Verdict, judge, nodes_stalls

SUITE = """
import pytest

@pytest.mark.requirement("R23")
def test_covers_it():
    pass

@pytest.mark.requirement("R23", "R24")
def test_fails():
    assert 1 + 1 == 3, "the sum is wrong"

@pytest.mark.requirement("R9")
def test_of_another():
    raise RuntimeError
"""


def test_a_run_that_fails_is_told_kept_and_can_be_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only tests of the wanted requirements run; each has its verdict and its stall."""
    suite = tmp_path / "test_inner.py"
    suite.write_text(SUITE)
    kept = tmp_path / "kept"
    words = ["--runs", "1", "--busy", "0", "-n", "0", "--covering", "R22-R28", "--seed", "7", "--json"]
    assert repeat.main([*words, "--keep", str(kept), str(suite)]) == 1
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    (run,) = told["runs"]
    assert (told["good"], run["verdict"], run["exit_code"]) == (False, "failed", 1)
    tests = {one["test"].rpartition("::")[2]: one for one in run["judged"]}
    assert tests.keys() == {"test_covers_it", "test_fails"}
    assert tests["test_covers_it"]["verdict"] == "passed"
    assert "the sum is wrong" in tests["test_fails"]["why"]
    assert all(one["stall_real_s"] >= 0 for one in tests.values())
    assert "the sum is wrong" in (kept / "run-7.txt").read_text()
    assert "python -m tests.soak.repeat --runs 1 --seed 7" in printed.err
    assert "run 1: failed, 2 tests" in printed.err


@pytest.mark.parametrize(
    ("outcome", "stall_real_s", "verdict"),
    [
        ("passed", 9.0, Verdict.PASSED),
        ("failed", STALL_MAX_REAL_S, Verdict.FAILED),
        ("failed", STALL_MAX_REAL_S + 0.01, Verdict.INCONCLUSIVE),
        ("skipped", 0.0, Verdict.FAILED),
        ("unfinished", 0.0, Verdict.FAILED),
    ],
)
def test_only_a_stall_excuses_a_failure(outcome: str, stall_real_s: float, verdict: Verdict) -> None:
    """One beyond the bound, while the test ran; what was not run has not passed."""
    assert judge(outcome, stall_real_s) is verdict


def run_of(*verdicts: Verdict, exit_code: int = 0) -> Repetition:
    judged = tuple(
        Judged(test=f"t{number}", verdict=verdict, stall_real_s=number / 10, why="odd")
        for number, verdict in enumerate(verdicts)
    )
    return Repetition(number=3, judged=judged, exit_code=exit_code, took_real_s=1.0)


def test_a_run_is_as_bad_as_its_worst_test() -> None:
    """A failure is not hidden by an inconclusive test, nor is a pytest that broke down."""
    assert run_of(Verdict.PASSED, Verdict.PASSED).verdict is Verdict.PASSED
    assert run_of(Verdict.PASSED, Verdict.INCONCLUSIVE, exit_code=1).verdict is Verdict.INCONCLUSIVE
    assert run_of(Verdict.FAILED, Verdict.INCONCLUSIVE, exit_code=1).verdict is Verdict.FAILED
    assert run_of(Verdict.PASSED, exit_code=2).verdict is Verdict.FAILED
    assert run_of().verdict is Verdict.FAILED
    line = run_of(Verdict.PASSED, Verdict.INCONCLUSIVE, exit_code=1).line()
    assert line == (
        "run 3: inconclusive, 2 tests in 1 s, longest stall 100 ms\n    inconclusive, stall 100 ms: t1: odd"
    )


@pytest.mark.parametrize(("inconclusive", "good"), [(1, True), (2, False)])
def test_two_in_a_hundred_may_be_inconclusive(inconclusive: int, good: bool) -> None:
    """Of 50 runs that is one."""
    runs = [run_of(Verdict.PASSED)] * (50 - inconclusive) + [run_of(Verdict.INCONCLUSIVE)] * inconclusive
    assert is_good(runs) is good


def test_a_nodes_own_stall_counts_too(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The process of the test may have run all the time while a node did not."""
    log = tmp_path / "s1.log"
    log.write_text(
        "monotonic=1.0 level=warning node=s1 event=stall late_s=0.125 judging_again_in_s=0.25\n"
        "monotonic=2.0 level=warning node=s1 event=stall late_s=0.43786 judging_again_in_s=0.25\n"
    )
    node = SimpleNamespace(log=SimpleNamespace(path=log))
    gone = SimpleNamespace(log=SimpleNamespace(path=tmp_path / "s2.log"))
    request.node.stash[OWNED] = [SimpleNamespace(nodes=[node, gone])]
    try:
        assert nodes_stalls(request.node) == [0.0, 0.125, 0.43786]
    finally:
        del request.node.stash[OWNED]
