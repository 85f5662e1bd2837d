"""Who owns a service, computed a second time: the judge does not take the node's word for it.

Independent of nodecore on purpose (import-linter forbids the import): Java's String.hashCode over
UTF-16 units, Nacos' distroHash, and the string-sorted ring (reference/nacos-1.4.md 2.1,
nacos-observed.md e).
"""

from collections.abc import Sequence
from itertools import count

DEFAULT_GROUP = "DEFAULT_GROUP"


def grouped_name(service: str, group: str = DEFAULT_GROUP) -> str:
    """Return `group@@service`; a name that already has a group keeps it."""
    return service if "@@" in service else f"{group}@@{service}"


def java_hash_code(text: str) -> int:
    """Return Java's signed 32-bit `String.hashCode` of the text."""
    units = text.encode("utf-16-be")
    value = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value


def distro_hash(grouped: str) -> int:
    """Return Nacos' distroHash of a grouped name: `abs(hashCode % (2**31 - 1))`, never negative."""
    return abs(java_hash_code(grouped)) % 0x7FFFFFFF


def owner_of(service: str, ring: Sequence[str]) -> str:
    """Return the `ip:port` of the ring that is responsible for the service (R9).

    Args:
        service: plain or grouped name.
        ring: advertised addresses of the healthy members, in any order.

    Raises:
        ValueError: the ring is empty, so nobody owns anything.

    """
    if not ring:
        raise ValueError("an empty ring owns nothing: name at least one healthy node")
    return sorted(ring)[distro_hash(grouped_name(service)) % len(ring)]


def name_owned_by(address: str, ring: Sequence[str], prefix: str = "Service") -> str:
    """Return the first of `prefix0, prefix1, ...` that `address` owns in that ring.

    Raises:
        ValueError: the address is not in the ring.

    """
    if address not in ring:
        raise ValueError(f"{address} is not in the ring {sorted(ring)}, so it owns nothing there")
    return next(name for index in count() if owner_of(name := f"{prefix}{index}", ring) == address)
