"""Protocol metadata (R5): leader, term and members of each group, readable and observable.

Invariant: an observer hears each value once, in the order of the changes, and never under our lock.
"""

import threading
from collections.abc import Callable, Mapping

LEADER = "leader"
TERM = "term"
MEMBERS = "raftGroupMember"
"""Nacos' name for the members of a group, also where no Raft is in play."""

Observer = Callable[[str, str, object], None]
"""Called with group, key and value."""


class ProtocolMetadata:
    """group -> key -> value."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, object]] = {}
        self._observers: dict[tuple[str, str], tuple[Observer, ...]] = {}
        self._lock = threading.Lock()
        self._telling = threading.RLock()

    def get(self, group: str, key: str) -> object:
        """Return the value, None when the protocol has none."""
        with self._lock:
            return self._values.get(group, {}).get(key)

    def groups(self) -> Mapping[str, Mapping[str, object]]:
        """Return a copy of everything."""
        with self._lock:
            return {group: dict(values) for group, values in self._values.items()}

    def set(self, group: str, key: str, value: object) -> None:
        """Change a value and tell its observers; the same value again tells nobody."""
        with self._telling:
            with self._lock:
                if self._values.get(group, {}).get(key) == value:
                    return
                self._values.setdefault(group, {})[key] = value
                audience = self._observers.get((group, key), ())
            for observer in audience:
                observer(group, key, value)

    def subscribe(self, group: str, key: str, observer: Observer) -> None:
        """Call `observer` with the present value, if there is one, and with each later one."""
        with self._telling:
            with self._lock:
                self._observers[(group, key)] = (*self._observers.get((group, key), ()), observer)
                value = self._values.get(group, {}).get(key)
            if value is not None:
                observer(group, key, value)

    def unsubscribe(self, group: str, key: str, observer: Observer) -> None:
        """Stop calling `observer`."""
        with self._lock:
            present = self._observers.get((group, key), ())
            self._observers[(group, key)] = tuple(known for known in present if known != observer)
