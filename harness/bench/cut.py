"""`cutheal bench cut`: a verified cut and heal, against the bare calls that change as many proxies."""

import time

from harness.bench.case import Case
from harness.bench.run import Run
from harness.cluster import Cluster
from harness.links.api import Call, Proxy, ToxiproxyApi
from harness.links.calls import delete_proxy, remove_toxic
from harness.spec import ClusterSpec

NODES = (3, 5)
GOAL_MS = 30.0


def cases(run: Run) -> list[Case]:
    """Measure cut and heal of a minority for every size."""
    return [case for nodes in run.sizes.nodes or NODES for case in _cases(run, nodes)]


def _cases(run: Run, nodes: int) -> list[Case]:
    minority = nodes // 2
    cluster = run.session.cluster(ClusterSpec(nodes=nodes), owner="cutheal bench cut")
    shadow = _Shadow(run.session.link_server, proxies=2 * minority * (nodes - minority))
    try:
        both = run.interleaved(
            f"cut: {nodes} nodes", lambda: _cut_and_heal_ms(cluster, minority), shadow.cut_and_heal_ms
        )
    finally:
        shadow.close()
        cluster.close()
    return [
        Case(
            case=f"{nodes} nodes, {minority}|{nodes - minority}, {what}",
            measured=[sample[index] for sample in both.measured],
            floor=[sample[index] for sample in both.floor],
            stall_real_s=both.stall_real_s,
            unit="ms",
            goal=f"at most {GOAL_MS:.0f} ms" if nodes == 5 else "",
            is_met=(lambda case: case.median <= GOAL_MS) if nodes == 5 else None,
        )
        for index, what in enumerate(("cut", "heal"))
    ]


def _cut_and_heal_ms(cluster: Cluster, minority: int) -> tuple[float, float]:
    started = time.monotonic()
    fault = cluster.partition(cluster.nodes[:minority], cluster.nodes[minority:])
    cut = time.monotonic()
    fault.heal()
    healed = time.monotonic()
    return (cut - started) * 1000, (healed - cut) * 1000


class _Shadow:
    """As many proxies as the cut acts on, which nobody uses: what the calls alone take, unverified."""

    def __init__(self, api: ToxiproxyApi, proxies: int) -> None:
        self._api = ToxiproxyApi(api.api_address)
        self._names = [f"shadow-{number}" for number in range(proxies)]
        self._api.populate(
            [
                Proxy(name=name, listen="127.0.0.1:0", upstream=api.api_address, enabled=True)
                for name in self._names
            ]
        )

    def cut_and_heal_ms(self) -> tuple[float, float]:
        """Add a black hole to both streams of each proxy, then remove them."""
        streams = [(name, stream) for name in self._names for stream in ("upstream", "downstream")]
        started = time.monotonic()
        self._api.batch([_black_hole(name, stream) for name, stream in streams])
        cut = time.monotonic()
        self._api.batch([remove_toxic(name, stream) for name, stream in streams])
        return (cut - started) * 1000, (time.monotonic() - cut) * 1000

    def close(self) -> None:
        """Remove the proxies."""
        self._api.batch([delete_proxy(name) for name in self._names])
        self._api.close()


def _black_hole(proxy: str, stream: str) -> Call:
    toxic = {"name": stream, "type": "timeout", "stream": stream, "attributes": {"timeout": 0}}
    return Call("POST", f"/proxies/{proxy}/toxics", toxic)
