"""`cutheal toxiproxy install|which`: a Toxiproxy server into the user's cache folder, checked.

Invariant: a file at its final name is whole and checked, for it is written under another name in the same
folder, checked, and renamed. Two installations at once need no lock: the later rename wins, with the same.
"""

import argparse
import hashlib
import ipaddress
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from harness.exit_codes import ExitCode
from harness.links.build import ENDING_SIGNALS, BuildFailed, Progress, build_with_go_wheel, build_with_path_go
from harness.links.locate import (
    INSTALL_COMMAND,
    SERVER_VARIABLE,
    VERSION,
    NoLinkServer,
    cached_server,
    custom_server,
    locate,
)

VERSION_LEAST = (2, 12)
VERSION_LINE = re.compile(r"toxiproxy-server version (\S+)")
VERSION_REAL_S = 10.0
DOWNLOAD_REAL_S = 30.0
"""For one read, not for the whole."""

CHUNK_BYTES = 1 << 20


class InstallFailed(Exception):
    """No server could be installed; the message says what was tried, and what can be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A server that can be run: where, which version it says it is, and why it was looked for there."""

    path: Path
    version: str
    origin: str


def install(progress: Progress) -> Path:
    """Build the pinned server into the user's cache folder, unless it is there; return its path.

    Args:
        progress: told, in a line, of each step that takes time.

    Raises:
        InstallFailed: no way worked.

    """
    target = cached_server()
    if target.exists() and _says(target) == VERSION:
        return target
    problems = []
    for build in (build_with_path_go, build_with_go_wheel):
        with tempfile.TemporaryDirectory(prefix="cutheal-toxiproxy-") as folder:
            try:
                built = build(Path(folder), progress)
                with built.open("rb") as source, _under_other_name(target) as (other, sink):
                    shutil.copyfileobj(source, sink)
                    sink.close()
                    _check_version(other, VERSION)
            except (BuildFailed, InstallFailed) as problem:
                progress(f"{problem}")
                problems.append(str(problem))
            else:
                return target
    raise InstallFailed(
        "Toxiproxy could not be installed. Tried:\n"
        + "\n".join(f"- {problem}" for problem in problems)
        + f"\nInstall Go 1.23 or newer and try again; or take a server from elsewhere: "
        f"`{INSTALL_COMMAND} --from FILE|URL --sha256 HEX`, or set ${SERVER_VARIABLE} to its path."
    )


def install_from(source: str, sha256: str) -> Path:
    """Copy a server from a file or a URL into the user's cache folder; return its path.

    It goes before the pinned one from now on.

    Args:
        source: path, or http, https or file URL, of the program itself, not of an archive.
        sha256: what it must hash to, in hex.

    Raises:
        InstallFailed: it cannot be had, its hash differs, or it is no Toxiproxy 2.12 or newer.

    """
    wanted = sha256.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", wanted):
        raise InstallFailed(f"--sha256 {sha256!r} is no SHA-256; right would be 64 hex digits")
    target = custom_server()
    with _under_other_name(target) as (other, sink):
        seen = _fetch(source, sink)
        sink.close()
        if seen != wanted:
            raise InstallFailed(f"{source} has SHA-256 {seen}, not {wanted}: not installed")
        _check_version(other, None)
    return target


def which() -> Found | None:
    """Return the server that the harness would use, if there is one.

    Raises:
        NoLinkServer: $TOXIPROXY_SERVER is set and names no program, or what is found is no server.

    """
    place = locate()
    if place is None:
        return None
    version = _says(place.path)
    if version is None:
        raise NoLinkServer(
            f"{place.path} ({place.origin}) is no Toxiproxy server: it does not tell its version"
        )
    return Found(path=place.path, version=version, origin=place.origin)


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `toxiproxy install` and `toxiproxy which` to the command's words."""
    parser = commands.add_parser("toxiproxy", help="install the real Toxiproxy, or tell where it is")
    parser.set_defaults(run=run)
    words = parser.add_subparsers(dest="toxiproxy_command", required=True, metavar="install|which")
    installer = words.add_parser(
        "install",
        help=f"install Toxiproxy {VERSION}",
        description=f"Build Toxiproxy {VERSION} with Go (of PATH or PyPI) into the user's cache folder.",
        epilog="Exit codes: 0 installed, or there already; 3 no way to get it.",
    )
    installer.add_argument("--from", dest="source", metavar="FILE|URL", help="take this server instead")
    installer.add_argument("--sha256", metavar="HEX", help="what --from must hash to")
    finder = words.add_parser(
        "which",
        help="say which Toxiproxy would be used",
        description=f"Look in ${SERVER_VARIABLE}, on PATH and in the user's cache folder.",
        epilog="Exit codes: 0 found; 3 there is none.",
    )
    for command in (installer, finder):
        command.add_argument("--json", action="store_true", help="print one JSON document on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Run `cutheal toxiproxy ...` and return its exit code."""
    if _is_half_told(arguments):
        problem = "--from and --sha256 go together: a server from elsewhere is checked by its hash"
        return _fail(problem, as_json=arguments.json, code=ExitCode.MISTAKE)
    try:
        if arguments.toxiproxy_command == "install":
            with _cleaning_up_when_ended():
                _install_as_told(arguments)
        found = which()
    except (InstallFailed, NoLinkServer) as problem:
        return _fail(str(problem), as_json=arguments.json)
    if found is None:
        return _fail(f"no Toxiproxy on this machine; `{INSTALL_COMMAND}` installs it", as_json=arguments.json)
    if arguments.json:
        sys.stdout.write(json.dumps(asdict(found) | {"path": str(found.path)}) + "\n")
    else:
        sys.stdout.write(f"{found.path} (Toxiproxy {found.version}, {found.origin})\n")
    return ExitCode.DONE


def _is_half_told(arguments: argparse.Namespace) -> bool:
    if arguments.toxiproxy_command != "install":
        return False
    return (arguments.source is None) != (arguments.sha256 is None)


def _install_as_told(arguments: argparse.Namespace) -> None:
    if arguments.source is not None:
        path = install_from(arguments.source, arguments.sha256)
    else:
        path = install(_say)
    place = locate()
    if place is not None and place.path != path:
        _say(f"installed {path}, but {place.path} ({place.origin}) goes before it")


@contextmanager
def _cleaning_up_when_ended() -> Iterator[None]:
    """Let SIGTERM and Ctrl-C unwind the stack without a traceback, so that temporary folders go."""

    def unwind(number: int, _: object) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, unwind) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fail(problem: str, *, as_json: bool, code: ExitCode = ExitCode.NO_LINK_SERVER) -> int:
    _say(problem)
    if as_json:
        sys.stdout.write(json.dumps({"path": None, "error": problem}) + "\n")
    return code


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


@contextmanager
def _under_other_name(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Give a new executable file in the target's folder, which takes the target's name if all goes well."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as problem:
        raise InstallFailed(f"{target.parent} cannot be written: {problem}") from problem
    other = Path(name)
    try:
        with os.fdopen(handle, "wb") as sink:
            other.chmod(0o755)
            yield other, sink
        other.replace(target)
    finally:
        other.unlink(missing_ok=True)


def _fetch(source: str, sink: BinaryIO) -> str:
    """Copy a file or URL into `sink`; return its SHA-256."""
    hasher = hashlib.sha256()
    try:
        with _open(source) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                hasher.update(chunk)
                sink.write(chunk)
    except (OSError, ValueError) as problem:
        raise InstallFailed(f"{source} cannot be read: {problem}") from problem
    return hasher.hexdigest()


def _open(source: str) -> BinaryIO:
    parts = urlsplit(source)
    if parts.scheme not in ("http", "https"):
        return Path(parts.path if parts.scheme == "file" else source).open("rb")
    # A proxy in the environment must not break loopback.
    direct = [urllib.request.ProxyHandler({})] if _is_loopback(parts.hostname or "") else []
    stream: BinaryIO = urllib.request.build_opener(*direct).open(source, timeout=DOWNLOAD_REAL_S)
    return stream


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_version(path: Path, wanted: str | None) -> None:
    version = _says(path)
    if version is None:
        raise InstallFailed("it is no Toxiproxy server for this machine: it does not tell its version")
    if wanted is not None and version != wanted:
        raise InstallFailed(f"it says it is Toxiproxy {version}, not {wanted}")
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers and numbers < VERSION_LEAST:
        raise InstallFailed(f"it is Toxiproxy {version}; right would be 2.12 or newer")


def _says(path: Path) -> str | None:
    """Return the version that a program says it is, if it is a Toxiproxy server."""
    try:
        told = subprocess.run(
            [path, "-version"], capture_output=True, text=True, timeout=VERSION_REAL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = VERSION_LINE.search(told.stdout)
    return match[1] if match else None
