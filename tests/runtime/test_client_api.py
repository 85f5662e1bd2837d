"""The client API as clients of the original speak it: parameters, bodies, status codes, sentences."""

import json
from collections.abc import Iterator

import pytest

from nodecore.core.answers import Relayed
from nodecore.core.events import ClientRequest, Effect, Event, Reply
from tests.doubles.peer import peer, read_request
from tests.runtime.application import WsgiClient, wsgi_client
from tests.runtime.scripted import Script, ScriptedCore, config

INSTANCE = "/nacos/v1/ns/instance"
LIST = "/nacos/v1/ns/instance/list"
BEAT = "/nacos/v1/ns/instance/beat"
SERVICE = "/nacos/v1/ns/service"
A1: dict[str, object] = {"serviceName": "a", "ip": "10.0.0.1", "port": 80}


@pytest.fixture
def ask() -> Iterator[WsgiClient]:
    """A loaded lone node."""
    with wsgi_client() as client:
        yield client


def hosts(ask: WsgiClient, service: str = "a") -> list[dict[str, object]]:
    found: list[dict[str, object]] = ask("GET", LIST, {"serviceName": service}).json()["hosts"]
    return found


@pytest.mark.endpoint("POST /nacos/v1/ns/instance", "GET /nacos/v1/ns/instance/list")
def test_a_registered_instance_is_listed(ask: WsgiClient) -> None:
    """Defaults of the original; `ok` is exactly two bytes of plain text."""
    answer = ask("POST", INSTANCE, A1)
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.headers["Content-Type"] == "text/plain;charset=UTF-8"
    listed = ask("GET", LIST, {"serviceName": "a"})
    assert listed.headers["Content-Type"] == "application/json;charset=UTF-8"
    body = listed.json()
    assert isinstance(body.pop("lastRefTime"), int)
    assert body == {
        "name": "DEFAULT_GROUP@@a",
        "dom": "a",
        "clusters": "",
        "cacheMillis": 3000,
        "checksum": body["checksum"],
        "useSpecifiedURL": False,
        "env": "",
        "metadata": {},
        "hosts": [
            {
                "ip": "10.0.0.1",
                "port": 80,
                "valid": True,
                "healthy": True,
                "marked": False,
                "enabled": True,
                "weight": 1.0,
                "instanceId": "10.0.0.1#80#DEFAULT#DEFAULT_GROUP@@a",
                "clusterName": "DEFAULT",
                "serviceName": "a",
                "ephemeral": True,
                "metadata": {},
            }
        ],
    }


def test_an_unknown_service_is_an_empty_list(ask: WsgiClient) -> None:
    """Four fields and 200, clusters echoed exactly."""
    answer = ask("GET", LIST, {"serviceName": "never", "clusters": "c1,c2"})
    assert answer.status == 200
    assert answer.json() == {
        "name": "DEFAULT_GROUP@@never",
        "clusters": "c1,c2",
        "cacheMillis": 3000,
        "hosts": [],
    }


def test_java_clients_get_grouped_names(ask: WsgiClient) -> None:
    """npm's client imitates the Java agent and expects the same."""
    ask("POST", INSTANCE, A1)
    agent = {"User-Agent": "Nacos-Java-Client:v1.4.6"}
    body = ask("GET", LIST, {"serviceName": "a", "clusters": "DEFAULT"}, headers=agent).json()
    assert (body["dom"], body["hosts"][0]["serviceName"]) == ("DEFAULT_GROUP@@a", "DEFAULT_GROUP@@a")
    assert body["clusters"] == "DEFAULT"


@pytest.mark.endpoint("POST /nacos/v1/ns/instance", "PUT /nacos/v1/ns/instance")
@pytest.mark.parametrize("where", ["query", "form"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_parameters_come_in_query_or_form(ask: WsgiClient, where: str, method: str) -> None:
    """For every verb; everything that was said is kept."""
    said = A1 | {
        "groupName": "g1",
        "clusterName": "c1",
        "weight": "2.5",
        "enable": "True",
        "healthy": "false",
        "metadata": '{"k":"v","n":1}',
    }
    assert ask(method, INSTANCE, **{where: said}).text == "ok"  # type: ignore[arg-type]
    (host,) = hosts(ask, "g1@@a")
    assert (host["clusterName"], host["weight"], host["enabled"]) == ("c1", 2.5, True)
    assert host["metadata"] == {"k": "v", "n": "1"}


@pytest.mark.endpoint("GET /nacos/v1/ns/instance")
def test_a_disabled_instance_is_not_listed_but_can_be_read(ask: WsgiClient) -> None:
    """`enabled=False` in Python's spelling."""
    ask("POST", INSTANCE, A1 | {"enabled": "False", "metadata": "a=1,b=2"})
    assert hosts(ask) == []
    body = ask("GET", INSTANCE, A1 | {"cluster": "DEFAULT"}).json()
    assert body == {
        "service": "DEFAULT_GROUP@@a",
        "ip": "10.0.0.1",
        "port": 80,
        "clusterName": "DEFAULT",
        "weight": 1.0,
        "healthy": True,
        "instanceId": "10.0.0.1#80#DEFAULT#DEFAULT_GROUP@@a",
        "metadata": {"a": "1", "b": "2"},
    }


@pytest.mark.endpoint("DELETE /nacos/v1/ns/instance")
def test_deregistration_is_ok_even_of_nothing(ask: WsgiClient) -> None:
    """And takes the instance off the list."""
    assert ask("DELETE", INSTANCE, A1).text == "ok"
    ask("POST", INSTANCE, A1)
    assert ask("DELETE", INSTANCE, A1 | {"clusterName": "DEFAULT"}).text == "ok"
    assert hosts(ask) == []


@pytest.mark.endpoint("PUT /nacos/v1/ns/instance/beat")
def test_a_full_beat_registers_and_a_light_beat_is_told(ask: WsgiClient) -> None:
    """Codes 10200 and 20404; the beat's own words win; Java's body ends with an ampersand."""
    light = ask("PUT", BEAT, A1)
    assert light.json() == {"clientBeatInterval": 5000, "code": 20404}
    beat = json.dumps({"ip": "10.0.0.7", "port": 81, "cluster": "c9", "weight": 3, "metadata": {"x": "y"}})
    full = ask("PUT", BEAT, A1, form={"beat": beat} | {"": ""})
    assert full.json() == {"clientBeatInterval": 5000, "code": 10200, "lightBeatEnabled": True}
    (host,) = hosts(ask)
    assert (host["ip"], host["port"], host["clusterName"], host["weight"]) == ("10.0.0.7", 81, "c9", 3.0)
    again = ask("PUT", BEAT, A1 | {"ip": "10.0.0.7", "port": 81, "clusterName": "c9"})
    assert again.json()["code"] == 10200


def test_gos_unescaped_beat_is_understood(ask: WsgiClient) -> None:
    """Raw JSON, quotes and @@ in a form body, raw UTF-8 included."""
    raw = (
        'serviceName=DEFAULT_GROUP@@go&beat={"ip":"10.0.0.3","port":9,"cluster":"DEFAULT",'
        '"serviceName":"DEFAULT_GROUP@@go","metadata":{"stadt":"Köln"},"weight":1,"scheduled":false}'
    ).encode()
    content = {"Content-Type": "application/x-www-form-urlencoded"}
    assert ask("PUT", BEAT, body=raw, headers=content).json()["code"] == 10200
    assert hosts(ask, "go")[0]["metadata"] == {"stadt": "Köln"}


def test_the_beat_interval_is_scaled_and_an_instances_own_is_taken_as_given() -> None:
    """Real milliseconds on the wire either way, so that foreign clients follow."""
    with wsgi_client(node_config=config(time_scale=0.05)) as ask:
        ask("POST", INSTANCE, A1)
        assert ask("PUT", BEAT, A1).json()["clientBeatInterval"] == 250
        ask("POST", INSTANCE, A1 | {"metadata": "preserved.heart.beat.interval=1000"})
        assert ask("PUT", BEAT, A1).json()["clientBeatInterval"] == 1000


@pytest.mark.requirement("R26")
@pytest.mark.endpoint("POST /nacos/v1/ns/service", "GET /nacos/v1/ns/service", "DELETE /nacos/v1/ns/service")
def test_services_are_created_read_and_deleted(ask: WsgiClient) -> None:
    """With the sentences of the original."""
    said = {"serviceName": "svc1", "protectThreshold": "0.3", "metadata": "k=v"}
    assert ask("POST", SERVICE, said).text == "ok"
    again = ask("POST", SERVICE, said)
    assert (again.status, "already exists" in again.text) == (400, True)
    assert ask("GET", SERVICE, {"serviceName": "svc1"}).json() == {
        "name": "svc1",
        "namespaceId": "public",
        "protectThreshold": 0.3,
        "metadata": {"k": "v"},
        "selector": {"type": "none"},
        "groupName": "DEFAULT_GROUP",
        "clusters": [],
    }
    assert ask("GET", SERVICE, {"serviceName": "nope"}).status == 404
    assert ask("DELETE", SERVICE, {"serviceName": "svc1"}).text == "ok"
    assert ask("DELETE", SERVICE, {"serviceName": "svc1"}).status == 400


@pytest.mark.parametrize(
    ("method", "path", "query", "sentence"),
    [
        ("POST", INSTANCE, {}, "Param 'ip' is required."),
        ("POST", INSTANCE, {"ip": "10.0.0.1", "port": 80}, "Param 'serviceName' is required."),
        ("POST", INSTANCE, A1 | {"port": "abc"}, "port abc is not a number from 0 to 65535"),
        ("POST", INSTANCE, A1 | {"port": "-1"}, "port -1 is not a number"),
        ("POST", INSTANCE, A1 | {"port": "70000"}, "port 70000 is out of range: 0 to 65535"),
        ("POST", INSTANCE, A1 | {"ip": "10.0.0.300"}, "is no IPv4 address"),
        ("POST", INSTANCE, A1 | {"ip": "a b"}, "ip can only have these characters"),
        ("POST", INSTANCE, A1 | {"weight": "heavy"}, "weight heavy is not a number"),
        ("POST", INSTANCE, A1 | {"weight": "-5"}, "weight -5.0 is out of range: 0 to 10000"),
        ("POST", INSTANCE, A1 | {"weight": "nan"}, "weight nan is not a number"),
        ("POST", INSTANCE, A1 | {"serviceName": "bad name!"}, "serviceName can only have these characters"),
        ("POST", INSTANCE, A1 | {"serviceName": "@@a"}, "it should be format as 'groupName@@serviceName'"),
        ("POST", INSTANCE, A1 | {"clusterName": "bad_cluster!"}, "clusterName can only have"),
        ("POST", INSTANCE, A1 | {"namespaceId": "a##b"}, "namespaceId can only have"),
        ("POST", INSTANCE, A1 | {"metadata": "{oops"}, "metadata format incorrect: metadata is not JSON"),
        ("POST", INSTANCE, A1 | {"metadata": '{"a":{}}'}, "metadata.a must be a string, not an object"),
        ("POST", INSTANCE, A1 | {"metadata": "oops"}, "neither JSON nor k=v"),
        ("PUT", BEAT, {"serviceName": "a", "beat": "{not json"}, "beat: beat is not JSON"),
        ("PUT", BEAT, {"serviceName": "a", "beat": '{"ip":"10.0.0.1"}'}, "beat: port must be an integer"),
        ("GET", LIST, {}, "Param 'serviceName' is required."),
        ("GET", SERVICE, b"serviceName=%ff", "the query is not UTF-8"),
        ("POST", SERVICE, {"serviceName": "s", "protectThreshold": "2"}, "is out of range: 0 to 1"),
        ("PUT", "/nacos/v1/ns/distro/datum", {}, "the map of datums is not JSON"),
        ("PUT", "/nacos/v1/ns/distro/checksum", {}, "Param 'source' is required."),
        ("POST", "/cutheal/probe", {"id": "a b"}, "must be 1 to 128 of"),
    ],
)
def test_a_clients_mistake_is_a_400_with_one_sentence(
    ask: WsgiClient, method: str, path: str, query: dict[str, object] | bytes, sentence: str
) -> None:
    """What was wrong and what would be right."""
    answer = ask(method, path, query)
    assert answer.status == 400
    assert sentence in answer.text
    assert "\n" not in answer.text


def test_unknown_routes_and_wrong_methods(ask: WsgiClient) -> None:
    """404; 405 with Allow."""
    missing = ask("GET", "/nacos/v1/ns/no-such-route")
    assert (missing.status, missing.text) == (404, "no such api:GET:/nacos/v1/ns/no-such-route")
    wrong = ask("PATCH", LIST)
    assert (wrong.status, wrong.headers["Allow"]) == (405, "GET, HEAD")
    assert "does not take PATCH" in wrong.text


def test_a_body_over_the_limit_is_413() -> None:
    """Before it is read."""
    limits = type(config().limits)(body_bytes_max=100)
    with wsgi_client(node_config=config(limits=limits)) as ask:
        answer = ask("POST", INSTANCE, form=A1 | {"metadata": "k=" + "v" * 100})
    assert answer.status == 413
    assert "the limit is 100" in answer.text


def test_persistent_data_is_501_and_says_why(ask: WsgiClient) -> None:
    """Until a CP protocol serves it."""
    answer = ask("POST", INSTANCE, A1 | {"ephemeral": "false"})
    assert answer.status == 501
    assert "persistent" in answer.text
    assert hosts(ask) == []


@pytest.mark.requirement("R14")
def test_before_it_has_loaded_a_node_answers_503() -> None:
    """Clients get a sentence, peers `{"loaded": false}`, observers the state."""
    with peer(read_request) as silent:
        settings = config(members=("127.0.0.1:8848", silent))
        with wsgi_client(node_config=settings) as ask:
            client = ask("GET", LIST, {"serviceName": "a"})
            member = ask("GET", "/nacos/v1/ns/distro/datums")
            state = ask("GET", "/cutheal/state").json()
    assert (client.status, "has not loaded" in client.text) == (503, True)
    assert (member.status, member.json()) == (503, {"loaded": False})
    assert state["loaded"] is False


@pytest.mark.requirement("R10")
def test_a_relayed_answer_keeps_status_and_body() -> None:
    """Also a status that HTTP does not know."""
    script = relaying(Relayed(status=599, content_type="application/json;charset=UTF-8", body=b"ok"))
    with wsgi_client(ScriptedCore(script)) as ask:
        answer = ask("POST", INSTANCE, A1)
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (
        599,
        b"ok",
        "application/json;charset=UTF-8",
    )


def test_a_defect_shows_no_traceback() -> None:
    """500 with a sentence that leads to the log."""

    def script(event: Event) -> list[Effect]:
        if isinstance(event, ClientRequest):
            raise TypeError("a secret of the node")
        return []

    with wsgi_client(ScriptedCore(script)) as ask:
        answer = ask("POST", INSTANCE, A1)
    assert answer.status == 500
    assert "secret" not in answer.text
    assert "request_failed" in answer.text


def relaying(answer: Relayed) -> Script:
    """A script that gives every client this answer."""
    return lambda event: [Reply(event.request_id, answer)] if isinstance(event, ClientRequest) else []
