"""Charts of a bench: a PNG and an SVG for each, and one line for who has not the extra."""

import sys
from pathlib import Path

import pytest

from harness import cli
from harness.bench.case import Case
from harness.bench.charts import draw
from harness.bench.report import document

CONDITIONS = {"cores": 2, "python": "CPython 3.11", "links": "toxiproxy 2.12.0"}


def test_each_bench_has_a_chart_with_its_cases_and_goals(tmp_path: Path) -> None:
    """An SVG has its labels as text, so that the chart can be read back."""
    cases = [
        Case(
            case="met",
            measured=[2, 3, 4],
            floor=[1, 1, 1],
            unit="ms",
            goal="at most 5",
            is_met=lambda _: True,
        ),
        Case(case="no goal", measured=[2, 3, 4], floor=[1, 1, 1], unit="ms"),
    ]
    written = draw(document("all", {"cut": cases}, CONDITIONS), tmp_path)
    assert [path.name for path in written] == ["bench-cut.png", "bench-cut.svg"]
    assert written[0].read_bytes().startswith(b"\x89PNG")
    drawn = written[1].read_text()
    for text in ("met: 3 ms", "(at most 5)", "no goal: 3 ms", "goal met", "cutheal bench cut: 2 cores"):
        assert text in drawn


def test_without_matplotlib_charts_are_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names the extra."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert cli.main(["bench", "cut", "--charts", str(tmp_path)]) == 64
    assert "pip install 'cutheal[charts]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
