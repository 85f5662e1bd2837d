"""Checksums, what a receiver pulls or drops because of them, and all that forbids it (R13)."""

import pytest

from nodecore.config import Limits
from nodecore.core.checksum import checksum
from nodecore.core.messages import (
    Accepted,
    DataAnswer,
    Failure,
    FetchSnapshot,
    NotLoadedAnswer,
    Pull,
    Report,
    SyncData,
    SyncDelete,
    Verify,
)
from nodecore.core.operations import DeleteService, PutRecord, RemoveRecord
from nodecore.core.records import Datum, Instances
from tests.core.driver import A0, B1, C5, S1, S2, S3, Driver, datum, entry, key, quietly, steady

pytestmark = pytest.mark.requirement("R13")
RING = (S1, S2, S3)


def checksums(*data: Datum) -> tuple[tuple[str, str], ...]:
    return tuple((d.key, checksum(d.value)) for d in data if isinstance(d.value, Instances))


def verify(driver: Driver, source: str, *data: Datum, ring: tuple[str, ...] | None = RING) -> None:
    assert driver.hear(source, Verify(checksums=checksums(*data), ring=ring)) == Accepted()


def test_every_5_s_the_checksums_of_what_it_owns_go_to_all_others() -> None:
    """Not of what others own; with its ring."""
    driver = steady(datum(A0, "10.0.0.1"), datum(B1, "10.0.0.1"), datum(C5, "10.0.0.1"))
    driver.until(4.9)
    assert driver.take(Verify) == []
    driver.until(5.0)
    sent = driver.take(Verify)
    assert [call.target for call, _ in sent] == [S2, S3]
    assert sent[0][1] == Verify(checksums=checksums(datum(A0, "10.0.0.1")), ring=RING)


def test_an_empty_map_is_sent_too() -> None:
    """Else a delete that was lost leaves a ghost for ever (observed, surprise 3)."""
    driver = steady()
    driver.until(5.0)
    assert [message.checksums for _, message in driver.take(Verify)] == [(), ()]


def test_a_member_that_is_down_is_sent_checksums_too_but_one_at_a_time() -> None:
    """A silent member has at most one verify hanging."""
    driver = steady()
    driver.until(5.0)
    driver.fail(driver.take(Report, S3)[0][0], Failure.REFUSED)
    (first, *_) = driver.take(Verify, S3)
    driver.run(5.0)
    assert driver.take(Verify, S3) == []
    driver.fail(first[0])
    driver.run(5.0)
    assert len(driver.take(Verify, S3)) == 1


def test_it_pulls_what_differs_and_what_it_lacks() -> None:
    """From the sender, in one call; health is applied as the responsible node sends it."""
    driver = steady(datum(B1, "10.0.0.1"))
    owner_s = Datum(key=key(B1), value=Instances((entry(B1, healthy=False),)))
    other = datum("DEFAULT_GROUP@@A2", "10.0.0.7")
    verify(driver, S2, owner_s)
    ((call, message),) = driver.take(Pull)
    assert (call.target, message.keys, call.timeout_s) == (S2, (key(B1),), 3.0)
    driver.answer(call, DataAnswer((owner_s, other)))
    assert driver.health(B1) == [False]
    assert driver.ips("DEFAULT_GROUP@@A2") is None, "what was not asked for is not stored"
    assert driver.logged("verify_difference")[0]["pull"] == "1"
    verify(driver, S2, owner_s)
    assert driver.take(Pull) == [], "nothing differs any more"


def test_many_keys_are_pulled_in_batches_and_a_second_verify_does_not_pull_them_twice() -> None:
    """One pull in flight per member."""
    driver = steady(limits=Limits(sync_batch_keys_max=2))
    owned = [name for n in range(40) if driver.owner(name := f"g@@{n}") == S2][:5]
    data = [datum(name, "10.0.0.1") for name in owned]
    verify(driver, S2, *data)
    verify(driver, S2, *data)
    rounds = 0
    while calls := driver.take(Pull):
        ((call, message),) = calls
        rounds += 1
        driver.answer(call, DataAnswer(tuple(d for d in data if d.key in message.keys)))
    assert rounds == 3
    assert [driver.ips(name) for name in owned] == [["10.0.0.1"]] * 5


def test_it_drops_what_the_owner_lacks_when_the_rings_agree() -> None:
    """The only thing an absence may do."""
    driver = steady(datum(B1, "10.0.0.1"), datum(C5, "10.0.0.1"), datum(A0, "10.0.0.1"))
    verify(driver, S2)
    assert (driver.ips(A0), driver.ips(B1), driver.ips(C5)) == (["10.0.0.1"], None, ["10.0.0.1"])


@pytest.mark.parametrize("ring", [(S2,), (S2, S3), (S1, S2), ()])
def test_it_drops_nothing_while_the_senders_ring_is_another(ring: tuple[str, ...]) -> None:
    """A key may be absent only because the sender's ring has moved: 64 of 200 lost a service so."""
    driver = steady(datum(B1, "10.0.0.1"))
    verify(driver, S2, ring=ring)
    assert driver.ips(B1) == ["10.0.0.1"]


def test_a_foreign_senders_absence_counts_after_two_periods_of_an_unchanged_ring() -> None:
    """It names no ring, so ours has to have been quiet."""
    driver = steady(datum(B1, "10.0.0.1"))
    quietly(driver, 9.9)
    verify(driver, S2, ring=None)
    assert driver.ips(B1) == ["10.0.0.1"]
    quietly(driver, 0.2)
    verify(driver, S2, ring=None)
    assert driver.ips(B1) is None


def test_it_touches_nothing_that_by_its_own_ring_another_owns() -> None:
    """Per key, not all or nothing as in the original."""
    driver = steady(datum(A0, "10.0.0.1"), datum(C5, "10.0.0.1"))
    verify(driver, S2, datum(A0, "10.0.0.9"), datum(C5, "10.0.0.9"), datum(B1, "10.0.0.9"))
    assert [message.keys for _, message in driver.take(Pull)] == [(key(B1),)]
    assert (driver.ips(A0), driver.ips(C5)) == (["10.0.0.1"], ["10.0.0.1"])


def test_nothing_of_a_member_out_of_the_ring_counts() -> None:
    """It owns nothing here."""
    driver = steady(datum(B1, "10.0.0.1"))
    driver.until(5.0)
    driver.fail(driver.take(Report, S2)[0][0])
    verify(driver, S2, datum(C5, "10.0.0.1"), ring=(S1, S3))
    assert driver.take(Pull) == []
    assert driver.ips(B1) == ["10.0.0.1"]


def test_a_key_whose_change_still_waits_for_the_sender_is_neither_pulled_nor_dropped() -> None:
    """A deregistration on the temporary owner was undone at heal in 40 of 200 runs."""
    driver = steady()
    driver.ask(PutRecord(key=key(B1), value=datum(B1, "10.0.0.1").value))
    verify(driver, S2)
    verify(driver, S2, datum(B1, "10.0.0.9"))
    assert driver.ips(B1) == ["10.0.0.1"]
    assert driver.take(Pull) == []
    driver.run(1.0)
    verify(driver, S2)
    assert driver.ips(B1) == ["10.0.0.1"], "in flight still is waiting"
    for call, _ in driver.take(SyncData):
        driver.answer(call, Accepted())
    verify(driver, S2)
    assert driver.ips(B1) is None


def test_a_key_whose_delete_still_waits_for_the_sender_does_not_come_back() -> None:
    """The old owner has not heard of it yet (R28)."""
    driver = steady(datum(B1, "10.0.0.1"))
    driver.ask(RemoveRecord(key=key(B1)))
    verify(driver, S2, datum(B1, "10.0.0.1"))
    driver.run(1.0)
    driver.fail(driver.take(SyncDelete, S2)[0][0])
    verify(driver, S2, datum(B1, "10.0.0.1"))
    assert driver.take(Pull) == []
    assert driver.ips(B1) is None


def test_the_rules_are_checked_again_when_pulled_data_arrive() -> None:
    """Meanwhile a change of our own may wait, or the ring may have moved."""
    driver = steady()
    verify(driver, S2, datum(B1, "10.0.0.1"))
    ((call, _),) = driver.take(Pull)
    driver.ask(PutRecord(key=key(B1), value=datum(B1, "10.0.0.5").value))
    driver.answer(call, DataAnswer((datum(B1, "10.0.0.1"),)))
    assert driver.ips(B1) == ["10.0.0.5"]

    driver = steady()
    verify(driver, S2, datum(B1, "10.0.0.1"))
    ((call, _),) = driver.take(Pull)
    driver.until(5.0)
    driver.fail(driver.take(Report, S2)[0][0])
    driver.answer(call, DataAnswer((datum(B1, "10.0.0.1"),)))
    assert driver.ips(B1) is None


def test_a_pull_that_fails_is_left_to_the_next_verify() -> None:
    """No retry of its own."""
    driver = steady()
    verify(driver, S2, datum(B1, "10.0.0.1"))
    driver.fail(driver.take(Pull)[0][0])
    assert driver.take(Pull) == []
    assert driver.logged("pull_failed")[0]["why"] == "timeout"
    verify(driver, S2, datum(B1, "10.0.0.1"))
    assert len(driver.take(Pull)) == 1


def test_both_must_have_loaded() -> None:
    """Who has not loaded sends no checksums and takes none."""
    driver = Driver()
    driver.run(20.0)
    assert driver.take(Verify) == []
    answer = driver.hear(S2, Verify(checksums=checksums(datum(B1, "10.0.0.1")), ring=(S1,)))
    assert answer == NotLoadedAnswer()
    assert driver.take(Pull) == []
    assert [call.target for call, _ in driver.take(FetchSnapshot)] == [S2]


def test_a_local_delete_on_a_node_that_is_not_responsible_is_repaired_by_verify() -> None:
    """R25: the service returns there from the responsible node's next synchronisation."""
    driver = steady(datum(B1, "10.0.0.1"))
    driver.ask(DeleteService(namespace="public", service=B1))
    driver.run(2.0)
    assert driver.take(SyncDelete) == []
    verify(driver, S2, datum(B1, "10.0.0.1"))
    ((call, _),) = driver.take(Pull)
    driver.answer(call, DataAnswer((datum(B1, "10.0.0.1"),)))
    assert driver.ips(B1) == ["10.0.0.1"]


@pytest.mark.requirement("R28")
def test_a_sender_that_cannot_have_heard_of_a_write_does_not_undo_it() -> None:
    """S3 wrote, S2 does not see S3 yet: its checksum is that of before the cut."""
    driver = steady(datum(B1, "10.0.0.1"))
    quietly(driver, 20.0)
    driver.hear(S3, SyncDelete((key(B1),)))
    quietly(driver, 5.1)
    verify(driver, S2, datum(B1, "10.0.0.1"), ring=(S1, S2))
    assert driver.take(Pull) == []
    verify(driver, S2, datum(B1, "10.0.0.1"), ring=RING)
    assert len(driver.take(Pull)) == 1, "its ring names the writer, and it had a period's time to be told"


@pytest.mark.requirement("R28")
def test_a_writer_that_died_does_not_silence_verify_for_ever() -> None:
    """What only a dead node knew is repaired by the owner."""
    driver = steady(datum(B1, "10.0.0.1"))
    driver.hear(S3, SyncDelete((key(B1),)))
    driver.until(5.0)
    driver.fail(driver.take(Report, S3)[0][0], Failure.REFUSED)
    driver.become_up(S2)
    assert driver.state().ring == (S1, S2)
    verify(driver, S2, datum(B1, "10.0.0.1"), ring=(S1, S2))
    assert driver.take(Pull) == []
    driver.run(3.0)
    verify(driver, S2, datum(B1, "10.0.0.1"), ring=(S1, S2))
    assert len(driver.take(Pull)) == 1
