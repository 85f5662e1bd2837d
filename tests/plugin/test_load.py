"""The fixture `load` as its user meets it: wrong markers, a load over all workers, a worker that dies."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures import marks
from fixtures.load_report import LoadReport
from harness.cluster import Cluster
from harness.load import Client, Load
from harness.load.plan import BadLoad
from tests.plugin.conftest import InnerRun

PLENTY_S = 400.0


class Marked:
    """As much of a test as a look at its markers needs."""

    def __init__(self, *markers: pytest.MarkDecorator) -> None:
        self._marks = [marker.mark for marker in markers]

    def iter_markers(self, name: str) -> Iterator[pytest.Mark]:
        return (mark for mark in self._marks if mark.name == name)


@pytest.mark.parametrize(
    ("marker", "sentence"),
    [
        (
            pytest.mark.load(rate_per_s=5),
            "the marker load has no keyword 'rate_per_s'; it takes clients, rate_",
        ),
        (
            pytest.mark.load(clients=0),
            "the marker load says clients=0: a whole number from 1 to 512 is needed",
        ),
        (pytest.mark.load("ask"), "the marker load takes one operation at most, a function of a client"),
        (pytest.mark.load(spread=True), "the marker load says spread=True and no operation: "),
        (pytest.mark.load(len, spread=1.5), "the marker load says spread=1.5; True or False is needed"),
    ],
)
def test_a_wrong_marker_is_told_in_one_line(marker: pytest.MarkDecorator, sentence: str) -> None:
    """When tests are collected, like those of a cluster."""
    item: Any = Marked(marker)
    (told,) = marks._what_is_wrong(item)
    assert told.startswith(sentence)
    assert "\n" not in told


def test_charts_without_matplotlib_are_refused_before_any_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after an hour of load."""
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    LoadReport(tmp_path, None, None).pytest_sessionstart()
    with pytest.raises(pytest.UsageError, match=r"--load-charts: charts need matplotlib .*cutheal\[charts\]"):
        LoadReport(tmp_path, None, tmp_path).pytest_sessionstart()


def ask(client: Client) -> None:
    client.api.instances("orders")


@pytest.mark.cluster(nodes=2)
@pytest.mark.load(ask, clients=4)
def test_errors_by_kind_while_a_node_is_dead(cluster: Cluster, load: Load) -> None:
    """Clients of the living node go on; what was done to the other is a band of the charts."""
    s1, s2 = cluster.nodes
    with pytest.raises(BadLoad, match="no load has ended yet"):
        assert load.result
    with load.run() as running, cluster.partition([s1], [s2]):
        running.wait_done(3, within_s=PLENTY_S)
        s2.kill()
        running.wait_failed(3, within_s=PLENTY_S)
        running.wait_done(3, within_s=PLENTY_S)
    assert "refused" in load.result.errors
    assert load.result.done >= 6
    bands = [band.fault for band in load.result.bands]
    assert bands == ["partition {s1} | {s2} (blackhole)", "s2 killed"]


@pytest.mark.cluster(nodes=1)
def test_a_mistake_in_the_operation_is_raised(cluster: Cluster, load: Load) -> None:
    """By the wait that would wait in vain, with the client it came from; and so is what makes no sense."""
    with (
        pytest.raises(AttributeError, match="no_such_thing") as raised,
        load.run(lambda client: client.no_such_thing, clients=1) as running,  # type: ignore[attr-defined]
    ):
        running.wait_done(1, within_s=PLENTY_S)
    assert raised.value.__notes__ == ["raised by a load's operation, in the thread of client 0"]
    with pytest.raises(BadLoad, match=r"load.run needs an operation"), load.run():
        pass
    with pytest.raises(BadLoad, match=r"load.run has no rate=; there are clients, rate_per_real_s"):
        load.run(ask, rate=5).__enter__()
    with pytest.raises(BadLoad, match="clients=0"):
        load.run(ask, clients=0).__enter__()


IMAGINED_CLUSTER = """
from pathlib import Path
from types import SimpleNamespace as Namespace

from harness.load.result import read_result
from harness.program import NodePlan
from harness.programs.nodecore import Nodecore
from harness.waiting import wait_for

def ask(client):
    assert client.node == "s1"

def wait_until(observe, accept, within_s):
    wait_for("the load", observe, accept, within_s)

@pytest.fixture
def cluster():
    here = "127.0.0.1:1"
    plan = NodePlan(
        name="s1", client_address=here, peer_address=here, members=(here,), dial=(), time_scale=0.05
    )
    fault = Namespace(description="isolate s1", in_force_since=0, ended=None)
    server = Namespace(backend="toxiproxy", version="2.12.0")
    return Namespace(
        nodes=[Namespace(name="s1", plan=plan, conditions=[])],
        program=Nodecore(),
        links=Namespace(server=server),
        faults=[fault],
        time_scale=0.05,
        wait_until=wait_until,
    )
"""


def test_loads_over_two_workers(imagined: InnerRun) -> None:
    """One load comes from both workers; the worker of another dies in its midst.

    Table and figures have both: what the dead one wrote, up to its last second, counts.
    """
    result = imagined(
        "-n2",
        "--max-worker-restart=0",
        "--load-json=out/loads.json",
        test=IMAGINED_CLUSTER
        + """
@pytest.mark.load(ask, clients=4, rate_per_real_s=40, spread=True)
def test_spread(cluster, load):
    with load.run() as running:
        running.wait_done(5, within_s=300)
    assert len(load.result.workers) == 2
    assert load.result.errors == {}
    assert load.result.done >= 5
    Path("spread-is-over").touch()

@pytest.mark.load(ask, clients=2, rate_per_real_s=40)
def test_dies(cluster, load):
    wait_for("the other test", Path("spread-is-over").exists, bool, 300)
    with load.run() as running:
        running.wait_done(1, within_s=300)
        wait_for("a call written down", lambda: read_result(running._folder).done, bool, 300)
        os._exit(1)
""",
    )
    result.assert_outcomes(passed=1, failed=1)
    written = json.loads((imagined.pytester.path / "out" / "loads.json").read_text())
    loads = {load["test"].partition("::")[2]: load for load in written["loads"]}
    spread, died = loads["test_spread"], loads["test_dies"]
    assert (spread["problems"], len(spread["workers"]), spread["conditions"]["workers"]) == ([], 2, 2)
    assert [fault for fault, _, _ in spread["faults"]] == ["isolate s1"]
    assert died["done"] > 0
    assert died["problems"][0].startswith("the process that ran it died")
    result.stdout.fnmatch_lines(["*= load =*", "*ms, since the intended send", "figures: *loads.json"])
    assert imagined.left_behind == []
