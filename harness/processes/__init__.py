"""processes: one launcher per pytest worker owns every process of its clusters, and outlives nobody.

`handle`, `process` and `logs` are what the pytest process sees, `launcher` is the program on the other side,
`protocol` what they say to each other, `family` and `child` are the processes as the launcher sees them,
`kernel` is what only Linux has.
"""

from harness.processes.handle import Launcher
from harness.processes.kernel import arm_parent_death
from harness.processes.logs import Log, Mark
from harness.processes.process import Process
from harness.processes.protocol import (
    Exit,
    Launch,
    LauncherDied,
    LaunchRefused,
    ProcessDied,
    ProcessesSurvived,
    SharedFolder,
)

__all__ = [
    "Exit",
    "Launch",
    "LaunchRefused",
    "Launcher",
    "LauncherDied",
    "Log",
    "Mark",
    "Process",
    "ProcessDied",
    "ProcessesSurvived",
    "SharedFolder",
    "arm_parent_death",
]
