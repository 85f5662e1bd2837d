"""`cutheal bench large`: what many instances make slower, against the same cluster with few of them.

Two clusters of three nodes at time scale 1, as in life. Measured in turn: a list of one service; from a heal
until one write of the other side is listed; a node killed and started until it has everything again, by the
snapshot of another (R14).
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count, cycle, islice

from harness.bench.case import Case
from harness.bench.closed_loop import ask_all
from harness.bench.filling import counted_instances, fill
from harness.bench.registry import lasting, list_request, register, service_name
from harness.bench.run import Run
from harness.cluster import Cluster
from harness.node import Node
from harness.spec import ClusterSpec

INSTANCES = (100_000,)
FEW = 10
TIME_SCALE = 1.0
CONFIG = {"timings.load_timeout_s": 60}
"""A snapshot of 100,000 instances is 34 MB, which may take longer than the documents' 3 s."""

ROUND_TRIPS = 100
WITHIN_S = 300.0


def cases(run: Run) -> list[Case]:
    """Measure each number of instances."""
    with _cluster(run, FEW) as few:
        return [case for many in run.sizes.instances or INSTANCES for case in _cases(run, few, many)]


@contextmanager
def _cluster(run: Run, instances: int) -> Iterator[Cluster]:
    cluster = run.session.cluster(
        ClusterSpec(nodes=3, time_scale=TIME_SCALE, config=CONFIG), owner="cutheal bench large"
    )
    try:
        fill(cluster, instances)
        yield cluster
    finally:
        cluster.close()


def _cases(run: Run, few: Cluster, instances: int) -> Iterator[Case]:
    numbers = count()
    with _cluster(run, instances) as many:
        for what, unit, measure in (
            ("a list", "ms", _list_ms),
            ("a heal until a write is everywhere", "s", partial(_healed_s, numbers=numbers)),
            ("a restarted node has everything", "s", _restarted_s),
        ):
            pairs = run.interleaved(
                f"large: {instances} instances, {what}", partial(measure, many), partial(measure, few)
            )
            yield Case.of(pairs, case=f"3 nodes, {instances} instances: {what}", unit=unit)


def _list_ms(cluster: Cluster) -> float:
    request = list_request(service_name(0), 0)
    answered = ask_all(cluster.nodes[0].address, islice(cycle([request]), ROUND_TRIPS), 1)
    return statistics.median(answered.latencies_real_s) * 1000


def _healed_s(cluster: Cluster, numbers: Iterator[int]) -> float:
    s1, s2, s3 = cluster.nodes
    service, instance = f"Written{next(numbers)}", lasting("10.255.0.1")
    with cluster.partition([s1, s2], [s3]) as fault:
        apart = [(s1, s3), (s2, s3), (s3, s1), (s3, s2)]
        cluster.wait_until(lambda: any(_sees(*pair) for pair in apart), False, within_s=WITHIN_S)
        register(cluster, s1, service, instance)
        begun = time.monotonic()
        fault.heal()
    cluster.wait_until(lambda: s3.api.instances(service), [instance], within_s=WITHIN_S)
    return time.monotonic() - begun


def _sees(node: Node, other: Node) -> bool:
    return bool(node.api.members()[other.address] == "UP")


def _restarted_s(cluster: Cluster) -> float:
    node = cluster.nodes[0]
    before = cluster.wait_until(lambda: counted_instances(cluster.nodes[1]), bool, within_s=WITHIN_S)
    node.kill()
    begun = time.monotonic()
    node.restart()
    cluster.wait_until(lambda: counted_instances(node), before, within_s=WITHIN_S)
    return time.monotonic() - begun
