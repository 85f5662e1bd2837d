"""A core that does what a test tells it."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nodecore.config import NodeConfig
from nodecore.core.events import Effect, Event
from nodecore.runtime.logs import NodeLog
from nodecore.runtime.loop import Core, Runtime

Script = Callable[[Event], list[Effect]]


class ScriptedCore:
    """Remembers every event with its time; its effects are the script's."""

    def __init__(self, script: Script = lambda _event: []) -> None:
        self.script = script
        self.events: list[tuple[Event, float]] = []
        self.deadline: float | None = None

    def handle(self, event: Event, now: float) -> list[Effect]:
        self.events.append((event, now))
        return self.script(event)

    def next_deadline(self) -> float | None:
        return self.deadline


def config(**changes: object) -> NodeConfig:
    """A lone node's configuration, changed as said."""
    values = {"name": "s1", "address": "127.0.0.1:8848", "members": ("127.0.0.1:8848",)} | changes
    return NodeConfig(**values)  # type: ignore[arg-type]


@contextmanager
def running(core: Core, node_config: NodeConfig | None = None) -> Iterator[Runtime]:
    """A started runtime around that core, stopped at the end."""
    runtime = Runtime(core, node_config or config(), NodeLog("s1", "debug", io.StringIO()))
    runtime.start()
    try:
        yield runtime
    finally:
        runtime.stop()


def log_text(runtime: Runtime) -> str:
    """What the runtime has logged so far."""
    stream = runtime.log._stream
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()
