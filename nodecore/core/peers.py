"""What a loaded node does with its peers' messages (R12-R15, R17).

Invariant: what a peer sends is stored at once and never sent on: there is no gossip.
"""

from typing import assert_never

from nodecore.core.answers import Refused
from nodecore.core.foreign import Foreign
from nodecore.core.health import Health
from nodecore.core.load import Load
from nodecore.core.members import Members
from nodecore.core.messages import (
    Accepted,
    DataAnswer,
    FetchSnapshot,
    InstanceHealth,
    PeerAnswer,
    Pull,
    Report,
    ReportAnswer,
    ServiceStatus,
    SnapshotAnswer,
    SyncData,
    SyncDelete,
    Verify,
    VerifyDigest,
)
from nodecore.core.replica import Replica
from nodecore.core.reports import Reports
from nodecore.core.verify import Verification
from nodecore.core.writers import Writers
from nodecore.errors import BadRequest

PeerData = (
    Report
    | SyncData
    | SyncDelete
    | Verify
    | VerifyDigest
    | Pull
    | FetchSnapshot
    | ServiceStatus
    | InstanceHealth
)


class PeerSide:
    """Answers everything a peer says but a forwarded request, which is a client's."""

    def __init__(
        self,
        replica: Replica,
        members: Members,
        writers: Writers,
        verification: Verification,
        reports: Reports,
        load: Load,
        foreign: Foreign,
        health: Health,
    ) -> None:
        self._replica = replica
        self._members = members
        self._writers = writers
        self._verification = verification
        self._reports = reports
        self._load = load
        self._foreign = foreign
        self._health = health

    def answer(  # noqa: C901, PLR0911  one return per message
        self, source: str, message: PeerData, now: float
    ) -> PeerAnswer:
        """Do what a peer's message asks and return the answer."""
        match message:
            case Report():
                return self._reported(message)
            case SyncData():
                return self._store(source, message, now)
            case SyncDelete():
                for key in message.keys:
                    self._replica.remove(key)
                    self._writers.wrote(key, source, now)
                return Accepted()
            case Verify():
                self._verification.received(source, message, now)
                return Accepted()
            case VerifyDigest():
                return self._verification.compared(source, message)
            case Pull():
                found = (self._replica.store.get(key) for key in message.keys)
                return DataAnswer(tuple(datum for datum in found if datum is not None))
            case FetchSnapshot():
                return self._snapshot(source)
            case ServiceStatus():
                return self._status(source)
            case InstanceHealth():
                self._health.received(source, message)
                return Accepted()
            case _:
                assert_never(message)

    def _reported(self, message: Report) -> PeerAnswer:
        """A report proves only that the sender reaches us: find out at once whether we reach it."""
        source = message.member.address
        if source in self._members and not self._members.is_up(source):
            self._reports.to(source)
        return ReportAnswer(known=source in self._members, takes_digest=True)

    def _snapshot(self, source: str) -> PeerAnswer:
        """Everything; but what changes from now on would not reach who is no member: that one has to wait."""
        if source and source not in self._members:
            return Refused(
                status=403, message=f"{source} is not on the list of members of {self._members.own}"
            )
        owed = tuple(self._load.owed)
        return SnapshotAnswer(data=self._replica.store.data(), merges_owed=owed, root=self._load.root)

    def _status(self, source: str) -> PeerAnswer:
        """What it says of its own services comes with verify, with the health that it knows."""
        if source not in self._members or source == self._members.own:
            sentence = f"{source} is not on the list of members of {self._members.own}"
            return Refused(status=BadRequest.status, message=sentence)
        self._foreign.heard(source)
        return Accepted()

    def _store(self, source: str, message: SyncData, now: float) -> PeerAnswer:
        if not message.data:
            return Refused(status=BadRequest.status, message="receive empty entity!")
        for datum in message.data:
            self._replica.put(datum.key, datum.value, now)
            self._writers.wrote(datum.key, source, now)
        return Accepted()
