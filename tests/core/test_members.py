"""Member reports, states and the ring that follows (R17), and a node that stalled and judges nobody."""

import pytest

from nodecore.core.answers import Member, MemberState, Refused
from nodecore.core.messages import Accepted, Failure, NotLoadedAnswer, Report, ReportAnswer, SyncData, Verify
from nodecore.core.operations import PutRecord, RegisterInstance
from tests.core.driver import A0, S1, S2, S3, Driver, datum, entry, key, quietly, steady

pytestmark = pytest.mark.requirement("R17")
UP, SUSPICIOUS, DOWN = MemberState.UP, MemberState.SUSPICIOUS, MemberState.DOWN


def reported(source: str) -> Report:
    return Report(Member(address=source, state=UP))


def test_members_start_down_and_are_reported_to_at_once() -> None:
    """At the start and again once loaded, before any period has passed; the ring begins with oneself."""
    driver = Driver()
    driver.load_from(S2)
    assert [driver.member(m).state for m in (S1, S2, S3)] == [UP, DOWN, DOWN]
    assert driver.state().ring == (S1,)
    assert driver.now == 0.0
    calls = driver.take(Report)
    assert [call.target for call, _ in calls] == [S2, S3]
    for call, _ in calls:
        driver.fail(call, Failure.CLOSED)
    assert [c.target for c, _ in driver.take(Report)] == [S2, S3], "the report of having loaded went out too"


@pytest.mark.parametrize(
    "failure", [Failure.TIMEOUT, Failure.RESET, Failure.CLOSED, Failure.GARBLED, 403, 500, 503]
)
def test_one_failed_report_makes_suspicious_and_leaves_the_ring(failure: Failure | int) -> None:
    """Nacos keeps SUSPICIOUS in the ring; the documents do not."""
    driver = steady()
    driver.until(5.0)
    ((call, _),) = driver.take(Report, S3)
    if isinstance(failure, Failure):
        driver.fail(call, failure)
    else:
        driver.answer(call, Refused(status=failure, message="no"))
    assert driver.member(S3).state is SUSPICIOUS
    assert driver.state().ring == (S1, S2)
    assert driver.logged("member_state")[-1]["state"] == "SUSPICIOUS"
    assert driver.logged("ring")[-1]["members"] == f"{S1},{S2}"


def test_four_failures_in_a_row_make_down_and_one_answer_starts_anew() -> None:
    """Each period's report counts once."""
    driver = steady()
    for failures in (1, 2, 3):
        driver.until(5.0 * failures)
        driver.fail(driver.take(Report, S3)[0][0])
        assert driver.member(S3) == Member(address=S3, state=SUSPICIOUS, reports_failed=failures)
    driver.until(20.0)
    driver.fail(driver.take(Report, S3)[0][0])
    assert driver.member(S3) == Member(address=S3, state=DOWN, reports_failed=4)
    driver.until(25.0)
    driver.answer(driver.take(Report, S3)[0][0], ReportAnswer())
    assert driver.member(S3) == Member(address=S3, state=UP, reports_failed=0)
    assert driver.state().ring == (S1, S2, S3)


def test_refused_makes_down_at_once() -> None:
    """Nobody listens there: no need to ask four times."""
    driver = steady()
    driver.until(5.0)
    driver.fail(driver.take(Report, S3)[0][0], Failure.REFUSED)
    assert driver.member(S3).state is DOWN


def test_an_answer_not_loaded_never_makes_up() -> None:
    """It lives, but holds nothing; one that was UP and says so has restarted and leaves the ring."""
    driver = Driver()
    driver.load_from(S2)
    for call, _ in driver.take(Report):
        driver.answer(call, NotLoadedAnswer())
    assert [driver.member(m).state for m in (S2, S3)] == [DOWN, DOWN]
    driver = steady()
    driver.until(5.0)
    driver.answer(driver.take(Report, S2)[0][0], NotLoadedAnswer())
    assert driver.state().ring == (S1, S3)


def test_a_received_report_only_causes_one_of_our_own() -> None:
    """A member that reaches us need not be reachable: one-way cuts would flap otherwise."""
    driver = steady()
    driver.until(5.0)
    driver.fail(driver.take(Report, S3)[0][0])
    assert driver.hear(S3, reported(S3)) == ReportAnswer(takes_digest=True)
    assert driver.member(S3).state is SUSPICIOUS
    ((call, _),) = driver.take(Report, S3)
    driver.answer(call, ReportAnswer())
    assert driver.member(S3).state is UP
    driver.hear(S3, reported(S3))
    assert driver.take(Report, S3) == [], "a member that is UP causes none"


def test_one_report_in_flight_per_member_and_the_wanted_one_follows_its_failure() -> None:
    """A report that hangs since before the heal must not delay the one that the heal asks for."""
    driver = steady()
    driver.until(5.0)
    driver.fail(driver.take(Report, S3)[0][0])
    driver.until(10.0)
    ((hanging, _),) = driver.take(Report, S3)
    driver.hear(S3, reported(S3))
    driver.hear(S3, reported(S3))
    assert driver.take(Report, S3) == []
    driver.fail(hanging)
    ((call, _),) = driver.take(Report, S3)
    driver.fail(call)
    assert driver.take(Report, S3) == []


def test_two_that_refuse_each_others_reports_do_not_shout() -> None:
    """A few extra reports per period, not as many as the network carries."""
    driver = steady()
    driver.until(5.0)
    driver.fail(driver.take(Report, S3)[0][0])
    sent = 0
    for _ in range(50):
        driver.hear(S3, reported(S3))
        for call, _ in driver.take(Report, S3):
            sent += 1
            driver.fail(call, Failure.RESET)
    assert 1 <= sent <= 8


def test_a_stranger_is_answered_that_it_is_none() -> None:
    """It is told so, and causes nothing."""
    driver = steady()
    assert driver.hear("127.0.0.1:1", reported("127.0.0.1:1")) == ReportAnswer(known=False, takes_digest=True)
    assert driver.take(Report) == []


def test_changed_members_reach_ring_outboxes_and_reports() -> None:
    """Who leaves is dropped with all that waited for it; who comes starts DOWN and is reported to at once."""
    driver = steady()
    driver.ask(RegisterInstance(namespace="public", instance=entry(A0)))
    assert driver.state().pending == 2
    new = "127.0.0.1:9999"
    driver.members(S2, new)
    assert driver.state().pending == 1
    assert driver.state().ring == (S1, S2)
    assert driver.member(new).state is DOWN
    assert [call.target for call, _ in driver.take(Report, new)] == [new]
    driver.run(1.0)
    ((call, _),) = driver.take(SyncData)
    assert call.target == S2
    driver.members(S1, S2, S3)
    assert driver.answer(call, Accepted()) == []
    assert driver.state().pending == 0


def test_what_was_in_flight_for_a_member_that_left_and_came_back_counts_for_nothing() -> None:
    """Its old answer must not confirm a new batch."""
    driver = steady()
    put = PutRecord(key=key(A0), value=datum(A0, "10.0.0.1").value)
    driver.ask(put)
    driver.run(1.0)
    ((old, _),) = driver.take(SyncData, S3)
    driver.members(S1, S2)
    driver.members(S1, S2, S3)
    driver.ask(put)
    driver.run(1.0)
    ((new, _),) = driver.take(SyncData, S3)
    driver.answer(old, Accepted())
    driver.fail(new)
    driver.run(5.0)
    assert len(driver.take(SyncData, S3)) == 1


# ---- stall -------------------------------------------------------------------------------------------


def test_a_node_that_stalled_judges_no_member_for_a_period() -> None:
    """The time-outs it finds when it resumes say something about itself only."""
    driver = steady()
    driver.until(5.0)
    ((call, _),) = driver.take(Report, S3)
    driver.now = 40.0
    driver.fail(call)
    assert driver.state().stalled
    assert driver.member(S3).state is UP
    assert float(driver.logged("stall")[0]["late_s"]) == pytest.approx(30.0)
    driver.run(5.0)
    assert not driver.state().stalled
    driver.fail(driver.take(Report, S3)[-1][0])
    assert driver.member(S3).state is SUSPICIOUS


@pytest.mark.requirement("R18")
def test_a_node_that_stalled_counts_every_beat_from_the_end_of_that_period() -> None:
    """A resumed process must not expire the world."""
    driver = steady()
    driver.ask(RegisterInstance(namespace="public", instance=entry(A0)))
    quietly(driver, 5.0)
    driver.now = 100.0
    driver.feed_tick()
    quietly(driver, 19.9)
    assert driver.health(A0) == [True]
    quietly(driver, 5.1)
    assert driver.health(A0) == [False]


def test_late_is_measured_from_the_deadline_the_node_had_asked_for() -> None:
    """Ticks that come when they were asked for are never late, however far apart they are."""
    driver = steady()
    due = driver.node.next_deadline()
    assert due is not None
    driver.now = due + 2.5
    driver.feed_tick()
    assert driver.logged("stall") == []
    due = driver.node.next_deadline()
    assert due is not None
    driver.now = due + 2.6
    driver.feed_tick()
    assert len(driver.logged("stall")) == 1


def test_the_ring_of_a_verify_is_our_own() -> None:
    """What goes into X-Ring is the ring responsibility is computed from."""
    driver = steady()
    driver.run(5.0)
    messages = [message for _, message in driver.take(Verify)]
    assert {message.ring for message in messages} == {(S1, S2, S3)}
    assert key(A0) not in dict(messages[0].checksums)
