"""How much the machine keeps a process from running, and which time scale lives with that."""

import math
import time

from harness.doctor.finding import Finding, State
from harness.spec import TIME_SCALE_DEFAULT, TIME_SCALE_MIN
from harness.stall import NOISE_REAL_S, Canary
from harness.waiting import wait_for

WATCH_REAL_S = 3.0
SLACK_S = 10.0
"""Document seconds: an instance beats every 5 and is called unhealthy after 15."""
MARGIN = 4
"""What was seen in moments is a sample: the worst of a whole suite is a few times as long."""
TIME_SCALE_MAX = 1.0


def look(watch_real_s: float = WATCH_REAL_S) -> Finding:
    """Watch the machine, and judge."""
    with Canary() as canary:
        began = time.monotonic()
        wait_for("the canary", time.monotonic, lambda now: now >= began + watch_real_s, 2 * watch_real_s)
        worst_real_s, lost_real_s = canary.worst_since(began), canary.stretch(began)
    return judge(worst_real_s, lost_real_s, watch_real_s)


def judge(worst_real_s: float, lost_real_s: float, watch_real_s: float) -> Finding:
    """Say which time scale is safe.

    Args:
        worst_real_s: the longest stall that was seen.
        lost_real_s: the sum of all.
        watch_real_s: how long it was looked for.

    """
    scale = safe_time_scale(worst_real_s)
    longest = f"longest stall {worst_real_s * 1000:.0f} ms" if worst_real_s else "no stall"
    seen = (
        f"{longest} (over {NOISE_REAL_S * 1000:.0f} ms) in {watch_real_s:g} s, "
        f"{lost_real_s / watch_real_s:.1%} of the time lost: "
    )
    if scale > TIME_SCALE_MAX:
        return Finding(
            name="noise",
            seen=seen + "no time scale is safe",
            state=State.PROBLEM,
            advice="end what else runs on this machine: verdicts would be about the machine, not the cluster",
        )
    if scale > TIME_SCALE_DEFAULT:
        advice = f"end what else runs, or use --time-scale {scale:g}"
        return Finding(
            name="noise", seen=f"{seen}safe from time scale {scale:g}", state=State.WARNING, advice=advice
        )
    return Finding(name="noise", seen=f"{seen}safe from time scale {scale:g}")


def safe_time_scale(worst_real_s: float) -> float:
    """Return the least time scale at which a stall four times as long expires no live instance."""
    return max(TIME_SCALE_MIN, math.ceil(MARGIN * worst_real_s / SLACK_S * 100) / 100)
