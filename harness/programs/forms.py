"""The three forms of a foreign program: a WSGI factory, a Python function, a command.

Each says how one node is started, and what of the plan it hands over. Invariant: a mistake in the
description is a ProgramError before any process is started.
"""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.program import PROBE_PATH, NodePlan, ProgramError, Start
from harness.programs.code import Code, code_of
from harness.programs.template import check_template, fill, names_in

ENTRY = "harness.programs.python_process"


@dataclass(frozen=True, slots=True)
class Wsgi:
    """A WSGI application, served by waitress with 8 threads on one port, for clients and peers alike.

    Args:
        factory: called in the node's process with its `NodePlan`; returns the application. A function of
            a module, or its name: "package.module:function", "path/to/file.py:function".

    Raises:
        ProgramError: another process could not find the factory.

    """

    factory: Callable[[NodePlan], Any] | str
    code: Code = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "code", code_of(self.factory))

    @property
    def name(self) -> str:
        """Name for messages."""
        return self.code.function

    @property
    def has_peer_port(self) -> bool:
        """One port for all."""
        return False

    @property
    def dials_links(self) -> bool:
        """The plan has the links in it."""
        return True

    @property
    def probe_path(self) -> str | None:
        """Its server answers probes; the application does not see them."""
        return PROBE_PATH

    def start(self, plan: NodePlan) -> Start:
        """Fork a process that serves it."""
        return Start(entry=f"{ENTRY}:run_wsgi", argv=(self.code.to_json(), plan.to_json()))


@dataclass(frozen=True, slots=True)
class Function:
    """A Python function that is the node: it is called in a process of its own and serves until that ends.

    Args:
        function: called with its `NodePlan`; what it returns is the exit status. A function of a module,
            or its name: "package.module:function", "path/to/file.py:function".
        peer_port: whether it serves other nodes on `plan.peer_port` instead of `plan.port`.

    Raises:
        ProgramError: another process could not find the function.

    """

    function: Callable[[NodePlan], int | None] | str
    peer_port: bool = False
    code: Code = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "code", code_of(self.function))

    @property
    def name(self) -> str:
        """Name for messages."""
        return self.code.function

    @property
    def has_peer_port(self) -> bool:
        """As the user says."""
        return self.peer_port

    @property
    def dials_links(self) -> bool:
        """The plan has the links in it."""
        return True

    @property
    def probe_path(self) -> str | None:
        """Nobody answers probes for it."""
        return None

    def start(self, plan: NodePlan) -> Start:
        """Fork a process that calls it."""
        return Start(entry=f"{ENTRY}:run_function", argv=(self.code.to_json(), plan.to_json()))


@dataclass(frozen=True, slots=True)
class Command:
    """Any executable; it must stay in the foreground. It starts in its `data_dir`.

    Words of `argv` and values of `env` may have placeholders: `{name}`, `{host}`, `{port}`, `{address}`
    (host:port), `{data_dir}`, `{members}` (all addresses, with commas), `{links[s2]}` (where to dial s2;
    also `{links[s2].host}`, `{links[s2].port}`), `{peers}` (all links, with commas), `{config[KEY]}`,
    `{time_scale}`. One that names `{peer_port}` has two ports, and links lead to that one; otherwise they
    lead to `{port}`. A brace itself is written twice.

    Args:
        argv: the command, word by word.
        argv_of: for nodes that are started otherwise: name -> their command.
        env: laid over the environment of pytest.

    Raises:
        ProgramError: an unknown placeholder, no word at all, or one string instead of words.

    """

    argv: Sequence[str]
    argv_of: Mapping[str, Sequence[str]] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for argv in (self.argv, *self.argv_of.values()):
            _check_argv(argv)
        for word in self._words:
            check_template(word)

    @property
    def name(self) -> str:
        """Name for messages."""
        return Path(self.argv[0]).name

    @property
    def has_peer_port(self) -> bool:
        """Whether it is told of one."""
        return "peer_port" in self._names

    @property
    def dials_links(self) -> bool:
        """Whether it is told of any link."""
        return bool({"links", "peers"} & self._names)

    @property
    def probe_path(self) -> str | None:
        """Nobody answers probes for it."""
        return None

    def start(self, plan: NodePlan) -> Start:
        """Fill in the placeholders."""
        self._check_config(plan)
        argv = [fill(word, plan) for word in self.argv_of.get(plan.name, self.argv)]
        return Start(
            argv=(_executable(argv[0]), *argv[1:]),
            env=tuple((name, fill(value, plan)) for name, value in self.env.items()),
            cwd=plan.data_dir,
        )

    @property
    def _words(self) -> list[str]:
        words = [word for argv in (self.argv, *self.argv_of.values()) for word in argv]
        return [*words, *self.env.values()]

    @property
    def _names(self) -> set[str]:
        return {name.split("[")[0].split(".")[0] for word in self._words for name in names_in(word)}

    def _check_config(self, plan: NodePlan) -> None:
        named = {name for word in self._words for name in names_in(word)}
        unused = [key for key in plan.config if f"config[{key}]" not in named]
        if unused:
            raise ProgramError(
                f"config {unused[0]!r} would change nothing: write {{config[{unused[0]}]}} where "
                f"{self.name} takes it"
            )


def _check_argv(argv: Sequence[object]) -> None:
    if isinstance(argv, str):
        raise ProgramError(f"argv={argv!r} is one string; right would be its words: {argv.split()!r}")
    if not argv:
        raise ProgramError("argv is empty; right would be the command and its arguments")
    wrong = [word for word in argv if not isinstance(word, str)]
    if wrong:
        raise ProgramError(f"argv has {wrong[0]!r} in it, which is no text")


def _executable(name: str) -> str:
    """Return its path, sought where pytest runs, for the node starts in a folder of its own."""
    found = shutil.which(name)
    if found is None:
        where = "PATH" if os.sep not in name else Path.cwd()
        raise ProgramError(f"there is no executable {name!r} on {where}")
    return str(Path(found).absolute())
