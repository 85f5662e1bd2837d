"""programs: what can run as the nodes of a cluster; what a user imports to describe a system of their own.

`ForeignProgram` says how a system under test is started (`Wsgi`, `Function`, `Command`), when it is ready
(`TcpOpen`, `HttpOk`, `LogLine`, a predicate) and what it tells; `Nodecore` is the built-in one.
"""

from harness.http_client import ApiError, HttpClient, Unreachable
from harness.program import CannotDo, Capability, NodePlan, Program, ProgramError
from harness.programs.foreign import ForeignProgram
from harness.programs.forms import Command, Function, Wsgi
from harness.programs.named import program_named
from harness.programs.nodecore import Nodecore
from harness.programs.ready import HttpOk, LogLine, TcpOpen

__all__ = [
    "ApiError",
    "CannotDo",
    "Capability",
    "Command",
    "ForeignProgram",
    "Function",
    "HttpClient",
    "HttpOk",
    "LogLine",
    "NodePlan",
    "Nodecore",
    "Program",
    "ProgramError",
    "TcpOpen",
    "Unreachable",
    "Wsgi",
    "program_named",
]
