"""`cutheal bench`: what it prints and writes. All benches run once, in one session, at their smallest."""

import json
import os
from typing import Any

import pytest

from harness import cli
from harness.bench import large, suite
from harness.bench.command import BENCHES

NO_CLUSTER = (
    "import pytest\n@pytest.mark.parametrize('number', range({tests}))\ndef test_nothing(number): pass\n"
)
SMALLEST = ("--pairs", "1", "--nodes", "2", "--instances", "10", "--workers", "1", "--tests", "1")


@pytest.fixture(scope="module")
def everything() -> dict[str, Any]:
    """The document of `cutheal bench all` at the smallest sizes; its suite needs no cluster here,
    and its clocks are fast.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suite, "SUITE", NO_CLUSTER)
        patch.setattr(large, "TIME_SCALE", 0.05)
        printed: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: printed.append(" ".join(map(str, words))))
        assert cli.main(["bench", "all", "--json", *SMALLEST]) == 0
    return dict(json.loads(printed[-1]))


@pytest.mark.parametrize("bench", sorted(BENCHES))
def test_every_figure_has_its_floor(everything: dict[str, Any], bench: str) -> None:
    """As design section 10 words it; a goal is met or not, and a case without one is neither."""
    cases = [case for case in everything["cases"] if case["bench"] == bench]
    assert cases
    for case in cases:
        assert case["measured"] > 0
        assert case["ratio"] == pytest.approx(case["measured"] / case["floor"], rel=0.01)
        assert case["met"] in ((True, False) if case["goal"] else (None,))


def test_the_document_says_where_its_figures_come_from(everything: dict[str, Any]) -> None:
    """A figure without its machine is none."""
    assert everything["bench"] == "all"
    assert everything["machine"]["cores"] == os.cpu_count()


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
