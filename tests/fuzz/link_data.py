"""The embedded link server's data path: any bytes, both ways, while toxics come and go in any order.

Not collected with the suite: `python -m tests.fuzz link_data` runs it with as many examples as are wanted.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from harness.links.link import socket_address
from harness.waiting import WaitTimeout, wait_for
from tests.contract.server import Server

ARRIVES_REAL_S = 30.0
STREAMS = ("upstream", "downstream")
DELAYING = {
    "latency": {"latency": st.integers(0, 20), "jitter": st.integers(0, 30)},
    "bandwidth": {"rate": st.integers(0, 50)},
    "slicer": {
        "average_size": st.integers(50, 500),
        "size_variation": st.integers(0, 50),
        "delay": st.integers(0, 500),
    },
    "slow_close": {"delay": st.integers(0, 20)},
    "noop": {},
}
"""Whatever these do, all arrives once they are gone."""

LOSING = {
    "timeout": {"timeout": st.integers(0, 20)},
    "limit_data": {"bytes": st.integers(0, 3000)},
    "reset_peer": {"timeout": st.integers(0, 20)},
}
"""After these the rest may be missing, and the connection gone."""


@st.composite
def toxics(draw: st.DrawFn) -> dict[str, object]:
    kinds = DELAYING | LOSING if draw(st.booleans()) else DELAYING
    type_ = draw(st.sampled_from(sorted(kinds)))
    return {
        "name": draw(st.sampled_from("abc")),
        "type": type_,
        "stream": draw(st.sampled_from(STREAMS)),
        "toxicity": draw(st.sampled_from([0.0, 0.5, 1.0, 1.0])),
        "attributes": {name: draw(value) for name, value in kinds[type_].items()},
    }


sends = st.tuples(st.sampled_from(STREAMS), st.binary(min_size=1, max_size=200).map(lambda piece: piece * 20))
steps = st.lists(sends | toxics() | st.sampled_from("abc"), max_size=20)


@dataclass
class Stream:
    """One direction: what was said, and what was heard of it."""

    sender: socket.socket
    hearer: socket.socket
    said: bytearray = field(default_factory=bytearray)
    heard: bytearray = field(default_factory=bytearray)

    def say(self, data: bytes) -> None:
        self.said += data
        self.sender.sendall(data)

    def hear(self) -> bool:
        """Hear what there is; whether all that was said has been heard, or an end."""
        with suppress(BlockingIOError):
            while piece := self.hearer.recv(65536):
                self.heard += piece
            return True
        return self.heard == self.said


@given(steps)
def test_bytes_arrive_as_they_were_sent(server: Server, steps: list[object]) -> None:
    """What is heard is a beginning of what was said, always; and all of it, where nothing may lose any."""
    listener = server.listener()
    try:
        check(server, server.proxy(upstream=listener.address), listener.accepts, steps)
    finally:
        server.tidy()


def check(server: Server, listen: str, accept: Callable[[], socket.socket], steps: list[object]) -> None:
    may_lose = any(isinstance(step, dict) and step["type"] in LOSING for step in steps)
    with socket.create_connection(socket_address(listen)) as client, accept() as upstream:
        streams = {"upstream": Stream(client, upstream), "downstream": Stream(upstream, client)}
        for step in steps:
            with suppress(*((OSError,) if may_lose else ())):  # who is cut off cannot say more
                take(server, streams, step)
        for name in "abc":
            server.ask("DELETE", f"/proxies/p/toxics/{name}")
        for end in (client, upstream):
            end.setblocking(False)
        for direction, stream in streams.items():
            listen_out(direction, stream, may_lose=may_lose)


def take(server: Server, streams: dict[str, Stream], step: object) -> None:
    """Say something, add a toxic, or remove one; one of that name may be there, or not."""
    if isinstance(step, tuple):
        streams[step[0]].say(step[1])
    elif isinstance(step, dict):
        assert server.ask("POST", "/proxies/p/toxics", step).status in (200, 409)
    else:
        assert server.ask("DELETE", f"/proxies/p/toxics/{step}").status in (204, 404)


def listen_out(direction: str, stream: Stream, *, may_lose: bool) -> None:
    """Hear all, or, where some may be lost, what has come; nothing else than what was said."""
    try:
        wait_for(
            f"all of {direction}",
            stream.hear,
            bool,
            ARRIVES_REAL_S if not may_lose else 0.05,
            describe=lambda _: f"{len(stream.heard)} of {len(stream.said)} bytes",
            tolerate=(ConnectionResetError,) if may_lose else (),
        )
    except WaitTimeout:
        if not may_lose:
            raise
    assert stream.said.startswith(bytes(stream.heard)), f"{direction}: other bytes than were said"
    assert may_lose or stream.heard == stream.said, f"{direction} ended early"
