"""Makes UDP ports for clients, and closes them."""

from collections.abc import Callable, Iterator

import pytest

from tests.compat.wire import Receiver

MakeReceiver = Callable[..., Receiver]


@pytest.fixture
def receiver() -> Iterator[MakeReceiver]:
    """Return a function that makes a Receiver."""
    made: list[Receiver] = []

    def make(ack: Callable[[int], str], read_max_bytes: int = 64 * 1024) -> Receiver:
        made.append(Receiver(ack, read_max_bytes))
        return made[-1]

    yield make
    for each in made:
        each.close()
