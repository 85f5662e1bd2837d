"""What a test holds as `load`: it runs loads against clusters, and has their results."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from harness.cluster import Cluster
from harness.links.backend import title
from harness.load.crowd import Operation
from harness.load.folder import LoadFolder
from harness.load.plan import BadLoad, LoadPlan
from harness.load.result import LoadResult, read_result
from harness.load.running import Helpers, Running

_ID_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What a test's marker `load` says.

    Args:
        plan: the load.
        operation: what each client does, if the marker says it.
        is_spread: whether all workers of the run are to take a part.

    """

    plan: LoadPlan = field(default_factory=LoadPlan)
    operation: Operation | None = None
    is_spread: bool = False


class Load:
    """Runs loads for one test.

    Args:
        test: its id.
        folder: in which each of its loads gets a folder.
        marked: what its marker says.
        cluster: returns the cluster that the test has asked for.
        helpers: this worker and the others of the run.

    """

    def __init__(
        self, *, test: str, folder: Path, marked: Marked, cluster: Callable[[], Cluster], helpers: Helpers
    ) -> None:
        self._test = test
        self._folder = folder
        self._marked = marked
        self._cluster = cluster
        self._helpers = helpers if marked.is_spread else replace(helpers, present=lambda: ())
        self._numbers = count(1)
        self.results: list[LoadResult] = []
        """Of all loads that this test has run, in order."""

    @property
    def result(self) -> LoadResult:
        """Of the last load, once its block has ended.

        Raises:
            BadLoad: none has ended yet.

        """
        if not self.results:
            raise BadLoad(
                "load.result: no load has ended yet; it is there after the block of `with load.run`"
            )
        return self.results[-1]

    @contextmanager
    def run(
        self,
        operation: Operation | None = None,
        *,
        against: Cluster | None = None,
        lasting_s: float | None = None,
        **changed: Any,
    ) -> Iterator[Running]:
        """Run a load for the time of the block, which meanwhile does what it likes: cut, heal, kill, wait.

        Args:
            operation: what each client does again and again, given a `Client`: `lambda client:
                client.api.instances("orders")`. What it raises is counted by kind where it is an answer of
                the system under test, an `OSError` or an `AssertionError`; anything else is a mistake in the
                test, and raised at the end of the block. None: the marker's.
            against: the cluster; None: the fixture `cluster`.
            lasting_s: document seconds; a block that ends earlier waits for them. None: as long as the block.
            changed: what is to be otherwise than the marker says: `clients=`, `rate_per_real_s=`,
                `arrivals=`, `seed=`; see `LoadPlan`.

        Raises:
            BadLoad: a value makes no sense; or the load is spread and its operation not in the marker.

        """
        __tracebackhide__ = True
        cluster = against or self._cluster()
        plan, what = self._plan(changed), self._operation(operation)
        folder = self._folder_for(cluster, plan)
        running = Running(cluster, plan, what, folder=folder, helpers=self._helpers)
        try:
            yield running
            if lasting_s is not None:
                running.go_on_until(lasting_s)
        except KeyboardInterrupt:
            running.abandon()
            raise
        except BaseException as raised:
            self._end(running, folder, raised)
            raise
        self._end(running, folder)

    def _end(self, running: Running, folder: LoadFolder, raised: BaseException | None = None) -> None:
        """End the load; what it raises itself is a note where the block has raised already."""
        __tracebackhide__ = True
        try:
            running.end()
        except BaseException as problem:
            if raised is None:
                raise
            if problem is not raised:
                raised.add_note(f"and the load raised {type(problem).__name__}: {problem}")
        finally:
            self.results.append(read_result(folder))

    def _plan(self, changed: dict[str, Any]) -> LoadPlan:
        known = asdict(self._marked.plan)
        unknown = [name for name in changed if name not in known]
        if unknown:
            raise BadLoad(f"load.run has no {unknown[0]}=; there are {', '.join(known)}")
        return replace(self._marked.plan, **changed)

    def _operation(self, given: Operation | None) -> Operation:
        if self._marked.is_spread and given is not None:
            raise BadLoad(
                "a load that is spread over workers needs its operation in the marker: "
                "@pytest.mark.load(operation, spread=True); other workers cannot see one made in a test"
            )
        operation = given or self._marked.operation
        if operation is None:
            raise BadLoad(
                "load.run needs an operation: load.run(lambda client: client.api.instances('orders'))"
            )
        return operation

    def _folder_for(self, cluster: Cluster, plan: LoadPlan) -> LoadFolder:
        number = next(self._numbers)
        test = self._test if number == 1 else f"{self._test} #{number}"
        name = hashlib.sha256(f"{self._helpers.me} {test}".encode()).hexdigest()[:_ID_LENGTH]
        folder = LoadFolder(self._folder / name)
        folder.make(
            {
                "test": test,
                "nodeid": self._test,
                "worker": self._helpers.me,
                "pid": os.getpid(),
                "called": time.monotonic(),
                "spread": self._marked.is_spread,
                "plan": plan.as_json(),
                "program": cluster.program.name,
                "nodes": [node.plan.to_json() for node in cluster.nodes],
                "conditions": _conditions(
                    cluster, plan, is_spread=self._marked.is_spread, workers=self._helpers.workers
                ),
            }
        )
        return folder


def _conditions(cluster: Cluster, plan: LoadPlan, *, is_spread: bool, workers: int) -> dict[str, Any]:
    """What has to be equal for two loads to be compared, besides the machine."""
    server = cluster.links.server
    return {
        "program": cluster.program.name,
        "nodes": len(cluster.nodes),
        "profile": cluster.nodes[0].plan.profile,
        "config": str(dict(cluster.nodes[0].plan.config)),
        "time scale": cluster.time_scale,
        "links": title(server.backend, server.version),
        "clients": plan.clients,
        "rate_per_real_s": plan.rate_per_real_s,
        "arrivals": plan.arrivals if plan.is_open else "closed loop",
        "spread": is_spread,
        "workers": workers,
    }
