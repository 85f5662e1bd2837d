"""Placeholders in the words of a command, filled in from a node's plan."""

from collections.abc import Mapping
from string import Formatter

from harness.program import NodePlan, ProgramError

NAMES = (
    "name",
    "host",
    "port",
    "peer_port",
    "address",
    "data_dir",
    "links",
    "peers",
    "members",
    "config",
    "time_scale",
)


def names_in(word: str) -> list[str]:
    """Return the placeholders of a word as they are written, such as `links[s2].port`.

    Raises:
        ProgramError: a brace is alone.

    """
    try:
        return [name for _, name, _, _ in Formatter().parse(word) if name is not None]
    except ValueError as error:
        raise ProgramError(f"{word!r}: {error}; a brace that is meant as one is written twice") from None


def check_template(word: str) -> None:
    """Refuse a word with a placeholder that does not exist.

    Raises:
        ProgramError: names it, and those there are.

    """
    for name in names_in(word):
        if name.split("[")[0].split(".")[0] not in NAMES:
            there = " ".join(f"{{{known}}}" for known in NAMES)
            raise ProgramError(
                f"{word!r} has a placeholder {{{name}}} that does not exist; there are {there}"
            )


def fill(word: str, plan: NodePlan) -> str:
    """Return the word for this node.

    Raises:
        ProgramError: it names a link or a setting that this node has not.

    """
    try:
        return word.format_map(_values(plan))
    except (KeyError, AttributeError, IndexError, ValueError, TypeError):
        links = " ".join(f"{{links[{name}]}}" for name in plan.links) or "no links"
        settings = " ".join(f"{{config[{key}]}}" for key in plan.config) or "no config"
        raise ProgramError(
            f"{word!r} cannot be filled in for {plan.name}: it has {links}; {settings}"
        ) from None


def _values(plan: NodePlan) -> Mapping[str, object]:
    return {
        "name": plan.name,
        "host": plan.host,
        "port": plan.port,
        "peer_port": plan.peer_port,
        "address": plan.client_address,
        "data_dir": plan.data_dir,
        "links": plan.links,
        "peers": ",".join(plan.links.values()),
        "members": ",".join(plan.members),
        "config": plan.config,
        "time_scale": plan.time_scale,
    }
