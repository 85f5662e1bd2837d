"""`python -m tests.harness.closing_clients`: does a heal end while clients close their connections?

Clients ask through a degraded link and close before their answer is whole, in the moments in which it is
healed; or, with --given-up, just before. Toxiproxy 2.12 may wait for ever then for who no longer reads.
Exits 1 if it did.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from uuid import uuid4

from harness.cuts import Cut
from harness.links.api import LinkServerDied
from harness.waiting import wait_for
from tests.doubles.caller import ANSWER_REAL_S, Caller
from tests.doubles.world import LinkWorld

CLIENTS = 5
ANSWERS = 60
"""Of ten bytes each: an answer is so long that it is under way while the link is healed."""

QUESTIONS, LONG_ANSWERS = 3, 2000
"""Of a client that gives up: what is held for it is more than it is sent before its end is known."""

CLOSED_WITHIN_REAL_S = 0.01


def main(argv: Sequence[str] | None = None) -> int:
    """Heal so often and print in how many heals the link server hung; return the exit code."""
    options = _options(argv)
    drawn = Random(options.seed)
    hung = 0
    left = options.heals
    while left:
        with tempfile.TemporaryDirectory() as folder, LinkWorld(Path(folder), nodes=2) as world:
            try:
                for _ in range(1 if options.given_up else left):  # the next cut would come too soon
                    left -= 1
                    _heal_once(world, options, drawn)
            except LinkServerDied as hang:
                hung += 1
                print(hang)
    print(f"{options.cut}: the link server hung in {hung} of {options.heals} heals")
    return 1 if hung else 0


def _heal_once(world: LinkWorld, options: argparse.Namespace, drawn: Random) -> None:
    (listen,) = (link.listen for link in world.links.links if (link.source, link.target) == ("s1", "s2"))
    if options.given_up:
        hold = world.links.cut([("s2", "s1")], options.cut)
        _give_up(world, listen)
        world.links.heal(hold)
        return
    hold = world.links.cut([("s1", "s2")], options.cut)
    clients = [Caller(listen) for _ in range(CLIENTS)]
    for client in clients:
        client.ask_for(ANSWERS)
    moments = sorted(drawn.uniform(0, CLOSED_WITHIN_REAL_S) for _ in clients)
    closing = threading.Thread(target=_close, args=(clients, time.monotonic(), moments))
    closing.start()
    try:
        world.links.heal(hold)
    finally:
        closing.join()


def _give_up(world: LinkWorld, listen: str) -> None:
    """Have clients ask, and close when all their answers are on their way."""
    clients = {f"given-up-{uuid4().hex}": Caller(listen) for _ in range(CLIENTS)}
    for last, client in clients.items():
        for _ in range(QUESTIONS):
            client.ask_for(LONG_ANSWERS)
        client.ask(last)
    wait_for(
        "the last question of each client to have come",
        lambda: set(world.nodes["s2"][0].seen),
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
    parser.add_argument("--heals", type=int, default=1500, help="how many (1500)")
    parser.add_argument(
        "--cut", type=Cut.parse, default=Cut.slice(10, 500), help="of s1 -> s2 (slice(10,500))"
    )
    parser.add_argument(
        "--given-up", action="store_true", help="cut the answers; clients close just before the heal"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the moments (1)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
