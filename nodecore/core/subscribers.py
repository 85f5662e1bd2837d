"""Who is pushed to: what a subscriber says of itself, and which clients the original pushes to.

Reference: nacos-1.4.md 9.4 and section 8 (the least versions). Invariant: a client that is not accepted
loses nothing; it polls, and is told to do so more often.
"""

from dataclasses import dataclass

LEAST_VERSIONS = (
    ("Nacos-Java-Client", (0, 1, 0)),
    ("Nacos-DNS", (0, 4, 3)),
    ("Nacos-C-Client", (1, 0, 12)),
    ("Nacos-Go-Client", (0, 1, 0)),
    ("Nacos-CSharp-Client", (0, 9, 0)),
)
"""What the User-Agent begins with, and the first version that takes pushes. npm's client says it is Java."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A client that asked for a list and named a UDP port.

    Args:
        ip: where to push, as the client says (`clientIP`).
        port: its UDP port (`udpPort`).
        agent: its User-Agent.
        clusters: exactly as it wrote them: clients key their cache by this text.
        app: as it calls itself.

    """

    ip: str
    port: int
    agent: str
    clusters: str = ""
    app: str = "unknown"

    @property
    def takes_push(self) -> bool:
        """Whether this is a client, in a version, that the original pushes to."""
        for name, least in LEAST_VERSIONS:
            if self.agent.startswith(name):
                return _version(self.agent) >= least
        return False

    @property
    def cluster_names(self) -> tuple[str, ...]:
        """The clusters asked for; none means all."""
        return cluster_names(self.clusters)


def cluster_names(text: str) -> tuple[str, ...]:
    """Return the names in a comma list, blank ones left out."""
    return tuple(part for part in (p.strip() for p in text.split(",")) if part)


def _version(agent: str) -> tuple[int, ...]:
    """Return the numbers after `:v`; what is no number counts as 0, as the original's parser has it."""
    numbers = agent.partition(":v")[2].split(".")[:3]
    return tuple(int(n) if n.isascii() and n.isdigit() and len(n) < 10 else 0 for n in numbers)
