"""Persistent instances, services and switches as a client of a node with CP asks for them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from nodecore.consistency.naming_groups import naming_groups
from nodecore.consistency.protocol import ReadRequest, WriteKind, WriteRequest
from nodecore.core.events import RecordsApplied, RecordsRestored
from nodecore.core.keys import SWITCH_KEY, metadata_key, persistent_key
from nodecore.core.records import Datum, Instance, Instances, Service, SwitchDomain
from nodecore.errors import NoLeader, OutcomeUnknown
from tests.doubles.local_cp import LocalCp
from tests.runtime.application import Answered, WsgiClient, wsgi_client, wsgi_client_with_cp

NS = "/nacos/v1/ns"
WHERE = {"serviceName": "db"}
AT = WHERE | {"ip": "127.0.0.7", "port": 3306}
PERSISTENT = AT | {"ephemeral": "false"}


class Node:
    """A node with CP, and its CP."""

    def __init__(self, ask: WsgiClient, cp: LocalCp) -> None:
        self.cp = cp
        self._ask = ask

    def __call__(self, method: str, path: str, query: dict[str, Any] | None = None, **said: Any) -> Answered:
        return self._ask(method, path if path.startswith("/cutheal") else NS + path, query, **said)

    def ok(self, method: str, path: str, query: dict[str, Any]) -> None:
        answer = self(method, path, query)
        assert (answer.status, answer.text) == (200, "ok"), answer

    def hosts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self("GET", "/instance/list", WHERE).json()["hosts"]
        return found


@pytest.fixture
def node() -> Iterator[Node]:
    with wsgi_client_with_cp() as (ask, cp):
        yield Node(ask, cp)


@pytest.mark.requirement("R19")
def test_a_persistent_instance_is_registered_changed_listed_and_deregistered(node: Node) -> None:
    """Without a beat; by POST, PUT, PATCH and DELETE with ephemeral=false."""
    node.ok("POST", "/instance", PERSISTENT | {"weight": 2})
    node.ok("POST", "/instance", WHERE | {"ip": "10.0.0.1", "port": 1})
    node.ok("PATCH", "/instance", AT | {"enabled": "false"})
    node.ok("PATCH", "/instance", PERSISTENT | {"weight": 3, "enabled": "true", "metadata": "k=v"})
    assert [(h["ip"], h["ephemeral"], h["weight"], h["metadata"]) for h in node.hosts()] == [
        ("10.0.0.1", True, 1.0, {}),
        ("127.0.0.7", False, 3.0, {"k": "v"}),
    ]
    assert node("GET", "/instance", AT).json()["weight"] == 3.0
    node.ok("PUT", "/instance", PERSISTENT)
    assert node("GET", "/instance", AT).json()["weight"] == 1.0
    node.ok("DELETE", "/instance", AT)
    assert len(node.hosts()) == 2
    node.ok("DELETE", "/instance", PERSISTENT)
    assert [h["ip"] for h in node.hosts()] == ["10.0.0.1"]


def test_a_read_says_how_fresh_it_has_to_be(node: Node) -> None:
    """Linearizable by default, for one instance and one service; a list asks CP nothing."""
    node.ok("POST", "/instance", PERSISTENT)
    asked = [("GET", "/instance", AT), ("GET", "/service", WHERE)]
    for method, path, query in asked:
        assert node(method, path, query | {"consistency": "stale"}).status == 200
    node.hosts()
    assert node.cp.read == []
    for method, path, query in asked:
        assert node(method, path, query).status == 200
    assert [request.extend_info for request in node.cp.read] == [(("consistency", "linearizable"),)] * 2
    wrong = node("GET", "/instance", AT | {"consistency": "eventual"})
    assert (wrong.status, wrong.text) == (400, "consistency eventual is none of linearizable, stale")


@pytest.mark.endpoint("PUT /nacos/v1/ns/instance/metadata/batch")
def test_a_batch_of_both_kinds_is_done_of_each(node: Node) -> None:
    """The answer tells which instances were changed, and of which kind they are."""
    node.ok("POST", "/instance", PERSISTENT)
    node.ok("POST", "/instance", WHERE | {"ip": "10.0.0.1", "port": 1})
    instances = [{"ip": "127.0.0.7", "port": 3306, "ephemeral": False}, {"ip": "10.0.0.1", "port": 1}]
    batch = WHERE | {"metadata": "k=v", "instances": json.dumps(instances)}
    assert node("PUT", "/instance/metadata/batch", batch).json() == {
        "updated": ["127.0.0.7:3306:unknown:DEFAULT:persist", "10.0.0.1:1:unknown:DEFAULT:ephemeral"]
    }
    assert [h["metadata"] for h in node.hosts()] == [{"k": "v"}] * 2
    gone = node(
        "DELETE", "/instance/metadata/batch", WHERE | {"metadata": "k=v", "consistencyType": "persist"}
    )
    assert gone.json() == {"updated": ["127.0.0.7:3306:unknown:DEFAULT:persist"]}
    assert [h["metadata"] for h in node.hosts()] == [{"k": "v"}, {}]


def test_a_service_lives_in_cp(node: Node) -> None:
    """Created once, changed, shown, deleted with its instances of both kinds."""
    node.ok("POST", "/service", WHERE | {"protectThreshold": 0.5})
    again = node("POST", "/service", WHERE)
    assert (again.status, again.text) == (
        400,
        "specified service already exists, serviceName : DEFAULT_GROUP@@db",
    )
    node.ok("PUT", "/service", WHERE | {"protectThreshold": 0.25, "metadata": "k=v"})
    shown = node("GET", "/service", WHERE).json()
    assert (shown["protectThreshold"], shown["metadata"]) == (0.25, {"k": "v"})
    node.ok("POST", "/instance", PERSISTENT)
    node.ok("POST", "/instance", WHERE | {"ip": "10.0.0.1", "port": 1})
    assert [request.group for request in node.cp.written] == ["naming_service_metadata"] * 3 + [
        "naming_persistent_service"
    ]
    node.ok("DELETE", "/service", WHERE)
    assert node.hosts() == []
    assert node("GET", "/service", WHERE).status == 404
    assert node("DELETE", "/service", WHERE).status == 400
    assert node("PUT", "/service", WHERE | {"protectThreshold": 0}).status == 400


@pytest.mark.endpoint("PUT /nacos/v1/ns/cluster")
@pytest.mark.requirement("R19")
def test_a_cluster_is_told_how_it_is_checked(node: Node) -> None:
    """By PUT /cluster; a password is taken and never shown."""
    node.ok("POST", "/instance", PERSISTENT)
    mysql = {"type": "mysql", "user": "u", "pwd": "secret", "cmd": "SELECT 2"}
    told = {"clusterName": "c1", "healthChecker": json.dumps(mysql), "checkPort": 3307}
    node.ok("PUT", "/cluster", WHERE | told | {"useInstancePort4Check": "false"})
    http = {"type": "HTTP", "path": "/health", "headers": "a:1|b:2", "expectedResponseCode": 204}
    node.ok("PUT", "/cluster", WHERE | {"clusterName": "DEFAULT", "healthChecker": json.dumps(http)})
    clusters = {c["name"]: c["healthChecker"] for c in node("GET", "/service", WHERE).json()["clusters"]}
    assert clusters == {"DEFAULT": http, "c1": {"type": "MYSQL", "user": "u", "cmd": "SELECT 2"}}
    (catalogue,) = [c for c in node("GET", "/catalog/service", WHERE).json()["clusters"] if c["name"] == "c1"]
    assert (catalogue["defaultCheckPort"], catalogue["useIPPort4Check"]) == (3307, False)


@pytest.mark.parametrize(
    ("checker", "sentence"),
    [
        ("PING", "healthChecker: type 'PING' is none of TCP, HTTP, MYSQL, NONE"),
        ('{"type":"HTTP","path":"health"}', "healthChecker: path 'health' must be like /health"),
        ('{"type":"HTTP","headers":"a b:c"}', "healthChecker: headers: 'a b:c' is no name:value of HTTP"),
        ('{"type":"HTTP","expectedResponseCode":99}', "expectedResponseCode 99 is out of range"),
        ('{"type":1}', "healthChecker: type must be a string"),
        ("{", "healthChecker: healthChecker is not JSON"),
    ],
)
def test_a_checker_that_cannot_be_is_refused_with_what_would_be_right(
    node: Node, checker: str, sentence: str
) -> None:
    """A check is nobody's to repair once it is on the log."""
    answer = node("PUT", "/cluster", WHERE | {"clusterName": "DEFAULT", "healthChecker": checker})
    assert answer.status == 400
    assert sentence in answer.text
    assert node.cp.written == []


@pytest.mark.endpoint("PUT /nacos/v1/ns/health", "PUT /nacos/v1/ns/health/instance")
@pytest.mark.requirement("R19")
def test_where_nobody_checks_a_client_says_who_is_healthy(node: Node) -> None:
    """Checker NONE; where somebody checks it is refused."""
    node.ok("POST", "/instance", PERSISTENT)
    refused = node("PUT", "/health/instance", AT | {"healthy": "false"})
    assert (refused.status, refused.text) == (
        400,
        "health check is still working, service: DEFAULT_GROUP@@db",
    )
    node.ok("PUT", "/cluster", WHERE | {"clusterName": "DEFAULT", "healthChecker": "NONE"})
    node.ok("PUT", "/health/instance", AT | {"healthy": "false"})
    assert [h["healthy"] for h in node.hosts()] == [False]
    node.ok("PUT", "/health", AT | {"healthy": "true"})
    assert node("GET", "/instance", AT).json()["healthy"] is True


def test_a_switch_acts_on_all_nodes_or_with_debug_on_this_one(node: Node) -> None:
    """The one goes to CP, the other does not."""
    node.ok("PUT", "/operator/switches", {"entry": "healthCheckTimes", "value": "5", "debug": "true"})
    assert node.cp.written == []
    assert node("GET", "/operator/switches").json()["checkTimes"] == 5
    node.ok("PUT", "/operator/switches", {"entry": "pushEnabled", "value": "false"})
    switches = node("GET", "/operator/switches").json()
    assert (switches["pushEnabled"], switches["checkTimes"]) == (False, 3)


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [(NoLeader("no leader in this partition"), "definite"), (OutcomeUnknown("perhaps"), "indefinite")],
)
def test_without_a_leader_persistent_data_is_refused_and_ephemeral_is_not(
    node: Node, failure: NoLeader | OutcomeUnknown, outcome: str
) -> None:
    """A 503 that says whether anything can have been done; the ephemeral half does not notice."""
    node.ok("POST", "/instance", WHERE | {"ip": "10.0.0.1", "port": 1})
    node.cp.failure = failure
    asked = [("POST", "/instance", PERSISTENT), ("DELETE", "/service", WHERE), ("GET", "/service", WHERE)]
    for method, path, query in asked:
        answer = node(method, path, query)
        assert (answer.status, answer.text) == (503, str(failure))
        assert answer.headers["X-Outcome"] == outcome
    assert len(node.hosts()) == 1
    node.ok("POST", "/instance", AT)
    assert node("GET", "/instance", AT).status == 200
    assert node("GET", "/service", WHERE | {"consistency": "stale"}).status == 200


def test_only_so_many_requests_wait_for_cp(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next is told at once: threads that wait for a majority are none that serve anybody else."""
    waiting = node.cp.write_async

    def nested(request: WriteRequest) -> Any:
        monkeypatch.setattr(node.cp, "write_async", waiting if nested.depth > 15 else nested)
        nested.depth += 1
        answers.append(node("POST", "/instance", PERSISTENT))
        return waiting(request)

    nested.depth = 0  # type: ignore[attr-defined]
    answers: list[Answered] = []
    monkeypatch.setattr(node.cp, "write_async", nested)
    node.ok("POST", "/instance", PERSISTENT)
    refused = [answer for answer in answers if answer.status == 503]
    assert [answer.headers["X-Outcome"] for answer in refused] == ["definite"]
    assert "16 requests wait for CP already" in refused[0].text


@pytest.mark.endpoint("PUT /cutheal/probe-dial")
@pytest.mark.requirement("R19")
def test_where_an_instance_is_dialled_can_be_said_at_run_time(node: Node) -> None:
    """So that a test can cut prober from instance: null undoes it, and the answer is the whole map."""

    def dial(**links: str | None) -> Answered:
        body = {f"127.0.0.7:{name[1:]}": link for name, link in links.items()}
        return node("PUT", "/cutheal/probe-dial", body=json.dumps(body).encode())

    assert dial(p1="127.0.0.1:9").json() == {"127.0.0.7:1": "127.0.0.1:9"}
    assert dial(p1=None, p2="127.0.0.1:10").json() == {"127.0.0.7:2": "127.0.0.1:10"}
    assert dial(p1="nowhere").text == "'nowhere' is not ip:port"


@pytest.mark.endpoint("PUT /nacos/v1/ns/health/instances")
def test_what_a_stranger_says_of_health_changes_nothing(node: Node) -> None:
    """It is taken, like any message between members, and believed of the owner alone."""
    node.ok("POST", "/instance", PERSISTENT)
    body = {persistent_key("public", "DEFAULT_GROUP@@db"): {"127.0.0.7#3306#DEFAULT": False}}
    said = node("PUT", "/health/instances", {"source": "1.2.3.4:5"}, body=json.dumps(body).encode())
    assert said.status == 200
    assert [h["healthy"] for h in node.hosts()] == [True]
    wrong = node("PUT", "/health/instances", {"source": "1.2.3.4:5"}, body=b'{"k":{"127.0.0.7":true}}')
    assert (wrong.status, wrong.text) == (400, "an instance must be ip#port#cluster, not '127.0.0.7'")


def test_a_node_without_cp_says_how_to_get_it() -> None:
    """Everything ephemeral is served as ever."""
    with wsgi_client() as ask:
        told = WHERE | {"clusterName": "c1"}
        for method, path, query in [("POST", "/instance", PERSISTENT), ("PUT", "/cluster", told)]:
            answer = ask(method, NS + path, query)
            assert answer.status == 501
            assert answer.text.endswith("this node has none: start it with --raft-port")


# ---- the groups behind the documents' interface -------------------------------------------------


@pytest.mark.requirement("R3")
def test_a_snapshot_carries_all_groups_to_another_node() -> None:
    """As bytes; what is restored is told to the core of that node."""
    told: list[RecordsApplied | RecordsRestored] = []
    here, there = naming_groups(lambda _: None), naming_groups(told.append)
    records = {
        "naming_persistent_service": Datum(
            key=persistent_key("public", "g@@s"),
            value=Instances((Instance(ip="10.0.0.1", port=1, service="g@@s", ephemeral=False),)),
        ),
        "naming_service_metadata": Datum(
            key=metadata_key("public", "g@@s"), value=Service(namespace="public", name="g@@s")
        ),
        "naming_switch": Datum(key=SWITCH_KEY, value=SwitchDomain(check_times=9)),
    }
    for group in here:
        datum = records[group.group]
        written = group.on_apply(WriteRequest(group=group.group, key=datum.key, data=datum.value))
        assert written.success
    for source, target in zip(here, there, strict=True):
        target.load_snapshot(source.save_snapshot())
        datum = records[target.group]
        assert target.on_request(ReadRequest(group=target.group, key=datum.key)).data == datum
        assert target.save_snapshot() == source.save_snapshot()
    assert [event.group for event in told if isinstance(event, RecordsRestored)] == list(records)
    gone = there[0].on_apply(
        WriteRequest(
            group="naming_persistent_service",
            key=records["naming_persistent_service"].key,
            operation=WriteKind.REMOVE,
        )
    )
    assert gone.success
    assert told[-1] == RecordsApplied(((records["naming_persistent_service"].key, None),))
