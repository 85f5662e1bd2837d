"""From a kind of cut to what it does to proxies, and what all faults together hold (design section 6).

A link source -> target is a direction of *messages*, not of connections: what source says to target goes
upstream where source connects to target, and downstream where target connects to source. Invariant: an
effect is on a link exactly as long as a hold, or a dead target, keeps it there, in whatever order they end.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import count
from typing import assert_never

from harness.links.api import Call, Proxy, Toxic
from harness.links.link import Link
from harness.topology import Edge


class Cut(StrEnum):
    """How an edge (source, target) is cut.

    `blackhole` loses messages from source to target on every connection between them, silently. The
    others act on connections that source opens to target: `refuse` answers RST to them and closes those
    that live; `lose_requests` and `lose_replies` lose one half of every call.
    """

    BLACKHOLE = "blackhole"
    REFUSE = "refuse"
    LOSE_REQUESTS = "lose_requests"
    LOSE_REPLIES = "lose_replies"


DATAGRAMS_LOST = frozenset({Cut.BLACKHOLE, Cut.REFUSE})
"""Cuts of an edge that lose the datagrams which source sends to target."""


class Effect(StrEnum):
    """What one proxy does to the connections through it; the two losses are named by Toxiproxy's streams."""

    REQUESTS_LOST = "upstream"
    REPLIES_LOST = "downstream"
    REFUSED = "refused"


Effects = frozenset[Effect]
NO_EFFECTS: Effects = frozenset()
LOSSES = (Effect.REQUESTS_LOST, Effect.REPLIES_LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One fault in force: which edges it was asked to cut, and which effects it keeps on which links."""

    number: int
    kind: Cut
    edges: tuple[Edge, ...]
    effects: frozenset[tuple[str, Effect]]

    def __str__(self) -> str:
        return f"{self.kind} " + ", ".join(f"{source}->{target}" for source, target in self.edges)


def effects_of(kind: Cut, edge: Edge, links: Mapping[Edge, Sequence[Link]]) -> frozenset[tuple[str, Effect]]:
    """Return (link name, effect) for every link between the ends of the edge that the cut acts on.

    Args:
        kind: how to cut.
        edge: (source, target).
        links: the links of each (source, target), one per channel.

    """
    source, target = edge
    there = [link.name for link in links.get((source, target), ())]
    back = [link.name for link in links.get((target, source), ())]
    match kind:
        case Cut.BLACKHOLE:
            return _all(there, Effect.REQUESTS_LOST) | _all(back, Effect.REPLIES_LOST)
        case Cut.REFUSE:
            return _all(there, Effect.REFUSED)
        case Cut.LOSE_REQUESTS:
            return _all(there, Effect.REQUESTS_LOST)
        case Cut.LOSE_REPLIES:
            return _all(there, Effect.REPLIES_LOST)
        case _:
            assert_never(kind)


class Ledger:
    """The harness's own record of what is cut: who holds what, and whose process is dead."""

    def __init__(self) -> None:
        self._holds: dict[int, Hold] = {}
        self._counts: Counter[tuple[str, Effect]] = Counter()
        self._held: dict[str, Effects] = {}
        self._dead: set[str] = set()
        self._numbers = count(1)

    @property
    def holds(self) -> tuple[Hold, ...]:
        """Return all holds, oldest first."""
        return tuple(self._holds.values())

    @property
    def edges_lost(self) -> frozenset[Edge]:
        """Return every (source, target) whose datagrams are lost: they are on no connection of a link.

        A black hole swallows them, and a host that refuses is as good as dead. What loses one half of a
        connection's calls says nothing of datagrams: those pass.
        """
        return frozenset(
            edge for hold in self._holds.values() if hold.kind in DATAGRAMS_LOST for edge in hold.edges
        )

    def take(self, kind: Cut, edges: Sequence[Edge], effects: frozenset[tuple[str, Effect]]) -> Hold:
        """Add a hold on these effects."""
        hold = Hold(number=next(self._numbers), kind=kind, edges=tuple(edges), effects=effects)
        self._holds[hold.number] = hold
        self._count(hold, 1)
        return hold

    def release(self, hold: Hold) -> bool:
        """End a hold; tell whether it had not ended before."""
        if self._holds.pop(hold.number, None) is None:
            return False
        self._count(hold, -1)
        return True

    def died(self, party: str) -> None:
        """Remember that nobody listens behind the links that lead to `party`."""
        self._dead.add(party)

    def started(self, party: str) -> None:
        """Forget that `party` was dead."""
        self._dead.discard(party)

    def effects_on(self, link: Link) -> Effects:
        """Return what should be in force on a link now."""
        held = self._held.get(link.name, NO_EFFECTS)
        return held | {Effect.REFUSED} if link.target in self._dead else held

    def describe(self, link: Link) -> str:
        """Return one line on a link that is not whole: `peer-s1-s2: requests lost, refused (s2 is dead)`."""
        effects = self.effects_on(link)
        parts = [
            words
            for effect, words in (
                (Effect.REQUESTS_LOST, "requests lost"),
                (Effect.REPLIES_LOST, "replies lost"),
                (Effect.REFUSED, "refused"),
            )
            if effect in effects
        ]
        dead = f" ({link.target} is dead)" if link.target in self._dead else ""
        return f"{link.name}: {', '.join(parts)}{dead}"

    def _count(self, hold: Hold, change: int) -> None:
        for name, effect in hold.effects:
            self._counts[name, effect] += change
            held = self._held.get(name, NO_EFFECTS)
            self._held[name] = held | {effect} if self._counts[name, effect] > 0 else held - {effect}


def toxic_name(effect: Effect) -> str:
    """Return the name of the toxic that makes a loss."""
    return f"cut_{effect}"


def calls_between(proxy: str, before: Effects, after: Effects) -> list[Call]:
    """Return the API calls that bring a proxy from one set of effects to another.

    Cutting, it is refused first and requests are lost before replies; healing goes the other way round,
    so that no call slips through half a cut.
    """
    calls = []
    if Effect.REFUSED in after - before:
        calls.append(_enable(proxy, enabled=False))
    calls += [_add(proxy, effect) for effect in LOSSES if effect in after - before]
    calls += [_remove(proxy, effect) for effect in reversed(LOSSES) if effect in before - after]
    if Effect.REFUSED in before - after:
        calls.append(_enable(proxy, enabled=True))
    return calls


def effects_seen(proxy: Proxy) -> Effects:
    """Return the effects of ours that a proxy has by the link server's own view."""
    losses = frozenset(effect for effect in LOSSES if _BLACK_HOLES[effect] in proxy.toxics)
    return losses if proxy.enabled else losses | {Effect.REFUSED}


def is_ours(toxic: Toxic) -> bool:
    """Tell whether a toxic is exactly what a cut puts there."""
    return toxic in _BLACK_HOLES.values()


def _all(links: Iterable[str], effect: Effect) -> frozenset[tuple[str, Effect]]:
    return frozenset((link, effect) for link in links)


def _enable(proxy: str, *, enabled: bool) -> Call:
    return Call("PATCH", f"/proxies/{proxy}", {"enabled": enabled})


def _add(proxy: str, effect: Effect) -> Call:
    return Call("POST", f"/proxies/{proxy}/toxics", _BODIES[effect])


def _remove(proxy: str, effect: Effect) -> Call:
    return Call("DELETE", f"/proxies/{proxy}/toxics/{toxic_name(effect)}")


_BLACK_HOLES = {
    effect: Toxic(name=toxic_name(effect), type="timeout", stream=effect.value, attributes={"timeout": 0})
    for effect in LOSSES
}
"""A `timeout` toxic of 0 drops every byte of its stream until it is removed."""

_BODIES = {effect: asdict(toxic) for effect, toxic in _BLACK_HOLES.items()}
