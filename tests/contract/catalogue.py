"""Every check of the contract, and what one comes to on a server.

A check is a public function of one parameter, `server`, that raises AssertionError where the server breaks
the contract. Invariant: a check of `answers` holds on every server; one of `acts` is about what a toxic or a
disabled proxy does to bytes, and must fail on a server that does nothing to them.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType

from tests.contract.acts import black_holes, chances, closing, disabling, holding, rates, slicing
from tests.contract.answers import decoding, passing, populating, protocol, proxies, toxics
from tests.contract.server import Server

ANSWERS: Sequence[ModuleType] = (proxies, toxics, populating, decoding, protocol, passing)
ACTS: Sequence[ModuleType] = (disabling, black_holes, holding, rates, closing, slicing, chances)

DEAF = "deaf"
DEAF_TRIES = 3
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


def must_fail(check: Check, server: Server) -> bool:
    """Tell whether the check would be worthless if this server passed it."""
    return check.acts and server.name == DEAF


def verify(check: Check, server: Server) -> None:
    """Run a check and leave nothing of it behind.

    Raises:
        AssertionError: the server breaks the contract; or is deaf, and passes a check that it must fail.

    """
    if not must_fail(check, server):
        _run(check, server)
        return
    for _ in range(DEAF_TRIES):
        try:
            _run(check, server)
        except AssertionError:
            return
    raise AssertionError(
        f"{check} passes where no toxic and no disabled proxy does anything: it checks nothing"
    )


def _run(check: Check, server: Server) -> None:
    try:
        check.run(server)
    finally:
        server.tidy()


def _of(modules: Sequence[ModuleType], *, acts: bool) -> Iterator[Check]:
    for module in modules:
        topic = module.__name__.rsplit(".", 1)[1]
        for name, function in vars(module).items():
            if inspect.isfunction(function) and list(inspect.signature(function).parameters) == ["server"]:
                yield Check(topic=topic, name=name, acts=acts, run=function)
