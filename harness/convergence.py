"""Whether all nodes agree, and if not: which key, on which node, since when.

Pure: views in, a verdict out. What "agree" means for one node is its Program's `View`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.excerpt import excerpt_of_lines
from harness.program import View

Views = Mapping[str, View | str]
"""Node name -> its view, or the reason why there is none."""


def disagreements(views: Views, members: Mapping[str, str]) -> list[str]:
    """Return one line for everything that keeps the nodes from being converged; empty when they are.

    Converged: every node answers, is ready, sees every member healthy (if it says so at all), has nothing
    left to send, and all digests are equal.

    Args:
        views: view or reason of every node that is meant to run.
        members: node name -> advertised address of those nodes.

    """
    unheard = [f"{name}: {view}" for name, view in views.items() if isinstance(view, str)]
    heard = {name: view for name, view in views.items() if isinstance(view, View)}
    lines = unheard + [f"{name}: not loaded" for name, view in heard.items() if not view.ready]
    lines += _unseen_members(heard, members)
    lines += [
        f"{name}: {view.pending} changes wait to be sent" for name, view in heard.items() if view.pending
    ]
    if len({view.digest for view in heard.values()}) > 1:
        lines += _differing_keys(heard) or ["digests differ though all keys look the same"]
    return lines


def _unseen_members(views: Mapping[str, View], members: Mapping[str, str]) -> list[str]:
    missing = {
        name: [other for other, address in members.items() if address not in view.sees]
        for name, view in views.items()
        if view.sees is not None
    }
    return [
        f"{name}: does not hold {', '.join(others)} for healthy" for name, others in missing.items() if others
    ]


def _differing_keys(views: Mapping[str, View]) -> list[str]:
    keys = sorted({key for view in views.values() for key in view.data})
    lines = []
    for key in keys:
        seen = {name: _entries(view, key) for name, view in views.items()}
        if len(set(seen.values())) > 1:
            lines.append(f"{key}: " + "; ".join(f"{name} has {entries}" for name, entries in seen.items()))
    return lines


def _entries(view: View, key: str) -> str:
    if key not in view.data:
        return "no such key"
    return ", ".join(view.data[key]) or "an empty list"


@dataclass(slots=True)
class Since:
    """Remembers since when each disagreement has been seen, to say so when time runs out."""

    first_seen: dict[str, float] = field(default_factory=dict)

    def update(self, lines: list[str], now_s: float) -> list[str]:
        """Forget what is settled, remember what is new; return the lines that are left.

        Args:
            lines: current disagreements.
            now_s: monotonic time in any unit; the same in every call.

        """
        self.first_seen = {line: self.first_seen.get(line, now_s) for line in lines}
        return lines

    def describe(self, now_s: float) -> str:
        """Return every disagreement with its age, one a line."""
        aged = sorted(self.first_seen.items(), key=lambda entry: entry[1])
        lines = excerpt_of_lines(f"{line} (for {now_s - since:.1f} document seconds)" for line, since in aged)
        return "\n".join(f"  {line}" for line in lines)
