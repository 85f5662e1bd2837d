"""What goes into the core and what comes out: closed unions, taken apart with `match`.

The runtime and the simulation speak exactly this; JSON and HTTP are the business of
`nodecore.runtime.wire`.
"""

from dataclasses import dataclass
from enum import StrEnum

from nodecore.core.answers import Answer, InstancesAnswer
from nodecore.core.commands import Held
from nodecore.core.findings import Finding
from nodecore.core.messages import Failure, PeerAnswer, PeerMessage
from nodecore.core.operations import Operation
from nodecore.core.records import Checker, Metadata, Record
from nodecore.core.subscribers import Subscriber

# ---- events -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRequest:
    """A client, or a peer that forwards one (`forwarded_by` is then its address, or "" if it gave none).

    One that may not wait is not forwarded: it is answered with WouldForward, and nothing was done.
    """

    request_id: int
    operation: Operation
    forwarded_by: str | None = None
    may_wait: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRequest:
    """A peer's message; `source` is its advertised address, "" when it did not name itself."""

    request_id: int
    source: str
    message: PeerMessage


@dataclass(frozen=True, slots=True)
class CallReturned:
    """The answer to the Call of that id."""

    call_id: int
    answer: PeerAnswer


@dataclass(frozen=True, slots=True)
class CallFailed:
    """The Call of that id brought no answer."""

    call_id: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class MembersChanged:
    """The lookup's current list of members (R16); the node adds itself when it is not on it."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushAcked:
    """Somebody who sends from that UDP port says that it has the Push of that reference."""

    port: int
    ref: int


@dataclass(frozen=True, slots=True)
class RecordsApplied:
    """CP has applied a command here: the records of these keys are now so, None for those that are gone."""

    changed: tuple[tuple[str, Held | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsRestored:
    """CP has loaded a snapshot here: a group has exactly these records."""

    group: str
    records: tuple[tuple[str, Held], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """The Probe of that id has ended, after `took_s` real seconds."""

    probe_id: int
    checker: Checker
    """As it was when the probe began."""
    finding: Finding
    took_s: float


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: the driver sends it when `next_deadline()` is due, and once at the start."""


Event = (
    ClientRequest
    | PeerRequest
    | CallReturned
    | CallFailed
    | MembersChanged
    | PushAcked
    | RecordsApplied
    | RecordsRestored
    | Probed
    | Tick
)

# ---- effects ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the ClientRequest of that id."""

    request_id: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class PeerReply:
    """Answer the PeerRequest of that id."""

    request_id: int
    answer: PeerAnswer


class Lane(StrEnum):
    """Each lane of a peer has its own session, so that a report never waits behind a sync."""

    CONTROL = "control"
    DATA = "data"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Say this to a member; exactly one CallReturned or CallFailed with this id must follow."""

    call_id: int
    target: str
    """The member's advertised address; where that is dialled is the driver's business."""
    message: PeerMessage
    lane: Lane
    timeout_s: float
    """Real seconds for the whole call."""


class Change(StrEnum):
    """What happened to a key."""

    CHANGE = "change"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell the listeners of this key, in the order of these effects (R7)."""

    key: str
    change: Change
    value: Record | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Send a subscriber the list of a service in one datagram (R20); a PushAcked of its `ref` may follow."""

    ref: int
    subscriber: Subscriber
    listed: InstancesAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Check an instance (R19); exactly one Probed with this id must follow."""

    probe_id: int
    target: str
    """`ip:port` of the instance; where that is dialled is the driver's business."""
    checker: Checker
    timeout_s: float
    """Real seconds for the whole check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One structured log line: an event that matters and what belongs to it."""

    level: str
    """debug, info, warning."""
    event: str
    fields: Metadata = ()


Effect = Reply | PeerReply | Call | Notify | Push | Probe | Log
