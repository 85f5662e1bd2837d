"""How the processes at the ends of links are: only one that runs can answer a probe."""

from collections.abc import Iterable
from enum import StrEnum

from harness.links.link import Link


class Condition(StrEnum):
    """How the process of a party is."""

    RUNNING = "running"
    PAUSED = "paused"
    DEAD = "dead"


class Parties:
    """The conditions of all parties of some links; who was never heard of runs."""

    def __init__(self) -> None:
        self._not_running: set[str] = set()

    def become(self, party: str, condition: Condition) -> None:
        """Remember how a party is."""
        if condition is Condition.RUNNING:
            self._not_running.discard(party)
        else:
            self._not_running.add(party)

    def unprobed(self, links: Iterable[Link]) -> set[str]:
        """Return the names of the links whose targets cannot answer."""
        return {link.name for link in links if link.target in self._not_running}
