"""The API calls that bring a proxy from one set of effects to another.

Invariant: no call slips through half a change. Cutting, a link is refused first and requests are cut before
replies; healing goes the other way round. What a live connection would carry from one state into the next
- a reset's linger, the stream that lost bytes, the queue that nobody empties - ends with the connection:

- *in place* connections live on, but that Toxiproxy closes those of a stream that lost bytes. A delay that
  ends in place is told to act on nothing and stays, an idle queue for the next delay: what was held goes on
  its way, and where its receiver has gone meanwhile Toxiproxy 2.12 hangs if the queue is removed in that
  moment;
- *made anew* means that the proxy is deleted and created, which closes every connection and drops what was
  queued: Toxiproxy 2.12 hangs for ever when it is to flush a queue to an end that has died, into another
  toxic of the same stream that has closed the connection (`slow` over `cut_after`, seen in 1 heal of 100), or
  to a client that closes in that moment, pieces of an answer before it (`slice`: 44 of 1,500 heals, when
  clients close while it is healed). A toxic of a proxy whose connections are just being closed would be as
  unsafe to change, so disabling it meanwhile would not do.
"""

from collections.abc import Iterable
from enum import StrEnum
from itertools import chain, zip_longest

from harness.links.api import Call
from harness.links.calls import add_toxic, delete_proxy, enable, remove_toxic, update_toxic
from harness.links.effects import (
    DELAYING,
    PIECEWISE,
    QUEUEING,
    Effect,
    Effects,
    Stream,
    What,
    idle,
    on_stream,
)
from harness.links.link import Link

Names = frozenset[str]

Stage = list[Call]
"""Calls that may be sent back to back; the next stage waits for their answers."""


class Way(StrEnum):
    """How a proxy is changed; see above."""

    IN_PLACE = "in place"
    MADE_ANEW = "made anew"


def way_of(before: Effects, after: Effects, *, is_stuck: bool, idle_queues: Names = frozenset()) -> Way:
    """Return how to change a proxy.

    Args:
        before: what is in force.
        after: what should be.
        is_stuck: an end of the link has died, was paused or was cut off since something was queued.
        idle_queues: names of toxics that ended delays have left.

    """
    gone = before - after
    if is_stuck and any(effect.what in QUEUEING for effect in gone):
        return Way.MADE_ANEW
    used_again = {effect.stream for name, effect in _toxics(after - before).items() if name in idle_queues}
    if any(effect.stream in used_again and effect.what not in DELAYING for effect in before):
        return Way.MADE_ANEW
    ends = any(_ends_connections(on_stream(before, stream), on_stream(after, stream)) for stream in Stream)
    return Way.MADE_ANEW if ends else Way.IN_PLACE


def stages_of(
    proxy: str, link: Link, before: Effects, after: Effects, way: Way, idle_queues: Names = frozenset()
) -> list[Stage]:
    """Return the calls that change a proxy, in the order in which they are to be made.

    Args:
        proxy: its name.
        link: which it serves.
        before: what is in force.
        after: what should be.
        way: how.
        idle_queues: names of toxics that ended delays have left on it.

    """
    match way:
        case Way.MADE_ANEW:
            fields = {"name": proxy, "listen": link.listen, "upstream": link.upstream, "enabled": not after}
            made = [delete_proxy(proxy), Call("POST", "/proxies", fields)]
            at_birth = frozenset({Effect.REFUSED}) if after else after
            return [made, *stages_of(proxy, link, at_birth, after, Way.IN_PLACE)]
        case Way.IN_PLACE:
            return _in_place(proxy, before, after, idle_queues)


def joined(changes: Iterable[list[Stage]]) -> list[Stage]:
    """Return the stages of several proxies' changes as stages of all of them."""
    every = list(changes)
    return [list(chain.from_iterable(stage)) for stage in zip_longest(*every, fillvalue=())]


def _ends_connections(before: dict[What, Effect], after: dict[What, Effect]) -> bool:
    """Tell whether connections would carry what one stream has into what it is to have."""
    if before != after and (PIECEWISE & before.keys() or (len(before) > 1 and QUEUEING & before.keys())):
        return True
    if What.HELD in before and What.LOST in after:
        return True
    return (What.RESET in before) != (What.RESET in after) or (
        What.LOST in before and What.LOST not in after and bool(after)
    )


def _in_place(proxy: str, before: Effects, after: Effects, idle_queues: Names) -> list[Stage]:
    """Return the calls that need no closed connection.

    What is held is let go in a stage of its own, so that it can arrive before anything else ends.
    """
    old, new = _toxics(before), _toxics(after)
    gone = [effect for name, effect in old.items() if name not in new][::-1]
    delays = [effect for effect in gone if effect.what in DELAYING]
    there = old.keys() | idle_queues
    begin: Stage = [enable(proxy, enabled=False)] if Effect.REFUSED in after - before else []
    begin += [
        (update_toxic if name in there else add_toxic)(proxy, effect.toxic)
        for name, effect in new.items()
        if old.get(name) != effect
    ]
    begin += [update_toxic(proxy, idle(delay)) for delay in delays]
    end = [remove_toxic(proxy, effect.toxic.name) for effect in gone if effect not in delays]
    if Effect.REFUSED in before - after:
        end.append(enable(proxy, enabled=True))
    return [stage for stage in ([begin, end] if delays else [begin + end]) if stage]


def _toxics(effects: Effects) -> dict[str, Effect]:
    """Return toxics by name, requests first."""
    toxics = [effect for effect in effects if effect.stream is not None]
    toxics.sort(key=lambda effect: (effect.stream is Stream.DOWNSTREAM, effect.what))
    return {effect.toxic.name: effect for effect in toxics}
