"""What waits for each member: batches, merging, retries, deletes (R11, R12)."""

import pytest

from nodecore.config import Limits
from nodecore.core.answers import Done, Refused
from nodecore.core.events import Change, Lane
from nodecore.core.messages import (
    Accepted,
    Failure,
    NotLoadedAnswer,
    Report,
    ReportAnswer,
    SyncData,
    SyncDelete,
)
from nodecore.core.operations import (
    DeleteService,
    DeregisterInstance,
    PutRecord,
    RegisterInstance,
    RemoveRecord,
)
from nodecore.core.records import Datum, Instances, SwitchDomain
from tests.core.driver import A0, B1, C5, S2, S3, Driver, datum, entry, key, steady

pytestmark = pytest.mark.requirement("R11")


def register(driver: Driver, service: str = A0, ip: str = "10.0.0.1") -> None:
    assert driver.ask(RegisterInstance(namespace="public", instance=entry(service, ip))) == Done()


def put(driver: Driver, service: str, *ips: str) -> None:
    assert driver.ask(PutRecord(key=key(service), value=datum(service, *ips).value)) == Done()


def fall_silent(driver: Driver, member: str) -> None:
    """Fail one report to a member."""
    driver.run(5.0)
    driver.fail(driver.take(Report, member)[-1][0])


def test_a_put_is_stored_at_once_and_sent_to_every_other_member_after_a_second() -> None:
    """Also to one that is DOWN, as Nacos does."""
    driver = steady()
    driver.until(5.0)
    driver.fail(driver.take(Report, S3)[0][0], Failure.REFUSED)
    put(driver, A0, "10.0.0.1")
    assert driver.ips(A0) == ["10.0.0.1"]
    driver.until(5.99)
    assert driver.take(SyncData) == []
    driver.until(6.0)
    sent = driver.take(SyncData)
    assert [call.target for call, _ in sent] == [S2, S3]
    assert {call.lane for call, _ in sent} == {Lane.DATA}
    assert {call.timeout_s for call, _ in sent} == {3.0}
    assert sent[0][1].data == (datum(A0, "10.0.0.1"),)


def test_changes_to_one_key_merge_while_they_wait_and_keep_the_first_ones_time() -> None:
    """A rate limit, not a debounce: a key that changes all the time still leaves."""
    driver = steady()
    for number in range(1, 10):
        register(driver, A0, f"10.0.0.{number}")
        driver.run(0.1)
    driver.until(1.0)
    ((_, message),) = driver.take(SyncData, S2)
    assert message.data == (datum(A0, *(f"10.0.0.{n}" for n in range(1, 10))),)


def test_one_batch_in_flight_per_member_of_at_most_so_many_keys() -> None:
    """The next one leaves when the first was taken."""
    driver = steady(limits=Limits(sync_batch_keys_max=3))
    for number in range(7):
        put(driver, f"g@@{number}", "10.0.0.1")
    driver.run(1.0)
    sizes = []
    while calls := driver.take(SyncData, S2):
        ((call, message),) = calls
        sizes.append(len(message.data))
        driver.answer(call, Accepted())
    assert sizes == [3, 3, 1]


def test_a_failed_transmission_is_retried_every_5_s_until_it_succeeds() -> None:
    """Without end; only a 2xx is success."""
    driver = steady()
    put(driver, B1, "10.0.0.1")
    driver.run(1.0)
    outcomes = [Failure.TIMEOUT, Failure.GARBLED, Refused(status=500, message=""), NotLoadedAnswer()]
    for outcome in outcomes:
        ((call, _),) = driver.take(SyncData, S2)
        driver.fail(call, outcome) if isinstance(outcome, Failure) else driver.answer(call, outcome)
        assert driver.logged("sync_failed")[-1]["member"] == S2
        driver.run(4.99)
        assert driver.take(SyncData, S2) == []
        driver.run(0.02)
    ((call, _),) = driver.take(SyncData, S2)
    driver.answer(call, Accepted())
    driver.run(30.0)
    assert driver.take(SyncData, S2) == []


def test_what_waits_goes_at_once_when_the_member_becomes_up() -> None:
    """Else the first seconds after a heal belong to the stale owner."""
    driver = steady()
    fall_silent(driver, S3)
    put(driver, A0, "10.0.0.1")
    driver.run(1.0)
    driver.fail(driver.take(SyncData, S3)[0][0])
    driver.run(0.1)
    driver.become_up(S3)
    assert len(driver.take(SyncData, S3)) == 1


def test_a_batch_that_hung_while_its_member_became_up_is_repeated_at_once() -> None:
    """It was sent into the cut and fails after the heal."""
    driver = steady()
    fall_silent(driver, S3)
    put(driver, A0, "10.0.0.1")
    driver.run(1.0)
    ((hanging, _),) = driver.take(SyncData, S3)
    driver.become_up(S3)
    driver.fail(hanging)
    ((call, _),) = driver.take(SyncData, S3)
    driver.fail(call)
    assert driver.take(SyncData, S3) == [], "once: the next failure waits as usual"


def test_a_change_sends_what_the_store_holds_when_it_is_sent() -> None:
    """Not what it held when the change happened."""
    driver = steady()
    register(driver)
    driver.run(0.5)
    driver.hear(S2, SyncData((datum(A0, "10.0.0.9"),)))
    driver.run(0.5)
    ((_, message),) = driver.take(SyncData, S3)
    assert message.data == (datum(A0, "10.0.0.9"),)


def test_a_key_that_is_gone_is_left_out_and_an_empty_batch_is_never_sent() -> None:
    """The original sends `{}` and repeats it for ever (observed, surprise 4)."""
    driver = steady()
    put(driver, A0, "10.0.0.1")
    put(driver, B1, "10.0.0.1")
    driver.hear(S2, SyncDelete((key(A0),)))
    driver.run(1.0)
    assert [m.data for _, m in driver.take(SyncData, S3)] == [(datum(B1, "10.0.0.1"),)]
    driver = steady()
    put(driver, A0, "10.0.0.1")
    driver.hear(S2, SyncDelete((key(A0),)))
    driver.run(30.0)
    assert driver.take(SyncData) == []
    assert driver.state().pending == 0


@pytest.mark.requirement("R12")
def test_the_later_of_change_and_delete_wins() -> None:
    """Register then delete sends the delete only; delete then register the change only."""
    driver = steady()
    register(driver)
    driver.ask(DeleteService(namespace="public", service=A0))
    driver.run(1.0)
    assert driver.take(SyncData) == []
    assert [m.keys for _, m in driver.take(SyncDelete, S2)] == [(key(A0),)]
    driver = steady()
    register(driver)
    driver.ask(DeleteService(namespace="public", service=A0))
    register(driver, A0, "10.0.0.2")
    driver.run(1.0)
    assert driver.take(SyncDelete) == []
    assert [m.data for _, m in driver.take(SyncData, S2)] == [(datum(A0, "10.0.0.2"),)]


@pytest.mark.requirement("R12")
def test_a_delete_that_overtakes_a_change_in_flight_is_not_undone_by_its_retry() -> None:
    """The failed batch leaves out what has happened since."""
    driver = steady()
    register(driver)
    driver.run(1.0)
    ((call, _),) = driver.take(SyncData, S2)
    driver.ask(DeleteService(namespace="public", service=A0))
    driver.fail(call)
    driver.run(20.0)
    assert driver.take(SyncData, S2) == []
    assert len(driver.take(SyncDelete, S2)) == 1


@pytest.mark.requirement("R12")
@pytest.mark.parametrize(("status", "sent_again"), [(404, 0), (405, 0), (501, 0), (500, 1), (403, 1)])
def test_a_foreign_peer_that_knows_no_delete_counts_as_told(status: int, sent_again: int) -> None:
    """Verify repairs it there; any other refusal is a failure."""
    driver = steady()
    driver.ask(RemoveRecord(key=key(A0)))
    driver.run(1.0)
    ((call, _),) = driver.take(SyncDelete, S2)
    driver.answer(call, Refused(status=status, message=""))
    driver.run(5.0)
    assert len(driver.take(SyncDelete, S2)) == sent_again


@pytest.mark.requirement("R12")
def test_what_a_peer_sends_is_stored_at_once_and_never_sent_on() -> None:
    """Change and delete alike; health as it was sent."""
    driver = steady(datum(A0, "10.0.0.1"))
    sick = Datum(key=key(A0), value=Instances((entry(A0, healthy=False),)))
    assert driver.hear(S3, SyncData((sick,))) == Accepted()
    assert driver.health(A0) == [False]
    assert driver.hear(S3, SyncDelete((key(A0),))) == Accepted()
    assert driver.ips(A0) is None
    driver.run(10.0)
    assert driver.take(SyncData) + driver.take(SyncDelete) == []


@pytest.mark.requirement("R12")
def test_an_empty_entity_and_a_foreign_key_change_nothing() -> None:
    """The first is refused as Nacos refuses it, the second ignored."""
    driver = steady()
    assert driver.hear(S2, SyncData(())) == Refused(status=400, message="receive empty entity!")
    switches = Datum(key=key(A0), value=SwitchDomain())
    persistent = Datum(key="com.alibaba.nacos.naming.iplist.public##g@@a", value=Instances((entry(),)))
    assert driver.hear(S2, SyncData((switches, persistent))) == Accepted()
    assert driver.state().data == ()


@pytest.mark.requirement("R7")
def test_listeners_hear_every_change_and_delete_in_order() -> None:
    """And nothing for what changes nothing."""
    driver = steady()
    register(driver, A0, "10.0.0.1")
    register(driver, A0, "10.0.0.1")
    register(driver, A0, "10.0.0.2")
    driver.ask(DeregisterInstance(namespace="public", service=A0, ip="10.0.0.1", port=80, cluster="DEFAULT"))
    driver.ask(RemoveRecord(key=key(A0)))
    driver.ask(RemoveRecord(key=key(A0)))
    heard = [
        (n.change, len(n.value.instances) if isinstance(n.value, Instances) else 0) for n in driver.notified()
    ]
    assert heard == [
        (Change.CHANGE, 1),
        (Change.CHANGE, 2),
        (Change.CHANGE, 1),
        (Change.DELETE, 0),
    ]


def test_reports_do_not_wait_behind_a_sync() -> None:
    """Each lane has its own session: control for reports and checksums, data for data."""
    driver = steady()
    driver.run(5.0)
    ((report, _),) = driver.take(Report, S2)
    assert report.lane is Lane.CONTROL
    assert report.timeout_s == 2.5
    driver.answer(report, ReportAnswer())


def test_a_batch_carries_no_more_instances_than_a_member_takes_at_once() -> None:
    """1,000 keys of 100 were 39 MB, and refused by every member for ever; one list is never divided."""
    driver = steady(limits=Limits(sync_batch_instances_max=3))
    for service, ips in ((A0, ("1.1.1.1", "1.1.1.2")), (B1, ("1.1.1.3", "1.1.1.4")), (C5, tuple("abcd"))):
        driver.ask(PutRecord(key=key(service), value=datum(service, *ips).value))
    driver.run(1.0)
    batches: list[list[str]] = []
    while calls := driver.take(SyncData, S2):
        ((call, message),) = calls
        batches.append([d.key for d in message.data])
        driver.answer(call, Accepted())
    assert batches == [[key(A0)], [key(B1)], [key(C5)]]
