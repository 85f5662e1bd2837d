"""`python -m tests.worlds.cp.ephemeral_rate`: does ephemeral traffic notice that CP has lost its quorum?

One node of three is asked to register ephemeral instances of services that it owns, as fast as it answers,
first while all is whole, then while all three are cut from each other, so that nobody leads, and clients
keep asking for persistent writes that cannot be done. The rates are of the same run and the same asker.
"""

import argparse
import itertools
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from harness.bench.closed_loop import Answered, ask_all
from harness.bench.registry import register_request
from harness.client import Instance, NodeApi
from harness.cluster import Cluster
from harness.command import parsed, say
from harness.command_session import add_cluster_options, command_session
from harness.exit_codes import ExitCode
from harness.http_client import ApiError, Unreachable
from harness.node import Node
from harness.ownership import owner_of
from harness.spec import ClusterSpec
from harness.stall import Canary

GOAL = 0.9
CONNECTIONS = 4
ASKING_FOR_PERSISTENT = 4
WARM_UP_REAL_S = 0.5
INSTANCES = 30
WITHIN_S = 600.0


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; return 0 if the rate without a quorum is at least 0.9 of that before."""
    arguments = parsed(_parser(), argv)
    with command_session(arguments) as session, Canary() as canary:
        cluster = session.cluster(ClusterSpec(nodes=3, cp=True), owner="ephemeral rate")
        begun = time.monotonic()
        before, without, refused = measure(cluster, arguments.seconds)
        stall_ms = canary.worst_since(begun) * 1000
    ratio = without / before
    document = {
        "before_per_s": round(before, 1),
        "without_quorum_per_s": round(without, 1),
        "ratio": round(ratio, 3),
        "goal": GOAL,
        "met": ratio >= GOAL,
        "persistent_refused": refused,
        "stall_ms": round(stall_ms, 1),
    }
    text = (
        f"ephemeral registrations a second: {before:.0f} before, {without:.0f} without a quorum, ratio "
        f"{ratio:.2f} (goal: {GOAL} or more); {refused} persistent writes refused meanwhile; longest stall "
        f"{stall_ms:.0f} ms"
    )
    say(arguments, document, text)
    return ExitCode.DONE if ratio >= GOAL else ExitCode.NOT_SO


def measure(cluster: Cluster, real_s: float) -> tuple[float, float, int]:
    """Return the rate before and without a quorum, and how many persistent writes were refused meanwhile."""
    cluster.wait_leader(within_s=WITHIN_S)
    node = cluster.nodes[0]
    service = owned_all_along(node, cluster)
    rate(node, service, min(WARM_UP_REAL_S, real_s))
    before = rate(node, service, real_s)
    with cluster.partition(*([each] for each in cluster.nodes)):
        cluster.wait_until(lambda: node.raft.leader, None, within_s=WITHIN_S)
        with asking_for_persistent(node) as refused:
            without = rate(node, service, real_s)
    return before, without, len(refused)


def owned_all_along(node: Node, cluster: Cluster) -> str:
    """Return the name of a service that the node owns whichever of the others it holds for healthy."""
    others = [member.address for member in cluster.nodes if member is not node]
    rings = [
        [node.address, *some]
        for count in range(len(others) + 1)
        for some in itertools.combinations(others, count)
    ]
    names = (f"Ephemeral{number}" for number in itertools.count())
    return next(name for name in names if {owner_of(name, ring) for ring in rings} == {node.address})


def rate(node: Node, service: str, real_s: float) -> float:
    """Register again and again for so long; return how many a second."""
    answered: Answered = ask_all(node.address, _requests(service, real_s), CONNECTIONS)
    return len(answered.latencies_real_s) / answered.took_real_s


def _requests(service: str, real_s: float) -> Iterator[bytes]:
    requests = itertools.cycle([register_request(service, number) for number in range(INSTANCES)])
    end = time.monotonic() + real_s
    return itertools.takewhile(lambda _: time.monotonic() < end, requests)


@contextmanager
def asking_for_persistent(node: Node) -> Iterator[list[str]]:
    """Have clients ask for persistent writes for the time of the block; give why each was refused."""
    ending = threading.Event()
    refused: list[str] = []

    def ask(number: int) -> None:
        api = NodeApi(f"http://{node.address}")
        while not ending.is_set():
            try:
                api.register("persistent", Instance("127.0.0.1", number + 1), ephemeral=False)
            except (ApiError, Unreachable) as refusal:
                refused.append(str(refusal))
        api.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(ASKING_FOR_PERSISTENT)]
    for thread in threads:
        thread.start()
    try:
        yield refused
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.worlds.cp.ephemeral_rate",
        description="The rate of ephemeral registrations while CP has no quorum, against the rate before.",
        epilog="exit codes: 0 the rate is at least 0.9 of that before; 1 it is not; 64 usage",
    )
    parser.add_argument("--seconds", type=float, default=5.0, metavar="S", help="real, each (%(default)g)")
    add_cluster_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
