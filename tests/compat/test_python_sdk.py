"""The original's Python client, nacos-sdk-python 1.0.0, unchanged against a cluster, through links."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nacos
import pytest
from nacos.exception import NacosRequestException
from nacos.listener import SubscribeListener

from harness.agent import Agent
from harness.cluster import Cluster
from harness.ownership import grouped_name

pytestmark = [
    pytest.mark.requirement("R21"),
    # one report that a busy machine delays would have a forwarded write refused, and this client asks once
    pytest.mark.cluster(nodes=2, config={"timings.report_timeout_s": 100}),
    # the client's own: a context without a protocol, answers that it leaves to the garbage collector
    pytest.mark.filterwarnings("ignore:ssl:DeprecationWarning", "ignore::ResourceWarning"),
]

SERVICE = "orders0"
"""Owned by the first server, which the client asks as long as it answers: it reads what it writes."""
IP, PORT = "10.7.0.1", 8080
BEAT_REAL_S = 0.1
"""Well within the 15 document seconds after which an instance is unhealthy: 0.75 s."""


@pytest.fixture
def party(cluster: Cluster) -> Agent:
    """Whose links the client uses: they can be cut like any agent's."""
    return cluster.agent("P1", subscribes=["unrelated"])


@pytest.fixture
def client(party: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client that knows the links to all nodes."""
    monkeypatch.setenv("NO_PROXY", "*")
    made = nacos.NacosClient(
        ",".join(address for _, address in party.plan.servers), namespace="public", logDir=str(tmp_path)
    )
    yield made
    made.stop_subscribe()
    for task in made.heartbeats.values():
        task.stop()
    for task in made.heartbeats.values():
        task.join(10)


def ips(listed: dict[str, Any]) -> list[str]:
    return sorted(f"{host['ip']}:{host['port']}" for host in listed["hosts"])


def listed(client: Any, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.list_naming_instance(SERVICE, **more)
    return found


def test_registers_and_is_listed_by_all_nodes(cluster: Cluster, client: Any) -> None:
    """`True` when the answer is exactly `ok`; the names it gets are bare, as its own code expects."""
    assert client.add_naming_instance(SERVICE, IP, PORT, cluster_name="c1", metadata={"zone": "a,b"}) is True
    for node in cluster.nodes:
        cluster.wait_until(
            lambda node=node: [(i.ip, i.cluster) for i in node.api.instances(SERVICE)],  # type: ignore[misc]
            [(IP, "c1")],
            within_s=20,
        )
    found = listed(client)
    assert (found["name"], found["dom"]) == (grouped_name(SERVICE), SERVICE)
    (host,) = found["hosts"]
    assert (host["serviceName"], host["metadata"]) == (SERVICE, {"zone": "a,b"})
    assert ips(listed(client, clusters="c1,c2")) == [f"{IP}:{PORT}"]
    assert ips(listed(client, clusters="c2")) == []
    assert ips(listed(client, group_name="other")) == []


def test_beats_keep_it_alive_and_a_beat_alone_registers(cluster: Cluster, client: Any) -> None:
    """Full beats: what a node has forgotten, or never knew, comes back; the interval is the node's."""
    answer = client.send_heartbeat(SERVICE, IP, PORT, metadata={"a": "b"})
    assert (answer["code"], answer["clientBeatInterval"]) == (10200, 5000 * cluster.time_scale)
    client.add_naming_instance(SERVICE, IP, PORT + 1, cluster_name="DEFAULT", heartbeat_interval=BEAT_REAL_S)
    s1, _ = cluster.nodes
    cluster.wait_until(
        lambda: [(i.port, i.healthy) for i in s1.api.instances(SERVICE)], [(PORT + 1, True)], within_s=60
    )
    assert client.remove_naming_instance(SERVICE, IP, PORT + 1) is True
    cluster.wait_until(lambda: s1.api.instances(SERVICE), [], within_s=60)


def test_without_a_cluster_name_it_says_none(client: Any) -> None:
    """Its `None` goes over the wire as text, and such a cluster there is then; booleans are capitalised."""
    assert client.add_naming_instance(SERVICE, IP, PORT, enable=True, healthy=True) is True
    (host,) = listed(client, healthy_only=True)["hosts"]
    assert host["clusterName"] == "None"
    assert client.add_naming_instance(SERVICE, IP, PORT, enable=False) is True
    assert listed(client)["hosts"] == []


def test_modifies_and_reads_one_instance(client: Any) -> None:
    """GET /instance with both `cluster` and `clusterName`, and no group."""
    client.add_naming_instance(SERVICE, IP, PORT, cluster_name="DEFAULT")
    assert client.modify_naming_instance(
        SERVICE, IP, PORT, cluster_name="DEFAULT", weight=3.5, metadata={"k": "v"}
    )
    found = client.get_naming_instance(SERVICE, IP, PORT, "DEFAULT")
    assert (found["weight"], found["metadata"], found["service"]) == (3.5, {"k": "v"}, grouped_name(SERVICE))


def test_a_missing_instance_is_an_error_of_its_own(client: Any) -> None:
    """A 404 is not taken for a server that is down: it asks no other."""
    with pytest.raises(nacos.NacosException, match="404"):
        client.get_naming_instance("nobody", IP, PORT, "DEFAULT")


@pytest.mark.requirement("R20")
def test_subscribes_by_polling(cluster: Cluster, client: Any) -> None:
    """It hears of what was added, changed and deleted; no port of its own is pushed to."""
    heard: list[tuple[str, str]] = []
    client.add_naming_instance(
        SERVICE, "10.7.0.9", PORT, cluster_name="DEFAULT", heartbeat_interval=BEAT_REAL_S
    )

    def listener(event: str, found: Any) -> None:
        heard.append((event, found.instance["ip"]))

    client.subscribe(SubscribeListener(listener, "test"), 0.05, SERVICE)
    cluster.wait_until(
        lambda: client.subscribed_local_manager.get_local_instances(SERVICE), bool, within_s=60
    )
    client.add_naming_instance(SERVICE, IP, PORT, cluster_name="DEFAULT", heartbeat_interval=BEAT_REAL_S)
    cluster.wait_until(lambda: heard, lambda events: ("ADDED", IP) in events, within_s=60)
    client.remove_naming_instance(SERVICE, IP, PORT)
    cluster.wait_until(lambda: heard, lambda events: ("DELETED", IP) in events, within_s=60)


def test_moves_on_from_a_server_that_is_cut_away(cluster: Cluster, party: Agent, client: Any) -> None:
    """Silent or refused: it changes server, and every call is answered."""
    s1, s2 = cluster.nodes
    client.set_options(default_timeout=0.3)
    for cut in ("blackhole", "refuse"):
        for node in (s1, s2):
            with cluster.partition([node], [party], cut=cut):
                assert client.add_naming_instance(f"orders-{cut}-{node.name}", IP, PORT) is True
    for node in (s1, s2):
        cluster.wait_until(
            lambda node=node: len(node.api.instances("orders-refuse-s2")),  # type: ignore[misc]
            1,
            within_s=20,
        )


def test_all_servers_cut_away_is_an_error_that_says_so(cluster: Cluster, party: Agent, client: Any) -> None:
    """After the heal it works again, without a restart (R24)."""
    with cluster.isolate(party, cut="refuse"), pytest.raises(NacosRequestException, match="not available"):
        client.add_naming_instance(SERVICE, IP, PORT)
    assert client.add_naming_instance(SERVICE, IP, PORT) is True
