"""One cluster of a soak, as a test: random faults, at least one of which probes have seen in force.

Not collected with the suite; `python -m tests.soak` runs it once for each number, and everything drawn comes
from the run's seed and the number alone.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from random import Random

import pytest

from fixtures.options import SETTINGS
from harness import Cut
from harness.cluster import Cluster
from harness.links.matrix import Matrix
from harness.node import Node
from harness.topology import Grudge, bridge, isolate, majority, majority_ring, minority, one_way
from tests.worlds.registrations import CONTROL, register_lasting, wait_listed

SERVICES = ("orders", "stock", "users")
AGENT_SHARE = 0.3
"""Of the clusters: so many have an agent."""

OVERLAPPING_SHARE = 0.5
"""In so many all faults are in force together at last; in the others one after another."""

TOLD = (Cut.BLACKHOLE, Cut.REFUSE, Cut.LOSE_REQUESTS, Cut.LOSE_REPLIES, Cut.RESET, Cut.HOLD)
"""What probes always can tell."""

OTHERS = (Cut.slow(ms=20, jitter_ms=10), Cut.rate(kb=50), Cut.slow_close(ms=10), Cut.slice(size_bytes=30))
SHAPES: tuple[Callable[[list[str], Random], Grudge], ...] = (
    minority,
    majority,
    lambda names, random: isolate(random.choice(names), names),
    lambda names, random: one_way([names[0]], random.sample(names[1:], 1)),
    lambda names, _random: bridge(names),
    lambda names, _random: majority_ring(names),
)
CONVERGED_WITHIN_S = 400.0
"""Document seconds. It takes 30 beside two busy loops; who hangs is found out all the same."""

WRONG = set("rscxl")
"""The letters of a reading that is not whole and that a probe has seen."""


def test_cluster(
    cluster: Cluster,
    number: int,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    """Registers, cuts and strikes: nothing stays cut, all nodes agree in the end, and nothing is lost."""
    random = Random(f"soak {pytestconfig.stash[SETTINGS].seed} {number}")
    record_property("born", f"{cluster.nodes[0].address} {cluster.nodes[0].pid}")
    if random.random() < AGENT_SHARE:
        cluster.agent("C1", ["agents"])
    instances = register_lasting(cluster, SERVICES, count=1)
    seen, overlap = 0, random.random() < OVERLAPPING_SHARE
    with ExitStack() as faults:
        for strike in (_cut(cluster, random, TOLD), *_more(cluster, random)):
            faults.enter_context(strike)
            seen += _is_seen(cluster.links.matrix())
            if not overlap:
                faults.close()
    record_property("verified", seen)
    assert cluster.links.cut_now() == ()
    cluster.wait_converged(within_s=CONVERGED_WITHIN_S)
    wait_listed(cluster, CONTROL, instances)


def _more(cluster: Cluster, random: Random) -> list[AbstractContextManager[None]]:
    """Return up to two more strikes of any kind, so that a node of three has the data all the time."""
    kinds: list[Callable[[Cluster, Random], AbstractContextManager[None]]] = [_killed, _paused]
    kinds += [lambda cluster, random: _cut(cluster, random, TOLD + OTHERS)] * 4
    return [random.choice(kinds)(cluster, random) for _ in range(random.randint(0, 2))]


@contextmanager
def _cut(cluster: Cluster, random: Random, cuts: tuple[Cut, ...]) -> Iterator[None]:
    cut = random.choice(cuts)
    grudge = random.choice(SHAPES)([node.name for node in cluster.nodes], random)
    print(f"{cut} on {grudge.edges}")
    with cluster.grudge(grudge, cut):
        yield


@contextmanager
def _killed(cluster: Cluster, random: Random) -> Iterator[None]:
    node = _running(cluster, random)
    print(f"{node.name} killed")
    node.kill()
    yield
    node.restart()


@contextmanager
def _paused(cluster: Cluster, random: Random) -> Iterator[None]:
    node = _running(cluster, random)
    print(f"{node.name} paused")
    node.pause()
    yield
    node.resume()


def _running(cluster: Cluster, random: Random) -> Node:
    return random.choice([node for node in cluster.nodes if node.is_running])


def _is_seen(matrix: Matrix) -> bool:
    """Whether a probe, not only the link server, has seen a link that is not whole."""
    return any(WRONG & set(cell.reading.code) and "(" not in cell.reading.code for cell in matrix)
