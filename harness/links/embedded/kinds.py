"""Which toxics there are, what each can be told, and how one is made for a connection.

Invariant: attributes that `check` lets pass can be followed for any stream of bytes. Names of structures and
types are Go's, for they stand in Toxiproxy's error messages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from harness.links.embedded.toxics import (
    Attributes,
    Bandwidth,
    Latency,
    LimitData,
    Noop,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
    Toxic,
)

FEW_CHUNKS = 2
"""What waits before most toxics: Toxiproxy's reader and its hidden noop hold one chunk each."""

MANY_CHUNKS = 1024
"""What waits before a latency toxic, so that delay costs no throughput."""


class BadAttributes(Exception):
    """A toxic was told what nothing can follow; the message says what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A type of toxic: its Go structure, its attributes with their Go type, and its maker."""

    structure: str
    attributes: tuple[str, ...]
    make: Callable[[Attributes, Random], Toxic]
    attribute_type: str = "int64"
    room: int = FEW_CHUNKS


@dataclass(slots=True, kw_only=True)
class Told:
    """A toxic of a proxy as the API was told; toxics at work share its attributes and see every update."""

    name: str
    type: str
    stream: str
    toxicity: float
    attributes: dict[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """What its type is."""
        return KINDS[self.type]

    @property
    def direction(self) -> str:
        """Return `upstream` or `downstream`; the stream itself may be told in any case."""
        return self.stream.lower()

    def as_json(self) -> dict[str, object]:
        """Return it as the API tells of it."""
        return {
            "attributes": self.attributes,
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": self.toxicity,
        }


KINDS: Mapping[str, Kind] = {
    "bandwidth": Kind(structure="BandwidthToxic", attributes=("rate",), make=lambda told, _: Bandwidth(told)),
    "latency": Kind(
        structure="LatencyToxic", attributes=("latency", "jitter"), make=Latency, room=MANY_CHUNKS
    ),
    "limit_data": Kind(
        structure="LimitDataToxic", attributes=("bytes",), make=lambda told, _: LimitData(told)
    ),
    "noop": Kind(structure="NoopToxic", attributes=(), make=lambda _told, _random: Noop()),
    "reset_peer": Kind(structure="ResetToxic", attributes=("timeout",), make=lambda told, _: ResetPeer(told)),
    "slicer": Kind(
        structure="SlicerToxic",
        attributes=("average_size", "size_variation", "delay"),
        make=Slicer,
        attribute_type="int",
    ),
    "slow_close": Kind(
        structure="SlowCloseToxic", attributes=("delay",), make=lambda told, _: SlowClose(told)
    ),
    "timeout": Kind(structure="TimeoutToxic", attributes=("timeout",), make=lambda told, _: Timeout(told)),
}


def check(kind: str, attributes: Attributes) -> None:
    """Refuse what crashes Toxiproxy 2.12.

    Raises:
        BadAttributes: says what would be right.

    """
    if kind == "bandwidth" and attributes["rate"] < 0:
        raise BadAttributes(f"bandwidth rate is {attributes['rate']}; right would be 0 (stall) or more kB/s")
    if kind == "slicer":
        average, variation = attributes["average_size"], attributes["size_variation"]
        if average < 1 or not 0 <= variation <= average:
            raise BadAttributes(
                f"slicer average_size is {average}, size_variation {variation}; "
                "right would be 1 <= average_size and 0 <= size_variation <= average_size"
            )
