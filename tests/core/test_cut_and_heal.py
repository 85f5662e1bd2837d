"""Three cores in one thread through steady state, cut and heal: the documents' tables (R22-R28)."""

import pytest

from nodecore.core.answers import Done
from nodecore.core.operations import DeleteService
from tests.core.agents import NAMESPACE, Agent
from tests.core.scenarios import (
    CONTROL,
    OLD,
    SERVICES,
    both_ways,
    delete,
    deregister,
    known,
    lists,
    missing,
    owner,
    prepared,
    register,
    returned,
    unequal,
)
from tests.core.world import World

A, B, C = (f"DEFAULT_GROUP@@Service{name}" for name in ("A0", "B1", "C5"))
IPS = {"C1": "10.1.0.1", "C2": "10.1.0.2", "C3": "10.1.0.3"}
ALL = sorted(IPS.values())


def table(world: World) -> dict[str, dict[str, list[str]]]:
    """Return what every node lists under every service."""
    return {f"s{n + 1}": lists(world, node) for n, node in enumerate(world.addresses)}


def owners(world: World) -> dict[str, list[str]]:
    """Return whom every node believes responsible for A, B, C."""
    return {
        f"s{n + 1}": [f"s{world.addresses.index(owner(world, node, service)) + 1}" for service in (A, B, C)]
        for n, node in enumerate(world.addresses)
    }


def everywhere(*ips: str) -> dict[str, list[str]]:
    return {A: list(ips), B: list(ips), C: list(ips)}


def with_agents(seed: int) -> World:
    world = World(3, seed=seed, boot=False)
    for address in world.addresses:
        world.start(address)
        world.run(world.random.uniform(0.0, 5.0))
    world.run(5.0)
    for name, ip in IPS.items():
        Agent(world, name, ip, [A, B, C])
    world.run(10.0)
    return world


@pytest.mark.requirement("R22")
@pytest.mark.requirement("R23")
@pytest.mark.requirement("R24")
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", ["blackhole", "refuse"])
def test_the_documents_tables(seed: int, kind: str) -> None:
    """Steady: all list all. Cut: each side lists its own, with owners of its own. Heal: as before."""
    world = with_agents(seed)
    complete = {name: everywhere(*ALL) for name in ("s1", "s2", "s3")}
    before = {name: ["s1", "s2", "s3"] for name in ("s1", "s2", "s3")}
    assert table(world) == complete
    assert owners(world) == before

    s1, s2, s3 = world.addresses
    cut = world.cut if kind == "blackhole" else world.refuse
    cut(both_ways([s1, s2, "C1", "C2"], [s3, "C3"]))
    world.run(50.0)
    left, right = everywhere(IPS["C1"], IPS["C2"]), everywhere(IPS["C3"])
    assert table(world) == {"s1": left, "s2": left, "s3": right}
    assert owners(world) == {"s1": ["s2", "s2", "s1"], "s2": ["s2", "s2", "s1"], "s3": ["s3"] * 3}

    world.heal()
    world.run(20.0)
    assert table(world) == complete
    assert owners(world) == before


@pytest.mark.requirement("R23")
@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_missing_on_its_own_side_of_the_cut(seed: int) -> None:
    """C1 and C2 stay listed on S1 and S2 all the time: 13 of 60 lost them with the obvious rules."""
    world = with_agents(seed)
    s1, s2, s3 = world.addresses
    world.cut(both_ways([s1, s2, "C1", "C2"], [s3, "C3"]))
    for _ in range(240):
        world.run(0.25)
        for node in (s1, s2):
            assert (
                missing(world, [node], [A, B, C], IPS["C1"]) + missing(world, [node], [A, B, C], IPS["C2"])
                == []
            )
        assert missing(world, [s3], [A, B, C], IPS["C3"]) == []


@pytest.mark.requirement("R23b")
@pytest.mark.parametrize("cut", ["only S2 and S3", "S1 to S3 one way", "S3 to S1 one way"])
@pytest.mark.parametrize("seed", range(5))
def test_after_a_cut_that_leaves_no_clear_sides_all_lists_are_complete_again(seed: int, cut: str) -> None:
    """Meanwhile lists may flap under `documented`; after heal they may not."""
    world = with_agents(seed)
    s1, s2, s3 = world.addresses
    edges = {
        "only S2 and S3": both_ways([s2], [s3]),
        "S1 to S3 one way": [(s1, s3)],
        "S3 to S1 one way": [(s3, s1)],
    }
    world.cut(edges[cut])
    world.run(90.0)
    world.heal()
    world.run(25.0)
    assert table(world) == {name: everywhere(*ALL) for name in ("s1", "s2", "s3")}


@pytest.mark.requirement("R18")
def test_a_paused_node_expires_nobody_when_it_resumes() -> None:
    """Its clients' beats went to others while it was away."""
    world = with_agents(3)
    s1, s2, s3 = world.addresses
    world.pause(s3)
    world.run(60.0)
    assert missing(world, [s1, s2], [A, B, C], IPS["C3"]) == []
    world.resume(s3)
    for _ in range(100):
        world.run(0.25)
        for ip in ALL:
            assert missing(world, world.addresses, [A, B, C], ip) == []


@pytest.mark.requirement("R18")
@pytest.mark.parametrize("seed", range(10))
def test_a_killed_owners_live_clients_are_dropped_nowhere(seed: int) -> None:
    """Beats go on through the others; the new owner counts from its take-over (#1873)."""
    world = with_agents(seed)
    s1, s2, s3 = world.addresses
    world.kill(s3)
    for _ in range(200):
        world.run(0.25)
        for ip in ALL:
            assert missing(world, [s1, s2], [A, B, C], ip) == []
    world.start(s3)
    world.run(20.0)
    assert table(world) == {name: everywhere(*ALL) for name in ("s1", "s2", "s3")}


def test_all_nodes_restarted_at_once_are_filled_again_by_beats() -> None:
    """Nothing is left but what the clients say."""
    world = with_agents(4)
    for address in world.addresses:
        world.kill(address)
    for address in world.addresses:
        world.start(address)
    world.run(10.0)
    assert table(world) == {name: everywhere(*ALL) for name in ("s1", "s2", "s3")}


# ---- deletes (R25-R28): instances without agents, so that nothing but the delete deletes ---------------


@pytest.mark.requirement("R25")
def test_a_service_deleted_at_a_node_that_is_not_responsible_returns_there() -> None:
    """With the responsible node's next verify; nobody else ever lost it."""
    world = prepared(1)
    s1, s2, _ = world.addresses
    service = "DEFAULT_GROUP@@ServiceA0"
    assert owner(world, s1, service) == s1
    assert delete(world, s2, service) == Done()
    assert service not in lists(world, s2)
    world.run(5.2)
    assert missing(world, world.addresses, [service, CONTROL]) == []


@pytest.mark.requirement("R26")
def test_a_service_deleted_at_the_responsible_node_disappears_everywhere() -> None:
    """After the second a change waits; the control service stays."""
    world = prepared(2)
    service = "DEFAULT_GROUP@@ServiceA0"
    assert delete(world, world.addresses[0], service) == Done()
    world.run(1.1)
    assert known(world, [service]) == []
    world.run(20.0)
    assert known(world, [service]) == []
    assert missing(world, world.addresses, [CONTROL]) == []


@pytest.mark.requirement("R26")
def test_a_delete_while_the_registration_is_still_on_its_way_leaves_no_ghost() -> None:
    """The original's peers show that instance as healthy for ever (observed, surprise 3)."""
    world = prepared(3)
    service = "DEFAULT_GROUP@@payments"
    for delay_s in (0.0, 0.9, 1.005, 1.4):
        assert register(world, world.addresses[0], service) == Done()
        world.run(delay_s)
        assert delete(world, world.addresses[0], service) == Done()
        world.run(8.0)
        assert known(world, [service]) == []


@pytest.mark.requirement("R27")
@pytest.mark.parametrize("through", [0, 1, 2])
def test_a_deregistration_through_any_node_reaches_all(through: int) -> None:
    """Also that of the last instance."""
    world = prepared(4 + through)
    services = ["DEFAULT_GROUP@@ServiceA0", "DEFAULT_GROUP@@ServiceB1", "DEFAULT_GROUP@@ServiceC1"]
    for service in services:
        assert deregister(world, world.addresses[through], service) == Done()
    world.run(1.2)
    assert returned(world, world.addresses, services) == []
    world.run(20.0)
    assert returned(world, world.addresses, services) == []
    assert missing(world, world.addresses, [CONTROL]) == []


def _owned_by(world: World, node: str, asked: str) -> str:
    """Return a service of the scenario that a node owns in the view of another."""
    return next(service for service in SERVICES if owner(world, asked, service) == node)


@pytest.mark.requirement("R28")
@pytest.mark.parametrize("before", [0, 1, 2], ids=["owned by s1", "owned by s2", "owned by s3"])
@pytest.mark.parametrize("side", ["majority", "minority"])
@pytest.mark.parametrize("kind", ["blackhole", "refuse"])
def test_a_delete_at_the_owner_of_either_side_holds_after_heal(before: int, side: str, kind: str) -> None:
    """Whoever owned the service before: the old owner comes back and must not resurrect it."""
    world = prepared(10)
    s1, s2, s3 = world.addresses
    service = _owned_by(world, world.addresses[before], s1)
    (world.cut if kind == "blackhole" else world.refuse)(both_ways([s1, s2], [s3]))
    world.run(12.0)
    asked = owner(world, s1, service) if side == "majority" else s3
    assert delete(world, asked, service) == Done()
    world.run(12.0)
    other = s3 if side == "majority" else s1
    assert service in lists(world, other), "the cut is a cut"
    world.heal()
    world.run(20.0)
    assert known(world, [service]) == []
    assert missing(world, world.addresses, [CONTROL]) + unequal(world) == []


@pytest.mark.requirement("R25")
@pytest.mark.requirement("R28")
def test_a_delete_at_the_other_node_of_a_side_returns_there_and_stays_after_heal() -> None:
    """R25 during a cut: the side's responsible node brings it back, and heal changes nothing."""
    world = prepared(11)
    s1, s2, s3 = world.addresses
    world.cut(both_ways([s1, s2], [s3]))
    world.run(12.0)
    service = _owned_by(world, s1, s1)
    assert delete(world, s2, service) == Done()
    world.run(5.2)
    assert missing(world, [s1, s2], [service]) == []
    world.heal()
    world.run(20.0)
    assert missing(world, world.addresses, [service, CONTROL]) + unequal(world) == []


@pytest.mark.requirement("R28")
@pytest.mark.parametrize("what", ["delete", "deregister"])
def test_what_was_deleted_while_its_owner_was_dead_holds_when_that_comes_back(what: str) -> None:
    """It comes back empty and loads from those who know."""
    world = prepared(12)
    s1, _, s3 = world.addresses
    service = _owned_by(world, s3, s1)
    world.kill(s3)
    world.run(6.0)
    if what == "delete":
        assert delete(world, owner(world, s1, service), service) == Done()
    else:
        assert deregister(world, s1, service) == Done()
    world.start(s3)
    world.run(20.0)
    assert returned(world, world.addresses, [service], OLD) == []
    assert missing(world, world.addresses, [CONTROL]) + unequal(world) == []


@pytest.mark.requirement("R28")
def test_with_live_agents_a_deleted_service_is_back_with_the_next_beat() -> None:
    """What the documents imply, and the original does."""
    world = with_agents(5)
    s1 = world.addresses[0]
    assert world.ask(s1, DeleteService(namespace=NAMESPACE, service=A)) == Done()
    assert A not in lists(world, s1)
    world.run(7.0)
    assert table(world) == {name: everywhere(*ALL) for name in ("s1", "s2", "s3")}


@pytest.mark.requirement("R11")
def test_both_sides_write_to_one_service_and_end_equal() -> None:
    """Whole lists overwrite each other under `documented`: one of them wins, the same everywhere."""
    world = prepared(13)
    s1, s2, s3 = world.addresses
    service = "DEFAULT_GROUP@@ServiceA0"
    world.cut(both_ways([s1, s2], [s3]))
    world.run(12.0)
    assert register(world, s1, service, "10.2.0.1") == Done()
    assert register(world, s3, service, "10.2.0.3") == Done()
    world.run(5.0)
    world.heal()
    world.run(20.0)
    assert unequal(world) == []
    assert OLD in lists(world, s1)[service]
    assert {"10.2.0.1", "10.2.0.3"} & set(lists(world, s1)[service])
