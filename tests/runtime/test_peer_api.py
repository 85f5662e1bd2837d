"""The API between members, and what observers ask: identity, bodies, probes."""

import json
from collections.abc import Iterator

import pytest

from nodecore.core.events import Effect, Event, PeerReply, PeerRequest, Tick
from nodecore.core.messages import (
    Accepted,
    DigestAnswer,
    PeerAnswer,
    Report,
    ReportAnswer,
    ServiceStatus,
    SyncDelete,
    Verify,
    VerifyDigest,
)
from tests.runtime.application import WsgiClient, wsgi_client
from tests.runtime.scripted import ScriptedCore, config

DATUM = "/nacos/v1/ns/distro/datum"
REPORT = "/nacos/v1/core/cluster/report"
KEY = "com.alibaba.nacos.naming.iplist.ephemeral.public##DEFAULT_GROUP@@a"
SENT = json.dumps(
    {KEY: {"key": KEY, "value": {"instanceList": [{"ip": "10.0.0.1", "port": 80}]}, "timestamp": 1}}
).encode()
PEER_CALLS = [
    ("PUT", DATUM),
    ("DELETE", DATUM),
    ("GET", DATUM),
    ("GET", "/nacos/v1/ns/distro/datums"),
    ("PUT", "/nacos/v1/ns/distro/checksum"),
    ("PUT", "/nacos/v1/ns/distro/digest"),
    ("POST", REPORT),
    ("POST", "/nacos/v1/ns/service/status"),
]


@pytest.fixture
def ask() -> Iterator[WsgiClient]:
    """A loaded lone node, open to foreign members."""
    with wsgi_client() as client:
        yield client


@pytest.mark.requirement("R15")
@pytest.mark.endpoint(
    "PUT /nacos/v1/ns/distro/datum",
    "GET /nacos/v1/ns/distro/datum",
    "DELETE /nacos/v1/ns/distro/datum",
    "GET /nacos/v1/ns/distro/datums",
)
def test_datums_are_stored_read_and_deleted_as_the_original_does(ask: WsgiClient) -> None:
    """PUT with the false gzip header, GET with a JSON body, the snapshot; DELETE is ours (R12)."""
    false_header = {"Content-Encoding": "gzip", "Content-Type": "application/json;charset=UTF-8"}
    stored = ask("PUT", DATUM, body=SENT, headers=false_header)
    assert (stored.status, stored.body) == (200, b"ok")
    pulled = ask("GET", DATUM, body=json.dumps({"keys": f"{KEY},absent"}).encode())
    snapshot = ask("GET", "/nacos/v1/ns/distro/datums", "encoding=UTF-8&nofix=1")
    assert [*pulled.json()] == [*snapshot.json()] == [KEY]
    assert ask("DELETE", DATUM, body=json.dumps({"keys": KEY}).encode()).body == b"ok"
    assert ask("GET", DATUM, body=json.dumps({"keys": KEY}).encode()).json() == {}


@pytest.mark.requirement("R15")
@pytest.mark.endpoint("POST /nacos/v1/core/cluster/report")
def test_a_strangers_report_is_answered_inside_the_envelope(ask: WsgiClient) -> None:
    """`{}` is code 400 with HTTP 200, a stranger is data "false"."""
    illegal = ask("POST", REPORT, body=b"{}")
    assert (illegal.status, illegal.json()["code"], illegal.json()["data"]) == (200, 400, None)
    stranger = ask("POST", REPORT, body=b'{"ip":"10.9.9.9","port":8848,"state":"UP"}')
    assert stranger.json() == {"code": 200, "message": None, "data": "false"}


@pytest.mark.requirement("R15")
@pytest.mark.endpoint("POST /nacos/v1/ns/service/status")
def test_a_members_service_status_is_taken_and_a_strangers_is_not() -> None:
    """A stranger is told so; what one of our own nodes tells is not answered with another."""
    path = "/nacos/v1/ns/service/status"
    heard: list[tuple[str, object]] = []

    def script(event: Event) -> list[Effect]:
        if not isinstance(event, PeerRequest):
            return []
        heard.append((event.source, event.message))
        return [PeerReply(event.request_id, Accepted())]

    said = {"clientIP": "10.0.0.1:1", "statuses": '{"namespaceId":"n","serviceName2Checksum":{"g@@s":"c"}}'}
    with wsgi_client(ScriptedCore(script)) as ask:
        assert ask("POST", path, body=json.dumps(said).encode()).body == b"ok"
        assert ask("POST", path, body=json.dumps(said).encode(), headers={"X-Call-Id": "s2-1"}).body == b"ok"
    assert heard == [("10.0.0.1:1", ServiceStatus(namespace="n", checksums=(("g@@s", "c"),)))]
    with wsgi_client() as ask:
        stranger = ask("POST", path, body=json.dumps(said).encode())
        assert (stranger.status, "not on the list of members" in stranger.text) == (400, True)
        for wrong in ({}, {"clientIP": 1}, said | {"statuses": "{"}, said | {"statuses": "[]"}):
            assert ask("POST", path, body=json.dumps(wrong).encode()).status == 400


@pytest.mark.endpoint("PUT /nacos/v1/ns/distro/checksum", "PUT /nacos/v1/ns/distro/digest")
def test_a_message_reaches_the_core_with_its_source() -> None:
    """The report's own address, the checksum's parameter, else the Request-Source header."""
    seen: list[PeerRequest] = []

    def script(event: Event) -> list[Effect]:
        if not isinstance(event, PeerRequest):
            return []
        seen.append(event)
        answers: dict[type, PeerAnswer] = {
            Report: ReportAnswer(),
            VerifyDigest: DigestAnswer(wants_checksums=True),
        }
        return [PeerReply(event.request_id, answers.get(type(event.message), Accepted()))]

    with wsgi_client(ScriptedCore(script)) as ask:
        ask("POST", REPORT, body=b'{"address":"10.0.0.1:1"}')
        ring = {"X-Ring": "10.0.0.1:1, 10.0.0.2:2"}
        ask("PUT", "/nacos/v1/ns/distro/checksum", {"source": "10.0.0.2:2"}, body=b'{"k":"m"}', headers=ring)
        ask("PUT", "/nacos/v1/ns/distro/checksum", {"source": "10.0.0.2:2"}, body=b"{}")
        digest = ask("PUT", "/nacos/v1/ns/distro/digest", {"source": "10.0.0.2:2"}, body=b'{"digest":"d"}')
        ask("DELETE", DATUM, body=b'{"keys":"a,b"}', headers={"Request-Source": "10.0.0.3:3"})
        ask("DELETE", DATUM, body=b'{"keys":"a"}')
    assert [event.source for event in seen] == ["10.0.0.1:1", *["10.0.0.2:2"] * 3, "10.0.0.3:3", ""]
    assert seen[1].message == Verify(checksums=(("k", "m"),), ring=("10.0.0.1:1", "10.0.0.2:2"))
    assert seen[2].message == Verify(checksums=(), ring=None)
    assert (seen[3].message, digest.json()) == (VerifyDigest("d"), {"wantsChecksums": True})
    assert seen[4].message == SyncDelete(("a", "b"))


@pytest.mark.parametrize(("method", "path"), PEER_CALLS)
def test_without_the_identity_a_peer_call_is_forbidden(method: str, path: str) -> None:
    """Missing or wrong: 403 before anything is read; right: served."""
    settings = config(identity_header="X-Who", identity_value="us")
    with wsgi_client(node_config=settings) as ask:
        missing = ask(method, path)
        wrong = ask(method, path, headers={"X-Who": "you"})
        right = ask(method, path, headers={"X-Who": "us"})
    assert (missing.status, wrong.status) == (403, 403)
    assert "X-Who" in missing.text
    assert right.status != 403


def test_a_forwarded_request_needs_the_identity_and_a_client_does_not() -> None:
    """Only a member may say Nacos-Server; observers need nothing either."""
    settings = config(identity_header="X-Who", identity_value="us")
    said = {"serviceName": "a", "ip": "10.0.0.1", "port": 80}
    forwarded = {"User-Agent": "Nacos-Server:1.4.2"}
    with wsgi_client(node_config=settings) as ask:
        assert ask("POST", "/nacos/v1/ns/instance", said, headers=forwarded).status == 403
        assert ask("POST", "/nacos/v1/ns/instance", said, headers=forwarded | {"X-Who": "us"}).status == 200
        assert ask("POST", "/nacos/v1/ns/instance", said).status == 200
        assert ask("GET", "/cutheal/state").status == 200


@pytest.mark.endpoint("GET /cutheal/state")
def test_the_state_tells_an_observer_everything(ask: WsgiClient) -> None:
    """The whole view, services by namespace and grouped name, and a digest of the data."""
    empty = ask("GET", "/cutheal/state").json()
    assert empty["digest"] == "d41d8cd98f00b204e9800998ecf8427e"
    said = {"serviceName": "a", "ip": "10.0.0.1", "port": 80, "metadata": "k=v"}
    ask("POST", "/nacos/v1/ns/instance", said)
    state = ask("GET", "/cutheal/state").json()
    assert state["digest"] != empty["digest"]
    assert state["services"] == {
        "public##DEFAULT_GROUP@@a": [
            {
                "ip": "10.0.0.1",
                "port": 80,
                "cluster": "DEFAULT",
                "healthy": True,
                "enabled": True,
                "weight": 1.0,
                "metadata": {"k": "v"},
            }
        ]
    }
    assert {name: state[name] for name in ("name", "address", "profile", "loaded", "stalled", "pending")} == {
        "name": "s1",
        "address": "127.0.0.1:8848",
        "profile": "documented",
        "loaded": True,
        "stalled": False,
        "pending": 0,
    }
    assert state["members"] == [{"address": "127.0.0.1:8848", "state": "UP", "reports_failed": 0}]
    assert (state["ring"], state["merges_owed"]) == (["127.0.0.1:8848"], [])


@pytest.mark.endpoint("POST /cutheal/probe", "GET /cutheal/probe")
def test_probes_are_remembered_up_to_a_bound() -> None:
    """The oldest is forgotten; one that never came is null; the core is never asked."""
    limits = type(config().limits)(probe_ids_max=2)
    core = ScriptedCore()
    with wsgi_client(core, config(limits=limits)) as ask:
        for probe_id in ("A", "B", "C"):
            assert ask("POST", "/cutheal/probe", {"id": probe_id}).json() == {"id": probe_id}
        seen = ask("GET", "/cutheal/probe", {"id": "A,B,C,D"}).json()["seen"]
    assert (seen["A"], seen["D"]) == (None, None)
    assert seen["B"] <= seen["C"]
    assert [e for e, _ in core.events if not isinstance(e, Tick)] == []
