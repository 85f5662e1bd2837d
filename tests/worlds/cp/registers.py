"""Keys and values as persistent instances hold them: what a workload reads, writes and deletes in CP.

One service, without checks; a key is one of its instances, by port, its value a word of the metadata.
Invariant: an answer that is no answer is a `Refused` only where certainly nothing was done.
"""

from collections.abc import Sequence

from harness.client import Instance, NodeApi
from harness.cluster import Cluster
from harness.history import Call
from harness.http_client import ApiError, Unreachable
from harness.node import Node
from harness.workload import Refused, Unsure

SERVICE = "registers"
UNCHECKED = '{"type": "NONE"}'
TIMEOUT_REAL_S = 2.0
"""Longer than a node takes to say that it found no majority."""

PREPARED_WITHIN_S = 400.0


def keys(count: int, first: int = 1) -> list[str]:
    """Name so many keys."""
    return [f"k{number}" for number in range(first, first + count)]


def prepare(cluster: Cluster) -> None:
    """Create the service, through whoever leads; asked again while nobody does."""
    cluster.wait_until(lambda: _created(cluster.nodes[0]), True, within_s=PREPARED_WITHIN_S)


def _created(node: Node) -> bool:
    try:
        node.api.create_service(SERVICE)
    except ApiError as refusal:
        if refusal.status != 400:  # it is there already: an earlier try was done, and its answer lost
            raise
    checks = {"serviceName": SERVICE, "clusterName": "DEFAULT", "healthChecker": UNCHECKED}
    node.api.call("PUT", "/nacos/v1/ns/cluster", checks)
    return True


class Registers:
    """A client of the nodes; when its node cannot be reached it asks the next.

    Args:
        nodes: whom it may ask.
        number: of the client; clients are dealt to nodes in turn.

    """

    def __init__(self, nodes: Sequence[Node], number: int) -> None:
        self._nodes = nodes
        self._number = number
        self._api = self._connect()

    @property
    def asks(self) -> str:
        """The node that is asked next."""
        return self._node.name

    def do(self, call: Call) -> str | None:
        """Read, write or delete one key; a 500 is a defect, and raised as it is."""
        try:
            return self._do(call)
        except ApiError as error:
            if error.status == 500:
                raise
            raise _outcome(call, error, is_definite=error.is_definite) from None
        except Unreachable as error:
            self._ask_the_next()
            raise _outcome(call, error, is_definite=error.is_definite) from None

    def close(self) -> None:
        """Close its connection."""
        self._api.close()

    def _do(self, call: Call) -> str | None:
        instance = Instance("127.0.0.1", int(call.key[1:]))
        match call.f:
            case "read":
                return self._read(instance)
            case "write":
                valued = Instance(instance.ip, instance.port, metadata=(("value", call.value),))
                self._api.register(SERVICE, valued, ephemeral=False)
            case _:
                self._api.deregister(SERVICE, instance, ephemeral=False)
        return None

    def _read(self, instance: Instance) -> str | None:
        try:
            found = self._api.instance(SERVICE, instance)
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return dict(found.metadata)["value"]

    @property
    def _node(self) -> Node:
        return self._nodes[self._number % len(self._nodes)]

    def _connect(self) -> NodeApi:
        return NodeApi(f"http://{self._node.plan.client_address}", TIMEOUT_REAL_S)

    def _ask_the_next(self) -> None:
        self._api.close()
        self._number += 1
        self._api = self._connect()


def _outcome(call: Call, error: Exception, *, is_definite: bool) -> Refused | Unsure:
    """A read that gave no answer changed nothing, however sure the node is."""
    kind = Refused if is_definite or call.f == "read" else Unsure
    return kind(str(error))
