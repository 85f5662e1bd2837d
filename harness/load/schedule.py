"""When each client means to send: pure, the same for the same plan.

In an open loop a late answer does not put off the next intended send: it is sent late, and its latency counts
from when it was meant (Gil Tene, "How NOT to Measure Latency": coordinated omission, as wrk2 avoids it). Each
client has a schedule of its own: a client that hangs on a stuck node is owed its sends to that very node.
"""

from collections.abc import Iterator
from itertools import count
from random import Random

from harness.load.plan import Arrivals, LoadPlan


def intended_real_s(plan: LoadPlan, client: int) -> Iterator[float]:
    """Yield one client's intended sends, in real seconds since the load began, without end.

    Args:
        plan: an open loop.
        client: its number, from 0.

    """
    assert plan.rate_per_real_s is not None, "a closed loop intends nothing"
    if plan.arrivals == Arrivals.POISSON:
        return _poisson(plan.rate_per_real_s / plan.clients, Random(f"{plan.seed} {client}"))
    return ((client + turn * plan.clients) / plan.rate_per_real_s for turn in count())


def _poisson(rate_per_real_s: float, random: Random) -> Iterator[float]:
    at = 0.0
    while True:
        at += random.expovariate(rate_per_real_s)
        yield at
