"""`cutheal compare` and the charts: what two runs' figures say beside each other, and when they must not."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.charts import NoCharts
from harness.conditions import machine_conditions
from harness.exit_codes import ExitCode
from harness.load.charts import draw
from harness.load.document import write
from harness.load.latencies import Latencies
from harness.load.result import Band, LoadResult, Moment, Stalls

CONDITIONS = {
    "nodes": 3,
    "time scale": 0.05,
    "links": "toxiproxy 2.12.0",
    "clients": 8,
    "rate_per_real_s": 100.0,
}


def result(latency_ms: int = 10, **changed: Any) -> LoadResult:
    """One load of a second, with a cut in its middle."""
    latencies = Latencies.of([latency_ms * 1000] * 90 + [latency_ms * 9000] * 10)
    moments = [
        Moment(at_real_s=n / 10, done=10, failed=n % 2, p50_ms=10.0, p99_ms=90.0, max_ms=95.0)
        for n in range(10)
    ]
    fields: dict[str, Any] = {
        "test": "tests/test_orders.py::test_reads",
        "conditions": CONDITIONS,
        "lasted_real_s": 1.0,
        "latency": latencies,
        "service": latencies,
        "failed_latency": Latencies.of([5000] * 5),
        "errors": {"503": 5},
        "examples": {"503": "ApiError: 503 busy"},
        "unsent": 0,
        "over_time": tuple(moments),
        "bands": (Band(fault="isolate s1 (blackhole)", from_real_s=0.3, to_real_s=0.6),),
        "stalls": (
            Stalls(worker="main", from_real_s=0.0, to_real_s=0.6, worst_ms=4.0, all_ms=5.0),
            Stalls(worker="main", from_real_s=0.6, to_real_s=1.0, worst_ms=3.0, all_ms=4.0),
        ),
        "workers": ("main",),
        "problems": (),
    }
    return LoadResult(**(fields | changed))


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `--load-json` writes of one load."""
    path = tmp_path_factory.mktemp("runs") / "deep" / "before.json"
    write(path, [result()])
    return path.read_text()


@pytest.fixture
def before(tmp_path: Path, document: str) -> Path:
    return saved(tmp_path / "before.json", json.loads(document))


def saved(path: Path, document: dict[str, Any]) -> Path:
    path.write_text(json.dumps(document))
    return path


def changed_load(before: Path, **changed: Any) -> dict[str, Any]:
    """The same run, in which one load differs."""
    document: dict[str, Any] = json.loads(before.read_text())
    document["loads"][0] |= changed
    return document


def test_two_runs_stand_beside_each_other(
    before: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each figure then and now, and how many times the one is the other; the stall of both."""
    latency = json.loads(before.read_text())["loads"][0]["latency_ms"]
    assert (result().stall_worst_ms, result().stall_ms) == (4.0, 9.0)
    assert latency["p50"] == pytest.approx(10, rel=0.01)
    assert latency["p99"] == pytest.approx(90, rel=0.01)
    later = changed_load(before, latency_ms={name: 2 * value for name, value in latency.items()})
    now = saved(tmp_path / "now.json", later)
    assert cli.main(["compare", str(before), str(now)]) == ExitCode.DONE
    printed = capsys.readouterr().out
    (line,) = [line for line in printed.splitlines() if "p50" in line]
    assert line.split()[-2] == "2.00"
    assert "stall, ms" in printed
    assert cli.main(["compare", str(before), str(now), "--json"]) == ExitCode.DONE
    (row,) = json.loads(capsys.readouterr().out)["compared"]
    assert row["latency_ms"]["p50"] == pytest.approx([10, 20], rel=0.01)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"conditions": CONDITIONS | {"nodes": 5}}, "nodes: 3, then 5"),
        ({"conditions": CONDITIONS | {"links": "embedded"}}, "links: toxiproxy 2.12.0, then embedded"),
        ({"conditions": CONDITIONS | {"time scale": 0.1}}, "time scale: 0.05, then 0.1"),
        ({"conditions": CONDITIONS | {"profile": "corrected"}}, "profile: not said, then corrected"),
        ({"workers": ["gw0", "gw1"]}, "processes: 1, then 2"),
        ({"test": "tests/test_other.py::test_b"}, "no test ran a load in both"),
    ],
)
def test_unlike_loads_are_not_compared(
    before: Path, tmp_path: Path, changed: dict[str, Any], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says which condition differs."""
    now = saved(tmp_path / "now.json", changed_load(before, **changed))
    assert refused(before, now, capsys).endswith(why + "\n")


@pytest.mark.parametrize(("name", "value"), [("machine", "elsewhere"), ("cores", 64)])
def test_other_machines_are_not_compared(
    before: Path, tmp_path: Path, name: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor the same one with other cores."""
    document = json.loads(before.read_text())
    document["conditions"][name] = value
    here = machine_conditions()[name]
    line = refused(before, saved(tmp_path / "now.json", document), capsys)
    assert line.endswith(f"cannot be compared: {name}: {here}, then {value}\n")


def test_what_is_no_document_of_loads_is_said(
    before: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is missing, and one of something else."""
    assert "cannot be read" in refused(before, tmp_path / "none.json", capsys)
    other = saved(tmp_path / "other.json", {"bench": "boot"})
    assert "is no document of loads; pytest --load-json FILE writes one" in refused(before, other, capsys)


def refused(before: Path, now: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of a command that ends with the code of a mistake."""
    assert cli.main(["compare", str(before), str(now)]) == ExitCode.MISTAKE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_charts_are_drawn_as_png_and_svg(tmp_path: Path) -> None:
    """Latency and throughput over time with the fault as a band, and the percentile curve."""
    drawn = draw(result(), tmp_path / "charts")
    name = "tests-test_orders-py-test_reads"
    kinds = [f"{name}-{chart}.{ending}" for chart in ("time", "percentiles") for ending in ("png", "svg")]
    assert [path.name for path in drawn] == kinds
    over_time, curve = (path.read_text() for path in drawn if path.suffix == ".svg")
    assert "isolate s1 (blackhole)" in over_time
    assert "asked for" in over_time
    assert "99.9 %" not in curve  # a hundred calls say nothing of it
    assert "since the intended send" in curve


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, and no file."""
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(NoCharts, match=r"charts need matplotlib .*pip install 'cutheal\[charts\]'"):
        draw(result(), tmp_path / "charts")
    assert not (tmp_path / "charts").exists()
