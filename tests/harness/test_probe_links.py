"""Links of channel probe: a cut keeps a node from the instances that it checks (R19), and is proved."""

import socket

import pytest

from harness.cluster import Cluster
from harness.links.link import Channel
from harness.program import CannotDo

WITHIN_S = 400.0
"""Document seconds, 20 s real: a check comes each 5, and three in a row decide."""


class Listening:
    """Takes connections and says nothing: all that a TCP check asks for. The kernel does it alone."""

    def __init__(self) -> None:
        self._sock = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = f"127.0.0.1:{self._sock.getsockname()[1]}"

    def close(self) -> None:
        self._sock.close()


def probe_codes(cluster: Cluster) -> dict[str, str]:
    return {c.source: c.reading.code for c in cluster.links.matrix() if c.channel is Channel.PROBE}


@pytest.mark.requirement("R19")
@pytest.mark.cluster(nodes=2, cp=True)
def test_a_prober_that_is_cut_from_an_instance_finds_it_unhealthy(cluster: Cluster) -> None:
    """By the node that is responsible alone; all learn of it, and of the heal. One that ended is no fault."""
    instance = Listening()
    try:
        checked = cluster.probe_links(instance.address)
        assert probe_codes(cluster) == {"s1": "o**", "s2": "o**"}, "a connect is all that is known of it"
        (prober, other) = cluster.nodes
        service = cluster.service_owned_by(prober)

        def health() -> list[bool]:
            return [one.healthy for node in cluster.nodes for one in node.api.instances(service)]

        def register() -> None:
            other.api.register(service, checked.instance, ephemeral=False)

        cluster.wait_until(register, None, within_s=WITHIN_S)
        cluster.wait_until(health, [True, True], within_s=WITHIN_S)
        with cluster.cut(prober, checked):
            assert probe_codes(cluster) == {prober.name: "rrr", other.name: "o**"}
            cluster.wait_until(health, [False, False], within_s=WITHIN_S)
        cluster.wait_until(health, [True, True], within_s=WITHIN_S)
    finally:
        instance.close()
    cluster.wait_until(health, [False, False], within_s=WITHIN_S)
    with cluster.isolate(prober):
        assert probe_codes(cluster)[prober.name] == "(rrr/ccc)", "nobody listens there to be connected to"


@pytest.mark.cluster(nodes=1)
def test_probe_links_need_cp(cluster: Cluster) -> None:
    """There are no persistent instances without."""
    with pytest.raises(CannotDo, match=r"cluster.probe_links\(\): this cluster has no CP; ask for one with"):
        cluster.probe_links("127.0.0.1:1")
