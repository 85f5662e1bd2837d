"""What one proxy does to the connections through it, and which toxic does it.

Several cuts may want different things of one stream. Invariant: what is in force is decided by the set of
what is wanted alone, never by the order in which it was wanted: of one kind the strongest counts, and on a
stream whatever swallows messages hides what would only spoil them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import ClassVar

from harness.links.api import Proxy, Toxic

HOLD_MS = 3_600_000
"""An hour: longer than any test."""


class Stream(StrEnum):
    """Toxiproxy's names: upstream carries requests, downstream the answers."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"


class What(StrEnum):
    """What is done to a stream; its toxic is called so, with the stream's name. Refusing has no stream."""

    REFUSED = "refused"
    LOST = "lost"
    HELD = "held"
    RESET = "reset"
    SLOW = "slow"
    RATE = "rate"
    SLOW_CLOSE = "slow_close"
    SLICE = "slice"
    CUT_AFTER = "cut_after"


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a proxy does; `amounts` are those of the cut that wants it."""

    what: What
    stream: Stream | None = None
    amounts: tuple[int, ...] = ()

    REFUSED: ClassVar["Effect"]
    REQUESTS_LOST: ClassVar["Effect"]
    REPLIES_LOST: ClassVar["Effect"]

    def __str__(self) -> str:
        if self.stream is None:
            return str(self.what)
        messages = "requests" if self.stream is Stream.UPSTREAM else "replies"
        amounts = f"({','.join(map(str, self.amounts))})" if self.amounts else ""
        return f"{messages} {_WORDS.get(self.what, self.what)}{amounts}"

    @property
    def toxic(self) -> Toxic:
        """The toxic that does it; there is none for a refusal."""
        return _toxic_of(self)


Effects = frozenset[Effect]
NO_EFFECTS: Effects = frozenset()

Effect.REFUSED = Effect(What.REFUSED)
Effect.REQUESTS_LOST = Effect(What.LOST, Stream.UPSTREAM)
Effect.REPLIES_LOST = Effect(What.LOST, Stream.DOWNSTREAM)

QUEUEING = frozenset({What.HELD, What.SLOW, What.RATE, What.SLICE})
"""What keeps bytes for later: Toxiproxy 2.12 may hang when it is removed and nobody takes them any more."""

DELAYING = frozenset({What.HELD, What.SLOW})
"""Of these, what stays when it ends: told to act on nothing, its toxic is an idle queue."""

PIECEWISE = frozenset({What.RATE, What.SLICE})
"""What hands bytes on piece by piece: whoever closes a connection leaves it in the middle of that."""


def in_force(wanted: Iterable[Effect]) -> Effects:
    """Return what is in force where all of this is wanted.

    Two cuts of one kind do not add up: the longest delay, the smallest rate and the smallest size count. On
    each stream a loss hides everything else, a hold all but a loss, and a reset what is left; a refusal
    hides nothing, for the toxics of a disabled proxy stay.
    """
    strongest: dict[tuple[What, Stream | None], Effect] = {}
    for effect in wanted:
        key = effect.what, effect.stream
        strongest[key] = max(strongest.get(key, effect), effect, key=_strength)
    return frozenset(effect for effect in strongest.values() if not _is_hidden(effect, strongest))


def on_stream(effects: Effects, stream: Stream) -> dict[What, Effect]:
    """Return what is done to one stream."""
    return {effect.what: effect for effect in effects if effect.stream is stream}


def toxic_name(what: What, stream: Stream) -> str:
    """Return the name of the toxic that does this: at most one of a kind is on a stream."""
    return f"cut_{what}_{stream}"


def effects_seen(proxy: Proxy) -> Effects:
    """Return the effects of ours that a proxy has by the link server's own view."""
    toxics = frozenset(effect for toxic in proxy.toxics if (effect := effect_of(toxic)) is not None)
    return toxics if proxy.enabled else toxics | {Effect.REFUSED}


def idle_queues(proxy: Proxy) -> frozenset[str]:
    """Return the names of the toxics that delays of ours, ended since, have left on a proxy."""
    return frozenset(toxic.name for toxic in proxy.toxics if is_idle(toxic))


def is_idle(toxic: Toxic) -> bool:
    """Tell whether a toxic is what a delay of ours leaves when it ends."""
    if toxic.toxicity != 0:
        return False
    at_work = effect_of(replace(toxic, toxicity=1.0))
    return at_work is not None and at_work.what in DELAYING


def idle(delay: Effect) -> Toxic:
    """Return the toxic of a delay as it is when it has ended: it acts on nothing.

    Not told to delay by 0 ms: Toxiproxy 2.12 lets that be seen before it asks a connection to follow, and
    hangs if the receiver is found to have gone in between.
    """
    return replace(delay.toxic, toxicity=0.0)


def effect_of(toxic: Toxic) -> Effect | None:
    """Return what a toxic does if it is exactly what a cut puts there, else None."""
    made_by = _BY_NAME.get(toxic.name)
    if made_by is None:
        return None
    what, stream = made_by
    names = () if what in _FIXED else _TOXICS[what][1]
    amounts = [toxic.attributes.get(name) for name in names]
    effect = Effect(what, stream, tuple(amount for amount in amounts if isinstance(amount, int)))
    return effect if len(effect.amounts) == len(names) and effect.toxic == toxic else None


@cache
def _toxic_of(effect: Effect) -> Toxic:
    assert effect.stream is not None, "a refusal is no toxic"
    kind, names = _TOXICS[effect.what]
    amounts = _FIXED.get(effect.what, effect.amounts)
    return Toxic(
        name=toxic_name(effect.what, effect.stream),
        type=kind,
        stream=effect.stream.value,
        attributes=dict(zip(names, amounts, strict=False)) | _ALSO.get(effect.what, {}),
    )


def _strength(effect: Effect) -> tuple[int, ...]:
    """Return what is larger for the stronger of two effects of one kind."""
    match effect.what:
        case What.RATE | What.CUT_AFTER:
            return (-effect.amounts[0],)
        case What.SLICE:
            return (-effect.amounts[0], effect.amounts[1])
        case _:
            return effect.amounts


def _is_hidden(effect: Effect, wanted: Mapping[tuple[What, Stream | None], Effect]) -> bool:
    return effect.stream is not None and any(
        (stronger, effect.stream) in wanted for stronger in _HIDDEN_BY.get(effect.what, _SWALLOWING)
    )


_SWALLOWING = (What.LOST, What.HELD, What.RESET)
_HIDDEN_BY: dict[What, tuple[What, ...]] = {
    What.LOST: (),
    What.HELD: (What.LOST,),
    What.RESET: (What.LOST, What.HELD),
}

_WORDS = {
    What.SLICE: "sliced",
    What.CUT_AFTER: "cut after",
    What.SLOW_CLOSE: "closed slowly",
    What.RATE: "at rate",
}

_TOXICS: dict[What, tuple[str, tuple[str, ...]]] = {
    What.LOST: ("timeout", ("timeout",)),
    What.HELD: ("latency", ("latency", "jitter")),
    What.RESET: ("reset_peer", ("timeout",)),
    What.SLOW: ("latency", ("latency", "jitter")),
    What.RATE: ("bandwidth", ("rate",)),
    What.SLOW_CLOSE: ("slow_close", ("delay",)),
    What.SLICE: ("slicer", ("average_size", "delay")),
    What.CUT_AFTER: ("limit_data", ("bytes",)),
}
"""Type and attributes. A `timeout` of 0 drops every byte of its stream until it is removed."""

_FIXED = {What.LOST: (0,), What.HELD: (HOLD_MS, 0), What.RESET: (0,)}
_ALSO: dict[What, dict[str, object]] = {What.SLICE: {"size_variation": 0}}

_BY_NAME = {toxic_name(what, stream): (what, stream) for what in _TOXICS for stream in Stream}
