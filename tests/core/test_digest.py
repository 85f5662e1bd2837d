"""Verify between our own nodes: one digest, kept up as records change, before any checksums (R13)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodecore.core.answers import Refused
from nodecore.core.checksum import checksum
from nodecore.core.digests import Digests
from nodecore.core.messages import (
    Accepted,
    DigestAnswer,
    Failure,
    Pull,
    Report,
    ReportAnswer,
    Verify,
    VerifyDigest,
)
from nodecore.core.operations import RemoveRecord
from nodecore.core.records import Datum, Instances
from nodecore.core.resources import RESOURCE_TYPES
from nodecore.core.store import Store
from tests.core.asking import register
from tests.core.driver import A0, B1, C5, S1, S2, S3, Driver, datum, entry, key, steady
from tests.core.scenarios import FOR_HOURS, SERVICES, prepared
from tests.core.world import World

pytestmark = pytest.mark.requirement("R13")


def among_our_own(*data: Datum, own: str = S1, kind: ReportAnswer | None = None) -> Driver:
    """Return a node at the end of its first period; S2 and S3 are nodes of its own kind, or as told."""
    driver = steady(*data, own=own)
    driver.until(5.0)
    for call, _ in driver.take(Report):
        driver.answer(call, kind or ReportAnswer(takes_digest=True))
    for call, _ in driver.take(Verify):
        driver.answer(call, Accepted())
    return driver


def digest_of(source: str, *data: Datum) -> VerifyDigest:
    """Return what a node that holds this data says of its own part."""
    driver = among_our_own(*data, own=source)
    driver.run(5.0)
    return driver.take(VerifyDigest)[0][1]


# ---- the sender --------------------------------------------------------------------------------------


def test_one_of_our_own_is_sent_one_digest_and_no_checksums() -> None:
    """However much it owns; also when it owns nothing."""
    for data in ([], [datum(A0, "10.0.0.1")], [datum(name, "10.0.0.1") for name in SERVICES]):
        driver = among_our_own(*data)
        driver.run(5.0)
        sent = driver.take(VerifyDigest)
        assert [(call.target, len(message.digest)) for call, message in sent] == [(S2, 32), (S3, 32)]
        for call, _ in sent:
            driver.answer(call, DigestAnswer(wants_checksums=False))
        assert driver.take(Verify) == []


@pytest.mark.requirement("R15")
def test_a_foreign_member_is_sent_the_checksums_and_never_a_digest() -> None:
    """It has not said that it takes one."""
    driver = among_our_own(datum(A0, "10.0.0.1"), kind=ReportAnswer())
    driver.run(5.0)
    assert driver.take(VerifyDigest) == []
    assert [call.target for call, _ in driver.take(Verify)] == [S2, S3]


def test_who_holds_something_else_is_sent_the_checksums_at_once() -> None:
    """Of what the sender owns by then, with its ring; and one verify at a time, as ever."""
    driver = among_our_own(datum(A0, "10.0.0.1"))
    driver.run(5.0)
    (to_s2, _), (to_s3, _) = driver.take(VerifyDigest)
    driver.answer(to_s3, DigestAnswer(wants_checksums=False))
    driver.answer(to_s2, DigestAnswer(wants_checksums=True))
    ((call, message),) = driver.take(Verify)
    owned = Instances((entry(A0, "10.0.0.1"),))
    assert (call.target, message) == (
        S2,
        Verify(checksums=((key(A0), checksum(owned)),), ring=(S1, S2, S3)),
    )
    driver.run(5.0)
    assert [call.target for call, _ in driver.take(VerifyDigest)] == [S3]


def test_a_member_whose_program_was_replaced_by_a_foreign_one_gets_checksums_again() -> None:
    """It answers 404 to a digest; its next answer to a report says the rest."""
    driver = among_our_own(datum(A0, "10.0.0.1"))
    driver.run(5.0)
    driver.answer(driver.take(VerifyDigest, S2)[0][0], Refused(status=404, message="no such api"))
    assert [call.target for call, _ in driver.take(Verify)] == [S2]
    driver = among_our_own(kind=ReportAnswer(takes_digest=True))
    driver.run(5.0)
    driver.answer(driver.take(Report, S2)[0][0], ReportAnswer())
    driver.fail(driver.take(VerifyDigest, S2)[0][0])
    driver.run(5.0)
    assert [call.target for call, _ in driver.take(Verify)] == [S2]


def test_a_digest_that_fails_or_comes_back_late_is_left_to_the_next_period() -> None:
    """The next one follows; a member that has left meanwhile is told nothing."""
    driver = among_our_own(datum(A0, "10.0.0.1"))
    driver.run(5.0)
    (to_s2, _), (to_s3, _) = driver.take(VerifyDigest)
    driver.fail(to_s2, Failure.TIMEOUT)
    driver.members(S1, S2)
    driver.answer(to_s3, DigestAnswer(wants_checksums=True))
    assert driver.take(Verify) == []
    driver.run(5.0)
    assert [call.target for call, _ in driver.take(VerifyDigest)] == [S2]


# ---- the receiver ------------------------------------------------------------------------------------


def test_the_receiver_compares_with_what_it_holds_of_the_senders_part() -> None:
    """What others own does not matter; one instance, or the health of one, does."""
    held = (datum(A0, "10.0.0.1"), datum(B1, "10.0.0.1"), datum(C5, "10.0.0.1"))
    driver = among_our_own(*held)
    same = digest_of(S2, datum(B1, "10.0.0.1"), datum(A0, "10.0.0.9"))
    more = digest_of(S2, datum(B1, "10.0.0.1", "10.0.0.2"))
    ill = digest_of(S2, Datum(key=key(B1), value=Instances((entry(B1, healthy=False),))))
    answers = [driver.hear(S2, message) for message in (same, more, ill, digest_of(S2))]
    assert answers == [DigestAnswer(wants_checksums=wanted) for wanted in (False, True, True, True)]
    assert driver.take(Pull) == [], "a digest alone makes nobody pull or drop anything"
    assert driver.ips(B1) == ["10.0.0.1"]


def test_both_follow_their_own_changes() -> None:
    """A write and its undoing give the digest of before; a key that is gone leaves nothing behind."""
    driver = among_our_own(datum(B1, "10.0.0.1"))
    before = digest_of(S2, datum(B1, "10.0.0.1"))
    assert driver.hear(S2, before) == DigestAnswer(wants_checksums=False)
    driver.ask(RemoveRecord(key=key(B1)))
    assert driver.hear(S2, before) == DigestAnswer(wants_checksums=True)
    assert driver.hear(S2, digest_of(S2)) == DigestAnswer(wants_checksums=False)


def test_the_checksums_of_a_member_out_of_the_ring_are_not_wanted() -> None:
    """By our own ring it owns nothing, so nothing of it would be touched."""
    driver = among_our_own(datum(B1, "10.0.0.1"))
    driver.run(5.0)
    driver.fail(driver.take(Report, S2)[0][0])
    assert driver.hear(S2, digest_of(S2)) == DigestAnswer(wants_checksums=False)
    assert driver.hear("10.9.9.9:1", digest_of(S2)) == DigestAnswer(wants_checksums=False)


# ---- kept up, not computed ---------------------------------------------------------------------------

records = st.dictionaries(st.sampled_from(SERVICES), st.integers(0, 3), max_size=8)


@given(records, records, st.lists(st.integers(1, 5), min_size=1, max_size=3))
def test_a_digest_says_what_is_held_not_how_it_came_about(
    first: dict[str, int], then: dict[str, int], sizes: list[int]
) -> None:
    """After any history and any rings it is that of a store that was only ever put these records."""
    old, new = Store(RESOURCE_TYPES), Store(RESOURCE_TYPES)
    for service, count in first.items():
        old.put(key(service), listed(service, count))
    for size in sizes:
        old.digest(0, size)
    for service in first:
        if service not in then:
            old.remove(key(service))
    for service, count in then.items():
        old.put(key(service), listed(service, count))
    for service in reversed(then):
        new.put(key(service), listed(service, then[service]))
    size = sizes[-1]
    assert [old.digest(p, size) for p in range(size)] == [new.digest(p, size) for p in range(size)]


def listed(service: str, count: int) -> Instances:
    return Instances(tuple(entry(service, f"10.0.0.{number}") for number in range(count)))


def test_a_period_in_which_nothing_changed_computes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No checksum is computed and no record hashed again; one that changed is, and no other."""
    staying = [Instances((entry(name, metadata=FOR_HOURS),)) for name in SERVICES]
    driver = among_our_own(*(Datum(key=key(n), value=v) for n, v in zip(SERVICES, staying, strict=True)))
    hashed: list[str] = []
    real = Digests.replace

    def counted(self: Digests, service: str, changed: str, before: str | None, after: str | None) -> None:
        hashed.append(service)
        real(self, service, changed, before, after)

    monkeypatch.setattr(Digests, "replace", counted)
    periods(driver, 3)
    assert hashed == []
    driver.ask(register(entry(A0, "10.0.0.2", metadata=FOR_HOURS)))
    periods(driver, 3)
    assert hashed == [A0]


def periods(driver: Driver, count: int) -> None:
    for _ in range(count):
        driver.run(5.0)
        for call, _message in driver.take(VerifyDigest):
            driver.answer(call, DigestAnswer(wants_checksums=False))


# ---- in a cluster ------------------------------------------------------------------------------------


def said(world: World, kind: type, since: float) -> int:
    return sum(isinstance(call.message, kind) for at, _, call in world.calls if at >= since)


def test_a_quiet_cluster_sends_digests_only_and_a_difference_brings_the_checksums_once() -> None:
    """Six digests a period among three nodes; after a change and its sync the checksums rest again."""
    world = prepared(1)
    quiet = world.now
    world.run(20.0)
    assert (said(world, VerifyDigest, quiet), said(world, Verify, quiet)) == (24, 0)
    replica = world.processes[world.addresses[0]].node._replica
    name = next(s for s in SERVICES if world.state(world.addresses[0]).ring and not owns(world, 0, s))
    replica.remove(key(name))
    lost = world.now
    world.run(20.0)
    assert key(name) in {d.key for d in world.state(world.addresses[0]).data}, "verify has repaired it"
    assert said(world, Verify, lost) == 1


def owns(world: World, number: int, service: str) -> bool:
    node = world.processes[world.addresses[number]].node
    return node._members.owns(service)
