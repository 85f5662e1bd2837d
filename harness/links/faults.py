"""From a cut to what it does to proxies, and what all faults together hold (design section 6).

A link source -> target is a direction of *messages*, not of connections: what source says to target goes
upstream where source connects to target, and downstream where target connects to source. Invariant: an
effect is wanted of a link exactly as long as a hold, or a dead target, wants it, in whatever order they end.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from harness.cuts import Cut, CutKind
from harness.links.effects import NO_EFFECTS, Effect, Effects, Stream, What, in_force
from harness.links.link import Channel, Link
from harness.topology import Edge

DATAGRAMS_LOST = frozenset({CutKind.BLACKHOLE, CutKind.HOLD, CutKind.REFUSE})
"""Kinds that lose the datagrams which source sends to target; one held for an hour is as good as lost."""


class LossObserver(Protocol):
    """Whoever carries datagrams between the parties, and must lose them where a cut says so."""

    def on_loss(self, edges_lost: frozenset[Edge]) -> None:
        """Lose every datagram of these (source, target) from now on, and no other.

        Called at each cut and heal before it is verified, under the lock of the links: return at once, raise
        nothing and call no method of the links.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One fault in force: which edges it was asked to cut, and which effects it keeps on which links."""

    number: int
    cut: Cut
    edges: tuple[Edge, ...]
    effects: frozenset[tuple[str, Effect]]

    def __str__(self) -> str:
        return f"{self.cut} " + ", ".join(f"{source}->{target}" for source, target in self.edges)


def effects_of(cut: Cut, edge: Edge, links: Mapping[Edge, Sequence[Link]]) -> frozenset[tuple[str, Effect]]:
    """Return (link name, effect) for every link between the ends of the edge that the cut acts on.

    Args:
        cut: how to cut.
        edge: (source, target).
        links: the links of each (source, target), one per channel.

    """
    source, target = edge
    what, stream = _ACTS[cut.kind]
    there = Effect(what, stream, cut.amounts)
    back = Effect(what, Stream.DOWNSTREAM, cut.amounts)
    effects = {(link.name, _on_channel(link, there, cut)) for link in links.get((source, target), ())}
    if cut.kind in _MESSAGE_CUTS:
        effects |= {(link.name, _on_channel(link, back, cut)) for link in links.get((target, source), ())}
    return frozenset(effects)


def _on_channel(link: Link, effect: Effect, cut: Cut) -> Effect:
    """Return what an effect is on a link: a lost connect to an instance has to look like one to its prober.

    A proxy takes connections for a target that it is cut from, and a TCP check asks for no more.
    """
    is_unheard = link.channel is Channel.PROBE and cut.kind in _UNCONNECTED
    return Effect.REFUSED if is_unheard else effect


def effects_of_all(cut: Cut, edges: Sequence[Edge], links: Iterable[Link]) -> frozenset[tuple[str, Effect]]:
    """Return (link name, effect) for everything that cutting these edges does.

    Raises:
        ValueError: an edge names no party of these links, or no link joins any of them.

    """
    between: defaultdict[Edge, list[Link]] = defaultdict(list)
    for link in links:
        between[link.source, link.target].append(link)
    parties = dict.fromkeys(party for pair in between for party in pair)
    unknown = [party for edge in edges for party in edge if party not in parties]
    if unknown:
        raise ValueError(f"no links of {', '.join(unknown)}; there are links of {', '.join(parties)}")
    effects = frozenset[tuple[str, Effect]]().union(*(effects_of(cut, edge, between) for edge in edges))
    if not effects:
        asked = ", ".join(f"{source}->{target}" for source, target in edges) or "no edge"
        raise ValueError(f"{cut} {asked} acts on no link: nothing is cut")
    return effects


class Ledger:
    """The harness's own record of what is cut: who holds what, and whose process is dead."""

    def __init__(self) -> None:
        self._holds: dict[int, Hold] = {}
        self._counts: defaultdict[str, Counter[Effect]] = defaultdict(Counter)
        self._held: dict[str, Effects] = {}
        self._dead: set[str] = set()
        self._numbers = count(1)
        self._loss_observers: list[LossObserver] = []

    @property
    def holds(self) -> tuple[Hold, ...]:
        """Return all holds, oldest first."""
        return tuple(self._holds.values())

    @property
    def edges_lost(self) -> frozenset[Edge]:
        """Return every (source, target) whose datagrams are lost: they are on no connection of a link.

        A black hole swallows them, and a host that refuses is as good as dead. What acts on connections
        alone says nothing of datagrams: those pass.
        """
        return frozenset(
            edge for hold in self._holds.values() if hold.cut.kind in DATAGRAMS_LOST for edge in hold.edges
        )

    def take(self, cut: Cut, edges: Sequence[Edge], effects: frozenset[tuple[str, Effect]]) -> Hold:
        """Add a hold on these effects."""
        hold = Hold(number=next(self._numbers), cut=cut, edges=tuple(edges), effects=effects)
        self._holds[hold.number] = hold
        self._count(hold, 1)
        self._tell_loss()
        return hold

    def release(self, *holds: Hold) -> bool:
        """End holds; tell whether one of them had not ended before."""
        live = [hold for hold in holds if self._holds.pop(hold.number, None) is not None]
        for hold in live:
            self._count(hold, -1)
        self._tell_loss()
        return bool(live)

    def observe_loss(self, observer: LossObserver) -> None:
        """Tell an observer now, and at each change from now on, whose datagrams are lost."""
        self._loss_observers.append(observer)
        observer.on_loss(self.edges_lost)

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
        toxics = sorted((e for e in effects if e.stream), key=lambda e: (e.stream != Stream.UPSTREAM, e.what))
        parts = [*map(str, toxics), *(["refused"] if Effect.REFUSED in effects else [])]
        dead = f" ({link.target} is dead)" if link.target in self._dead else ""
        return f"{link.name}: {', '.join(parts)}{dead}"

    def _tell_loss(self) -> None:
        for observer in self._loss_observers:
            observer.on_loss(self.edges_lost)

    def _count(self, hold: Hold, change: int) -> None:
        for name, effect in hold.effects:
            self._counts[name][effect] += change
        for name in {name for name, _ in hold.effects}:
            self._held[name] = in_force(effect for effect, holds in self._counts[name].items() if holds)


_MESSAGE_CUTS = (CutKind.BLACKHOLE, CutKind.HOLD, CutKind.SLOW)
"""What acts on messages from source to target, also where they answer what target has asked."""

_UNCONNECTED = (CutKind.BLACKHOLE, CutKind.HOLD)
"""What a connect does not survive, in either direction."""

_ACTS: dict[CutKind, tuple[What, Stream | None]] = {
    CutKind.BLACKHOLE: (What.LOST, Stream.UPSTREAM),
    CutKind.HOLD: (What.HELD, Stream.UPSTREAM),
    CutKind.SLOW: (What.SLOW, Stream.UPSTREAM),
    CutKind.REFUSE: (What.REFUSED, None),
    CutKind.LOSE_REQUESTS: (What.LOST, Stream.UPSTREAM),
    CutKind.LOSE_REPLIES: (What.LOST, Stream.DOWNSTREAM),
    CutKind.RESET: (What.RESET, Stream.UPSTREAM),
    CutKind.RATE: (What.RATE, Stream.DOWNSTREAM),
    CutKind.SLOW_CLOSE: (What.SLOW_CLOSE, Stream.DOWNSTREAM),
    CutKind.SLICE: (What.SLICE, Stream.DOWNSTREAM),
    CutKind.CUT_AFTER: (What.CUT_AFTER, Stream.DOWNSTREAM),
}
"""What a cut does to connections that source opens to target."""
