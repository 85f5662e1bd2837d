"""What operators ask: metrics, members, switches, and what each switch does to the node that was asked."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.doubles.peer import peer, read_request
from tests.runtime.application import Answered, WsgiClient, wsgi_client
from tests.runtime.scripted import config

NS = "/nacos/v1/ns"
CLUSTER = "/nacos/v1/core/cluster"
SWITCHES = f"{NS}/operator/switches"
INSTANCE = f"{NS}/instance"
A1: dict[str, object] = {"serviceName": "a", "ip": "10.0.0.1", "port": 80}


@pytest.fixture
def ask() -> Iterator[WsgiClient]:
    """A loaded lone node with one instance."""
    with wsgi_client() as client:
        client("POST", INSTANCE, A1)
        yield client


@pytest.fixture
def unloaded() -> Iterator[WsgiClient]:
    """A node whose only other member is silent, so that it cannot load."""
    with peer(read_request) as silent:
        settings = config(members=("127.0.0.1:8848", silent))
        with wsgi_client(node_config=settings) as client:
            yield client


def turn(ask: WsgiClient, entry: str, value: str, **more: str) -> Answered:
    return ask("PUT", SWITCHES, {"entry": entry, "value": value, "debug": "true", **more})


def switch(ask: WsgiClient, name: str) -> Any:
    return ask("GET", SWITCHES).json()[name]


# ---- this node ------------------------------------------------------------------------------------


@pytest.mark.endpoint("GET /nacos/v1/ns/operator/metrics", "GET /nacos/v1/ns/ops/metrics")
@pytest.mark.parametrize("prefix", ["operator", "ops"])
def test_metrics_count_what_there_is(ask: WsgiClient, prefix: str) -> None:
    """The original's nine names; cpu and mem are fractions of the machine's."""
    metrics = ask("GET", f"{NS}/{prefix}/metrics").json()
    machine = [metrics.pop(name) for name in ("cpu", "load", "mem")]
    assert metrics == {
        "status": "UP",
        "serviceCount": 1,
        "instanceCount": 1,
        "raftNotifyTaskCount": 0,
        "responsibleServiceCount": 1,
        "responsibleInstanceCount": 1,
    }
    assert all(isinstance(figure, float) and figure >= 0 for figure in machine)


@pytest.mark.requirement("R14")
def test_before_loading_metrics_say_starting_and_switches_can_be_turned(unloaded: WsgiClient) -> None:
    """An operator must see and reach a node that does not come up; clients are still told 503."""
    assert unloaded("GET", f"{NS}/operator/metrics").json()["status"] == "STARTING"
    assert unloaded("GET", f"{CLUSTER}/health").json()["data"] == "STARTING"
    assert turn(unloaded, "overriddenServerStatus", "UP").text == "ok"
    assert unloaded("GET", f"{NS}/operator/metrics").json()["status"] == "UP"
    assert unloaded("GET", f"{INSTANCE}/list", {"serviceName": "a"}).status == 503


@pytest.mark.endpoint("GET /nacos/v1/ns/health/server", "GET /nacos/v1/ns/health/checkers")
def test_a_node_says_that_it_is_there(ask: WsgiClient) -> None:
    """A sentence, and the kinds of checks."""
    assert ask("GET", f"{NS}/health/server").json() == {"msg": "s1 is UP, services: 1"}
    assert ask("GET", f"{NS}/health/checkers").json()["TCP"] == {"type": "TCP"}


@pytest.mark.requirement("R9")
@pytest.mark.endpoint("GET /nacos/v1/ns/operator/distro/server", "GET /nacos/v1/ns/ops/distro/server")
@pytest.mark.parametrize("prefix", ["operator", "ops"])
def test_who_owns_a_service(ask: WsgiClient, prefix: str) -> None:
    """The bare object of /ns; also of a service that nobody registered."""
    for service in ("a", "never"):
        owner = ask("GET", f"{NS}/{prefix}/distro/server", {"serviceName": service})
        assert owner.json() == {"responsibleServer": "127.0.0.1:8848"}


# ---- the cluster ----------------------------------------------------------------------------------


@pytest.mark.endpoint("GET /nacos/v1/core/cluster/nodes", "GET /nacos/v1/core/cluster/simple/nodes")
def test_members_are_named_in_the_envelope_of_core(ask: WsgiClient) -> None:
    """`keyword` is how an address begins, as observed, not a part of it."""
    nodes = ask("GET", f"{CLUSTER}/nodes").json()
    assert (nodes["code"], nodes["message"]) == (200, None)
    (member,) = nodes["data"]
    assert (member["ip"], member["port"], member["state"]) == ("127.0.0.1", 8848, "UP")
    assert member["address"] == "127.0.0.1:8848"
    for keyword, found in [("127.0.0.1:8", 1), ("8848", 0), ("10.", 0)]:
        assert len(ask("GET", f"{CLUSTER}/nodes", {"keyword": keyword}).json()["data"]) == found
    assert ask("GET", f"{CLUSTER}/simple/nodes").json()["data"] == ["127.0.0.1:8848"]


@pytest.mark.endpoint("GET /nacos/v1/core/cluster/self")
@pytest.mark.endpoint("GET /nacos/v1/core/cluster/health", "GET /nacos/v1/core/cluster/self/health")
def test_a_node_knows_itself(ask: WsgiClient) -> None:
    """As a member, and what it calls itself."""
    assert ask("GET", f"{CLUSTER}/self").json()["data"]["address"] == "127.0.0.1:8848"
    for path in ("health", "self/health"):
        assert ask("GET", f"{CLUSTER}/{path}").json() == {"code": 200, "message": None, "data": "UP"}


@pytest.mark.requirement("R16")
@pytest.mark.endpoint("GET /nacos/v1/core/cluster/lookup")
def test_a_node_says_where_its_list_of_members_comes_from(ask: WsgiClient) -> None:
    """Of a node that was configured with it, nothing can go wrong."""
    said = ask("GET", f"{CLUSTER}/lookup").json()["data"]
    assert said == {"type": "configuration", "place": "", "healthy": True, "failures": 0, "problem": ""}


@pytest.mark.endpoint("GET /nacos/v1/ns/operator/servers", "GET /nacos/v1/ns/ops/servers")
@pytest.mark.parametrize("prefix", ["operator", "ops"])
def test_servers_are_all_members_or_the_healthy_ones(ask: WsgiClient, prefix: str) -> None:
    """The bare object of /ns."""
    for query in ({}, {"healthy": "true"}):
        (server,) = ask("GET", f"{NS}/{prefix}/servers", dict(query)).json()["servers"]
        assert (server["address"], server["state"]) == ("127.0.0.1:8848", "UP")


# ---- switches -------------------------------------------------------------------------------------


@pytest.mark.endpoint("GET /nacos/v1/ns/operator/switches", "GET /nacos/v1/ns/ops/switches")
@pytest.mark.parametrize("prefix", ["operator", "ops"])
def test_switches_are_shown_whole(ask: WsgiClient, prefix: str) -> None:
    """Names and defaults of the original."""
    switches = ask("GET", f"{NS}/{prefix}/switches").json()
    expected = {
        "clientBeatInterval": 5000,
        "defaultCacheMillis": 3000,
        "defaultPushCacheMillis": 10000,
        "distroThreshold": 0.7,
        "healthCheckEnabled": True,
        "lightBeatEnabled": True,
        "pushEnabled": True,
        "overriddenServerStatus": None,
        "pushPythonVersion": "0.4.3",
        "limitedUrlMap": {},
    }
    assert {name: switches[name] for name in expected} == expected


@pytest.mark.endpoint("PUT /nacos/v1/ns/operator/switches", "PUT /nacos/v1/ns/ops/switches")
@pytest.mark.parametrize("prefix", ["operator", "ops"])
@pytest.mark.parametrize(
    ("entry", "value", "name", "shown"),
    [
        ("clientBeatInterval", "7000", "clientBeatInterval", 7000),
        ("pushCacheMillis", "20000", "defaultPushCacheMillis", 20000),
        ("defaultCacheMillis", "1000", "defaultCacheMillis", 1000),
        ("check", "false", "healthCheckEnabled", False),
        ("healthCheckEnabled", "FALSE", "healthCheckEnabled", False),
        ("distro", "false", "distroEnabled", False),
        ("pushEnabled", "false", "pushEnabled", False),
        ("lightBeatEnabled", "false", "lightBeatEnabled", False),
        ("healthCheckTimes", "5", "checkTimes", 5),
        ("distroThreshold", "0.5", "distroThreshold", 0.5),
        ("masters", "10.0.0.1, 10.0.0.2", "masters", ["10.0.0.1", "10.0.0.2"]),
        ("pushVersion", "java:1.2.3", "pushJavaVersion", "1.2.3"),
        ("limitedUrlMap", "/nacos/v1/x:502,/y:404", "limitedUrlMap", {"/nacos/v1/x": 502, "/y": 404}),
        ("overriddenServerStatus", "READ_ONLY", "overriddenServerStatus", "READ_ONLY"),
        ("overriddenServerStatus", "null", "overriddenServerStatus", None),
        ("batch", '{"pushEnabled":false,"checkTimes":4}', "checkTimes", 4),
        ("batch", '{"healthCheckWhiteList":["g@@s"]}', "healthCheckWhiteList", ["g@@s"]),
        ("batch", '{"defaultPushCacheMillis":12000}', "defaultPushCacheMillis", 12000),
    ],
)
def test_a_switch_is_turned_and_shown(
    ask: WsgiClient, prefix: str, entry: str, value: str, name: str, shown: object
) -> None:
    """`ok`, and from then on it is what it was turned to."""
    answer = ask("PUT", f"{NS}/{prefix}/switches", {"entry": entry, "value": value, "debug": "true"})
    assert (answer.status, answer.body) == (200, b"ok")
    assert switch(ask, name) == shown


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({}, "Param 'entry' is required."),
        ({"entry": "typo", "value": "1"}, "entry 'typo' is no switch; these are: "),
        ({"entry": "pushEnabled", "value": "maybe"}, "pushEnabled takes true or false, not 'maybe'"),
        ({"entry": "pushCacheMillis", "value": "9999"}, "a whole number from 10000 on, not '9999'"),
        ({"entry": "defaultCacheMillis", "value": "x"}, "a whole number from 1000 on, not 'x'"),
        ({"entry": "clientBeatInterval", "value": "9" * 30}, "a whole number from 1 on"),
        ({"entry": "distroThreshold", "value": "nan"}, "a number above 0 and up to 1"),
        ({"entry": "overriddenServerStatus", "value": "SO_SO"}, "null or one of UP, DOWN, STARTING"),
        ({"entry": "pushVersion", "value": "cobol:1.2.3"}, "go|java|python|c|csharp:x.y.z"),
        ({"entry": "limitedUrlMap", "value": "/x:9000"}, "with codes 100 to 599"),
        ({"entry": "batch", "value": "nonsense"}, "value is not JSON"),
        ({"entry": "batch", "value": '{"name":"x"}'}, "'name' is no switch that a batch can set"),
    ],
)
def test_a_switch_that_is_none_is_a_400(ask: WsgiClient, query: dict[str, object], sentence: str) -> None:
    """The original says ok to a mistyped entry; an operator had better know."""
    before = ask("GET", SWITCHES).json()
    answer = ask("PUT", SWITCHES, query)
    assert (answer.status, sentence in answer.text) == (400, True)
    assert ask("GET", SWITCHES).json() == before


def test_a_bad_batch_changes_nothing(ask: WsgiClient) -> None:
    """All of it or nothing."""
    assert turn(ask, "batch", '{"pushEnabled":false,"checkTimes":"x"}').status == 400
    assert switch(ask, "pushEnabled") is True


def test_beats_are_answered_as_the_switches_say(ask: WsgiClient) -> None:
    """Clients follow: the interval, and whether light beats will do."""
    turn(ask, "clientBeatInterval", "1500")
    turn(ask, "lightBeatEnabled", "false")
    assert ask("PUT", f"{INSTANCE}/beat", A1).json() == {
        "clientBeatInterval": 1500,
        "code": 10200,
        "lightBeatEnabled": False,
    }
    turn(ask, "defaultCacheMillis", "4000")
    assert ask("GET", f"{INSTANCE}/list", {"serviceName": "a"}).json()["cacheMillis"] == 4000


@pytest.mark.parametrize(
    ("status", "reads", "writes"),
    [
        ("UP", 200, 200),
        ("DOWN", 503, 503),
        ("PAUSED", 503, 503),
        ("READ_ONLY", 200, 503),
        ("WRITE_ONLY", 503, 200),
    ],
)
def test_an_overridden_status_shuts_clients_out_and_operators_not(
    ask: WsgiClient, status: str, reads: int, writes: int
) -> None:
    """Reads, writes or both; members are always let through, and the switch can be turned back."""
    assert turn(ask, "overriddenServerStatus", status).text == "ok"
    listing = (
        ("GET", f"{INSTANCE}/list", {"serviceName": "a"}),
        ("GET", f"{NS}/catalog/service", {"serviceName": "a"}),
    )
    assert [ask(*request).status for request in listing] == [reads, reads]
    assert [ask(method, INSTANCE, A1).status for method in ("POST", "PATCH")] == [writes, writes]
    member = {"User-Agent": "Nacos-Server:1.4.2"}
    assert ask("POST", INSTANCE, A1, headers=member).status == 200
    assert ask("GET", f"{NS}/operator/metrics").json()["status"] == status
    assert turn(ask, "overriddenServerStatus", "null").text == "ok"
    assert ask("GET", f"{INSTANCE}/list", {"serviceName": "a"}).status == 200
