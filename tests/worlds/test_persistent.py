"""What lives in CP on real clusters: persistent instances and who checks them, services, switches (R19)."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from harness.client import Instance
from harness.cluster import Cluster
from harness.node import Node
from harness.ownership import grouped_name, owner_of
from harness.ports import Reservations
from tests.worlds.registrations import register_lasting, wait_listed

pytestmark = pytest.mark.cluster(nodes=3, cp=True)

WITHIN_S = 600.0
"""Document seconds, 30 s real: elections and checks take a fraction of it, whatever else the machine does."""

NS = "/nacos/v1/ns"


@contextmanager
def listening() -> Iterator[tuple[Instance, socket.socket]]:
    """Something that can be checked by TCP, and the socket that is to be closed for its death.

    Its port stays reserved: nobody else comes to listen there, whom a check would take for it.
    """
    with Reservations() as ports:
        host, _, port = ports.reserve(1)[0].rpartition(":")
        with socket.create_server((host, int(port)), backlog=1024) as listener:
            yield Instance(host, int(port)), listener


def taken(cluster: Cluster, write: Any) -> None:
    """Have a write taken, asked again while no leader takes it: one may be elected at any moment."""
    cluster.wait_until(write, lambda answer: answer is None, within_s=WITHIN_S)


def wait_health(cluster: Cluster, nodes: list[Node], service: str, expected: dict[int, bool]) -> None:
    """Wait until these nodes show exactly these ports with this health."""

    def shown() -> dict[str, dict[int, bool]]:
        return {n.name: {i.port: i.healthy for i in n.api.instances(service)} for n in nodes}

    cluster.wait_until(shown, {node.name: expected for node in nodes}, within_s=WITHIN_S)


def never_owned_by(cluster: Cluster, node: Node) -> str:
    """Return a service that is another's also while a late report has one member out of the ring.

    For the first node there is one: in each ring of two it has the same place.
    """
    addresses = [member.address for member in cluster.nodes]
    rings = [addresses, *([a for a in addresses if a != gone] for gone in addresses if gone != node.address)]
    names = (f"Service{number}" for number in count())
    return next(name for name in names if all(owner_of(name, ring) != node.address for ring in rings))


@pytest.mark.requirement("R19")
def test_who_is_responsible_checks_and_who_takes_over_does_too(cluster: Cluster) -> None:
    """Two registrations of one service through two nodes at once both stay, are checked, and go on to be."""
    with listening() as (first, first_socket), listening() as (second, second_socket):
        owner, *others = cluster.nodes
        service = cluster.service_owned_by(owner)

        def register(node: Node, instance: Instance) -> None:
            taken(cluster, lambda: node.api.register(service, instance, ephemeral=False))

        threads = [
            threading.Thread(target=register, args=pair) for pair in zip(others, (first, second), strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_health(cluster, cluster.nodes, service, {first.port: True, second.port: True})
        first_socket.close()
        wait_health(cluster, cluster.nodes, service, {first.port: False, second.port: True})
        owner.kill()
        second_socket.close()
        wait_health(cluster, others, service, {first.port: False, second.port: False})


@pytest.mark.requirement("R25")
def test_a_service_deleted_with_its_metadata_keeps_its_ephemeral_half_elsewhere(cluster: Cluster) -> None:
    """Asked of a node that is not responsible: CP's half goes everywhere, Distro's comes back (R25)."""
    asked, *_ = cluster.nodes
    service = never_owned_by(cluster, asked)
    ephemeral = register_lasting(cluster, [service])
    persistent = Instance("127.0.0.1", 1)
    taken(cluster, lambda: asked.api.register(service, persistent, ephemeral=False))
    taken(cluster, lambda: asked.api.update_service(service, protect_threshold=0.5))
    wait_listed(cluster, service, [*ephemeral, persistent])
    mark = asked.log.mark()
    taken(cluster, lambda: asked.api.delete_service(service))
    asked.log.wait_for(f"event=service_removed .*{grouped_name(service)}", mark)
    wait_listed(cluster, service, ephemeral)
    for node in cluster.nodes:
        cluster.wait_until(
            lambda node=node: node.api.service(service)["protectThreshold"], 0.0, within_s=WITHIN_S
        )


@pytest.mark.requirement("R6")
def test_a_switch_reaches_all_nodes_and_outlives_a_restart(cluster: Cluster) -> None:
    """And acts there without one: a registration that says nothing is a persistent one from now on."""
    s1, s2, s3 = cluster.nodes
    switch = {"entry": "defaultInstanceEphemeral", "value": "false"}

    def change() -> None:
        s1.api.call("PUT", f"{NS}/operator/switches", switch)

    def switches(node: Node) -> bool:
        found = node.api.call("GET", f"{NS}/operator/switches", {}).json()
        return bool(found["defaultInstanceEphemeral"])

    taken(cluster, change)
    cluster.wait_until(lambda: [switches(n) for n in cluster.nodes], [False] * 3, within_s=WITHIN_S)
    instance = Instance("127.0.0.1", 1)
    said = {"serviceName": grouped_name("ServiceA0"), "ip": instance.ip, "port": instance.port}

    def register() -> None:
        s2.api.call("POST", f"{NS}/instance", said)

    taken(cluster, register)
    hosts = s2.api.call("GET", f"{NS}/instance/list", {"serviceName": said["serviceName"]}).json()["hosts"]
    assert [(host["ip"], host["ephemeral"]) for host in hosts] == [(instance.ip, False)]
    s3.restart()
    cluster.wait_until(lambda: switches(s3), False, within_s=WITHIN_S)
    cluster.wait_until(lambda: s3.api.instances("ServiceA0"), [instance], within_s=WITHIN_S)
