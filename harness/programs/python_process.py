"""The process of a node that is the user's own Python: forked by the launcher, it finds the code and runs it.

Invariant: what goes wrong in the user's code is shown from the user's first line on; none of our own frames.
"""

import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.program import NodePlan
from harness.programs.code import Code, NotFound, load_function
from harness.programs.wsgi_server import serve

HARNESS = Path(__file__).parent.parent


def run_function(argv: Sequence[str]) -> object:
    """Call the function `argv[0]` names with the plan `argv[1]`; what it returns is the exit status."""
    return _guarded(argv[0], lambda function: function(NodePlan.from_json(argv[1])))


def run_wsgi(argv: Sequence[str]) -> object:
    """Serve the application that the factory `argv[0]` makes of the plan `argv[1]` until SIGTERM."""
    plan, name = NodePlan.from_json(argv[1]), Code.from_json(argv[0]).function

    def make_and_serve(factory: Callable[..., Any]) -> int:
        application = factory(plan)
        if not callable(application):
            raise NotFound(f"{name} returned {application!r}; right would be a WSGI application")
        return serve(application, plan.host, plan.port)

    return _guarded(argv[0], make_and_serve)


def _guarded(code_json: str, use: Callable[[Callable[..., Any]], object]) -> object:
    code = Code.from_json(code_json)
    try:
        return use(load_function(code))
    except NotFound as problem:
        _say(str(problem))
    except Exception as error:  # noqa: BLE001 - the user's code may raise anything: shown, and the node ends
        _show(error, code.function)
    return 1


def _show(error: BaseException, name: str) -> None:
    """Print the traceback without the frames that are ours or the import system's."""
    shown = traceback.TracebackException.from_exception(error)
    frames = [frame for frame in shown.stack if not _is_ours(frame.filename)]
    shown.stack = traceback.StackSummary.from_list(frames)
    _say("".join(shown.format()).rstrip())
    if isinstance(error, TypeError) and not frames:
        _say(f"{name} is called with one argument, the node's plan")


def _is_ours(filename: str) -> bool:
    return filename.startswith("<frozen importlib") or HARNESS in Path(filename).parents


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
