"""One core driven by hand: events in, effects out, no world around it."""

from typing import Any, TypeVar

from nodecore.config import Limits, NodeConfig, Profile, Timings
from nodecore.core.answers import Answer, Member, MemberState, StateAnswer
from nodecore.core.enquiries import FindResponsible, ResponsibleAnswer
from nodecore.core.events import (
    Call,
    CallFailed,
    CallReturned,
    ClientRequest,
    Effect,
    Event,
    Log,
    MembersChanged,
    Notify,
    PeerReply,
    PeerRequest,
    Reply,
    Tick,
)
from nodecore.core.keys import ephemeral_key
from nodecore.core.messages import (
    Accepted,
    Failure,
    FetchSnapshot,
    PeerAnswer,
    PeerMessage,
    Report,
    ReportAnswer,
    SnapshotAnswer,
    Verify,
)
from nodecore.core.node import Node
from nodecore.core.operations import Operation, ReadState
from nodecore.core.records import Datum, Instance, Instances

S1, S2, S3 = "127.0.0.1:8848", "127.0.0.1:8858", "127.0.0.1:8868"
A0, B1, C5 = (f"DEFAULT_GROUP@@Service{name}" for name in ("A0", "B1", "C5"))
M = TypeVar("M")


def key(service: str) -> str:
    """Return the key of a service."""
    return ephemeral_key("public", service)


def entry(service: str = A0, ip: str = "10.0.0.1", **fields: Any) -> Instance:
    """Return an instance."""
    return Instance(ip=ip, port=80, service=service, **fields)


def datum(service: str, *ips: str) -> Datum:
    """Return the datum of a service with these instances."""
    return Datum(key=key(service), value=Instances(tuple(entry(service, ip) for ip in ips)))


class Driver:
    """A node at `own` in a cluster of `members`, and everything it said."""

    def __init__(
        self,
        own: str = S1,
        members: tuple[str, ...] = (S1, S2, S3),
        *,
        limits: Limits | None = None,
        timings: Timings | None = None,
        cp: bool = False,
        profile: Profile = Profile.DOCUMENTED,
    ) -> None:
        self.own = own
        self.now = 0.0
        self.node = Node(
            NodeConfig(
                name="s1",
                address=own,
                members=members,
                limits=limits or Limits(),
                timings=timings or Timings(),
                raft_port=7848 if cp else None,
                profile=profile,
            )
        )
        self.said: list[Effect] = []
        self._last_id = 0

    # ---- events ----------------------------------------------------------------------------------

    def feed(self, event: Event) -> list[Effect]:
        """Let an event happen now; return its effects."""
        effects = self.node.handle(event, self.now)
        self.said += effects
        return effects

    def feed_tick(self) -> list[Effect]:
        """Tick now, asked for or not."""
        return self.feed(Tick())

    def until(self, moment: float) -> None:
        """Tick whenever the node asked for it, up to a moment."""
        while (due := self.node.next_deadline()) is not None and due <= moment:
            self.now = max(self.now, due)
            self.feed(Tick())
        self.now = moment

    def run(self, seconds: float) -> None:
        """Tick for a while."""
        self.until(self.now + seconds)

    def ask(
        self, operation: Operation, forwarded_by: str | None = None, *, may_wait: bool = True
    ) -> Answer | None:
        """Ask as a client; None when the answer has to come from another node."""
        self._last_id += 1
        request = ClientRequest(
            request_id=self._last_id, operation=operation, forwarded_by=forwarded_by, may_wait=may_wait
        )
        replies = [e for e in self.feed(request) if isinstance(e, Reply) and e.request_id == self._last_id]
        return replies[0].answer if replies else None

    def hear(self, source: str, message: PeerMessage) -> PeerAnswer:
        """Let a peer say something; return the answer."""
        self._last_id += 1
        effects = self.feed(PeerRequest(request_id=self._last_id, source=source, message=message))
        (answer,) = [e.answer for e in effects if isinstance(e, PeerReply)]
        return answer

    def answer(self, call: Call, answer: PeerAnswer) -> list[Effect]:
        """Answer a call."""
        return self.feed(CallReturned(call.call_id, answer))

    def fail(self, call: Call, failure: Failure = Failure.TIMEOUT) -> list[Effect]:
        """Fail a call."""
        return self.feed(CallFailed(call.call_id, failure))

    def members(self, *addresses: str) -> list[Effect]:
        """Change the list of members."""
        return self.feed(MembersChanged(addresses))

    # ---- what it said ----------------------------------------------------------------------------

    def take(self, kind: type[M], target: str | None = None) -> list[tuple[Call, M]]:
        """Return the calls of a kind made since the last take of that kind, with their messages."""
        calls = [
            (effect, effect.message)
            for effect in self.said
            if isinstance(effect, Call)
            and isinstance(effect.message, kind)
            and (target is None or effect.target == target)
        ]
        taken = [call for call, _ in calls]
        self.said = [effect for effect in self.said if effect not in taken]
        return calls

    def logged(self, event: str) -> list[dict[str, str]]:
        """Return the fields of each log line of an event."""
        return [dict(e.fields) for e in self.said if isinstance(e, Log) and e.event == event]

    def notified(self) -> list[Notify]:
        """Return all notify effects in order."""
        return [effect for effect in self.said if isinstance(effect, Notify)]

    def state(self) -> StateAnswer:
        """Return the node's view."""
        answer = self.ask(ReadState())
        assert isinstance(answer, StateAnswer)
        return answer

    def member(self, address: str) -> Member:
        """Return a member as the node sees it."""
        return next(member for member in self.state().members if member.address == address)

    def ips(self, service: str) -> list[str] | None:
        """Return the ips the node holds under a service."""
        values = {d.key: d.value for d in self.state().data}
        value = values.get(key(service))
        return [i.ip for i in value.instances] if isinstance(value, Instances) else None

    def health(self, service: str) -> list[bool]:
        """Return the health of each instance the node holds under a service."""
        values = {d.key: d.value for d in self.state().data}
        value = values.get(key(service))
        return [i.healthy for i in value.instances] if isinstance(value, Instances) else []

    def owner(self, service: str) -> str:
        """Return who owns a service in the node's view."""
        answer = self.ask(FindResponsible(service=service))
        assert isinstance(answer, ResponsibleAnswer)
        return answer.address

    # ---- usual beginnings ------------------------------------------------------------------------

    def load_from(self, source: str, *data: Datum, merges_owed: tuple[str, ...] = ()) -> None:
        """Start, and load from a member's snapshot."""
        self.feed(Tick())
        while not self.state().loaded:
            ((call, _),) = self.take(FetchSnapshot)
            found = SnapshotAnswer(data=data, merges_owed=merges_owed)
            self.answer(call, found) if call.target == source else self.fail(call, Failure.REFUSED)

    def become_up(self, *members: str) -> None:
        """Answer the reports to these members, having one sent where none is open."""
        for member in members:
            calls = self.take(Report, member)
            if not calls:
                self.hear(member, Report(Member(address=member, state=MemberState.UP)))
                calls = self.take(Report, member)
            for call, _ in calls:
                self.answer(call, ReportAnswer())
            assert self.member(member).state is MemberState.UP


def steady(*data: Datum, own: str = S1, **options: Any) -> Driver:
    """Return a loaded node that sees all three members UP and holds this data."""
    driver = Driver(own, **options)
    others = [member for member in (S1, S2, S3) if member != own]
    driver.load_from(others[0], *data)
    driver.become_up(*others)
    assert driver.state().ring == (S1, S2, S3)
    return driver


def quietly(driver: Driver, seconds: float) -> None:
    """Let time pass while every report is answered and every checksum taken."""
    end = driver.now + seconds
    while driver.now < end:
        driver.run(min(0.5, end - driver.now))
        for call, _ in driver.take(Report):
            driver.answer(call, ReportAnswer())
        for call, _ in driver.take(Verify):
            driver.answer(call, Accepted())
