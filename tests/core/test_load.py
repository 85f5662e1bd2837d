"""How a node comes by its data, when it may call itself loaded, and what it owes then (R14)."""

import pytest

from nodecore.core.answers import Done, Member, MemberState, Refused
from nodecore.core.enquiries import ReadMembers
from nodecore.core.events import Call
from nodecore.core.messages import (
    DataAnswer,
    Failure,
    FetchSnapshot,
    NotLoadedAnswer,
    PeerAnswer,
    Pull,
    Report,
    SnapshotAnswer,
    SyncData,
    SyncDelete,
    Verify,
)
from nodecore.core.operations import DeleteService, ListInstances, PutRecord, RegisterInstance
from nodecore.core.records import Instances
from tests.core.driver import A0, B1, S1, S2, S3, Driver, datum, entry, key, quietly, steady
from tests.core.scenarios import OLD, SERVICES, both_ways, missing, prepared
from tests.core.world import World

pytestmark = pytest.mark.requirement("R14")


def ask(driver: Driver, target: str) -> Call:
    """Return the open snapshot call, which must be to this member."""
    ((call, _),) = driver.take(FetchSnapshot)
    assert call.target == target
    return call


def started() -> Driver:
    driver = Driver()
    driver.feed_tick()
    return driver


def loaded_empty() -> Driver:
    """Return a node that loaded because the others are dead."""
    driver = started()
    driver.fail(ask(driver, S2), Failure.REFUSED)
    driver.fail(ask(driver, S3), Failure.REFUSED)
    assert driver.state().loaded
    return driver


def test_it_asks_one_peer_after_another_until_one_has_a_snapshot() -> None:
    """And does not call itself ready before."""
    driver = started()
    driver.fail(ask(driver, S2))
    assert not driver.state().loaded
    driver.answer(ask(driver, S3), SnapshotAnswer(data=(datum(A0, "10.0.0.1"), datum(B1, "10.0.0.2"))))
    assert driver.state().loaded
    assert (driver.ips(A0), driver.ips(B1)) == (["10.0.0.1"], ["10.0.0.2"])
    assert driver.logged("loaded")[0]["source"] == S3
    assert driver.state().merges_owed == ()


def test_standalone_is_loaded_at_once() -> None:
    """There is nobody to ask."""
    driver = Driver(members=())
    driver.feed_tick()
    assert driver.state().loaded
    assert driver.ask(RegisterInstance(namespace="public", instance=entry(A0))) == Done()


@pytest.mark.parametrize("answers", [("none", "none"), ("none", "refused"), ("refused", "refused")])
def test_loaded_when_all_others_in_one_round_are_dead_or_have_not_loaded(answers: tuple[str, str]) -> None:
    """Data lives in memory only: a dead process has none."""
    driver = started()
    for target, answer in zip((S2, S3), answers, strict=True):
        call = ask(driver, target)
        driver.answer(call, NotLoadedAnswer()) if answer == "none" else driver.fail(call, Failure.REFUSED)
    assert driver.state().loaded
    assert driver.state().merges_owed == (S2, S3)


@pytest.mark.parametrize("outcome", [Failure.TIMEOUT, Failure.GARBLED, Refused(status=403, message="")])
def test_a_peer_that_is_silent_may_hold_data(outcome: PeerAnswer | Failure) -> None:
    """Keep asking, however often."""
    driver = started()
    for _ in range(10):
        call = ask(driver, S2)
        driver.fail(call, outcome) if isinstance(outcome, Failure) else driver.answer(call, outcome)
        driver.fail(ask(driver, S3), Failure.REFUSED)
        assert not driver.state().loaded
        driver.run(30.0)


def test_a_reset_call_is_asked_once_more_at_once_and_a_reset_never_counts() -> None:
    """Who closes with the request unread sends a reset; so does a flaky middlebox before a peer with data."""
    driver = started()
    for _ in range(10):
        driver.fail(ask(driver, S2), Failure.RESET)
        driver.fail(ask(driver, S2), Failure.RESET)
        driver.fail(ask(driver, S3), Failure.REFUSED)
        assert not driver.state().loaded
        driver.run(30.0)
    driver.fail(ask(driver, S2), Failure.RESET)
    driver.fail(ask(driver, S2), Failure.CLOSED)
    driver.fail(ask(driver, S3), Failure.REFUSED)
    assert driver.state().loaded


def test_the_answers_must_be_of_one_round() -> None:
    """A refusal of an earlier round says nothing about now."""
    driver = started()
    driver.fail(ask(driver, S2), Failure.REFUSED)
    driver.fail(ask(driver, S3))
    driver.run(0.02)
    driver.fail(ask(driver, S2))
    driver.fail(ask(driver, S3), Failure.REFUSED)
    assert not driver.state().loaded


@pytest.mark.parametrize("second", [Failure.CLOSED, Failure.REFUSED])
def test_a_closed_call_is_asked_once_more_at_once_and_then_counts(second: Failure) -> None:
    """Healing a black hole closes every call in flight: 71 of 200 loaded empty by believing the first."""
    driver = started()
    driver.fail(ask(driver, S2), Failure.CLOSED)
    again = ask(driver, S2)
    assert not driver.state().loaded
    driver.fail(again, second)
    driver.fail(ask(driver, S3), Failure.REFUSED)
    assert driver.state().loaded


def test_a_closed_call_whose_repetition_is_silent_does_not_count() -> None:
    """It may hold data after all; and when it answers with data, that is taken."""
    driver = started()
    driver.fail(ask(driver, S2), Failure.CLOSED)
    driver.fail(ask(driver, S2))
    driver.fail(ask(driver, S3), Failure.REFUSED)
    assert not driver.state().loaded
    driver.run(0.02)
    driver.fail(ask(driver, S2), Failure.CLOSED)
    driver.answer(ask(driver, S2), SnapshotAnswer(data=(datum(A0, "10.0.0.1"),)))
    assert driver.ips(A0) == ["10.0.0.1"]


def test_rounds_follow_after_20_ms_doubling_up_to_30_s() -> None:
    """Real time at first, so that a cluster boots in moments; the documents' 30 s at last."""
    driver = started()
    waits = []
    for _ in range(14):
        driver.fail(ask(driver, S2))
        driver.fail(ask(driver, S3))
        before = driver.now
        while not any(isinstance(e, Call) and isinstance(e.message, FetchSnapshot) for e in driver.said):
            due = driver.node.next_deadline()
            assert due is not None
            driver.until(due)
        waits.append(round(driver.now - before, 3))
    assert waits[:4] == [0.02, 0.04, 0.08, 0.16]
    assert waits[-1] == 30.0


def test_before_it_has_loaded_clients_get_503_and_peers_not_loaded() -> None:
    """A definite no: nothing was done."""
    driver = started()
    for operation in (
        RegisterInstance(namespace="public", instance=entry(A0)),
        ListInstances(namespace="public", service=A0),
        DeleteService(namespace="public", service=A0),
        ReadMembers(),
    ):
        answer = driver.ask(operation)
        assert isinstance(answer, Refused)
        assert (answer.status, answer.definite) == (503, True)
    for message in (
        FetchSnapshot(),
        Pull((key(A0),)),
        SyncData((datum(A0, "10.0.0.1"),)),
        SyncDelete((key(A0),)),
        Verify(checksums=(), ring=None),
        Report(Member(address=S2, state=MemberState.UP)),
    ):
        assert driver.hear(S2, message) == NotLoadedAnswer()
    assert driver.state().data == ()


def test_who_loaded_empty_sends_no_checksums_and_no_data_before_it_has_merged() -> None:
    """A `refuse` cut looks like dead peers: without this it deletes everybody's data at heal."""
    driver = loaded_empty()
    driver.ask(PutRecord(key=key(A0), value=datum(A0, "10.0.0.1").value))
    driver.run(10.0)
    assert driver.take(Verify) + driver.take(SyncData) + driver.take(FetchSnapshot) == []
    driver.become_up(S2)
    call = ask(driver, S2)
    assert driver.take(SyncData, S2) == []
    driver.answer(call, SnapshotAnswer(data=(datum(A0, "10.0.0.2"), datum(B1, "10.0.0.2"))))
    assert (driver.ips(A0), driver.ips(B1)) == (["10.0.0.1", "10.0.0.2"], ["10.0.0.2"])
    ((_, sent),) = driver.take(SyncData)
    assert sent.data == (datum(A0, "10.0.0.1", "10.0.0.2"),)
    assert driver.state().merges_owed == (S3,)
    driver.run(5.0)
    assert [c.target for c, _ in driver.take(Verify)] == [S2]


def test_a_merge_is_by_instance_and_its_own_entry_wins() -> None:
    """The same instance on both sides is one, as it was registered here."""
    driver = loaded_empty()
    own = entry(A0, "10.0.0.1", weight=2.0)
    driver.ask(PutRecord(key=key(A0), value=Instances((own,))))
    driver.become_up(S2)
    driver.answer(ask(driver, S2), SnapshotAnswer(data=(datum(A0, "10.0.0.1", "10.0.0.2"),)))
    ((_, sent),) = driver.take(SyncData)
    assert sent.data[0].value == Instances((own, entry(A0, "10.0.0.2")))


def test_a_merge_does_not_bring_back_what_was_deleted_here() -> None:
    """Its delete still waits for that very member."""
    driver = loaded_empty()
    driver.ask(RegisterInstance(namespace="public", instance=entry(A0)))
    driver.ask(DeleteService(namespace="public", service=A0))
    driver.become_up(S2)
    driver.answer(ask(driver, S2), SnapshotAnswer(data=(datum(A0, "10.0.0.1"),)))
    assert driver.ips(A0) is None


def test_a_merge_that_fails_is_asked_for_again() -> None:
    """As long as it takes."""
    driver = loaded_empty()
    driver.become_up(S2)
    driver.fail(ask(driver, S2))
    assert driver.logged("merge_failed")[0]["member"] == S2
    driver.run(5.0)
    driver.answer(ask(driver, S2), SnapshotAnswer(data=()))
    assert driver.state().merges_owed == (S3,)


def test_snapshots_say_what_is_owed_and_who_loads_from_them_owes_it_too() -> None:
    """Except for what it would owe itself."""
    driver = loaded_empty()
    snapshot = driver.hear(S2, FetchSnapshot())
    assert isinstance(snapshot, SnapshotAnswer)
    assert snapshot.merges_owed == (S2, S3)
    other = Driver(S2)
    other.load_from(S1, merges_owed=(S2, S3))
    assert other.state().merges_owed == (S3,)


def test_who_descends_from_the_same_start_is_merged_without_its_data() -> None:
    """It has only what it also sends as changes; what it had at that moment may be deleted since."""
    driver = loaded_empty()
    snapshot = driver.hear(S2, FetchSnapshot())
    assert isinstance(snapshot, SnapshotAnswer)
    driver.become_up(S2)
    driver.answer(ask(driver, S2), SnapshotAnswer(data=(datum(A0, "10.0.0.1"),), root=snapshot.root))
    assert driver.ips(A0) is None
    assert driver.state().merges_owed == (S3,)
    driver.become_up(S3)
    driver.answer(ask(driver, S3), SnapshotAnswer(data=(datum(A0, "10.0.0.1"),), root="another start"))
    assert driver.ips(A0) == ["10.0.0.1"]


def test_a_node_that_was_alone_owes_merges_to_all_who_come() -> None:
    """It has never asked them for their data."""
    driver = Driver(members=())
    driver.feed_tick()
    driver.members(S1, S2)
    assert driver.state().merges_owed == (S2,)
    driver.members(S1)
    assert driver.state().merges_owed == ()


def test_members_that_leave_while_it_loads_are_waited_for_no_longer() -> None:
    """The round goes on without them."""
    driver = started()
    call = ask(driver, S2)
    driver.members(S1, S3)
    driver.fail(call)
    driver.fail(ask(driver, S3), Failure.REFUSED)
    assert driver.state().loaded


# ---- whole clusters: the cases the requirement names ---------------------------------------------------


def test_three_at_once_are_ready_in_moments() -> None:
    """Every node loaded and all three UP everywhere long before the first period has passed."""
    world = World(3, boot=False)
    for address in world.addresses:
        world.start(address)
    ready = world.run_until(
        "all see all", lambda: all(world.state(a).ring == world.addresses for a in world.addresses), 1.0
    )
    assert ready < 0.5
    world.run(0.5)
    assert all(world.state(address).merges_owed == () for address in world.addresses)


def test_one_of_three_while_the_others_are_dead_loads_empty() -> None:
    """And serves."""
    world = World(3, boot=False)
    for address in world.addresses:
        world.start(address)
    for address in world.addresses[1:]:
        world.kill(address)
    world.run(1.0)
    assert world.state(world.addresses[0]).loaded


def test_all_restarted_one_after_the_other_lose_nothing() -> None:
    """A rolling restart: each loads from those that are there (#8436)."""
    world = prepared(7)
    for address in world.addresses:
        world.kill(address)
        world.run(1.0)
        world.start(address)
        world.run(8.0)
    assert missing(world, world.addresses, SERVICES, OLD) == []


def test_one_of_three_behind_a_black_hole_is_not_ready_until_heal() -> None:
    """Silent peers may hold data."""
    world = prepared(8)
    first, *others = world.addresses
    world.kill(first)
    world.cut(both_ways([first], others))
    world.start(first)
    world.run(60.0)
    assert not world.state(first).loaded
    world.heal()
    world.run_until("loaded", lambda: world.state(first).loaded, 40.0)
    assert missing(world, [first], SERVICES) == []


def test_a_loaded_node_gives_what_it_has_and_asks_for_nothing() -> None:
    """Unknown keys are left out of the answer; no merge calls in the steady state."""
    driver = steady(datum(A0, "10.0.0.1"))
    quietly(driver, 10.0)
    assert driver.take(FetchSnapshot) == []
    assert driver.hear(S3, Pull((key(A0), key(B1)))) == DataAnswer((datum(A0, "10.0.0.1"),))
