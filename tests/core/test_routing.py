"""Where a client's write is executed, and what is refused (R4, R9, R10)."""

import pytest

from nodecore.core.answers import Done, MembersAnswer, Refused, Relayed, WouldForward
from nodecore.core.enquiries import FindResponsible, ReadMembers, ResponsibleAnswer
from nodecore.core.events import Lane, PeerReply, PeerRequest, Reply
from nodecore.core.messages import (
    Failure,
    Forward,
    ForwardAnswer,
    NotLoadedAnswer,
    Report,
)
from nodecore.core.operations import (
    Beat,
    DeregisterInstance,
    PutRecord,
    ReadRecord,
    RegisterInstance,
    RemoveRecord,
)
from nodecore.core.records import Instances
from tests.core.asking import beat, deregister, listing, register
from tests.core.driver import A0, B1, C5, S1, S2, S3, Driver, datum, entry, steady


@pytest.mark.requirement("R10")
@pytest.mark.parametrize("operation", [register(entry(B1)), deregister(B1), beat(B1), beat(B1, entry(B1))])
def test_a_write_is_forwarded_to_the_responsible_node_and_answered_from_there(
    operation: RegisterInstance | DeregisterInstance | Beat,
) -> None:
    """On its own lane, within 2 s; nothing is stored here."""
    driver = steady()
    assert driver.ask(operation) is None
    ((call, message),) = driver.take(Forward)
    assert (call.target, message.operation, call.lane, call.timeout_s) == (S2, operation, Lane.FORWARD, 2.0)
    relayed = Relayed(status=200, content_type="text/plain", body=b"ok")
    replies = [e for e in driver.answer(call, ForwardAnswer(relayed)) if isinstance(e, Reply)]
    assert [reply.answer for reply in replies] == [relayed]
    assert driver.state().data == ()


@pytest.mark.requirement("R10")
def test_what_may_not_wait_is_not_forwarded_and_changes_nothing() -> None:
    """It is asked again by one who may; what this node answers by itself is answered at once."""
    driver = steady()
    assert driver.ask(register(entry(B1)), may_wait=False) == WouldForward()
    assert driver.take(Forward) == []
    assert driver.ask(register(entry(A0)), may_wait=False) == Done()


@pytest.mark.requirement("R10")
@pytest.mark.parametrize(
    ("outcome", "status", "definite"),
    [
        (Failure.TIMEOUT, 503, False),
        (Failure.REFUSED, 503, False),
        (Failure.GARBLED, 503, False),
        (NotLoadedAnswer(), 503, True),
        (Refused(status=400, message="receive invalid redirect request from peer x"), 400, True),
    ],
)
def test_a_forward_that_fails_says_so(outcome: Failure | Refused, status: int, definite: bool) -> None:
    """Indefinite unless the other end said no."""
    driver = steady()
    driver.ask(register(entry(B1)))
    ((call, _),) = driver.take(Forward)
    effects = driver.fail(call, outcome) if isinstance(outcome, Failure) else driver.answer(call, outcome)
    (answer,) = [effect.answer for effect in effects if isinstance(effect, Reply)]
    assert isinstance(answer, Refused)
    assert (answer.status, answer.definite) == (status, definite)
    assert S2 in answer.message or "redirect" in answer.message


@pytest.mark.requirement("R10")
@pytest.mark.parametrize("source", [S3, ""])
def test_a_forwarded_write_makes_at_most_one_hop(source: str) -> None:
    """A node that does not own the service by its own ring refuses instead of passing it on."""
    driver = steady()
    answer = driver.ask(register(entry(B1)), forwarded_by=source)
    assert isinstance(answer, Refused)
    assert (answer.status, answer.definite) == (400, True)
    assert answer.message.startswith("receive invalid redirect request from peer ")
    assert driver.take(Forward) == []
    assert driver.ask(register(entry(A0)), forwarded_by=source) == Done()


@pytest.mark.requirement("R10")
def test_a_forward_may_also_come_as_a_peer_message() -> None:
    """The simulation speaks so; HTTP makes a client's request of it."""
    driver = steady()
    request = PeerRequest(request_id=99, source=S3, message=Forward(register(entry(A0))))
    assert PeerReply(99, ForwardAnswer(Done())) in driver.feed(request)
    driver = Driver()
    driver.feed_tick()
    assert PeerReply(99, NotLoadedAnswer()) in driver.feed(request)


@pytest.mark.requirement("R10")
def test_reads_are_served_by_whichever_node_was_asked() -> None:
    """From its own copy."""
    driver = steady(datum(B1, "10.0.0.1"))
    assert listing(driver, B1).instances == (entry(B1),)
    assert driver.ask(FindResponsible(service=C5)) == ResponsibleAnswer(S3)
    members = driver.ask(ReadMembers())
    assert isinstance(members, MembersAnswer)
    assert [member.address for member in members.members] == [S1, S2, S3]


@pytest.mark.requirement("R9")
def test_ownership_moves_with_the_members_health() -> None:
    """S3 out of the ring: A0 goes to S2, C5 to S1 (R23)."""
    driver = steady()
    driver.until(5.0)
    driver.fail(driver.take(Report, S3)[0][0])
    assert [driver.owner(service) for service in (A0, B1, C5)] == [S2, S2, S1]


@pytest.mark.requirement("R4")
@pytest.mark.parametrize(
    "operation",
    [
        register(entry(A0, ephemeral=False)),
        register(entry(B1, ephemeral=False)),
        deregister(A0, ephemeral=False),
        beat(A0, entry(A0, ephemeral=False)),
        PutRecord(key="com.alibaba.nacos.naming.iplist.public##g@@a", value=Instances()),
        RemoveRecord(key="com.alibaba.nacos.naming.domains.meta.public##g@@a"),
        ReadRecord(key="com.alibaba.nacos.naming.iplist.public##g@@a"),
    ],
)
def test_persistent_data_is_refused_with_the_reason(operation: RegisterInstance | PutRecord) -> None:
    """At the node that was asked, without a forward."""
    driver = steady()
    answer = driver.ask(operation)
    assert isinstance(answer, Refused)
    assert (answer.status, answer.definite) == (501, True)
    assert "CP protocol" in answer.message
    assert driver.state().data == ()
