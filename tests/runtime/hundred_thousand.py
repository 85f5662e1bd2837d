"""What 100,000 instances cost a cluster: `python -m tests.runtime.hundred_thousand` prints a table.

Three real nodes are filled; then they list, verify, are written to on both sides of a cut that heals, and one
is restarted and loads the snapshot. No instance is ever beaten for: each lives an hour without.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.bench.consumption import counted, cpu_s, own_bytes
from harness.bench.filling import INSTANCES_PER_SERVICE, fill
from harness.bench.registry import lasting, register, service_name
from harness.bench.run import let_pass
from harness.cluster import Cluster
from harness.command_session import add_cluster_options, command_session
from harness.node import Node
from harness.spec import ClusterSpec

TIMEOUTS = ("report", "verify", "pull", "load", "sync")
"""Of calls that carry megabytes: the documents' 3 s are too short for a clock that runs fast."""

VERIFY_PERIODS = 4
PERIOD_S = 5.0
WITHIN_S = 600.0
ASKED = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    value: float
    unit: str


def main() -> None:
    """Fill a cluster, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.runtime.hundred_thousand", description=__doc__)
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--nodes", type=int, default=3)
    add_cluster_options(parser)
    parser.set_defaults(time_scale=0.2)
    arguments = parser.parse_args()
    with command_session(arguments) as session:
        config = {f"timings.{name}_timeout_s": 30.0 / arguments.time_scale for name in TIMEOUTS}
        spec = ClusterSpec(nodes=arguments.nodes, time_scale=arguments.time_scale, config=config)
        cluster = session.cluster(spec, owner="hundred_thousand")
        for row in measured(cluster, arguments.instances):
            print(f"{row.what:64} {row.value:12,.2f} {row.unit}", flush=True)


def measured(cluster: Cluster, instances: int) -> Iterator[Row]:
    """Measure a cluster of that many instances, one row after the other."""
    empty = [own_bytes(node.pid) for node in cluster.nodes]
    yield Row("verify, empty: processor time of a node in a period", *_verified(cluster)[0])
    yield Row("filled, as members sync it", _took_s(lambda: fill(cluster, instances)), "s")
    let_pass(2 * PERIOD_S * cluster.time_scale, "the first verify")
    full = [own_bytes(node.pid) for node in cluster.nodes]
    per_instance = [(b - a) / instances for a, b in zip(empty, full, strict=True)]
    yield Row("memory of a node for each instance", statistics.median(per_instance), "B")
    spent, sent = _verified(cluster)
    yield Row("verify, full: processor time of a node in a period", *spent)
    yield Row("verify, full: bytes a node sends in a period", *sent)
    yield from _asked(cluster.nodes[0], instances)
    yield Row("cut, both sides written, healed: until all nodes list both", _healed_s(cluster), "s")
    yield from _loaded(cluster, cluster.nodes[0], instances, empty[0])


def _verified(cluster: Cluster) -> tuple[tuple[float, str], tuple[float, str]]:
    """Return what a node spends and sends in a period in which nothing changes."""
    sent = _sent(cluster)  # outside of what is measured: the page costs processor time too
    spent = _used_s(cluster)
    began = time.monotonic()
    let_pass(VERIFY_PERIODS * PERIOD_S * cluster.time_scale, "verify periods")
    spent = _used_s(cluster) - spent
    node_periods = len(cluster.nodes) * (time.monotonic() - began) / PERIOD_S / cluster.time_scale
    sent = _sent(cluster) - sent
    return (1000 * spent / node_periods, "ms"), (sent / node_periods, "B")


def _used_s(cluster: Cluster) -> float:
    return sum(cpu_s(node.pid) for node in cluster.nodes)


def _sent(cluster: Cluster) -> float:
    return sum(counted(node, "nodecore_verify_bytes") for node in cluster.nodes)


def _asked(node: Node, instances: int) -> Iterator[Row]:
    service = service_name(instances // INSTANCES_PER_SERVICE // 2)
    assert len(node.api.instances(service)) == INSTANCES_PER_SERVICE
    names = {"pageNo": 1, "pageSize": 20}
    for what, ask in (
        ("list of one service", lambda: node.api.instances(service)),
        ("page of all services' names", lambda: node.api.call("GET", "/nacos/v1/ns/service/list", names)),
        ("page of /metrics", node.api.metrics),
    ):
        times = [_took_s(ask) for _ in range(ASKED)]
        yield Row(f"{what}: median of {ASKED}", 1000 * statistics.median(times), "ms")


def _healed_s(cluster: Cluster) -> float:
    here, there = cluster.nodes[:-1], cluster.nodes[-1:]
    written = {"Here": here[0], "There": there[0]}
    with cluster.partition(here, there) as fault:
        for node in cluster.nodes:
            side = {other.address for other in (here if node in here else there)}
            cluster.wait_until(lambda n=node: _up(n), side, within_s=WITHIN_S)  # type: ignore[misc]
        for service, node in written.items():
            register(cluster, node, service, lasting("10.255.0.1"))
        began = time.monotonic()
        fault.heal()
    for service in written:
        for node in cluster.nodes:
            cluster.wait_until(lambda n=node, s=service: len(n.api.instances(s)), 1, within_s=WITHIN_S)  # type: ignore[misc]
    return time.monotonic() - began


def _loaded(cluster: Cluster, node: Node, instances: int, empty_bytes: int) -> Iterator[Row]:
    began = time.monotonic()
    node.restart()
    cluster.wait_until(lambda: _instances(node), lambda held: held >= instances, within_s=WITHIN_S)
    yield Row("restarted: until it has loaded the snapshot and lists it", time.monotonic() - began, "s")
    yield Row("restarted: its processor time until then", cpu_s(node.pid), "s")
    yield Row("restarted: its memory for each instance", (own_bytes(node.pid) - empty_bytes) / instances, "B")


def _up(node: Node) -> set[str]:
    """Return whom a node holds for healthy; its whole state would be megabytes."""
    return {address for address, state in node.api.members().items() if state == "UP"}


def _instances(node: Node) -> int:
    answer = node.api.call("GET", "/nacos/v1/ns/operator/metrics", {}).json()
    return int(answer["instanceCount"])


def _took_s(do: Callable[[], object]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
