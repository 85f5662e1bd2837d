"""What holds for every store, outbox, list and history, found out by hypothesis."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nodecore.core.answers import Done
from nodecore.core.checksum import checksum
from nodecore.core.events import Change
from nodecore.core.load import union
from nodecore.core.outbox import Outbox
from nodecore.core.records import Instance, Instances
from nodecore.core.resources import EPHEMERAL_INSTANCES, RESOURCE_TYPES, canonical
from nodecore.core.store import Store
from tests.core.driver import key
from tests.core.scenarios import (
    SERVICES,
    both_ways,
    delete,
    deregister,
    lists,
    owner,
    register,
    unequal,
)
from tests.core.world import World

instances = st.builds(
    Instance,
    ip=st.sampled_from(["10.0.0.1", "10.0.0.2", "host"]),
    port=st.sampled_from([80, 70000, 0]),
    service=st.just("g@@a"),
    cluster=st.sampled_from(["DEFAULT", "c1"]),
    weight=st.sampled_from([0.0, 1.0, 2.5]),
    healthy=st.booleans(),
)
instance_lists = st.builds(Instances, st.lists(instances, max_size=5).map(tuple))


# ---- lists -------------------------------------------------------------------------------------------


@given(instance_lists)
def test_canonical_is_idempotent_and_blind_to_order(some: Instances) -> None:
    """Equal contents are equal values, so a store can see that nothing changed."""
    once = canonical(some)
    assert canonical(once) == once
    distinct = {entry.identity: entry for entry in some.instances}
    assert canonical(Instances(tuple(reversed(list(distinct.values()))))) == once
    assert checksum(once) == checksum(Instances(tuple(distinct.values())))


@given(instance_lists, instance_lists, instance_lists)
def test_union_keeps_everybody_and_prefers_its_own(
    one: Instances, other: Instances, third: Instances
) -> None:
    """Associative and idempotent; commutative in who is there, not in whose entry wins."""
    one, other, third = canonical(one), canonical(other), canonical(third)
    both = canonical(union(one, other))
    assert {e.identity for e in both.instances} == {e.identity for e in (*one.instances, *other.instances)}
    assert set(one.instances) <= set(both.instances)
    assert canonical(union(both, other)) == both
    assert canonical(union(one, one)) == one
    assert canonical(union(union(one, other), third)) == canonical(union(one, union(other, third)))


# ---- the store ---------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(st.sampled_from(["put", "remove"]), st.sampled_from(SERVICES[:4]), instance_lists), max_size=20
)


def filled(history: list[tuple[str, str, Instances]]) -> tuple[Store, dict[str, Instances]]:
    """Return a store after a history, and the plain dict it has to equal."""
    store, model = Store(RESOURCE_TYPES), dict[str, Instances]()
    for what, service, value in history:
        if what == "put":
            assert store.put(key(service), value) == (model.get(key(service)) != canonical(value))
            model[key(service)] = canonical(value)
        else:
            assert store.remove(key(service)) == (model.pop(key(service), None) is not None)
    return store, model


@given(steps)
def test_a_store_is_a_dict_that_knows_its_checksums(history: list[tuple[str, str, Instances]]) -> None:
    """In key order; a cached checksum never outlives its value."""
    store, model = filled(history)
    assert [(datum.key, datum.value) for datum in store.data()] == sorted(model.items())
    for service in SERVICES[:4]:
        value = model.get(key(service))
        assert store.checksum(key(service)) == (checksum(value) if value is not None else None)
    assert store.owned_keys(lambda _: True) == sorted(model)
    assert store.owned_keys(lambda _: False) == []


@given(steps, steps)
def test_one_round_of_verify_makes_two_stores_equal_and_a_second_changes_nothing(
    one: list[tuple[str, str, Instances]], other: list[tuple[str, str, Instances]]
) -> None:
    """Pull what differs, drop what is absent: the receiver becomes what the owner is."""
    (owner_s, _), (receiver_s, _) = filled(one), filled(other)

    def verify() -> int:
        theirs = {k: owner_s.checksum(k) for k in owner_s.owned_keys(lambda _: True)}
        wrong = [k for k, md5 in theirs.items() if receiver_s.checksum(k) != md5]
        gone = [k for k in receiver_s.owned_keys(lambda _: True) if k not in theirs]
        for k in gone:
            receiver_s.remove(k)
        for k in wrong:
            datum = owner_s.get(k)
            assert datum is not None
            receiver_s.put(k, datum.value)
        return len(wrong) + len(gone)

    verify()
    same = [(d.key, checksum(d.value)) for d in owner_s.data() if isinstance(d.value, Instances)]
    assert [(d.key, checksum(d.value)) for d in receiver_s.data() if isinstance(d.value, Instances)] == same
    assert verify() == 0


# ---- the outbox --------------------------------------------------------------------------------------


@pytest.mark.requirement("R11")
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.sampled_from("abcd"), st.sampled_from(list(Change))),
            st.tuples(
                st.sampled_from(["take", "sent", "failed", "hurry"]), st.just(""), st.just(Change.CHANGE)
            ),
        ),
        max_size=40,
    )
)
def test_an_outbox_forgets_nothing_and_keeps_the_later_of_change_and_delete(
    history: list[tuple[str, str, Change]],
) -> None:
    """Model: the last change of each key that was not taken since."""
    outbox = Outbox(delay_s=1.0, batch_keys_max=2)
    waiting: dict[str, Change] = {}
    flying: dict[str, Change] = {}
    now = 0.0
    for what, name, change in history:
        now += 0.7
        if what == "add":
            outbox.add(EPHEMERAL_INSTANCES.prefix, name, change, now)
            waiting[name] = change
        elif what == "take" and (batch := outbox.take(now)) is not None:
            assert not flying, "one batch in flight"
            assert 1 <= len(batch.keys) <= 2
            flying = {k: waiting.pop(k) for k in batch.keys}
            assert set(flying.values()) == {batch.change}
        elif what == "sent":
            outbox.sent()
            flying = {}
        elif what == "failed":
            outbox.failed(now, 5.0)
            waiting, flying = {**flying, **waiting}, {}
        elif what == "hurry":
            outbox.hurry(now)
        expected = {**flying, **waiting}
        assert len(outbox) == len(expected)
        assert all(outbox.waits(k) == (k in expected) for k in "abcd")
        assert all(outbox.deletes(k) == (expected.get(k) is Change.DELETE) for k in "abcd")


# ---- a whole cluster ---------------------------------------------------------------------------------


class Cluster(RuleBasedStateMachine):
    """Cut, heal, register, deregister, delete, restart in any order; a service is written by one side only.

    The model is what must be there after a heal: all that was registered and not removed since.
    """

    @initialize(seed=st.integers(0, 1000))
    def boot(self, seed: int) -> None:
        self.world = World(3, seed=seed)
        self.expected: dict[str, set[str]] = {}
        self.lone: str | None = None
        self.written: dict[str, str] = {}
        """Which side wrote a service during this cut: writes on both overwrite each other by design."""

    def _side(self, node: str) -> str:
        return "lone" if node == self.lone else "rest"

    def _may_write(self, node: str, service: str) -> bool:
        return self.lone is None or self.written.setdefault(service, self._side(node)) == self._side(node)

    @rule(node=st.integers(0, 2), service=st.sampled_from(SERVICES[:5]), ip=st.sampled_from("123"))
    def register(self, node: int, service: str, ip: str) -> None:
        address = self.world.addresses[node]
        if self._may_write(address, service):
            assert register(self.world, address, service, f"10.0.1.{ip}") == Done()
            self.expected.setdefault(service, set()).add(f"10.0.1.{ip}")

    @rule(node=st.integers(0, 2), service=st.sampled_from(SERVICES[:5]), ip=st.sampled_from("123"))
    def deregister(self, node: int, service: str, ip: str) -> None:
        address = self.world.addresses[node]
        if self._may_write(address, service):
            assert deregister(self.world, address, service, f"10.0.1.{ip}") == Done()
            self.expected.get(service, set()).discard(f"10.0.1.{ip}")

    @rule(node=st.integers(0, 2), service=st.sampled_from(SERVICES[:5]))
    def delete_at_owner(self, node: int, service: str) -> None:
        address = self.world.addresses[node]
        if service in self.expected and self._may_write(address, service):
            assert delete(self.world, owner(self.world, address, service), service) == Done()
            del self.expected[service]

    @precondition(lambda self: self.lone is None)
    @rule(node=st.integers(0, 2), refuse=st.booleans())
    def cut(self, node: int, refuse: bool) -> None:
        self.world.run(8.0)
        self.lone = self.world.addresses[node]
        rest = [address for address in self.world.addresses if address != self.lone]
        edges = both_ways([self.lone], rest)
        self.world.refuse(edges) if refuse else self.world.cut(edges)
        self.world.run(9.0)

    @precondition(lambda self: self.lone is not None)
    @rule()
    def heal(self) -> None:
        self.world.heal()
        self.world.run(25.0)
        self.lone = None
        self.written.clear()

    @precondition(lambda self: self.lone is None)
    @rule(node=st.integers(0, 2), away_s=st.sampled_from([0.0, 0.5, 7.0]))
    def restart(self, node: int, away_s: float) -> None:
        self.world.run(8.0)
        self.world.kill(self.world.addresses[node])
        self.world.run(away_s)
        self.world.start(self.world.addresses[node])
        self.world.run(25.0)

    @rule(seconds=st.sampled_from([0.3, 1.5, 6.0]))
    def wait(self, seconds: float) -> None:
        self.world.run(seconds)

    @invariant()
    def each_side_shows_its_own_writes_at_once_where_they_were_executed(self) -> None:
        for service in sorted(self.expected):
            asked = self.world.addresses[0]
            if self.lone is None or self.written.get(service) == self._side(asked):
                there = lists(self.world, owner(self.world, asked, service)).get(service, [])
                assert set(there) == self.expected[service]

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.heal()
        self.world.run(30.0)
        found = {service: set(ips) for service, ips in lists(self.world, self.world.addresses[0]).items()}
        assert {k: v for k, v in found.items() if v} == {k: v for k, v in self.expected.items() if v}
        assert unequal(self.world) == []


class TestCluster(Cluster.TestCase):  # type: ignore[misc]
    """Nothing that was not deleted is lost, and deletes hold after heal."""

    settings: Any = settings(
        max_examples=40,
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    pytestmark = pytest.mark.requirement("R28")
