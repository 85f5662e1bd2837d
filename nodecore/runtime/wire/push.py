"""Datagrams between a node and its subscribers, as the original writes them (nacos-clients.md, "Push").

Invariant: whatever bytes come in, reading them gives an acknowledgement or `Malformed`, nothing else.
"""

import gzip
from collections.abc import Iterable

from nodecore.core.answers import Subscription
from nodecore.core.events import Push, PushAcked
from nodecore.errors import Malformed
from nodecore.runtime.wire.listing import list_body, list_reader
from nodecore.runtime.wire.values import as_integer, as_text, dump, load_object

PLAIN_BYTES_MAX = 1023
"""From 1,024 bytes on a packet is compressed."""

DATAGRAM_BYTES_MAX = 65_507
GO_BYTES_MAX = 4024
"""The Go client reads no more of a packet, and then understands none of it."""


def encode_push(push: Push) -> bytes:
    """Return the packet: the list's JSON as a string inside JSON, in gzip when it is long."""
    reader = list_reader(push.subscriber.agent, push.subscriber.clusters)
    data = dump(list_body(push.listed, reader)).decode()
    packet = dump({"type": "dom", "data": data, "lastRefTime": push.ref})
    return packet if len(packet) <= PLAIN_BYTES_MAX else gzip.compress(packet)


def packet_bytes_max(agent: str) -> int:
    """Return how long a packet a client with this User-Agent can read."""
    return GO_BYTES_MAX if agent.startswith("Nacos-Go-Client") else DATAGRAM_BYTES_MAX


def decode_ack(datagram: bytes, port: int) -> PushAcked:
    """Read an acknowledgement; its reference is a string from Java and Go, a number from npm.

    Raises:
        Malformed: it is something else.
    """
    ack = load_object(datagram, "the datagram")
    if as_text(ack.get("type"), "type") != "push-ack":
        raise Malformed("the datagram's type is not push-ack")
    return PushAcked(port=port, ref=as_integer(ack.get("lastRefTime"), "lastRefTime"))


def subscribers_body(subscriptions: Iterable[Subscription]) -> dict[str, object]:
    """Return the JSON of all subscribers of a service."""
    found = [
        {
            "addrStr": f"{s.subscriber.ip}:{s.subscriber.port}",
            "agent": s.subscriber.agent,
            "app": s.subscriber.app,
            "ip": s.subscriber.ip,
            "namespaceId": s.namespace,
            "serviceName": s.service,
        }
        for s in subscriptions
    ]
    return {"subscribers": found, "count": len(found)}
