"""`cutheal bench verify`: what a node spends in a verify period, by how many instances it has.

Two clusters of the same size run side by side, one with few instances and one with many. Nothing is written,
nobody's beats are judged: reports and verify are all they do. The kernel counts processor time for each
process, so both samples of a pair come from the same stretch of time; bytes are what the nodes count.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from harness.bench.case import Case
from harness.bench.consumption import counted, cpu_s, own_bytes
from harness.bench.filling import fill, instance_bytes
from harness.bench.floor import PERIOD_S
from harness.bench.run import Run, let_pass
from harness.cluster import Cluster
from harness.spec import TIME_SCALE_DEFAULT, ClusterSpec, least_time_scale

NODES = (3, 20)
INSTANCES = (10, 1_000, 100_000)
FEW = 10
MEMORY_FROM = 1_000
"""With fewer the difference between two processes is noise."""

GOAL_RATIO = 1.25
"""What is independent of the number of instances differs by noise."""

PERIODS = 2
"""Of one sample: every node verifies in each, whatever its phase."""

SETTLE_PERIODS = 2
VERIFIED_WITHIN_S = 60.0
CONFIG = {
    "timings.judge_s": 1e6,
    "timings.report_timeout_s": 60,
    "timings.verify_timeout_s": 60,
    "timings.pull_timeout_s": 60,
}
"""Nobody judges beats. A node is late with its answers while it takes in megabytes, and must not be suspected
for that: at this pace its services would be dropped, as those of a member that has lost them."""


def cases(run: Run) -> list[Case]:
    """Measure each size of cluster with each number of instances."""
    sizes = run.sizes.instances or INSTANCES
    found: list[Case] = []
    for nodes in run.sizes.nodes or NODES:
        with _cluster(run, nodes, FEW) as few:
            for instances in sizes:
                with _cluster(run, nodes, instances) as many:
                    found += _cases(run, many, few, instances)
    return found


@contextmanager
def _cluster(run: Run, nodes: int, instances: int) -> Iterator[Cluster]:
    time_scale = max(TIME_SCALE_DEFAULT, 4 * least_time_scale(nodes, os.cpu_count() or 1))
    spec = ClusterSpec(nodes=nodes, time_scale=min(1.0, time_scale), config=CONFIG)
    cluster = run.session.cluster(spec, owner="cutheal bench verify")
    try:
        fill(cluster, instances)
        yield cluster
    finally:
        cluster.close()


def _cases(run: Run, many: Cluster, few: Cluster, instances: int) -> Iterator[Case]:
    which = f"{len(many.nodes)} nodes, scale {many.time_scale:.2f}, {instances} instances"
    judged: dict[str, Any] = {}
    if instances > FEW:
        goal = f"ratio at most {GOAL_RATIO}"
        judged = {"goal": goal, "is_met": lambda case: case.ratio <= GOAL_RATIO}
    let_pass(_real_s(many, SETTLE_PERIODS), "the first verify after the filling")
    begun, before = time.monotonic(), [_verify_bytes(cluster) for cluster in (many, few)]
    pairs = run.together(f"verify: {which}", lambda: _period_ms(many, few))
    after = [_verify_bytes_above(cluster, least) for cluster, least in zip((many, few), before, strict=True)]
    periods = (time.monotonic() - begun) / _real_s(many, 1)
    sent = [
        [(end - start) / periods for start, end in zip(*node_counts, strict=True)]
        for node_counts in zip(before, after, strict=True)
    ]
    yield Case.of(pairs, case=f"{which}: processor time", unit="ms", **judged)
    yield Case(case=f"{which}: verify bodies", measured=sent[0], floor=sent[1], unit="B", **judged)
    if instances >= MEMORY_FROM:
        yield _memory(many, few, which, instances)


def _memory(many: Cluster, few: Cluster, which: str, instances: int) -> Case:
    """Compare what an instance takes in each node with its JSON on the wire."""
    own = zip(many.nodes, few.nodes, strict=True)
    measured = [(own_bytes(one.pid) - own_bytes(other.pid)) / (instances - FEW) for one, other in own]
    floor = [float(instance_bytes())] * len(measured)
    return Case(case=f"{which}: memory of one / its JSON", measured=measured, floor=floor, unit="B")


def _period_ms(many: Cluster, few: Cluster) -> tuple[float, float]:
    """Let both run for the same periods; return what a node of either used in one."""
    before = _used_s(many), _used_s(few)
    begun = time.monotonic()
    let_pass(_real_s(many, PERIODS), "whole verify periods")
    periods = (time.monotonic() - begun) / _real_s(many, 1)
    after = _used_s(many), _used_s(few)
    per_period = 1000 / periods / len(many.nodes)
    return (after[0] - before[0]) * per_period, (after[1] - before[1]) * per_period


def _real_s(cluster: Cluster, periods: int) -> float:
    return periods * PERIOD_S * cluster.time_scale


def _used_s(cluster: Cluster) -> float:
    return sum(cpu_s(node.pid) for node in cluster.nodes)


def _verify_bytes(cluster: Cluster) -> list[float]:
    return [counted(node, "nodecore_verify_bytes") for node in cluster.nodes]


def _verify_bytes_above(cluster: Cluster, before: Sequence[float]) -> list[float]:
    """Return the counts when each node has verified again: on a busy machine its period may take longer."""
    return cluster.wait_until(
        lambda: _verify_bytes(cluster),
        lambda counts: all(now > then for now, then in zip(counts, before, strict=True)),
        within_s=VERIFIED_WITHIN_S,
    )
