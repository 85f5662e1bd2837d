"""Who is responsible for a service: Nacos' DistroMapper (reference nacos-1.4.md, 2.1; R9).

Invariant: two nodes with the same healthy members name the same owner for every service.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

JAVA_INT_MAX = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Ring:
    """The healthy members, this node included, in string order of `ip:port`."""

    addresses: tuple[str, ...]

    def owner(self, service: str) -> str | None:
        """Return the address responsible for a grouped service name; None in an empty ring."""
        if not self.addresses:
            return None
        return self.addresses[distro_hash(service) % len(self.addresses)]


def ring_of(addresses: Iterable[str]) -> Ring:
    """Return the ring of these addresses in ring order: as strings, `10.0.0.10:1` before `10.0.0.1:1`."""
    return Ring(tuple(sorted(addresses)))


def _powers(count: int) -> tuple[int, ...]:
    """Return 1, 31, 31**2, ... in 32 bits: as a sum of products the hash costs a third of a loop."""
    return tuple(pow(31, exponent, 1 << 32) for exponent in range(count))


_POWERS = _powers(64)


@lru_cache(maxsize=65_536)
def distro_hash(service: str) -> int:
    """Return Nacos' hash of a grouped service name, without its namespace."""
    return abs(java_hash(service)) % JAVA_INT_MAX


def java_hash(text: str) -> int:
    """Return Java's String.hashCode: signed 32 bits, base 31, over UTF-16 units."""
    units = text.encode() if text.isascii() else utf_16_units(text)
    powers = _POWERS if len(units) <= len(_POWERS) else _powers(len(units))
    value: int = sum(map(mul, reversed(units), powers)) & 0xFFFFFFFF
    return value - (1 << 32) if value > JAVA_INT_MAX else value


def utf_16_units(text: str) -> Sequence[int]:
    """Return the units that Java's strings are made of; half a surrogate pair is one too."""
    return memoryview(text.encode("utf-16", "surrogatepass")).cast("H")[1:]
