"""What a node has used so far: processor time, memory of its own, and what it counts itself at `/metrics`."""

import time

import psutil

from harness.node import Node
from harness.processes import kernel


def cpu_s(pid: int) -> float:
    """Return the processor time of all threads of a process, ended ones included, in seconds.

    Linux keeps it to the nanosecond (clock_getcpuclockid(3)); /proc and psutil round it to 10 ms, which is
    more than a node uses in some periods.
    """
    if kernel.LINUX:
        return time.clock_gettime((~pid << 3) | 2)
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def own_bytes(pid: int) -> int:
    """Return the memory that would be free if the process ended: a forked node shares the rest."""
    return int(psutil.Process(pid).memory_full_info().uss)


def counted(node: Node, counter: str) -> float:
    """Return a counter of the node's `/metrics`, all labels together; to answer costs the node a little."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - for one bench alone

    page = node.api.call("GET", "/metrics", {}).text
    samples = (sample for family in text_string_to_metric_families(page) for sample in family.samples)
    return sum(sample.value for sample in samples if sample.name == f"{counter}_total")
