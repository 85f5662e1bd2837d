"""`python -m tests.harness.closing_clients`: do a cut and a heal end while clients close their connections?

Clients ask through a link and close before their answer is whole: while the link is healed, just before it is
(the answers were cut), or while it is cut. Toxiproxy 2.12 may wait for ever then for who no longer reads.
Exits 1 if it did.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations, islice, repeat
from pathlib import Path
from random import Random
from uuid import uuid4

from harness.cuts import Cut
from harness.links.api import LinkServerDied
from harness.topology import Edge
from harness.waiting import wait_for
from tests.doubles.caller import ANSWER_REAL_S, Caller
from tests.doubles.world import LinkWorld

NODES = 5
CLIENTS = 5
ANSWERS = 60
"""Of ten bytes each: an answer is so long that it is under way while a degraded link is healed."""

QUESTIONS, LONG_ANSWERS = 3, 2000
"""Of a client that gives up, or whose link is whole: more than is sent before its end is known."""

HEAL_REAL_S, CUT_REAL_S = 0.01, 0.02
"""Clients close within so much of its beginning."""


def main(argv: Sequence[str] | None = None) -> int:
    """Cut and heal so often and print how often the link server hung; return the exit code."""
    options = _options(argv)
    drawn = Random(options.seed)
    hung = 0
    left = options.times
    while left:
        with tempfile.TemporaryDirectory() as folder, LinkWorld(Path(folder), nodes=NODES) as world:
            try:
                for edge in islice(_edges(world, options.when), left):
                    left -= 1
                    SCENES[options.when](world, edge, options.cut, drawn)
            except LinkServerDied as hang:
                hung += 1
                print(hang)
    print(f"{options.cut}: the link server hung {hung} of {options.times} times")
    return 1 if hung else 0


def _edges(world: LinkWorld, when: str) -> Iterable[Edge]:
    """Return the links to cut, one after another.

    Each but once where answers are let go before a heal: they may be under way still when the next cut comes.
    """
    return combinations(world.names, 2) if when == BEFORE_HEAL else repeat(("s1", "s2"))


def _during_heal(world: LinkWorld, edge: Edge, cut: Cut, drawn: Random) -> None:
    hold = world.links.cut([edge], cut)
    with _closing(_clients(world, edge), [ANSWERS], drawn, HEAL_REAL_S):
        world.links.heal(hold)


def _before_heal(world: LinkWorld, edge: Edge, cut: Cut, _drawn: Random) -> None:
    source, target = edge
    hold = world.links.cut([(target, source)], cut)
    _give_up(world, edge)
    world.links.heal(hold)


def _during_cut(world: LinkWorld, edge: Edge, cut: Cut, drawn: Random) -> None:
    source, target = edge
    with _closing(_clients(world, edge), [LONG_ANSWERS] * QUESTIONS, drawn, CUT_REAL_S):
        hold = world.links.cut([edge, (target, source)], cut)
    world.links.heal(hold)


BEFORE_HEAL = "before-heal"
SCENES = {"during-heal": _during_heal, BEFORE_HEAL: _before_heal, "during-cut": _during_cut}


def _clients(world: LinkWorld, edge: Edge) -> list[Caller]:
    (listen,) = (link.listen for link in world.links.links if (link.source, link.target) == edge)
    return [Caller(listen) for _ in range(CLIENTS)]


@contextmanager
def _closing(
    clients: Sequence[Caller], questions: Sequence[int], drawn: Random, within_real_s: float
) -> Iterator[None]:
    """Have clients ask for so much, and close in random moments from now on."""
    for client in clients:
        for answers in questions:
            client.ask_for(answers)
    moments = sorted(drawn.uniform(0, within_real_s) for _ in clients)
    closing = threading.Thread(target=_close, args=(clients, time.monotonic(), moments))
    closing.start()
    try:
        yield
    finally:
        closing.join()


def _give_up(world: LinkWorld, edge: Edge) -> None:
    """Have clients ask, and close when all their answers are on their way."""
    _, target = edge
    clients = {f"given-up-{uuid4().hex}": client for client in _clients(world, edge)}
    for last, client in clients.items():
        for _ in range(QUESTIONS):
            client.ask_for(LONG_ANSWERS)
        client.ask(last)
    wait_for(
        "the last question of each client to have come",
        lambda: set(world.nodes[target][0].seen),
        clients.keys().__le__,
        ANSWER_REAL_S,
    )
    for client in clients.values():
        client.close()


def _close(clients: Sequence[Caller], since_s: float, moments: Sequence[float]) -> None:
    """Close each at its moment."""
    never = threading.Event()
    for client, moment in zip(clients, moments, strict=True):
        never.wait(max(0.0, since_s + moment - time.monotonic()))
        client.close()


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=1500, help="how often (1500)")
    parser.add_argument("--cut", type=Cut.parse, default=Cut.slice(10, 500), help="which (slice(10,500))")
    parser.add_argument("--when", choices=SCENES, default="during-heal", help="clients close (during-heal)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (1)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
