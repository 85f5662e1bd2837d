"""Nodes that come and go while others run (R16): what was confirmed holds, whatever the moment.

Histories in a simulated cluster: one node alone with data, two that are added, and clients that deregister
and delete just then. The instances last for hours, so that nothing expires and no beat undoes anything.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from nodecore.core.answers import Answer, Done, Relayed
from tests.core.scenarios import (
    CONTROL,
    NEW,
    OLD,
    SERVICES,
    SETTLED_S,
    both_ways,
    delete,
    deregister,
    lists,
    owner,
    register,
)
from tests.core.world import World

SEEDS = range(40)
DELETED, SHORTENED = SERVICES[:6], SERVICES[6:]


def alone(seed: int) -> World:
    """The first of three runs alone, with two instances in every service."""
    world = World(3, seed=seed, boot=False)
    first = world.addresses[0]
    world.start(first, replace(world.config(first), members=(first,)))
    world.run(world.random.uniform(0.5, 6.0))
    for service in (*SERVICES, CONTROL):
        register(world, first, service, OLD)
        register(world, first, service, NEW)
    return world


def grow(world: World) -> None:
    """Tell the first of the others, then start these."""
    first, *others = world.addresses
    world.change_members(first, world.addresses)
    for address in others:
        world.run(world.random.uniform(0.0, 0.5))
        world.start(address)


def take_away(world: World) -> None:
    """Delete at the responsible node and deregister through the first one, at random moments, confirmed."""
    first = world.addresses[0]
    for service in DELETED:
        world.run(world.random.uniform(0.0, 1.0))
        until_done(world, lambda service=service: delete(world, agreed_owner(world, first, service), service))  # type: ignore[misc]
    for service in SHORTENED:
        world.run(world.random.uniform(0.0, 0.5))
        until_done(world, lambda service=service: deregister(world, first, service, OLD))  # type: ignore[misc]


def until_done(world: World, ask: Callable[[], Answer]) -> None:
    """Ask again while it is refused, as clients do."""
    for _ in range(100):
        if confirmed(ask()):
            return
        world.run(0.2)
    raise AssertionError("refused a hundred times")


def confirmed(answer: Answer) -> bool:
    return isinstance(answer, Done) or (isinstance(answer, Relayed) and answer.status == 200)


def agreed_owner(world: World, asked: str, service: str) -> str:
    """The owner in the view of a node, once that one thinks so too: else the service returns (R25)."""
    for _ in range(100):
        found = owner(world, asked, service)
        if found == asked or (world.state(found).loaded and owner(world, found, service) == found):
            return found
        world.run(0.2)
    raise AssertionError(f"nobody agrees to own {service}")


def wrong(world: World) -> list[str]:
    """What came back or is missing, one line each."""
    expected = {service: [NEW] for service in SHORTENED} | {CONTROL: [OLD, NEW]}
    return [
        f"{node}: {service} is {found.get(service)}, right would be {expected.get(service)}"
        for node in world.addresses
        for found in [{name: sorted(ips) for name, ips in lists(world, node).items()}]
        for service in (*SERVICES, CONTROL)
        if found.get(service) != expected.get(service)
    ]


@pytest.mark.requirement("R16", "R26", "R27")
@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_deleted_while_nodes_are_added_stays_deleted(seed: int) -> None:
    """Nodes that load from us have nothing that we must merge: merging it brought back what had just gone."""
    world = alone(seed)
    grow(world)
    take_away(world)
    world.run(SETTLED_S)
    assert wrong(world) == []


@pytest.mark.requirement("R16", "R28")
@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_deleted_while_an_added_node_is_cut_off_stays_deleted(seed: int) -> None:
    """It has loaded from the first, and perhaps not talked to the other added one yet."""
    world = alone(seed)
    grow(world)
    world.run(world.random.uniform(0.0, 0.1))
    world.cut(both_ways(world.addresses[:2], world.addresses[2:]))
    take_away(world)
    world.run(world.random.uniform(1.0, 20.0))
    world.heal()
    world.run(SETTLED_S)
    assert wrong(world) == []


@pytest.mark.requirement("R16", "R14")
def test_a_stranger_gets_no_snapshot_and_loads_when_it_is_known() -> None:
    """What changes between a load and being known would never reach it; its log says what is wrong."""
    world = alone(1)
    first, second, _ = world.addresses
    world.start(second, replace(world.config(second), members=(first, second)))
    world.run(10.0)
    assert not world.state(second).loaded
    said = [dict(log.fields) for _, node, log in world.logs if (node, log.event) == (second, "load_refused")]
    assert said[0]["member"] == first
    assert f"{second} is not on the list of members" in said[0]["why"]
    world.change_members(first, (first, second))
    world.run_until("it has loaded", lambda: world.state(second).loaded, 30.0)
    assert lists(world, second) == lists(world, first)
