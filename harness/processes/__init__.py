"""processes: one launcher per pytest worker owns every process of its clusters, and outlives nobody.

`handle` is what the pytest process sees, `launcher` the program on the other side, `protocol` what they say
to each other, `family` and `child` the processes as the launcher sees them, `kernel` what only Linux has.
"""

from harness.processes.handle import Launcher, Process
from harness.processes.kernel import arm_parent_death
from harness.processes.logs import Log, Mark
from harness.processes.protocol import (
    Exit,
    Launch,
    LauncherDied,
    LaunchRefused,
    ProcessDied,
    ProcessesSurvived,
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
    "arm_parent_death",
]
