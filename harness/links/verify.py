"""Verification: is every link what the ledger says, by the link server's view and by probes.

Invariant: a link is judged by probes whenever its target can answer, else by the link server's own view,
and the matrix says which.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.links.effects import Effects, effect_of, effects_seen, is_idle
from harness.links.faults import Ledger
from harness.links.link import Link
from harness.links.matrix import FaultNotInForce, Judge, Matrix, Reading, cell_of, reading_of
from harness.links.probe import Intent
from harness.links.prober import Prober
from harness.links.wiring import View, Wiring

if TYPE_CHECKING:
    from harness.links.datagrams import Datagrams

PATIENCE_REAL_S = 5.0
"""How long an answer that should come is waited for: only a link that is wrong takes so long."""

IMPATIENCE_REAL_S = 1.0
"""The same where the link server's own view is wrong already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a verification found; `wrong` has one line for each link that is not as intended."""

    expected: Matrix
    seen: Matrix
    wrong: tuple[str, ...]
    view: View

    def error(self, when: str) -> FaultNotInForce:
        """Return the error that tells of it."""
        return FaultNotInForce(when, self.wrong, self.expected, self.seen)

    def raise_if_wrong(self, when: str) -> None:
        """Raise FaultNotInForce if a link is not as intended."""
        if self.wrong:
            raise self.error(when)


class Verifier:
    """Compares links with the ledger.

    Args:
        wiring: the proxies.
        ledger: what should be in force.
        prober: finds out what is.

    """

    def __init__(self, wiring: Wiring, ledger: Ledger, prober: Prober) -> None:
        self._wiring = wiring
        self._ledger = ledger
        self._prober = prober
        self.datagrams: Datagrams | None = None

    def look(self, touched: Collection[str], unprobed: Collection[str]) -> Finding:
        """Look at every link, at touched ones over a new connection too.

        Args:
            touched: names of links.
            unprobed: names of links whose targets cannot answer.

        Raises:
            TargetNotAnswering: a target answers no probe around its links.
            LinkServerDied: no answer.

        """
        view = self._wiring.view()
        intents = [
            Intent(link=link, effects=self._ledger.effects_on(link), full=link.name in touched)
            for link in self._links
            if link.name not in unprobed
        ]
        return self._with_datagrams(
            self._find(view, self._read(view, intents) | self._by_view(view, unprobed))
        )

    def look_at_cuts(self, unprobed: Collection[str]) -> Finding:
        """Look whether what is cut is cut still, and at all links by view; whole links are not probed."""
        view = self._wiring.view()
        intents = [
            Intent(link=link, effects=effects, full=False)
            for link in self._links
            if link.name not in unprobed and (effects := self._ledger.effects_on(link))
        ]
        return self._with_datagrams(
            self._find(view, self._read(view, intents) | self._by_view(view, unprobed))
        )

    def look_at_view(self) -> Finding:
        """Look at all links by the link server's own view alone."""
        view = self._wiring.view()
        return self._find(view, self._by_view(view, self._wiring.links))

    @property
    def _links(self) -> Collection[Link]:
        return self._wiring.links.values()

    def _read(self, view: View, intents: list[Intent]) -> dict[str, Reading]:
        as_viewed = not any(self._view_problem(intent.link, view) for intent in intents)
        return self._prober.read(intents, PATIENCE_REAL_S if as_viewed else IMPATIENCE_REAL_S)

    def _by_view(self, view: View, names: Collection[str]) -> dict[str, Reading]:
        return {
            name: reading_of(effects_seen(proxy), Judge.LINK_SERVER)
            for name in names
            if (proxy := view[name]) is not None
        }

    def _find(self, view: View, readings: Mapping[str, Reading]) -> Finding:
        found = {link: readings.get(link.name, Reading()) for link in self._links}
        wanted = {
            link: reading_of(self._ledger.effects_on(link), reading.judge) for link, reading in found.items()
        }
        problems = {
            link.name: [self._view_problem(link, view), found[link].differs_from(wanted[link])]
            for link in self._links
        }
        return Finding(
            expected=Matrix(tuple(cell_of(link, reading) for link, reading in wanted.items())),
            seen=Matrix(tuple(cell_of(link, reading) for link, reading in found.items())),
            wrong=tuple(
                f"{name}: {'; '.join(filter(None, lines))}" for name, lines in problems.items() if any(lines)
            ),
            view=view,
        )

    def _with_datagrams(self, finding: Finding) -> Finding:
        if self.datagrams is None:
            return finding
        carried = self.datagrams.look()
        return replace(
            finding,
            expected=Matrix((*finding.expected, *carried.expected)),
            seen=Matrix((*finding.seen, *carried.seen)),
            wrong=(*finding.wrong, *carried.wrong),
        )

    def _view_problem(self, link: Link, view: View) -> str:
        """Return in what the link server's view of a link is not as intended, or nothing."""
        proxy = view[link.name]
        if proxy is None:
            return "the link server has no such proxy"
        if (proxy.listen, proxy.upstream) != (link.listen, link.upstream):
            return f"leads from {proxy.listen} to {proxy.upstream}, not from {link.listen} to {link.upstream}"
        foreign = [
            f"{toxic.name} ({toxic.type} {toxic.stream})"
            for toxic in proxy.toxics
            if effect_of(toxic) is None and not is_idle(toxic)
        ]
        if foreign:
            return f"the link server has a toxic that is not ours: {', '.join(foreign)}"
        seen, wanted = effects_seen(proxy), self._ledger.effects_on(link)
        if seen != wanted:
            return f"the link server says {_words(seen)}, right would be {_words(wanted)}"
        return ""


def _words(effects: Effects) -> str:
    return " and ".join(sorted(map(str, effects))) or "whole"
