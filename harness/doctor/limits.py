"""What the machine gives: files, processes, cores, memory, ports, space for temporary files."""

import os
import resource
import shutil
import tempfile
from pathlib import Path

import psutil

from harness.doctor.finding import Finding, judged
from harness.processes.kernel import LINUX
from harness.slots import capacity_for
from harness.spec import TIME_SCALE_DEFAULT

MB = 1 << 20
FILES_WANTED, FILES_NEEDED = 1024, 256
"""A link server holds two descriptors a connection, a cluster of five some 300 of them."""
TASKS_WANTED, TASKS_NEEDED = 512, 128
"""Threads count as processes do: a node has some 20, a cluster of five with agents 150."""
MEMORY_WANTED_MB, MEMORY_NEEDED_MB = 512, 128
"""A node costs about 20 MB of its own."""
PORTS_WANTED, PORTS_NEEDED = 2000, 300
"""A cluster of five with five agents reserves 60, and closed connections keep theirs for a minute."""
SPACE_WANTED_MB, SPACE_NEEDED_MB = 500, 50
PIDS_OF_CONTAINER = Path("/sys/fs/cgroup")
LOCAL_PORTS = Path("/proc/sys/net/ipv4")


def look() -> list[Finding]:
    """Return all findings of this page."""
    return [files(), tasks(), cores(), memory(), ports(), space()]


def files() -> Finding:
    """How many files a process may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return judged(
        "open files",
        f"{_limit(soft)} a process (hard limit {_limit(hard)})",
        _number(soft),
        warn_below=FILES_WANTED,
        fail_below=FILES_NEEDED,
        advice=f"`ulimit -n {FILES_WANTED}` or more before pytest",
    )


def tasks() -> Finding:
    """How many processes and threads this user, or this container, may still start."""
    running = _threads_of_this_user()
    left = _number(resource.getrlimit(resource.RLIMIT_NPROC)[0]) - running
    container = _pids_left(PIDS_OF_CONTAINER)
    free = min(left, container)
    seen = f"{running} run, " + ("no limit" if free == float("inf") else f"{free:.0f} more may be started")
    advice = f"`ulimit -u {running + TASKS_WANTED}` before pytest"
    if container < left:
        advice = f"give the container {TASKS_WANTED} more, such as `docker run --pids-limit`"
    return judged("processes", seen, free, warn_below=TASKS_WANTED, fail_below=TASKS_NEEDED, advice=advice)


def cores() -> Finding:
    """How many cores there are, how many this process may use, and what they carry."""
    all_of_them, ours = (
        os.cpu_count() or 1,
        (len(os.sched_getaffinity(0)) if LINUX else (os.cpu_count() or 1)),
    )
    slots = capacity_for(all_of_them, TIME_SCALE_DEFAULT)
    return judged(
        "cores",
        f"{ours} of {all_of_them}: {slots} nodes and agents at once at time scale {TIME_SCALE_DEFAULT}",
        ours,
        warn_below=min(2, all_of_them),
        fail_below=1,
        advice="more than one core, or a larger --time-scale",
    )


def memory() -> Finding:
    """How much memory is available."""
    free, total = psutil.virtual_memory().available // MB, psutil.virtual_memory().total // MB
    return judged(
        "memory",
        f"{free} of {total} MB available",
        free,
        warn_below=MEMORY_WANTED_MB,
        fail_below=MEMORY_NEEDED_MB,
        advice="end something else, or use fewer workers (-n)",
    )


def ports(folder: Path = LOCAL_PORTS) -> Finding:
    """How many ports the kernel can still deal, of which range, without those kept from it.

    Args:
        folder: of the kernel's settings.

    """
    try:
        low, high = map(int, (folder / "ip_local_port_range").read_text().split())
        kept = _numbers_of((folder / "ip_local_reserved_ports").read_text())
    except OSError:
        return Finding(name="ports", seen="this system does not tell its range of ephemeral ports")
    taken = {port for port in _local_ports() | kept if low <= port <= high}
    free = high - low + 1 - len(taken)
    return judged(
        "ports",
        f"{free} free of {low}-{high} ({len([p for p in kept if low <= p <= high])} reserved)",
        free,
        warn_below=PORTS_WANTED,
        fail_below=PORTS_NEEDED,
        advice="`sysctl net.ipv4.ip_local_port_range='32768 60999'`, or wait a minute",
    )


def space() -> Finding:
    """How much space there is for temporary files."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free // MB
    return judged(
        "temporary files",
        f"{free} MB free in {folder}",
        free,
        warn_below=SPACE_WANTED_MB,
        fail_below=SPACE_NEEDED_MB,
        advice=f"make room in {folder}, or set $TMPDIR",
    )


def _limit(value: int) -> str:
    return "unlimited" if value == resource.RLIM_INFINITY else str(value)


def _number(value: int) -> float:
    return float("inf") if value == resource.RLIM_INFINITY else value


def _threads_of_this_user() -> int:
    found = psutil.process_iter(["uids", "num_threads"])
    return sum(
        p.info["num_threads"] or 0 for p in found if p.info["uids"] and p.info["uids"].real == os.getuid()
    )


def _pids_left(folder: Path) -> float:
    """What the container's own limit leaves; without one, no bound."""
    try:
        return int((folder / "pids.max").read_text()) - int((folder / "pids.current").read_text())
    except (OSError, ValueError):  # no such control group, or "max"
        return float("inf")


def _local_ports() -> set[int]:
    """Local ports of all TCP sockets of this machine, also of those that are only remembered."""
    tables = [Path("/proc/net") / name for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows}


def _numbers_of(ranges: str) -> set[int]:
    """Read "8080,9148-9150"."""
    numbers: set[int] = set()
    for part in filter(None, ranges.strip().split(",")):
        first, _, last = part.partition("-")
        numbers |= set(range(int(first), int(last or first) + 1))
    return numbers
