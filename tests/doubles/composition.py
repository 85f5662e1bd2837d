"""The rules by which cuts compose, written down a second time, as a reader of the design would apply them."""

from collections.abc import Iterable

from harness import Cut
from harness.links.effects import Effect, Stream, What
from harness.links.faults import Hold
from harness.links.link import Link

SOME_CUTS = [
    Cut.BLACKHOLE,
    Cut.HOLD,
    Cut.slow(100),
    Cut.slow(200, 50),
    Cut.REFUSE,
    Cut.LOSE_REQUESTS,
    Cut.LOSE_REPLIES,
    Cut.RESET,
    Cut.rate(10),
    Cut.rate(20),
    Cut.slow_close(5),
    Cut.slice(100, 7),
    Cut.slice(10),
    Cut.cut_after(1000),
    Cut.cut_after(10),
]


def left_by(holds: Iterable[Hold], one: Link) -> set[Effect]:
    """What these holds have in force on a link, by the rules as a reader would apply them."""
    wanted = {effect for hold in holds for name, effect in hold.effects if name == one.name}
    left = {effect for effect in wanted if effect.what is What.REFUSED}
    for stream in Stream:
        there = {effect for effect in wanted if effect.stream is stream}
        swallowing = [what for what in (What.LOST, What.HELD, What.RESET) if Effect(what, stream) in there]
        if swallowing:
            left.add(Effect(swallowing[0], stream))
            continue
        for what, strongest in (
            (What.SLOW, max),
            (What.RATE, min),
            (What.SLOW_CLOSE, max),
            (What.CUT_AFTER, min),
        ):
            amounts = [effect.amounts for effect in there if effect.what is what]
            left |= {Effect(what, stream, strongest(amounts))} if amounts else set()
        slices = [effect.amounts for effect in there if effect.what is What.SLICE]
        smallest = min((size for size, _ in slices), default=0)
        left |= (
            {Effect(What.SLICE, stream, max(one for one in slices if one[0] == smallest))}
            if slices
            else set()
        )
    return left
