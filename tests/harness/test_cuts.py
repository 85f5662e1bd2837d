"""How a cut is named, and what is refused before anything is touched."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Cut
from harness.cuts import AMOUNTS, CutKind

KINDS = (
    "blackhole, hold, slow(ms, jitter_ms=0), refuse, lose_requests, lose_replies, reset, rate(kb), "
    "slow_close(ms), slice(size_bytes, delay_us=0), cut_after(size_bytes)"
)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("blackhole", Cut.BLACKHOLE),
        ("hold", Cut.HOLD),
        ("slow(200)", Cut.slow(ms=200)),
        (" slow ( 200 , 50 ) ", Cut.slow(ms=200, jitter_ms=50)),
        ("refuse", Cut.REFUSE),
        ("lose_requests", Cut.LOSE_REQUESTS),
        ("lose_replies", Cut.LOSE_REPLIES),
        ("reset", Cut.RESET),
        ("rate(10)", Cut.rate(kb=10)),
        ("slow_close(300)", Cut.slow_close(ms=300)),
        ("slice(10)", Cut.slice(size_bytes=10)),
        ("slice(10,500)", Cut.slice(size_bytes=10, delay_us=500)),
        ("cut_after(100)", Cut.cut_after(size_bytes=100)),
    ],
)
def test_a_cut_can_be_written_as_text(text: str, cut: Cut) -> None:
    """Equal to the one that its method makes."""
    assert Cut.parse(text) == cut


@given(st.sampled_from(list(CutKind)), st.data())
def test_the_text_of_a_cut_names_it_again(kind: CutKind, data: st.DataObject) -> None:
    """Reports and `--cut` speak the same language."""
    amounts = [data.draw(st.integers(amount.least, amount.most)) for amount in AMOUNTS.get(kind, ())]
    if kind is CutKind.SLOW:
        amounts[1] = min(amounts)
    cut = Cut(kind, tuple(amounts))
    assert Cut.parse(str(cut)) == cut


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("unplug", f"no cut is called 'unplug'; there are {KINDS}"),
        ("", f"no cut is called ''; there are {KINDS}"),
        ("slow(1", f"no cut is called 'slow(1'; there are {KINDS}"),
        ("slow", "slow is no cut; right would be slow(ms, jitter_ms=0)"),
        ("slow()", "slow is no cut; right would be slow(ms, jitter_ms=0)"),
        ("slow(1,2,3)", "slow(1,2,3) is no cut; right would be slow(ms, jitter_ms=0)"),
        ("refuse(1)", "refuse(1) is no cut; right would be refuse"),
        ("slow(0)", "slow: ms 0 is wrong; right would be a whole number from 1 to 3600000"),
        ("slow(-5)", "slow: ms -5 is wrong; right would be a whole number from 1 to 3600000"),
        ("slow(1.5)", "slow: ms '1.5' is wrong; right would be a whole number from 1 to 3600000"),
        ("slow(5,6)", "slow: jitter_ms 6 is wrong; right would be at most ms, 5"),
        ("rate(0)", "rate: kb 0 is wrong; right would be a whole number from 1 to 1000000"),
        ("rate(fast)", "rate: kb 'fast' is wrong; right would be a whole number from 1 to 1000000"),
        ("slice(0)", "slice: size_bytes 0 is wrong; right would be a whole number from 1 to 1000000000"),
        (
            "cut_after(0)",
            "cut_after: size_bytes 0 is wrong; right would be a whole number from 1 to 1000000000",
        ),
        (
            "slow_close(9999999)",
            "slow_close: ms 9999999 is wrong; right would be a whole number from 1 to 3600000",
        ),
    ],
)
def test_a_bad_text_is_refused_in_one_line(text: str, message: str) -> None:
    """What was wrong, and what would be right."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Cut.parse(text)


@pytest.mark.parametrize("bad", [0, -1, 1.0, "5", True, None])
def test_a_number_that_is_none_is_refused_by_the_methods_too(bad: object) -> None:
    """Toxiproxy would answer 400, take it for nothing, or crash."""
    for make in (Cut.slow, Cut.rate, Cut.slow_close, Cut.slice, Cut.cut_after):
        with pytest.raises(ValueError, match="is wrong; right would be a whole number from 1 to"):
            make(bad)  # type: ignore[arg-type]
