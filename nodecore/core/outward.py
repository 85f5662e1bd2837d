"""What one event makes the node say: its effects in order, and what every open call is for.

Invariant: an id is used for one call only, and each call is closed once.
"""

from dataclasses import dataclass

from nodecore.core.events import Call, Change, Effect, Lane, Log
from nodecore.core.messages import Failure, PeerAnswer, PeerMessage

Outcome = PeerAnswer | Failure
"""How a call ended."""


@dataclass(frozen=True, slots=True)
class Reporting:
    """A member report of our own (R17)."""

    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Keys of one type on their way to a member, all changed or all deleted (R11, R12)."""

    prefix: str
    change: Change
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Syncing:
    """A batch on its way to a member."""

    member: str
    batch: Batch


@dataclass(frozen=True, slots=True)
class Verifying:
    """Our digest or our checksums on their way to a member (R13)."""

    member: str


@dataclass(frozen=True, slots=True)
class Pulling:
    """Datums asked from the member whose checksums differed (R13)."""

    member: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fetching:
    """A snapshot asked by a node that has not loaded; `again`: the first call was closed at once (R14)."""

    member: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Merging:
    """The snapshot of a member whose data this node loaded without (R14)."""

    member: str


@dataclass(frozen=True, slots=True)
class Requester:
    """Who waits for an answer: a client, or a peer that sent a Forward as a peer message.

    Args:
        request_id: of the event.
        is_peer: it is a peer.
        may_wait: for another member.
    """

    request_id: int
    is_peer: bool = False
    may_wait: bool = True


@dataclass(frozen=True, slots=True)
class Forwarding:
    """A client's write on its way to the responsible node (R10)."""

    member: str
    requester: Requester


@dataclass(frozen=True, slots=True)
class Telling:
    """The health of our instances on its way to a foreign member."""

    member: str


@dataclass(frozen=True, slots=True)
class TellingHealth:
    """The health of persistent instances on its way to a member."""

    member: str


Purpose = (
    Reporting | Syncing | Verifying | Pulling | Fetching | Merging | Forwarding | Telling | TellingHealth
)


class Outward:
    """Collects the effects of the event at hand."""

    def __init__(self) -> None:
        self._effects: list[Effect] = []
        self._open: dict[int, Purpose] = {}
        self._last_call_id = 0

    def add(self, effect: Effect) -> None:
        """Append an effect."""
        self._effects.append(effect)

    def call(self, message: PeerMessage, purpose: Purpose, *, lane: Lane, timeout_s: float) -> None:
        """Say something to a member and remember why; `timeout_s` is real seconds."""
        self._last_call_id += 1
        self._open[self._last_call_id] = purpose
        self.add(
            Call(
                call_id=self._last_call_id,
                target=purpose.member,
                message=message,
                lane=lane,
                timeout_s=timeout_s,
            )
        )

    def close(self, call_id: int) -> Purpose | None:
        """Return what a call was for and forget it; None for a call that is not open."""
        return self._open.pop(call_id, None)

    @property
    def open_with_data(self) -> int:
        """How many calls are open by which data or a client's write may yet arrive somewhere."""
        return sum(
            not isinstance(purpose, Reporting | Verifying | TellingHealth) for purpose in self._open.values()
        )

    def log(self, level: str, event: str, **fields: object) -> None:
        """Append a structured log line."""
        self.add(Log(level=level, event=event, fields=tuple((k, str(v)) for k, v in fields.items())))

    def take(self) -> list[Effect]:
        """Return the effects collected since the last call."""
        effects, self._effects = self._effects, []
        return effects
