"""R15: real nodes and a Nacos 1.4 server, which knows only the wire, are members of one cluster.

The peer identity is unset, as it must be for a foreign member. The foreign server does nothing by itself, so
every test says what it does, and waits for what follows.
"""

import itertools
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.ports import Reservations
from harness.waiting import wait_for
from tests.doubles.foreign_data import key_of, md5_of, name_of
from tests.doubles.foreign_node import ForeignNode
from tests.runtime.node_process import START_REAL_S, NodeProcess, node_process

INSTANCE = "/nacos/v1/ns/instance"
LONG_LIVED = '{"preserved.heart.beat.timeout":"3600000","preserved.ip.delete.timeout":"3600000"}'

pytestmark = pytest.mark.requirement("R15")


class Mixed:
    """Nodes s1 and s2, and a foreign server, on reserved ports."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self.addresses = stack.enter_context(Reservations()).reserve(3)
        self.foreign = stack.enter_context(ForeignNode(self.addresses[2], self.addresses))
        self.nodes: list[NodeProcess] = []
        self._names = itertools.count()

    def start(self, name: str) -> NodeProcess:
        """Start s1 or s2."""
        address = self.addresses[int(name[1:]) - 1]
        flags = ["--name", name, "--client-port", address.rpartition(":")[2], "--time-scale", "0.05"]
        flags += ["--member", ",".join(self.addresses), "--log-level", "debug"]
        # A report that a busy machine answers late must not take a member out of the ring.
        flags += ["--set", "timings.call_timeout_min_real_s=10"]
        node = self._stack.enter_context(node_process(self._folder, *flags))
        self.nodes.append(node)
        return node

    def together(self) -> "Mixed":
        """Start both, and wait until all three are UP for all three."""
        for name in ("s1", "s2"):
            self.start(name)
        for node in self.nodes:
            node.await_state("a ring of three", lambda s: s["loaded"] and len(s["ring"]) == 3)
        assert self.foreign.report_to_all() == ["true", "true"]
        return self

    def service_of(self, address: str) -> str:
        """A grouped name that the foreign server believes this member owns, another one each time."""
        names = (f"DEFAULT_GROUP@@Service{number}" for number in self._names)
        return next(name for name in names if self.foreign.owner(name) == address)

    def wait_ips(self, service: str, expected: list[str]) -> None:
        """Until all three list exactly these; the foreign server verifies meanwhile."""
        for node in self.nodes:
            wait_for(
                f"{node.ready['name']} lists {expected}",
                lambda node=node: self._after_verify(node, service),
                lambda found: found == expected,
                START_REAL_S,
            )
        wait_for(
            "the foreign server lists them",
            lambda: self.foreign.ips(service),
            lambda found: found == expected,
            START_REAL_S,
        )

    def _after_verify(self, node: NodeProcess, service: str) -> list[str]:
        self.foreign.verify_to_all()
        listed = node.ask("GET", f"{INSTANCE}/list", params={"serviceName": service}).json()
        return sorted(host["ip"] for host in listed["hosts"])


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixed]:
    """Three members that are all UP, shared by the tests: each uses services of its own."""
    with ExitStack() as stack:
        yield Mixed(stack, tmp_path_factory.mktemp("mixed")).together()


def said(service: str, ip: str) -> dict[str, str]:
    return {"serviceName": service, "ip": ip, "port": "80", "metadata": LONG_LIVED}


@pytest.mark.requirement("R9")
@pytest.mark.requirement("R17")
def test_all_agree_who_is_there_and_who_owns_what(mixed: Mixed) -> None:
    """Two implementations of the hash and of the order, one answer."""
    for number in range(30):
        service = f"group{number}@@Service{number}"
        for node in mixed.nodes:
            path = "/nacos/v1/ns/operator/distro/server"
            owner = node.ask("GET", path, params={"serviceName": service}).json()["responsibleServer"]
            assert owner == mixed.foreign.owner(service)
    report = mixed.foreign.said("POST", "/nacos/v1/core/cluster/report")[0]
    assert report.headers["nacos-server"] == "1.4.2"


@pytest.mark.requirement("R10")
def test_a_write_is_forwarded_to_the_foreign_owner_and_reaches_all(mixed: Mixed) -> None:
    """As Nacos forwards: User-Agent Nacos-Server, Request-Source; its answer is relayed."""
    service = mixed.service_of(mixed.foreign.address)
    answer = mixed.nodes[0].ask("POST", INSTANCE, params=said(service, "10.0.0.1"))
    assert (answer.status_code, answer.text) == (200, "ok")
    forwarded = mixed.foreign.said("POST", INSTANCE)[-1]
    assert forwarded.headers["user-agent"].startswith("Nacos-Server")
    assert forwarded.headers["request-source"] == mixed.addresses[0]
    mixed.wait_ips(service, ["10.0.0.1"])
    gone = mixed.nodes[1].ask("DELETE", INSTANCE, params=said(service, "10.0.0.1"))
    assert (gone.status_code, gone.text) == (200, "ok")
    mixed.wait_ips(service, [])


@pytest.mark.requirement("R10")
def test_a_write_that_the_foreign_server_forwards_is_executed_and_reaches_all(mixed: Mixed) -> None:
    """All parameters in the query, the client's headers copied, `host` of another node."""
    service = mixed.service_of(mixed.addresses[0])
    assert mixed.foreign.ask("POST", said(service, "10.0.0.1"), "Nacos-Java-Client:v1.4.6") == (200, "ok")
    assert mixed.foreign.ask("POST", said(service, "10.0.0.2")) == (200, "ok")
    mixed.wait_ips(service, ["10.0.0.1", "10.0.0.2"])
    assert mixed.foreign.ask("DELETE", said(service, "10.0.0.1")) == (200, "ok")
    mixed.wait_ips(service, ["10.0.0.2"])


@pytest.mark.requirement("R10")
def test_who_disagrees_about_the_owner_is_refused_a_redirect(mixed: Mixed) -> None:
    """At most one hop: 400 with Nacos' sentence, from us to it and from it to us."""
    service = mixed.service_of(mixed.addresses[1])
    its_own = mixed.service_of(mixed.foreign.address)
    whole_ring = mixed.foreign.ring
    mixed.foreign.ring = [mixed.addresses[0]]
    status, sentence = mixed.foreign.ask("POST", said(service, "10.0.0.1"))
    refused = mixed.nodes[0].ask("POST", INSTANCE, params=said(its_own, "10.0.0.1"))
    mixed.foreign.ring = whole_ring
    assert (status, sentence.startswith("receive invalid redirect request from peer")) == (400, True)
    assert (refused.status_code, "receive invalid redirect" in refused.text) == (400, True)


@pytest.mark.requirement("R13")
def test_our_checksums_are_the_foreign_servers_checksums(mixed: Mixed) -> None:
    """Health, weight and metadata included: what it has agrees with what we say, so it pulls nothing."""
    service = mixed.service_of(mixed.addresses[0])
    for number, weight in [(1, "1"), (2, "2.5"), (10, "0.5")]:
        sent = said(service, f"10.0.0.{number}") | {"weight": weight}
        assert mixed.nodes[0].ask("POST", INSTANCE, params=sent).text == "ok"
    mixed.wait_ips(service, ["10.0.0.1", "10.0.0.10", "10.0.0.2"])
    sums = wait_for(
        "a checksum of three instances",
        lambda: last_checksums(mixed, mixed.addresses[0]),
        lambda sums: sums.get(key_of(service)) == md5_of(mixed.foreign.data[key_of(service)]),
        START_REAL_S,
    )
    assert all(mixed.foreign.owner(name_of(key)) == mixed.addresses[0] for key in sums)


@pytest.mark.requirement("R13")
def test_verify_repairs_what_either_side_has_lost(mixed: Mixed) -> None:
    """It pulls from us by a GET with a JSON body and no Nacos header at all; we pull from it."""
    ours, its_own = mixed.service_of(mixed.addresses[0]), mixed.service_of(mixed.foreign.address)
    mixed.nodes[0].ask("POST", INSTANCE, params=said(ours, "10.0.0.1"))
    mixed.foreign.ask("POST", said(its_own, "10.0.0.2"))
    for service, ip in [(ours, "10.0.0.1"), (its_own, "10.0.0.2")]:
        mixed.wait_ips(service, [ip])
    del mixed.foreign.data[key_of(ours)]
    mixed.foreign.data[key_of(its_own)][0]["ip"] = "10.0.0.3"
    mixed.wait_ips(ours, ["10.0.0.1"])
    mixed.wait_ips(its_own, ["10.0.0.3"])


@pytest.mark.requirement("R13")
def test_what_the_foreign_server_no_longer_has_is_dropped_once_the_ring_is_quiet(mixed: Mixed) -> None:
    """It names no ring; two verify periods of an unchanged one are what counts (exactly: tests/core)."""
    gone, kept = (mixed.service_of(mixed.foreign.address) for _ in range(2))
    for service in (gone, kept):
        mixed.foreign.ask("POST", said(service, "10.0.0.1"))
        mixed.wait_ips(service, ["10.0.0.1"])
    del mixed.foreign.data[key_of(gone)]
    mixed.wait_ips(gone, [])
    mixed.wait_ips(kept, ["10.0.0.1"])


@pytest.mark.requirement("R18")
@pytest.mark.endpoint("POST /nacos/v1/ns/service/status", "GET /nacos/v1/ns/instance/statuses")
def test_the_foreign_server_learns_who_is_ill_and_who_is_well_again(mixed: Mixed) -> None:
    """It keeps its own idea of health when it pulls a list; its status is answered with ours, and it asks."""
    service = mixed.service_of(mixed.addresses[0])
    impatient = '{"preserved.heart.beat.timeout":"100","preserved.ip.delete.timeout":"3600000"}'
    mixed.nodes[0].ask("POST", INSTANCE, params=said(service, "10.0.0.1") | {"metadata": impatient})
    mixed.nodes[0].ask("POST", INSTANCE, params=said(service, "10.0.0.2"))
    wait_health(mixed, service, {"10.0.0.1": False, "10.0.0.2": True})
    patient = said(service, "10.0.0.1")
    mixed.nodes[0].ask("POST", INSTANCE, params=patient)
    wait_health(mixed, service, {"10.0.0.1": True, "10.0.0.2": True})


@pytest.mark.requirement("R14")
def test_snapshots_go_both_ways(tmp_path: Path) -> None:
    """Our first node loads from the foreign server alone; a foreign server that lost all loads from ours."""
    service = "DEFAULT_GROUP@@before"
    with ExitStack() as stack:
        mixed = Mixed(stack, tmp_path)
        mixed.foreign.members = [mixed.foreign.address]
        mixed.foreign.ask("POST", said(service, "10.0.0.1"))
        mixed.foreign.members = mixed.addresses
        node = mixed.start("s1")
        node.await_state("loaded", lambda s: s["loaded"] and f"public##{service}" in s["services"])
        mixed.foreign.data.clear()
        mixed.foreign.load_from(mixed.addresses[0])
        assert mixed.foreign.ips(service) == ["10.0.0.1"]


@pytest.mark.requirement("R12")
@pytest.mark.parametrize("delete_status", [404, 405, 501])
def test_a_foreign_server_knows_no_delete_and_verify_repairs_it(mixed: Mixed, delete_status: int) -> None:
    """The delete counts as sent, nothing waits for ever; our next checksums make it drop the key."""
    mixed.foreign.delete_status = delete_status
    node = mixed.nodes[0]
    service = mixed.service_of(mixed.addresses[0])
    node.ask("POST", INSTANCE, params=said(service, "10.0.0.1"))
    mixed.wait_ips(service, ["10.0.0.1"])
    assert node.ask("DELETE", "/nacos/v1/ns/service", params={"serviceName": service}).text == "ok"
    node.await_state("nothing waits", lambda s: s["pending"] == 0)
    wait_for(
        "the foreign server was told",
        lambda: mixed.foreign.said("DELETE", "/nacos/v1/ns/distro/datum"),
        lambda heard: any(service in h.body.decode() for h in heard),
        START_REAL_S,
    )
    mixed.wait_ips(service, [])
    assert key_of(service) not in mixed.foreign.data


def wait_health(mixed: Mixed, service: str, expected: dict[str, bool]) -> None:
    """Until the foreign server lists them so; it sends its statuses meanwhile."""

    def after_status() -> dict[str, bool]:
        mixed.foreign.status_to_all()
        return mixed.foreign.health(service)

    wait_for(f"the foreign server lists {expected}", after_status, lambda h: h == expected, START_REAL_S)


def last_checksums(mixed: Mixed, source: str) -> dict[str, Any]:
    """The map that this member sent last."""
    heard = mixed.foreign.said("PUT", "/nacos/v1/ns/distro/checksum")
    return next((json.loads(h.body) for h in reversed(heard) if h.query["source"] == source), {})
