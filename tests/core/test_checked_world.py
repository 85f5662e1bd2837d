"""Checks in a simulated cluster: whoever is responsible, and whatever was cut, all know the truth at last."""

import random

import pytest

from tests.core.checked_world import IPS, SERVICES, SETTLED_S, CheckedWorld
from tests.core.scenarios import both_ways, owner

pytestmark = pytest.mark.requirement("R19")


def checked(seed: int = 0) -> CheckedWorld:
    world = CheckedWorld(seed)
    world.register()
    return world


def test_all_nodes_learn_what_the_responsible_ones_find() -> None:
    """Of each of six services another node checks; a death and a return are known everywhere."""
    world = checked()
    assert len({owner(world, world.addresses[0], service) for service in SERVICES}) > 1
    world.dead[IPS[0]] = None
    world.run(SETTLED_S)
    assert [world.health(a) for a in world.addresses] == [world.truth(IPS[0])] * 3
    del world.dead[IPS[0]]
    world.run(SETTLED_S)
    assert [world.health(a) for a in world.addresses] == [world.truth()] * 3


def test_who_takes_over_from_a_dead_node_checks_too() -> None:
    """What died after its prober had died is found by another."""
    world = checked()
    world.kill(world.addresses[0])
    world.dead[IPS[1]] = None
    world.run(SETTLED_S)
    assert [world.health(a) for a in world.addresses[1:]] == [world.truth(IPS[1])] * 2


def test_a_prober_that_is_cut_from_instances_calls_them_dead_until_the_heal() -> None:
    """It alone is responsible, and the others believe it; that is what a cut between the two looks like."""
    world = checked()
    s1 = world.addresses[0]
    own = [service for service in SERVICES if owner(world, s1, service) == s1]
    world.cut(both_ways([s1], IPS))
    world.run(SETTLED_S)
    for address in world.addresses:
        assert world.health(address) == {ip: {True, False} for ip in IPS}
    assert own != []
    world.heal()
    world.run(SETTLED_S)
    assert [world.health(a) for a in world.addresses] == [world.truth()] * 3


@pytest.mark.parametrize("seed", range(3))
def test_after_any_history_all_nodes_know_the_truth(seed: int) -> None:
    """Nodes killed, started and paused, cut from each other and from instances, which die and come back."""
    drawn = random.Random(seed)
    world = checked(seed)
    for _ in range(6):
        node, other = drawn.sample(world.addresses, 2)
        ip = drawn.choice(IPS)
        match drawn.randrange(5):
            case 0:
                world.kill(node)
                world.later(drawn.uniform(1, 20), lambda node=node: world.start(node))
            case 1:
                world.pause(node)
                world.later(drawn.uniform(1, 20), lambda node=node: world.resume(node))
            case 2:
                world.cut(both_ways([node], [other]))
            case 3:
                world.cut(both_ways([node], [ip]))
            case 4:
                world.dead.pop(ip) if ip in world.dead else world.dead.setdefault(ip)
        world.run(drawn.uniform(5, 25))
    world.heal()
    world.run(SETTLED_S)
    world.register()  # what a started node replays from its journal
    world.run(2 * SETTLED_S)
    assert [world.health(a) for a in world.addresses] == [world.truth(*world.dead)] * 3
