"""The floors of R22-R24 and of a heal: what the documents' own timers take when all else takes nothing.

Draws the phases of all timers at random and adds up what the rules of R11-R18 then need, as
`reference/measured.md` describes ("Time"): one failed report leaves the ring, a new owner judges beats only
from its take-over.
"""

import statistics
from math import ceil
from random import Random

PERIOD_S = 5.0
REPORT_TIMEOUT_S = 2.5
REMOVE_AFTER_S = 30.0
REGISTRATION_S = 3.0
SYNC_S = (1.0, 2.2)
"""A change waits 1 s for its batch; the prototype's slowest reached its peers after 2.2 s."""


def whole_story_s(draws: int = 20_000, seed: int = 1) -> float:
    """Return the median of steady + cut tables + heal tables, in document seconds."""
    random = Random(seed)
    return statistics.median(REGISTRATION_S + _cut_s(random) + _heal_s(random) for _ in range(draws))


def healed_s() -> float:
    """Return the median time after a heal until all members are UP everywhere, in document seconds.

    Each node reports every 5 s (R17); an answered report makes its target UP, and has the target report back
    at once. Nodes that were started together report together ever after: from a random moment to their next
    reports it is half a period in the median, however many they are. What waits to be sent is sent then.
    """
    return PERIOD_S / 2


def _cut_s(random: Random) -> float:
    """Until both sides list their own clients only: detection, then removal by whoever owns the service."""
    detected = [_phase(random) + REPORT_TIMEOUT_S for _ in range(3)]
    by_s1 = _next_tick(detected[0] + REMOVE_AFTER_S, random) + _sync(random)
    by_s2 = [_next_tick(detected[1] + REMOVE_AFTER_S, random) + _sync(random) for _ in range(2)]
    by_s3 = [_next_tick(detected[2] + REMOVE_AFTER_S, random) for _ in range(2)]
    last_beat = -_phase(random)
    kept_by_s3 = _next_tick(last_beat + REMOVE_AFTER_S, random)
    return max(by_s1, *by_s2, *by_s3, kept_by_s3)


def _heal_s(random: Random) -> float:
    """Until all lists are whole: reports, then verify or the next beats, then their sync."""
    seen = max(_phase(random) for _ in range(3))
    verified = [_next_tick(seen, random) for _ in range(2)]
    beaten = [_next_tick(seen, random) + _sync(random) for _ in range(4)]
    return max(*verified, *beaten)


def _next_tick(after_s: float, random: Random) -> float:
    phase = _phase(random)
    return phase + PERIOD_S * max(0, ceil((after_s - phase) / PERIOD_S))


def _phase(random: Random) -> float:
    return random.uniform(0, PERIOD_S)


def _sync(random: Random) -> float:
    return random.uniform(*SYNC_S)
