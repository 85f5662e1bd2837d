"""The calls that change a proxy: what the real server makes of them, and what is not even sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.links.api import ApiError, Call, Proxy, Toxic, ToxiproxyApi
from harness.links.calls import ATTRIBUTES, LEAST, add_toxic, delete_proxy, enable, remove_toxic, update_toxic
from harness.ports import Reservations
from tests.doubles.world import LinkServerProcess

SLOW = Toxic(name="slow", type="latency", stream="downstream", attributes={"latency": 5, "jitter": 2})


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ToxiproxyApi]:
    with Reservations() as ports:
        server = LinkServerProcess(ports.reserve(1)[0], tmp_path / "links.log")
        server.api.populate([Proxy(name="p", listen="127.0.0.1:0", upstream="127.0.0.1:9", enabled=True)])
        yield server.api
        server.close()


def test_a_toxic_is_added_changed_and_removed(api: ToxiproxyApi) -> None:
    """What an update does not name keeps its value."""
    api.call(add_toxic("p", SLOW))
    assert api.toxic("p", "slow") == SLOW
    faster = Toxic(name="slow", type="latency", stream="downstream", toxicity=0.5, attributes={"latency": 1})
    api.call(update_toxic("p", faster))
    assert api.toxic("p", "slow").attributes == {"latency": 1, "jitter": 2}
    assert api.proxy("p").toxics[0].toxicity == 0.5
    api.call(remove_toxic("p", "slow"))
    assert api.proxy("p").toxics == ()


def test_a_proxy_is_closed_opened_and_ended(api: ToxiproxyApi) -> None:
    """Asked for by itself it is a 404 then."""
    api.call(enable("p", enabled=False))
    assert not api.proxy("p").enabled
    api.call(enable("p", enabled=True))
    assert api.proxy("p").enabled
    api.call(delete_proxy("p"))
    with pytest.raises(ApiError, match="404 to GET /proxies/p: proxy not found"):
        api.proxy("p")
    with pytest.raises(ApiError, match="404 to GET /proxies/p/toxics/slow: proxy not found"):
        api.toxic("p", "slow")


def test_a_toxic_that_is_not_there_is_a_404(api: ToxiproxyApi) -> None:
    """On a proxy that is."""
    with pytest.raises(ApiError, match="404 to GET /proxies/p/toxics/none: toxic not found"):
        api.toxic("p", "none")


@pytest.mark.parametrize("type_", list(ATTRIBUTES))
def test_the_server_knows_every_type_and_attribute_that_we_do(api: ToxiproxyApi, type_: str) -> None:
    """It would ignore one that it does not know, so the answer is what counts."""
    attributes = {name: number for number, name in enumerate(ATTRIBUTES[type_], start=1)}
    toxic = Toxic(name="t", type=type_, stream="upstream", attributes=attributes)
    api.call(add_toxic("p", toxic))
    assert api.proxy("p").toxics == (toxic,)


@pytest.mark.parametrize(
    ("type_", "attributes", "problem"),
    [
        ("delay", {}, "no toxic is of type 'delay'; right would be one of latency, bandwidth"),
        ("latency", {"delay": 5}, "a latency toxic has no 'delay'; right would be one of latency, jitter"),
        ("latency", {"latency": 1.0}, "latency of a latency toxic is 1.0; right would be a whole number"),
        ("latency", {"latency": True}, "latency of a latency toxic is True; right would be a whole number"),
        ("bandwidth", {"rate": -1}, "rate of a bandwidth toxic is -1: it would crash Toxiproxy"),
        ("slicer", {"average_size": 4, "size_variation": -1}, "size_variation of a slicer toxic is -1"),
        ("slicer", {}, "average_size of a slicer toxic is 0: it would crash Toxiproxy"),
    ],
)
def test_what_toxiproxy_would_ignore_or_die_of_is_not_sent(
    type_: str, attributes: dict[str, object], problem: str
) -> None:
    """It takes a mistyped attribute without a word, and some values end it with all its proxies."""
    with pytest.raises(ValueError, match=problem):
        add_toxic("p", Toxic(name="t", type=type_, stream="upstream", attributes=attributes))


def test_an_update_is_checked_like_an_addition() -> None:
    """Both crash it alike; an attribute that is left out keeps its value here."""
    with pytest.raises(ValueError, match="rate of a bandwidth toxic is -1"):
        update_toxic("p", Toxic(name="t", type="bandwidth", stream="upstream", attributes={"rate": -1}))
    toxic = Toxic(name="t", type="slicer", stream="upstream", toxicity=0.0)
    assert update_toxic("p", toxic) == Call(
        "PATCH", "/proxies/p/toxics/t", {"toxicity": 0.0, "attributes": {}}
    )


def test_what_must_not_be_below_its_least_is_an_attribute() -> None:
    """A typo in the table would let the crash through."""
    assert all(name in ATTRIBUTES[type_] for type_, name in LEAST)
