"""What toxics do to a stream of bytes, as pure state machines: no sockets, no clock, no timers.

A toxic takes chunks from its inlet and says, step by step, what comes out: a chunk now, nothing before a
moment, nothing before the next chunk, or the end of the stream. It steps only while what comes after it has
room, so a receiver that does not read holds it up. Invariant: no byte is made up, moved or, but by those
whose work it is, lost. Behaviour and names are those of Toxiproxy 2.12, which runs a goroutine where this
steps; times are monotonic seconds, attributes what the API was told.
"""

from collections import deque
from collections.abc import Mapping
from enum import Enum, auto
from random import Random
from typing import NamedTuple, Protocol

SLICE_S = 0.1
"""Bandwidth leaves in portions of this long."""

Attributes = Mapping[str, int]
"""What a toxic was told: shared with the API, so that an update is seen at once."""


class Chunk(NamedTuple):
    """Bytes and the moment at which they came in."""

    data: bytes
    at: float


class Inlet:
    """Chunks that wait before a toxic; `ended` when no more will come."""

    __slots__ = ("chunks", "ended")

    def __init__(self) -> None:
        self.chunks: deque[Chunk] = deque()
        self.ended = False


class Wait(NamedTuple):
    """Nothing comes out before this moment, unless another chunk comes in."""

    until: float


class Word(Enum):
    """IDLE: nothing comes out before something comes in. CLOSE: the stream ends here."""

    IDLE = auto()
    CLOSE = auto()


IDLE, CLOSE = Word.IDLE, Word.CLOSE

Step = Chunk | Wait | Word


class Toxic(Protocol):
    """One toxic at work on one direction of one connection."""

    def step(self, inlet: Inlet, now: float) -> Step:
        """Take from the inlet what is due and say what comes out."""
        ...

    def interrupt(self) -> list[Chunk]:
        """Give back what is held, for the chain is about to change; the next step starts anew."""
        ...

    @property
    def is_doomed(self) -> bool:
        """Whether it will close the stream at its time, whatever is changed or removed."""
        ...

    @property
    def is_sink(self) -> bool:
        """Whether nothing ever comes out, so that it steps also while what comes after it has no room."""
        ...


class Noop:
    """Passes everything on; also what a toxic is whose toxicity roll missed."""

    is_doomed = is_sink = False

    def step(self, inlet: Inlet, now: float) -> Step:  # noqa: ARG002 - the Protocol's
        """See Toxic."""
        return _pass(inlet)

    def interrupt(self) -> list[Chunk]:
        """See Toxic."""
        return []


class Latency:
    """Each chunk leaves `latency` ms, give or take `jitter` ms, after it came in."""

    is_doomed = is_sink = False

    def __init__(self, attributes: Attributes, random: Random) -> None:
        self._attributes = attributes
        self._random = random
        self._held: Chunk | None = None
        self._wait_s = self._due = 0.0

    def step(self, inlet: Inlet, now: float) -> Step:
        """See Toxic."""
        if self._held is None:
            if not inlet.chunks:
                return _ended_or_idle(inlet)
            self._held = inlet.chunks.popleft()
            self._wait_s = self._delay_s() - (now - self._held.at)
            self._due = now + self._wait_s
        if now < self._due:
            return Wait(self._due)
        (chunk,) = self.interrupt()
        # Toxiproxy moves a chunk's moment on by what it waited here; a wait that is cut short moves it not.
        return Chunk(chunk.data, chunk.at + self._wait_s)

    def interrupt(self) -> list[Chunk]:
        """See Toxic."""
        held, self._held = self._held, None
        return [held] if held is not None else []

    def _delay_s(self) -> float:
        latency_ms, jitter_ms = self._attributes["latency"], self._attributes["jitter"]
        if jitter_ms > 0:
            latency_ms += self._random.randrange(2 * jitter_ms) - jitter_ms
        return latency_ms / 1000


class Bandwidth:
    """At most `rate` kB/s, in portions of 100 ms; with 0 it holds everything until it is changed."""

    is_doomed = is_sink = False

    def __init__(self, attributes: Attributes) -> None:
        self._attributes = attributes
        self._data = b""
        self._at = 0.0
        self._holds = False
        self._since = 0.0
        self._debt_s = 0.0

    def step(self, inlet: Inlet, now: float) -> Step:
        """See Toxic."""
        if not self._holds:
            if not inlet.chunks:
                return _ended_or_idle(inlet)
            self._take(inlet.chunks.popleft(), now)
        rate = self._attributes["rate"]
        if rate <= 0:
            return IDLE
        portion = rate * 100
        if len(self._data) > portion:
            return self._send_portion(portion, now)
        due = self._since + self._debt_s
        if now < due:
            return Wait(due)
        self._debt_s, self._holds = due - now, False
        return Chunk(self._data, self._at)

    def interrupt(self) -> list[Chunk]:
        """See Toxic."""
        held = [Chunk(self._data, self._at)] if self._holds else []
        self._holds, self._debt_s = False, 0.0
        return held

    def _take(self, chunk: Chunk, now: float) -> None:
        self._data, self._at, self._holds, self._since = chunk.data, chunk.at, True, now
        rate = self._attributes["rate"]
        self._debt_s = self._debt_s + len(chunk.data) / 1000 / rate if rate > 0 else 0.0

    def _send_portion(self, size: int, now: float) -> Step:
        if now < self._since + SLICE_S:
            return Wait(self._since + SLICE_S)
        portion, self._data = self._data[:size], self._data[size:]
        self._debt_s -= SLICE_S
        # A portion that left late does not delay the next, unless it is a receiver that was slow.
        self._since = max(self._since + SLICE_S, now - SLICE_S)
        return Chunk(portion, self._at)


class SlowClose:
    """Passes everything on at once, and the end of the stream `delay` ms late."""

    is_doomed = is_sink = False

    def __init__(self, attributes: Attributes) -> None:
        self._attributes = attributes
        self._due: float | None = None

    def step(self, inlet: Inlet, now: float) -> Step:
        """See Toxic."""
        if inlet.chunks or not inlet.ended:
            return _pass(inlet)
        if self._due is None:
            self._due = now + self._attributes["delay"] / 1000
        return CLOSE if now >= self._due else Wait(self._due)

    def interrupt(self) -> list[Chunk]:
        """See Toxic."""
        self._due = None
        return []


class Timeout:
    """Drops everything; closes after `timeout` ms without a chunk, with 0 only at the end of the stream."""

    is_doomed, is_sink = False, True

    def __init__(self, attributes: Attributes) -> None:
        self._attributes = attributes
        self._since: float | None = None

    def step(self, inlet: Inlet, now: float) -> Step:
        """See Toxic."""
        if self._since is None or inlet.chunks:
            self._since = now
        inlet.chunks.clear()
        if inlet.ended:
            return CLOSE
        timeout_ms = self._attributes["timeout"]
        if timeout_ms <= 0:
            return IDLE
        due = self._since + timeout_ms / 1000
        return CLOSE if now >= due else Wait(due)

    def interrupt(self) -> list[Chunk]:
        """See Toxic."""
        self._since = None
        return []


class ResetPeer:
    """Closes `timeout` ms after the first chunk or the end; the socket's SO_LINGER makes an RST of it."""

    is_sink = True

    def __init__(self, attributes: Attributes) -> None:
        self._attributes = attributes
        self._due: float | None = None

    @property
    def is_doomed(self) -> bool:
        """See Toxic."""
        return self._due is not None

    def step(self, inlet: Inlet, now: float) -> Step:
        """See Toxic."""
        if self._due is None:
            if not inlet.chunks and not inlet.ended:
                return IDLE
            self._due = now + self._attributes["timeout"] / 1000
        return CLOSE if now >= self._due else Wait(self._due)

    def interrupt(self) -> list[Chunk]:
        """See Toxic."""
        return []


class Slicer:
    """Cuts chunks into pieces of `average_size` +- `size_variation` bytes, `delay` microseconds apart."""

    is_doomed = is_sink = False

    def __init__(self, attributes: Attributes, random: Random) -> None:
        self._attributes = attributes
        self._random = random
        self._pieces: deque[Chunk] = deque()
        self._next_at = 0.0

    def step(self, inlet: Inlet, now: float) -> Step:
        """See Toxic."""
        if now < self._next_at:
            return Wait(self._next_at)
        if not self._pieces:
            if not inlet.chunks:
                return _ended_or_idle(inlet)
            self._slice(inlet.chunks.popleft())
            self._next_at = now
        # From the moment it was due: a loop that wakes each millisecond still keeps to microseconds.
        self._next_at += max(0, self._attributes["delay"]) / 1_000_000
        return self._pieces.popleft()

    def interrupt(self) -> list[Chunk]:
        """See Toxic."""
        rest = b"".join(piece.data for piece in self._pieces)
        held = [Chunk(rest, self._pieces[0].at)] if rest else []
        self._pieces.clear()
        self._next_at = 0.0
        return held

    def _slice(self, chunk: Chunk) -> None:
        """Halve, give or take, until a piece is small enough."""
        average, variation = self._attributes["average_size"], self._attributes["size_variation"]
        spans = [(0, len(chunk.data))]
        while spans:
            start, end = spans.pop()
            if end - start <= average + variation:
                self._pieces.append(Chunk(chunk.data[start:end], chunk.at))
                continue
            middle = start + (end - start) // 2
            if variation > 0:
                middle += self._random.randrange(2 * variation) - variation
            middle = min(max(middle, start + 1), end - 1)
            spans += [(middle, end), (start, middle)]


class LimitData:
    """Passes `bytes` bytes on, then closes. What it has passed it remembers through every change."""

    is_doomed = is_sink = False

    def __init__(self, attributes: Attributes) -> None:
        self._attributes = attributes
        self._passed_bytes = 0
        self._is_spent = False

    def step(self, inlet: Inlet, now: float) -> Step:  # noqa: ARG002 - the Protocol's
        """See Toxic."""
        if self._is_spent:
            return CLOSE
        if not inlet.chunks:
            return _ended_or_idle(inlet)
        chunk = inlet.chunks.popleft()
        data = chunk.data[: max(0, self._attributes["bytes"] - self._passed_bytes)]
        self._passed_bytes += len(data)
        self._is_spent = self._passed_bytes >= self._attributes["bytes"]
        return Chunk(data, chunk.at) if data else CLOSE

    def interrupt(self) -> list[Chunk]:
        """See Toxic."""
        return []


def _pass(inlet: Inlet) -> Step:
    return inlet.chunks.popleft() if inlet.chunks else _ended_or_idle(inlet)


def _ended_or_idle(inlet: Inlet) -> Step:
    return CLOSE if inlet.ended else IDLE
