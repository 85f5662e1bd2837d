"""How an edge can be cut: the kinds, their amounts, and the text that names them.

Invariant: a `Cut` that exists is one that a link server can make; a bad kind or amount is refused before
anything is touched.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self

SLOW_MAX_MS = 3_600_000
"""An hour; what should be later than that is a `hold`."""

RATE_MAX_KB = 1_000_000
"""A gigabyte a second: more than a link carries."""

SIZE_MAX_BYTES = 1_000_000_000
"""As long as no answer is."""

DELAY_MAX_US = 60_000_000
"""A minute between two slices."""


class CutKind(StrEnum):
    """What a cut does to an edge (source, target).

    `blackhole`, `hold` and `slow` act on messages from source to target, on every connection between
    them. The others act on connections that source opens to target, the last four on their answers.
    """

    BLACKHOLE = "blackhole"
    HOLD = "hold"
    SLOW = "slow"
    REFUSE = "refuse"
    LOSE_REQUESTS = "lose_requests"
    LOSE_REPLIES = "lose_replies"
    RESET = "reset"
    RATE = "rate"
    SLOW_CLOSE = "slow_close"
    SLICE = "slice"
    CUT_AFTER = "cut_after"


_LOSING = frozenset(
    {CutKind.BLACKHOLE, CutKind.REFUSE, CutKind.RESET, CutKind.LOSE_REQUESTS, CutKind.LOSE_REPLIES}
)


@dataclass(frozen=True, slots=True)
class Amount:
    """One number of a kind: its name, with the unit, and its bounds."""

    name: str
    least: int
    most: int
    default: int | None = None

    def check(self, kind: CutKind, value: object) -> int:
        """Return the value.

        Raises:
            ValueError: it is no whole number, or out of bounds.

        """
        if isinstance(value, bool) or not isinstance(value, int) or not self.least <= value <= self.most:
            raise ValueError(
                f"{kind}: {self.name} {value!r} is wrong; right would be a whole number from "
                f"{self.least} to {self.most}"
            )
        return value


AMOUNTS: dict[CutKind, tuple[Amount, ...]] = {
    CutKind.SLOW: (Amount("ms", 1, SLOW_MAX_MS), Amount("jitter_ms", 0, SLOW_MAX_MS, 0)),
    CutKind.RATE: (Amount("kb", 1, RATE_MAX_KB),),
    CutKind.SLOW_CLOSE: (Amount("ms", 1, SLOW_MAX_MS),),
    CutKind.SLICE: (Amount("size_bytes", 1, SIZE_MAX_BYTES), Amount("delay_us", 0, DELAY_MAX_US, 0)),
    CutKind.CUT_AFTER: (Amount("size_bytes", 1, SIZE_MAX_BYTES),),
}
"""The amounts of each kind that has any; all are real time, never scaled."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How to cut, such as `Cut.BLACKHOLE` or `Cut.slow(ms=200, jitter_ms=50)`.

    Args:
        kind: what it does.
        amounts: its numbers, in the order of its text: `slow(200,50)`. Those with a default may be left out.

    Raises:
        ValueError: a number is missing, too many, no whole number, or out of bounds.

    """

    kind: CutKind
    amounts: tuple[int, ...] = ()

    BLACKHOLE: ClassVar["Cut"]
    HOLD: ClassVar["Cut"]
    REFUSE: ClassVar["Cut"]
    LOSE_REQUESTS: ClassVar["Cut"]
    LOSE_REPLIES: ClassVar["Cut"]
    RESET: ClassVar["Cut"]

    def __post_init__(self) -> None:
        wanted = AMOUNTS.get(self.kind, ())
        defaults = [amount.default for amount in wanted[len(self.amounts) :]]
        if len(self.amounts) > len(wanted) or None in defaults:
            raise ValueError(f"{self} is no cut; right would be {form_of(self.kind)}")
        given = (*self.amounts, *defaults)
        checked = tuple(amount.check(self.kind, value) for amount, value in zip(wanted, given, strict=True))
        if self.kind is CutKind.SLOW and checked[1] > checked[0]:
            raise ValueError(
                f"slow: jitter_ms {checked[1]} is wrong; right would be at most ms, {checked[0]}"
            )
        object.__setattr__(self, "amounts", checked)

    def __repr__(self) -> str:
        return f"<cut {self}>"

    def __str__(self) -> str:
        return f"{self.kind}({','.join(map(str, self.amounts))})" if self.amounts else str(self.kind)

    @classmethod
    def slow(cls, ms: int, jitter_ms: int = 0) -> Self:
        """Delay every message by `ms`, give or take up to `jitter_ms`, real milliseconds."""
        return cls(CutKind.SLOW, (ms, jitter_ms))

    @classmethod
    def rate(cls, kb: int) -> Self:
        """Let at most `kb` kilobytes (1,000 bytes) a second of answers through, on each connection."""
        return cls(CutKind.RATE, (kb,))

    @classmethod
    def slow_close(cls, ms: int) -> Self:
        """Tell source `ms` real milliseconds late that target has closed a connection."""
        return cls(CutKind.SLOW_CLOSE, (ms,))

    @classmethod
    def slice(cls, size_bytes: int, delay_us: int = 0) -> Self:
        """Send answers in pieces of about `size_bytes`, with `delay_us` microseconds between two of them."""
        return cls(CutKind.SLICE, (size_bytes, delay_us))

    @classmethod
    def cut_after(cls, size_bytes: int) -> Self:
        """Close each connection after `size_bytes` of answers."""
        return cls(CutKind.CUT_AFTER, (size_bytes,))

    @property
    def only_loses(self) -> bool:
        """Whether nothing that was sent before the heal can arrive after it; the other kinds delay."""
        return self.kind in _LOSING

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the cut that a text such as `blackhole` or `slow(200,50)` names.

        Raises:
            ValueError: there is no such kind, or its numbers are wrong; one line says what there is.

        """
        parts = _TEXT.fullmatch(text)
        if parts is None or parts["kind"] not in list(CutKind):
            raise ValueError(f"no cut is called {text!r}; there are {', '.join(map(form_of, CutKind))}")
        words = [word.strip() for word in parts["amounts"].split(",")] if parts["amounts"] else []
        return cls(CutKind(parts["kind"]), tuple(map(_number, words)))


def form_of(kind: CutKind) -> str:
    """Return how a kind is written, such as `slow(ms, jitter_ms=0)`."""
    amounts = [
        amount.name if amount.default is None else f"{amount.name}={amount.default}"
        for amount in AMOUNTS.get(kind, ())
    ]
    return f"{kind}({', '.join(amounts)})" if amounts else str(kind)


def _number(word: str) -> int:
    """Return a number, or the word itself, which no amount accepts."""
    return int(word) if _NUMBER.fullmatch(word) else word  # type: ignore[return-value]


_TEXT = re.compile(r"\s*(?P<kind>\w+)\s*(\((?P<amounts>[^()]*)\))?\s*")
_NUMBER = re.compile(r"-?[0-9]{1,18}")

Cut.BLACKHOLE = Cut(CutKind.BLACKHOLE)
Cut.HOLD = Cut(CutKind.HOLD)
Cut.REFUSE = Cut(CutKind.REFUSE)
Cut.LOSE_REQUESTS = Cut(CutKind.LOSE_REQUESTS)
Cut.LOSE_REPLIES = Cut(CutKind.LOSE_REPLIES)
Cut.RESET = Cut(CutKind.RESET)
