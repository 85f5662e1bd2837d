"""The calls that bring a proxy from one set of effects to another, played on a model of Toxiproxy."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cuts import Cut
from harness.links.api import Call, Proxy, Toxic
from harness.links.changes import Way, joined, stages_of, way_of
from harness.links.effects import (
    DELAYING,
    NO_EFFECTS,
    Effect,
    Effects,
    Stream,
    What,
    effect_of,
    effects_seen,
    idle_queues,
    in_force,
    is_idle,
)
from harness.links.faults import effects_of
from harness.links.link import Channel, Link
from tests.doubles.composition import SOME_CUTS

LISTEN, UPSTREAM = "127.0.0.1:1", "127.0.0.1:2"
LINK = Link(source="a", target="b", channel=Channel.PEER, listen=LISTEN, upstream=UPSTREAM)
UP, DOWN = Stream.UPSTREAM, Stream.DOWNSTREAM
HELD, RESET = Effect(What.HELD, UP), Effect(What.RESET, UP)
SLOW = Effect(What.SLOW, UP, (5, 0))
CUT_AFTER = Effect(What.CUT_AFTER, UP, (10,))
SLICED, AT_RATE = Effect(What.SLICE, DOWN, (10, 500)), Effect(What.RATE, DOWN, (1,))

some_effects = st.lists(
    st.tuples(st.sampled_from(SOME_CUTS), st.sampled_from([("a", "b"), ("b", "a")])), max_size=5
).map(
    lambda faults: in_force(
        effect
        for cut, edge in faults
        for name, effect in effects_of(cut, edge, {("a", "b"): [LINK]})
        if name == LINK.name
    )
)


@settings(deadline=None)
@given(st.lists(st.tuples(some_effects, st.booleans()), max_size=5))
def test_the_calls_bring_a_proxy_from_any_effects_to_any_others(changes: list[tuple[Effects, bool]]) -> None:
    """The model then shows exactly the toxics that are wanted, each as a cut makes it, and idle queues."""
    proxy = Proxy(name="p", listen=LISTEN, upstream=UPSTREAM, enabled=True)
    before = NO_EFFECTS
    for after, is_stuck in changes:
        idle = idle_queues(proxy)
        way = way_of(before, after, is_stuck=is_stuck, idle_queues=idle)
        proxy = played(proxy, chain.from_iterable(stages_of("p", LINK, before, after, way, idle)))
        assert effects_seen(proxy) == after
        left = set() if way is Way.MADE_ANEW else (idle | delays(before)) - delays(after)
        assert idle_queues(proxy) == left
        assert all(effect_of(toxic) or is_idle(toxic) for toxic in proxy.toxics)
        before = after


@settings(deadline=None)
@given(some_effects, some_effects)
def test_nothing_is_ever_added_behind_a_queue_that_is_to_hold(before: Effects, after: Effects) -> None:
    """Toxiproxy lets one message go of the last toxic of a stream when it adds another."""
    if way_of(before, after, is_stuck=False) is not Way.IN_PLACE:
        return
    for stream in Stream:
        if Effect(What.HELD, stream) in before & after:
            added = [call for call in calls(before, after) if call.method == "POST"]
            assert not [call for call in added if call.body["stream"] == stream]  # type: ignore[index]


def test_requests_are_lost_before_replies_and_come_back_after_them() -> None:
    """So that no call slips through half a cut."""
    both = frozenset({Effect.REQUESTS_LOST, Effect.REPLIES_LOST})
    adding = [call.body["name"] for call in calls(NO_EFFECTS, both)]  # type: ignore[index]
    removing = [call.path for call in calls(both, NO_EFFECTS)]
    assert adding == ["cut_lost_upstream", "cut_lost_downstream"]
    assert removing == ["/proxies/p/toxics/cut_lost_downstream", "/proxies/p/toxics/cut_lost_upstream"]


@pytest.mark.parametrize(
    ("before", "after", "is_stuck", "way"),
    [
        ({HELD}, set(), False, Way.IN_PLACE),
        ({HELD}, {SLOW}, False, Way.IN_PLACE),
        ({SLOW}, {HELD}, False, Way.IN_PLACE),
        ({HELD}, set(), True, Way.MADE_ANEW),
        ({SLOW}, set(), True, Way.MADE_ANEW),
        ({Effect.REQUESTS_LOST}, set(), True, Way.IN_PLACE),
        ({HELD}, {Effect.REQUESTS_LOST}, False, Way.MADE_ANEW),
        ({HELD}, {RESET}, False, Way.MADE_ANEW),
        ({Effect.REQUESTS_LOST}, {HELD}, False, Way.MADE_ANEW),
        ({Effect.REQUESTS_LOST}, {SLOW}, False, Way.MADE_ANEW),
        ({Effect.REQUESTS_LOST}, set(), False, Way.IN_PLACE),
        (set(), {RESET}, False, Way.MADE_ANEW),
        ({RESET}, set(), False, Way.MADE_ANEW),
        ({HELD}, {HELD, Effect.REPLIES_LOST}, False, Way.IN_PLACE),
        ({SLOW, CUT_AFTER}, set(), False, Way.MADE_ANEW),
        ({SLOW, CUT_AFTER}, {SLOW}, False, Way.MADE_ANEW),
        ({SLOW, CUT_AFTER}, {SLOW, CUT_AFTER, Effect.REPLIES_LOST}, False, Way.IN_PLACE),
        ({Effect.REFUSED}, {RESET}, False, Way.MADE_ANEW),
        ({SLICED}, set(), False, Way.MADE_ANEW),
        ({SLICED}, {Effect(What.LOST, DOWN)}, False, Way.MADE_ANEW),
        ({SLICED}, {SLICED, HELD}, False, Way.IN_PLACE),
        ({AT_RATE}, set(), False, Way.MADE_ANEW),
        (set(), {AT_RATE}, False, Way.IN_PLACE),
    ],
)
def test_connections_end_where_they_would_carry_one_state_into_the_next(
    before: set[Effect], after: set[Effect], is_stuck: bool, way: Way
) -> None:
    """A reset's linger, the stream that lost bytes, the queue that nobody empties, or no longer."""
    assert way_of(frozenset(before), frozenset(after), is_stuck=is_stuck) is way


def test_a_delay_that_ends_acts_on_nothing_and_stays() -> None:
    """Removing its queue waits, with a lock held, for a reader that may be gone."""
    (stage,) = stages_of("p", LINK, frozenset({HELD}), NO_EFFECTS, Way.IN_PLACE)
    assert [(str(call), call.body) for call in stage] == [
        (
            "PATCH /proxies/p/toxics/cut_held_upstream",
            {"toxicity": 0.0, "attributes": {"latency": 3_600_000, "jitter": 0}},
        )
    ]


def test_what_is_held_goes_on_its_way_before_anything_else_ends() -> None:
    """The end of a loss closes the connections of its stream."""
    before = frozenset({HELD, Effect.REPLIES_LOST})
    stages = stages_of("p", LINK, before, NO_EFFECTS, Way.IN_PLACE)
    assert [[str(call) for call in stage] for stage in stages] == [
        ["PATCH /proxies/p/toxics/cut_held_upstream"],
        ["DELETE /proxies/p/toxics/cut_lost_downstream"],
    ]


def test_the_next_delay_takes_the_idle_queue_that_the_last_has_left() -> None:
    """A second toxic of its name would be refused; requests are cut before replies still."""
    cut = played(
        Proxy(name="p", listen=LISTEN, upstream=UPSTREAM, enabled=True), calls(NO_EFFECTS, frozenset({HELD}))
    )
    left = idle_queues(played(cut, calls(frozenset({HELD}), NO_EFFECTS)))
    assert left == {"cut_held_upstream"}
    (stage,) = stages_of("p", LINK, NO_EFFECTS, frozenset({HELD, Effect.REPLIES_LOST}), Way.IN_PLACE, left)
    assert [str(call) for call in stage] == [
        "PATCH /proxies/p/toxics/cut_held_upstream",
        "POST /proxies/p/toxics",
    ]


def test_an_idle_queue_in_front_of_something_else_is_not_woken() -> None:
    """It may be full of what the other, which has closed its connection, will never take."""
    idle = frozenset({SLOW.toxic.name})
    before = frozenset({CUT_AFTER})
    assert way_of(before, before | {SLOW}, is_stuck=False, idle_queues=idle) is Way.MADE_ANEW
    assert way_of(before, before | {AT_RATE}, is_stuck=False, idle_queues=idle) is Way.IN_PLACE
    assert way_of(frozenset({HELD}), frozenset({SLOW}), is_stuck=False, idle_queues=idle) is Way.IN_PLACE


def test_stages_of_many_proxies_are_one_after_another() -> None:
    """And the first of all are sent together."""
    one = [[Call("A", "1")], [Call("B", "1")]]
    assert joined([one, [], [[Call("A", "2")]]]) == [[Call("A", "1"), Call("A", "2")], [Call("B", "1")]]


def test_a_toxic_that_is_not_quite_ours_is_not_taken_for_it() -> None:
    """Such as one whose toxicity somebody has set to a half, or whose numbers are not numbers."""
    ours = Effect.REQUESTS_LOST.toxic
    for foreign in (
        replace(ours, toxicity=0.5),
        replace(ours, attributes={"timeout": 1}),
        replace(ours, type="latency"),
        Toxic(name="cut_slow_upstream", type="latency", stream="upstream", attributes={"latency": "a"}),
    ):
        proxy = Proxy(name="p", listen=LISTEN, upstream=UPSTREAM, enabled=True, toxics=(foreign,))
        assert effects_seen(proxy) == NO_EFFECTS


@pytest.mark.parametrize("cut", SOME_CUTS, ids=str)
def test_every_effect_is_recognised_by_its_toxic(cut: Cut) -> None:
    """With its amounts."""
    for _, effect in effects_of(cut, ("a", "b"), {("a", "b"): [LINK]}):
        if effect.stream is not None:
            assert effect_of(effect.toxic) == effect


def delays(effects: Effects) -> set[str]:
    return {effect.toxic.name for effect in effects if effect.what in DELAYING}


def calls(before: Effects, after: Effects, *, is_stuck: bool = False) -> list[Call]:
    way = way_of(before, after, is_stuck=is_stuck)
    return [call for stage in stages_of("p", LINK, before, after, way) for call in stage]


def played(proxy: Proxy, calls: Iterable[Call]) -> Proxy:
    for call in calls:
        body = dict(call.body or {})  # type: ignore[call-overload]
        name = call.path.rpartition("/toxics/")[2]
        rest = tuple(toxic for toxic in proxy.toxics if toxic.name != name)
        match call.method, call.path.split("/")[2:]:
            case "DELETE", [_]:
                proxy = replace(proxy, name="gone", toxics=())
            case "POST", []:
                proxy = Proxy(**body)
            case "PATCH", [_]:
                proxy = replace(proxy, enabled=body["enabled"])
            case "POST", [_, "toxics"]:
                assert body["name"] not in {toxic.name for toxic in proxy.toxics}
                proxy = replace(proxy, toxics=(*proxy.toxics, Toxic(**body)))
            case "PATCH", [_, "toxics", _]:
                (old,) = (toxic for toxic in proxy.toxics if toxic.name == name)
                now = replace(
                    old,
                    toxicity=body["toxicity"],
                    attributes={**old.attributes, **body["attributes"]},
                )
                proxy = replace(proxy, toxics=(*rest, now))
            case "DELETE", [_, "toxics", _]:
                assert rest != proxy.toxics
                proxy = replace(proxy, toxics=rest)
            case _:
                raise AssertionError(f"no call of ours: {call}")
    return proxy
