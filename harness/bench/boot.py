"""`cutheal bench boot`: a cluster ready, against as many bare waitress processes that answer."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.bench.report import Case, interleaved
from harness.ports import Reservations
from harness.processes import Launch, Launcher
from harness.session import Session
from harness.spec import TIME_SCALE_DEFAULT, ClusterSpec, least_time_scale
from harness.waiting import wait_for

SIZES = (1, 3, 5, 10, 20)
GOAL_RATIO = 4.0
ANSWER_WITHIN_REAL_S = 10.0


def cases(session: Session, pairs: int, tell: Callable[[str], None]) -> list[Case]:
    """Measure every size; `tell` hears which one is next."""
    with Launcher.start(session.options.folder / "bare", ("harness.bench.bare",)) as launcher:
        return [_case(session, launcher, nodes, pairs, tell) for nodes in SIZES]


def _case(session: Session, launcher: Launcher, nodes: int, pairs: int, tell: Callable[[str], None]) -> Case:
    tell(f"boot: {nodes} nodes, {pairs} pairs")
    measured, floor = interleaved(
        pairs, lambda: _cluster_ms(session, nodes), lambda: _bare_ms(session, launcher, nodes)
    )
    return Case(
        case=f"{nodes} nodes; scale {_time_scale(nodes):.2f}",
        measured=measured,
        floor=floor,
        unit="ms",
        goal=f"ratio at most {GOAL_RATIO:.0f}" if nodes == 3 else "",
        is_met=(lambda case: case.ratio <= GOAL_RATIO) if nodes == 3 else None,
    )


def _time_scale(nodes: int) -> float:
    """The default, or as slow as it takes for many nodes' own traffic not to be what is measured."""
    return max(TIME_SCALE_DEFAULT, 2 * least_time_scale(nodes, os.cpu_count() or 1))


def _cluster_ms(session: Session, nodes: int) -> float:
    started = time.monotonic()
    cluster = session.cluster(
        ClusterSpec(nodes=nodes, time_scale=_time_scale(nodes)), owner="cutheal bench boot"
    )
    took_ms = (time.monotonic() - started) * 1000
    cluster.close()
    return took_ms


def _bare_ms(session: Session, launcher: Launcher, nodes: int) -> float:
    with Reservations() as ports:
        addresses = ports.reserve(nodes)
        folder = session.options.folder / "bare"
        launches = [
            Launch(
                name=f"bare{number}",
                log_path=folder / "bare.log",
                argv=(address.rsplit(":", 1)[1],),
                entry="harness.bench.bare:main",
            )
            for number, address in enumerate(addresses)
        ]
        started = time.monotonic()
        with _running(launcher, launches):
            for address in addresses:
                wait_for(f"an answer of {address}", lambda a=address: _answers(a), bool, ANSWER_WITHIN_REAL_S)  # type: ignore[misc]
            return (time.monotonic() - started) * 1000


@contextmanager
def _running(launcher: Launcher, launches: list[Launch]) -> Iterator[None]:
    processes = launcher.spawn_all(launches)
    try:
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait(ANSWER_WITHIN_REAL_S)


def _answers(address: str) -> bool:
    host, port = address.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), 1) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.")
    except OSError:
        return False
