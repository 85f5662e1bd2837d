"""Where the real Toxiproxy's server is on this machine; nothing is started to find out."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

VERSION = "2.12.0"
"""The pinned version, which `cutheal toxiproxy install` builds."""

SERVER_NAME = "toxiproxy-server"
SERVER_VARIABLE = "TOXIPROXY_SERVER"
INSTALL_COMMAND = "cutheal toxiproxy install"


class NoLinkServer(Exception):
    """There is no link server on this machine; the message names the command that installs one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a server was found, and why it was looked for there."""

    path: Path
    origin: str


def cached_server() -> Path:
    """Return where `cutheal toxiproxy install` puts the pinned server."""
    return _cache_folder() / VERSION / SERVER_NAME


def custom_server() -> Path:
    """Return where `cutheal toxiproxy install --from` puts a server; it goes before the pinned one."""
    return _cache_folder() / "custom" / SERVER_NAME


def locate() -> Place | None:
    """Find the server: $TOXIPROXY_SERVER, then PATH, then the cache of `cutheal toxiproxy install`.

    Raises:
        NoLinkServer: $TOXIPROXY_SERVER is set and names no program.

    """
    named = os.environ.get(SERVER_VARIABLE)
    if named:
        path = Path(named).absolute()
        if not _is_program(path):
            raise NoLinkServer(
                f"${SERVER_VARIABLE} is {named!r}, which is no program; right would be its path"
            )
        return Place(path=path, origin=f"${SERVER_VARIABLE}")
    on_path = shutil.which(SERVER_NAME)
    if on_path:
        return Place(path=Path(on_path), origin="PATH")
    for path in (custom_server(), cached_server()):
        if _is_program(path):
            return Place(path=path, origin=f"installed by `{INSTALL_COMMAND}`")
    return None


def find_server() -> Path:
    """Return the path of the link server's program.

    Raises:
        NoLinkServer: there is none.

    """
    place = locate()
    if place is None:
        raise NoLinkServer(
            f"no link server: {SERVER_NAME} is not in ${SERVER_VARIABLE}, on PATH or in {_cache_folder()}; "
            f"`{INSTALL_COMMAND}` installs it"
        )
    return place.path


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cutheal" / "toxiproxy"
