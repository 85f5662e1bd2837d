"""Every check of the contract, and what one comes to on a server.

A check is a public function of one parameter, `server`, that raises AssertionError where the server breaks
the contract. Invariant: a check of `answers` holds on every server; one of `acts` is about what a toxic or a
disabled proxy does to bytes, and must fail on a server that does nothing to them.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from harness.links.api import LinkServerDied
from tests.contract.acts import (
    black_holes,
    chances,
    closing,
    disabling,
    foreign_cuts,
    holding,
    rates,
    slicing,
)
from tests.contract.answers import (
    crowds,
    decoding,
    foreign_client,
    passing,
    populating,
    protocol,
    proxies,
    toxics,
)
from tests.contract.server import Server

ANSWERS: Sequence[ModuleType] = (
    proxies,
    toxics,
    populating,
    decoding,
    protocol,
    passing,
    crowds,
    foreign_client,
)
ACTS: Sequence[ModuleType] = (disabling, black_holes, holding, rates, closing, slicing, chances, foreign_cuts)

DIFFERENT: Mapping[str, str] = {
    "toxics.what_would_crash_a_server_is_taken": "a 400, as from 2.13 on: it must not crash",
    "toxics.an_update_that_fails_may_be_half_done": "a refused update changes nothing",
}
"""What the embedded server does otherwise on purpose, and so must its deaf form, which answers as it does."""

DEAF = "deaf"
TRIES = 3
"""A machine that stalls can make deafness look like latency, but not three times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: where it stands, what it does, and whether it is about what happens to bytes."""

    topic: str
    name: str
    acts: bool
    run: Callable[[Server], None]

    def __str__(self) -> str:
        return f"{self.topic}.{self.name}"

    @property
    def says(self) -> str:
        """Its docstring."""
        return inspect.getdoc(self.run) or ""


def checks() -> list[Check]:
    """Return all checks, in the order of their modules."""
    return [check for modules, acts in ((ANSWERS, False), (ACTS, True)) for check in _of(modules, acts=acts)]


def why_it_must_fail(check: Check, server: Server) -> str:
    """Return why this server must not pass this check; nothing where it must."""
    if server.name == "real":
        return ""
    if check.acts and server.name == DEAF:
        return "no toxic and no disabled proxy does anything here"
    return DIFFERENT.get(str(check), "")


def verify(check: Check, server: Server) -> None:
    """Run a check and leave nothing of it behind.

    Raises:
        AssertionError: the server breaks the contract; or passes a check that it must fail.

    """
    why = why_it_must_fail(check, server)
    if not why:
        _run(check, server)
        return
    for _ in range(TRIES):
        try:
            _run(check, server)
        except AssertionError:
            return
    raise AssertionError(f"{check} passes on the {server.name} server, but must fail: {why}")


def _run(check: Check, server: Server) -> None:
    try:
        check.run(server)
    finally:
        _tidy(server)


def _tidy(server: Server) -> None:
    """Leave nothing of a check behind; a server that does not answer any more is ended, another follows."""
    try:
        server.tidy()
    except LinkServerDied:
        server.process.kill()
        server.process.wait()
        raise


def _of(modules: Sequence[ModuleType], *, acts: bool) -> Iterator[Check]:
    for module in modules:
        topic = module.__name__.rsplit(".", 1)[1]
        for name, function in vars(module).items():
            if _is_check(function, module):
                yield Check(topic=topic, name=name, acts=acts, run=function)


def _is_check(value: object, module: ModuleType) -> bool:
    return (
        inspect.isfunction(value)
        and value.__module__ == module.__name__
        and list(inspect.signature(value).parameters) == ["server"]
    )
