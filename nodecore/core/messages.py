"""What nodes say to each other: every peer message, its answer, and why there may be none."""

from dataclasses import dataclass
from enum import StrEnum

from nodecore.core.answers import Answer, Member, Refused
from nodecore.core.operations import InstanceWrite
from nodecore.core.records import Datum, InstanceId


@dataclass(frozen=True, slots=True)
class Report:
    """Member report (R17): POST /core/cluster/report with the sender's own member entry."""

    member: Member


@dataclass(frozen=True, slots=True)
class SyncData:
    """PUT /distro/datum: a batch of current datums (R11)."""

    data: tuple[Datum, ...]


@dataclass(frozen=True, slots=True)
class SyncDelete:
    """DELETE /distro/datum: keys that were deleted (R12)."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """PUT /distro/checksum: `(key, md5)` of all the sender owns, and its ring if it names one (R13)."""

    checksums: tuple[tuple[str, str], ...]
    ring: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class VerifyDigest:
    """PUT /distro/digest: one digest of all the sender owns, between our own nodes (R13).

    It asks whether the checksums are wanted: they are when the receiver might pull or drop anything.
    """

    digest: str


@dataclass(frozen=True, slots=True)
class Pull:
    """GET /distro/datum: the datums of these keys."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FetchSnapshot:
    """GET /distro/datums: everything (R14)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """POST /service/status: services of one namespace whose health the sender tells (reference 6.4)."""

    namespace: str
    checksums: tuple[tuple[str, str], ...]
    """Grouped name and a checksum; one that differs makes a foreign receiver ask for the health."""


@dataclass(frozen=True, slots=True)
class InstanceHealth:
    """PUT /health/instances: of persistent instances that the sender is responsible for (R19).

    Between our own nodes; by key, each instance of the list and whether it is healthy.
    """

    health: tuple[tuple[str, tuple[tuple[InstanceId, bool], ...]], ...]


@dataclass(frozen=True, slots=True)
class Forward:
    """A client's write for the responsible node (R10)."""

    operation: InstanceWrite


PeerMessage = (
    Report
    | SyncData
    | SyncDelete
    | Verify
    | VerifyDigest
    | Pull
    | FetchSnapshot
    | ServiceStatus
    | InstanceHealth
    | Forward
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The peer took it."""


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """The peer lives, and has loaded; `known` False when it does not list the sender as a member.

    `takes_digest`: it is one of our own nodes, for which a VerifyDigest is enough; no foreign one says so.
    """

    known: bool = True
    takes_digest: bool = False


@dataclass(frozen=True, slots=True)
class DigestAnswer:
    """Whether the peer holds something else than the digest says, and wants the checksums."""

    wants_checksums: bool


@dataclass(frozen=True, slots=True)
class NotLoadedAnswer:
    """`{"loaded": false}`: the peer lives but has no data to give or take yet (R14)."""


@dataclass(frozen=True, slots=True)
class DataAnswer:
    """The answer to a Pull."""

    data: tuple[Datum, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotAnswer:
    """The answer to a FetchSnapshot; `merges_owed`: whose data the sender still has to merge (R14).

    `root` names the start of a node without data from which the sender's data descend, "" if it does not say.
    """

    data: tuple[Datum, ...]
    merges_owed: tuple[str, ...] = ()
    root: str = ""


@dataclass(frozen=True, slots=True)
class ForwardAnswer:
    """What the responsible node answered to the client."""

    answer: Answer


PeerAnswer = (
    Accepted
    | ReportAnswer
    | DigestAnswer
    | NotLoadedAnswer
    | DataAnswer
    | SnapshotAnswer
    | ForwardAnswer
    | Refused
)
"""`Refused` here: the peer answered with an error status (403, 404, 501, 5xx ...)."""


class Failure(StrEnum):
    """Why a call brought no answer at all."""

    REFUSED = "refused"
    """The connection was refused: no process listens there."""
    CLOSED = "closed"
    """The connection was closed without a byte of an answer."""
    RESET = "reset"
    TIMEOUT = "timeout"
    GARBLED = "garbled"
    """An answer that is not whole or not what was asked for (cut inside the headers, wrong JSON)."""
