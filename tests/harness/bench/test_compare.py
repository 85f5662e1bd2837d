"""`--compare FILE`: what is compared, what is said of it, and what is refused and why."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.bench.case import Case
from harness.bench.compare import compared
from harness.bench.report import document

CONDITIONS = {"cores": 2, "links": "toxiproxy 2.12.0"}


def ran(measured: list[float], *, more_is_better: bool = False, stall_real_s: float = 0.0) -> dict[str, Any]:
    """The document of a run with one case, whose floor was always 1."""
    case = Case(
        case="a case",
        measured=measured,
        floor=[1.0] * len(measured),
        unit="ms",
        more_is_better=more_is_better,
        stall_real_s=stall_real_s,
    )
    return document("cut", {"cut": [case]}, CONDITIONS)


def test_a_case_says_how_many_times_the_earlier_figure_it_is() -> None:
    """Of what was measured and of the ratio, for a busier machine changes the first."""
    (row,) = compared(ran([4, 4, 4]), ran([2, 2, 2]))
    assert (row["measured_before"], row["measured"], row["measured_times"]) == (4, 2, 0.5)
    assert (row["ratio_times"], row["verdict"]) == (0.5, "better")


@pytest.mark.parametrize(
    ("before", "now", "more_is_better", "verdict"),
    [
        ([1, 2, 3], [2, 3, 4], False, "same"),
        ([1, 2, 3], [7, 8, 9], False, "worse"),
        ([1, 2, 3], [7, 8, 9], True, "better"),
        ([7, 8, 9], [1, 2, 3], True, "worse"),
        ([1, 2], [7, 8, 9], False, "none: too few pairs"),
    ],
)
def test_only_quartiles_that_do_not_overlap_are_a_difference(
    before: list[float], now: list[float], more_is_better: bool, verdict: str
) -> None:
    """Noise is no news."""
    old, new = ran(before, more_is_better=more_is_better), ran(now, more_is_better=more_is_better)
    assert compared(old, new)[0]["verdict"] == verdict


def test_a_machine_that_stood_still_gives_no_verdict() -> None:
    """It has measured itself."""
    (row,) = compared(ran([1, 1, 1]), ran([2, 2, 2], stall_real_s=0.5))
    assert row["verdict"] == "none: stalled 500 ms"


def test_cases_that_only_one_run_has_are_left_out() -> None:
    """Another size is another case."""
    other = ran([1, 1, 1])
    other["cases"][0]["case"] = "another size"
    assert compared(other, ran([1, 1, 1])) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "No such file or directory; right would be what `cutheal bench NAME --json` printed"),
        ("cut: 3 nodes", "no JSON ("),
        ("[]", "no document of a bench; right would be"),
        (json.dumps(ran([1, 1, 1]) | {"cases": [{"bench": "boot"}]}), "has boot, not cut"),
        (json.dumps(ran([1, 1, 1])), "and this run cannot be compared: cores: "),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_measured(
    tmp_path: Path, text: str | None, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line with the reason, and with the exit code of a mistake."""
    earlier = tmp_path / "earlier.json"
    if text is not None:
        earlier.write_text(text.replace('"cores": 2', '"cores": 999'))
    assert cli.main(["bench", "cut", "--compare", str(earlier)]) == 64
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("cutheal: ")
    assert reason in said.err
    assert len(said.err.splitlines()) == 1
