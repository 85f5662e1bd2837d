"""Pushes on the wire: what a subscriber is sent by UDP, and what the node makes of what comes back (R20)."""

import gzip
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from harness.waiting import wait_for
from nodecore.config import NodeConfig, Timings
from nodecore.core.answers import Done, InstancesAnswer
from nodecore.core.events import ClientRequest, Effect, Event, Push, PushAcked, Reply
from nodecore.core.operations import ReadMembers
from nodecore.core.records import Instance
from nodecore.core.subscribers import Subscriber
from nodecore.errors import Malformed
from nodecore.runtime.wire.push import GO_BYTES_MAX, decode_ack, encode_push
from tests.runtime.application import WsgiClient, wsgi_client
from tests.runtime.scripted import ScriptedCore, config, log_text, running

pytestmark = pytest.mark.requirement("R20")

WITHIN_S = 10.0
INSTANCE = "/nacos/v1/ns/instance"
LIST = "/nacos/v1/ns/instance/list"
JAVA = {"User-Agent": "Nacos-Java-Client:v1.4.6"}
LASTING = "preserved.heart.beat.timeout=3600000,preserved.ip.delete.timeout=3600000"
"""Nobody beats here: an instance that turned unhealthy would be a push of its own."""
A1: dict[str, object] = {"serviceName": "a", "ip": "10.0.0.1", "port": 80, "metadata": LASTING}


@contextmanager
def udp_port() -> Iterator[socket.socket]:
    """A subscriber's socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(WITHIN_S)
        yield sock


@pytest.fixture
def subscriber() -> Iterator[socket.socket]:
    with udp_port() as sock:
        yield sock


@pytest.fixture
def ask() -> Iterator[WsgiClient]:
    """A loaded lone node at the fastest scale; no subscription lapses while a busy machine runs a test."""
    with wsgi_client(node_config=config(time_scale=0.02, timings=Timings(push_cache_s=3000))) as client:
        yield client


def subscribe(
    ask: WsgiClient, sock: socket.socket, *, headers: dict[str, str] = JAVA, **more: object
) -> dict[str, Any]:
    """Ask for the list of `a` and to be pushed to; return the list."""
    query = {"serviceName": "a", "clientIP": "127.0.0.1", "udpPort": sock.getsockname()[1], **more}
    listed: dict[str, Any] = ask("GET", LIST, query, headers=headers).json()
    return listed


def receive(sock: socket.socket) -> tuple[dict[str, Any], tuple[str, int]]:
    """Return the next packet and who sent it."""
    datagram, sender = sock.recvfrom(65_535)
    packet: dict[str, Any] = json.loads(gzip.decompress(datagram) if datagram[:1] == b"\x1f" else datagram)
    return packet, sender


def pushing(agent: str, instances: int, port: int = 9) -> Push:
    """A push of so many instances to a client on this machine."""
    entries = tuple(
        Instance(ip=f"10.0.{n // 250}.{n % 250}", port=80, service="g@@a") for n in range(instances)
    )
    listed = InstancesAnswer(
        namespace="public", service="g@@a", instances=entries, known=True, checksum="", cache_s=10.0
    )
    return Push(
        ref=7, subscriber=Subscriber(ip="127.0.0.1", port=port, agent=agent, clusters="c1"), listed=listed
    )


def test_a_change_reaches_the_subscribers_port(ask: WsgiClient, subscriber: socket.socket) -> None:
    """The list as text inside JSON, as the client would be answered; npm can read the reference."""
    assert subscribe(ask, subscriber)["cacheMillis"] == 60_000, "3,000 document seconds"
    ask("POST", INSTANCE, A1)
    packet, _ = receive(subscriber)
    assert set(packet) == {"type", "data", "lastRefTime"}
    assert packet["type"] == "dom"
    assert 0 < packet["lastRefTime"] < 2**53
    pushed, listed = json.loads(packet["data"]), subscribe(ask, subscriber)
    assert (pushed["dom"], pushed["name"], pushed["cacheMillis"]) == (
        "DEFAULT_GROUP@@a",
        "DEFAULT_GROUP@@a",
        60_000,
    )
    assert pushed["hosts"] == listed["hosts"] != []


def test_a_list_that_became_empty_is_pushed(ask: WsgiClient, subscriber: socket.socket) -> None:
    """What to make of it is the client's business."""
    ask("POST", INSTANCE, A1)
    subscribe(ask, subscriber)
    ask("DELETE", INSTANCE, A1)
    assert json.loads(receive(subscriber)[0]["data"])["hosts"] == []


@pytest.mark.parametrize("spelling", [str, int])
def test_acknowledgements_come_as_text_or_as_number(
    ask: WsgiClient, subscriber: socket.socket, spelling: type
) -> None:
    """Java and Go send text, npm a number; without one the same list comes once more."""
    subscribe(ask, subscriber)
    ask("POST", INSTANCE, A1)
    first, node = receive(subscriber)
    ack = {"type": "push-ack", "lastRefTime": spelling(first["lastRefTime"]), "data": ""}
    subscriber.sendto(json.dumps(ack).encode(), node)
    with udp_port() as silent:
        subscribe(ask, silent)
        ask("POST", INSTANCE, A1 | {"port": 81})
        lost, _ = receive(silent)
        again, _ = receive(silent)
        assert again["lastRefTime"] == lost["lastRefTime"], "10 document seconds later"
        assert json.loads(again["data"])["hosts"] == json.loads(lost["data"])["hosts"]
    second, _ = receive(subscriber)
    assert second["lastRefTime"] > first["lastRefTime"], "the first was not sent again"


def test_no_datagram_hurts_the_node(ask: WsgiClient, subscriber: socket.socket) -> None:
    """Random bytes, nested JSON, wrong types and references: the next change is pushed all the same."""
    subscribe(ask, subscriber)
    ask("POST", INSTANCE, A1)
    packet, node = receive(subscriber)
    for nonsense in (
        b"",
        bytes(range(256)),
        b"[" * 4000,
        b'{"type":"push-ack"}',
        b'{"type":"push-ack","lastRefTime":null}',
        b'{"type":"push-ack","lastRefTime":-1}',
        b'{"type":"push-ack","lastRefTime":' + b"9" * 4000 + b"}",
        b'{"type":"push-ack","lastRefTime":12345}',
        b'{"type":{},"lastRefTime":%d}' % packet["lastRefTime"],
        b"x" * 60_000,
    ):
        subscriber.sendto(nonsense, node)
    subscribe(ask, subscriber)
    ask("DELETE", INSTANCE, A1)
    wait_for(
        "the second change to be pushed",
        lambda: json.loads(receive(subscriber)[0]["data"])["hosts"],
        lambda hosts: hosts == [],
        WITHIN_S,
    )


@pytest.mark.parametrize(
    "datagram",
    [b"", b"ack", b"[]", b'{"type":"dom","lastRefTime":1}', b'{"lastRefTime":1}', b'{"type":"push-ack"}'],
)
def test_what_is_no_acknowledgement_is_refused_in_words(datagram: bytes) -> None:
    """By the one error that the socket's thread knows."""
    with pytest.raises(Malformed):
        decode_ack(datagram, 1)


def test_a_long_packet_is_compressed() -> None:
    """From 1,024 bytes on, as the original does it."""
    short, long = (
        encode_push(pushing("Nacos-Java-Client:v1.4.6", 1)),
        encode_push(pushing("Nacos-DNS:v1.0.0", 50)),
    )
    assert short[:1] == b"{"
    assert len(short) < 1024
    assert long[:2] == b"\x1f\x8b"
    packet = json.loads(gzip.decompress(long))
    data = json.loads(packet["data"])
    assert (packet["lastRefTime"], data["clusters"], len(data["hosts"])) == (7, "c1", 50)
    assert data["dom"] == "a", "bare names for who is not Java"


def test_what_a_client_cannot_read_is_not_sent_but_said(subscriber: socket.socket) -> None:
    """A Go client reads 4,024 bytes; nobody takes a datagram over 65,507. Both poll. The log says so."""
    port = subscriber.getsockname()[1]
    too_long = pushing("Nacos-Go-Client:v1.1.5", 3000, port)
    assert len(encode_push(too_long)) > GO_BYTES_MAX
    fits = pushing("Nacos-Java-Client:v1.4.6", 3000, port)

    def script(event: Event) -> list[Effect]:
        match event:
            case ClientRequest(request_id=request_id):
                return [too_long, fits, Reply(request_id, Done())]
            case _:
                return []

    with running(ScriptedCore(script)) as runtime:
        runtime.ask(ReadMembers()).result(WITHIN_S)
        packet, _ = receive(subscriber)
        assert packet["lastRefTime"] == 7
        assert "event=push_not_sent" in log_text(runtime)
        assert "and this client reads 4024" in log_text(runtime)


def test_an_unreachable_subscriber_is_said_and_hurts_nobody(subscriber: socket.socket) -> None:
    """A broadcast address, IPv6 from an IPv4 socket: the kernel refuses, and the next one is served."""
    elsewhere = [Subscriber(ip=ip, port=9, agent="") for ip in ("255.255.255.255", "::1")]
    fits = pushing("Nacos-Java-Client:v1.4.6", 1, subscriber.getsockname()[1])
    acked: list[PushAcked] = []

    def script(event: Event) -> list[Effect]:
        match event:
            case ClientRequest(request_id=request_id):
                lost = [Push(ref=n, subscriber=who, listed=fits.listed) for n, who in enumerate(elsewhere)]
                return [*lost, fits, Reply(request_id, Done())]
            case PushAcked():
                acked.append(event)
        return []

    with running(ScriptedCore(script)) as runtime:
        runtime.ask(ReadMembers()).result(WITHIN_S)
        _, node = receive(subscriber)
        subscriber.sendto(b'{"type":"push-ack","lastRefTime":"7","data":""}', node)
        wait_for("the acknowledgement", lambda: acked, bool, WITHIN_S)
        assert log_text(runtime).count("event=push_not_sent") == 2
    assert acked == [PushAcked(port=subscriber.getsockname()[1], ref=7)]


def test_who_asks_without_a_port_or_as_another_client_polls(
    ask: WsgiClient, subscriber: socket.socket
) -> None:
    """`cacheMillis` tells a client which it is."""
    assert subscribe(ask, subscriber, udpPort=0)["cacheMillis"] == 60, "3 document seconds"
    assert subscribe(ask, subscriber, headers={"User-Agent": "curl/8.0"})["cacheMillis"] == 60
    assert subscribe(ask, subscriber, clientIP="")["cacheMillis"] == 60_000, "pushed to where it asked from"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"udpPort": "many"}, "udpPort many is not a number from 0 to 65535"),
        ({"udpPort": "65536"}, "port 65536 is out of range: 0 to 65535"),
        ({"clientIP": "my-laptop"}, "clientIP my-laptop is no IP address: nothing can be pushed there"),
        ({"clusters": "c" * 600}, "clusters has 600 characters, the limit is 512"),
    ],
)
def test_a_subscription_that_cannot_be_is_refused_in_words(
    ask: WsgiClient, given: dict[str, object], sentence: str
) -> None:
    """A 400 that says what would be right."""
    answer = ask(
        "GET", LIST, {"serviceName": "a", "clientIP": "10.0.0.9", "udpPort": 9} | given, headers=JAVA
    )
    assert (answer.status, answer.text) == (400, sentence)


def test_a_node_without_subscribers_has_no_udp_socket() -> None:
    """Nothing is opened for what nobody asked for."""
    with running(ScriptedCore(), NodeConfig(name="s1")) as runtime:
        assert runtime._push._thread is None
