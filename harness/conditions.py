"""Under which conditions something was measured, and whether two measurements may be compared at all.

Figures of another machine, link server, time scale or cluster say nothing about a change of the program.
Invariant: a condition that one side has and the other lacks counts as different; nothing is guessed.
"""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

Conditions = Mapping[str, str | int | float | None]
"""What has to be equal, by name: "cores" -> 2, "links" -> "toxiproxy 2.12.0"."""

_BYTES_PER_GB = 2**30
_CPU_INFO = Path("/proc/cpuinfo")


class UnlikeConditions(Exception):
    """Two measurements that must not be compared; the message says why, in one line."""


def machine_conditions() -> dict[str, str | int | float | None]:
    """Return what this machine contributes: its name, processor, usable cores, memory, system and Python."""
    return {
        "machine": platform.node(),
        "processor": _processor(),
        "cores": _usable_cores(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _BYTES_PER_GB),
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def differences(before: Conditions, now: Conditions) -> list[str]:
    """Return one phrase for each condition that differs, such as `cores: 2, then 4`."""
    names = dict.fromkeys([*before, *now])
    return [
        f"{name}: {_said(before, name)}, then {_said(now, name)}"
        for name in names
        if name not in before or name not in now or before[name] != now[name]
    ]


def require_alike(before: Conditions, now: Conditions, what: str) -> None:
    """Refuse a comparison of what was measured under different conditions.

    Args:
        before: of the older measurement.
        now: of the newer one.
        what: names both, for the message: "a.json and b.json".

    Raises:
        UnlikeConditions: says which conditions differ, and how.

    """
    unlike = differences(before, now)
    if unlike:
        raise UnlikeConditions(f"{what} cannot be compared: {'; '.join(unlike)}")


def _said(conditions: Conditions, name: str) -> str:
    return str(conditions[name]) if name in conditions else "not said"


def _usable_cores() -> int:
    """The cores this process may run on: a container or taskset may leave it fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
