"""`cutheal bench`: what it prints and writes."""

import json
import os
from collections.abc import Mapping
from typing import Any

import pytest

from harness import cli
from harness.bench import large, suite
from harness.bench.command import BENCHES

NO_CLUSTER = (
    "import pytest\n@pytest.mark.parametrize('number', range({tests}))\ndef test_nothing(number): pass\n"
)
SMALLEST = ("--pairs", "1", "--nodes", "2", "--instances", "10", "--workers", "1", "--tests", "1")


def test_every_figure_has_its_floor_and_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """As design section 10 words it: a goal is met or not, a case without one is neither.

    All benches run at the smallest sizes, in one test; its suite needs no cluster here, its clocks are fast.
    """
    monkeypatch.setattr(suite, "SUITE", NO_CLUSTER)
    monkeypatch.setattr(large, "TIME_SCALE", 0.05)
    printed: list[str] = []
    monkeypatch.setattr("builtins.print", lambda *words, **_: printed.append(" ".join(map(str, words))))
    assert cli.main(["bench", "all", "--json", *SMALLEST]) == 0
    document = json.loads(printed[-1])
    assert document["bench"] == "all"
    assert document["machine"]["cores"] == os.cpu_count()
    assert {case["bench"] for case in document["cases"]} == set(BENCHES)
    for case in document["cases"]:
        check_case(case)


def check_case(case: Mapping[str, Any]) -> None:
    """The ratio is the median of the pairs' own, within their quartiles."""
    assert case["measured"] > 0
    assert case["floor"] > 0
    lower, upper = case["ratio_quartiles"]
    assert lower <= case["ratio"] <= upper
    assert case["met"] in ((True, False) if case["goal"] else (None,))


def test_a_table_has_quartiles_and_progress_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """So that stdout can be kept."""
    assert cli.main(["bench", "cut", "--pairs", "2", "--nodes", "2"]) == 0
    said = capsys.readouterr()
    assert "cutheal bench cut" in said.out
    assert "measured (quartiles)" in said.out
    assert "2 nodes, 1|1, heal" in said.out
    assert said.err == "cut: 2 nodes, 2 pairs\n"


def test_without_a_name_it_lists_the_benches(capsys: pytest.CaptureFixture[str]) -> None:
    """With what each compares."""
    assert cli.main(["bench"]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n{name} " in f"\n{listed}" for name in (*BENCHES, "all"))


def test_links_without_a_real_toxiproxy_says_so_and_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to compare the embedded server with."""
    monkeypatch.setenv("TOXIPROXY_SERVER", "/no/such/file")
    assert cli.main(["bench", "links", "--links", "embedded", "--pairs", "1"]) == 3
    assert "$TOXIPROXY_SERVER is '/no/such/file', which is no program" in capsys.readouterr().err


def test_a_suite_that_fails_is_not_timed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """pytest's last lines say what failed."""
    monkeypatch.setattr(suite, "SUITE", "def test_wrong(): assert {tests} == 2\n")
    assert cli.main(["bench", "suite", "--pairs", "1", "--tests", "1", "--workers", "1"]) == 4
    said = capsys.readouterr().err
    assert "pytest -n 1 exited with 1; its last lines:" in said
    assert "FAILED test_suite.py::test_wrong - assert 1 == 2" in said
