"""`cutheal bench api`: a node's client API against a bare waitress process that answers a constant.

Both get the very same requests, in turn, from the same asker. The node is alone and answers for itself: no
link, no forward and no member is part of the figures. It runs at time scale 1, as in life.
"""

import statistics
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import cycle, islice

from harness.bench.bare_servers import PRELOAD, bare_server
from harness.bench.case import Case
from harness.bench.closed_loop import ask_all
from harness.bench.registry import beat_request, list_request, register_request, service_name
from harness.bench.run import Run
from harness.processes import Launcher
from harness.spec import ClusterSpec

GOAL_RATIO = 0.6
CONNECTIONS = 4
"""As many as waitress has threads by default: none of them waits for a thread, in either server."""

REQUESTS = 400
"""Of one sample of throughput: about a tenth of a second."""

ROUND_TRIPS = 100
SERVICES = 10
INSTANCES = 30
"""Three in each service, as in the documents' story."""

_KINDS = {"register": register_request, "beat": beat_request, "list": list_request}


def cases(run: Run) -> list[Case]:
    """Measure throughput and latency of each kind of request."""
    spec = ClusterSpec(nodes=1, time_scale=1.0)
    cluster = run.session.cluster(spec, owner="cutheal bench api")
    try:
        with (
            Launcher.start(run.session.options.folder / "bare", PRELOAD) as launcher,
            bare_server(launcher) as bare,
        ):
            node = cluster.nodes[0].address
            ask_all(node, _requests("register"), CONNECTIONS)
            return [case for kind in _KINDS for case in _cases(run, kind, node, bare)]
    finally:
        cluster.close()


def _cases(run: Run, kind: str, node: str, bare: str) -> Iterator[Case]:
    requests = _requests(kind)
    yield Case.of(
        run.interleaved(f"api: {kind}, throughput", *(partial(_per_s, at, requests) for at in (node, bare))),
        case=f"{kind}, {CONNECTIONS} connections",
        unit="1/s",
        goal=f"ratio at least {GOAL_RATIO}",
        is_met=lambda case: case.ratio >= GOAL_RATIO,
        more_is_better=True,
    )
    yield Case.of(
        run.interleaved(
            f"api: {kind}, latency", *(partial(_latency_ms, at, requests) for at in (node, bare))
        ),
        case=f"{kind}, round trip",
        unit="ms",
    )


def _requests(kind: str) -> list[bytes]:
    return [_KINDS[kind](service_name(number % SERVICES), number) for number in range(INSTANCES)]


def _per_s(address: str, requests: Sequence[bytes]) -> float:
    return REQUESTS / ask_all(address, islice(cycle(requests), REQUESTS), CONNECTIONS).took_real_s


def _latency_ms(address: str, requests: Sequence[bytes]) -> float:
    answered = ask_all(address, islice(cycle(requests), ROUND_TRIPS), 1)
    return statistics.median(answered.latencies_real_s) * 1000
