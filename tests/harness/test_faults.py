"""Faults as data: what a cut does to which proxies, and how cuts compose."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.links.api import Call, Proxy, Toxic
from harness.links.faults import (
    NO_EFFECTS,
    Cut,
    Effect,
    Effects,
    Ledger,
    calls_between,
    effects_of,
    effects_seen,
)
from harness.links.link import Channel, Link

LISTEN, UPSTREAM = "127.0.0.1:1", "127.0.0.1:2"


def link(source: str, target: str, channel: Channel = Channel.PEER) -> Link:
    return Link(source=source, target=target, channel=channel, listen=LISTEN, upstream=UPSTREAM)


AB, BA = link("a", "b"), link("b", "a")
CLIENT = link("C1", "a", Channel.CLIENT)
LINKS = {("a", "b"): [AB], ("b", "a"): [BA], ("C1", "a"): [CLIENT]}

some_effects = st.frozensets(st.sampled_from(list(Effect)))
some_holds = st.lists(
    st.frozensets(st.tuples(st.sampled_from([AB.name, BA.name]), st.sampled_from(list(Effect))), min_size=1),
    max_size=6,
)


@pytest.mark.parametrize(
    ("kind", "edge", "expected"),
    [
        (
            Cut.BLACKHOLE,
            ("a", "b"),
            {("peer-a-b", Effect.REQUESTS_LOST), ("peer-b-a", Effect.REPLIES_LOST)},
        ),
        (Cut.REFUSE, ("a", "b"), {("peer-a-b", Effect.REFUSED)}),
        (Cut.LOSE_REQUESTS, ("a", "b"), {("peer-a-b", Effect.REQUESTS_LOST)}),
        (Cut.LOSE_REPLIES, ("a", "b"), {("peer-a-b", Effect.REPLIES_LOST)}),
        (Cut.BLACKHOLE, ("C1", "a"), {("client-C1-a", Effect.REQUESTS_LOST)}),
        (Cut.BLACKHOLE, ("a", "C1"), {("client-C1-a", Effect.REPLIES_LOST)}),
        (Cut.REFUSE, ("a", "C1"), set()),
    ],
)
def test_a_cut_acts_on_the_streams_of_the_designs_table(
    kind: Cut, edge: tuple[str, str], expected: set[tuple[str, Effect]]
) -> None:
    """Messages are cut on both proxies, connections on the one that the source opens."""
    assert effects_of(kind, edge, LINKS) == expected


@settings(deadline=None)
@given(some_holds, st.randoms(use_true_random=False))
def test_effects_last_as_long_as_any_hold_in_any_order_of_healing(
    all_effects: list[frozenset[tuple[str, Effect]]], shuffler: object
) -> None:
    """Nested and overlapping faults compose; a link heals when no fault holds it."""
    ledger = Ledger()
    holds = [ledger.take(Cut.BLACKHOLE, [], effects) for effects in all_effects]
    shuffler.shuffle(holds)  # type: ignore[attr-defined]
    while holds:
        for one in (AB, BA):
            expected = {effect for hold in holds for name, effect in hold.effects if name == one.name}
            assert ledger.effects_on(one) == expected
        gone = holds.pop()
        assert ledger.release(gone)
        assert not ledger.release(gone), "a hold ends once"
    assert ledger.effects_on(AB) == NO_EFFECTS


def test_death_refuses_beside_every_other_hold() -> None:
    """Start does not undo a `refuse` that a fault still holds, nor heal a death."""
    ledger = Ledger()
    hold = ledger.take(Cut.REFUSE, [("a", "b")], frozenset({(AB.name, Effect.REFUSED)}))
    ledger.died("b")
    ledger.release(hold)
    assert ledger.effects_on(AB) == {Effect.REFUSED}
    assert ledger.describe(AB) == "peer-a-b: refused (b is dead)"
    ledger.started("b")
    assert ledger.effects_on(AB) == NO_EFFECTS


@settings(deadline=None)
@given(some_effects, some_effects)
def test_the_calls_bring_a_proxy_from_any_effects_to_any_others(before: Effects, after: Effects) -> None:
    """Played on a model of a proxy, which then shows what is wanted."""
    proxy = Proxy(name="p", listen=LISTEN, upstream=UPSTREAM, enabled=True)
    for call in (*calls_between("p", NO_EFFECTS, before), *calls_between("p", before, after)):
        proxy = played(proxy, call)
    assert effects_seen(proxy) == after


def test_requests_are_lost_before_replies_and_come_back_after_them() -> None:
    """So that no call slips through half a cut."""
    both = frozenset({Effect.REQUESTS_LOST, Effect.REPLIES_LOST})
    adding = [call.body["name"] for call in calls_between("p", NO_EFFECTS, both)]  # type: ignore[index]
    removing = [call.path for call in calls_between("p", both, NO_EFFECTS)]
    assert adding == ["cut_upstream", "cut_downstream"]
    assert removing == ["/proxies/p/toxics/cut_downstream", "/proxies/p/toxics/cut_upstream"]


def test_a_toxic_that_is_not_quite_ours_is_not_taken_for_it() -> None:
    """Such as one whose toxicity somebody has set to a half."""
    half = Toxic(
        name="cut_upstream", type="timeout", stream="upstream", toxicity=0.5, attributes={"timeout": 0}
    )
    proxy = Proxy(name="p", listen=LISTEN, upstream=UPSTREAM, enabled=True, toxics=(half,))
    assert effects_seen(proxy) == NO_EFFECTS


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a#b"])
def test_a_name_that_would_not_survive_in_a_path_is_refused(name: str) -> None:
    """Toxiproxy takes names raw."""
    with pytest.raises(ValueError, match="cannot name a party"):
        link(name, "b")


def played(proxy: Proxy, call: Call) -> Proxy:
    fields = {"name": proxy.name, "listen": proxy.listen, "upstream": proxy.upstream}
    match call.method:
        case "PATCH":
            return Proxy(**fields, enabled=call.body["enabled"], toxics=proxy.toxics)  # type: ignore[index]
        case "POST":
            toxic = Toxic(**call.body)  # type: ignore[arg-type]
            return Proxy(**fields, enabled=proxy.enabled, toxics=(*proxy.toxics, toxic))
        case _:
            left = tuple(toxic for toxic in proxy.toxics if not call.path.endswith(f"/toxics/{toxic.name}"))
            return Proxy(**fields, enabled=proxy.enabled, toxics=left)
