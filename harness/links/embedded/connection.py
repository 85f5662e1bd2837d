"""One proxied connection: a client, the upstream that is dialled for it, and the link of either direction.

Invariant: it ends when both links have ended or when it is aborted, and then both sockets are closed.
"""

import errno
import socket
from collections.abc import Callable, Sequence

from harness.links.embedded.addresses import Address
from harness.links.embedded.endpoint import Endpoint
from harness.links.embedded.link import Link, Stage
from harness.links.embedded.loop import WRITE, Loop

UPSTREAM, DOWNSTREAM = "upstream", "downstream"

Stages = Callable[[str, int], Sequence[Stage]]
"""Returns the toxics at work on a direction of a new connection of a number."""


class Connection:
    """Dials, then carries bytes both ways.

    Args:
        loop: of all sockets and timers.
        client: the socket that was accepted.
        number: how manieth of its proxy it is.
        stages: asked once the upstream has answered.
        on_ended: called once, when nothing of it is left.

    """

    def __init__(
        self,
        loop: Loop,
        client: socket.socket,
        number: int,
        stages: Stages,
        on_ended: Callable[["Connection"], None],
    ) -> None:
        self.number = number
        self._loop = loop
        self._client = Endpoint(loop, client)
        self._upstream: Endpoint | None = None
        self._stages = stages
        self._on_ended = on_ended
        self.links: dict[str, Link] = {}

    def dial(self, addresses: Sequence[Address]) -> None:
        """Connect to the first address that answers; a client whose upstream does not answer is closed."""
        if not addresses:
            self.abort()
            self._on_ended(self)
            return
        address, *others = addresses
        try:
            self._upstream = upstream = Endpoint(
                self._loop, socket.socket(address.family, socket.SOCK_STREAM)
            )
        except OSError:
            self.dial(())
            return
        started = upstream.socket.connect_ex((address.host, address.port))
        if started not in (0, errno.EINPROGRESS):
            upstream.close()
            self.dial(others)
            return
        upstream.on_writable = lambda: self._dialled(upstream, others)
        upstream.want(WRITE, wanted=True)

    def abort(self) -> None:
        """Close both sockets at once, whatever is on its way."""
        for link in self.links.values():
            link.abort()
        self.links.clear()
        self._client.close()
        if self._upstream is not None:
            self._upstream.close()

    def _dialled(self, upstream: Endpoint, others: Sequence[Address]) -> None:
        upstream.want(WRITE, wanted=False)
        if upstream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            upstream.close()
            self.dial(others)
            return
        for endpoint in (self._client, upstream):
            endpoint.tune()
        for direction, source, target in (
            (UPSTREAM, self._client, upstream),
            (DOWNSTREAM, upstream, self._client),
        ):
            stages = self._stages(direction, self.number)
            if any(stage.told.type == "reset_peer" for stage in stages):
                self._client.reset_on_close()
                upstream.reset_on_close()
            self.links[direction] = Link(self._loop, source, target, stages, self._link_finished)
        for link in tuple(self.links.values()):
            link.start()

    def _link_finished(self, finished: Link) -> None:
        self.links = {direction: link for direction, link in self.links.items() if link is not finished}
        if not self.links:
            self._on_ended(self)
