"""The user's own Python code, named so that a process forked elsewhere finds it again.

Invariant: a module is imported by its name where that name leads to the same file, and from its file
otherwise: a test module that pytest imported under a name of its own is found too.
"""

import importlib.util
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from harness.program import ProgramError

RIGHT = 'right would be a function of a module, "package.module:function" or "path/to/file.py:function"'


class NotFound(Exception):
    """The code is not where its name says; the message is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A function: by module, by file, or both; `sys_path` is what else to search for modules."""

    module: str
    function: str
    file: str | None = None
    sys_path: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The code's name as an argument of a process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Code":
        """Read back what `to_json` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "sys_path": tuple(fields["sys_path"])})


def code_of(target: Callable[..., Any] | str) -> Code:
    """Return how another process finds this function.

    Args:
        target: a function of a module, or "package.module:function", or "path/to/file.py:function".

    Raises:
        ProgramError: it cannot be found from its name: a lambda, a method, a function within a function.

    """
    if isinstance(target, str):
        return _code_named(target)
    name, module = getattr(target, "__qualname__", ""), getattr(target, "__module__", "")
    if not name.isidentifier() or module not in sys.modules:
        raise ProgramError(
            f"{target!r} cannot be found by another process, and each node is one of its own; {RIGHT}"
        )
    file = getattr(sys.modules[module], "__file__", None)
    return _code(module, name, str(Path(file).resolve()) if file else None)


def load(code: Code) -> Any:
    """Import what is named so; what its module raises is let through.

    Raises:
        NotFound: no such module, file or name.

    """
    sys.path.extend(entry for entry in code.sys_path if entry not in sys.path)
    module = _module(code)
    if not hasattr(module, code.function):
        own = [name for name, value in vars(module).items() if _is_made_in(module, name, value)]
        there = ", ".join(own) or "nothing of its own"
        raise NotFound(f"there is no {code.function} in {code.file or code.module}; there is {there}")
    return getattr(module, code.function)


def load_function(code: Code) -> Callable[..., Any]:
    """Import the function; what its module raises is let through.

    Raises:
        NotFound: no such module, file or name, or what is there cannot be called.

    """
    found = load(code)
    if not callable(found):
        raise NotFound(f"{code.function} is {found!r}; right would be a function")
    return found  # type: ignore[no-any-return]


def _code_named(name: str) -> Code:
    module, _, function = name.rpartition(":")
    if not module or not function.isidentifier():
        raise ProgramError(f"{name!r} names no function; {RIGHT}")
    if not module.endswith(".py"):
        if all(part.isidentifier() for part in module.split(".")):
            return _code(module, function, None)
        raise ProgramError(f"{name!r} names no module; {RIGHT}")
    file = Path(module).resolve()
    if not file.is_file():
        raise ProgramError(f"{name!r}: there is no file {file}")
    return _code(file.stem, function, str(file))


def _code(module: str, function: str, file: str | None) -> Code:
    return Code(module=module, function=function, file=file, sys_path=tuple(sys.path))


def _module(code: Code) -> ModuleType:
    by_name = _find(code.module)
    if code.file is None:
        if by_name is None:
            raise NotFound(f"there is no module {code.module!r} on {_short(code.sys_path)}")
        return importlib.import_module(code.module)
    if by_name is not None and by_name.origin == code.file:
        return importlib.import_module(code.module)
    return _module_of_file(code.module, code.file)


def _find(module: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):  # a parent that is none; a module run as a program
        return None


def _module_of_file(name: str, file: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not Path(file).is_file():
        raise NotFound(f"{file} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _is_made_in(module: ModuleType, name: str, value: object) -> bool:
    if isinstance(value, type | FunctionType):
        return value.__module__ == module.__name__
    return not name.startswith("_") and not isinstance(value, ModuleType)


def _short(entries: Sequence[str]) -> str:
    return f"sys.path ({', '.join(filter(None, entries[:3]))}, ...)"
