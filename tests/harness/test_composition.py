"""Faults that overlap, on real links: whatever is cut and healed, in whatever order, the rest is in force."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import Cut
from harness.links import prober
from harness.links.effects import effects_seen, is_idle
from harness.links.fabric import Links
from harness.links.locate import find_server
from harness.topology import Edge
from tests.doubles.composition import SOME_CUTS, left_by
from tests.doubles.world import EMBEDDED, LinkWorld

if TYPE_CHECKING:
    from harness.links.faults import Hold

WHOLE = "ooo"
EDGES = [("s1", "s2"), ("s2", "s1")]
QUICK_CUTS = [cut if "slow(" not in str(cut) else Cut.slow(ms=30) for cut in SOME_CUTS] + [Cut.slow(40, 5)]

some_step = st.one_of(st.tuples(st.sampled_from(QUICK_CUTS), st.sampled_from(EDGES)), st.integers(0, 7))
"""A cut, or the heal of one of those in force."""


@pytest.fixture(scope="module", params=["toxiproxy", "embedded"])
def links(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Links]:
    path = EMBEDDED if request.param == "embedded" else find_server()
    with LinkWorld(tmp_path_factory.mktemp("links"), nodes=2, path=path) as world:
        world.links.verify()
        yield world.links


@settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(some_step, min_size=1, max_size=8))
def test_any_sequence_of_cuts_and_heals_leaves_exactly_the_toxics_of_the_live_faults(
    links: Links, steps: list[tuple[Cut, Edge] | int]
) -> None:
    """Each step is verified by the harness; the link server's own view is compared with the rules here."""
    live: list[Hold] = []
    try:
        for step in steps:
            if isinstance(step, tuple):
                cut, edge = step
                live.append(links.cut([edge], cut))
            elif live:
                links.heal(live.pop(step % len(live)))
            proxies = links.server.proxies()
            for link in links.links:
                assert effects_seen(proxies[links.proxy_name(link)]) == left_by(live, link)
    finally:
        links.heal_all()
    assert {cell.reading.code for cell in links.verify()} == {WHOLE}
    left = [toxic for proxy in links.server.proxies().values() for toxic in proxy.toxics]
    assert [toxic for toxic in left if not is_idle(toxic)] == []


@pytest.mark.parametrize("over", [Cut.BLACKHOLE, Cut.cut_after(20)], ids=str)
def test_a_held_request_whose_answer_another_fault_takes_is_no_alarm_at_heal(links: Links, over: Cut) -> None:
    """The hold of one direction and the loss of the other end together: the held probe has no answer."""
    links.cut([("s1", "s2")], Cut.HOLD)
    links.cut([("s2", "s1"), ("s1", "s2")][: 1 if over == Cut.BLACKHOLE else 2], over)
    links.verify()
    links.heal_all()
    assert {cell.reading.code for cell in links.verify()} == {WHOLE}


@pytest.mark.parametrize(
    ("under", "over", "both"),
    [
        (Cut.slow(50), Cut.BLACKHOLE, "oss"),
        (Cut.HOLD, Cut.REFUSE, "rrr"),
        (Cut.slow(50), Cut.RESET, "oxx"),
        (Cut.slow(50), Cut.slow(80), "olo"),
        (Cut.slow(50), Cut.rate(10), "ol*"),
        (Cut.LOSE_REPLIES, Cut.slow(50), "ols"),
        (Cut.RESET, Cut.LOSE_REQUESTS, "oss"),
        (Cut.HOLD, Cut.LOSE_REPLIES, "oss"),
        (Cut.rate(10), Cut.cut_after(20), "oo*"),
    ],
    ids=str,
)
def test_two_cuts_of_one_link_and_each_alone_again(links: Links, under: Cut, over: Cut, both: str) -> None:
    """Whichever ends first, the other stays in force as if it had been alone."""
    for first_ends in (True, False):
        first = links.cut([("s1", "s2")], under)
        alone = links.verify().reading("s1", "s2").code
        second = links.cut([("s1", "s2")], over)
        assert links.verify().reading("s1", "s2").code == both
        if first_ends:
            links.heal(first)
            assert links.verify().reading("s1", "s2").code == ROW[over.kind.value]
            links.heal(second)
        else:
            links.heal(second)
            assert links.verify().reading("s1", "s2").code == alone
            links.heal(first)
        assert {cell.reading.code for cell in links.verify()} == {WHOLE}


def test_nothing_is_asked_over_connections_that_a_cut_has_ended(
    links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy kernel may tell of their end a moment later: here it never does."""
    monkeypatch.setattr(prober, "is_idle", lambda _: True)
    under = links.cut([("s1", "s2")], Cut.rate(10))
    over = links.cut([("s1", "s2")], Cut.cut_after(20))
    assert links.verify().reading("s1", "s2").code == "oo*"
    links.heal(over)
    links.heal(under)
    assert {cell.reading.code for cell in links.verify()} == {WHOLE}


ROW = {
    "blackhole": "oss",
    "refuse": "rrr",
    "reset": "oxx",
    "slow": "olo",
    "rate": "oo*",
    "lose_requests": "oss",
    "lose_replies": "oos",
    "cut_after": "oo*",
}
