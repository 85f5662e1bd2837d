"""A linearizable store in memory, clients of it."""

import threading
from dataclasses import dataclass, field

from harness.history import Call, Json
from harness.workload import Refused, Unsure


@dataclass(slots=True)
class Store:
    """Keys and values under one lock."""

    values: dict[str, Json] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def do(self, call: Call) -> Json:
        """Do it at one moment; a cas that does not fit is refused."""
        with self.lock:
            match call.f:
                case "read":
                    return self.values.get(call.key)
                case "write":
                    self.values[call.key] = call.value
                case "delete":
                    self.values.pop(call.key, None)
                case _:
                    old, new = call.value
                    if self.values.get(call.key) != old:
                        raise Refused(f"{call.key} is not {old!r}")
                    self.values[call.key] = new
        return None


@dataclass(slots=True)
class StoreClient:
    """A client of a store; every so many operations it does not learn what became of one."""

    store: Store
    unsure_every: int = 0
    asks: str = "memory"
    count: int = 0

    def do(self, call: Call) -> Json:
        """Do it; the answer may be lost."""
        self.count += 1
        result = self.store.do(call)
        if self.unsure_every and self.count % self.unsure_every == 0:
            raise Unsure("the answer was lost")
        return result

    def close(self) -> None:
        """Nothing to close."""
