"""A program by its name, as an option or a command line gives it."""

from harness.program import Program, ProgramError, is_program
from harness.programs.code import NotFound, code_of, load


def program_named(name: str) -> Program:
    """Import a program: "package.module:NAME" or "path/to/file.py:NAME".

    Raises:
        ProgramError: one line says what is not there, or what is there instead.

    """
    try:
        found = load(code_of(name))
    except NotFound as problem:
        raise ProgramError(str(problem)) from None
    except Exception as error:
        raise ProgramError(f"importing {name!r} raised {type(error).__name__}: {error}") from error
    if not is_program(found):
        raise ProgramError(f"{name!r} is {found!r}; right would be a ForeignProgram of harness.programs")
    return found
