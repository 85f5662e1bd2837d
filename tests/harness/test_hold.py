"""A hold delays without loss: what was sent meanwhile arrives at heal, abandoned or not."""

from collections.abc import Iterator

import pytest

from harness import Cut
from harness.links.effects import idle_queues
from harness.links.ends import Condition
from harness.links.fabric import Links
from harness.links.faults import Hold
from harness.links.locate import find_server
from harness.links.matrix import FaultNotInForce
from harness.topology import groups, one_way
from harness.waiting import wait_for
from tests.doubles.caller import SILENCE_REAL_S, Caller
from tests.doubles.world import EMBEDDED, LinkWorld

WHOLE = "ooo"
ARRIVAL_REAL_S = 5.0
MEGABYTES = 4_000_000


@pytest.fixture(params=["toxiproxy", "embedded"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinkWorld]:
    path = EMBEDDED if request.param == "embedded" else find_server()
    with LinkWorld(tmp_path_factory.mktemp("links"), nodes=2, path=path) as world:
        world.links.verify()
        yield world


@pytest.fixture
def links(world: LinkWorld) -> Links:
    return world.links


def test_what_was_abandoned_meanwhile_arrives_at_heal(world: LinkWorld, links: Links) -> None:
    """Late duplicates included: a client that gave up and asked again has asked twice."""
    hold = links.cut(groups(["s1"], ["s2"]).edges, Cut.HOLD)
    for number in range(20):
        with Caller(address(world)) as caller:
            caller.ask(f"abandoned-{number}")
            assert number or caller.outcome(within_real_s=SILENCE_REAL_S) == "silent"
    with Caller(address(world)) as patient:
        patient.ask("waited-for")
        assert not held_ids(world), "nothing gets through"
        links.heal(hold)
        assert patient.outcome() == "answered"
    wait_for("what was held", lambda: held_ids(world), lambda seen: len(seen) == 21, ARRIVAL_REAL_S)


def test_replies_are_held_too(world: LinkWorld, links: Links) -> None:
    """Of requests that arrived; the connection lives on and carries the next one."""
    hold = links.cut(one_way(["s2"], ["s1"]).edges, Cut.HOLD)
    with Caller(address(world)) as caller:
        caller.ask("question")
        assert caller.outcome(within_real_s=SILENCE_REAL_S) == "silent"
        assert held_ids(world) == ["question"]
        links.heal(hold)
        assert caller.outcome() == "answered"
        caller.ask("next")
        assert caller.outcome() == "answered"


def test_replies_that_nobody_waits_for_any_more_do_not_hang_the_heal(world: LinkWorld, links: Links) -> None:
    """Large ones, to clients that have gone: Toxiproxy 2.12 hangs when a full queue is removed."""
    hold = links.cut(one_way(["s2"], ["s1"]).edges, Cut.HOLD)
    for _ in range(5):
        with Caller(address(world)) as caller:
            caller.ask_for(2000)
            caller.ask_for(2000)
            caller.ask_for(2000)
            assert caller.outcome(within_real_s=SILENCE_REAL_S) == "silent"
    links.heal(hold)
    assert whole(links)


@pytest.mark.parametrize("how", ["killed", "killed and started again", "paused", "paused and resumed"])
def test_a_target_that_ended_or_stood_still_meanwhile_does_not_hang_the_heal(
    world: LinkWorld, links: Links, how: str
) -> None:
    """With megabytes queued for it: what was held is given up, and the link is whole."""
    hold = links.cut(groups(["s1"], ["s2"]).edges, Cut.HOLD)
    with Caller(address(world)) as caller:
        caller.send(b"x" * MEGABYTES)
        befall(world, how)
        links.heal(hold)
        assert caller.end() in ("closed", "reset")
    restore(world, how)
    assert whole(links)


def test_an_end_that_died_under_a_slow_link_does_not_hang_the_heal(world: LinkWorld, links: Links) -> None:
    """What is only late is queued too."""
    hold = links.cut([("s1", "s2")], Cut.slow(ms=1000))
    with Caller(address(world)) as caller:
        caller.send(b"x" * MEGABYTES)
        befall(world, "killed")
        links.heal(hold)
    restore(world, "killed")
    assert whole(links)


def test_a_refusal_on_top_of_a_hold_ends_what_is_held(world: LinkWorld, links: Links) -> None:
    """Its connections are closed; the hold goes on for new ones once the refusal is healed."""
    hold = links.cut([("s1", "s2")], Cut.HOLD)
    with Caller(address(world)) as first:
        first.ask("closed")
        refuse = links.cut([("s1", "s2")], Cut.REFUSE)
        assert first.outcome() in ("closed", "reset")
    links.heal(refuse)
    assert links.verify().reading("s1", "s2").code == "oss"
    links.heal(hold)
    assert whole(links)
    assert held_ids(world) == []


@pytest.mark.parametrize("cut", [Cut.BLACKHOLE, Cut.LOSE_REQUESTS], ids=str)
def test_a_black_hole_on_top_of_a_hold_swallows_what_is_held(
    world: LinkWorld, links: Links, cut: Cut
) -> None:
    """In whatever order they end."""
    for black_hole_ends_first in (True, False):
        hold = links.cut([("s1", "s2")], Cut.HOLD)
        with Caller(address(world)) as caller:
            caller.ask(f"swallowed-{black_hole_ends_first}")
            lost = links.cut([("s1", "s2")], cut)
            assert caller.outcome() in ("closed", "reset")
        for one in (lost, hold) if black_hole_ends_first else (hold, lost):
            assert links.verify().reading("s1", "s2").code == "oss"
            links.heal(one)
        assert whole(links)
    assert held_ids(world) == []


def test_what_is_held_becomes_slow_when_a_slow_cut_is_left(world: LinkWorld, links: Links) -> None:
    """The longer of the two is in force, then the other; nothing is lost on the way."""
    slow = links.cut([("s1", "s2")], Cut.slow(ms=100))
    hold = links.cut([("s1", "s2")], Cut.HOLD)
    with Caller(address(world)) as caller:
        caller.ask("held")
        assert caller.outcome(within_real_s=SILENCE_REAL_S) == "silent"
        links.heal(hold)
        assert links.verify().reading("s1", "s2").code == "olo"
        assert caller.outcome() == "answered"
    links.heal(slow)
    assert whole(links)


def test_what_is_held_passes_the_idle_queues_of_delays_that_have_ended(
    world: LinkWorld, links: Links
) -> None:
    """A second hold holds with the queue of the first; behind it is that of a slow cut."""
    for earlier in (Cut.HOLD, Cut.slow(ms=50)):
        links.heal(links.cut([("s1", "s2")], earlier))
    hold = links.cut([("s1", "s2")], Cut.HOLD)
    with Caller(address(world)) as caller:
        caller.ask("held")
        assert caller.outcome(within_real_s=SILENCE_REAL_S) == "silent"
        links.heal(hold)
        assert caller.outcome() == "answered"
    left = links.server.proxy("w1-peer-s1-s2")
    assert idle_queues(left) == {"cut_held_upstream", "cut_slow_upstream"}
    assert whole(links)


def test_a_hold_that_leaks_is_found_out(world: LinkWorld, links: Links) -> None:
    """Somebody let the messages go behind the harness's back: their late answer is seen."""
    hold = links.cut([("s1", "s2")], Cut.HOLD)
    proxy = links.toxiproxy().get_proxy("w1-peer-s1-s2")
    proxy.destroy_toxic("cut_held_upstream")
    proxy.add_toxic(
        type="latency",
        stream="upstream",
        name="cut_held_upstream",
        attributes={"latency": 3_600_000, "jitter": 0},
    )
    with pytest.raises(FaultNotInForce, match=r"just before healing hold s1->s2: 1 link") as caught:
        healed_after_a_while(links, hold)
    assert "seen connect ok, request ok, reply late" in str(caught.value)
    assert whole(links)


def healed_after_a_while(links: Links, hold: Hold) -> None:
    """Heal when the answer that slipped through is there."""
    wait_for(
        "the leaked answer",
        lambda: links.matrix().reading("s1", "s2").code,
        lambda code: "l" in code,
        ARRIVAL_REAL_S,
    )
    links.heal(hold)


def befall(world: LinkWorld, how: str) -> None:
    for port in world.nodes["s2"]:
        port.pause() if how.startswith("paused") else port.kill()
    if how.startswith("killed"):
        world.links.node_died("s2")
    else:
        world.links.set_condition("s2", Condition.PAUSED)
    if how.endswith(("again", "resumed")):
        restore(world, how.partition(" ")[0])


def restore(world: LinkWorld, how: str) -> None:
    for port in world.nodes["s2"]:
        if how == "killed":
            port.start()
        elif how == "paused":
            port.resume()
    if how == "killed":
        world.links.node_started("s2")
    elif how == "paused":
        world.links.set_condition("s2", Condition.RUNNING)


def held_ids(world: LinkWorld) -> list[str]:
    """Return the ids that have reached s2 but for those of probes."""
    return [one for one in world.nodes["s2"][0].seen if one != "control" and not is_probe(one)]


def is_probe(call_id: str) -> bool:
    prefix, _, number = call_id.partition("-")
    return len(prefix) == 8 and number.isdigit() and all(letter in "0123456789abcdef" for letter in prefix)


def address(world: LinkWorld) -> str:
    return next(link.listen for link in world.links.links if link.name == "peer-s1-s2")


def whole(links: Links) -> bool:
    return {cell.reading.code for cell in links.verify()} == {WHOLE} and links.cut_now() == ()
