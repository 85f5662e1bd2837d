"""What every ordered pair can really say to each other, and the error of a link that is not as intended.

Invariant: a matrix says of each reading whether it was probed or is only the link server's word.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from harness.links.effects import Effect, Effects, Stream, What, on_stream
from harness.links.link import Channel, Link


class Outcome(StrEnum):
    """What became of one step of a call; the first letter is what tables show (`x` for reset).

    `configured` is what no probe can tell: that the link server has it so is all that is known.
    """

    OK = "ok"
    REFUSED = "refused"
    SILENT = "silent"
    CLOSED = "closed"
    RESET = "reset"
    LATE = "late"
    CONFIGURED = "configured"


class Judge(StrEnum):
    """On whose word a reading rests: a probe, a connection that says nothing, or the link server alone."""

    PROBE = "probe"
    CONNECT = "connect"
    LINK_SERVER = "link server"


@dataclass(frozen=True, slots=True)
class Trip:
    """One call over a link: the connection, the way there, the way back."""

    connect: Outcome
    request: Outcome
    reply: Outcome

    def __str__(self) -> str:
        return f"connect {self.connect}, request {self.request}, reply {self.reply}"

    @property
    def code(self) -> str:
        """Return three letters: `ooo` is whole, `oss` a lost request, `oos` a lost reply."""
        return "".join(_LETTERS[outcome] for outcome in self.steps)

    @property
    def steps(self) -> tuple[Outcome, Outcome, Outcome]:
        """The three in their order."""
        return self.connect, self.request, self.reply

    def as_far_as(self, expected: "Trip") -> "Trip":
        """Return this trip, not judged where what is expected is only configured."""
        if Outcome.CONFIGURED not in expected.steps:
            return self
        pairs = zip(self.steps, expected.steps, strict=True)
        return Trip(*(want if want is Outcome.CONFIGURED else seen for seen, want in pairs))

    def is_as(self, expected: "Trip") -> bool:
        """Tell whether this is what was expected, as far as it was judged."""
        pairs = zip(self.steps, expected.steps, strict=True)
        return self == expected or all(seen in (want, Outcome.CONFIGURED) for seen, want in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How one link was found, over a new connection and over one that existed; None: not tried this time."""

    new: Trip | None = None
    existing: Trip | None = None
    judge: Judge = Judge.PROBE

    @property
    def code(self) -> str:
        """Return `ooo`, or `new/existing` where they differ; in parentheses on the link server's word."""
        codes = list(dict.fromkeys(trip.code for trip in (self.new, self.existing) if trip))
        text = "/".join(codes) or "-"
        return f"({text})" if self.judge is Judge.LINK_SERVER else text

    def differs_from(self, expected: "Reading") -> str:
        """Return in what this reading is not the expected one, or nothing."""
        pairs = (("a new", self.new, expected.new), ("an existing", self.existing, expected.existing))
        wrong = {
            which: f"expected {wanted}, seen {seen}"
            for which, seen, wanted in pairs
            if seen and wanted and not seen.is_as(wanted)
        }
        if len(wrong) == len(set(wrong.values())):
            return "; ".join(f"on {which} connection {text}" for which, text in wrong.items())
        return next(iter(wrong.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One link's place in a matrix."""

    source: str
    target: str
    channel: Channel
    reading: Reading


@dataclass(frozen=True, slots=True)
class Matrix:
    """One reading for every link, in the order of the links."""

    cells: tuple[Cell, ...]

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def reading(self, source: str, target: str, channel: Channel = Channel.PEER) -> Reading:
        """Return how the link source -> target was found.

        Raises:
            KeyError: there is no such link.

        """
        for cell in self.cells:
            if (cell.source, cell.target, cell.channel) == (source, target, channel):
                return cell.reading
        raise KeyError(f"no link {channel}-{source}-{target}")

    def as_json(self) -> list[dict[str, object]]:
        """Return one object per link, for `--json`."""
        return [
            {
                "source": cell.source,
                "target": cell.target,
                "channel": str(cell.channel),
                "new": _trip_json(cell.reading.new),
                "existing": _trip_json(cell.reading.existing),
                "judge": str(cell.reading.judge),
            }
            for cell in self.cells
        ]

    def lines(self) -> list[str]:
        """Return a table per channel: who connects in rows, who listens in columns."""
        return [
            line
            for channel in Channel
            if any(cell.channel is channel for cell in self.cells)
            for line in self._channel_lines(channel)
        ]

    def _channel_lines(self, channel: Channel) -> list[str]:
        codes = {(c.source, c.target): c.reading.code for c in self.cells if c.channel is channel}
        sources = list(dict.fromkeys(source for source, _ in codes))
        targets = list(dict.fromkeys(sorted(target for _, target in codes)))
        rows = [[str(channel), *targets]]
        rows += [[source, *(codes.get((source, target), "") for target in targets)] for source in sources]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


LEGEND = (
    "rows connect, columns listen; letters are connect, request, reply: o ok, r refused, s silent, c closed, "
    "x reset, l late, * configured, not probed; new/existing connection; (on the link server's word)"
)


class FaultNotInForce(Exception):
    """A link is not what the faults in force make of it.

    Args:
        when: what was being done.
        wrong: one line for each link that is wrong.
        expected: what every link should be.
        seen: what every link was found to be.

    """

    def __init__(self, when: str, wrong: Sequence[str], expected: Matrix, seen: Matrix) -> None:
        super().__init__(when, wrong, expected, seen)
        self.when = when
        self.wrong = tuple(wrong)
        self.expected = expected
        self.seen = seen

    def __str__(self) -> str:
        count = "1 link is" if len(self.wrong) == 1 else f"{len(self.wrong)} links are"
        lines = [f"{self.when}: {count} not as intended"]
        lines += [f"  {line}" for line in self.wrong]
        lines += [*_beside("expected", self.expected.lines(), "seen", self.seen.lines()), LEGEND]
        return "\n".join(lines)


@cache
def expected_trips(effects: Effects, *, by_connect: bool = False) -> tuple[Trip, Trip]:
    """Return what a new and an existing connection meet (design section 6, third table).

    Args:
        effects: what is in force.
        by_connect: connections are looked at, and nothing is sent over them.

    """
    if Effect.REFUSED in effects:
        return _same(Outcome.REFUSED), _same(Outcome.CLOSED)
    upstream, downstream = on_stream(effects, Stream.UPSTREAM), on_stream(effects, Stream.DOWNSTREAM)
    request = _expected_step(upstream)
    reply = request if request in _FOR_BOTH else _expected_step(downstream)
    if What.SLOW in upstream and not is_awaitable(upstream[What.SLOW]):
        reply = Outcome.CONFIGURED
    new = Trip(Outcome.OK, request, reply)
    if by_connect:
        new = Trip(Outcome.OK, Outcome.CONFIGURED, Outcome.CONFIGURED)
    return new, _same(Outcome.CLOSED) if What.RESET in upstream else new


def answers_stay_away(effects: Effects) -> bool:
    """Tell whether no answer comes, or none that could be waited for."""
    reply = expected_trips(effects)[0].reply
    return reply not in (Outcome.OK, Outcome.LATE)


LATE_MIN_MS = 20
"""A shorter delay is not told apart from a busy machine."""

LATE_MAX_MS = 2_000
"""A longer one is not waited for."""


def is_awaitable(slow: Effect) -> bool:
    """Tell whether a delay is short enough to be waited for at each verification."""
    return sum(slow.amounts) <= LATE_MAX_MS


@cache
def delay_real_s(effects: Effects, stream: Stream) -> float | None:
    """Return the least delay of a message on a stream, in real seconds; None where nothing is slow."""
    slow = on_stream(effects, stream).get(What.SLOW)
    return None if slow is None else (slow.amounts[0] - slow.amounts[1]) / 1000


def reading_of(effects: Effects, judge: Judge = Judge.PROBE) -> Reading:
    """Return the reading that these effects should give."""
    new, existing = expected_trips(effects, by_connect=judge is Judge.CONNECT)
    return Reading(new=new, existing=existing, judge=judge)


def cell_of(link: Link, reading: Reading) -> Cell:
    """Return a link's cell."""
    return Cell(source=link.source, target=link.target, channel=link.channel, reading=reading)


def _expected_step(stream: dict[What, Effect]) -> Outcome:
    """Return what becomes of messages on one stream."""
    if What.LOST in stream or What.HELD in stream:
        return Outcome.SILENT
    if What.RESET in stream:
        return Outcome.RESET
    if stream.keys() & _UNTOLD:
        return Outcome.CONFIGURED
    if What.SLOW in stream:
        slow = stream[What.SLOW]
        is_told = is_awaitable(slow) and slow.amounts[0] - slow.amounts[1] >= LATE_MIN_MS
        return Outcome.LATE if is_told else Outcome.CONFIGURED
    return Outcome.OK


def _same(outcome: Outcome) -> Trip:
    return Trip(outcome, outcome, outcome)


def _trip_json(trip: Trip | None) -> dict[str, str] | None:
    if trip is None:
        return None
    return {"connect": str(trip.connect), "request": str(trip.request), "reply": str(trip.reply)}


def _beside(left_title: str, left: Sequence[str], right_title: str, right: Sequence[str]) -> list[str]:
    rows = [*zip([left_title, *left], [right_title, *right], strict=True)]
    width = max(len(cell) for cell, _ in rows)
    return [f"  {cell.ljust(width)}    {other}".rstrip() for cell, other in rows]


_FOR_BOTH = (Outcome.SILENT, Outcome.RESET)
"""A request that meets this has no reply either."""

_UNTOLD = {What.RATE, What.SLOW_CLOSE, What.SLICE, What.CUT_AFTER}
"""A probe's answer is too short to show these, or they make it take as long as they like."""

_LETTERS = {
    Outcome.OK: "o",
    Outcome.REFUSED: "r",
    Outcome.SILENT: "s",
    Outcome.CLOSED: "c",
    Outcome.RESET: "x",
    Outcome.LATE: "l",
    Outcome.CONFIGURED: "*",
}
