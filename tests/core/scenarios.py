"""The histories behind measured.md's last table: each run returns what was lost or came back, one line each.

Instances here are registered once, without an agent, and with time-outs of an hour (R25-R28): no expiry does
the deleting and no beat undoes it. A control service is never deleted and must still be there at the end.
"""

from collections.abc import Callable, Iterable
from itertools import product

from nodecore.core.answers import Answer, Done
from nodecore.core.enquiries import FindResponsible, ResponsibleAnswer
from nodecore.core.keys import service_of
from nodecore.core.operations import DeleteService, DeregisterInstance, RegisterInstance
from nodecore.core.records import Instances
from tests.core.agents import NAMESPACE, instance
from tests.core.world import Edge, World

HOUR_MS = str(3_600_000)
FOR_HOURS = (("preserved.heart.beat.timeout", HOUR_MS), ("preserved.ip.delete.timeout", HOUR_MS))
SERVICES = tuple(f"DEFAULT_GROUP@@Service{letter}{digit}" for letter in "ABC" for digit in range(4))
CONTROL = "DEFAULT_GROUP@@control"
OLD, NEW = "10.1.0.1", "10.1.0.2"
SETTLED_S = 25.0
"""Long enough after a heal for reports, retries and two verifies."""


# ---- what a history is made of ---------------------------------------------------------------------


def register(world: World, node: str, service: str, ip: str = OLD) -> Answer:
    """Register an instance that stays for hours."""
    entry = instance(service, ip, metadata=FOR_HOURS)
    return world.ask(node, RegisterInstance(namespace=NAMESPACE, instance=entry))


def deregister(world: World, node: str, service: str, ip: str = OLD) -> Answer:
    """Deregister an instance."""
    operation = DeregisterInstance(namespace=NAMESPACE, service=service, ip=ip, port=80, cluster="DEFAULT")
    return world.ask(node, operation)


def delete(world: World, node: str, service: str) -> Answer:
    """Delete a service."""
    return world.ask(node, DeleteService(namespace=NAMESPACE, service=service))


def owner(world: World, asked: str, service: str) -> str:
    """Return who owns a service in the view of a node."""
    answer = world.ask(asked, FindResponsible(service=service))
    assert isinstance(answer, ResponsibleAnswer)
    return answer.address


def both_ways(left: Iterable[str], right: Iterable[str]) -> list[Edge]:
    """Return the edges between two groups, in both directions."""
    pairs = list(product(list(left), list(right)))
    return pairs + [(target, source) for source, target in pairs]


def lists(world: World, node: str) -> dict[str, list[str]]:
    """Return the ips a node lists, by service."""
    return {
        service_of(datum.key): [entry.ip for entry in datum.value.instances]
        for datum in world.state(node).data
        if isinstance(datum.value, Instances)
    }


def known(world: World, services: Iterable[str]) -> list[str]:
    """Return one line per service that a node knows."""
    return [
        f"{s} is known at {node}" for node in world.addresses for s in services if s in lists(world, node)
    ]


def prepared(seed: int, count: int = 3, services: Iterable[str] = SERVICES) -> World:
    """Return a cluster whose nodes started at different moments and that knows every service."""
    world = World(count, seed=seed, boot=False)
    for address in world.addresses:
        world.start(address)
        world.run(world.random.uniform(0.0, 5.0))
    world.run(10.0)
    for service in (*services, CONTROL):
        done = register(world, world.random.choice(world.addresses), service)
        assert done == Done(), done
    world.run(10.0 + world.random.uniform(0.0, 5.0))
    for node in world.addresses:
        assert not missing(world, [node], (*services, CONTROL)), "the steady state is not steady"
    return world


def missing(world: World, nodes: Iterable[str], services: Iterable[str], ip: str = OLD) -> list[str]:
    """Return one line per service that a node does not list with this instance."""
    views = [(node, lists(world, node)) for node in nodes]
    return [f"{s} lacks {ip} at {n}" for n, view in views for s in services if ip not in view.get(s, [])]


def returned(world: World, nodes: Iterable[str], services: Iterable[str], ip: str = OLD) -> list[str]:
    """Return one line per service that a node still or again lists with this instance."""
    views = [(node, lists(world, node)) for node in nodes]
    return [f"{s} lists {ip} again at {n}" for n, view in views for s in services if ip in view.get(s, [])]


def unequal(world: World) -> list[str]:
    """Return one line when the live nodes do not hold the same data."""
    data = [world.state(node).data for node in world.addresses if world.processes[node].condition == "alive"]
    return [] if all(view == data[0] for view in data) else ["the nodes hold different data"]


def _cut(world: World) -> tuple[list[str], list[str]]:
    """Cut one node off, silently or by refusal, until both sides have noticed; return the two sides."""
    lone = [world.random.choice(world.addresses)]
    rest = [address for address in world.addresses if address not in lone]
    cut = world.random.choice([world.cut, world.refuse])
    cut(both_ways(rest, lone))
    world.run(world.random.uniform(9.0, 40.0))
    return rest, lone


def _heal(world: World) -> None:
    world.heal()
    world.run(SETTLED_S)


# ---- the histories ---------------------------------------------------------------------------------


def quiet_cut(seed: int) -> list[str]:
    """Cut and heal 2 / 1, nothing written, no clients."""
    world = prepared(seed)
    lone = world.random.choice(world.addresses)
    cut = world.random.choice([world.cut, world.refuse])
    cut(both_ways([address for address in world.addresses if address != lone], [lone]))
    lost: list[str] = []
    for _ in range(world.random.randrange(1, 100)):
        world.run(0.4)
        lost += missing(world, world.addresses, (*SERVICES, CONTROL))
    world.heal()
    for _ in range(60):
        world.run(0.4)
        lost += missing(world, world.addresses, (*SERVICES, CONTROL))
    return lost + unequal(world)


def owner_restarted(seed: int) -> list[str]:
    """An owner is killed and comes back empty, sooner or later."""
    world = prepared(seed)
    victim = world.random.choice(world.addresses)
    world.kill(victim)
    world.run(world.random.choice([0.001, 0.1, 1.0, 8.0, 30.0]) * world.random.uniform(0.5, 1.5))
    world.start(victim)
    lost: list[str] = []
    others = [address for address in world.addresses if address != victim]
    for _ in range(60):
        world.run(0.5)
        lost += missing(world, others, (*SERVICES, CONTROL))
    return lost + missing(world, world.addresses, (*SERVICES, CONTROL)) + unequal(world)


def lost_reports(seed: int) -> list[str]:
    """One member's report fails once or twice in one direction: no list may ever be short for it."""
    world = prepared(seed)
    source, target = world.random.sample(world.addresses, 2)
    world.cut([(source, target)])
    world.run(world.random.choice([5.0, 10.0]) + 2.6)
    world.heal()
    lost: list[str] = []
    for _ in range(80):
        world.run(0.25)
        lost += missing(world, world.addresses, (*SERVICES, CONTROL))
    return lost + unequal(world)


def deregistered_during_cut(seed: int) -> list[str]:
    """A deregistration on either side of a cut, through any node of it (R27, R28)."""
    world = prepared(seed)
    gone = world.random.sample(SERVICES, 4)
    rest, lone = _cut(world)
    for service in gone:
        assert deregister(world, world.random.choice(world.random.choice([rest, lone])), service) == Done()
    world.run(world.random.uniform(0.0, 20.0))
    _heal(world)
    kept = [service for service in (*SERVICES, CONTROL) if service not in gone]
    return returned(world, world.addresses, gone) + missing(world, world.addresses, kept) + unequal(world)


def registered_during_cut(seed: int) -> list[str]:
    """A registration on either side of a cut, through any node of it."""
    world = prepared(seed)
    came = world.random.sample(SERVICES, 4)
    rest, lone = _cut(world)
    for service in came:
        assert register(world, world.random.choice(world.random.choice([rest, lone])), service, NEW) == Done()
    world.run(world.random.uniform(0.0, 20.0))
    _heal(world)
    lost = missing(world, world.addresses, came, NEW)
    return lost + missing(world, world.addresses, (*SERVICES, CONTROL)) + unequal(world)


def deleted_during_cut(seed: int) -> list[str]:
    """A service deleted at its owner of the day, on either side of a cut (R26, R28)."""
    world = prepared(seed)
    gone = world.random.sample(SERVICES, 4)
    rest, lone = _cut(world)
    for service in gone:
        asked = owner(world, world.random.choice([rest, lone])[0], service)
        assert delete(world, asked, service) == Done()
    world.run(world.random.uniform(0.0, 20.0))
    _heal(world)
    kept = [service for service in (*SERVICES, CONTROL) if service not in gone]
    return known(world, gone) + missing(world, world.addresses, kept) + unequal(world)


def deleted_while_owner_is_dead(seed: int) -> list[str]:
    """The node that owned a service is killed, the service deleted elsewhere, the node restarted (R28)."""
    world = prepared(seed)
    service = world.random.choice(SERVICES)
    victim = owner(world, world.addresses[0], service)
    world.kill(victim)
    world.run(world.random.uniform(6.0, 40.0))
    others = [address for address in world.addresses if address != victim]
    assert delete(world, owner(world, others[0], service), service) == Done()
    world.run(world.random.uniform(0.0, 10.0))
    world.start(victim)
    world.run(SETTLED_S)
    kept = [name for name in (*SERVICES, CONTROL) if name != service]
    return known(world, [service]) + missing(world, world.addresses, kept) + unequal(world)


def healed_while_loading(seed: int) -> list[str]:
    """A node restarts behind a black hole: not ready before heal, and then never empty."""
    world = prepared(seed)
    victim = world.random.choice(world.addresses)
    others = [address for address in world.addresses if address != victim]
    world.kill(victim)
    world.cut(both_ways([victim], others))
    world.run(world.random.uniform(0.0, 10.0))
    world.start(victim)
    world.run(world.random.uniform(0.5, 40.0))
    wrong = ["loaded behind a black hole"] if world.state(victim).loaded else []
    world.heal()
    world.run_until("loaded after heal", lambda: world.state(victim).loaded, 40.0)
    if not world.state(victim).data:
        wrong.append("loaded empty")
    world.run(SETTLED_S)
    return wrong + missing(world, world.addresses, (*SERVICES, CONTROL)) + unequal(world)


def restarted_behind_refuse(seed: int) -> list[str]:
    """A node restarts behind refused connections, takes one write, and meets the others at heal."""
    world = prepared(seed)
    victim = world.random.choice(world.addresses)
    others = [address for address in world.addresses if address != victim]
    world.kill(victim)
    world.refuse(both_ways([victim], others))
    world.run(world.random.uniform(0.0, 20.0))
    world.start(victim)
    world.run(world.random.uniform(0.2, 20.0))
    service = world.random.choice(SERVICES)
    assert register(world, victim, service, NEW) == Done()
    world.run(world.random.uniform(0.0, 10.0))
    _heal(world)
    lost = missing(world, world.addresses, [service], NEW)
    return lost + missing(world, world.addresses, (*SERVICES, CONTROL)) + unequal(world)


def five_nodes_in_halves(seed: int) -> list[str]:
    """Five nodes cut in two, writes on both sides, links healed one by one within moments."""
    world = prepared(seed, 5)
    names = world.random.sample(world.addresses, 5)
    halves = names[:2], names[2:]
    world.cut(both_ways(*halves))
    world.run(world.random.uniform(9.0, 40.0))
    came, gone, deleted = (world.random.sample(SERVICES, 6)[at : at + 2] for at in (0, 2, 4))
    gone = [service for service in gone if service not in came]
    deleted = [service for service in deleted if service not in (*came, *gone)]
    for service in came:
        assert register(world, world.random.choice(world.random.choice(halves)), service, NEW) == Done()
    for service in gone:
        assert deregister(world, world.random.choice(world.random.choice(halves)), service) == Done()
    for service in deleted:
        assert delete(world, owner(world, world.random.choice(halves)[0], service), service) == Done()
    world.run(world.random.uniform(0.0, 20.0))
    for source, target in product(*halves):
        world.heal_pair(source, target)
        world.run(world.random.uniform(0.0, 0.5))
    world.run(SETTLED_S)
    kept = [service for service in (*SERVICES, CONTROL) if service not in (*gone, *deleted)]
    wrong = missing(world, world.addresses, came, NEW) + missing(world, world.addresses, kept)
    return wrong + returned(world, world.addresses, gone) + known(world, deleted) + unequal(world)


HISTORIES: tuple[Callable[[int], list[str]], ...] = (
    quiet_cut,
    owner_restarted,
    lost_reports,
    deregistered_during_cut,
    registered_during_cut,
    deleted_during_cut,
    deleted_while_owner_is_dead,
    healed_while_loading,
    restarted_behind_refuse,
    five_nodes_in_halves,
)
