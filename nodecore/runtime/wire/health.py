"""The health of persistent instances as our own nodes tell it: one JSON object by key and instance.

Invariant: `decode_health(encode_health(message)) == message`, whatever the order of its entries.
"""

from nodecore.core.messages import InstanceHealth
from nodecore.core.records import InstanceId
from nodecore.errors import Malformed
from nodecore.runtime.wire.values import as_flag, as_object, as_text, dump, load_object


def encode_health(message: InstanceHealth) -> bytes:
    """Return the body: key -> `ip#port#cluster` -> whether it is healthy."""
    return dump(
        {key: {_text(identity): healthy for identity, healthy in told} for key, told in message.health}
    )


def decode_health(body: bytes) -> InstanceHealth:
    """Read a body.

    Raises:
        Malformed: naming what is not what it should be.
    """
    told = load_object(body, "the health")
    return InstanceHealth(tuple((as_text(key, "a key"), _entries(key, told[key])) for key in sorted(told)))


def _entries(key: str, given: object) -> tuple[tuple[InstanceId, bool], ...]:
    entries = as_object(given, f"the health of {key}")
    read = ((_identity(as_text(name, "an instance")), as_flag(entries[name], name)) for name in entries)
    return tuple(sorted(read))


def _text(identity: InstanceId) -> str:
    ip, port, cluster = identity
    return f"{ip}#{port}#{cluster}"


def _identity(text: str) -> InstanceId:
    parts = text.split("#")
    if len(parts) != 3 or not (parts[1].isascii() and parts[1].isdigit() and len(parts[1]) < 10):
        raise Malformed(f"an instance must be ip#port#cluster, not {text[:80]!r}")
    return (parts[0], int(parts[1]), parts[2])
