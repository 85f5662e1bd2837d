"""What a link is: the connections that one party opens to another, over a proxy of their own.

Invariant: a link's name is unique among the links of a cluster and safe in a URL path.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

SAFE_NAME = re.compile(r"[A-Za-z0-9_.-]+")
"""Toxiproxy takes names raw from the path: anything else would address another proxy, or none."""


class Channel(StrEnum):
    """What a link carries: calls between nodes, the calls of a client, or a node's pushes to a client."""

    PEER = "peer"
    RAFT = "raft"
    """Between nodes, of the CP protocol."""
    CLIENT = "client"
    PROBE = "probe"
    """A node's health checks of an instance."""
    PUSH = "push"
    """Datagrams: `links/datagrams.py` carries these, no link server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The connections that `source` opens to `target`.

    Args:
        source: who connects, a node or an agent.
        target: who listens, a node.
        channel: what the link carries.
        listen: "127.0.0.1:PORT" that the source dials.
        upstream: "127.0.0.1:PORT" where the target listens.
        asked: where the target tells which probes have reached it; "" is `upstream`.
        name: made of the others, such as `peer-s1-s2`.

    Raises:
        ValueError: a name that would not survive in a URL path, or a link from a party to itself.

    """

    source: str
    target: str
    channel: Channel
    listen: str
    upstream: str
    asked: str = field(default="", compare=False)
    name: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for party in (self.source, self.target):
            if not SAFE_NAME.fullmatch(party):
                raise ValueError(f"{party!r} cannot name a party: only letters, digits, '_', '.' and '-'")
        if self.source == self.target:
            raise ValueError(f"{self.source!r} needs no link to itself")
        object.__setattr__(self, "asked", self.asked or self.upstream)
        object.__setattr__(self, "name", f"{self.channel}-{self.source}-{self.target}")


def socket_address(address: str) -> tuple[str, int]:
    """Return host and port of "127.0.0.1:PORT"."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"{address!r} is no address; right would be '127.0.0.1:PORT'")
    return host, int(port)
